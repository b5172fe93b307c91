//! What changes the course of what is traced.

use ebtrace_image::Action;

use super::{Builtin, Call, Permit, one};
use crate::ir::build::image_site;
use crate::ir::{BinaryOp, ExprId, Helper};
use crate::probe::Context;
use crate::sema::{Literal, Lower, Operand};
use crate::types::{Type, TypeId, format};

/// The greatest number of a signal.
const LAST_SIGNAL: u64 = 64;

/// Names of signals, from number 1 on, as both Intel and Arm have them.
pub const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// Where a signal can be sent: to whoever runs into the probe.
const SIGNALLING: &[Context] = &[
    Context::Entry,
    Context::Return,
    Context::UserEntry,
    Context::Mark,
    Context::Record,
    Context::Event,
    Context::Arguments,
    Context::Outcome,
    Context::Sample,
];

pub(super) const ALL: &[Builtin] = &[
    Builtin::function("signal", &[one("signal")], "Sends a signal to the process that runs into the probe.", signal)
        .permitted_by(Permit::Unsafe)
        .details("The signal is a name, with `SIG` in front or without, or a number from 1 to 64. Whichever of the process's \
                  threads the kernel chooses gets it.")
        .only_in(SIGNALLING, "")
        .examples(&["tracepoint:syscalls:sys_enter_openat /comm == \"cat\"/ { signal(\"STOP\"); }"]),
    Builtin::function("signal_thread", &[one("signal")], "Sends a signal to the thread that runs into the probe.", signal_thread)
        .permitted_by(Permit::Unsafe)
        .details("The signal is written as for `signal()`.")
        .only_in(SIGNALLING, "")
        .examples(&["tracepoint:syscalls:sys_enter_openat /comm == \"cat\"/ { signal_thread(\"SIGSTOP\"); }"]),
    Builtin::function("write_user", &[one("to"), one("from"), one("length")], "Writes into the memory of the current process.", write_user)
        .returning("bool")
        .acting()
        .permitted_by(Permit::Unsafe)
        .details("What is written is a value of the script, or what an address points to; the length is a literal. It is true if \
                  the memory was there and could be written. A kernel that is locked down allows it to nobody.")
        .examples(&["uprobe:libc:puts { $x = \"hi\"; write_user(arg0, $x, 3); }"]),
    Builtin::function("override", &[one("result")], "Keeps a kernel function from running; it returns this instead.", override_result)
        .permitted_by(Permit::Unsafe)
        .details("The kernel allows it for functions that are marked for it (`ALLOW_ERROR_INJECTION`), such as system calls, \
                  and if it was built with `CONFIG_BPF_KPROBE_OVERRIDE`; `/sys/kernel/debug/error_injection/list` has them.")
        .only_in(&[Context::Entry], "")
        .examples(&["kprobe:do_sys_openat2 /comm == \"cat\"/ { override(-13); }"]),
];

fn signal(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    send(lower, call, Helper::SendSignal)
}

fn signal_thread(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    send(lower, call, Helper::SendSignalThread)
}

fn send(lower: &mut Lower<'_>, call: &Call<'_>, helper: Helper) -> Operand {
    let Some(signal) = lower.arg(call, 0) else { return lower.poison() };
    let wants = "the name of a signal, or a number from 1 to 64";
    if let Some(Literal::Str(text)) = &signal.literal {
        let text = String::from_utf8_lossy(text).into_owned();
        let short = text.strip_prefix("SIG").unwrap_or(&text);
        let Some(number) = SIGNALS.iter().position(|known| *known == short) else {
            return lower.complain_name(call, short, "signal", &SIGNALS);
        };
        let number = lower.b.int(number as u64 + 1, TypeId::U32);
        deliver(lower, call, helper, number);
        return lower.void();
    }
    let Type::Int { .. } = lower.b.types().get(signal.ty) else {
        return lower.complain_type(call, 0, wants, &signal);
    };
    if let Some(number) = signal.literal_int() {
        if !(1..=i128::from(LAST_SIGNAL)).contains(&number) {
            return lower.complain_argument(call, 0, wants, &number.to_string());
        }
        deliver(lower, call, helper, signal.expr);
        return lower.void();
    }
    let number = lower.b.convert(signal.expr, TypeId::I64);
    let number = lower.b.name(number);
    let unsigned = lower.b.convert(number, TypeId::U64);
    let before = lower.b.binary_int(BinaryOp::Subtract, unsigned, 1);
    let fits = lower.b.binary_int(BinaryOp::Less, before, LAST_SIGNAL);
    lower.b.begin();
    deliver(lower, call, helper, number);
    let then = lower.b.end();
    lower.b.begin();
    let text = format!("{}() takes signals from 1 to {LAST_SIGNAL}, and this is %ld", call.name);
    say(lower, call, true, &text, number);
    let otherwise = lower.b.end();
    lower.b.stmt(crate::ir::StmtKind::If { condition: fits, then, otherwise });
    lower.void()
}

/// Calls the helper, and says if the kernel did not do it.
fn deliver(lower: &mut Lower<'_>, call: &Call<'_>, helper: Helper, number: ExprId) {
    let number = lower.b.convert(number, TypeId::U32);
    let result = lower.b.call(helper, vec![number], TypeId::I64);
    let result = lower.b.name(result);
    let zero = lower.b.int(0, TypeId::I64);
    let failed = lower.b.binary(BinaryOp::NotEqual, result, zero);
    lower.b.begin();
    let text = format!("{}() failed: the kernel returned %ld", call.name);
    say(lower, call, false, &text, result);
    let then = lower.b.end();
    lower.b.begin();
    let otherwise = lower.b.end();
    lower.b.stmt(crate::ir::StmtKind::If { condition: failed, then, otherwise });
}

/// An error or warning of the running script, with one number in it.
fn say(lower: &mut Lower<'_>, call: &Call<'_>, error: bool, text: &str, number: ExprId) {
    let site = image_site(lower.b.site(call.span));
    let Ok(format) = format::parse(text.as_bytes()) else { return };
    lower.b.emit(Action::Message { site, error, format }, vec![number]);
}

fn write_user(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(to) = lower.arg(call, 0) else { return lower.poison() };
    let Some(from) = lower.arg(call, 1) else { return lower.poison() };
    if !matches!(lower.b.types().get(to.ty), Type::Pointer { .. } | Type::Int { .. }) {
        return lower.complain_type(call, 0, "an address of the process", &to);
    }
    let points = match *lower.b.types().get(from.ty) {
        Type::Pointer { space, .. } => Some(space),
        _ => None,
    };
    let most = match points {
        Some(_) => lower.max_strlen(),
        None => lower.b.types().size(from.ty),
    };
    let Some(length) = lower.literal_int_in(call, 2, 1, most.into()) else { return lower.poison() };
    let local = match points {
        None => {
            let local = lower.b.local("written", from.ty);
            lower.b.store(local, from.expr);
            local
        }
        Some(space) => {
            let bytes = Type::Array { of: TypeId::U8, len: length as u32 };
            let bytes = lower.b.types().intern(bytes);
            let local = lower.b.local("written", bytes);
            let address = lower.b.convert(from.expr, TypeId::U64);
            lower.read_into(local, address, space);
            local
        }
    };
    let to = lower.b.convert(to.expr, TypeId::U64);
    let (from, length) = (lower.b.address(local, 0), lower.b.int(length as u64, TypeId::U64));
    let result = lower.b.call(Helper::ProbeWriteUser, vec![to, from, length], TypeId::I64);
    let zero = lower.b.int(0, TypeId::I64);
    let done = lower.b.binary(BinaryOp::Equal, result, zero);
    lower.operand(done)
}

fn override_result(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(result) = lower.int_arg(call, 0) else { return lower.poison() };
    if lower.is_substituted() {
        return lower.complain_limit(
            call,
            "without kprobes, this kernel cannot keep a function from running".to_owned(),
        );
    }
    let result = lower.b.convert(result.expr, TypeId::U64);
    let context = lower.b.add(crate::ir::Expr::ContextAddress(0), TypeId::U64);
    lower.b.call_void(Helper::OverrideReturn, vec![context, result]);
    lower.void()
}
