//! A process that makes system calls when it is told to, so that all contenders see the same events.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Makes the bench this process.
pub(crate) const ARGUMENT: &str = "--workload";

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// Opens a file and closes it so many times.
    Open(u64),
    /// Asks for the parent's number for so many milliseconds, in so many threads.
    Ask { milliseconds: u64, threads: usize },
}

/// What was done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) calls: u64,
    pub(crate) seconds: f64,
}

#[derive(Debug)]
pub(crate) struct Workload {
    process: Child,
    orders: ChildStdin,
    answers: Receiver<Done>,
}

impl Workload {
    pub(crate) fn start() -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = process.stdin.take().context("no pipe to the workload")?;
        let output = process.stdout.take().context("no pipe from the workload")?;
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let Some((calls, seconds)) = line.split_once(' ') else { return };
                let (Ok(calls), Ok(seconds)) = (calls.parse(), seconds.parse()) else { return };
                if sender.send(Done { calls, seconds }).is_err() {
                    return;
                }
            }
        });
        Ok(Self { process, orders, answers })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Has something done, and meanwhile does something else every two milliseconds.
    pub(crate) fn work(&mut self, work: Work, mut meanwhile: impl FnMut()) -> Result<Done> {
        match work {
            Work::Open(times) => writeln!(self.orders, "open {times} 1")?,
            Work::Ask { milliseconds, threads } => {
                writeln!(self.orders, "ask {milliseconds} {threads}")?;
            }
        }
        loop {
            match self.answers.recv_timeout(Duration::from_millis(2)) {
                Ok(done) => return Ok(done),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => meanwhile(),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => bail!("the workload died"),
            }
        }
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        // If it has ended, so much the better.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The process itself.
pub(crate) fn serve() -> Result<()> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split(' ');
        let (verb, amount) = (words.next(), words.next().context("how many?")?.parse()?);
        let threads: usize = words.next().context("in how many threads?")?.parse()?;
        let start = Instant::now();
        let one = move || match verb {
            Some("open") => open(amount),
            _ => ask(Duration::from_millis(amount)),
        };
        // The last CPU: what else runs here tends to begin at the first.
        let cpus = std::thread::available_parallelism()?.get();
        let calls = std::thread::scope(|scope| {
            let run = |thread| {
                scope.spawn(move || {
                    pin(cpus - 1 - thread % cpus);
                    one()
                })
            };
            let running: Vec<_> = (0..threads).map(run).collect();
            running.into_iter().map(|thread| thread.join().unwrap_or(0)).sum::<u64>()
        });
        let mut out = std::io::stdout();
        writeln!(out, "{calls} {}", start.elapsed().as_secs_f64())?;
        out.flush()?;
    }
    Ok(())
}

fn pin(cpu: usize) {
    // SAFETY: all zero is the empty set, and the set lives long enough.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

fn open(times: u64) -> u64 {
    let path = c"/dev/null".as_ptr();
    for _ in 0..times {
        // SAFETY: the path ends, and what was opened is closed.
        unsafe {
            let fd = libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, libc::O_RDONLY);
            libc::syscall(libc::SYS_close, fd);
        }
    }
    times
}

fn ask(long: Duration) -> u64 {
    const BETWEEN_LOOKS: u64 = 1000;
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < long {
        for _ in 0..BETWEEN_LOOKS {
            // SAFETY: it only asks.
            unsafe { libc::syscall(libc::SYS_getppid) };
        }
        calls += BETWEEN_LOOKS;
    }
    calls
}
