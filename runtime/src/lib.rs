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
mod clock;
pub mod decode;
mod error;
mod iterator;
pub mod kernel;
mod load;
pub mod map;
pub mod names;
mod packet;
mod part;
mod perf;
mod poll;
mod process;
pub mod render;
mod ring;
mod run;
mod signal;
pub mod symbol;
mod terminal;
mod unwind;

pub use attach::{AttachError, AttachReason, Facility};
pub use child::{Child, ChildError};
pub use error::Error;
pub use load::{LoadError, Place, Rejection, link};
pub use part::{End, Ender, Part, RunningProgram, SharedMap, count_runs};
pub use process::{Process, ProcessError};
pub use run::Mode;
pub use signal::Signals;
pub use terminal::Terminal;

use std::cell::RefCell;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::rc::Rc;

use ebtrace_image::{Action, Attach, Globals, Image, LOST, MissingProbes, Point};
use libbpf_rs::{MapHandle, Object, RingBuffer};

use action::{Actions, Ends, Look};
use attach::{Closing, Links};
use binary::DebugFolders;
use iterator::pinned;
use map::LiveMap;
use names::LiveNames;
use packet::{Buffers, Files};
use poll::Pace;
use render::{Buffering, Format, Output};
use symbol::LiveSymbols;
use unwind::Unwinder;

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
    /// Show what the kernel's verifier says of each program.
    pub verifier_log: bool,
    /// The command to run: it is released once everything is attached, and its end is the end of the session.
    pub child: Option<Child>,
    /// The process that alone is traced: its end is the end of the session.
    pub process: Option<Process>,
    /// Processes whose stacks are to be walked without frame pointers, besides these two.
    pub unwound: Vec<u32>,
    /// Where debug information of programs that is not in them is looked for.
    pub debug_folders: DebugFolders,
    /// Signals that end the session.
    pub signals: Option<Signals>,
    /// Values of the parameters of [`Image::parameters`], one behind the other.
    pub arguments: Vec<u8>,
    /// What it shares with others, if it is a part of a longer session.
    pub part: Option<Part>,
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
            verifier_log: false,
            child: None,
            process: None,
            unwound: Vec::new(),
            debug_folders: DebugFolders::default(),
            signals: None,
            arguments: Vec::new(),
            part: None,
        }
    }
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
    packets: Option<Buffers>,
    actions: Rc<RefCell<Actions>>,
    lost: MapHandle,
    cpus: usize,
    object: Object,
    image: Image,
    child: Option<Child>,
    process: Option<Process>,
    /// Where stacks are walked without frame pointers.
    unwinder: Option<Unwinder>,
    /// Whose stacks, besides those of the command.
    unwound: Vec<u32>,
    signals: Option<Signals>,
    part: Option<Part>,
    mode: Mode,
    /// Of the session, unless the script asks for another.
    status: u8,
}

impl Session {
    /// Loads the maps and programs of `image`.
    ///
    /// # Errors
    /// [`Error::Load`]: above all [`LoadError::Rejected`], with the place in the script and the verifier's log.
    pub fn load(mut image: Image, mut options: Options) -> Result<Self, Error> {
        if options.mode == Mode::DryRun {
            image.unpin();
        }
        let globals = Globals {
            start_ns: clock::boot_time(),
            child_pid: options.child.as_ref().map_or(0, |child| child.pid().into()),
            tai_offset_ns: clock::tai_offset(),
            utc_offset_ns: clock::utc_offset(),
        };
        let (object, messages) = load::load(&image, globals, &options);
        for text in load::shown(&image, &messages, options.verbose, options.verifier_log) {
            // Nobody is left to tell when the standard error is gone.
            drop(options.errors.write_all(text.as_bytes()));
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
        let is_dry = self.core.mode == Mode::DryRun;
        let mut over =
            (self.core.actions.borrow().is_over() && !is_dry) || self.core.target_has_ended();
        let (mut links, mut missing) = (Links::default(), Vec::new());
        if !over {
            match self.core.attach_events(self.progress.as_deref_mut()) {
                Ok(attached) => (links, missing) = attached,
                // What cannot be attached to a process that is gone is not missed.
                Err(_) if self.core.target_has_ended() => over = true,
                Err(error) => return Err(error),
            }
        }
        if is_dry {
            return Ok(Attached { links, core: self.core, over: true });
        }
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
        let over = over || once == all;
        if !over && let Some(child) = &mut self.core.child {
            // What was printed before the command started stands before what it prints.
            let mut actions = self.core.actions.borrow_mut();
            let written = actions.output.flush();
            actions.note(written);
            drop(actions);
            match &mut self.core.unwinder {
                // What became of it meanwhile shows when its stack is asked for.
                Some(unwinder) => child.release_held(|pid| drop(unwinder.learn(pid)))?,
                None => child.release()?,
            }
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
        if self.core.part.is_none() {
            actions.print_maps(self.core.mode)?;
        }
        let written = actions.output.flush();
        actions.note(written);
        drop(self.closing);
        actions.take_broken().map_or(Ok(actions.exit().unwrap_or(self.core.status)), |error| {
            Err(Error::Output(error))
        })
    }

    /// How the command ended, if there was one and it has.
    pub fn command_status(&self) -> Option<std::process::ExitStatus> {
        self.core.child.as_ref().and_then(Child::exit_status)
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
            maps.push(LiveMap::new(map.clone(), load::handles(&object, map)?, cpus));
        }
        let ends = Ends {
            look: Look {
                format: options.format,
                escape: options.terminal,
                trailer: image.settings.truncation_trailer.clone(),
                max_strlen: image.settings.max_strlen as usize,
                symbols: LiveSymbols::new(image.settings.symbols, options.debug_folders),
                names: LiveNames::new(),
            },
            output: Output::new(options.output, options.buffering),
            errors: options.errors,
            warnings: options.warnings,
            packets: Files::create(&image.events)
                .map_err(|(path, error)| Error::Packets { path, error })?,
        };
        let (events, sites) = (image.events.clone(), image.sites.clone());
        let mut actions = Actions::new(ends, maps, events, sites, image.settings.clone());
        if options.child.is_some() {
            actions.output.share();
        }
        let actions = Rc::new(RefCell::new(actions));
        let ring = ring::open(&object, Rc::clone(&actions)).map_err(Error::Load)?;
        let room = (image.settings.ring_buffer_bytes, cpus);
        let packets = Buffers::open(&object, &actions, room)?;
        let lost = load::map(&object, LOST)?;
        let unwinder = Unwinder::of(&object)?;
        let Options { child, process, mut unwound, signals, part, mode, .. } = options;
        unwound.extend(process.as_ref().map(Process::pid));
        Ok(Self {
            ring,
            packets,
            actions,
            lost,
            cpus,
            object,
            image,
            child,
            process,
            unwinder,
            unwound,
            signals,
            part,
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

    /// Attaches all that is attached to events; what is missing does not matter to the script.
    fn attach_events(
        &mut self,
        terminal: Option<&mut (dyn Write + 'static)>,
    ) -> Result<(Links, Vec<AttachError>), Error> {
        let process = self.process.as_ref().map(Process::pid);
        if symbol::has_user_addresses(&self.image) {
            self.actions.borrow_mut().look.symbols.follow(process);
        }
        self.prepare_unwinding()?;
        let process = process.or(self.child.as_ref().map(Child::pid));
        Ok(Links::attach(&self.image, &self.object, process, terminal)?)
    }

    /// Whether the process that is traced is gone, so that nothing will happen any more.
    fn target_has_ended(&self) -> bool {
        let (process, child) = (self.process.as_ref(), self.child.as_ref());
        poll::is_any_over(&[process.map(AsFd::as_fd), child.map(AsFd::as_fd)])
    }

    /// Looks at the processes whose stacks are to be walked.
    fn prepare_unwinding(&mut self) -> Result<(), Error> {
        let Some(unwinder) = &mut self.unwinder else { return Ok(()) };
        let failed = |pid| move |error| Error::Unwind { pid, error };
        if let Some(child) = &self.child {
            unwinder.expect(child.pid()).map_err(failed(child.pid()))?;
        }
        self.unwound.iter().try_for_each(|&pid| unwinder.learn(pid).map_err(failed(pid)))
    }

    fn poll(&mut self) -> Result<(), Error> {
        let follows = symbol::has_user_addresses(&self.image);
        let has_events = follows || self.actions.borrow().has_events();
        let (mut pace, mut found) = (Pace::new(), true);
        while !self.actions.borrow().is_over() {
            let pause = has_events.then(|| pace.next(found));
            let child = self.child.as_ref().map(AsFd::as_fd);
            let process = self.process.as_ref().map(AsFd::as_fd);
            let part = part::end_of(self.part.as_ref());
            let wake = poll::wait(pause, self.signals.as_mut(), &[child, process, part])
                .map_err(Error::Events)?;
            let heard = self.part.as_ref().map(|part| part.end.hear()).unwrap_or_default();
            if wake.signal || heard.signal {
                self.run_programs(&Attach::Signal)?;
            }
            if heard.end || (wake.stop && (!heard.signal || self.target_has_ended())) {
                break;
            }
            self.unwinder.iter_mut().for_each(Unwinder::update);
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
        let packets = self.packets.as_ref().map_or(Ok(0), Buffers::take).map_err(Error::Events)?;
        self.actions.borrow_mut().after_batch();
        Ok(count + packets)
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
