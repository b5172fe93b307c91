//! Expressions and types.

use pretty::RcDoc;

use super::{Doc, Format, INDENT};
use crate::syntax::ast::{
    BinaryOp, Expr, ExprKind, Name, TypeExpr, TypeExprKind, TypeOrExpr, UnaryOp,
};
use crate::syntax::print::{Level, escaped, is_read_as_a_type, level, precedence};

impl<'s> Format<'s> {
    /// An expression where any can stand.
    pub(super) fn value(&self, expr: &Expr) -> Doc<'s> {
        let comments = self.inline_comments(expr.span.start);
        comments.append(self.bare(expr))
    }

    pub(super) fn in_parens(&self, expr: &Expr) -> Doc<'s> {
        RcDoc::text("(").append(self.value(expr).nest(INDENT)).append(")")
    }

    /// What is computed is in parentheses.
    pub(super) fn apart(&self, expr: &Expr) -> Doc<'s> {
        if computes(expr) { self.in_parens(expr) } else { self.value(expr) }
    }

    /// An operand that binds as tightly as a prefix.
    pub(super) fn operand(&self, expr: &Expr) -> Doc<'s> {
        self.within(expr, Level::Prefix)
    }

    /// In parentheses where the surroundings bind more tightly, or the reader may wonder.
    fn within(&self, expr: &Expr, around: Level) -> Doc<'s> {
        if level(&expr.kind) < around || computes(expr) {
            self.in_parens(expr)
        } else {
            self.value(expr)
        }
    }

    fn bare(&self, expr: &Expr) -> Doc<'s> {
        match &expr.kind {
            ExprKind::Int(_) | ExprKind::Bool(_) | ExprKind::Positional(_) => {
                RcDoc::text(self.written(expr.span))
            }
            ExprKind::Ident(name) => RcDoc::text(name.clone()),
            ExprKind::Variable(name) => RcDoc::text(format!("${name}")),
            ExprKind::PositionalCount => RcDoc::text("$#"),
            ExprKind::Str(bytes) => RcDoc::text(format!("\"{}\"", escaped(bytes))),
            ExprKind::Map { name, key: None } => RcDoc::text(format!("@{name}")),
            ExprKind::Map { name, key: Some(key) } => self.list(
                format!("@{name}["),
                key.iter().map(|part| self.value(part)).collect(),
                "]",
            ),
            ExprKind::Call { name, args, .. } => {
                self.list(format!("{name}("), args.iter().map(|arg| self.value(arg)).collect(), ")")
            }
            ExprKind::Tuple(parts) => {
                let close = if parts.len() == 1 { ",)" } else { ")" };
                self.list(
                    "(".to_owned(),
                    parts.iter().map(|part| self.value(part)).collect(),
                    close,
                )
            }
            ExprKind::Record(fields) => {
                let field = |(name, value): &(Name, Expr)| {
                    RcDoc::text(format!("{}=", name.node)).append(self.value(value))
                };
                self.list("(".to_owned(), fields.iter().map(field).collect(), ")")
            }
            ExprKind::Unary { op, operand } => self.unary(*op, operand),
            ExprKind::Binary { op, left, right, .. } => self.binary(*op, left, right),
            ExprKind::Ternary { condition, then, otherwise } => {
                let condition = self.within(condition, Level::Binary(0));
                let rest = match then {
                    Some(then) => RcDoc::text("? ")
                        .append(self.apart(then))
                        .append(RcDoc::line())
                        .append(": ")
                        .append(self.apart(otherwise)),
                    None => RcDoc::text("?: ").append(self.apart(otherwise)),
                };
                condition.append(RcDoc::line().append(rest).nest(INDENT)).group()
            }
            ExprKind::Step { target, op, prefix } => {
                let target = self.value(target);
                match prefix {
                    true => RcDoc::text(op.symbol()).append(target),
                    false => target.append(op.symbol()),
                }
            }
            ExprKind::Cast { ty, operand } => {
                let unlike = matches!(
                    operand.kind,
                    ExprKind::Step { prefix: true, .. } | ExprKind::If(_) | ExprKind::Block(_)
                );
                let operand = if unlike { self.in_parens(operand) } else { self.operand(operand) };
                RcDoc::text("(").append(self.ty(ty)).append(")").append(operand)
            }
            ExprKind::Comptime(operand) => RcDoc::text("comptime ").append(self.operand(operand)),
            ExprKind::Field { base, name, .. } => {
                self.within(base, Level::Postfix).append(format!(".{name}"))
            }
            ExprKind::Element { base, index, .. } => {
                self.within(base, Level::Postfix).append(format!(".{index}"))
            }
            ExprKind::Index { base, index } => {
                // The first brackets after a map would be its key.
                let base = match base.kind {
                    ExprKind::Map { key: None, .. } => self.in_parens(base),
                    _ => self.within(base, Level::Postfix),
                };
                base.append("[").append(self.value(index)).append("]")
            }
            ExprKind::Sizeof(of) => RcDoc::text("sizeof").append(self.type_or_expr(of)),
            ExprKind::Typeinfo(of) => RcDoc::text("typeinfo").append(self.type_or_expr(of)),
            ExprKind::Typeof(of) => RcDoc::text("typeof").append(self.type_or_expr(of)),
            ExprKind::Offsetof { of, path } => {
                let of = match of {
                    TypeOrExpr::Type(ty) => self.ty(ty),
                    TypeOrExpr::Expr(expr) => self.in_parens(expr),
                };
                let path: Vec<&str> = path.iter().map(|name| name.node.as_str()).collect();
                RcDoc::text("offsetof(").append(of).append(format!(", {})", path.join(".")))
            }
            ExprKind::Block(block) => self.short_block(block, true).group(),
            ExprKind::If(branch) => self.branches(branch, true),
        }
    }

    fn unary(&self, op: UnaryOp, operand: &Expr) -> Doc<'s> {
        // `--x` would decrement, and what a cast is of is easily mistaken.
        let doubled = match &operand.kind {
            ExprKind::Unary { op: inner, .. } => op == UnaryOp::Negate && *inner == op,
            ExprKind::Step { prefix, .. } => *prefix,
            kind => matches!(kind, ExprKind::Cast { .. }),
        };
        let inner = if doubled { self.in_parens(operand) } else { self.operand(operand) };
        RcDoc::text(op.symbol()).append(inner)
    }

    fn binary(&self, op: BinaryOp, left: &Expr, right: &Expr) -> Doc<'s> {
        let own = precedence(op);
        let left = self.within(left, Level::Binary(own));
        let right = self.within(right, Level::Binary(own + 1));
        left.append(format!(" {}", op.symbol()))
            .append(RcDoc::line().append(right).nest(INDENT))
            .group()
    }

    /// Values between brackets, which stand below one another where a line has no room for them.
    fn list(&self, open: String, values: Vec<Doc<'s>>, close: &'static str) -> Doc<'s> {
        let separator = RcDoc::text(",").append(RcDoc::line());
        RcDoc::text(open).append(self.between(values, separator).nest(INDENT)).append(close).group()
    }

    pub(super) fn ty(&self, ty: &TypeExpr) -> Doc<'s> {
        match &ty.kind {
            TypeExprKind::Name { tag, name } => {
                let tag = tag.map_or(String::new(), |tag| format!("{} ", tag.word()));
                RcDoc::text(format!("{tag}{name}"))
            }
            TypeExprKind::Pointer(to) => self.ty(to).append("*"),
            TypeExprKind::Array(of, len) => {
                let len = len.map_or(String::new(), |len| len.to_string());
                self.ty(of).append(format!("[{len}]"))
            }
            TypeExprKind::Typeof(of) => RcDoc::text("typeof").append(self.type_or_expr(of)),
        }
    }

    /// In its parentheses.
    fn type_or_expr(&self, of: &TypeOrExpr) -> Doc<'s> {
        match of {
            TypeOrExpr::Type(ty) => RcDoc::text("(").append(self.ty(ty)).append(")"),
            TypeOrExpr::Expr(expr) if is_read_as_a_type(expr) => {
                RcDoc::text("(").append(self.in_parens(expr)).append(")")
            }
            TypeOrExpr::Expr(expr) => self.in_parens(expr),
        }
    }
}

/// An operation whose place among others one may wonder about; a comparison's is plain.
fn computes(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Binary { op, .. } => !matches!(
            op,
            BinaryOp::Equal
                | BinaryOp::NotEqual
                | BinaryOp::Less
                | BinaryOp::Greater
                | BinaryOp::LessEqual
                | BinaryOp::GreaterEqual
        ),
        _ => false,
    }
}
