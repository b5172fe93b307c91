//! Declarations of variables.

use super::Lower;
use crate::source::Span;
use crate::syntax::ast;

impl Lower<'_> {
    /// `let $x : type = value`
    pub(super) fn declare(
        &mut self,
        name: &ast::Name,
        ty: Option<&ast::TypeExpr>,
        value: Option<&ast::Expr>,
        span: Span,
    ) {
        let _ = (name, ty, value, span);
    }
}
