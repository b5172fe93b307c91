//! Call stacks.

use super::{Builtin, Call, optional};
use crate::ir::{BinaryOp, Expr, Helper};
use crate::sema::{Lower, Operand};
use crate::types::{Space, Type, TypeId};

/// Frames of a stack whose number is not given.
const DEFAULT_FRAMES: u32 = 127;
/// The most frames that can be asked for.
const MOST_FRAMES: i128 = 1024;
/// `BPF_F_USER_STACK`
const USER_STACK: u64 = 1 << 8;
/// Where the parts of a stack are: see `ebtrace_image::Shape::Stack`.
const PID_AT: u32 = 0;
pub(super) const COUNT_AT: u32 = 8;
const FRAMES_AT: u32 = 16;

pub(super) const ALL: &[Builtin] = &[
    Builtin::variable("kstack", "kstack_t", "Call stack of the kernel.", kstack)
        .reserved()
        .taking(&[optional("frames")])
        .details("`kstack(5)` takes at most 5 frames; the default is 127, the most 1024. Older kernels (6.1 among them) have \
                  none to give at `syscalls` tracepoints, where it is empty.")
        .examples(&["profile:hz:99 { @[kstack(5)] = count(); } interval:s:1 { exit(); }"]),
    Builtin::variable("ustack", "ustack_t", "Call stack of the current process in user space.", ustack)
        .reserved()
        .taking(&[optional("frames")])
        .details("`ustack(5)` takes at most 5 frames; the default is 127, the most 1024. Programs built without \
                  frame pointers have short stacks.")
        .examples(&["uprobe:libc:malloc { @[ustack(3)] = count(); }"]),
];

fn kstack(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    stack(lower, call, false)
}

fn ustack(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    stack(lower, call, true)
}

fn stack(lower: &mut Lower<'_>, call: &Call<'_>, user: bool) -> Operand {
    let frames = match call.args.first() {
        None => DEFAULT_FRAMES,
        Some(_) => match lower.literal_int_in(call, 0, 1, MOST_FRAMES) {
            Some(frames) => frames as u32,
            None => return lower.poison(),
        },
    };
    let ty = lower.b.types().intern(Type::Stack { user, frames });
    let local = lower.b.local("stack", ty);
    lower.b.zero(local);
    if user {
        let both = lower.b.call(Helper::GetCurrentPidTgid, Vec::new(), TypeId::U64);
        let pid = lower.b.binary_int(BinaryOp::ShiftRight, both, 32);
        let pid = lower.b.convert(pid, TypeId::U32);
        lower.b.store_part(local, PID_AT, TypeId::U32, pid);
    }
    let context_type = lower.b.types().pointer(TypeId::VOID, Space::Context);
    let args = vec![
        lower.b.add(Expr::ContextAddress(0), context_type),
        lower.b.address(local, FRAMES_AT),
        lower.b.int(u64::from(frames) * 8, TypeId::U32),
        lower.b.int(if user { USER_STACK } else { lower.own_frames() }, TypeId::U64),
    ];
    let bytes = lower.b.call(Helper::GetStack, args, TypeId::I64);
    let bytes = lower.b.name(bytes);
    let zero = lower.b.int(0, TypeId::I64);
    let failed = lower.b.binary(BinaryOp::Less, bytes, zero);
    let count = lower.b.binary_int(BinaryOp::ShiftRight, bytes, 3);
    let count = lower.b.select(failed, zero, count);
    lower.b.store_part(local, COUNT_AT, TypeId::I64, count);
    lower.local_operand(local)
}
