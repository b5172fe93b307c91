//! What the actions of the grammar call: nodes of the tree, and the rules that only a finished node can show.

use super::ast::{
    AttachPoint, BinaryOp, Block, CText, Expr, Expr as Value, ExprKind, Item, Name, StepOp, Stmt,
    StmtKind, UnaryOp,
};
use super::error::{Opener, SyntaxError};
use crate::source::{FileId, Span};

/// Where the item at hand stands, and what is wrong with nodes that were built all the same.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) file: FileId,
    pub(super) errors: Vec<SyntaxError>,
}

impl Builder {
    pub(super) fn span(&self, start: u32, end: u32) -> Span {
        Span { file: self.file, start, end }
    }

    pub(super) fn expr(&self, start: u32, kind: ExprKind, end: u32) -> Expr {
        Expr { kind, span: self.span(start, end) }
    }

    pub(super) fn name(&self, start: u32, name: &str, end: u32) -> Name {
        Name { node: name.to_owned(), span: self.span(start, end) }
    }

    pub(super) fn c(&self, start: u32, text: &str, end: u32) -> Item {
        Item::C(CText { text: text.to_owned(), span: self.span(start, end) })
    }

    /// Statements with whether a semicolon was written after each: where it was not after the last, that is the value.
    pub(super) fn block(&mut self, start: u32, stmts: Vec<(Stmt, bool)>, end: u32) -> Block {
        stmts.iter().filter(|(_, closed)| *closed).for_each(|(stmt, _)| self.check_value(stmt));
        let open_end = stmts.last().is_some_and(|(_, closed)| !closed);
        let mut stmts: Vec<Stmt> = stmts.into_iter().map(|(stmt, _)| stmt).collect();
        let value = match stmts.pop() {
            Some(Stmt { kind: StmtKind::Expr(value), .. }) if open_end => Some(Box::new(value)),
            last => {
                stmts.extend(last);
                None
            }
        };
        Block { stmts, value, span: self.span(start, end) }
    }

    pub(super) fn tuple(
        &self,
        first: Value,
        rest: Option<Vec<Value>>,
        _trailing: bool,
    ) -> ExprKind {
        ExprKind::Tuple(std::iter::once(first).chain(rest.into_iter().flatten()).collect())
    }

    /// A builtin cannot be the first name: what looks so was meant to compare.
    pub(super) fn record(&mut self, fields: Vec<(Name, Value)>) -> ExprKind {
        if let Some((name, value)) = fields.first()
            && crate::builtin::find(&name.node).is_some()
        {
            let between = Span { start: name.span.end, end: value.span.start, ..name.span };
            self.errors.push(SyntaxError::AssignInExpression { span: between, condition: true });
        }
        for (index, (name, _)) in fields.iter().enumerate() {
            if let Some((first, _)) =
                fields[..index].iter().find(|(first, _)| first.node == name.node)
            {
                self.errors.push(SyntaxError::DoubleField {
                    first: first.span,
                    again: name.span,
                    name: name.node.clone(),
                });
            }
        }
        ExprKind::Record(fields)
    }

    pub(super) fn element(
        &mut self,
        start: u32,
        base: Value,
        index: u64,
        place: (u32, u32),
    ) -> Value {
        if matches!(base.kind, ExprKind::Int(_)) {
            self.errors.push(SyntaxError::Fraction { span: self.span(start, place.1) });
        }
        let index_span = self.span(place.0, place.1);
        self.expr(start, ExprKind::Element { base: Box::new(base), index, index_span }, place.1)
    }

    /// The first brackets after a map hold its key, and so do those after its key is there.
    pub(super) fn index(
        &mut self,
        start: u32,
        base: Value,
        mut index: Vec<Value>,
        end: u32,
    ) -> Value {
        match base.kind {
            ExprKind::Map { name, key: None } => {
                self.expr(start, ExprKind::Map { name, key: Some(index) }, end)
            }
            kind => {
                let base = Box::new(Expr { kind, span: base.span });
                let last = index.len() - 1;
                let index = match index.len() {
                    1 => index.swap_remove(0),
                    _ => Expr {
                        span: index[0].span.to(index[last].span),
                        kind: ExprKind::Tuple(index),
                    },
                };
                self.expr(start, ExprKind::Index { base, index: Box::new(index) }, end)
            }
        }
    }

    /// `&x`
    pub(super) fn address_of(&mut self, start: u32, operand: Expr, end: u32) -> Expr {
        if !matches!(operand.kind, ExprKind::Variable(_) | ExprKind::Map { .. }) {
            self.errors.push(SyntaxError::NoAddress { span: operand.span });
        }
        self.unary(start, UnaryOp::AddressOf, operand, end)
    }

    /// An attach point; one that ends in a slash has swallowed the predicate, which no attach point ends in.
    pub(super) fn point(&mut self, start: u32, text: &str, end: u32) -> AttachPoint {
        let span = self.span(start, end);
        let slash = text.find(':').and_then(|colon| Some(colon + text[colon..].find('/')?));
        if let Some(from) = slash.filter(|_| text.ends_with('/')) {
            self.errors.push(SyntaxError::Glued {
                span: span.part(from, text.len()),
                opener: Opener::Predicate,
            });
        }
        AttachPoint { text: text.to_owned(), span }
    }

    pub(super) fn unary(&self, start: u32, op: UnaryOp, operand: Expr, end: u32) -> Expr {
        self.expr(start, ExprKind::Unary { op, operand: Box::new(operand) }, end)
    }

    pub(super) fn binary(
        &self,
        start: u32,
        left: Expr,
        op: (BinaryOp, Span),
        right: Expr,
        end: u32,
    ) -> Expr {
        let (op, op_span) = op;
        self.expr(
            start,
            ExprKind::Binary { op, op_span, left: Box::new(left), right: Box::new(right) },
            end,
        )
    }

    pub(super) fn field(&self, start: u32, base: Expr, name: (&str, Span), end: u32) -> Expr {
        let (name, name_span) = (name.0.to_owned(), name.1);
        self.expr(start, ExprKind::Field { base: Box::new(base), name, name_span }, end)
    }

    pub(super) fn ternary(
        &self,
        start: u32,
        condition: Expr,
        then: Option<Expr>,
        otherwise: Expr,
        end: u32,
    ) -> Expr {
        let (condition, then, otherwise) =
            (Box::new(condition), then.map(Box::new), Box::new(otherwise));
        self.expr(start, ExprKind::Ternary { condition, then, otherwise }, end)
    }

    /// `x++`, `--x`; an operand that cannot be changed stays as it is.
    pub(super) fn step(
        &mut self,
        start: u32,
        target: Expr,
        step: (StepOp, bool),
        end: u32,
    ) -> Expr {
        let (op, prefix) = step;
        if !self.is_target(&target, op.symbol()) {
            return target;
        }
        self.expr(start, ExprKind::Step { target: Box::new(target), op, prefix }, end)
    }

    /// `x = 1`, `x += 1`; of an assignment to anything else its left side remains.
    pub(super) fn assign(&mut self, target: Expr, op: Option<BinaryOp>, value: Expr) -> StmtKind {
        if op.is_none() && matches!(&target.kind, ExprKind::Ident(name) if name == "_") {
            return StmtKind::Discard(value);
        }
        let operator = op.map_or(String::new(), |op| op.symbol().to_owned()) + "=";
        match self.is_target(&target, &operator) {
            true => StmtKind::Assign { target, op, value },
            false => StmtKind::Expr(target),
        }
    }

    fn is_target(&mut self, target: &Expr, operator: &str) -> bool {
        let name = match &target.kind {
            ExprKind::Variable(_) | ExprKind::Map { .. } => return true,
            ExprKind::Ident(name) => Some(name.clone()),
            _ => None,
        };
        let part = matches!(
            target.kind,
            ExprKind::Field { .. } | ExprKind::Element { .. } | ExprKind::Index { .. }
        );
        self.errors.push(SyntaxError::BadTarget {
            span: target.span,
            name,
            part,
            operator: operator.to_owned(),
        });
        false
    }

    /// A statement that begins with a variable or a map is the start of an assignment for whoever reads it, so it
    /// must not turn out to be anything else, unless it is the value of its block.
    fn check_value(&mut self, stmt: &Stmt) {
        let StmtKind::Expr(expr) = &stmt.kind else { return };
        let computes = matches!(expr.kind, ExprKind::Binary { .. } | ExprKind::Ternary { .. });
        let first = leftmost(expr);
        let changeable = matches!(first.kind, ExprKind::Variable(_) | ExprKind::Map { .. });
        // In parentheses, the first token is not that of the first operand.
        if computes && changeable && first.span.start == stmt.span.start {
            let equal = match expr.kind {
                ExprKind::Binary { op: BinaryOp::Equal, op_span, .. } => Some(op_span),
                _ => None,
            };
            self.errors.push(SyntaxError::ValueAsStatement { span: expr.span, equal });
        }
    }

    pub(super) fn stmt(&self, start: u32, kind: StmtKind, end: u32) -> Stmt {
        Stmt { kind, span: self.span(start, end) }
    }
}

/// The operand that an expression begins with.
pub(crate) fn leftmost(expr: &Expr) -> &Expr {
    let mut first = expr;
    loop {
        first = match &first.kind {
            ExprKind::Binary { left: inner, .. }
            | ExprKind::Ternary { condition: inner, .. }
            | ExprKind::Field { base: inner, .. }
            | ExprKind::Index { base: inner, .. }
            | ExprKind::Element { base: inner, .. }
            | ExprKind::Step { target: inner, prefix: false, .. } => inner,
            _ => return first,
        };
    }
}
