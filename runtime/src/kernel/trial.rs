//! Facilities that only a trial shows.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::null;

use libbpf_rs::libbpf_sys::{
    BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_PERF_EVENT, BPF_PROG_TYPE_RAW_TRACEPOINT,
    BPF_PROG_TYPE_TRACEPOINT, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, BPF_TRACE_KPROBE_MULTI,
    BPF_TRACE_KPROBE_SESSION, BPF_TRACE_RAW_TP, bpf_attach_type, bpf_btf_get_fd_by_id, bpf_insn,
    bpf_link_create, bpf_prog_load, bpf_prog_load_opts, bpf_prog_type,
};

/// `r0 = 0`
const ZERO: u8 = 0xb7;
/// `exit`
const EXIT: u8 = 0x95;
/// `call`
const CALL: u8 = 0x85;
/// What is called is a function of the kernel, by the number of its type.
const PSEUDO_KFUNC_CALL: u8 = 2;
/// Bytes of the verifier's words about a program of a few instructions.
const LOG_SIZE: usize = 16 * 1024;

/// Whether one BPF link can be attached to many kernel functions (`CONFIG_FPROBE`).
pub(crate) fn kprobe_multi() -> bool {
    attaches(BPF_TRACE_KPROBE_MULTI)
}

/// Whether such a link can be for entry and return.
pub(crate) fn kprobe_session() -> bool {
    attaches(BPF_TRACE_KPROBE_SESSION)
}

fn attaches(kind: bpf_attach_type) -> bool {
    let Ok(program) = smallest_program(kind) else { return false };
    // SAFETY: there may be no options.
    let made = unsafe { bpf_link_create(program.as_raw_fd(), -1, kind, null()) };
    // A link to no function is refused in another way where there are such links.
    made == -libc::EINVAL
}

fn smallest_program(kind: bpf_attach_type) -> io::Result<OwnedFd> {
    let instruction = |code| bpf_insn { code, ..Default::default() };
    let code = [instruction(ZERO), instruction(EXIT)];
    let options = bpf_prog_load_opts { expected_attach_type: kind, ..no_options() };
    load(BPF_PROG_TYPE_KPROBE, &code, options)
}

/// Whether the kernel takes a program for the function that has this number among its types. The program does nothing,
/// and is gone at once.
pub fn has_trampolines(function: u32) -> bool {
    let instruction = |code| bpf_insn { code, ..Default::default() };
    let code = [instruction(ZERO), instruction(EXIT)];
    let options = bpf_prog_load_opts {
        expected_attach_type: BPF_TRACE_FENTRY,
        attach_btf_id: function,
        ..no_options()
    };
    load(BPF_PROG_TYPE_TRACING, &code, options).is_ok()
}

/// How the kernel runs a program that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// `BPF_PROG_TYPE_KPROBE`
    Kprobe,
    /// `BPF_PROG_TYPE_TRACEPOINT`
    Tracepoint,
    /// `BPF_PROG_TYPE_PERF_EVENT`
    PerfEvent,
    /// `BPF_PROG_TYPE_RAW_TRACEPOINT`
    RawTracepoint,
    /// `BPF_PROG_TYPE_TRACING`
    Tracing {
        /// The number of an event's type, for the program to be on.
        event: u32,
    },
}

/// Whether the kernel lets a program call the function that has this number among its types, or those of a module. The
/// program is never run.
pub fn permits_function(trial: Trial, function: u32, module: Option<&str>) -> bool {
    let module = module.map(module_types);
    let types = match &module {
        Some(None) => return false,
        Some(Some(types)) => types.as_raw_fd(),
        None => 0,
    };
    // The kernel's own types are number 0.
    let (blobs, blob) = ([0, types], i16::from(module.is_some()));
    let mut call =
        bpf_insn { code: CALL, off: blob, imm: function.cast_signed(), ..bpf_insn::default() };
    call.set_src_reg(PSEUDO_KFUNC_CALL);
    let instruction = |code| bpf_insn { code, ..Default::default() };
    let code = [call, instruction(ZERO), instruction(EXIT)];
    let (kind, attach_type, event) = match trial {
        Trial::Kprobe => (BPF_PROG_TYPE_KPROBE, 0, 0),
        Trial::Tracepoint => (BPF_PROG_TYPE_TRACEPOINT, 0, 0),
        Trial::PerfEvent => (BPF_PROG_TYPE_PERF_EVENT, 0, 0),
        Trial::RawTracepoint => (BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0),
        Trial::Tracing { event } => (BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, event),
    };
    let mut log = vec![0u8; LOG_SIZE];
    let options = bpf_prog_load_opts {
        expected_attach_type: attach_type,
        attach_btf_id: event,
        fd_array: blobs.as_ptr(),
        log_level: 1,
        log_size: log.len() as u32,
        log_buf: log.as_mut_ptr().cast(),
        ..no_options()
    };
    if load(kind, &code, options).is_ok() {
        return true;
    }
    // What it is not given is a fault too, but of those that are found only where it may be called at all.
    let log = String::from_utf8_lossy(&log);
    let came_to_it = log.lines().any(|line| line.starts_with("0: "));
    came_to_it && !log.contains("is not allowed")
}

/// A descriptor of a module's types.
fn module_types(module: &str) -> Option<OwnedFd> {
    let mut all = libbpf_rs::query::BtfInfoIter::default();
    let info = all.find(|info| info.name.to_string_lossy() == module)?;
    // SAFETY: it takes a number and returns a descriptor or an error.
    let fd = unsafe { bpf_btf_get_fd_by_id(info.id) };
    // SAFETY: the kernel has just made this descriptor for us alone.
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
}

fn no_options() -> bpf_prog_load_opts {
    bpf_prog_load_opts { sz: size_of::<bpf_prog_load_opts>() as _, ..Default::default() }
}

fn load(
    kind: bpf_prog_type,
    code: &[bpf_insn],
    options: bpf_prog_load_opts,
) -> io::Result<OwnedFd> {
    let (name, license) = (c"ebt_trial", c"GPL");
    // SAFETY: the code, the names and what the options point to outlive the call, and lengths are as they are.
    let fd = unsafe {
        bpf_prog_load(
            kind,
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
