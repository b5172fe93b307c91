//! Many functions with one link of BPF's own.

use std::collections::BTreeMap;

use ebtrace_image::{Attach, Point, Probe};
use libbpf_rs::{Link, ProgramAttachType, ProgramMut, UprobeMultiOpts};

use super::kprobe::Edge;
use super::{AttachReason, changed, refusal, refused};
use crate::binary::Verified;
use crate::map::io_error;

/// A kind of link to many functions. A program is loaded for it, and then has no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Multi {
    /// Kernel functions.
    Kprobes(Edge),
    /// Functions of programs and libraries.
    Uprobes {
        /// At return.
        ret: bool,
    },
}

impl Multi {
    /// What the program is loaded as.
    pub(crate) fn attach_type(self) -> ProgramAttachType {
        match self {
            Multi::Kprobes(Edge::Both) => ProgramAttachType::TraceKprobeSession,
            Multi::Kprobes(_) => ProgramAttachType::KprobeMulti,
            Multi::Uprobes { .. } => ProgramAttachType::TraceUprobeMulti,
        }
    }
}

/// The link that attaches all points of a probe, if one does.
pub(crate) fn of(probe: &Probe) -> Option<Multi> {
    match &probe.points.first().filter(|_| probe.together)?.attach {
        Attach::Kprobe { .. } if probe.returns.is_some() => Some(Multi::Kprobes(Edge::Both)),
        Attach::Kprobe { ret: true, .. } => Some(Multi::Kprobes(Edge::Return)),
        Attach::Kprobe { .. } => Some(Multi::Kprobes(Edge::Entry)),
        Attach::Uprobe { ret, .. } => Some(Multi::Uprobes { ret: *ret }),
        _ => None,
    }
}

/// What is attached in one file.
#[derive(Default)]
struct InFile {
    offsets: Vec<usize>,
    semaphores: Vec<usize>,
    cookies: Vec<u64>,
}

/// One link to the functions of each file, in all processes or in one.
pub(super) fn uprobes(
    program: &ProgramMut<'_>,
    points: &[Point],
    ret: bool,
    process: Option<u32>,
    verified: &mut Verified,
) -> Result<Vec<Link>, AttachReason> {
    let mut files: BTreeMap<String, InFile> = BTreeMap::new();
    for (index, point) in points.iter().enumerate() {
        let Attach::Uprobe { path, offset, semaphore, stamp, .. } = &point.attach else { continue };
        let path = verified.path(path, *stamp).map_err(changed)?;
        let file = files.entry(path).or_default();
        file.offsets.push(*offset as usize);
        file.semaphores.push(semaphore.unwrap_or(0) as usize);
        file.cookies.push(index as u64);
    }
    let process = process.map_or(-1, u32::cast_signed);
    let links = files.into_iter().map(|(path, file)| {
        let InFile { offsets, semaphores, cookies } = file;
        let any = semaphores.iter().any(|semaphore| *semaphore != 0);
        let ref_ctr_offsets = if any { semaphores } else { Vec::new() };
        let options = UprobeMultiOpts {
            offsets,
            ref_ctr_offsets,
            cookies,
            retprobe: ret,
            ..Default::default()
        };
        let link = program.attach_uprobe_multi_with_opts(process, path, "", options);
        link.map_err(|error| refused(io_error(error), refusal::uprobe))
    });
    links.collect()
}
