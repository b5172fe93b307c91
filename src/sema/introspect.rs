//! What is known of a type: `sizeof`, `offsetof`, `typeinfo`.

use super::{Lower, Operand};
use crate::source::Span;
use crate::syntax::ast;

impl Lower<'_> {
    /// `sizeof(T)`
    pub(super) fn size_of(&mut self, of: &ast::TypeOrExpr, span: Span) -> Operand {
        let _ = (of, span);
        self.poison()
    }

    /// `typeinfo(T)`
    pub(super) fn type_info(&mut self, of: &ast::TypeOrExpr, span: Span) -> Operand {
        let _ = (of, span);
        self.poison()
    }

    /// `offsetof(T, a.b)`
    pub(super) fn offset_of(
        &mut self,
        of: &ast::TypeOrExpr,
        path: &[ast::Name],
        span: Span,
    ) -> Operand {
        let _ = (of, path, span);
        self.poison()
    }
}
