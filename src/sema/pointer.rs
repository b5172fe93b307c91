//! Pointers: what stands at an address, and the fields of structs.

use super::{Lower, Operand};
use crate::ir::ExprId;
use crate::source::Span;
use crate::syntax::ast;
use crate::types::{Space, TypeId};

impl Lower<'_> {
    /// `*operand`
    pub(super) fn dereference(&mut self, operand: &ast::Expr, span: Span) -> Operand {
        let _ = (operand, span);
        self.poison()
    }

    /// `&$x`, `&@m`
    pub(super) fn address_of_place(&mut self, operand: &ast::Expr, span: Span) -> Operand {
        let _ = (operand, span);
        self.poison()
    }

    /// Reads a value of any type at an address.
    pub(super) fn read_at(&mut self, address: ExprId, ty: TypeId, space: Space) -> Operand {
        let _ = (address, ty, space);
        self.poison()
    }
}
