//! Programs whose target the kernel learns when it loads them, by its number among the kernel's types.

use std::io;

use ebtrace_image::{Attach, Image};
use libbpf_rs::{Link, OpenObject, ProgramMut};

use super::{AttachReason, refusal, refused};
use crate::load::LoadError;
use crate::map::io_error;

/// Tells libbpf the targets of all programs that need them, before it loads them.
pub(crate) fn set_targets(open: &mut OpenObject, image: &Image) -> Result<(), LoadError> {
    for probe in &image.probes {
        let Some(target) = probe.points.first().and_then(|point| target(&point.attach)) else {
            continue;
        };
        let program = open.progs_mut().find(|program| *program.name() == *probe.program);
        let mut program =
            program.ok_or_else(|| LoadError::Missing(format!("program `{}`", probe.program)))?;
        program.set_attach_target(0, Some(target)).map_err(|error| LoadError::Refused {
            reason: format!("{} is not there", probe.label),
            error: io_error(error),
        })?;
    }
    Ok(())
}

/// What libbpf looks for.
fn target(attach: &Attach) -> Option<String> {
    match attach {
        Attach::Trampoline { module, function, .. } => Some(format!("{module}:{function}")),
        Attach::RawTracepoint { module, event } => Some(format!("{module}:{event}")),
        Attach::Iterator { object, .. } => Some(object.clone()),
        _ => None,
    }
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
