//! Loops, jumps, and blocks that have a value.

use super::{Lower, Operand};
use crate::ir::StmtKind;
use crate::source::Span;
use crate::syntax::ast;

impl Lower<'_> {
    /// `if (a) { 1 } else { 2 }` where a value is needed.
    pub(super) fn if_value(&mut self, branch: &ast::If, span: Span) -> Operand {
        let _ = (branch, span);
        self.poison()
    }

    /// `{ …; e }` where a value is needed.
    pub(super) fn block_value(&mut self, block: &ast::Block, span: Span) -> Operand {
        let _ = (block, span);
        self.poison()
    }

    /// `while (condition) { … }`
    pub(super) fn repeat_while(&mut self, condition: &ast::Expr, body: &ast::Block) {
        let _ = (condition, body);
    }

    /// `for ($x : …) { … }`
    pub(super) fn repeat_for(&mut self, name: &ast::Name, over: &ast::Iterable, body: &ast::Block) {
        let _ = (name, over, body);
    }

    /// `break`, `continue`
    pub(super) fn jump(&mut self, jump: StmtKind, span: Span) {
        let _ = (jump, span);
    }

    /// `return`, `return value`
    pub(super) fn give_back(&mut self, value: Option<&ast::Expr>, span: Span) {
        let _ = (value, span);
    }

    /// `comptime e`
    pub(super) fn comptime(&mut self, inner: &ast::Expr, span: Span) -> Operand {
        let _ = (inner, span);
        self.poison()
    }
}
