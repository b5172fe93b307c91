//! Statements and blocks.

use pretty::RcDoc;

use super::{Doc, Format, INDENT, Lines};
use crate::syntax::ast::{Block, Else, Expr, ExprKind, If, Iterable, Stmt, StmtKind};
use crate::syntax::leftmost;
use crate::syntax::print::{begins_like_another_statement, escaped};

impl<'s> Format<'s> {
    /// A block whose parts are on lines of their own; `valued` if what stands last in it is its value.
    pub(super) fn block(&self, block: &Block, valued: bool) -> Doc<'s> {
        braced(self.lines_of(block, valued))
    }

    fn lines_of(&self, block: &Block, valued: bool) -> Lines<'s> {
        let mut lines = Lines::new();
        for stmt in &block.stmts {
            lines.push_comments(self, stmt.span.start);
            lines.push(self.text, (stmt.span.start, stmt.span.end), self.stmt(stmt));
        }
        if let Some(value) = &block.value {
            lines.push_comments(self, value.span.start);
            let doc = self.last(value, valued);
            lines.push(self.text, (value.span.start, value.span.end), doc);
        }
        lines.push_comments(self, block.span.end);
        lines
    }

    /// What stands last in a block without a semicolon; one is put behind it where it is no value.
    fn last(&self, value: &Expr, valued: bool) -> Doc<'s> {
        match &value.kind {
            ExprKind::If(branch) => self.branches(branch, valued),
            ExprKind::Block(block) => self.block(block, valued),
            _ if valued => self.block_value(value),
            _ => self.value_statement(value).append(";"),
        }
    }

    /// A block that may stand on the line of what it belongs to.
    pub(super) fn short_block(&self, block: &Block, valued: bool) -> Doc<'s> {
        match &block.value {
            Some(value) if self.is_short(block) => {
                let inside = if valued {
                    self.block_value(value)
                } else {
                    self.value_statement(value).append(RcDoc::text(";").flat_alt(RcDoc::nil()))
                };
                braces(RcDoc::line(), inside)
            }
            _ => self.block(block, valued),
        }
    }

    fn is_short(&self, block: &Block) -> bool {
        let value = block.value.as_ref();
        let divides = |value: &Expr| matches!(value.kind, ExprKind::If(_) | ExprKind::Block(_));
        block.stmts.is_empty()
            && value.is_some_and(|value| !divides(value))
            && !self.comments.any_within(block.span)
    }

    fn stmt(&self, stmt: &Stmt) -> Doc<'s> {
        let text = |text: &'static str| RcDoc::text(text);
        match &stmt.kind {
            StmtKind::Expr(value) => match &value.kind {
                ExprKind::If(branch) => self.branches(branch, false),
                ExprKind::Block(block) => self.block(block, false),
                _ => self.value_statement(value).append(";"),
            },
            StmtKind::Discard(value) => text("_ = ").append(self.value(value)).append(";"),
            StmtKind::Let { name, ty, value } => {
                let mut doc = RcDoc::text(format!("let ${}", name.node));
                if let Some(ty) = ty {
                    doc = doc.append(" : ").append(self.ty(ty));
                }
                if let Some(value) = value {
                    doc = doc.append(" = ").append(self.value(value));
                }
                doc.append(";")
            }
            StmtKind::While { condition, body } => self.loops("while", condition, body),
            StmtKind::Unroll { count, body } => self.loops("unroll", count, body),
            StmtKind::For { name, over, body } => {
                let over = match over {
                    Iterable::Range(from, to) => {
                        self.operand(from).append("..").append(self.operand(to))
                    }
                    Iterable::Map(map) => self.operand(map),
                };
                let head = RcDoc::text(format!("for ${} : ", name.node)).append(over).append(" ");
                head.append(self.inline_comments(body.span.start)).append(self.block(body, false))
            }
            StmtKind::Break => text("break;"),
            StmtKind::Continue => text("continue;"),
            StmtKind::Return(None) => text("return;"),
            StmtKind::Return(Some(value)) => text("return ").append(self.apart(value)).append(";"),
            StmtKind::Import(import) => {
                RcDoc::text(format!("import \"{}\";", escaped(import.path.node.as_bytes())))
            }
            StmtKind::Assign { target, op, value } => {
                let op = op.map_or("", |op| op.symbol());
                self.value(target).append(format!(" {op}= ")).append(self.value(value)).append(";")
            }
        }
    }

    fn loops(&self, word: &'static str, head: &Expr, body: &Block) -> Doc<'s> {
        RcDoc::text(word)
            .append(" (")
            .append(self.value(head))
            .append(") ")
            .append(self.inline_comments(body.span.start))
            .append(self.block(body, false))
    }

    /// The value at the end of a block: no assignment can be meant.
    fn block_value(&self, value: &Expr) -> Doc<'s> {
        match leftmost(value).kind {
            ExprKind::Variable(_) | ExprKind::Map { .. } => self.value(value),
            _ => self.value_statement(value),
        }
    }

    fn value_statement(&self, value: &Expr) -> Doc<'s> {
        match begins_like_another_statement(value) {
            true => self.in_parens(value),
            false => self.value(value),
        }
    }

    /// `if`, and what belongs to it: all of its blocks are on one line, or none.
    pub(super) fn branches(&self, first: &If, valued: bool) -> Doc<'s> {
        let mut doc = RcDoc::nil();
        let mut branch = first;
        loop {
            doc = doc
                .append("if ")
                .append(self.condition(&branch.condition))
                .append(" ")
                .append(self.inline_comments(branch.then.span.start))
                .append(self.short_block(&branch.then, valued));
            match &branch.otherwise {
                None => return doc.group(),
                Some(Else::Block(block)) => {
                    let comments = self.inline_comments(block.span.start);
                    let block = self.short_block(block, valued);
                    return doc.append(" else ").append(comments).append(block).group();
                }
                Some(Else::If(next)) => {
                    doc = doc.append(" else ");
                    branch = next;
                }
            }
        }
    }

    fn condition(&self, condition: &Expr) -> Doc<'s> {
        match &condition.kind {
            ExprKind::Int(_)
            | ExprKind::Bool(_)
            | ExprKind::Positional(_)
            | ExprKind::Ident(_)
            | ExprKind::Variable(_)
            | ExprKind::Map { .. }
            | ExprKind::Call { .. }
            | ExprKind::Field { .. }
            | ExprKind::Unary { .. } => self.value(condition),
            _ => self.in_parens(condition),
        }
    }
}

/// Lines in braces.
pub(super) fn braced(lines: Lines<'_>) -> Doc<'_> {
    match lines.end {
        None => RcDoc::text("{}"),
        Some(_) => braces(RcDoc::hardline(), lines.doc),
    }
}

fn braces<'s>(line: Doc<'s>, inside: Doc<'s>) -> Doc<'s> {
    RcDoc::text("{").append(line.clone().append(inside).nest(INDENT)).append(line).append("}")
}
