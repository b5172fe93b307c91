//! Who is running: process, thread, user, CPU.

use super::{Builtin, Call};
use crate::ir::{BinaryOp, Helper};
use crate::sema::{Lower, Operand};
use crate::types::TypeId;

/// Size of the kernel's buffer for a thread's name, its NUL included.
const TASK_COMM_LEN: u32 = 16;

pub(super) const ALL: &[Builtin] = &[
    Builtin::variable("pid", "uint32", "Process id of the current thread.", pid)
        .reserved()
        .details("It is the thread group id: all threads of a process have the same.")
        .examples(&["begin { print(pid); exit(); }"]),
    Builtin::variable("tid", "uint32", "Thread id of the current thread.", tid)
        .reserved()
        .examples(&["begin { print(tid); exit(); }"]),
    Builtin::variable("uid", "uint64", "User id of the current process.", uid)
        .examples(&["tracepoint:syscalls:sys_enter_openat /uid == 0/ { @[comm] = count(); }"]),
    Builtin::variable("gid", "uint64", "Group id of the current process.", gid)
        .examples(&["begin { print(gid); exit(); }"]),
    Builtin::variable("comm", "string[16]", "Name of the current thread.", comm)
        .details("At most 15 bytes; longer names are cut by the kernel.")
        .examples(&["tracepoint:syscalls:sys_enter_openat { @[comm] = count(); }"]),
    Builtin::variable("cpu", "uint32", "Number of the CPU that the probe runs on.", cpu)
        .examples(&["profile:hz:99 { @[cpu] = count(); }"]),
    Builtin::variable("curtask", "struct task_struct *", "The kernel's description of the current thread.", curtask)
        .details("Its fields are those of the running kernel, or of a `struct task_struct` that the script defines.")
        .examples(&["begin { printf(\"%s %d\\n\", curtask->comm, curtask->pid); exit(); }"]),
];

fn pid(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    half(lower, Helper::GetCurrentPidTgid, true, TypeId::U32)
}

fn tid(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    half(lower, Helper::GetCurrentPidTgid, false, TypeId::U32)
}

fn uid(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    half(lower, Helper::GetCurrentUidGid, false, TypeId::U64)
}

fn gid(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    half(lower, Helper::GetCurrentUidGid, true, TypeId::U64)
}

/// Half of a helper that returns two numbers in one.
fn half(lower: &mut Lower<'_>, helper: Helper, upper: bool, ty: TypeId) -> Operand {
    let both = lower.b.call(helper, Vec::new(), TypeId::U64);
    let number = if upper {
        lower.b.binary_int(BinaryOp::ShiftRight, both, 32)
    } else {
        lower.b.binary_int(BinaryOp::And, both, 0xffff_ffff)
    };
    let number = lower.b.convert(number, ty);
    lower.operand(number)
}

fn comm(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    let ty = lower.b.types().string(TASK_COMM_LEN);
    let local = lower.b.local("comm", ty);
    // Some kernels, 6.1 among them, write no further than the NUL.
    lower.b.zero(local);
    let (address, size) =
        (lower.b.address(local, 0), lower.b.int(u64::from(TASK_COMM_LEN), TypeId::U32));
    lower.b.call_void(Helper::GetCurrentComm, vec![address, size]);
    lower.local_operand(local)
}

fn cpu(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    let number = lower.b.call(Helper::GetSmpProcessorId, Vec::new(), TypeId::U64);
    let number = lower.b.convert(number, TypeId::U32);
    lower.operand(number)
}

fn curtask(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    let ty = lower.kernel_pointer("task_struct");
    let address = lower.b.call(Helper::GetCurrentTask, Vec::new(), TypeId::U64);
    let address = lower.b.convert(address, ty);
    lower.operand(address)
}
