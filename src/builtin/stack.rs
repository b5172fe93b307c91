//! Call stacks, and names of addresses.

use ebtrace_image::{Action, Failure, StackMode};

use super::{Builtin, Call, Permit, one, optional};
use crate::host::{Arch, Version};
use crate::ir::build::image_site;
use crate::ir::{BinaryOp, Expr, ExprId, Helper, LocalId, Part, StmtKind, Unwinding};
use crate::options::{STACKS, Unstable};
use crate::sema::{Lower, Operand};
use crate::syntax::ast::{self, ExprKind};
use crate::types::{Space, Type, TypeId};

/// Frames of a stack whose number is not given.
const DEFAULT_FRAMES: u32 = 127;
/// The most frames that can be asked for.
const MOST_FRAMES: i128 = 1024;
/// `BPF_F_USER_STACK`
const USER_STACK: u64 = 1 << 8;
/// `BPF_F_USER_BUILD_ID`
const BUILD_ID: u64 = 1 << 11;
/// Where the parts of a stack are: see `ebtrace_image::Shape::Stack`.
const PID_AT: u32 = 0;
pub(super) const COUNT_AT: u32 = 8;
const FRAMES_AT: u32 = 16;
/// Where the parts of a symbol are: see `ebtrace_image::Shape::Symbol`.
const ADDRESS_AT: u32 = 0;
const SYMBOL_PID_AT: u32 = 8;

pub(super) const ALL: &[Builtin] = &[
    Builtin::variable("kstack", "kstack_t", "Call stack of the kernel.", kstack)
        .reserved()
        .taking(&[optional("mode"), optional("frames")])
        .details("`kstack(5)` takes at most 5 frames; the default is 127, the most 1024, and the kernel takes no more than \
                  `/proc/sys/kernel/perf_event_max_stack` says. The mode says how it is shown: `bpftrace` (the \
                  default, or what `stack_mode` says), `perf` with addresses and modules, or `raw` with addresses alone. Older \
                  kernels (6.1 among them) have none to give at `syscalls` tracepoints, where it is empty.")
        .examples(&[
            "profile:hz:99 { @[kstack(5)] = count(); } interval:s:1 { exit(); }",
            "kprobe:vfs_read { @[kstack(perf, 3)] = count(); }",
        ]),
    Builtin::variable("ustack", "ustack_t", "Call stack of the current process in user space.", ustack)
        .reserved()
        .taking(&[optional("mode"), optional("frames")])
        .details("Written as `kstack`, with one mode more: `build_id` shows the identities of the files that the code is \
                  from, and offsets in them. The kernel follows frame pointers, so programs built without them have short \
                  stacks. Functions that were inlined have lines of their own where the program has debug information, which can be in a file of \
                  its own: see `--debuginfo`. Processes that have ended, and those in containers, have symbols too.")
        .examples(&[
            "uprobe:libc:malloc { @[ustack(3)] = count(); }",
            "uprobe:libc:malloc { @[ustack(build_id, 3)] = count(); }",
        ]),
    Builtin::variable("dw_ustack", "ustack_t", "Call stack of the current process, which can be built without frame pointers.", dw_ustack)
        .taking(&[optional("mode"), optional("frames")])
        .permitted_by(Permit::Unstable(Unstable::DwUstack))
        .details("Written and shown as `ustack`, but for the mode `build_id`. It goes by the tables that compilers make for exceptions \
                  (`.eh_frame`), which programs and libraries have unless they were built with \
                  `-fno-asynchronous-unwind-tables`. It works for the processes that the command line names: with `-p`, `-c` or \
                  `--dwarf-pid`, which can be repeated. Where the walk cannot go on, the stack ends in `<unwind failure>`, and a \
                  warning says why, once for each place in the script. A command (`-c`) is held until its libraries are in \
                  memory; code that a process gets later, by `dlopen` or by running another program, is known some \
                  milliseconds after, and code that is made at run time is not known; nor is who called a function that a \
                  `uretprobe` waits for. It needs x86_64 and Linux 5.17. It may still \
                  change: `config = { unstable_dw_ustack = enable }` says that this is known.")
        .examples(&[
            "config = { unstable_dw_ustack = enable } uprobe:libc:malloc { @[dw_ustack(5)] = count(); }",
            "config = { unstable_dw_ustack = enable } profile:hz:99 { @[dw_ustack(perf)] = count(); }",
        ]),
    Builtin::function("ksym", &[one("address")], "The function of the kernel that has code at an address.", ksym)
        .returning("ksym_t")
        .details("It is looked up when it is shown: the name of the function, or the address where there is none.")
        .examples(&["kprobe:vfs_read { @[ksym(((struct file *)arg0).f_op.read)] = count(); }"]),
    Builtin::function("usym", &[one("address")], "The function of the current process that has code at an address.", usym)
        .returning("usym_t")
        .details("It is looked up when it is shown: the name of the function, or the address where there is none.")
        .examples(&["uprobe:libc:malloc { @[usym(arg1)] = count(); }"]),
];

/// The first kernel that can call a walk's steps.
const UNWINDS: Version = (5, 17, 0);

fn kstack(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    stack(lower, call, false)
}

fn ustack(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    stack(lower, call, true)
}

/// A stack without frames, and how many it can have.
fn empty(
    lower: &mut Lower<'_>,
    call: &Call<'_>,
    user: bool,
    by_file: bool,
) -> Option<(LocalId, StackMode, u32)> {
    let (mode, frames) = form(lower, call, by_file)?;
    let ty = lower.b.types().intern(Type::Stack { user, frames, mode });
    let local = lower.b.local("stack", ty);
    lower.b.zero(local);
    if user {
        let pid = process(lower);
        lower.b.store_part(local, PID_AT, TypeId::U32, pid);
    }
    Some((local, mode, frames))
}

fn dw_ustack(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    if lower.arch() != Arch::X86_64 {
        let limit = "stacks of programs without frame pointers are known on x86_64 alone";
        return lower.complain_limit(call, limit.to_owned());
    }
    if lower.kernel() < UNWINDS {
        let headline = "stacks without frame pointers need Linux 5.17 or newer".to_owned();
        return lower.complain_kernel(call, headline, "`ustack` follows frame pointers");
    }
    let Some((local, _, frames)) = empty(lower, call, true, false) else { return lower.poison() };
    let state = Type::Array { of: TypeId::U64, len: Unwinding::WORDS };
    let state = lower.b.types().intern(state);
    let state = lower.b.local("unwinding", state);
    let pid = process(lower);
    let pid = lower.b.convert(pid, TypeId::U64);
    let pid = lower.b.name(pid);
    let args = vec![
        lower.b.address(local, FRAMES_AT),
        lower.b.int(u64::from(frames), TypeId::U64),
        lower.b.address(state, 0),
        pid,
    ];
    let count = lower.b.call(Helper::Unwind, args, TypeId::I64);
    lower.b.store_part(local, COUNT_AT, TypeId::I64, count);
    let [trouble, address] =
        [Unwinding::TROUBLE, Unwinding::ADDRESS].map(|offset| word_of(lower, state, offset));
    let failed = lower.b.binary_int(BinaryOp::NotEqual, trouble, 0);
    let site = image_site(lower.b.site(call.span));
    lower.b.if_else(
        failed,
        |b| {
            let failure = Failure::NotUnwound;
            b.emit(Action::Fail { site, failure }, vec![trouble, pid, address]);
        },
        |_| {},
    );
    lower.local_operand(local)
}

fn word_of(lower: &mut Lower<'_>, local: LocalId, offset: u32) -> ExprId {
    let result = lower.b.value(TypeId::U64);
    let part = Part { local, offset, further: None };
    lower.b.stmt(StmtKind::LoadPart { result, part });
    lower.b.add(Expr::Value(result), TypeId::U64)
}

fn stack(lower: &mut Lower<'_>, call: &Call<'_>, user: bool) -> Operand {
    let Some((local, mode, frames)) = empty(lower, call, user, user) else {
        return lower.poison();
    };
    let context_type = lower.b.types().pointer(TypeId::VOID, Space::Context);
    let by_file = if mode == StackMode::BuildId { BUILD_ID } else { 0 };
    let args = vec![
        lower.b.add(Expr::ContextAddress(0), context_type),
        lower.b.address(local, FRAMES_AT),
        lower.b.int(u64::from(frames * mode.frame_size()), TypeId::U32),
        lower.b.int(if user { USER_STACK | by_file } else { lower.own_frames() }, TypeId::U64),
    ];
    let bytes = lower.b.call(Helper::GetStack, args, TypeId::I64);
    let bytes = lower.b.name(bytes);
    let zero = lower.b.int(0, TypeId::I64);
    let failed = lower.b.binary(BinaryOp::Less, bytes, zero);
    let site = image_site(lower.b.site(call.span));
    lower.b.if_else(
        failed,
        |b| b.emit(Action::Fail { site, failure: Failure::NoStack { user } }, vec![bytes]),
        |_| {},
    );
    let size = i128::from(mode.frame_size().trailing_zeros());
    let count = lower.b.binary_int(BinaryOp::ShiftRight, bytes, size as u64);
    let count = lower.b.select(failed, zero, count);
    lower.b.store_part(local, COUNT_AT, TypeId::I64, count);
    lower.local_operand(local)
}

/// The process at hand, by the number that `/proc` has for it; 0 where it has none.
fn process(lower: &mut Lower<'_>) -> ExprId {
    let both = lower.shown_thread_ids();
    let pid = lower.b.binary_int(BinaryOp::ShiftRight, both, 32);
    lower.b.convert(pid, TypeId::U32)
}

/// How the stack is shown, and how many frames it has.
fn form(lower: &mut Lower<'_>, call: &Call<'_>, by_file: bool) -> Option<(StackMode, u32)> {
    let first = call.args.first().and_then(word);
    let mode = match (first, call.args.len()) {
        // Only files of processes have identities.
        (None, 0 | 1) => match lower.stack_mode() {
            StackMode::BuildId if !by_file => StackMode::Bpftrace,
            mode => mode,
        },
        (None, _) => {
            lower.complain_argument(call, 0, &wanted(by_file), "a value");
            return None;
        }
        (Some(name), _) => match STACKS.iter().find(|(known, _)| *known == name) {
            Some((_, StackMode::BuildId)) if !by_file => {
                let found = "`build_id`, which only `ustack` has";
                lower.complain_argument(call, 0, &wanted(by_file), found);
                return None;
            }
            Some((_, mode)) => *mode,
            None => {
                lower.complain_argument(call, 0, &wanted(by_file), &format!("`{name}`"));
                return None;
            }
        },
    };
    let at = usize::from(first.is_some());
    let frames = match call.args.get(at) {
        None => DEFAULT_FRAMES,
        Some(_) => lower.literal_int_in(call, at, 1, MOST_FRAMES)? as u32,
    };
    Some((mode, frames))
}

fn word(arg: &ast::Expr) -> Option<&str> {
    match &arg.kind {
        ExprKind::Ident(name) => Some(name),
        _ => None,
    }
}

fn wanted(by_file: bool) -> String {
    let known = STACKS.iter().filter(|(_, mode)| by_file || *mode != StackMode::BuildId);
    let names: Vec<&str> = known.map(|(name, _)| *name).collect();
    format!("one of {}", names.join(", "))
}

fn ksym(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    symbol(lower, call, false)
}

fn usym(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    symbol(lower, call, true)
}

fn symbol(lower: &mut Lower<'_>, call: &Call<'_>, user: bool) -> Operand {
    let Some(address) = lower.arg(call, 0) else { return lower.poison() };
    let types = lower.b.types();
    if !types.is_int(address.ty) && !matches!(types.get(address.ty), Type::Pointer { .. }) {
        return lower.complain_type(call, 0, "an address", &address);
    }
    let ty = lower.b.types().intern(Type::Symbol { user });
    let local = lower.b.local("symbol", ty);
    lower.b.zero(local);
    let address = lower.b.convert(address.expr, TypeId::U64);
    lower.b.store_part(local, ADDRESS_AT, TypeId::U64, address);
    if user {
        let pid = process(lower);
        lower.b.store_part(local, SYMBOL_PID_AT, TypeId::U32, pid);
    }
    lower.local_operand(local)
}
