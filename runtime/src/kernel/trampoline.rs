//! Whether the kernel runs programs by the types of its functions.

use std::os::fd::{FromRawFd, OwnedFd};

use libbpf_rs::libbpf_sys::{
    BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, bpf_insn, bpf_prog_load, bpf_prog_load_opts,
};

// Operation codes, from linux/bpf.h: `r0 = 0` and `exit`.
const MOVE: u8 = 0xb7;
const EXIT: u8 = 0x95;

/// Whether the kernel takes a program for the function that has this number among its types. The program does nothing,
/// and is gone at once.
pub fn has_trampolines(function: u32) -> bool {
    let instructions = [MOVE, EXIT].map(|code| bpf_insn { code, ..bpf_insn::default() });
    let mut options = bpf_prog_load_opts {
        sz: size_of::<bpf_prog_load_opts>() as _,
        expected_attach_type: BPF_TRACE_FENTRY,
        attach_btf_id: function,
        ..bpf_prog_load_opts::default()
    };
    // SAFETY: instructions and options are as large as is said, the texts end in a NUL, and all outlive the call.
    let fd = unsafe {
        bpf_prog_load(
            BPF_PROG_TYPE_TRACING,
            c"ebt_trial".as_ptr(),
            c"GPL".as_ptr(),
            instructions.as_ptr(),
            instructions.len() as _,
            &raw mut options,
        )
    };
    if fd < 0 {
        return false;
    }
    // SAFETY: the kernel has just made this descriptor for us alone.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
    true
}
