//! The machine, the command that is run, and chance.

use super::{Builtin, Call};
use crate::ir::{Expr, Global, Helper};
use crate::sema::{Lower, Operand};
use crate::types::TypeId;

pub(super) const ALL: &[Builtin] = &[
    Builtin::variable("ncpus", "uint64", "Number of CPUs that the machine can have.", ncpus)
        .details("CPUs that are switched off, or that may be added while it runs, count.")
        .examples(&["begin { printf(\"%d CPUs\\n\", ncpus); exit(); }"]),
    Builtin::variable("numaid", "uint32", "Number of the NUMA node that the probe runs on.", numaid)
        .details("It is 0 on machines where all memory is equally near to all CPUs.")
        .examples(&["profile:hz:99 { @[numaid] = count(); }"]),
    Builtin::variable("jiffies", "uint64", "The kernel's count of timer ticks.", jiffies)
        .details(
            "There are `CONFIG_HZ` in a second, and they begin below zero: for a time, use `nsecs`.",
        )
        .examples(&["begin { print(jiffies); exit(); }"]),
    Builtin::variable("rand", "uint32", "A random number.", rand)
        .details("Each use is another number; none is fit for secrets.")
        .examples(&["profile:hz:99 /rand % 10 == 0/ { @[comm] = count(); }"]),
    Builtin::variable("cpid", "uint32", "Process id of the command that is run with `-c`.", cpid)
        .details("It is 0 without one, and a warning says so. Probes of the command alone need no filter: with `-c`, `uprobe`, \
                  `usdt`, `profile` and their like see no other process.")
        .examples(&["tracepoint:syscalls:sys_enter_openat { if comptime (has_cpid) { @[pid == cpid] = count(); } }"]),
    Builtin::variable("has_cpid", "bool", "Whether a command is run with `-c`.", has_cpid)
        .details("It is known before the script runs, so `if comptime (has_cpid)` can ask for it.")
        .examples(&["begin { if (!has_cpid) { printf(\"for all processes\\n\"); } exit(); }"]),
];

fn ncpus(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    let cpus = lower.possible_cpus();
    lower.number_of_type(cpus.into(), TypeId::U64)
}

fn numaid(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    asked(lower, Helper::GetNumaNodeId, TypeId::U32)
}

fn jiffies(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    asked(lower, Helper::Jiffies64, TypeId::U64)
}

fn rand(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    asked(lower, Helper::GetPrandomU32, TypeId::U32)
}

/// What a helper without arguments says.
pub(super) fn asked(lower: &mut Lower<'_>, helper: Helper, ty: TypeId) -> Operand {
    let number = lower.b.call(helper, Vec::new(), TypeId::U64);
    let number = lower.b.convert(number, ty);
    lower.operand(number)
}

fn cpid(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    if !lower.has_command() && !lower.is_ahead() {
        lower.warn_without_command(call);
        return lower.number_of_type(0, TypeId::U32);
    }
    let pid = lower.b.add(Expr::Global(Global::ChildPid), TypeId::U64);
    let pid = lower.b.convert(pid, TypeId::U32);
    lower.operand(pid)
}

fn has_cpid(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    if lower.is_ahead() {
        let pid = lower.b.add(Expr::Global(Global::ChildPid), TypeId::U64);
        let has = lower.b.convert(pid, TypeId::BOOL);
        return lower.operand(has);
    }
    let has = lower.has_command();
    lower.boolean(has)
}
