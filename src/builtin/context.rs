//! What the probe itself has: arguments, results, names.

use super::{Builtin, Call};
use crate::ir::{Expr, Helper};
use crate::probe::{Context, registers};
use crate::sema::{Lower, Operand};
use crate::types::{Space, TypeId};

/// Name of the entry that stands for all arguments.
const ARGUMENT: &str = "arg";
/// What the fields of an event, or the arguments by name, are called together.
pub(crate) const ARGUMENTS: &str = "args";
/// The kernel's struct of registers.
const REGISTERS: &str = "pt_regs";
/// The kernel's struct for what samples pass.
const SAMPLE: &str = "bpf_perf_event_data";
/// What a function's result is called.
pub(crate) const RESULT: &str = "retval";

pub(super) const ALL: &[Builtin] = &[
    Builtin::variable(ARGUMENTS, "struct", "The fields of a tracepoint's record, or the arguments by name.", args)
        .reserved()
        .details("`args.filename` and `args->filename` are the same. A misspelt field is answered with the list of all. `args` \
                  alone is a record of all fields. At `uprobe` the program must have debug information (`gcc -g`), and those \
                  arguments have names that are in registers for integers.")
        .only_in(&[Context::Record, Context::UserEntry, Context::Event, Context::Arguments, Context::Outcome], "the arguments of a function are `arg0`, `arg1` and so on")
        .examples(&["tracepoint:syscalls:sys_enter_openat { printf(\"%s\\n\", str(args.filename)); }"]),
    Builtin::variable("ctx", "struct *", "What the kernel passes to the probe's program.", ctx)
        .reserved()
        .details("At `iter` it is the object at hand, such as `ctx.task`; the fields are those of `struct bpf_iter__task` \
                  and its like, and `ctx.meta.seq_num` is its number, from 0. At probes on functions it is `struct pt_regs`, \
                  the registers; at `profile`, `interval`, `software`, `hardware` and `watchpoint` it is \
                  `struct bpf_perf_event_data`, which has them in `regs`.")
        .only_in(&[Context::Object, Context::Entry, Context::Return, Context::UserEntry, Context::Mark, Context::Sample], "the fields of a tracepoint are in `args`, and a function's arguments are `arg0` and so on")
        .examples(&["iter:task { printf(\"%d %s\\n\", ctx.task.pid, ctx.task.comm); }"]),
    Builtin::variable(ARGUMENT, "uint64", "`arg0`, `arg1` …: the arguments of the probed function or event.", argument)
        .reserved()
        .details("As many as the machine passes in registers: six on x86_64, eight on arm64. A `rawtracepoint` has as many as \
                  its event, a `usdt` as many as its mark.")
        .only_in(&[Context::Entry, Context::UserEntry, Context::Event, Context::Mark], "`fentry`, `fexit` and tracepoints have theirs by name, in `args`, and a function's result is `retval`")
        .examples(&["kprobe:vfs_read { @size = hist(arg2); }"]),
    Builtin::variable(RESULT, "uint64", "What the probed function returned.", retval)
        .details("At `fexit` it has the type that the function returns.")
        .only_in(&[Context::Return, Context::Outcome], "a function's result is known where it returns: `fexit`, `kretprobe`, `uretprobe`; that of a system call's tracepoint is `args.ret`")
        .examples(&["kretprobe:vfs_read { @bytes = hist(retval); }"]),
    Builtin::variable("func", "string", "Name of the probed function.", func)
        .only_in(&[Context::Entry, Context::UserEntry, Context::Return, Context::Arguments, Context::Outcome], "the probe's whole name is `probe`")
        .examples(&["kprobe:vfs_read, kprobe:vfs_write { @[func] = count(); }"]),
    Builtin::variable("probe", "string", "Full name of the probe.", probe)
        .examples(&["kprobe:vfs_read, kprobe:vfs_write { @[probe] = count(); }"]),
    Builtin::variable("probetype", "string", "Name of the probe's type.", probetype)
        .details("It is the whole name, also where the script has a short form: `kprobe` for `k`. `begin`, `end` and `self` \
                  are `special`, and `bench` is `benchmark`.")
        .examples(&["kprobe:vfs_read, kretprobe:vfs_read { @[probetype] = count(); }"]),
];

/// The name of the table's entry for a name in a script: `arg` for `arg0`.
pub(super) fn family_name(name: &str) -> &str {
    match index(name) {
        Some(_) => ARGUMENT,
        None if name == ARGUMENT => "",
        None => name,
    }
}

fn index(name: &str) -> Option<usize> {
    let digits = name.strip_prefix(ARGUMENT)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn args(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let is_user = lower.probe_context() == Context::UserEntry;
    let record = if is_user { lower.user_arguments(call) } else { lower.args_type() };
    let Some(record) = record else {
        let limit = match (is_user, lower.is_substituted()) {
            // That was complained of.
            (true, _) => return lower.poison(),
            (_, true) => {
                "without trampolines on its functions, this kernel has the arguments at the entry alone"
            }
            (_, false) => "the arguments of a BPF program are not known here",
        };
        return lower.complain_limit(call, limit.to_owned());
    };
    let context = lower.b.add(Expr::ContextAddress(0), record);
    lower.operand(context)
}

fn ctx(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let ty = match lower.probe_context() {
        Context::Object => {
            let Some(record) = lower.args_type() else { return lower.poison() };
            lower.b.types().pointer(record, Space::Context)
        }
        Context::Sample => lower.kernel_pointer(SAMPLE),
        _ if lower.is_substituted() => {
            let limit =
                "without kprobes, this kernel has the arguments of a function but no registers";
            return lower.complain_limit(call, limit.to_owned());
        }
        _ => {
            lower.needs_registers();
            lower.kernel_pointer(REGISTERS)
        }
    };
    let ty = lower.b.types().respaced(ty, Space::Context);
    let context = lower.b.add(Expr::ContextAddress(0), ty);
    lower.operand(context)
}

fn argument(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let index = index(call.name).unwrap_or(0);
    match lower.probe_context() {
        Context::Event => return event_argument(lower, call, index),
        Context::Mark => return lower.mark_argument(call, index),
        Context::Entry if lower.is_substituted() => return event_argument(lower, call, index),
        _ => {}
    }
    match registers::argument(lower.arch(), index) {
        Some(offset) => context(lower, offset),
        None => {
            let most = (0..)
                .take_while(|&index| registers::argument(lower.arch(), index).is_some())
                .count();
            lower.complain_limit(
                call,
                format!("only `arg0` to `arg{}` are passed in registers", most - 1),
            )
        }
    }
}

/// The arguments of an event stand side by side, 8 bytes each.
fn event_argument(lower: &mut Lower<'_>, call: &Call<'_>, index: usize) -> Operand {
    let Some(args) = lower.args_type() else { return lower.poison() };
    let count = lower.b.types().size(args) as usize / 8;
    if index < count {
        return context(lower, index as u32 * 8);
    }
    let limit = match count {
        0 => "there are no arguments here".to_owned(),
        1 => "there is `arg0` alone here".to_owned(),
        _ => format!("there are only `arg0` to `arg{}` here", count - 1),
    };
    lower.complain_limit(call, limit)
}

fn retval(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    if lower.probe_context() == Context::Outcome {
        return typed_result(lower, call);
    }
    let register = registers::result(lower.arch());
    let place = lower.result_place().map(|(offset, _)| offset.unwrap_or(register));
    match place {
        None if lower.is_substituted() => typed_result(lower, call),
        place => context(lower, place.unwrap_or(register)),
    }
}

/// What a function returned, in its own type.
fn typed_result(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    match lower.result_place() {
        Some((Some(offset), ty)) => lower.context_value(offset, ty),
        Some((None, ty)) => asked_result(lower, ty),
        None => lower.complain_limit(call, "this function returns nothing".to_owned()),
    }
}

/// The same where the kernel has to be asked: a number.
fn asked_result(lower: &mut Lower<'_>, ty: TypeId) -> Operand {
    let local = lower.b.local("result", TypeId::U64);
    let context = lower.b.types().pointer(TypeId::VOID, Space::Context);
    let args = vec![lower.b.add(Expr::ContextAddress(0), context), lower.b.address(local, 0)];
    lower.b.call_void(Helper::GetFuncRet, args);
    let word = lower.local_operand(local);
    let value = lower.b.convert(word.expr, ty);
    lower.operand(value)
}

fn context(lower: &mut Lower<'_>, offset: u32) -> Operand {
    let register = lower.b.add(Expr::Context(offset), TypeId::U64);
    lower.operand(register)
}

fn func(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    lower.function_name()
}

fn probetype(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    let name = lower.probe_type();
    lower.text(name.as_bytes())
}

fn probe(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    lower.probe_label()
}
