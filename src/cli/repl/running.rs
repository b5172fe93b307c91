//! Starting probes, waiting for them, and ending them.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ebtrace::ir::Program;
use ebtrace::memory::Piece;
use ebtrace_runtime::{Error, SharedMap};

use super::compiled::Compiled;
use super::state::{KnownMap, State, Unit};
use super::unit::{self, Group, Job, Moment, Running};
use super::{Done, Event, PATIENCE};
use crate::cli::report;

impl State<'_> {
    /// Runs the probes of an entry. Those of earlier entries with the same names end as soon as these have begun; where
    /// these cannot begin, they stay.
    pub(super) fn replace(
        &mut self,
        probes: Vec<(Piece, Compiled)>,
        stays: bool,
    ) -> anyhow::Result<Done> {
        let names: Vec<_> = probes.iter().map(|(piece, _)| piece.name()).collect();
        let is_replaced = |unit: &Unit| names.contains(&unit.piece.name());
        let mut olds: Vec<(Option<String>, u32)> = self
            .units
            .iter()
            .filter(|unit| is_replaced(unit))
            .map(|unit| (unit.piece.name(), unit.number))
            .collect();
        let (mut pieces, mut jobs) = (Vec::new(), Vec::new());
        for (piece, compiled) in probes {
            let name = piece.name();
            let number = match olds.iter().position(|(old, _)| *old == name) {
                Some(at) => olds.remove(at).1,
                None => {
                    self.numbers += 1;
                    self.numbers
                }
            };
            pieces.push((number, piece));
            jobs.push((number, compiled));
        }
        let Some(begun) = self.begin(jobs)? else { return Ok(Done::Failed) };
        let (outgoing, units) = self.units.drain(..).partition(is_replaced);
        self.units = units;
        let was_beside = self.end(outgoing)?;
        for (number, piece) in pieces {
            self.units.push(Unit { number, piece, running: None, runs: 0 });
        }
        self.units.sort_by_key(|unit| unit.number);
        self.follow(begun, stays || was_beside)
    }

    /// Ends units; whether one of them ran.
    fn end(&mut self, units: Vec<Unit>) -> anyhow::Result<bool> {
        let running: Vec<Running> = units.into_iter().filter_map(|unit| unit.running).collect();
        running.iter().for_each(Running::stop);
        let ran = !running.is_empty();
        running.into_iter().try_for_each(|running| self.ended(running).map(drop))?;
        Ok(ran)
    }

    /// Runs probes as those of one script, beside the prompt.
    pub(super) fn launch(&mut self, probes: Vec<(u32, Compiled)>) -> anyhow::Result<Done> {
        match self.begin(probes)? {
            Some(begun) => self.follow(begun, true),
            None => Ok(Done::Failed),
        }
    }

    /// Starts probes in order: first what begins, then the others, and what ends. Nothing if one cannot be started,
    /// which was said.
    fn begin(&mut self, probes: Vec<(u32, Compiled)>) -> anyhow::Result<Option<Begun>> {
        let moment =
            |(number, compiled): (u32, Compiled)| (Moment::of(&compiled.image), number, compiled);
        let mut probes: Vec<(Moment, u32, Compiled)> = probes.into_iter().map(moment).collect();
        probes.sort_by_key(|(moment, ..)| *moment);
        let mut begun = Begun::default();
        let mut is_over = false;
        for (moment, number, compiled) in probes {
            if moment == Moment::Always && is_over {
                continue;
            }
            let Some(running) = self.start(compiled, &begun.group, None)? else {
                begun.group.stop();
                let running = begun.running.into_iter();
                running
                    .map(|(_, running)| running)
                    .try_for_each(|one| self.ended(one).map(drop))?;
                return Ok(None);
            };
            begun.points += running.points;
            if moment == Moment::Begin {
                let (runs, exit) = self.ended(running)?;
                is_over |= exit.is_some();
                begun.done.push((number, runs));
                continue;
            }
            begun.running.push((number, running));
        }
        match is_over {
            true => begun.group.stop(),
            false => begun.group.settle_if_begun(),
        }
        Ok(Some(begun))
    }

    /// Waits for probes that were started, unless they stay beside the prompt.
    fn follow(&mut self, begun: Begun, stays: bool) -> anyhow::Result<Done> {
        let Begun { group, running, done, points } = begun;
        for (number, runs) in done {
            self.unit(number).into_iter().for_each(|unit| unit.runs += runs);
        }
        let started: Vec<u32> = running.iter().map(|(number, _)| *number).collect();
        for (number, running) in running {
            if let Some(unit) = self.unit(number) {
                unit.running = Some(running);
            }
        }
        if started.is_empty() {
            return Ok(Done::Fine);
        }
        match stays {
            true => self.tell_started(&started),
            false => self.tell_attached(points),
        }
        let now = self.units.iter_mut().filter(|unit| started.contains(&unit.number));
        now.filter_map(|unit| unit.running.as_mut()).for_each(Running::release);
        match stays {
            true => Ok(Done::Fine),
            false => self.watch(&group, &started),
        }
    }

    fn tell_started(&self, started: &[u32]) {
        if self.args.manner.quiet {
            return;
        }
        for unit in self.units.iter().filter(|unit| started.contains(&unit.number)) {
            let name = unit.piece.name().unwrap_or_default();
            self.screen.say(&format!("[{}] {name}", unit.number));
        }
    }

    fn tell_attached(&self, points: usize) {
        if !self.args.manner.quiet {
            let plural = if points == 1 { "" } else { "s" };
            self.screen.say(&format!("Attached {points} probe{plural}; Ctrl-C ends"));
        }
    }

    pub(super) fn unit(&mut self, number: u32) -> Option<&mut Unit> {
        self.units.iter_mut().find(|unit| unit.number == number)
    }

    /// Loads and attaches; what prevents it was said.
    pub(super) fn start(
        &mut self,
        compiled: Compiled,
        group: &Arc<Group>,
        output: Option<Box<dyn Write + Send>>,
    ) -> anyhow::Result<Option<Running>> {
        let maps: io::Result<Vec<SharedMap>> =
            self.maps.values().map(|known| known.shared.share()).collect();
        let maps = maps.context("the maps of the session cannot be shared")?;
        let types = compiled.map_types();
        let Compiled { image, checked } = compiled;
        let job = Job { image, maps, output };
        let events = &self.events.0;
        match unit::start(job, &self.manner, &self.screen, group, events) {
            Ok((running, maps)) => {
                for shared in maps {
                    let name = shared.info().name.clone();
                    let ty = types.get(&name).cloned().unwrap_or_default();
                    self.maps.insert(name, KnownMap { shared, ty });
                }
                Ok(Some(running))
            }
            Err(error) => {
                self.tell_failure(&error, Some(&checked.program));
                Ok(None)
            }
        }
    }

    fn tell_failure(&self, error: &anyhow::Error, program: Option<&Program>) {
        match (error.downcast_ref::<Error>(), program) {
            (Some(error), Some(program)) => {
                let span = report::place_of(&self.sources, program, error);
                report::runtime_error(&self.sources, error, span, self.args.manner.verbose);
            }
            _ => report::failure(error),
        }
    }

    /// Waits until probes have ended, or the user ends them.
    fn watch(&mut self, group: &Group, started: &[u32]) -> anyhow::Result<Done> {
        let (_, events) = &self.events;
        // What came before is no answer to these.
        while events.try_recv().is_ok() {}
        let runs = |unit: &Unit| unit.running.as_ref().is_some_and(|running| !running.is_over());
        loop {
            let mut units = self.units.iter().filter(|unit| started.contains(&unit.number));
            if !units.any(runs) || self.screen.is_broken() {
                break;
            }
            match events.recv_timeout(PATIENCE) {
                Ok(Event::Interrupt) => group.stop(),
                Ok(Event::Over) | Err(_) => {}
            }
        }
        if self.screen.is_broken() {
            group.stop();
        }
        self.collect(started)
    }

    /// What became of probes that have ended or are about to.
    fn collect(&mut self, numbers: &[u32]) -> anyhow::Result<Done> {
        for number in numbers {
            let running = self.unit(*number).and_then(|unit| unit.running.take());
            let Some(running) = running else { continue };
            let (runs, _) = self.ended(running)?;
            self.unit(*number).into_iter().for_each(|unit| unit.runs += runs);
        }
        Ok(Done::Fine)
    }

    /// Takes note of probes that ended by themselves.
    pub(super) fn reap(&mut self) -> anyhow::Result<Done> {
        let over =
            self.units.iter().filter(|unit| unit.running.as_ref().is_some_and(Running::is_over));
        let over: Vec<u32> = over.map(|unit| unit.number).collect();
        self.collect(&over)
    }

    /// Ends probes.
    pub(super) fn stop(&mut self, numbers: &[u32]) -> anyhow::Result<Done> {
        let units = self.units.iter().filter(|unit| numbers.contains(&unit.number));
        units.filter_map(|unit| unit.running.as_ref()).for_each(Running::stop);
        self.collect(numbers)
    }

    /// Ends all of them, each group in its order.
    pub(super) fn stop_all(&mut self) -> anyhow::Result<Done> {
        let running = self.units.iter().filter_map(|unit| unit.running.as_ref());
        running.for_each(|running| running.group.stop());
        let numbers: Vec<u32> = self.units.iter().map(|unit| unit.number).collect();
        self.collect(&numbers)
    }

    /// Waits until all probes have ended, for so long at most, or until the user has enough.
    pub(super) fn wait(&mut self, most: Option<Duration>) -> anyhow::Result<Done> {
        let begun = Instant::now();
        let runs = |unit: &Unit| unit.running.as_ref().is_some_and(|running| !running.is_over());
        while self.units.iter().any(runs) && !self.screen.is_broken() {
            let left = most.map(|most| most.saturating_sub(begun.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            let pause = left.unwrap_or(PATIENCE).min(PATIENCE);
            if let Ok(Event::Interrupt) = self.events.1.recv_timeout(pause) {
                break;
            }
        }
        self.reap()
    }

    /// Waits for the end of one: how often it ran, and what it gave to `exit`. What went wrong was said.
    pub(super) fn ended(&mut self, running: Running) -> anyhow::Result<(u64, Option<u8>)> {
        let (runs, result) = running.join();
        match result {
            Ok(exit) => return Ok((runs, exit)),
            Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => self.tell_failure(&error.into(), None),
        }
        Ok((runs, None))
    }
}

/// Probes that were started together.
#[derive(Default)]
struct Begun {
    group: Arc<Group>,
    running: Vec<(u32, Running)>,
    /// Those that have ended again, and how often each ran.
    done: Vec<(u32, u64)>,
    /// Events that they are attached to.
    points: usize,
}
