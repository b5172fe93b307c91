//! Facilities that only a trial shows.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::null;

use libbpf_rs::libbpf_sys::{
    BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, bpf_insn, bpf_link_create, bpf_prog_load,
    bpf_prog_load_opts,
};

/// `r0 = 0`
const ZERO: u8 = 0xb7;
/// `exit`
const EXIT: u8 = 0x95;

/// Whether one BPF link can be attached to many kernel functions (`CONFIG_FPROBE`).
pub(crate) fn kprobe_multi() -> bool {
    let Ok(program) = smallest_program() else { return false };
    // SAFETY: there may be no options.
    let made = unsafe { bpf_link_create(program.as_raw_fd(), -1, BPF_TRACE_KPROBE_MULTI, null()) };
    // A link to no function is refused in another way where there are such links.
    made == -libc::EINVAL
}

fn smallest_program() -> io::Result<OwnedFd> {
    let instruction = |code| bpf_insn { code, ..Default::default() };
    let code = [instruction(ZERO), instruction(EXIT)];
    let options = bpf_prog_load_opts {
        sz: size_of::<bpf_prog_load_opts>() as _,
        expected_attach_type: BPF_TRACE_KPROBE_MULTI,
        ..Default::default()
    };
    let (name, license) = (c"ebt_trial", c"GPL");
    // SAFETY: the code, the names and the options outlive the call, and lengths are as they are.
    let fd = unsafe {
        bpf_prog_load(
            BPF_PROG_TYPE_KPROBE,
            name.as_ptr(),
            license.as_ptr(),
            code.as_ptr(),
            code.len() as _,
            (&raw const options).cast_mut(),
        )
    };
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(-fd));
    }
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
