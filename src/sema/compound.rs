//! Tuples, records and arrays: making them, and taking them apart.

use super::{Lower, Operand, Placed};
use crate::source::Span;
use crate::syntax::ast;

impl Lower<'_> {
    /// `(1, "a")`
    pub(super) fn tuple(&mut self, elements: &[ast::Expr], span: Span) -> Operand {
        let _ = (elements, span);
        self.poison()
    }

    /// `(a = 1, b = "x")`
    pub(super) fn record(&mut self, fields: &[(ast::Name, ast::Expr)], span: Span) -> Operand {
        let _ = (fields, span);
        self.poison()
    }

    /// `base[index]` of strings, tuples and the like; arrays and pointers are in `subscript.rs`.
    pub(super) fn index_value(&mut self, base: Placed, index: &ast::Expr, span: Span) -> Operand {
        let _ = (base, index, span);
        self.poison()
    }

    /// `base.0`
    pub(super) fn element_at(&mut self, base: &ast::Expr, index: u64, index_span: Span) -> Operand {
        let _ = (base, index, index_span);
        self.poison()
    }
}
