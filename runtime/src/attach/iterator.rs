//! Iterators: a link between a program and the kernel's objects of one kind, to be read here or at a path.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use ebtrace_image::Walk;
use libbpf_rs::ProgramMut;
use libbpf_rs::libbpf_sys::{
    BPF_CGROUP_ITER_DESCENDANTS_PRE, BPF_TRACE_ITER, bpf_iter_create, bpf_iter_link_info,
    bpf_link_create, bpf_link_create_opts, bpf_obj_pin,
};

use super::{AttachReason, refusal, refused};

/// Makes an iterator, through what belongs to a process if one is given. Without a path, what is to be read is returned
/// with the link.
pub(super) fn iterate(
    program: &ProgramMut<'_>,
    (walk, process): (Walk, Option<u32>),
    pin: Option<&str>,
) -> Result<(OwnedFd, Option<File>), AttachReason> {
    let failed = |error| refused(error, refusal::other);
    let link = link(program, walk, process).map_err(failed)?;
    match pin {
        None => {
            let file = open(&link).map_err(failed)?;
            Ok((link, Some(file)))
        }
        Some(path) => {
            stay(&link, path).map_err(|error| refused(error, explain_pin))?;
            Ok((link, None))
        }
    }
}

fn link(program: &ProgramMut<'_>, walk: Walk, process: Option<u32>) -> io::Result<OwnedFd> {
    let mut info = bpf_iter_link_info::default();
    let mut options = bpf_link_create_opts {
        sz: size_of::<bpf_link_create_opts>() as _,
        ..bpf_link_create_opts::default()
    };
    let wants_info = match (walk, process) {
        (Walk::Tree, _) => {
            info.cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_PRE;
            true
        }
        (Walk::Processes, Some(process)) => {
            info.task.pid = process;
            true
        }
        _ => false,
    };
    if wants_info {
        options.iter_info = &raw mut info;
        options.iter_info_len = size_of::<bpf_iter_link_info>() as _;
    }
    // SAFETY: the options are as large as they say, and what they point to outlives the call.
    let fd = unsafe {
        bpf_link_create(program.as_fd().as_raw_fd(), 0, BPF_TRACE_ITER, &raw const options)
    };
    owned(fd)
}

fn open(link: &OwnedFd) -> io::Result<File> {
    // SAFETY: the call takes nothing but a number.
    owned(unsafe { bpf_iter_create(link.as_raw_fd()) }).map(File::from)
}

/// What libbpf says is a new descriptor, or a negative error number.
fn owned(fd: i32) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(-fd));
    }
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn stay(link: &OwnedFd, path: &str) -> io::Result<()> {
    let path = CString::new(path)?;
    // SAFETY: the path ends in a NUL and outlives the call.
    match unsafe { bpf_obj_pin(link.as_raw_fd(), path.as_ptr()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error.abs())),
    }
}

fn explain_pin(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EEXIST) => {
            "there is something at the path already; remove it, or choose another path"
        }
        Some(libc::EINVAL) => {
            "the path is not in a BPF file system; `mount -t bpf bpf /sys/fs/bpf` makes one"
        }
        Some(libc::EPERM | libc::ENOENT) => {
            "a BPF file system has no such path; its names have no dots in them"
        }
        _ => refusal::other(error),
    }
}
