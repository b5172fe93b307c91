//! Operators.

use ebtrace_image::{Action, Failure};

use super::{Literal, Lower, Operand, error};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::build::image_site;
use crate::ir::{BinaryOp, Expr, ExprId, StmtKind};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::{Space, Type, TypeId};

/// An operand and its place.
type Placed = (Operand, Span);

impl Lower<'_> {
    /// `-x`, `!x`, `~x`
    pub(super) fn unary(&mut self, op: ast::UnaryOp, expr: &ast::Expr, span: Span) -> Operand {
        let operand = self.expr(expr);
        if let Some(folded) = self.fold_unary(op, &operand, span) {
            return folded;
        }
        let ty = self.b.types().get(operand.ty).clone();
        match (op, ty) {
            (_, Type::Unknown) => self.poison(),
            (ast::UnaryOp::Not, Type::Bool | Type::Int { .. } | Type::Pointer { .. }) => {
                let condition = self.condition(&operand, expr.span);
                let no = self.b.int(0, TypeId::BOOL);
                let value = self.b.binary(BinaryOp::Equal, condition, no);
                self.operand(value)
            }
            (ast::UnaryOp::Negate | ast::UnaryOp::Complement, Type::Int { signed, .. }) => {
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
            _ => {
                let found = self.type_name(operand.ty);
                self.complain(error::bad_operand(op.symbol(), expr.span, &found));
                self.poison()
            }
        }
    }

    fn fold_unary(&mut self, op: ast::UnaryOp, operand: &Operand, span: Span) -> Option<Operand> {
        Some(match (op, operand.literal.as_ref()?) {
            (ast::UnaryOp::Not, Literal::Bool(value)) => self.boolean(!value),
            (ast::UnaryOp::Not, Literal::Int(number)) => self.boolean(*number == 0),
            (ast::UnaryOp::Negate, Literal::Int(number)) => self.folded(number.checked_neg(), span),
            (ast::UnaryOp::Complement, Literal::Int(number)) if *number < 0 => self.number(!number),
            (ast::UnaryOp::Complement, Literal::Int(number)) => {
                self.number(i128::from(!(*number as u64)))
            }
            _ => return None,
        })
    }

    /// A result of folding; complains where it does not fit 64 bits.
    fn folded(&mut self, result: Option<i128>, span: Span) -> Operand {
        let range = i128::from(i64::MIN)..=i128::from(u64::MAX);
        match result.filter(|number| range.contains(number)) {
            Some(number) => self.number(number),
            None => {
                self.complain(
                    Diagnostic::error(Code::LiteralOverflow, "this has no result in 64 bits")
                        .label(span, "computed before the script runs")
                        .help("integers go from -9223372036854775808 to 18446744073709551615"),
                );
                self.poison()
            }
        }
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
            && let Some(folded) = self.fold(op, &a, &b, left.1.to(right.1))
        {
            return folded;
        }
        let types = [left.0.ty, right.0.ty].map(|ty| self.b.types().get(ty).clone());
        match types {
            [Type::Unknown, _] | [_, Type::Unknown] => self.poison(),
            [Type::Int { .. } | Type::Bool, Type::Int { .. } | Type::Bool] => {
                self.integers(op, op_span, &left.0, &right.0)
            }
            [Type::Str(_), Type::Str(_)]
                if matches!(op, ast::BinaryOp::Equal | ast::BinaryOp::NotEqual) =>
            {
                let result = self.b.value(TypeId::BOOL);
                self.b.stmt(StmtKind::StrEqual { result, left: left.0.expr, right: right.0.expr });
                let equal = self.b.add(Expr::Value(result), TypeId::BOOL);
                if op == ast::BinaryOp::Equal {
                    return self.operand(equal);
                }
                let no = self.b.int(0, TypeId::BOOL);
                let different = self.b.binary(BinaryOp::Equal, equal, no);
                self.operand(different)
            }
            [Type::Pointer { .. }, Type::Int { .. } | Type::Pointer { .. }]
            | [Type::Int { .. }, Type::Pointer { .. }]
                if is_comparison(op) =>
            {
                let (left, right) = (
                    self.b.convert(left.0.expr, TypeId::U64),
                    self.b.convert(right.0.expr, TypeId::U64),
                );
                self.compare(op, left, right)
            }
            [Type::Pointer { to, space }, Type::Int { .. }] if space != Space::Context => {
                self.pointer_step(op, op_span, left, right, to)
            }
            _ => self.bad_operands(op, op_span, &left, &right),
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

    /// Address plus or minus a number of elements.
    fn pointer_step(
        &mut self,
        op: ast::BinaryOp,
        op_span: Span,
        left: Placed,
        right: Placed,
        to: TypeId,
    ) -> Operand {
        let ir_op = match op {
            ast::BinaryOp::Add => BinaryOp::Add,
            ast::BinaryOp::Subtract => BinaryOp::Subtract,
            _ => return self.bad_operands(op, op_span, &left, &right),
        };
        let size = u64::from(self.b.types().size(to).max(1));
        let base = self.b.convert(left.0.expr, TypeId::U64);
        let distance = self.b.convert(right.0.expr, TypeId::U64);
        let distance = self.b.binary_int(BinaryOp::Multiply, distance, size);
        let address = self.b.binary(ir_op, base, distance);
        let address = self.b.convert(address, left.0.ty);
        self.operand(address)
    }

    /// Integers and bools: computed in 64 bits, signed if one side is, unless that is a non-negative literal.
    fn integers(
        &mut self,
        op: ast::BinaryOp,
        op_span: Span,
        left: &Operand,
        right: &Operand,
    ) -> Operand {
        let mut signed =
            |operand: &Operand| self.b.types().is_signed(operand.ty) && !operand.flexible();
        let (left_signed, right_signed) = (signed(left), signed(right));
        // What a shift does to the sign depends on the left side alone.
        let shifts = matches!(op, ast::BinaryOp::ShiftLeft | ast::BinaryOp::ShiftRight);
        let either = if shifts { left_signed } else { left_signed || right_signed };
        let ty = TypeId::int(64, either || (op == ast::BinaryOp::Subtract));
        let (a, b) = (self.b.convert(left.expr, ty), self.b.convert(right.expr, ty));
        if is_comparison(op) {
            return self.compare(op, a, b);
        }
        let ir_op = match op {
            ast::BinaryOp::Add => BinaryOp::Add,
            ast::BinaryOp::Subtract => BinaryOp::Subtract,
            ast::BinaryOp::Multiply => BinaryOp::Multiply,
            ast::BinaryOp::BitAnd => BinaryOp::And,
            ast::BinaryOp::BitOr => BinaryOp::Or,
            ast::BinaryOp::BitXor => BinaryOp::Xor,
            ast::BinaryOp::ShiftLeft => BinaryOp::ShiftLeft,
            ast::BinaryOp::ShiftRight => BinaryOp::ShiftRight,
            ast::BinaryOp::Divide => return self.divide(BinaryOp::Divide, a, b, right, op_span),
            _ => return self.divide(BinaryOp::Remainder, a, b, right, op_span),
        };
        let value = self.b.binary(ir_op, a, b);
        self.operand(value)
    }

    /// Two operands of one type.
    fn compare(&mut self, op: ast::BinaryOp, left: ExprId, right: ExprId) -> Operand {
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
        left: ExprId,
        right: ExprId,
        divisor: &Operand,
        op_span: Span,
    ) -> Operand {
        match divisor.literal_int() {
            Some(0) => {
                self.complain(
                    Diagnostic::error(Code::LiteralOverflow, "a division by zero has no result")
                        .label(op_span, "the right side is 0")
                        .help("divide by something else, or leave the division out"),
                );
                return self.poison();
            }
            Some(_) => {
                let value = self.b.binary(op, left, right);
                return self.operand(value);
            }
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
        self.local_operand(result)
    }

    /// An operation on literals; `None` where it is not one for literals.
    fn fold(
        &mut self,
        op: ast::BinaryOp,
        left: &Literal,
        right: &Literal,
        span: Span,
    ) -> Option<Operand> {
        use ast::BinaryOp as Op;
        match (left, right) {
            (Literal::Int(_) | Literal::Bool(_), Literal::Int(_) | Literal::Bool(_)) => {
                let (a, b) = (as_int(left), as_int(right));
                if is_comparison(op) {
                    return Some(self.boolean(compares(op, a.cmp(&b))));
                }
                if b == 0 && matches!(op, Op::Divide | Op::Remainder) {
                    return None;
                }
                Some(self.folded(fold_ints(op, a, b), span))
            }
            (Literal::Str(a), Literal::Str(b)) if is_comparison(op) => {
                Some(self.boolean(compares(op, a.cmp(b))))
            }
            (Literal::Str(a), Literal::Str(b)) if op == Op::Add => {
                let joined = [a.as_slice(), b].concat();
                Some(self.text(&joined))
            }
            _ => None,
        }
    }
}

fn as_int(literal: &Literal) -> i128 {
    match literal {
        Literal::Int(number) => *number,
        Literal::Bool(value) => i128::from(*value),
        Literal::Str(_) | Literal::Tuple(_) => 0,
    }
}

fn is_comparison(op: ast::BinaryOp) -> bool {
    use ast::BinaryOp as Op;
    matches!(
        op,
        Op::Less | Op::Greater | Op::LessEqual | Op::GreaterEqual | Op::Equal | Op::NotEqual
    )
}

fn compares(op: ast::BinaryOp, order: std::cmp::Ordering) -> bool {
    match op {
        ast::BinaryOp::Less => order.is_lt(),
        ast::BinaryOp::Greater => order.is_gt(),
        ast::BinaryOp::LessEqual => order.is_le(),
        ast::BinaryOp::GreaterEqual => order.is_ge(),
        ast::BinaryOp::NotEqual => order.is_ne(),
        _ => order.is_eq(),
    }
}

/// Both numbers fit 64 bits, so no intermediate result overflows 128.
fn fold_ints(op: ast::BinaryOp, a: i128, b: i128) -> Option<i128> {
    use ast::BinaryOp as Op;
    let shift = || u32::try_from(b).ok().filter(|&shift| shift < 64);
    match op {
        Op::Multiply => a.checked_mul(b),
        Op::Divide => a.checked_div(b),
        Op::Remainder => a.checked_rem(b),
        Op::Add => Some(a + b),
        Op::Subtract => Some(a - b),
        Op::ShiftLeft => shift().map(|shift| a << shift),
        Op::ShiftRight => shift().map(|shift| a >> shift),
        Op::BitAnd => Some(a & b),
        Op::BitXor => Some(a ^ b),
        Op::BitOr => Some(a | b),
        _ => None,
    }
}
