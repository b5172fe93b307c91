//! Who is running: process, thread, user, CPU.

use ebtrace_image::Action;

use super::{Builtin, Call, optional};
use crate::ir::build::image_site;
use crate::ir::{BinaryOp, Block, ExprId, Helper, StmtKind, TASK_FROM_PID};
use crate::sema::{Lower, Operand};
use crate::syntax::ast::ExprKind;
use crate::types::{TypeId, Worded, format};

/// Size of the kernel's buffer for a thread's name, its NUL included.
const TASK_COMM_LEN: u32 = 16;

/// Size of the text that a process's name by its number is, so that there is room for more than a name.
const NAME_SIZE: u32 = 64;
/// Where the kernel's description of a process has its name.
const NAME_FIELD: &str = "comm";
/// The name of a process that is not there.
const NO_NAME: &[u8] = b"N/A";
/// The name of a process where the kernel cannot look for it.
const UNKNOWN_NAME: &[u8] = b"[unknown]";

/// What the numbers are called that the first processes of the machine know.
const MACHINES: &str = "init";
/// Those that ebtrace itself knows.
const OWN: &str = "curr_ns";

pub(super) const ALL: &[Builtin] = &[
    Builtin::variable("pid", "uint32", "Process id of the current thread.", pid)
        .reserved()
        .taking(&[optional("whose")])
        .details("It is the thread group id: all threads of a process have the same. In a container, where processes have \
                  numbers of their own, it is the number there, as `pid(curr_ns)` is; `pid(init)` is the one that the whole \
                  machine knows. A process outside of the container is 0 there.")
        .examples(&["begin { print(pid); exit(); }"]),
    Builtin::variable("tid", "uint32", "Thread id of the current thread.", tid)
        .reserved()
        .taking(&[optional("whose")])
        .details("`tid(init)` and `tid(curr_ns)` are as for `pid`.")
        .examples(&["begin { print(tid); exit(); }"]),
    Builtin::variable("uid", "uint64", "User id of the current process.", uid)
        .examples(&["tracepoint:syscalls:sys_enter_openat /uid == 0/ { @[comm] = count(); }"]),
    Builtin::variable("gid", "uint64", "Group id of the current process.", gid)
        .examples(&["begin { print(gid); exit(); }"]),
    Builtin::variable("username", "username_t", "Name of the current process's user.", username)
        .details("The name is looked up when it is shown, and empty where the machine knows none. For any user id it is \
                  `(username_t)id`.")
        .examples(&["tracepoint:syscalls:sys_enter_openat { @[username] = count(); }"]),
    Builtin::variable("comm", "string[16]", "Name of the current thread.", comm)
        .taking(&[optional("pid")])
        .details("At most 15 bytes; longer names are cut by the kernel. `comm(pid)` is the name of any process or thread, by the \
                  number that the whole machine knows it by: `N/A`, with a warning, where there is none of this number, and \
                  `[unknown]` on kernels before Linux 6.2, which cannot look for it. It is for `fentry`, `fexit`, \
                  `rawtracepoint` and `iter`, and for `tracepoint`, `interval` and their like from Linux 6.12 on.")
        .examples(&[
            "tracepoint:syscalls:sys_enter_openat { @[comm] = count(); }",
            "rawtracepoint:sched_process_exit { printf(\"%s, child of %s\\n\", comm, comm(args.p.real_parent.tgid)); }",
        ]),
    Builtin::variable("cpu", "uint32", "Number of the CPU that the probe runs on.", cpu)
        .examples(&["profile:hz:99 { @[cpu] = count(); }"]),
    Builtin::variable("curtask", "struct task_struct *", "The kernel's description of the current thread.", curtask)
        .details("Its fields are those of the running kernel, or of a `struct task_struct` that the script defines.")
        .examples(&["begin { printf(\"%s %d\\n\", curtask->comm, curtask->pid); exit(); }"]),
];

fn pid(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    thread_number(lower, call, true)
}

fn tid(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    thread_number(lower, call, false)
}

/// The number of the process or the thread.
fn thread_number(lower: &mut Lower<'_>, call: &Call<'_>, process: bool) -> Operand {
    let of_machine = match call.args.first().map(|arg| &arg.kind) {
        None => false,
        Some(ExprKind::Ident(name)) if name == MACHINES => true,
        Some(ExprKind::Ident(name)) if name == OWN => false,
        Some(other) => {
            let found = match other {
                ExprKind::Ident(name) => format!("`{name}`"),
                _ => "a value".to_owned(),
            };
            let wants = format!("`{MACHINES}` or `{OWN}`");
            return lower.complain_argument(call, 0, &wants, &found);
        }
    };
    let ids = lower.thread_ids(of_machine);
    let number = halved(lower, ids, process, TypeId::U32);
    lower.operand(number)
}

fn uid(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    half(lower, Helper::GetCurrentUidGid, false, TypeId::U64)
}

fn gid(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    half(lower, Helper::GetCurrentUidGid, true, TypeId::U64)
}

fn username(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let id = uid(lower, call);
    lower.worded(Worded::User, &[(0, id.expr)])
}

/// Half of a helper that returns two numbers in one.
fn half(lower: &mut Lower<'_>, helper: Helper, upper: bool, ty: TypeId) -> Operand {
    let both = lower.b.call(helper, Vec::new(), TypeId::U64);
    let number = halved(lower, both, upper, ty);
    lower.operand(number)
}

fn halved(lower: &mut Lower<'_>, both: ExprId, upper: bool, ty: TypeId) -> ExprId {
    let number = if upper {
        lower.b.binary_int(BinaryOp::ShiftRight, both, 32)
    } else {
        lower.b.binary_int(BinaryOp::And, both, 0xffff_ffff)
    };
    lower.b.convert(number, ty)
}

fn comm(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    if !call.args.is_empty() {
        return comm_of(lower, call);
    }
    let ty = lower.b.types().string(TASK_COMM_LEN);
    let local = lower.b.local("comm", ty);
    // Some kernels, 6.1 among them, write no further than the NUL.
    lower.b.zero(local);
    let (address, size) =
        (lower.b.address(local, 0), lower.b.int(u64::from(TASK_COMM_LEN), TypeId::U32));
    lower.b.call_void(Helper::GetCurrentComm, vec![address, size]);
    lower.local_operand(local)
}

/// The name of any process or thread.
fn comm_of(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(number) = lower.int_arg(call, 0) else { return lower.poison() };
    let ty = lower.b.types().string(NAME_SIZE);
    let local = lower.b.local("comm", ty);
    if !lower.offers(TASK_FROM_PID) {
        let message = format!("this kernel cannot look for processes: it has no {TASK_FROM_PID}()");
        warn(lower, call, &message, None);
        let name = lower.b.bytes(UNKNOWN_NAME);
        lower.b.store(local, name);
        return lower.local_operand(local);
    }
    match lower.kernel_permits(call, TASK_FROM_PID) {
        None => return lower.poison(),
        Some(true) => {}
        Some(false) => {
            let help = "probe with `fentry`, `fexit`, `rawtracepoint` or `iter`, or keep names in a map: `@name[pid] = comm`";
            return lower.complain_not_permitted(call, "look for processes by their numbers", help);
        }
    }
    let pid = lower.coerce(&number, TypeId::I32);
    let pid = lower.b.name(pid);
    lower.b.zero(local);
    let Some(found) = lower.name_of_task((call, NAME_FIELD), pid, local) else {
        return lower.poison();
    };
    lower.b.begin();
    let name = lower.b.bytes(NO_NAME);
    lower.b.store(local, name);
    warn(lower, call, "No such process (pid=%d)", Some(pid));
    let otherwise = lower.b.end();
    lower.b.stmt(StmtKind::If { condition: found, then: Block::default(), otherwise });
    lower.local_operand(local)
}

/// Says a warning, with a number in it or none.
fn warn(lower: &mut Lower<'_>, call: &Call<'_>, message: &str, number: Option<ExprId>) {
    let site = image_site(lower.b.site(call.span));
    // A message of our own is a format that can be read.
    let Ok(format) = format::parse(message.as_bytes()) else { return };
    lower.b.emit(Action::Message { site, error: false, format }, number.into_iter().collect());
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
