//! What the kernel's refusals mean for each kind of probe.

use std::io;

/// Of a kernel function.
pub(super) fn kprobe(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::ENOENT) => "there is no such function in the kernel or a loaded module",
        Some(libc::EINVAL) => "the kernel does not allow probes on this function",
        Some(libc::EADDRNOTAVAIL) => {
            "several functions have this name, so the kernel cannot tell which one is meant"
        }
        Some(libc::EILSEQ) => "there is no instruction at this offset",
        Some(libc::ERANGE) => "this offset is beyond the end of the function",
        _ => other(error),
    }
}

/// Of a function of a program or library.
pub(super) fn uprobe(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::ENOENT) => "there is no such file",
        Some(libc::ESRCH) => "the process has ended",
        Some(libc::EINVAL) => {
            "there is no instruction that can be probed at this offset of the file"
        }
        _ => other(error),
    }
}

/// Of a timer.
pub(super) fn timer(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EINVAL) => {
            "this rate is above what the kernel allows, see /proc/sys/kernel/perf_event_max_sample_rate"
        }
        _ => other(error),
    }
}

/// Of something that is counted.
pub(super) fn counter(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::EOPNOTSUPP) => {
            "this machine does not count it; `profile:hz:99` samples what its CPUs run"
        }
        Some(libc::EBUSY) => "the counters of the processor are in use",
        Some(libc::EINVAL) => "the kernel does not allow a period as large as this",
        _ => other(error),
    }
}

/// Of memory that is watched.
pub(super) fn watchpoint(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::ENOSPC) => {
            "no debug register of the processor is left (x86_64 has 4, which debuggers use too)"
        }
        Some(libc::EINVAL) => "the kernel does not allow this address to be watched like that",
        Some(libc::ENOENT | libc::ENODEV | libc::EOPNOTSUPP) => {
            "this machine has no debug registers"
        }
        _ => other(error),
    }
}

/// Of anything else.
pub(super) fn other(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "this process may not trace; run as root, or with CAP_BPF and CAP_PERFMON"
        }
        Some(libc::EMFILE) => "too many open files; raise the limit with `ulimit -n`",
        Some(libc::E2BIG) => "the kernel runs no more than 64 programs on one event",
        _ => "the kernel refused",
    }
}
