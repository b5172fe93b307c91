//! Addresses: whose memory they belong to, and what they are within.

use super::{Builtin, Call, one, optional};
use crate::sema::{Lower, Operand};
use crate::types::{Space, Type};

pub(super) const ALL: &[Builtin] = &[
    Builtin::function("kptr", &[one("address")], "An address in the kernel's memory.", kptr)
        .returning("pointer")
        .details("Says where an address points in probes that do not: `begin`, `end`, `interval` and `profile`. A \
                  pointer keeps its type, an integer becomes a `void *`.")
        .examples(&["interval:s:1 { $p = (uint32 *)kptr(0xffffffff81000000); print(*$p); exit(); }"]),
    Builtin::function("uptr", &[one("address")], "An address in the memory of the current process.", uptr)
        .returning("pointer")
        .details("The counterpart of `kptr()`: for addresses that the kernel was given by a process.")
        .examples(&["kprobe:do_sys_openat2 { print(str(uptr(arg1))); }"]),
    Builtin::function("kaddr", &[one("symbol")], "The address of a symbol of the kernel.", kaddr)
        .returning("uint64")
        .details("The symbol is one of `/proc/kallsyms`; it is looked up before the script runs.")
        .examples(&["begin { printf(\"%p\\n\", kaddr(\"vfs_open\")); exit(); }"]),
    Builtin::function(
        "percpu_kaddr",
        &[one("variable"), optional("cpu")],
        "The address of a variable of the kernel that each CPU has its own of.",
        percpu_kaddr,
    )
    .returning("uint64")
    .details(
        "It is the one of the CPU that the probe runs on, or of the CPU that is named. Where there is no such CPU, it is 0, \
         and what is read there is 0 too. The kernel's types tell the variables; a cast says what stands at the address.",
    )
    .examples(&[
        "interval:s:1 { $queue = (struct rq *)percpu_kaddr(\"runqueues\", 0); print($queue->nr_running); exit(); }",
    ]),
    Builtin::function(
        "container_of",
        &[one("pointer"), one("type"), one("member")],
        "The struct that a member at an address is part of.",
        container_of,
    )
    .returning("pointer")
    .details("The type is written as `typeof(struct s)`; the member is a field, or a field of a field: `a.b`. The \
              kernel's lists and trees link such members.")
    .examples(&[
        "begin { $t = (struct thread_info *)curtask; \
         print(container_of($t, typeof(struct task_struct), thread_info) == curtask); exit(); }",
    ]),
    Builtin::function("unwatch", &[one("address")], "Nothing: for scripts that ended watchpoints once.", unwatch)
        .acting()
        .details("Watchpoints that last while a function runs are no longer part of the language, so there is none to end.")
        .examples(&["begin { unwatch(0x10000); exit(); }"]),
];

fn kptr(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    lower.address_in_space(call, Space::Kernel)
}

fn uptr(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    lower.address_in_space(call, Space::User)
}

fn kaddr(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    if lower.is_ahead() {
        return lower.complain_ahead(call, "the kernel has other addresses each time it starts");
    }
    let Some(name) = lower.literal_text(call, 0) else { return lower.poison() };
    lower.symbol_address(call, &String::from_utf8_lossy(&name))
}

fn percpu_kaddr(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(name) = lower.literal_text(call, 0) else { return lower.poison() };
    lower.cpu_variable_address(call, &String::from_utf8_lossy(&name))
}

fn container_of(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    lower.container_of(call)
}

fn unwatch(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(address) = lower.arg(call, 0) else { return lower.poison() };
    match lower.b.types().get(address.ty) {
        Type::Int { .. } | Type::Pointer { .. } => lower.void(),
        _ => lower.complain_type(call, 0, "an address", &address),
    }
}
