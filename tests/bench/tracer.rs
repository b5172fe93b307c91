//! A tracer that runs while something happens.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::Bench;
use crate::command::{self, Usage, Words};
use crate::kernel::{Runs, programs_of};
use crate::workload::{Work, Workload};

/// How long a tracer may take until it is attached, or until it has ended.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Tracer {
    process: Child,
    log: PathBuf,
}

impl Tracer {
    /// Starts one and waits until all of its programs see what a workload does.
    pub(crate) fn start(
        bench: &Bench,
        command: &Words,
        programs: usize,
        workload: &mut Workload,
        work: Work,
    ) -> Result<Self> {
        let log = bench.file("tracer");
        let process = Command::new(&command[0])
            .args(&command[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("{} cannot be run", Path::new(&command[0]).display()))?;
        let mut tracer = Self { process, log };
        let start = Instant::now();
        loop {
            workload.work(work, || {})?;
            if tracer.programs().iter().filter(|program| program.count > 0).count() >= programs {
                return Ok(tracer);
            }
            if start.elapsed() > LIMIT || tracer.process.try_wait()?.is_some() {
                bail!("{} does not trace: {}", command[0].display(), tracer.said());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn programs(&self) -> Vec<Runs> {
        programs_of(self.pid())
    }

    /// What it wrote to its standard error.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it as a user does, and tells what it took.
    pub(crate) fn interrupt(self) -> Result<(Usage, String)> {
        let pid = self.pid() as i32;
        // SAFETY: a child that nobody has waited for.
        unsafe { libc::kill(pid, libc::SIGINT) };
        let (_, usage) = command::wait(pid)?;
        Ok((usage, self.said()))
    }

    /// Ends it at once.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}
