//! Operators on literals: what is known before the script runs is computed then.

use std::cmp::Ordering;

use super::{Literal, Lower, Operand};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{BinaryOp, UnaryOp};

impl Lower<'_> {
    /// `-5`, `!true`, `~0`; `None` where it is not for literals of this kind.
    pub(super) fn fold_unary(
        &mut self,
        op: UnaryOp,
        literal: &Literal,
        span: Span,
    ) -> Option<Operand> {
        Some(match (op, literal) {
            (UnaryOp::Not, Literal::Bool(value)) => self.boolean(!value),
            (UnaryOp::Not, Literal::Int(number)) => self.boolean(*number == 0),
            (UnaryOp::Negate, Literal::Int(number)) => self.folded(number.checked_neg(), span),
            (UnaryOp::Complement, Literal::Int(number)) if *number < 0 => self.number(!number),
            (UnaryOp::Complement, Literal::Int(number)) => {
                self.number(i128::from(!(*number as u64)))
            }
            _ => return None,
        })
    }

    /// An operation on two literals; `None` where it is not one for literals of these kinds.
    pub(super) fn fold(
        &mut self,
        op: BinaryOp,
        (left, left_span): (&Literal, Span),
        (right, right_span): (&Literal, Span),
    ) -> Option<Operand> {
        let span = left_span.to(right_span);
        match (left, right) {
            (Literal::Int(_) | Literal::Bool(_), Literal::Int(_) | Literal::Bool(_)) => {
                let (a, b) = (as_int(left), as_int(right));
                if a.min(b) < 0 && a.max(b) > i128::from(i64::MAX) {
                    self.complain(no_common_type((a, left_span), (b, right_span)));
                    return Some(self.poison());
                }
                if let Some(holds) = compares(op, a.cmp(&b)) {
                    return Some(self.boolean(holds));
                }
                self.fold_ints(op, (a, b), span, right_span)
            }
            (Literal::Str(a), Literal::Str(b)) if op == BinaryOp::Add => {
                let joined = [a.as_slice(), b].concat();
                Some(self.string(&joined, span))
            }
            (Literal::Str(a), Literal::Str(b)) => {
                compares(op, a.cmp(b)).map(|holds| self.boolean(holds))
            }
            (Literal::Tuple(_), Literal::Tuple(_)) => {
                let equal = equal(left, right)?;
                match op {
                    BinaryOp::Equal => Some(self.boolean(equal)),
                    BinaryOp::NotEqual => Some(self.boolean(!equal)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Both numbers fit 64 bits, so no intermediate result overflows 128.
    fn fold_ints(
        &mut self,
        op: BinaryOp,
        (a, b): (i128, i128),
        span: Span,
        right_span: Span,
    ) -> Option<Operand> {
        let shift = u32::try_from(b).ok().filter(|&shift| shift < 64);
        let result = match (op, shift) {
            (BinaryOp::ShiftLeft | BinaryOp::ShiftRight, None) => {
                self.complain(
                    Diagnostic::error(
                        Code::LiteralOverflow,
                        format!("a number is shifted by 0 to 63 bits, not by {b}"),
                    )
                    .label(right_span, "too many or too few")
                    .help("shift by less, or leave the shift out"),
                );
                return Some(self.poison());
            }
            (BinaryOp::ShiftLeft, Some(shift)) => Some(a << shift),
            (BinaryOp::ShiftRight, Some(shift)) => Some(a >> shift),
            (BinaryOp::Multiply, _) => a.checked_mul(b),
            // Complained of where divisions are lowered.
            (BinaryOp::Divide | BinaryOp::Remainder, _) if b == 0 => return None,
            (BinaryOp::Divide, _) => a.checked_div(b),
            (BinaryOp::Remainder, _) => a.checked_rem(b),
            (BinaryOp::Add, _) => Some(a + b),
            (BinaryOp::Subtract, _) => Some(a - b),
            (BinaryOp::BitAnd, _) => Some(a & b),
            (BinaryOp::BitXor, _) => Some(a ^ b),
            (BinaryOp::BitOr, _) => Some(a | b),
            _ => return None,
        };
        Some(self.folded(result, span))
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
}

fn no_common_type(left: (i128, Span), right: (i128, Span)) -> Diagnostic {
    let (negative, large) = if left.0 < right.0 { (left, right) } else { (right, left) };
    Diagnostic::error(
        Code::LiteralOverflow,
        format!("no 64 bits hold both {} and {}", negative.0, large.0),
    )
    .label(negative.1, "needs a sign")
    .label(large.1, "leaves no bit for a sign")
    .help(format!("say what is meant by a cast: `(uint64){}`", negative.0))
}

fn as_int(literal: &Literal) -> i128 {
    match literal {
        Literal::Int(number) => *number,
        Literal::Bool(value) => i128::from(*value),
        Literal::Str(_) | Literal::Tuple(_) => 0,
    }
}

/// What a comparison yields; `None` for other operators.
fn compares(op: BinaryOp, order: Ordering) -> Option<bool> {
    Some(match op {
        BinaryOp::Less => order.is_lt(),
        BinaryOp::Greater => order.is_gt(),
        BinaryOp::LessEqual => order.is_le(),
        BinaryOp::GreaterEqual => order.is_ge(),
        BinaryOp::Equal => order.is_eq(),
        BinaryOp::NotEqual => order.is_ne(),
        _ => return None,
    })
}

/// Whether two literals are equal; `None` where that is not known, or where they are of different kinds.
fn equal(left: &Literal, right: &Literal) -> Option<bool> {
    match (left, right) {
        (Literal::Int(a), Literal::Int(b)) => Some(a == b),
        (Literal::Bool(a), Literal::Bool(b)) => Some(a == b),
        (Literal::Str(a), Literal::Str(b)) => Some(a == b),
        (Literal::Tuple(a), Literal::Tuple(b)) if a.len() != b.len() => {
            (left.is_whole() && right.is_whole()).then_some(false)
        }
        (Literal::Tuple(a), Literal::Tuple(b)) => {
            let parts: Option<Vec<bool>> =
                a.iter().zip(b).map(|(a, b)| equal(a.as_ref()?, b.as_ref()?)).collect();
            parts.map(|parts| parts.into_iter().all(|part| part))
        }
        _ => None,
    }
}
