//! Statements.

use super::{Lower, Operand};
use crate::builtin;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::StmtKind;
use crate::source::Span;
use crate::syntax::ast::{self, Else, ExprKind};
use crate::types::TypeId;

/// The most repetitions of `unroll`.
const MOST_UNROLL: i128 = 100;
/// The most operations of a probe that `unroll` may make; some thirty times fewer than the kernel takes instructions.
const MOST_STATEMENTS: usize = 30_000;

impl Lower<'_> {
    /// Statements in a block of their own; the IR block is returned.
    pub(super) fn block(&mut self, block: &ast::Block) -> crate::ir::Block {
        self.enter();
        let before = std::mem::replace(&mut self.ended, false);
        self.statements(&block.stmts);
        if let Some(value) = &block.value {
            let kind = ast::StmtKind::Expr((**value).clone());
            self.statements(&[ast::Stmt { kind, span: value.span }]);
        }
        self.ended = before;
        self.leave()
    }

    /// Statements in the block that is open.
    pub(super) fn statements(&mut self, stmts: &[ast::Stmt]) {
        for stmt in stmts {
            if std::mem::replace(&mut self.ended, false) {
                self.complain(
                    Diagnostic::warning(Code::Unreachable, "this is never reached")
                        .label(stmt.span, "control leaves the block before it"),
                );
            }
            self.stmt(stmt);
        }
    }

    /// Each statement is an IR block of its own, so that its buffers are free again after it.
    fn stmt(&mut self, stmt: &ast::Stmt) {
        let before = self.b.at(stmt.span);
        self.b.begin();
        self.stmt_kind(stmt);
        let inner = self.b.end();
        self.b.stmt(StmtKind::Block(inner));
        self.b.at(before);
    }

    fn stmt_kind(&mut self, stmt: &ast::Stmt) {
        match &stmt.kind {
            ast::StmtKind::Expr(ast::Expr { kind: ExprKind::If(branch), .. }) => {
                self.branch(branch);
            }
            ast::StmtKind::Expr(ast::Expr { kind: ExprKind::Block(block), .. }) => {
                let block = self.block(block);
                self.b.stmt(StmtKind::Block(block));
            }
            ast::StmtKind::Expr(expr) => {
                let operand = self.expr(expr);
                self.warn_unused(expr, &operand);
            }
            ast::StmtKind::Assign { target, op, value } => {
                self.assign(target, *op, value, stmt.span)
            }
            ast::StmtKind::Unroll { count, body } => self.unroll(count, body),
            ast::StmtKind::Discard(expr) => {
                self.expr(expr);
            }
            ast::StmtKind::Let { name, ty, value } => {
                self.declare(name, ty.as_ref(), value.as_ref());
            }
            ast::StmtKind::While { condition, body } => {
                self.repeat_while(condition, body, stmt.span)
            }
            ast::StmtKind::For { name, over, body } => self.repeat_for(name, over, body, stmt.span),
            ast::StmtKind::Break => self.jump(StmtKind::Break, stmt.span),
            ast::StmtKind::Continue => self.jump(StmtKind::Continue, stmt.span),
            ast::StmtKind::Return(value) => self.give_back(value.as_ref(), stmt.span),
            ast::StmtKind::Import(_) => {}
        }
    }

    /// A value that a statement drops; steps and most calls are there for their effect.
    fn warn_unused(&mut self, expr: &ast::Expr, operand: &Operand) {
        let effect = match &expr.kind {
            ExprKind::Call { name, .. } => builtin::find(name).is_none_or(|found| found.acts),
            ExprKind::Step { .. } | ExprKind::Ternary { .. } => true,
            _ => false,
        };
        if !effect && operand.ty != TypeId::VOID && operand.ty != TypeId::UNKNOWN {
            self.complain(
                Diagnostic::warning(Code::Unused, "this value is not used")
                    .label(expr.span, "computed and dropped")
                    .help("print it, assign it, or remove it"),
            );
        }
    }

    fn branch(&mut self, branch: &ast::If) {
        match self.chosen(branch) {
            Some(Some(Else::Block(block))) => return self.block_in_place(&block),
            Some(Some(Else::If(inner))) => return self.branch(&inner),
            Some(None) => return,
            None => {}
        }
        let operand = self.expr(&branch.condition);
        let condition = self.condition(&operand, branch.condition.span);
        let then = self.block(&branch.then);
        let otherwise = match &branch.otherwise {
            None => crate::ir::Block::default(),
            Some(Else::Block(block)) => self.block(block),
            Some(Else::If(inner)) => {
                self.b.begin();
                self.branch(inner);
                self.b.end()
            }
        };
        self.b.stmt(StmtKind::If { condition, then, otherwise });
    }

    fn unroll(&mut self, count: &ast::Expr, body: &ast::Block) {
        let operand = self.expr(count);
        match operand.literal_int() {
            Some(times) if (1..=MOST_UNROLL).contains(&times) => {
                let loops = std::mem::replace(&mut self.loops, 0);
                for _ in 0..times {
                    if self.b.statements() > MOST_STATEMENTS {
                        self.complain_length(count.span);
                        break;
                    }
                    let block = self.block(body);
                    self.b.stmt(StmtKind::Block(block));
                }
                self.loops = loops;
            }
            _ if operand.ty == TypeId::UNKNOWN => {}
            Some(times) => self.complain_unroll(count.span, &times.to_string()),
            None => {
                let found = self.type_name(operand.ty);
                let known = match operand.literal {
                    Some(_) => format!("`{found}`"),
                    None => format!("a `{found}` that is only known at run time"),
                };
                self.complain_unroll(count.span, &known);
            }
        }
    }

    fn complain_length(&mut self, span: Span) {
        self.complain(
            Diagnostic::error(Code::TooLong, "this probe is too long for the kernel")
                .label(
                    span,
                    format!("repeated, the block makes more than {MOST_STATEMENTS} operations"),
                )
                .help("repeat less often, or do less in the block"),
        );
    }

    fn complain_unroll(&mut self, span: Span, found: &str) {
        self.complain(
            Diagnostic::error(
                Code::BadArgument,
                format!("`unroll` repeats 1 to {MOST_UNROLL} times, not {found}"),
            )
            .label(span, "a literal number is needed")
            .help("write it as `unroll (5) { … }`"),
        );
    }
}
