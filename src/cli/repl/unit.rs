//! Probes that run beside the prompt, each in a thread of its own.
//!
//! The probes of one entry are a group, as those of a script are: `exit()` in one of them ends all, and the `end` probes
//! run when the last of the others has ended.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};

use ebtrace_image::{Attach, Image};
use ebtrace_runtime::binary::DebugFolders;
use ebtrace_runtime::render::{Buffering, Format};
use ebtrace_runtime::{
    End, Ender, Error, Options, Part, Process, RunningProgram, Session, SharedMap,
};

use anyhow::Context as _;

use super::Event;
use super::screen::Screen;
use crate::cli::args::Args;
use crate::cli::session;

/// How all probes of a session behave.
pub(super) struct Manner {
    pub(super) format: Format,
    pub(super) buffering: Buffering,
    pub(super) warnings: bool,
    pub(super) terminal: bool,
    pub(super) verbose: bool,
    /// Where output goes in place of the screen.
    pub(super) output: Option<File>,
    pub(super) process: Option<u32>,
    pub(super) unwound: Vec<u32>,
    pub(super) debuginfo: String,
    pub(super) listeners: Listeners,
}

impl Manner {
    /// As the command line says.
    ///
    /// # Errors
    /// The file for the output cannot be made.
    pub(super) fn new(args: &Args, terminal: bool, listeners: Listeners) -> anyhow::Result<Self> {
        let output = args.manner.output.as_ref().map(|path| {
            File::create(path)
                .with_context(|| format!("cannot write the output to {}", path.display()))
        });
        let output = output.transpose()?;
        Ok(Self {
            format: session::format(&args.manner),
            buffering: session::buffering(&args.manner),
            warnings: !args.no_warnings,
            terminal: terminal && output.is_none(),
            verbose: args.manner.verbose,
            output,
            process: args.pid,
            unwound: args.dwarf_pid.clone(),
            debuginfo: args.debuginfo.clone().unwrap_or_default(),
            listeners,
        })
    }
}

/// Those that SIGUSR1 is for, as long as they run.
#[derive(Clone, Default)]
pub(super) struct Listeners(Arc<Mutex<Vec<Weak<Ender>>>>);

impl Listeners {
    fn add(&self, one: &Arc<Ender>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(one));
    }

    /// It came.
    pub(super) fn signal(&self) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(Weak::upgrade).for_each(|one| one.signal());
    }
}

/// What runs in one thread.
pub(super) struct Job {
    pub(super) image: Image,
    /// Maps that are there already.
    pub(super) maps: Vec<SharedMap>,
    /// Takes the output in place of what the session says.
    pub(super) output: Option<Box<dyn Write + Send>>,
}

/// When a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moment {
    /// Once, at once.
    Begin,
    /// While it is attached.
    Always,
    /// Once, after the others.
    End,
}

impl Moment {
    pub(super) fn of(image: &Image) -> Moment {
        let mut points = image.probes.iter().flat_map(|probe| &probe.points);
        match points.next().map(|point| &point.attach) {
            Some(Attach::Begin) => Moment::Begin,
            Some(Attach::End) => Moment::End,
            _ => Moment::Always,
        }
    }
}

/// The probes of one entry.
#[derive(Default)]
pub(super) struct Group {
    /// Of those that are attached, and of those that come last.
    enders: Mutex<Vec<(Moment, Arc<Ender>)>>,
    /// How many are attached.
    attached: AtomicUsize,
}

impl Group {
    fn join(&self, moment: Moment, ender: &Arc<Ender>) {
        let mut enders = self.enders.lock().unwrap_or_else(PoisonError::into_inner);
        enders.push((moment, Arc::clone(ender)));
        if moment == Moment::Always {
            self.attached.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn end(&self, moment: Moment) {
        let enders = self.enders.lock().unwrap_or_else(PoisonError::into_inner);
        enders.iter().filter(|(when, _)| *when == moment).for_each(|(_, ender)| ender.end());
    }

    /// Ends all of it, in order.
    pub(super) fn stop(&self) {
        self.end(Moment::Always);
        self.settle();
    }

    /// What comes last may come, if no other is left.
    pub(super) fn settle(&self) {
        if self.attached.load(Ordering::SeqCst) == 0 {
            self.end(Moment::End);
        }
    }

    /// The same, but for what waits alone.
    pub(super) fn settle_if_begun(&self) {
        let enders = self.enders.lock().unwrap_or_else(PoisonError::into_inner);
        let has_begun = enders.iter().any(|(moment, _)| *moment == Moment::Always);
        drop(enders);
        if has_begun {
            self.settle();
        }
    }

    fn leave(&self, exits: bool) {
        if exits {
            self.end(Moment::Always);
        }
        self.attached.fetch_sub(1, Ordering::SeqCst);
        self.settle();
    }
}

/// A probe that runs.
pub(super) struct Running {
    ender: Arc<Ender>,
    pub(super) group: Arc<Group>,
    programs: Vec<RunningProgram>,
    thread: JoinHandle<Result<Option<u8>, Error>>,
    /// Events that it is attached to.
    pub(super) points: usize,
    /// Until it is dropped, nothing is printed.
    hold: Option<Sender<()>>,
}

impl Running {
    /// Lets it print, for those who know of it by now.
    pub(super) fn release(&mut self) {
        self.hold = None;
    }

    /// How often its program ran.
    pub(super) fn runs(&self) -> u64 {
        runs(&self.programs)
    }

    /// Whether it has ended by itself.
    pub(super) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends it.
    pub(super) fn stop(&self) {
        self.ender.end();
    }

    /// Waits until it has ended: how often it ran, and what the script gave to `exit`, if it did.
    pub(super) fn join(mut self) -> (u64, Result<Option<u8>, Error>) {
        self.release();
        let result = self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (runs(&self.programs), result)
    }
}

fn runs(programs: &[RunningProgram]) -> u64 {
    programs.iter().filter_map(|program| program.runs().ok()).sum()
}

/// What a thread says when everything is attached.
struct Started {
    maps: Vec<SharedMap>,
    programs: Vec<RunningProgram>,
}

/// Loads and attaches; returns when that is done, with the maps of the script.
///
/// # Errors
/// An [`Error`] of the runtime, or what the system says.
pub(super) fn start(
    job: Job,
    manner: &Manner,
    screen: &Screen,
    group: &Arc<Group>,
    events: &Sender<Event>,
) -> anyhow::Result<(Running, Vec<SharedMap>)> {
    let moment = Moment::of(&job.image);
    let points = job.image.probes.iter().map(|probe| probe.points.len()).sum();
    let (ender, end) = Ender::new()?;
    let ender = Arc::new(ender);
    let waits = if moment == Moment::End { Some(end.share()?) } else { None };
    let (hold, held) = mpsc::channel();
    let hold = Some(hold).filter(|_| moment == Moment::Always);
    let make = maker(manner, job.output, screen)?;
    let (tell, told) = mpsc::channel();
    let (own, over) = (Arc::clone(group), events.clone());
    let work = move || {
        let part = Part { maps: job.maps, end };
        let result = make(part).and_then(|options| run(job.image, options, (held, waits), &tell));
        // Who waits for it to start learns that it did not.
        drop(tell);
        if moment == Moment::Always {
            own.leave(matches!(result, Ok(Some(_))));
        }
        // The session may be over.
        let _ = over.send(Event::Over);
        result
    };
    group.join(moment, &ender);
    manner.listeners.add(&ender);
    let thread = thread::Builder::new().name("ebtrace".to_owned()).spawn(work)?;
    match told.recv() {
        Ok(Started { maps, programs }) => {
            let group = Arc::clone(group);
            let running = Running { ender, group, programs, thread, points, hold };
            Ok((running, maps))
        }
        Err(_) => {
            let result = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let error = result.err().map(anyhow::Error::from);
            Err(error.unwrap_or_else(|| anyhow::anyhow!("the probe ended before it was attached")))
        }
    }
}

/// Makes the options of a session in the thread that it runs in.
fn maker(
    manner: &Manner,
    output: Option<Box<dyn Write + Send>>,
    screen: &Screen,
) -> anyhow::Result<impl FnOnce(Part) -> Result<Options, Error> + Send + 'static> {
    let file = manner.output.as_ref().map(File::try_clone).transpose()?;
    let output: Box<dyn Write + Send> = match (output, file) {
        (Some(output), _) => output,
        (None, Some(file)) => Box::new(file),
        (None, None) => Box::new(screen.output()),
    };
    let errors: Box<dyn Write + Send> = Box::new(screen.errors());
    let process = manner.process.map(Process::open).transpose()?;
    let Manner { format, buffering, warnings, terminal, verbose, .. } = *manner;
    let (unwound, debuginfo) = (manner.unwound.clone(), manner.debuginfo.clone());
    Ok(move |part| {
        Ok(Options {
            format,
            buffering,
            warnings,
            terminal,
            verbose,
            quiet: true,
            process,
            unwound,
            debug_folders: DebugFolders::before(&debuginfo),
            part: Some(part),
            ..Options::new(output, errors)
        })
    })
}

/// The whole life of a probe; returns what it gave to `exit`, if it did.
fn run(
    image: Image,
    options: Options,
    (held, waits): (Receiver<()>, Option<End>),
    tell: &Sender<Started>,
) -> Result<Option<u8>, Error> {
    let attached = Session::load(image, options)?.attach()?;
    let started = Started { maps: attached.maps()?, programs: attached.programs() };
    // Whoever waits for it is there.
    let _ = tell.send(started);
    // Nothing is ever sent.
    let _ = held.recv();
    if let Some(end) = waits {
        end.wait();
    }
    let stopped = attached.poll()?;
    let exit = stopped.exit();
    stopped.finish()?;
    Ok(exit)
}
