//! Programs onto events, and off again.

mod iterator;
pub(crate) mod multi;
mod refusal;
mod sampled;
pub(crate) mod tracing;

use std::collections::HashMap;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use ebtrace_image::{Attach, Image, MissingProbes, Probe, Site};
use libbpf_rs::{Link, Object, ProgramMut};

use crate::kernel::{self, Tracefs, TracefsError};
use crate::perf::{Event, Function, Scope};
use multi::Multi;

/// Most threads that detach at the same time.
const DETACHERS: usize = 64;
/// Where in the configuration of a uprobe the offset of a counter begins.
const SEMAPHORE_SHIFT: u32 = 32;
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
    /// What is read instead of waiting for events.
    pub(crate) iterator: Option<File>,
    held: Vec<Held>,
}

/// What keeps a program attached; it is only ever dropped.
#[derive(Debug)]
#[expect(dead_code, reason = "closing them is what they are for")]
enum Held {
    Event(Event),
    Link(Link),
    Iterator(OwnedFd),
}

impl Links {
    /// Attaches all probes but `begin` and `end`, and says which could not be where the script runs without them. What
    /// is sampled is only that of `process`, if it is given.
    ///
    /// # Errors
    /// The first that cannot be attached, or none can; those that were are detached again.
    pub(crate) fn attach(
        image: &Image,
        object: &Object,
        process: Option<u32>,
    ) -> Result<(Self, Vec<AttachError>), AttachError> {
        let programs: HashMap<&OsStr, ProgramMut<'_>> =
            object.progs_mut().map(|program| (program.name(), program)).collect();
        let mut attacher = Attacher { tracefs: None, process, links: Self::default() };
        let mut missing = Vec::new();
        for probe in in_order(&image.probes) {
            let site = image.sites.get(probe.site.0 as usize);
            let Some(program) = programs.get(OsStr::new(&probe.program)) else {
                let reason = AttachReason::NoProgram(probe.program.clone());
                return Err(AttachError::new(&probe.label, site, reason));
            };
            for (label, reason) in attacher.attach_all(probe, program) {
                let error = AttachError::new(label, site, reason);
                match image.settings.missing_probes {
                    MissingProbes::Error => return Err(error),
                    MissingProbes::Warn | MissingProbes::Ignore => missing.push(error),
                }
            }
        }
        let points: usize = image.probes.iter().map(|probe| probe.points.len()).sum();
        if missing.len() == points
            && let Some(first) = missing.pop()
        {
            return Err(first);
        }
        Ok((attacher.links, missing))
    }
}

impl AttachError {
    fn new(label: &str, site: Option<&Site>, reason: AttachReason) -> Self {
        Self { label: label.to_owned(), site: site.cloned().map(Box::new), reason }
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
    let any = |probe: &Probe, test: fn(&Attach) -> bool| {
        probe.points.iter().any(|point| test(&point.attach))
    };
    let reversed = move |probe: &&Probe| {
        any(probe, |attach| {
            matches!(
                attach,
                Attach::Kprobe { ret: false, .. }
                    | Attach::Uprobe { .. }
                    | Attach::Trampoline { .. }
            )
        })
    };
    let attached = move |probe: &&Probe| !any(probe, Attach::is_run);
    let forward = probes.iter().filter(move |probe| attached(probe) && !reversed(probe));
    forward.chain(probes.iter().rev().filter(reversed))
}

struct Attacher {
    tracefs: Option<Tracefs>,
    /// The process that what is sampled, and what user code triggers, is restricted to.
    process: Option<u32>,
    links: Links,
}

impl Attacher {
    /// Attaches a program to all its points; what could not be, with the name of the point.
    fn attach_all<'p>(
        &mut self,
        probe: &'p Probe,
        program: &ProgramMut<'_>,
    ) -> Vec<(&'p str, AttachReason)> {
        let together = match multi::of(probe) {
            None => None,
            Some(Multi::Kprobes { ret }) => Some(multi::kprobes(program, &probe.points, ret)),
            Some(Multi::Uprobes { ret }) => {
                Some(multi::uprobes(program, &probe.points, ret, self.process))
            }
        };
        match together {
            Some(Ok(links)) => {
                self.links.held.extend(links.into_iter().map(Held::Link));
                Vec::new()
            }
            Some(Err(reason)) => vec![(&probe.label, reason)],
            None => {
                let several = probe.points.len() > 1;
                let numbered = probe.points.iter().enumerate();
                let tried = numbered.map(|(index, point)| {
                    let cookie = several.then_some(index as u64);
                    (point, self.attach(&point.attach, program, cookie))
                });
                let failed =
                    tried.filter_map(|(point, tried)| Some((point.label.as_str(), tried.err()?)));
                failed.collect()
            }
        }
    }

    fn attach(
        &mut self,
        attach: &Attach,
        program: &ProgramMut<'_>,
        cookie: Option<u64>,
    ) -> Result<(), AttachReason> {
        match attach {
            Attach::Begin | Attach::End | Attach::Signal | Attach::Test(_) | Attach::Bench(_) => {
                Ok(())
            }
            Attach::Kprobe { function, offset, ret } => {
                let source = source(Facility::Kprobes, "kprobe", *ret)?;
                let name = CString::new(function.as_str()).map_err(|_| AttachReason::Name)?;
                let function = Function { source, name: &name, offset: *offset };
                let event = Event::function(function, Scope::Cpu(0));
                self.start(event, program, cookie, refusal::kprobe)
            }
            Attach::Uprobe { path, offset, ret, semaphore } => {
                let (number, config) = source(Facility::Uprobes, "uprobe", *ret)?;
                let counter = semaphore.unwrap_or(0) << SEMAPHORE_SHIFT;
                let source = (number, config | counter);
                let name = CString::new(path.as_str()).map_err(|_| AttachReason::Name)?;
                let function = Function { source, name: &name, offset: *offset };
                let scope = self.process.map_or(Scope::Cpu(0), Scope::Process);
                let event = Event::function(function, scope);
                self.start(event, program, cookie, refusal::uprobe)
            }
            Attach::Tracepoint { category, event } => {
                let id = self.tracepoint_id(category, event)?;
                self.start(Event::tracepoint(id), program, cookie, refusal::other)
            }
            Attach::Iterator { object, pin } => {
                let (link, iterator) = iterator::iterate(program, object, pin.as_deref())?;
                self.links.held.push(Held::Iterator(link));
                self.links.iterator = iterator;
                Ok(())
            }
            Attach::RawTracepoint { .. } | Attach::Trampoline { .. } => {
                self.links.held.push(Held::Link(tracing::attach(program)?));
                Ok(())
            }
            Attach::Interval(period) => {
                let cpu = sampled::online_cpus()?.first().copied().unwrap_or(0);
                let timer = Event::timer(*period, Scope::Cpu(cpu));
                self.start(timer, program, cookie, refusal::timer)
            }
            Attach::Profile(period) => {
                let open = |scope| Event::timer(*period, scope);
                self.start_everywhere(open, program, cookie, refusal::timer)
            }
            Attach::Counter(counter) => {
                let open = |scope| Event::counter(*counter, scope);
                self.start_everywhere(open, program, cookie, refusal::counter)
            }
            Attach::Watchpoint(watchpoint) => {
                let open = |scope| Event::watchpoint(*watchpoint, scope);
                self.start_everywhere(open, program, cookie, refusal::watchpoint)
            }
        }
    }

    /// Runs a program whenever the event happens. A cookie takes a link of BPF's own, which is slower to make.
    fn start(
        &mut self,
        event: io::Result<Event>,
        program: &ProgramMut<'_>,
        cookie: Option<u64>,
        explain: fn(&io::Error) -> &'static str,
    ) -> Result<(), AttachReason> {
        let held = event.and_then(|event| match cookie {
            None => event.run(program.as_fd()).map(|()| Held::Event(event)),
            Some(cookie) => event.run_with(program, cookie).map(Held::Link),
        });
        self.links.held.push(held.map_err(|error| refused(error, explain))?);
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

fn refused(error: io::Error, explain: fn(&io::Error) -> &'static str) -> AttachReason {
    AttachReason::Refused { explanation: explain(&error), error }
}

#[cfg(test)]
mod tests {
    use ebtrace_image::{Period, Point, SiteId};

    use super::*;

    #[test]
    fn entry_probes_are_attached_last_to_first() {
        let probe = |label: &str, attach| Probe {
            program: label.to_owned(),
            label: label.to_owned(),
            points: vec![Point { label: label.to_owned(), attach }],
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
