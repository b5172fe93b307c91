//! Clocks.

use ebtrace_image::{self as image, Action};

use super::{Builtin, Call, one, optional};
use crate::host::Version;
use crate::ir::{BinaryOp, Expr, Global, Helper};
use crate::sema::{Lower, Operand};
use crate::syntax::ast::{self, ExprKind};
use crate::types::{TypeId, Worded};

pub(super) const ALL: &[Builtin] = &[
    Builtin::variable("nsecs", "uint64", "Nanoseconds since the machine was started.", nsecs)
        .reserved()
        .taking(&[optional("clock")])
        .details("Differences of two readings are durations. The clock is `boot` if none is given, which counts the time that \
                  the machine was suspended; `monotonic` leaves that out. `tai` is the time of day in atomic time, from \
                  Linux 6.1; `sw_tai` is the same on all kernels, by what the two clocks differed in when tracing began.")
        .examples(&[
            "tracepoint:syscalls:sys_enter_openat { @start[tid] = nsecs; }",
            "begin { print(nsecs(monotonic) <= nsecs(boot)); exit(); }",
        ]),
    Builtin::variable("elapsed", "uint64", "Nanoseconds since tracing began.", elapsed)
        .examples(&["interval:ms:100 { print(elapsed / 1000000); exit(); }"]),
    Builtin::function("strftime", &[one("format"), one("nanoseconds")], "A time, shown in a format.", strftime)
        .returning("timestamp")
        .details("The nanoseconds are those of `nsecs`, or since the machine was started. The format is that of strftime(3); \
                  besides, `%f` are the microseconds of the second (six digits), `%l` its milliseconds, `%k` its nanoseconds. \
                  A time before 1970 is shown as `(?)`.")
        .examples(&["tracepoint:syscalls:sys_enter_openat { printf(\"%s %s\\n\", strftime(\"%H:%M:%S.%f\", nsecs), comm); }"]),
    Builtin::function("time", &[optional("format")], "Prints the time of day.", time)
        .details("The format is that of strftime(3), by default `%H:%M:%S` and a newline; to a format given no \
                  newline is added. The time is that of printing.")
        .examples(&["interval:s:1 { time(\"%H:%M:%S  \"); print(@); exit(); } profile:hz:9 { @ = count(); }"]),
];

/// The names of the clocks.
const CLOCKS: [(&str, Clock); 4] = [
    ("boot", Clock::Boot),
    ("monotonic", Clock::Monotonic),
    ("tai", Clock::Tai),
    ("sw_tai", Clock::TaiBySoftware),
];

/// What time is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Since the start of the machine.
    Boot,
    /// The same without the time that it slept.
    Monotonic,
    /// Atomic time.
    Tai,
    /// The same by what it differed from the time since the start when tracing began.
    TaiBySoftware,
}

/// The first kernel whose programs can read atomic time.
const READS_TAI: Version = (6, 1, 0);

fn nsecs(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let clock = match call.args.first() {
        None => Clock::Boot,
        Some(arg) => match clock_named(lower, call, arg) {
            Some(clock) => clock,
            None => return lower.poison(),
        },
    };
    let helper = match clock {
        Clock::Boot | Clock::TaiBySoftware => Helper::KtimeGetBootNs,
        Clock::Monotonic => Helper::KtimeGetNs,
        Clock::Tai if lower.kernel() < READS_TAI => {
            let headline = "reading the clock `tai` needs Linux 6.1 or newer".to_owned();
            return lower.complain_kernel(call, headline, "`nsecs(sw_tai)` does it on all kernels");
        }
        Clock::Tai => Helper::KtimeGetTaiNs,
    };
    let mut now = lower.b.call(helper, Vec::new(), TypeId::U64);
    if clock == Clock::TaiBySoftware {
        let offset = lower.b.add(Expr::Global(Global::TaiOffsetNs), TypeId::U64);
        now = lower.b.binary(BinaryOp::Add, now, offset);
    }
    lower.set_clock(now, clock);
    lower.operand(now)
}

fn clock_named(lower: &mut Lower<'_>, call: &Call<'_>, arg: &ast::Expr) -> Option<Clock> {
    let wanted = match &arg.kind {
        ExprKind::Ident(name) => CLOCKS.iter().find(|(known, _)| known == name),
        _ => None,
    };
    if wanted.is_none() {
        let found = match &arg.kind {
            ExprKind::Ident(name) => format!("`{name}`"),
            _ => "a value".to_owned(),
        };
        let names: Vec<&str> = CLOCKS.iter().map(|(name, _)| *name).collect();
        lower.complain_argument(call, 0, &format!("one of {}", names.join(", ")), &found);
    }
    wanted.map(|(_, clock)| *clock)
}

fn elapsed(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    let now = lower.b.call(Helper::KtimeGetBootNs, Vec::new(), TypeId::U64);
    let start = lower.b.add(Expr::Global(Global::StartNs), TypeId::U64);
    let elapsed = lower.b.binary(BinaryOp::Subtract, now, start);
    lower.operand(elapsed)
}

/// Where the parts of a time are: see `ebtrace_image::Shape::Time`.
const FORMAT_AT: u32 = 0;
const CLOCK_AT: u32 = 4;
const NANOSECONDS_AT: u32 = 8;

fn strftime(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(format) = lower.literal_text(call, 0) else { return lower.poison() };
    let Some(time) = lower.int_arg(call, 1) else { return lower.poison() };
    if time.literal_int().is_some_and(|number| number < 0) {
        return lower.complain_argument(
            call,
            1,
            "a time since the start of the machine",
            "one before it",
        );
    }
    let clock = match lower.clock_of(&time) {
        Some(Clock::Monotonic) => {
            return lower.complain_in_words(
                (call, 1),
                format!("`{}()` cannot show what the clock `monotonic` says", call.name),
                "this clock stops while the machine sleeps",
                "take the time from `nsecs` or `nsecs(tai)`",
            );
        }
        Some(Clock::Tai | Clock::TaiBySoftware) => image::Clock::Tai,
        Some(Clock::Boot) | None => image::Clock::Boot,
    };
    let format = lower.b.types().text(&String::from_utf8_lossy(&format));
    let format = lower.b.int(format.into(), TypeId::U32);
    let clock = lower.b.int(clock as u64, TypeId::U32);
    let time = lower.b.convert(time.expr, TypeId::U64);
    lower.worded(Worded::Time, &[(FORMAT_AT, format), (CLOCK_AT, clock), (NANOSECONDS_AT, time)])
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
