//! Parts of memory values: elements of tuples and arrays, fields of records; and values as values of another type,
//! which of large values is done part by part.

use super::facts::Offer;
use super::join::{self, Flex};
use super::{Literal, Lower, Operand, Placed};
use crate::ir::{Expr, ExprId, LocalId, Part, StmtKind};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};
use crate::types::{Type, TypeId, types_of};

impl Lower<'_> {
    /// The part of a memory value that stands so many bytes from its start. `further` adds bytes that are computed
    /// (a `u64`), and the greatest number of them that keeps the part within the value.
    pub(super) fn part(
        &mut self,
        base: &Operand,
        offset: u32,
        further: Option<(ExprId, u32)>,
        ty: TypeId,
    ) -> Operand {
        let part = self.part_of(base, offset, further);
        if !self.b.types().is_scalar(ty) {
            let expr = self.b.add(Expr::Part(part), ty);
            return self.operand(expr);
        }
        let result = self.b.value(ty);
        self.b.stmt(StmtKind::LoadPart { result, part });
        let expr = self.b.add(Expr::Value(result), ty);
        self.operand(expr)
    }

    /// A part of what is itself a part, or of a constant, which is put into a local first.
    fn part_of(&mut self, base: &Operand, offset: u32, further: Option<(ExprId, u32)>) -> Part {
        match *self.b.expr(base.expr) {
            Expr::Local(local) => Part { local, offset, further },
            Expr::Part(part) if part.further.is_none() => {
                Part { offset: part.offset + offset, further, ..part }
            }
            Expr::Part(part) if further.is_none() => Part { offset: part.offset + offset, ..part },
            _ => Part { local: self.held(base), offset, further },
        }
    }

    /// A local that holds a memory value: its own, or a copy.
    pub(super) fn held(&mut self, operand: &Operand) -> LocalId {
        if let Expr::Local(local) = *self.b.expr(operand.expr) {
            return local;
        }
        self.copied(operand)
    }

    fn copied(&mut self, operand: &Operand) -> LocalId {
        let local = self.b.local("value", operand.ty);
        self.b.store(local, operand.expr);
        local
    }

    /// Evaluates expressions in order. A memory value stands for its place, so it is copied where what follows may
    /// write there.
    pub(super) fn operands<'e>(
        &mut self,
        exprs: impl IntoIterator<Item = &'e ast::Expr>,
    ) -> Vec<Placed> {
        let exprs: Vec<&ast::Expr> = exprs.into_iter().collect();
        let mut operands = Vec::with_capacity(exprs.len());
        for (index, expr) in exprs.iter().enumerate() {
            let mut operand = self.expr(expr);
            if exprs[index + 1..].iter().any(|later| assigns(later)) {
                self.keep(&mut operand);
            }
            operands.push((operand, expr.span));
        }
        operands
    }

    /// The same for two.
    pub(super) fn operand_pair(&mut self, left: &ast::Expr, right: &ast::Expr) -> [Placed; 2] {
        let mut first = self.expr(left);
        if assigns(right) {
            self.keep(&mut first);
        }
        [(first, left.span), (self.expr(right), right.span)]
    }

    /// Copies a memory value that stands for the place of something else.
    pub(super) fn keep(&mut self, operand: &mut Operand) {
        if matches!(self.b.expr(operand.expr), Expr::Local(_) | Expr::Part(_)) {
            let local = self.copied(operand);
            operand.expr = self.b.add(Expr::Local(local), operand.ty);
        }
    }

    /// An operand as a value that is put into a place.
    pub(super) fn offer(&mut self, operand: &Operand, span: Span) -> Offer {
        let flexible = operand
            .literal
            .as_ref()
            .map_or(Flex::default(), |literal| self.flexible(literal, operand.ty));
        Offer { ty: operand.ty, flexible, number: operand.literal_int(), span }
    }

    fn flexible(&mut self, literal: &Literal, ty: TypeId) -> Flex {
        match (literal, self.parts(ty)) {
            (Literal::Int(number), _) => (*number >= 0).into(),
            (Literal::Tuple(literals), Some(parts)) => {
                let mut flexible = Vec::with_capacity(parts.len());
                for (literal, (_, part)) in literals.iter().zip(parts) {
                    let of_part = literal
                        .as_ref()
                        .map_or(Flex::default(), |known| self.flexible(known, part));
                    flexible.push((of_part, join::leaves(self.b.types(), part)));
                }
                Flex::of_parts(flexible)
            }
            _ => Flex::default(),
        }
    }

    /// Offsets and types of a tuple's elements or a record's fields.
    pub(super) fn parts(&mut self, ty: TypeId) -> Option<Vec<(u32, TypeId)>> {
        let types = self.b.types();
        let parts = match types.get(ty) {
            Type::Tuple(elements) => elements.clone(),
            Type::Record(fields) => types_of(fields),
            _ => return None,
        };
        let (offsets, _) = types.tuple_layout(&parts);
        Some(offsets.into_iter().zip(parts).collect())
    }

    /// An operand as a value of a type that it was joined into; shorter strings stay so.
    pub fn coerce(&mut self, operand: &Operand, ty: TypeId) -> ExprId {
        let types = self.b.types();
        if operand.ty == ty {
            return operand.expr;
        }
        if types.is_scalar(ty) && types.is_scalar(operand.ty) {
            return self.b.convert(operand.expr, ty);
        }
        if self.pairs(operand.ty, ty).is_none() {
            // Text, or something that was complained of.
            return operand.expr;
        }
        let local = self.b.local("value", ty);
        self.b.zero(local);
        self.put_part(local, 0, ty, operand);
        self.b.add(Expr::Local(local), ty)
    }

    /// The same with strings copied into a buffer of just this size.
    pub(super) fn exact(&mut self, operand: &Operand, ty: TypeId, what: &str) -> ExprId {
        let value = self.coerce(operand, ty);
        if self.b.types().is_scalar(ty) || self.b.ty(value) == ty {
            return value;
        }
        let local = self.b.local(what, ty);
        self.b.store(local, value);
        self.b.add(Expr::Local(local), ty)
    }

    /// Stores an operand as a part of a local that is all zeros there: as it is, or part by part.
    pub(super) fn put_part(&mut self, local: LocalId, offset: u32, ty: TypeId, operand: &Operand) {
        let Some(pairs) = self.pairs(operand.ty, ty) else {
            let value = self.coerce(operand, ty);
            return self.b.store_part(local, offset, ty, value);
        };
        for Moved { from: (at, from), to: (to, ty) } in pairs {
            let part = self.part(operand, at, None, from);
            self.put_part(local, offset + to, ty, &part);
        }
    }

    /// Where each part of a type goes in another, if they differ in their parts.
    fn pairs(&mut self, from: TypeId, to: TypeId) -> Option<Vec<Moved>> {
        if from == to {
            return None;
        }
        let types = self.b.types();
        match (types.get(from).clone(), types.get(to).clone()) {
            (Type::Array { of, len }, Type::Array { of: other, len: room })
                if len == room && len <= join::MOST_CONVERTED =>
            {
                let (step, stride) = (types.size(of), types.size(other));
                let moved = |at| Moved { from: (at * step, of), to: (at * stride, other) };
                Some((0..len).map(moved).collect())
            }
            (Type::Buffer(size), Type::Buffer(room)) if size <= room => {
                let bytes = types.intern(Type::Array { of: TypeId::U8, len: size });
                let same = |part| Moved { from: part, to: part };
                Some(vec![same((0, TypeId::U32)), same((4, bytes))])
            }
            (Type::Record(fields), Type::Record(places)) => {
                let (from, to) = (self.parts(from)?, self.parts(to)?);
                let order = places
                    .iter()
                    .map(|(name, _)| fields.iter().position(|(other, _)| other == name));
                let pairs = to.into_iter().zip(order);
                pairs.map(|(to, index)| Some(Moved { from: from[index?], to })).collect()
            }
            _ => {
                let (from, to) = (self.parts(from)?, self.parts(to)?);
                Some(from.into_iter().zip(to).map(|(from, to)| Moved { from, to }).collect())
            }
        }
    }
}

/// A part of one value that becomes a part of another: offset and type in both.
struct Moved {
    from: (u32, TypeId),
    to: (u32, TypeId),
}

/// Whether evaluating an expression may write to a variable: blocks do, and functions that are given one.
pub(super) fn assigns(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ExprKind::If(_) | ExprKind::Block(_) => true,
        ExprKind::Call { args, .. } => {
            args.iter().any(|arg| matches!(arg.kind, ExprKind::Variable(_)) || assigns(arg))
        }
        ExprKind::Map { key, .. } => key.iter().flatten().any(assigns),
        ExprKind::Tuple(elements) => elements.iter().any(assigns),
        ExprKind::Record(fields) => fields.iter().any(|(_, field)| assigns(field)),
        ExprKind::Index { base: left, index: right } | ExprKind::Binary { left, right, .. } => {
            assigns(left) || assigns(right)
        }
        ExprKind::Ternary { condition, then, otherwise } => {
            assigns(condition) || then.iter().any(|then| assigns(then)) || assigns(otherwise)
        }
        ExprKind::Element { base: inner, .. }
        | ExprKind::Field { base: inner, .. }
        | ExprKind::Cast { operand: inner, .. }
        | ExprKind::Unary { operand: inner, .. }
        | ExprKind::Comptime(inner) => assigns(inner),
        _ => false,
    }
}
