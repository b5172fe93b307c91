//! Casts: `(uint8)$x`.

use super::{Lower, Operand};
use crate::source::Span;
use crate::syntax::ast;

impl Lower<'_> {
    /// `(type)operand`
    pub(super) fn cast(&mut self, ty: &ast::TypeExpr, operand: &ast::Expr, span: Span) -> Operand {
        let _ = (ty, operand, span);
        self.poison()
    }
}
