//! Clocks.

use ebtrace_image::Action;

use super::{Builtin, Call, optional};
use crate::ir::{BinaryOp, Expr, Global, Helper};
use crate::sema::{Lower, Operand};
use crate::types::TypeId;

pub(super) const ALL: &[Builtin] = &[
    Builtin::variable("nsecs", "uint64", "Nanoseconds since the machine was started.", nsecs)
        .reserved()
        .details("The time that the machine was suspended counts. Differences of two readings are durations.")
        .examples(&["tracepoint:syscalls:sys_enter_openat { @start[tid] = nsecs; }"]),
    Builtin::variable("elapsed", "uint64", "Nanoseconds since tracing began.", elapsed)
        .examples(&["interval:ms:100 { print(elapsed / 1000000); exit(); }"]),
    Builtin::function("time", &[optional("format")], "Prints the time of day.", time)
        .details("The format is that of strftime(3), by default `%H:%M:%S` and a newline; to a format given no \
                  newline is added. The time is that of printing.")
        .examples(&["interval:s:1 { time(\"%H:%M:%S  \"); print(@); exit(); } profile:hz:9 { @ = count(); }"]),
];

fn nsecs(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    let now = lower.b.call(Helper::KtimeGetBootNs, Vec::new(), TypeId::U64);
    lower.operand(now)
}

fn elapsed(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    let now = lower.b.call(Helper::KtimeGetBootNs, Vec::new(), TypeId::U64);
    let start = lower.b.add(Expr::Global(Global::StartNs), TypeId::U64);
    let elapsed = lower.b.binary(BinaryOp::Subtract, now, start);
    lower.operand(elapsed)
}

fn time(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let format = match call.args.first() {
        None => "%H:%M:%S\n".to_owned(),
        Some(_) => match lower.literal_text(call, 0) {
            Some(text) => String::from_utf8_lossy(&text).into_owned(),
            None => return lower.poison(),
        },
    };
    lower.b.emit(Action::Time(format), Vec::new());
    lower.void()
}
