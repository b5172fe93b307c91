//! The operations of the IR on numbers, where the machine's differ.

use super::context::{Emitter, Int};
use crate::ir::BinaryOp;

/// A binary operation on two scalars of one width.
pub(super) fn binary<'ctx>(
    emitter: &Emitter<'ctx>,
    op: BinaryOp,
    a: Int<'ctx>,
    b: Int<'ctx>,
    signed: bool,
) -> Int<'ctx> {
    match op {
        BinaryOp::Add => emitter.add(a, b),
        BinaryOp::Subtract => emitter.sub(a, b),
        BinaryOp::Multiply => emitter.mul(a, b),
        BinaryOp::Divide => divide(emitter, a, b, signed),
        BinaryOp::Remainder => remainder(emitter, a, b, signed),
        BinaryOp::And => emitter.and(a, b),
        BinaryOp::Or => emitter.or(a, b),
        BinaryOp::Xor => emitter.xor(a, b),
        BinaryOp::ShiftLeft | BinaryOp::ShiftRight => shift(emitter, op, a, b, signed),
        BinaryOp::Equal => emitter.equal(a, b),
        BinaryOp::NotEqual => emitter.not(emitter.equal(a, b)),
        BinaryOp::Less => emitter.less(a, b, signed),
        BinaryOp::LessEqual => emitter.not(emitter.less(b, a, signed)),
    }
}

/// The quotient, rounded towards zero; 0 where the divisor is 0.
pub(super) fn divide<'ctx>(
    emitter: &Emitter<'ctx>,
    a: Int<'ctx>,
    b: Int<'ctx>,
    signed: bool,
) -> Int<'ctx> {
    let zero = a.get_type().const_zero();
    let quotient = by_magnitude(emitter, a, b, signed, |a, b| emitter.div(a, b));
    let signs_differ = emitter.less(emitter.xor(a, b), zero, true);
    let quotient = if signed { negate_if(emitter, signs_differ, quotient) } else { quotient };
    emitter.select(emitter.is_zero(b), zero, quotient)
}

/// What is left over, with the sign of the dividend; 0 where the divisor is 0.
fn remainder<'ctx>(emitter: &Emitter<'ctx>, a: Int<'ctx>, b: Int<'ctx>, signed: bool) -> Int<'ctx> {
    // A zero divisor was replaced by 1, which leaves nothing over.
    let rest = by_magnitude(emitter, a, b, signed, |a, b| emitter.rem(a, b));
    if signed {
        negate_if(emitter, emitter.less(a, a.get_type().const_zero(), true), rest)
    } else {
        rest
    }
}

/// Divides without signs, by 1 instead of 0. The processor model that every kernel takes has no signed division;
/// the magnitude of the least number is itself taken without sign, so that nothing overflows.
fn by_magnitude<'ctx>(
    emitter: &Emitter<'ctx>,
    a: Int<'ctx>,
    b: Int<'ctx>,
    signed: bool,
    divide: impl FnOnce(Int<'ctx>, Int<'ctx>) -> Int<'ctx>,
) -> Int<'ctx> {
    let magnitude = |value: Int<'ctx>| {
        let negative = emitter.less(value, value.get_type().const_zero(), true);
        if signed { negate_if(emitter, negative, value) } else { value }
    };
    let one = b.get_type().const_int(1, false);
    let divisor = emitter.select(emitter.is_zero(b), one, magnitude(b));
    divide(magnitude(a), divisor)
}

fn negate_if<'ctx>(emitter: &Emitter<'ctx>, condition: Int<'ctx>, value: Int<'ctx>) -> Int<'ctx> {
    emitter.select(condition, emitter.negate(value), value)
}

/// Shifts count modulo 64 whatever the width, so narrow ones are done in 64 bits.
fn shift<'ctx>(
    emitter: &Emitter<'ctx>,
    op: BinaryOp,
    a: Int<'ctx>,
    count: Int<'ctx>,
    signed: bool,
) -> Int<'ctx> {
    let width = a.get_type().get_bit_width();
    let wide = emitter.resize(a, 64, signed);
    let count = emitter.and(emitter.resize(count, 64, false), emitter.word(63));
    let shifted = match op {
        BinaryOp::ShiftLeft => emitter.shift_left(wide, count),
        _ => emitter.shift_right(wide, count, signed),
    };
    emitter.resize(shifted, width, false)
}

/// Position of the highest bit that is set in 64 bits, 0 where none is. By halves, as LLVM's own way for a machine that
/// cannot count leading zeros takes half as long again; and by borrows instead of branches, each of which would double
/// what the verifier has to walk.
pub(super) fn log2<'ctx>(emitter: &Emitter<'ctx>, number: Int<'ctx>) -> Int<'ctx> {
    let (mut rest, mut position) = (number, emitter.word(0));
    for half in [32_u32, 16, 8, 4, 2] {
        let upper = emitter.shift_right(rest, emitter.word(u64::from(half)), false);
        let borrowed = emitter.shift_right(
            emitter.negate(upper),
            emitter.word(u64::from(63 - half.trailing_zeros())),
            false,
        );
        let shift = emitter.and(borrowed, emitter.word(u64::from(half)));
        rest = emitter.shift_right(rest, shift, false);
        position = emitter.or(position, shift);
    }
    emitter.or(position, emitter.shift_right(rest, emitter.word(1), false))
}
