//! Programs whose target the kernel learns when it loads them, by its number among the kernel's types.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use ebtrace_image::{Attach, Image};
use libbpf_rs::libbpf_sys::bpf_prog_get_fd_by_id;
use libbpf_rs::{Link, OpenObject, ProgramMut};

use super::{AttachReason, refusal, refused};
use crate::load::LoadError;
use crate::map::io_error;

/// Tells libbpf the targets of all programs that need them, before it loads them. What is returned has to stay until
/// then.
pub(crate) fn set_targets(open: &mut OpenObject, image: &Image) -> Result<Vec<OwnedFd>, LoadError> {
    let mut held = Vec::new();
    for probe in &image.probes {
        let Some(target) = probe.points.first().and_then(|point| target(&point.attach)) else {
            continue;
        };
        let program = open.progs_mut().find(|program| *program.name() == *probe.program);
        let mut program =
            program.ok_or_else(|| LoadError::Missing(format!("program `{}`", probe.program)))?;
        let gone =
            |error| LoadError::Refused { reason: format!("{} is not there", probe.label), error };
        let of = target.program.map(by_number).transpose().map_err(gone)?;
        let fd = of.as_ref().map_or(0, AsRawFd::as_raw_fd);
        let set = program.set_attach_target(fd, Some(target.function));
        set.map_err(|error| gone(io_error(error)))?;
        held.extend(of);
    }
    Ok(held)
}

/// What libbpf looks for.
struct Target {
    /// Among the types of this program, if not those of the kernel.
    program: Option<u32>,
    function: String,
}

fn target(attach: &Attach) -> Option<Target> {
    let of_kernel = |function| Some(Target { program: None, function });
    match attach {
        Attach::Trampoline { module, function: name, .. }
        | Attach::RawTracepoint { module, event: name } => of_kernel(format!("{module}:{name}")),
        Attach::Iterator { object, .. } => of_kernel(object.clone()),
        Attach::Program { id, function, .. } => {
            Some(Target { program: Some(*id), function: function.clone() })
        }
        _ => None,
    }
}

/// The program with this number.
fn by_number(id: u32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes nothing but a number.
    let fd = unsafe { bpf_prog_get_fd_by_id(id) };
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(-fd));
    }
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Attaches a program to its target.
pub(super) fn attach(program: &ProgramMut<'_>) -> Result<Link, AttachReason> {
    program.attach_trace().map_err(|error| refused(io_error(error), explain))
}

fn explain(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::ENOENT) => "the kernel or the module no longer has it",
        _ => refusal::other(error),
    }
}
