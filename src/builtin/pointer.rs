//! Addresses: whose memory they belong to, and what they are within.

use super::{Builtin, Call, one};
use crate::sema::{Lower, Operand};
use crate::types::Space;

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
];

fn kptr(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    lower.address_in_space(call, Space::Kernel)
}

fn uptr(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    lower.address_in_space(call, Space::User)
}

fn container_of(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    lower.container_of(call)
}
