//! Loads, attaches and reads what the ebtrace compiler made.
//!
//! A session goes through four states, each a type of its own, so that no step can be forgotten or come too early:
//!
//! ```text
//! Image ──load──▶ Session ──attach──▶ Attached ──poll──▶ Stopped ──finish──▶ exit status
//!                  begin programs,     events are         detached; end programs,
//!                  links, -c command   carried out        what was lost, all maps
//! ```
//!
//! Dropping any of them detaches and frees everything. The runtime knows the image and nothing of the compiler; it
//! writes only to the writers it is given.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod action;
mod attach;
pub mod binary;
pub mod bytes;
mod child;
pub mod decode;
mod iterator;
pub mod kernel;
mod load;
pub mod map;
mod perf;
mod poll;
mod process;
pub mod render;
mod run;
mod signal;
pub mod symbol;

pub use attach::{AttachError, AttachReason, Facility};
pub use child::{Child, ChildError};
pub use load::{LoadError, Place, Rejection, link};
pub use process::{Process, ProcessError};
pub use run::Mode;
pub use signal::Signals;

use std::cell::RefCell;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::rc::Rc;

use ebtrace_image::{
    Action, Attach, Globals, Image, LOST, MapId, MissingProbes, Point, RING_BUFFER,
};
use libbpf_rs::{MapHandle, Object, RingBuffer, RingBufferBuilder};
use rustix::time::{ClockId, clock_gettime};

use action::{Actions, Ends, Look};
use attach::{Closing, Links};
use iterator::pinned;
use map::{LiveMap, MapError};
use poll::Pace;
use render::{Buffering, Format, Output, View};
use symbol::LiveSymbols;

/// Most events that are handled before signals are looked at again.
const BATCH: usize = 1 << 16;

/// How a session behaves and where it writes.
pub struct Options {
    /// Text or JSON.
    pub format: Format,
    /// Where output goes: events and maps.
    pub output: Box<dyn Write>,
    /// Where everything else goes: warnings, how many probes are attached.
    pub errors: Box<dyn Write>,
    /// When output is written.
    pub buffering: Buffering,
    /// The output is a terminal: control characters of strings are shown as numbers.
    pub terminal: bool,
    /// The terminal that shows how far attaching has come where it takes long.
    pub progress: Option<Box<dyn Write>>,
    /// Do not say how many probes are attached.
    pub quiet: bool,
    /// Report what goes wrong at run time.
    pub warnings: bool,
    /// What the session is for.
    pub mode: Mode,
    /// Show all that libbpf says while loading.
    pub verbose: bool,
    /// The command to run: it is released once everything is attached, and its end is the end of the session.
    pub child: Option<Child>,
    /// The process that alone is traced: its end is the end of the session.
    pub process: Option<Process>,
    /// Signals that end the session.
    pub signals: Option<Signals>,
}

impl Options {
    /// Text in line mode, with warnings, without command and signals.
    pub fn new(output: Box<dyn Write>, errors: Box<dyn Write>) -> Self {
        Self {
            format: Format::Text,
            output,
            errors,
            buffering: Buffering::Line,
            terminal: false,
            progress: None,
            quiet: false,
            warnings: true,
            mode: Mode::Trace,
            verbose: false,
            child: None,
            process: None,
            signals: None,
        }
    }
}

/// What can end a session early. Whatever it is, everything is detached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object was not loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A `begin` or `end` program did not run.
    #[error("cannot run {probe}: {error}")]
    Run {
        /// The probe as the user knows it.
        probe: String,
        /// What the kernel said.
        error: io::Error,
    },
    /// A probe was not attached.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The command was not started.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// A map cannot be read.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The ring buffer cannot be read.
    #[error("cannot read events: {0}")]
    Events(#[source] io::Error),
    /// An iterator cannot be read.
    #[error("cannot read the iterator: {}", iterator::explain(.0))]
    Iterator(#[source] io::Error),
    /// The output cannot be written; of kind `BrokenPipe` when its reader went away.
    #[error("cannot write output: {0}")]
    Output(#[source] io::Error),
}

/// A script whose maps and programs are in the kernel; nothing runs yet.
pub struct Session {
    core: Core,
    quiet: bool,
    progress: Option<Box<dyn Write>>,
}

/// A script that runs.
pub struct Attached {
    links: Links,
    core: Core,
    /// Nothing will happen that did not happen already.
    over: bool,
}

/// A script that is detached; its maps are still there.
pub struct Stopped {
    core: Core,
    closing: Closing,
}

/// What all states have. The order of the fields is the order in which they end.
struct Core {
    ring: RingBuffer<'static>,
    actions: Rc<RefCell<Actions>>,
    lost: MapHandle,
    cpus: usize,
    object: Object,
    image: Image,
    child: Option<Child>,
    process: Option<Process>,
    signals: Option<Signals>,
    mode: Mode,
    /// Of the session, unless the script asks for another.
    status: u8,
}

impl Session {
    /// Loads the maps and programs of `image`.
    ///
    /// # Errors
    /// [`Error::Load`]: above all [`LoadError::Rejected`], with the place in the script and the verifier's log.
    pub fn load(image: Image, mut options: Options) -> Result<Self, Error> {
        let globals = Globals {
            start_ns: boot_time(),
            child_pid: options.child.as_ref().map_or(0, |child| child.pid().into()),
        };
        let (object, messages) = load::load(&image, globals, &options);
        if options.verbose {
            // Nobody is left to tell when the standard error is gone.
            messages.iter().for_each(|message| drop(options.errors.write_all(message.as_bytes())));
        }
        let (object, quiet, progress) = (object?, options.quiet, options.progress.take());
        Ok(Self { core: Core::new(image, object, options)?, quiet, progress })
    }

    /// Runs the `begin` programs, attaches all others, says so, and releases the command.
    ///
    /// When a `begin` program asked for the end, nothing else is attached.
    ///
    /// # Errors
    /// [`Error::Attach`] names the probe and the reason; [`Error::Child`] when the command cannot be executed.
    pub fn attach(mut self) -> Result<Attached, Error> {
        self.core.run_programs(&Attach::Begin)?;
        let exit = self.core.actions.borrow().is_over();
        let process = self.core.process.as_ref().map(Process::pid);
        let process = process.or(self.core.child.as_ref().map(Child::pid));
        let (links, missing) = if exit {
            (Links::default(), Vec::new())
        } else {
            let terminal = self.progress.as_deref_mut();
            Links::attach(&self.core.image, &self.core.object, process, terminal)?
        };
        if let Some(path) = pinned(&self.core.image) {
            self.core.announce_pinned(path, self.quiet);
            return Ok(Attached { links, core: self.core, over: true });
        }
        if self.core.image.settings.missing_probes == MissingProbes::Warn {
            self.core.actions.borrow_mut().warn_missing(&missing);
        }
        let mode = self.core.mode;
        let points = || {
            let points = self.core.image.probes.iter().flat_map(|probe| &probe.points);
            points.filter(|point| mode.runs(&point.attach))
        };
        let only_once = |point: &&Point| matches!(point.attach, Attach::Begin | Attach::End);
        let (once, all) = (points().filter(only_once).count(), points().count());
        self.core.announce(all - missing.len(), self.quiet || mode != Mode::Trace);
        let over = exit || once == all;
        if !over && let Some(child) = &mut self.core.child {
            child.release()?;
        }
        Ok(Attached { links, core: self.core, over })
    }
}

impl Attached {
    /// Carries out events until the script, a signal or the end of the command ends it, then detaches everything.
    ///
    /// # Errors
    /// [`Error::Output`] when the output cannot be written.
    pub fn poll(mut self) -> Result<Stopped, Error> {
        match self.links.iterator.take() {
            _ if self.core.mode != Mode::Trace => self.core.run_trials()?,
            _ if self.over => {}
            Some(iterator) => self.core.read_iterator(iterator)?,
            None => self.core.poll()?,
        }
        let closing = self.links.stop();
        Ok(Stopped { core: self.core, closing })
    }
}

impl Stopped {
    /// Runs the `end` programs, carries out what is left of the events, reports what was lost, prints all maps, and
    /// returns the exit status: what the script gave to `exit`, else 0.
    ///
    /// # Errors
    /// [`Error::Output`] when the output cannot be written, [`Error::Map`] when a map cannot be read.
    pub fn finish(self) -> Result<u8, Error> {
        if pinned(&self.core.image).is_some() {
            return Ok(0);
        }
        self.core.run_end()?;
        self.core.report_lost();
        let mut actions = self.core.actions.borrow_mut();
        actions.sum_up_failures();
        actions.print_maps(self.core.mode)?;
        let written = actions.output.flush();
        actions.note(written);
        drop(self.closing);
        actions.take_broken().map_or(Ok(actions.exit().unwrap_or(self.core.status)), |error| {
            Err(Error::Output(error))
        })
    }

    /// How the command ended, if there was one and it has.
    pub fn command_status(&mut self) -> Option<std::process::ExitStatus> {
        self.core.child.as_mut().and_then(Child::exit_status)
    }
}

/// All states in one go: load, attach, poll, finish.
///
/// # Errors
/// Any of [`Error`].
pub fn run(image: Image, options: Options) -> Result<u8, Error> {
    Session::load(image, options)?.attach()?.poll()?.finish()
}

impl Core {
    fn new(image: Image, object: Object, options: Options) -> Result<Self, Error> {
        let cpus = kernel::possible_cpus().map_err(LoadError::Cpus)?;
        let mut maps = Vec::with_capacity(image.maps.len());
        for map in &image.maps {
            maps.push(LiveMap::new(map.clone(), load::map(&object, &map.symbol)?, cpus));
        }
        let ends = Ends {
            look: Look {
                format: options.format,
                escape: options.terminal,
                trailer: image.settings.truncation_trailer.clone(),
                max_strlen: image.settings.max_strlen as usize,
                symbols: LiveSymbols::new(image.settings.symbols),
            },
            output: Output::new(options.output, options.buffering),
            errors: options.errors,
            warnings: options.warnings,
        };
        let (events, sites) = (image.events.clone(), image.sites.clone());
        let actions =
            Rc::new(RefCell::new(Actions::new(ends, maps, events, sites, image.settings.clone())));
        let ring = ring_buffer(&object, Rc::clone(&actions)).map_err(Error::Load)?;
        let lost = load::map(&object, LOST)?;
        let Options { child, process, signals, mode, .. } = options;
        Ok(Self {
            ring,
            actions,
            lost,
            cpus,
            object,
            image,
            child,
            process,
            signals,
            mode,
            status: 0,
        })
    }

    /// Says that everything is attached; what `begin` programs printed comes after it.
    fn announce(&self, probes: usize, quiet: bool) {
        let mut actions = self.actions.borrow_mut();
        let mut first = Vec::new();
        if !quiet {
            actions.look.renderer().attached(&mut first, probes);
            if actions.look.format == Format::Text {
                let plural = if probes == 1 { "" } else { "s" };
                // Nobody is left to tell when the standard error is gone.
                let _ = writeln!(actions.errors, "Attached {probes} probe{plural}");
            }
        }
        if self.mode == Mode::Test {
            actions.output.take();
        }
        let written = actions.output.release(&first);
        actions.note(written);
    }

    fn poll(&mut self) -> Result<(), Error> {
        let has_events = self.actions.borrow().has_events();
        let (mut pace, mut found) = (Pace::new(), true);
        while !self.actions.borrow().is_over() {
            let pause = has_events.then(|| pace.next(found));
            let child = self.child.as_ref().map(AsFd::as_fd);
            let process = self.process.as_ref().map(AsFd::as_fd);
            let wake = poll::wait(pause, self.signals.as_mut(), &[child, process])
                .map_err(Error::Events)?;
            if wake.signal {
                self.run_programs(&Attach::Signal)?;
            }
            if wake.stop {
                break;
            }
            found = self.consume()? > 0;
            if found && self.lost_exit() {
                break;
            }
        }
        self.actions.borrow_mut().take_broken().map_or(Ok(()), |error| Err(Error::Output(error)))
    }

    /// Carries out some of the events that wait, and returns how many.
    fn consume(&self) -> Result<usize, Error> {
        let count = self.ring.consume_raw_n(BATCH);
        let count = usize::try_from(count)
            .map_err(|_| Error::Events(io::Error::from_raw_os_error(-count)))?;
        self.actions.borrow_mut().after_batch();
        Ok(count)
    }

    /// Whether an `exit` found the ring buffer full: it must end the session all the same.
    fn lost_exit(&self) -> bool {
        let exits = self.image.events.iter().enumerate();
        let mut exits = exits.filter(|(_, event)| event.action == Action::Exit);
        exits
            .any(|(index, _)| map::lost_of(&self.lost, index as u32).is_some_and(|count| count > 0))
    }

    /// Carries out all events that wait.
    fn drain(&self) -> Result<(), Error> {
        while self.consume()? > 0 {}
        Ok(())
    }

    /// Events that found the ring buffer full, by probe.
    fn report_lost(&self) {
        let Ok(lost) = map::count_lost(&self.lost, self.cpus) else { return };
        let mut actions = self.actions.borrow_mut();
        for (index, probe) in self.image.probes.iter().enumerate() {
            let events = self.image.events.iter().zip(&lost);
            let own = events.filter(|(event, _)| event.probe as usize == index);
            let count = own.map(|(_, count)| count).sum();
            if count > 0 {
                actions.warn_lost(&probe.label, count);
            }
        }
        let total = lost.iter().sum();
        if total > 0 {
            let actions = &mut *actions;
            actions.look.renderer().lost(actions.output.buffer(), total);
        }
    }
}

fn ring_buffer(
    object: &Object,
    actions: Rc<RefCell<Actions>>,
) -> Result<RingBuffer<'static>, LoadError> {
    let map = load::map(object, RING_BUFFER)?;
    let mut builder = RingBufferBuilder::new();
    let handle = move |bytes: &[u8]| {
        actions.borrow_mut().handle(bytes);
        0
    };
    let refused = |error| LoadError::Refused {
        reason: "the ring buffer".to_owned(),
        error: map::io_error(error),
    };
    builder.add(&map, handle).map_err(refused)?;
    builder.build().map_err(refused)
}

/// Nanoseconds since the machine was started, sleep included.
fn boot_time() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

impl Actions {
    fn warn_missing(&mut self, missing: &[AttachError]) {
        for error in missing.iter().filter(|_| self.warnings) {
            let place = error.site.as_ref().map(|site| {
                format!("{}:{}:{}-{}: ", site.file, site.line, site.column, site.end_column)
            });
            let place = place.unwrap_or_default();
            // Nobody is left to tell when the standard error is gone.
            let _ = writeln!(self.errors, "{place}WARNING: {error}; the script runs without it");
        }
    }

    fn warn_lost(&mut self, probe: &str, count: u64) {
        if !self.warnings {
            return;
        }
        let pages = u64::from(self.settings.ring_buffer_bytes) / 4096;
        let _ = writeln!(
            self.errors,
            "WARNING: Lost {} events of {probe}: they came faster than they could be printed. \
             Write `config = {{ perf_rb_pages = {} }}` for a larger buffer",
            action::grouped(count),
            (pages * 4).max(64),
        );
    }

    /// All maps by name, two blank lines before them; no maps where only tests were run.
    fn print_maps(&mut self, mode: Mode) -> Result<(), MapError> {
        if self.look.format == Format::Text {
            self.output.buffer().extend_from_slice(b"\n\n");
        }
        if !self.settings.print_maps_on_exit || mode == Mode::Test {
            return Ok(());
        }
        let mut order: Vec<u32> = (0..self.maps.len() as u32).collect();
        order.sort_by(|left, right| {
            let name = |index: u32| &self.maps[index as usize].info().name;
            name(*left).cmp(name(*right))
        });
        order.into_iter().try_for_each(|map| self.print_map(MapId(map), View::default()))
    }
}
