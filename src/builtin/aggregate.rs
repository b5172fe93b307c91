//! Aggregations: kept per CPU, so that they count right and cost little.

use super::{Addition, Builtin, Call, one, optional};
use crate::ir::{BinaryOp, Expr, ExprId};
use crate::sema::Lower;
use crate::types::{Aggregate, TypeId};

/// The most buckets of a linear histogram between its ends.
const MOST_BUCKETS: i128 = 1000;

pub(super) const ALL: &[Builtin] = &[
    Builtin::aggregate("count", &[], "Counts how often it is reached.", count)
        .examples(&["tracepoint:syscalls:sys_enter_openat { @[comm] = count(); }"]),
    Builtin::aggregate("sum", &[one("n")], "Adds up numbers.", sum)
        .examples(&["kretprobe:vfs_read /retval < 0x7fffffff/ { @bytes[comm] = sum(retval); }"]),
    Builtin::aggregate("min", &[one("n")], "Keeps the least of the numbers.", min)
        .examples(&["kprobe:vfs_read { @ = min(arg2); }"]),
    Builtin::aggregate("max", &[one("n")], "Keeps the greatest of the numbers.", max)
        .examples(&["kprobe:vfs_read { @ = max(arg2); }"]),
    Builtin::aggregate(
        "avg",
        &[one("n")],
        "Keeps the average of the numbers, rounded toward 0.",
        avg,
    )
    .examples(&["kprobe:vfs_read { @[comm] = avg(arg2); }"]),
    Builtin::aggregate(
        "stats",
        &[one("n")],
        "Keeps how many numbers there were, their average and their sum.",
        stats,
    )
    .details("An element can be read: `@[comm].average`.")
    .examples(&["kprobe:vfs_read { @[comm] = stats(arg2); }"]),
    Builtin::aggregate(
        "hist",
        &[one("n"), optional("bits")],
        "Sorts numbers into powers of two.",
        hist,
    )
    .details("With `bits` from 1 to 5 each power of two is cut into 2, 4, 8, 16 or 32 buckets.")
    .examples(&["kprobe:vfs_read { @ = hist(arg2); }", "kprobe:vfs_read { @ = hist(arg2, 2); }"]),
    Builtin::aggregate(
        "lhist",
        &[one("n"), one("min"), one("max"), one("step")],
        "Sorts numbers into buckets of equal width.",
        lhist,
    )
    .details(
        "Numbers below `min` and from `max` on have a bucket each; there are at most 1000 between.",
    )
    .examples(&["kprobe:vfs_read { @ = lhist(arg2, 0, 1000, 100); }"]),
];

fn count(_: &mut Lower<'_>, _: &Call<'_>) -> Option<Addition> {
    Some(Addition { aggregate: Aggregate::Count, value: None, time: None })
}

fn sum(lower: &mut Lower<'_>, call: &Call<'_>) -> Option<Addition> {
    number(lower, call, |signed| Aggregate::Sum { signed })
}

fn min(lower: &mut Lower<'_>, call: &Call<'_>) -> Option<Addition> {
    number(lower, call, |signed| Aggregate::Min { signed })
}

fn max(lower: &mut Lower<'_>, call: &Call<'_>) -> Option<Addition> {
    number(lower, call, |signed| Aggregate::Max { signed })
}

fn avg(lower: &mut Lower<'_>, call: &Call<'_>) -> Option<Addition> {
    number(lower, call, |signed| Aggregate::Avg { signed })
}

fn stats(lower: &mut Lower<'_>, call: &Call<'_>) -> Option<Addition> {
    number(lower, call, |signed| Aggregate::Stats { signed })
}

fn number(lower: &mut Lower<'_>, call: &Call<'_>, of: fn(bool) -> Aggregate) -> Option<Addition> {
    let operand = lower.int_arg(call, 0)?;
    let signed = lower.b.types().is_signed(operand.ty) && !operand.flexible();
    let value = lower.b.convert(operand.expr, TypeId::int(64, signed));
    Some(Addition { aggregate: of(signed), value: Some(value), time: None })
}

fn hist(lower: &mut Lower<'_>, call: &Call<'_>) -> Option<Addition> {
    let operand = lower.int_arg(call, 0)?;
    let bits = match call.args.get(1) {
        None => 0,
        Some(_) => lower.literal_int_in(call, 1, 0, 5)? as u8,
    };
    let n = lower.b.convert(operand.expr, TypeId::I64);
    let index = log2_bucket(lower, n, u64::from(bits));
    Some(Addition { aggregate: Aggregate::Hist { bits }, value: Some(index), time: None })
}

/// Bucket 0 holds negative numbers; numbers below `1 << bits` have one each; above, the position of the leading
/// one and the next `bits` bits choose.
fn log2_bucket(lower: &mut Lower<'_>, n: ExprId, bits: u64) -> ExprId {
    let b = &mut lower.b;
    let n = b.name(n);
    let zero = b.int(0, TypeId::I64);
    let negative = b.binary(BinaryOp::Less, n, zero);
    let unsigned = b.convert(n, TypeId::U64);
    let unsigned = b.name(unsigned);
    let position = b.add(Expr::Log2(unsigned), TypeId::U64);
    let power = b.binary_int(BinaryOp::Subtract, position, bits);
    let power = b.name(power);
    let row = b.binary_int(BinaryOp::Add, power, 1);
    let row = b.binary_int(BinaryOp::ShiftLeft, row, bits);
    let row = b.binary_int(BinaryOp::Add, row, 1);
    let next_bits = b.binary(BinaryOp::ShiftRight, unsigned, power);
    let next_bits = b.binary_int(BinaryOp::And, next_bits, (1 << bits) - 1);
    let large = b.binary(BinaryOp::Add, row, next_bits);
    let small = b.binary_int(BinaryOp::Add, unsigned, 1);
    let limit = b.int(1 << bits, TypeId::U64);
    let is_small = b.binary(BinaryOp::Less, unsigned, limit);
    let index = b.select(is_small, small, large);
    let first = b.int(0, TypeId::U64);
    b.select(negative, first, index)
}

fn lhist(lower: &mut Lower<'_>, call: &Call<'_>) -> Option<Addition> {
    let operand = lower.int_arg(call, 0)?;
    let most = i128::from(i64::MAX);
    let min = lower.literal_int_in(call, 1, 0, most)?;
    let max = lower.literal_int_in(call, 2, 0, most)?;
    let step = lower.literal_int_in(call, 3, 1, most)?;
    if max <= min {
        lower.complain_argument(
            call,
            2,
            &format!("a maximum above the minimum {min}"),
            &format!("{max}"),
        );
        return None;
    }
    if step > max - min {
        let wants = format!("a step of at most {} to get from {min} to {max}", max - min);
        lower.complain_argument(call, 3, &wants, &format!("{step}"));
        return None;
    }
    let buckets = (max - min) / step;
    if buckets > MOST_BUCKETS {
        let wants = format!("a step that makes at most {MOST_BUCKETS} buckets");
        lower.complain_argument(call, 3, &wants, &format!("{step}, which makes {buckets}"));
        return None;
    }
    let n = lower.b.convert(operand.expr, TypeId::I64);
    let index = linear_bucket(lower, n, (min as i64, step as u64, buckets as u64));
    let aggregate = Aggregate::Lhist { min: min as i64, max: max as i64, step: step as i64 };
    Some(Addition { aggregate, value: Some(index), time: None })
}

fn linear_bucket(
    lower: &mut Lower<'_>,
    n: ExprId,
    (min, step, buckets): (i64, u64, u64),
) -> ExprId {
    let b = &mut lower.b;
    let n = b.name(n);
    let least = b.int(min as u64, TypeId::I64);
    let below = b.binary(BinaryOp::Less, n, least);
    let distance = b.binary(BinaryOp::Subtract, n, least);
    let distance = b.convert(distance, TypeId::U64);
    let row = b.binary_int(BinaryOp::Divide, distance, step);
    let row = b.name(row);
    let last = b.int(buckets, TypeId::U64);
    let inside = b.binary(BinaryOp::Less, row, last);
    let row = b.select(inside, row, last);
    let row = b.binary_int(BinaryOp::Add, row, 1);
    let first = b.int(0, TypeId::U64);
    b.select(below, first, row)
}
