//! Numbers kept by time.

use ebtrace_image::{Fold, SERIES_WORDS};

use super::{Addition, Builtin, Call, Permit, one, optional};
use crate::ir::{BinaryOp, Expr, Global, Helper};
use crate::options::Unstable;
use crate::sema::Lower;
use crate::types::{Aggregate, TypeId};

/// A value that has the intervals of all CPUs is at most so large, in bytes, whatever the kernel keeps beside it.
const LARGEST: u32 = (4 << 20) - (4 << 10);
/// Bytes of an interval.
const INTERVAL: u32 = SERIES_WORDS * 8;
/// As many intervals as a value of one CPU alone can have.
const MOST_OF_A_CPU: u32 = ((32 << 10) - 8) / INTERVAL;

/// What can be kept of the numbers within an interval; without a name it is the last.
const FOLDS: [(&str, Fold); 4] =
    [("avg", Fold::Avg), ("max", Fold::Max), ("min", Fold::Min), ("sum", Fold::Sum)];

pub(super) const ALL: &[Builtin] = &[Builtin::aggregate(
    "tseries",
    &[one("n"), one("duration"), one("count"), optional("function")],
    "Keeps numbers by time, and prints them as a graph.",
    tseries,
)
.permitted_by(Permit::Unstable(Unstable::Tseries))
.details(
    "An interval is a duration such as `100ms`; of the last `count` intervals it keeps the last number \
     each, or with `\"avg\"`, `\"max\"`, `\"min\"` or `\"sum\"` that of all. Intervals begin at whole multiples of their \
     length in the time of day. All CPUs together have room for some 174,000 of them, and each for at least 1,365: with 8 CPUs \
     `count` is at most 21,824. It may still change: `config = { unstable_tseries = enable }` says that this is known.",
)
.examples(&[
    "config = { unstable_tseries = enable } kprobe:vfs_read { @ = tseries(arg2, 1s, 60, \"max\"); }",
])];

fn tseries(lower: &mut Lower<'_>, call: &Call<'_>) -> Option<Addition> {
    let operand = lower.int_arg(call, 0)?;
    let interval = lower.literal_int_in(call, 1, 1, i128::from(i64::MAX))? as u64;
    let most = (LARGEST / lower.possible_cpus().max(1) / INTERVAL).max(MOST_OF_A_CPU);
    let count = lower.literal_int_in(call, 2, 1, most.into())? as u32;
    let fold = match call.args.get(3) {
        None => Fold::Last,
        Some(_) => fold_named(lower, call)?,
    };
    let signed = lower.b.types().is_signed(operand.ty) && !operand.flexible();
    let value = lower.b.convert(operand.expr, TypeId::int(64, signed));
    let now = lower.b.call(Helper::KtimeGetBootNs, Vec::new(), TypeId::U64);
    let offset = lower.b.add(Expr::Global(Global::UtcOffsetNs), TypeId::U64);
    let time = lower.b.binary(BinaryOp::Add, now, offset);
    let time = lower.b.name(time);
    let aggregate = Aggregate::Series { interval, count, fold, signed };
    Some(Addition { aggregate, value: Some(value), time: Some(time) })
}

fn fold_named(lower: &mut Lower<'_>, call: &Call<'_>) -> Option<Fold> {
    let name = lower.literal_text(call, 3)?;
    let known = FOLDS.iter().find(|(known, _)| known.as_bytes() == name);
    if known.is_none() {
        let found = format!("\"{}\"", String::from_utf8_lossy(&name));
        lower.complain_argument(call, 3, "\"avg\", \"max\", \"min\" or \"sum\"", &found);
    }
    known.map(|(_, fold)| *fold)
}
