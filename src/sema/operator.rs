//! Operators.

use ebtrace_image::{Action, Failure};

use super::{Lower, Operand, Placed, error};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::build::image_site;
use crate::ir::{BinaryOp, ExprId};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::{Type, TypeId};

impl Lower<'_> {
    /// `-x`, `!x`, `~x`
    pub(super) fn unary(&mut self, op: ast::UnaryOp, expr: &ast::Expr, span: Span) -> Operand {
        let operand = self.expr(expr);
        if let Some(folded) =
            operand.literal.as_ref().and_then(|literal| self.fold_unary(op, literal, span))
        {
            return folded;
        }
        if let Some(ty) = self.aggregate_of(&operand).filter(|_| op != ast::UnaryOp::Not) {
            return self.bad_operand(op.symbol(), expr.span, ty);
        }
        let ty = self.b.types().get(operand.ty).clone();
        match (op, ty) {
            (_, Type::Unknown) => self.poison(),
            (ast::UnaryOp::Not, Type::Bool | Type::Int { .. } | Type::Enum { .. }) => {
                let condition = self.condition(&operand, expr.span);
                let no = self.b.int(0, TypeId::BOOL);
                let value = self.b.binary(BinaryOp::Equal, condition, no);
                self.operand(value)
            }
            (
                ast::UnaryOp::Negate | ast::UnaryOp::Complement,
                Type::Int { signed, .. } | Type::Enum { signed, .. },
            ) => {
                let wide = self.b.convert(operand.expr, TypeId::int(64, signed));
                let value = match op {
                    ast::UnaryOp::Negate => {
                        let zero = self.b.int(0, TypeId::int(64, signed));
                        self.b.binary(BinaryOp::Subtract, zero, wide)
                    }
                    _ => self.b.binary_int(BinaryOp::Xor, wide, u64::MAX),
                };
                self.operand(value)
            }
            _ => self.bad_operand(op.symbol(), expr.span, operand.ty),
        }
    }

    /// Complains of an operand that an operator does not apply to.
    pub(super) fn bad_operand(&mut self, op: &str, span: Span, ty: TypeId) -> Operand {
        let found = self.type_name(ty);
        self.complain(error::bad_operand(op, span, &found));
        self.poison()
    }

    /// Any operator with two operands but `&&` and `||`.
    pub(super) fn binary(
        &mut self,
        op: ast::BinaryOp,
        op_span: Span,
        left: Placed,
        right: Placed,
    ) -> Operand {
        if let (Some(a), Some(b)) = (left.0.literal.clone(), right.0.literal.clone())
            && let Some(folded) = self.fold(op, (&a, left.1), (&b, right.1))
        {
            return folded;
        }
        let types = [left.0.ty, right.0.ty].map(|ty| self.b.types().get(ty).clone());
        match types {
            [Type::Unknown, _] | [_, Type::Unknown] => self.poison(),
            [
                Type::Int { .. } | Type::Bool | Type::Enum { .. },
                Type::Int { .. } | Type::Bool | Type::Enum { .. },
            ] => self.integers(op, &left, &right),
            [Type::Pointer { .. }, _] | [_, Type::Pointer { .. }] => {
                self.pointers(op, op_span, left, right)
            }
            _ => match self.compare_memory(op, &left, &right) {
                Some(compared) => compared,
                None => self.bad_operands(op, op_span, &left, &right),
            },
        }
    }

    fn bad_operands(
        &mut self,
        op: ast::BinaryOp,
        op_span: Span,
        left: &Placed,
        right: &Placed,
    ) -> Operand {
        let names = [self.type_name(left.0.ty), self.type_name(right.0.ty)];
        self.complain(error::bad_operands(
            op.symbol(),
            op_span,
            (&names[0], left.1),
            (&names[1], right.1),
        ));
        self.poison()
    }

    /// Integers and bools: computed in 64 bits, signed if one side is, unless that is a non-negative literal.
    fn integers(&mut self, op: ast::BinaryOp, left: &Placed, right: &Placed) -> Operand {
        let (left_signed, right_signed) = (self.has_sign(&left.0), self.has_sign(&right.0));
        let either = left_signed || right_signed;
        let result = TypeId::int(64, either || op == ast::BinaryOp::Subtract);
        if is_comparison(op) {
            let (a, b) =
                (self.b.convert(left.0.expr, result), self.b.convert(right.0.expr, result));
            self.warn_of_signs(left, right);
            return self.compare(op, a, b);
        }
        // What is divided or moves to the right keeps its sign: a `uint64` has none, whatever the other side is.
        let no_sign = matches!(
            self.b.types().get(left.0.ty),
            Type::Int { bits: 64, signed: false } | Type::Enum { signed: false, .. }
        );
        let by_left = TypeId::int(64, either && !no_sign);
        let (ir_op, ty) = match op {
            ast::BinaryOp::Add => (BinaryOp::Add, result),
            ast::BinaryOp::Subtract => (BinaryOp::Subtract, result),
            ast::BinaryOp::Multiply => (BinaryOp::Multiply, result),
            ast::BinaryOp::BitAnd => (BinaryOp::And, result),
            ast::BinaryOp::BitOr => (BinaryOp::Or, result),
            ast::BinaryOp::BitXor => (BinaryOp::Xor, result),
            ast::BinaryOp::ShiftLeft => (BinaryOp::ShiftLeft, result),
            ast::BinaryOp::ShiftRight => (BinaryOp::ShiftRight, by_left),
            ast::BinaryOp::Divide => (BinaryOp::Divide, by_left),
            _ => (BinaryOp::Remainder, by_left),
        };
        let a = self.b.convert(left.0.expr, ty);
        let value = match ir_op {
            BinaryOp::ShiftLeft | BinaryOp::ShiftRight => self.shift(ir_op, a, &right.0),
            BinaryOp::Divide | BinaryOp::Remainder => {
                let b = self.b.convert(right.0.expr, ty);
                match self.divide(ir_op, (a, b), right) {
                    Some(value) => value,
                    None => return self.poison(),
                }
            }
            _ => {
                let b = self.b.convert(right.0.expr, ty);
                self.b.binary(ir_op, a, b)
            }
        };
        let value = self.b.convert(value, result);
        self.operand(value)
    }

    /// Whether it may be negative; a non-negative literal takes on the sign of what it meets.
    fn has_sign(&mut self, operand: &Operand) -> bool {
        let signed = matches!(
            self.b.types().get(operand.ty),
            Type::Int { signed: true, .. } | Type::Enum { signed: true, .. }
        );
        signed && !operand.flexible()
    }

    /// Warns of a comparison with numbers that have no common type.
    fn warn_of_signs(&mut self, left: &Placed, right: &Placed) {
        let (a, b) = (self.has_sign(&left.0), self.has_sign(&right.0));
        let (signed, unsigned) = match (a, b) {
            (true, false) => (left, right),
            (false, true) => (right, left),
            _ => return,
        };
        if unsigned.0.flexible() || self.b.types().size(unsigned.0.ty) < 8 {
            return;
        }
        let names = [signed.0.ty, unsigned.0.ty].map(|ty| self.type_name(ty));
        self.complain(
            Diagnostic::warning(
                Code::MixedSigns,
                format!("`{}` and `{}` are compared as `int64`", names[0], names[1]),
            )
            .label(unsigned.1, format!("this is `{}`, and negative if very large", names[1]))
            .label(signed.1, format!("this is `{}`", names[0]))
            .help(format!(
                "write `(int64)` before the `{}`, or `(uint64)` before the `{}`",
                names[1], names[0]
            )),
        );
    }

    /// By 64 bits and more, and by a negative number, everything is shifted out: 0 is left, or the sign alone.
    fn shift(&mut self, op: BinaryOp, value: ExprId, count: &Operand) -> ExprId {
        let ty = self.b.ty(value);
        let keeps_sign = op == BinaryOp::ShiftRight && self.b.types().is_signed(ty);
        match count.literal_int().map(u64::try_from) {
            Some(Ok(count @ 0..=63)) => return self.b.binary_int(op, value, count),
            Some(_) if keeps_sign => return self.b.binary_int(op, value, 63),
            Some(_) => return self.b.int(0, ty),
            None => {}
        }
        let count = self.b.convert(count.expr, TypeId::U64);
        let count = self.b.name(count);
        let limit = self.b.int(64, TypeId::U64);
        let inside = self.b.binary(BinaryOp::Less, count, limit);
        if keeps_sign {
            let most = self.b.int(63, TypeId::U64);
            let count = self.b.select(inside, count, most);
            let count = self.b.convert(count, ty);
            return self.b.binary(op, value, count);
        }
        let count = self.b.convert(count, ty);
        let shifted = self.b.binary(op, value, count);
        let nothing = self.b.int(0, ty);
        self.b.select(inside, shifted, nothing)
    }

    /// Two operands of one type.
    pub(super) fn compare(&mut self, op: ast::BinaryOp, left: ExprId, right: ExprId) -> Operand {
        let value = match op {
            ast::BinaryOp::Equal => self.b.binary(BinaryOp::Equal, left, right),
            ast::BinaryOp::NotEqual => self.b.binary(BinaryOp::NotEqual, left, right),
            ast::BinaryOp::Less => self.b.binary(BinaryOp::Less, left, right),
            ast::BinaryOp::LessEqual => self.b.binary(BinaryOp::LessEqual, left, right),
            ast::BinaryOp::Greater => self.b.binary(BinaryOp::Less, right, left),
            _ => self.b.binary(BinaryOp::LessEqual, right, left),
        };
        self.operand(value)
    }

    /// Division and remainder: by zero they yield 1, and the place is reported at run time.
    fn divide(
        &mut self,
        op: BinaryOp,
        (left, right): (ExprId, ExprId),
        divisor: &Placed,
    ) -> Option<ExprId> {
        match divisor.0.literal_int() {
            Some(0) => {
                self.complain(
                    Diagnostic::error(Code::LiteralOverflow, "a division by zero has no result")
                        .label(divisor.1, "this is 0")
                        .help("divide by something else, or leave the division out"),
                );
                return None;
            }
            Some(_) => return Some(self.b.binary(op, left, right)),
            None => {}
        }
        let ty = self.b.ty(left);
        let (left, right) = (self.b.name(left), self.b.name(right));
        let value = self.b.binary(op, left, right);
        let result = self.b.local("quotient", ty);
        let (zero, one) = (self.b.int(0, ty), self.b.int(1, ty));
        let by_zero = self.b.binary(BinaryOp::Equal, right, zero);
        let place = self.b.span();
        let site = self.b.site(place);
        self.b.if_else(
            by_zero,
            |b| {
                b.emit(
                    Action::Fail { site: image_site(site), failure: Failure::DivideByZero },
                    Vec::new(),
                );
                b.store(result, one);
            },
            |b| b.store(result, value),
        );
        Some(self.b.read(result))
    }
}

pub(super) fn is_comparison(op: ast::BinaryOp) -> bool {
    use ast::BinaryOp as Op;
    matches!(
        op,
        Op::Less | Op::Greater | Op::LessEqual | Op::GreaterEqual | Op::Equal | Op::NotEqual
    )
}
