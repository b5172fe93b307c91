//! Written types.

use super::Lower;
use crate::syntax::ast;
use crate::types::TypeId;

impl Lower<'_> {
    /// The type that a script writes; complains of one that does not exist and yields [`TypeId::UNKNOWN`]. An array
    /// or string whose length is left open has the length 0.
    pub(super) fn resolve_type(&mut self, ty: &ast::TypeExpr) -> TypeId {
        let _ = ty;
        TypeId::UNKNOWN
    }

    /// The type that is written, or that of an expression, which is not evaluated.
    pub(super) fn type_of(&mut self, of: &ast::TypeOrExpr) -> TypeId {
        match of {
            ast::TypeOrExpr::Type(ty) => self.resolve_type(ty),
            ast::TypeOrExpr::Expr(expr) => {
                self.b.begin();
                let operand = self.expr(expr);
                self.b.end();
                operand.ty
            }
        }
    }
}
