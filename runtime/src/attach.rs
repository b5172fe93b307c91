//! Programs onto events, and off again.

use std::collections::HashMap;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;

use ebtrace_image::{Attach, Image, MissingProbes, Probe, Site};
use libbpf_rs::{Link, Object, ProgramMut, UprobeMultiOpts};

use crate::kernel::{self, Tracefs, TracefsError};
use crate::map::io_error;
use crate::perf::{Event, Function};

/// Most threads that detach at the same time.
const DETACHERS: usize = 64;
/// From this kernel on, events that are closed at the same time share their wait; before, they delay each other.
const SHARED_WAIT: (u32, u32, u32) = (6, 13, 0);

/// A facility that a kernel may have been built without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facility {
    /// Probes on kernel functions.
    Kprobes,
    /// Probes on user functions.
    Uprobes,
    /// The kernel's static tracepoints.
    Tracepoints,
}

impl std::fmt::Display for Facility {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Facility::Kprobes => "kprobes (CONFIG_KPROBE_EVENTS)",
            Facility::Uprobes => "uprobes (CONFIG_UPROBE_EVENTS)",
            Facility::Tracepoints => "tracepoints (CONFIG_TRACING)",
        })
    }
}

/// A probe that cannot be attached.
#[derive(Debug, thiserror::Error)]
#[error("cannot attach {label}: {reason}")]
pub struct AttachError {
    /// The probe as the user knows it.
    pub label: String,
    /// Where it stands in the script.
    pub site: Option<Box<Site>>,
    /// Why not.
    #[source]
    pub reason: AttachReason,
}

/// Why a probe cannot be attached.
#[derive(Debug, thiserror::Error)]
pub enum AttachReason {
    /// The kernel cannot do it at all.
    #[error("this kernel was built without {0}")]
    Missing(Facility),
    /// The tracepoint cannot be looked up.
    #[error(transparent)]
    Tracefs(#[from] TracefsError),
    /// The kernel refused.
    #[error("{explanation} ({error})")]
    Refused {
        /// What it means for this kind of probe.
        explanation: &'static str,
        /// What the kernel said.
        error: io::Error,
    },
    /// The object has no such program: compiler and runtime disagree.
    #[error("the object has no program `{0}`; this is a bug of ebtrace")]
    NoProgram(String),
    /// A name with a NUL in it.
    #[error("its name has a NUL character in it")]
    Name,
}

/// What is attached; dropping it detaches.
#[derive(Debug, Default)]
pub(crate) struct Links {
    held: Vec<Held>,
}

/// What keeps a program attached; it is only ever dropped.
#[derive(Debug)]
#[expect(dead_code, reason = "closing them is what they are for")]
enum Held {
    Event(Event),
    Link(Link),
}

impl Links {
    /// Attaches all probes but `begin` and `end`, and says which could not be where the script runs without them.
    ///
    /// # Errors
    /// The first that cannot be attached, or none can; those that were are detached again.
    pub(crate) fn attach(
        image: &Image,
        object: &Object,
    ) -> Result<(Self, Vec<AttachError>), AttachError> {
        let programs: HashMap<&OsStr, ProgramMut<'_>> =
            object.progs_mut().map(|program| (program.name(), program)).collect();
        let mut attacher = Attacher { tracefs: None, links: Self::default() };
        let mut missing = Vec::new();
        for probe in in_order(&image.probes) {
            let program = programs
                .get(OsStr::new(&probe.program))
                .ok_or_else(|| AttachReason::NoProgram(probe.program.clone()));
            let Err(reason) = program.and_then(|program| attacher.attach(probe, program)) else {
                continue;
            };
            let label = probe.label.clone();
            let site = image.sites.get(probe.site.0 as usize).cloned().map(Box::new);
            let error = AttachError { label, site, reason };
            match image.settings.missing_probes {
                MissingProbes::Error => return Err(error),
                MissingProbes::Warn | MissingProbes::Ignore => missing.push(error),
            }
        }
        if missing.len() == image.probes.len()
            && let Some(first) = missing.pop()
        {
            return Err(first);
        }
        Ok((attacher.links, missing))
    }
}

impl Drop for Links {
    /// Detaches everything, and returns when no program runs any more.
    fn drop(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        if held.len() < 2 || kernel::version() < SHARED_WAIT {
            return;
        }
        // Closing a tracepoint waits for all CPUs, tens of milliseconds.
        let share = held.len().div_ceil(DETACHERS);
        thread::scope(|scope| {
            while !held.is_empty() {
                let rest = held.split_off(share.min(held.len()));
                let some = std::mem::replace(&mut held, rest);
                scope.spawn(move || drop(some));
            }
        });
    }
}

/// Probes in the order to attach them, so that those of one event fire in the order of the script.
///
/// The kernel appends programs to a tracepoint and return probes of kernel functions, but puts entry probes of functions
/// in front of those that are there.
fn in_order(probes: &[Probe]) -> impl Iterator<Item = &Probe> {
    let reversed = |probe: &&Probe| {
        matches!(probe.attach, Attach::Kprobe { ret: false, .. } | Attach::Uprobe { .. })
    };
    let attached = |probe: &&Probe| !matches!(probe.attach, Attach::Begin | Attach::End);
    let forward = probes.iter().filter(move |probe| attached(probe) && !reversed(probe));
    forward.chain(probes.iter().rev().filter(reversed))
}

struct Attacher {
    tracefs: Option<Tracefs>,
    links: Links,
}

impl Attacher {
    fn attach(&mut self, probe: &Probe, program: &ProgramMut<'_>) -> Result<(), AttachReason> {
        let fd = program.as_fd();
        match &probe.attach {
            Attach::Begin | Attach::End => Ok(()),
            Attach::Kprobe { function, offset, ret } => {
                let source = source(Facility::Kprobes, "kprobe", *ret)?;
                let name = CString::new(function.as_str()).map_err(|_| AttachReason::Name)?;
                let event = Event::function(Function { source, name: &name, offset: *offset });
                self.start(event, fd, kprobe_refusal)
            }
            Attach::Uprobe { path, offset, ret } if kernel::has_uprobe_multi() => {
                let options = UprobeMultiOpts {
                    offsets: vec![*offset as usize],
                    retprobe: *ret,
                    ..Default::default()
                };
                let link = program.attach_uprobe_multi_with_opts(-1, path, "", options);
                let link = link.map_err(|error| refused(io_error(error), uprobe_refusal))?;
                self.links.held.push(Held::Link(link));
                Ok(())
            }
            Attach::Uprobe { path, offset, ret } => {
                let source = source(Facility::Uprobes, "uprobe", *ret)?;
                let name = CString::new(path.as_str()).map_err(|_| AttachReason::Name)?;
                let event = Event::function(Function { source, name: &name, offset: *offset });
                self.start(event, fd, uprobe_refusal)
            }
            Attach::Tracepoint { category, event } => {
                let id = self.tracepoint_id(category, event)?;
                self.start(Event::tracepoint(id), fd, other_refusal)
            }
            Attach::Interval(period) => {
                let cpu = online_cpus()?.first().copied().unwrap_or(0);
                self.start(Event::timer(*period, cpu), fd, timer_refusal)
            }
            Attach::Profile(period) => online_cpus()?
                .into_iter()
                .try_for_each(|cpu| self.start(Event::timer(*period, cpu), fd, timer_refusal)),
        }
    }

    fn start(
        &mut self,
        event: io::Result<Event>,
        program: BorrowedFd<'_>,
        explain: fn(&io::Error) -> &'static str,
    ) -> Result<(), AttachReason> {
        let started = event.and_then(|event| event.run(program).map(|()| event));
        let event = started.map_err(|error| refused(error, explain))?;
        self.links.held.push(Held::Event(event));
        Ok(())
    }

    fn tracepoint_id(&mut self, category: &str, event: &str) -> Result<u64, AttachReason> {
        let tracefs = match self.tracefs.take() {
            Some(tracefs) => tracefs,
            None => Tracefs::open().map_err(|error| match error {
                TracefsError::NotBuilt => AttachReason::Missing(Facility::Tracepoints),
                error => AttachReason::Tracefs(error),
            })?,
        };
        let tracefs = self.tracefs.insert(tracefs);
        Ok(tracefs.id(category, event)?)
    }
}

/// Number and configuration of an event source for function probes.
fn source(facility: Facility, name: &str, ret: bool) -> Result<(u32, u64), AttachReason> {
    let missing = |_| AttachReason::Missing(facility);
    let number = kernel::event_source(name).map_err(missing)?;
    let config = if ret { 1 << kernel::return_probe_bit(name).map_err(missing)? } else { 0 };
    Ok((number, config))
}

fn online_cpus() -> Result<Vec<u32>, AttachReason> {
    kernel::online_cpus().map_err(|error| AttachReason::Refused {
        explanation: "the list of CPUs cannot be read",
        error,
    })
}

fn refused(error: io::Error, explain: fn(&io::Error) -> &'static str) -> AttachReason {
    AttachReason::Refused { explanation: explain(&error), error }
}

fn kprobe_refusal(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::ENOENT) => "there is no such function in the kernel or a loaded module",
        Some(libc::EINVAL) => "the kernel does not allow probes on this function",
        Some(libc::EADDRNOTAVAIL) => {
            "several functions have this name, so the kernel cannot tell which one is meant"
        }
        Some(libc::EILSEQ) => "there is no instruction at this offset",
        Some(libc::ERANGE) => "this offset is beyond the end of the function",
        _ => other_refusal(error),
    }
}

fn uprobe_refusal(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::ENOENT) => "there is no such file",
        Some(libc::EINVAL) => {
            "there is no instruction that can be probed at this offset of the file"
        }
        _ => other_refusal(error),
    }
}

fn timer_refusal(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EINVAL) => {
            "this rate is above what the kernel allows, see /proc/sys/kernel/perf_event_max_sample_rate"
        }
        _ => other_refusal(error),
    }
}

fn other_refusal(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "this process may not trace; run as root, or with CAP_BPF and CAP_PERFMON"
        }
        Some(libc::EMFILE) => "too many open files; raise the limit with `ulimit -n`",
        Some(libc::E2BIG) => "the kernel runs no more than 64 programs on one event",
        _ => "the kernel refused",
    }
}

#[cfg(test)]
mod tests {
    use ebtrace_image::{Period, SiteId};

    use super::*;

    #[test]
    fn entry_probes_are_attached_last_to_first() {
        let probe = |label: &str, attach| Probe {
            program: label.to_owned(),
            label: label.to_owned(),
            attach,
            site: SiteId(0),
        };
        let kprobe = |ret| Attach::Kprobe { function: "f".to_owned(), offset: 0, ret };
        let probes = [
            probe("begin", Attach::Begin),
            probe("entry 1", kprobe(false)),
            probe("return 1", kprobe(true)),
            probe("timer", Attach::Interval(Period::Hertz(1))),
            probe("entry 2", kprobe(false)),
            probe("return 2", kprobe(true)),
        ];
        let order: Vec<_> = in_order(&probes).map(|probe| probe.label.as_str()).collect();
        assert_eq!(order, ["return 1", "timer", "return 2", "entry 2", "entry 1"]);
    }
}
