//! Names of what the kernel knows by number: errors, signals, system calls.

use syscalls::{aarch64, x86_64};

use super::{Builtin, Call, one};
use crate::host::Arch;
use crate::ir::BinaryOp;
use crate::sema::{Lower, Operand};
use crate::types::TypeId;

/// One more than the greatest number of an error.
const ERRORS: i32 = 134;
/// One more than the greatest number of a system call that there may be.
const SYSCALLS: usize = 512;
/// What the C library calls signals, from 1.
const SIGNALS: [&str; 31] = [
    "Hangup",
    "Interrupt",
    "Quit",
    "Illegal instruction",
    "Trace/breakpoint trap",
    "Aborted",
    "Bus error",
    "Floating point exception",
    "Killed",
    "User defined signal 1",
    "Segmentation fault",
    "User defined signal 2",
    "Broken pipe",
    "Alarm clock",
    "Terminated",
    "Stack fault",
    "Child exited",
    "Continued",
    "Stopped (signal)",
    "Stopped",
    "Stopped (tty input)",
    "Stopped (tty output)",
    "Urgent I/O condition",
    "CPU time limit exceeded",
    "File size limit exceeded",
    "Virtual timer expired",
    "Profiling timer expired",
    "Window changed",
    "I/O possible",
    "Power failure",
    "Bad system call",
];
/// Signals that the C library keeps for itself end here.
const REAL_TIME: usize = 34;
/// The greatest signal.
const LAST_SIGNAL: usize = 64;

pub(super) const ALL: &[Builtin] = &[
    Builtin::function("strerror", &[one("errno")], "What an error number means.", strerror)
        .returning("string")
        .details("The sign does not matter: functions of the kernel return errors as negative numbers. What is none is \
                  `Unknown error`, and 0 is `Success`.")
        .examples(&["tracepoint:syscalls:sys_exit_openat /args.ret < 0/ { @[strerror(args.ret)] = count(); }"]),
    Builtin::function("signal_name", &[one("signal")], "What a signal means.", signal_name)
        .returning("string")
        .details("For example `Interrupt` for 2. What is no signal is `N/A`.")
        .examples(&["begin { print(signal_name(15)); exit(); }"]),
    Builtin::function("syscall_name", &[one("number")], "Name of a system call.", syscall_name)
        .returning("string")
        .details("Those of this machine's own processes, not of 32-bit ones. What is none is `Unknown syscall`.")
        .examples(&["tracepoint:raw_syscalls:sys_enter { @[syscall_name(args.id)] = count(); }"]),
];

fn strerror(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    const UNKNOWN: &str = "Unknown error";
    /// What C libraries say to a number that is no error's.
    const NONE: [&str; 2] = [UNKNOWN, "OS error"];
    let names: Vec<String> = (0..=ERRORS)
        .map(|number| {
            let text = errno::Errno(number).to_string();
            let has_none = NONE.iter().any(|beginning| text.starts_with(beginning));
            if has_none { UNKNOWN.to_owned() } else { text }
        })
        .collect();
    chosen(lower, call, &names, true)
}

fn signal_name(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let names: Vec<String> = (0..=LAST_SIGNAL + 1)
        .map(|number| match SIGNALS.get(number.wrapping_sub(1)) {
            Some(name) => (*name).to_owned(),
            None if number > LAST_SIGNAL => "N/A".to_owned(),
            None if number >= REAL_TIME => format!("Real-time signal {}", number - REAL_TIME),
            None => format!("Unknown signal {number}"),
        })
        .collect();
    chosen(lower, call, &names, false)
}

fn syscall_name(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let name = |number: usize| match lower.arch() {
        Arch::X86_64 => x86_64::Sysno::new(number).map(|call| call.name()),
        Arch::Aarch64 => aarch64::Sysno::new(number).map(|call| call.name()),
    };
    let last = (0..SYSCALLS).rfind(|&number| name(number).is_some()).unwrap_or(0);
    let names: Vec<String> =
        (0..=last + 1).map(|number| name(number).unwrap_or("Unknown syscall").to_owned()).collect();
    chosen(lower, call, &names, false)
}

/// The name with the number that is the argument, or the last one where there is none; the sign may not matter.
fn chosen(lower: &mut Lower<'_>, call: &Call<'_>, names: &[String], unsigned: bool) -> Operand {
    let Some(number) = lower.int_arg(call, 0) else { return lower.poison() };
    if let Some(literal) = number.literal_int() {
        let literal = if unsigned { literal.abs() } else { literal };
        let known = usize::try_from(literal).ok().and_then(|index| names.get(index));
        let name = known.or(names.last()).map_or("", String::as_str);
        return lower.text(name.as_bytes());
    }
    let mut index = lower.b.convert(number.expr, TypeId::I64);
    if unsigned {
        let named = lower.b.name(index);
        let zero = lower.b.int(0, TypeId::I64);
        let negative = lower.b.binary(BinaryOp::Less, named, zero);
        let turned = lower.b.binary(BinaryOp::Subtract, zero, named);
        index = lower.b.select(negative, turned, named);
    }
    let index = lower.b.convert(index, TypeId::U64);
    let texts: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
    let row = lower.b.row(&texts, index);
    lower.operand(row)
}
