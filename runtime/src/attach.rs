//! Programs onto events, and off again.

mod closing;
mod iterator;
mod kprobe;
pub(crate) mod multi;
mod progress;
mod refusal;
mod sampled;
pub(crate) mod tracing;

use std::collections::{HashMap, HashSet};
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};

use ebtrace_image::{Attach, Image, MissingProbes, Probe, Site};
use libbpf_rs::{Link, Object, ProgramMut};

use crate::binary::{Changed, Verified};
use crate::kernel::{self, Tracefs, TracefsError};
use crate::perf::{self, Event, Function, Scope};
pub(crate) use closing::Closing;
use multi::Multi;
use progress::Progress;

/// Where in the configuration of a uprobe the offset of a counter begins.
const SEMAPHORE_SHIFT: u32 = 32;

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
    /// The file of a uprobe is another by now, so that the offset may be within an instruction of it.
    #[error(
        "the file was replaced after the script was compiled; run it again to probe the new one"
    )]
    Replaced,
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

/// How attaching goes on.
struct How<'a> {
    /// It ends with the first that cannot be attached.
    strict: bool,
    progress: Progress<'a>,
}

/// What keeps a program attached.
#[derive(Debug)]
enum Held {
    /// An event, and the link of a program to it.
    Event { event: Event, link: OwnedFd },
    /// A link.
    Link(#[expect(dead_code, reason = "closing it is what it is for")] Link),
    /// The same.
    Descriptor(#[expect(dead_code, reason = "closing it is what it is for")] OwnedFd),
}

impl Links {
    /// Attaches all probes but `begin` and `end`, and says which could not be where the script runs without them. What
    /// is sampled is only that of `process`, if it is given. Where it takes long, `terminal` shows how far it has come.
    ///
    /// # Errors
    /// The first that cannot be attached, or none can; those that were are detached again.
    pub(crate) fn attach(
        image: &Image,
        object: &Object,
        process: Option<u32>,
        terminal: Option<&mut (dyn Write + 'static)>,
    ) -> Result<(Self, Vec<AttachError>), AttachError> {
        let programs: HashMap<&OsStr, ProgramMut<'_>> =
            object.progs_mut().map(|program| (program.name(), program)).collect();
        let mut attacher = Attacher {
            tracefs: None,
            process,
            verified: Verified::default(),
            links: Self::default(),
        };
        let points: usize = image.probes.iter().map(|probe| probe.points.len()).sum();
        let strict = image.settings.missing_probes == MissingProbes::Error;
        let mut how = How { strict, progress: Progress::new(points, terminal) };
        let mut missing = Vec::new();
        for probe in in_order(&image.probes) {
            let site = image.sites.get(probe.site.0 as usize);
            let Some(program) = programs.get(OsStr::new(&probe.program)) else {
                let reason = AttachReason::NoProgram(probe.program.clone());
                return Err(AttachError::new(&probe.label, site, reason));
            };
            for (label, reason) in attacher.attach_all(probe, program, &mut how) {
                let error = AttachError::new(label, site, reason);
                if strict {
                    return Err(error);
                }
                missing.push(error);
            }
        }
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

impl Links {
    /// Takes all programs off their events: none is started any more. What is left is to be closed, for which there is
    /// time.
    pub(crate) fn stop(mut self) -> Closing {
        self.take_off()
    }

    fn take_off(&mut self) -> Closing {
        let (mut events, mut links) = (Vec::new(), Vec::new());
        for held in std::mem::take(&mut self.held) {
            match held {
                Held::Event { event, link } => {
                    events.push(event);
                    links.push(link);
                }
                Held::Link(_) | Held::Descriptor(_) => {}
            }
        }
        closing::close(links);
        Closing::new(events)
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        drop(self.take_off());
    }
}

/// Probes in the order to attach them, so that those of one event fire in the order of the script.
///
/// The kernel appends programs to a tracepoint and return probes of kernel functions, but puts entry probes of functions
/// in front of those that are there, and so it does with what it counts itself, but for the clocks.
fn in_order(probes: &[Probe]) -> impl Iterator<Item = &Probe> {
    let any = |probe: &Probe, test: fn(&Attach) -> bool| {
        probe.points.iter().any(|point| test(&point.attach))
    };
    let is_reversed = |probe: &&Probe| {
        any(probe, |attach| match attach {
            Attach::Kprobe { ret, .. } => !ret,
            Attach::Uprobe { .. } | Attach::Trampoline { .. } | Attach::Program { .. } => true,
            Attach::Counter(counter) => !counter.hardware && !perf::is_clock(counter.event),
            _ => false,
        })
    };
    // Those that another one's program carries out are attached with it.
    let parts: HashSet<usize> =
        probes.iter().filter_map(|probe| Some(probe.returns? as usize)).collect();
    let own = probes
        .iter()
        .enumerate()
        .filter(|(index, probe)| !parts.contains(index) && !any(probe, Attach::is_run));
    let (reversed, forward): (Vec<&Probe>, Vec<&Probe>) =
        own.map(|(_, probe)| probe).partition(is_reversed);
    forward.into_iter().chain(reversed.into_iter().rev())
}

struct Attacher {
    tracefs: Option<Tracefs>,
    /// The process that what is sampled, and what user code triggers, is restricted to.
    process: Option<u32>,
    /// The programs that uprobes are in.
    verified: Verified,
    links: Links,
}

impl Attacher {
    /// Attaches a program to all its points; what could not be, with the name of the point.
    fn attach_all<'p>(
        &mut self,
        probe: &'p Probe,
        program: &ProgramMut<'_>,
        how: &mut How<'_>,
    ) -> Vec<(&'p str, AttachReason)> {
        let together = match multi::of(probe) {
            None => None,
            Some(Multi::Kprobes(edge)) => {
                let links = kprobe::many(program, &probe.points, edge);
                Some(links.map(|links| links.into_iter().map(Held::Descriptor).collect()))
            }
            Some(Multi::Uprobes { ret }) => {
                let links =
                    multi::uprobes(program, &probe.points, ret, self.process, &mut self.verified);
                Some(links.map(|links| links.into_iter().map(Held::Link).collect::<Vec<_>>()))
            }
        };
        match together {
            Some(Ok(links)) => {
                how.progress.step(probe.points.len());
                self.links.held.extend(links);
                Vec::new()
            }
            Some(Err(reason)) => vec![(&probe.label, reason)],
            None => {
                let mut failed = Vec::new();
                let mut names = kprobe::repeated(&probe.points);
                for (index, point) in probe.points.iter().enumerate() {
                    let cookie = index as u64;
                    let tried = match kprobe::shared(&point.attach, &mut names) {
                        // Those that follow the first are attached with it.
                        Some(false) => Ok(()),
                        Some(true) => self.attach_all_named(&point.attach, program, cookie),
                        None => self.attach(&point.attach, program, cookie),
                    };
                    failed.extend(tried.err().map(|reason| (point.label.as_str(), reason)));
                    if !failed.is_empty() && how.strict {
                        break;
                    }
                    how.progress.step(1);
                }
                failed
            }
        }
    }

    fn attach(
        &mut self,
        attach: &Attach,
        program: &ProgramMut<'_>,
        cookie: u64,
    ) -> Result<(), AttachReason> {
        match attach {
            Attach::Begin | Attach::End | Attach::Signal | Attach::Test(_) | Attach::Bench(_) => {
                Ok(())
            }
            Attach::Kprobe { function, offset, ret } => {
                match kprobe::one(function, *offset, *ret) {
                    Err(reason) if kprobe::is_one_of_many(&reason) => {
                        self.attach_all_named(attach, program, cookie)
                    }
                    event => self.start(Ok(event?), program, cookie, refusal::kprobe),
                }
            }
            Attach::Uprobe { path, offset, ret, semaphore, stamp } => {
                let (number, config) = source(Facility::Uprobes, "uprobe", *ret)?;
                let counter = semaphore.unwrap_or(0) << SEMAPHORE_SHIFT;
                let source = (number, config | counter);
                let path = self.verified.path(path, *stamp).map_err(changed)?;
                let name = CString::new(path).map_err(|_| AttachReason::Name)?;
                let function = Function { source, name: &name, offset: *offset };
                let scope = self.process.map_or(Scope::Cpu(0), Scope::Process);
                let event = Event::function(function, scope);
                self.start(event, program, cookie, refusal::uprobe)
            }
            Attach::Tracepoint { category, event } => {
                let id = self.tracepoint_id(category, event)?;
                self.start(Event::tracepoint(id), program, cookie, refusal::other)
            }
            Attach::Iterator { walk, pin, .. } => {
                let walk = (*walk, self.process);
                let (link, iterator) = iterator::iterate(program, walk, pin.as_deref())?;
                self.links.held.push(Held::Descriptor(link));
                self.links.iterator = iterator;
                Ok(())
            }
            Attach::RawTracepoint { .. } | Attach::Trampoline { .. } | Attach::Program { .. } => {
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

    /// To all functions of one name.
    fn attach_all_named(
        &mut self,
        attach: &Attach,
        program: &ProgramMut<'_>,
        cookie: u64,
    ) -> Result<(), AttachReason> {
        let Attach::Kprobe { function, offset, ret } = attach else { return Ok(()) };
        for event in kprobe::all(function, *offset, *ret)? {
            self.start(Ok(event), program, cookie, refusal::kprobe)?;
        }
        Ok(())
    }

    /// Runs a program whenever the event happens.
    fn start(
        &mut self,
        event: io::Result<Event>,
        program: &ProgramMut<'_>,
        cookie: u64,
        explain: fn(&io::Error) -> &'static str,
    ) -> Result<(), AttachReason> {
        let held = event.and_then(|event| {
            let link = event.run(program.as_fd(), cookie)?;
            Ok(Held::Event { event, link })
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

fn changed(changed: Changed) -> AttachReason {
    match changed {
        Changed::Replaced => AttachReason::Replaced,
        Changed::Gone(error) => refused(error, refusal::uprobe),
    }
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
            together: false,
            returns: None,
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
