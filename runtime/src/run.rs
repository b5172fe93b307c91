//! Programs that the tracer runs itself, because nothing in the kernel triggers them.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use ebtrace_image::{Attach, Probe};
use libbpf_rs::ProgramInput;

use crate::render::{Measured, Tested};
use crate::{Core, Error, LoadError, map};

/// How long a benchmark runs at least.
const LONG_ENOUGH: Duration = Duration::from_millis(1);
/// Most rounds of a benchmark: the kernel's own limit for a loop.
const MOST_ROUNDS: u64 = 1 << 23;
/// From one try to the next, a benchmark runs at most so many times as often.
const GROWTH: u64 = 100;

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// To trace.
    #[default]
    Trace,
    /// To see whether everything can be attached, and no more.
    DryRun,
    /// To run the tests of a script.
    Test,
    /// To run its benchmarks.
    Bench,
}

impl Mode {
    /// Whether programs that are attached like this can run in such a session.
    pub(crate) fn runs(self, attach: &Attach) -> bool {
        match attach {
            Attach::Test(_) => self == Mode::Test,
            Attach::Bench(_) => self == Mode::Bench,
            _ => true,
        }
    }
}

/// How a program ran.
struct Ran {
    returned: i32,
    took: Duration,
}

impl Core {
    /// Runs the programs of one kind, in order; one that ends the script is the last, except at the end.
    pub(crate) fn run_programs(&self, when: &Attach) -> Result<(), Error> {
        for probe in self.image.probes.iter().filter(|probe| probe.is_run(when)) {
            self.run_program(probe, 1)?;
            if *when != Attach::End && self.actions.borrow().is_over() {
                break;
            }
        }
        Ok(())
    }

    /// Runs the programs that come last. What they print is not part of a report on tests.
    pub(crate) fn run_end(&self) -> Result<(), Error> {
        let quiet = self.mode == Mode::Test;
        if quiet {
            self.actions.borrow_mut().output.hold().map_err(Error::Output)?;
        }
        self.drain()?;
        self.actions.borrow_mut().begin_end();
        self.run_programs(&Attach::End)?;
        self.drain()?;
        if quiet {
            self.actions.borrow_mut().output.take();
        }
        Ok(())
    }

    /// Runs what the session is for, unless the script has ended it already.
    pub(crate) fn run_trials(&mut self) -> Result<(), Error> {
        if self.actions.borrow().is_over() {
            return Ok(());
        }
        match self.mode {
            Mode::Trace | Mode::DryRun => {}
            Mode::Test => self.status = u8::from(!self.run_tests()?),
            Mode::Bench => self.run_benchmarks()?,
        }
        Ok(())
    }

    /// Runs the tests; false if one failed.
    fn run_tests(&mut self) -> Result<bool, Error> {
        let tests: Vec<(Probe, String)> = self.trials(|attach| match attach {
            Attach::Test(name) => Some(name.clone()),
            _ => None,
        });
        let (mut ran, mut failed) = (0, Vec::new());
        self.show(|look, out| look.tests_begin(out, tests.len()))?;
        for (probe, name) in &tests {
            if self.is_interrupted()? {
                break;
            }
            self.show(|look, out| look.test_begins(out, name))?;
            let failures = self.actions.borrow().failures();
            let format = self.actions.borrow_mut().capture();
            let outcome = self.run_program(probe, 1);
            let mut actions = self.actions.borrow_mut();
            actions.release(format);
            let Ran { returned, took } = outcome?;
            let exited = actions.take_exit().is_some_and(|status| status != 0);
            let passed = returned == 0 && !exited && actions.failures() == failures;
            let output = actions.output.take();
            drop(actions);
            ran += 1;
            if !passed {
                failed.push(name.as_str());
            }
            self.show(|look, out| look.test_ends(out, &Tested { name, took, passed, output }))?;
        }
        self.show(|look, out| look.tests_end(out, ran, &failed))?;
        Ok(failed.is_empty())
    }

    /// Runs the benchmarks.
    fn run_benchmarks(&mut self) -> Result<(), Error> {
        let benchmarks = self.trials(|attach| match attach {
            Attach::Bench(name) => Some(name.clone()),
            _ => None,
        });
        let mut measured = Vec::new();
        for (probe, name) in &benchmarks {
            if self.is_interrupted()? {
                break;
            }
            measured.extend(self.measure(probe, name)?);
        }
        let mut actions = self.actions.borrow_mut();
        let actions = &mut *actions;
        actions.look.renderer().benchmarks(actions.output.buffer(), &measured);
        Ok(())
    }

    /// Runs a benchmark long enough; nothing of one that does not want to be measured.
    fn measure<'n>(&self, probe: &Probe, name: &'n str) -> Result<Option<Measured<'n>>, Error> {
        let mut rounds = 1;
        loop {
            let Ran { returned, took } = self.run_program(probe, rounds)?;
            let exited = self.actions.borrow_mut().take_exit().is_some();
            if returned != 0 || exited {
                return Ok(None);
            }
            if took >= LONG_ENOUGH || rounds == MOST_ROUNDS {
                let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
                let average = (took + rounds / 2) / rounds;
                return Ok(Some(Measured { name, average, rounds }));
            }
            // A tenth more than should be enough.
            let missing = LONG_ENOUGH.as_nanos() * 11 / 10 / took.as_nanos().max(1) + 1;
            let factor = u64::try_from(missing).unwrap_or(GROWTH).clamp(2, GROWTH);
            rounds = (rounds * factor).min(MOST_ROUNDS);
        }
    }

    /// The programs to try, with their names.
    fn trials(&self, name: fn(&Attach) -> Option<String>) -> Vec<(Probe, String)> {
        let named = self.image.probes.iter().filter_map(|probe| {
            let name = name(&probe.points.first()?.attach)?;
            Some((probe.clone(), name))
        });
        named.collect()
    }

    /// Writes a part of the report, and then keeps what programs print.
    fn show(
        &self,
        render: impl FnOnce(&crate::render::Renderer<'_>, &mut Vec<u8>),
    ) -> Result<(), Error> {
        let mut actions = self.actions.borrow_mut();
        let actions = &mut *actions;
        render(&actions.look.renderer(), actions.output.buffer());
        actions.output.hold().map_err(Error::Output)
    }

    /// Runs a program, with a number in its context, and carries out its events.
    fn run_program(&self, probe: &Probe, rounds: u64) -> Result<Ran, Error> {
        let name = OsStr::new(&probe.program);
        let program = self.object.progs_mut().find(|program| program.name() == name);
        let program =
            program.ok_or_else(|| LoadError::Missing(format!("program `{}`", probe.program)))?;
        let mut context = rounds.to_ne_bytes();
        let input = ProgramInput { context_in: Some(&mut context), ..ProgramInput::default() };
        let start = Instant::now();
        let output = program.test_run(input).map_err(|error| Error::Run {
            probe: probe.label.clone(),
            error: map::io_error(error),
        })?;
        let took = start.elapsed();
        self.drain()?;
        Ok(Ran { returned: output.return_value.cast_signed(), took })
    }
}
