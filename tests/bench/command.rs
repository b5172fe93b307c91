//! Commands and what they cost from their start to their end, by what the system says of them.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::Bench;
use crate::table::{Row, Table, median};

/// A command that takes longer is ended, and has no figure.
const LIMIT: Duration = Duration::from_secs(120);
/// One that takes so long is not run again.
const LONG: Duration = Duration::from_secs(8);

/// What a command took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// User and system, in milliseconds, of the command and what it waited for.
    pub(crate) cpu: f64,
    /// Milliseconds.
    pub(crate) wall: f64,
    /// Largest resident set in MiB.
    pub(crate) peak: f64,
}

/// A program and its arguments.
pub(crate) type Words = Vec<OsString>;

pub(crate) fn words(program: &Path, arguments: &[&str]) -> Words {
    std::iter::once(program.into()).chain(arguments.iter().map(Into::into)).collect()
}

/// A program of the bench that runs by itself, compiled.
pub(crate) fn build(bench: &Bench, name: &str) -> Result<PathBuf> {
    let (source, program) = (Bench::source(&format!("programs/{name}.c")), bench.file(name));
    let built =
        Command::new("gcc").args(["-O2", "-Wall", "-o"]).arg(&program).arg(source).status()?;
    ensure!(built.success(), "{name}.c cannot be compiled");
    Ok(program)
}

/// What a tracer calls its version.
pub(crate) fn version(tracer: &Path) -> Result<String> {
    let output = Command::new(tracer).arg("--version").output();
    let output = output.with_context(|| format!("{} cannot be run", tracer.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split_whitespace().next_back().unwrap_or_default().trim_start_matches('v').to_owned())
}

/// The medians of commands that are run in turns; `None` for one that takes too long, or fails.
pub(crate) fn in_turns(bench: &Bench, commands: &[Words]) -> Result<Vec<Option<Usage>>> {
    let mut taken: Vec<Vec<Usage>> = vec![Vec::new(); commands.len()];
    let mut again = vec![true; commands.len()];
    // The first round warms the caches.
    for round in 0..=bench.rounds {
        for (index, command) in commands.iter().enumerate() {
            if !again[index] {
                continue;
            }
            wait_for_leftovers(bench);
            let usage = match run(bench, command) {
                Ok(usage) => usage,
                // What ebtrace or C cannot do is a mistake; bpftrace has limits.
                Err(error)
                    if bench.bpftrace.as_deref().map(Path::as_os_str) == Some(&command[0]) =>
                {
                    eprintln!("{error:#}");
                    again[index] = false;
                    continue;
                }
                Err(error) => return Err(error),
            };
            again[index] = usage.wall < LONG.as_secs_f64() * 1e3;
            if round > 0 || !again[index] {
                taken[index].push(usage);
            }
        }
    }
    let of = |runs: &[Usage], figure: fn(&Usage) -> f64| median(runs.iter().map(figure).collect());
    let middle = |runs: Vec<Usage>| {
        (!runs.is_empty()).then(|| Usage {
            cpu: of(&runs, |usage| usage.cpu),
            wall: of(&runs, |usage| usage.wall),
            peak: of(&runs, |usage| usage.peak),
        })
    };
    Ok(taken.into_iter().map(middle).collect())
}

/// Rows for CPU time, wall time and memory of ebtrace, of C if it takes part, and of bpftrace.
pub(crate) fn rows(
    bench: &Bench,
    table: &mut Table,
    name: &str,
    arguments: &[&str],
    c: Option<Words>,
) -> Result<Usage> {
    let bpftrace = bench.bpftrace.as_ref().map(|bpftrace| words(bpftrace, arguments));
    show(bench, table, name, [Some(words(&bench.ebtrace, arguments)), c, bpftrace])
}

/// The same of ebtrace alone.
pub(crate) fn rows_of_ours(
    bench: &Bench,
    table: &mut Table,
    name: &str,
    arguments: &[&str],
) -> Result<Usage> {
    show(bench, table, name, [Some(words(&bench.ebtrace, arguments)), None, None])
}

/// The same of ebtrace, C and bpftrace, each if it takes part.
pub(crate) fn show(
    bench: &Bench,
    table: &mut Table,
    name: &str,
    commands: [Option<Words>; 3],
) -> Result<Usage> {
    let taking_part: Vec<Words> = commands.iter().flatten().cloned().collect();
    let mut taken = in_turns(bench, &taking_part)?.into_iter();
    let [ours, c, peer] = commands.map(|command| command.and_then(|_| taken.next().flatten()));
    let ours = ours.context("ebtrace took too long")?;
    let mut row = |unit, figure: fn(&Usage) -> f64| {
        let (c, bpftrace) = (c.as_ref().map(figure), peer.as_ref().map(figure));
        let name = name.to_owned();
        table.row(&Row { name, unit, ebtrace: figure(&ours), c, bpftrace, ..Row::default() });
    };
    row("CPU ms", |usage| usage.cpu);
    row("wall ms", |usage| usage.wall);
    row("peak MiB", |usage| usage.peak);
    Ok(ours)
}

/// ebtrace leaves the closing of many events to a process that nobody waits for; what it does is not to be measured
/// with the next.
pub(crate) fn wait_for_leftovers(bench: &Bench) {
    let Ok(binary) = bench.ebtrace.canonicalize() else { return };
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        let Ok(processes) = std::fs::read_dir("/proc") else { return };
        let links = processes.flatten().map(|process| process.path().join("exe"));
        if !links.into_iter().any(|link| std::fs::read_link(link).is_ok_and(|exe| exe == binary)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn run(bench: &Bench, command: &Words) -> Result<Usage> {
    let (log, cost) = (bench.file("stderr"), bench.file("cost.txt"));
    let mut child = Command::new(launcher(bench)?)
        .arg(&cost)
        .args(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(&log)?)
        .spawn()?;
    // As whoever searches in it reads what they print.
    let reader = child.stdout.take().map(|mut output| {
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()))
    });
    let pid = child.id() as i32;
    let (ended, end) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if end.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            // SAFETY: the process is a child that nobody has waited for; the command ends with it.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    });
    let launched = child.wait()?;
    drop(ended);
    let _ = watch.join();
    let _ = reader.map(std::thread::JoinHandle::join);
    let (status, usage) = match launched.success() {
        true => usage(&std::fs::read_to_string(&cost)?)?,
        false => (libc::SIGKILL, Usage { cpu: 0.0, wall: 0.0, peak: 0.0 }),
    };
    if status != 0 {
        let said = std::fs::read_to_string(log).unwrap_or_default();
        let shown: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
        bail!("{} failed ({status:#x})\n{said}", shown.join(" "));
    }
    Ok(usage)
}

/// What starts commands: what its parent has counts to a process's memory, and we have more than some commands.
fn launcher(bench: &Bench) -> Result<PathBuf> {
    let launcher = bench.file("cost");
    if launcher.exists() { Ok(launcher) } else { build(bench, "cost") }
}

/// A status, and what the launcher wrote.
fn usage(text: &str) -> Result<(i32, Usage)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [status, cpu, peak, wall] = words[..] else { bail!("`{text}` is not what a command took") };
    let (cpu, peak, wall): (f64, f64, f64) = (cpu.parse()?, peak.parse()?, wall.parse()?);
    Ok((status.parse()?, Usage { cpu: cpu / 1e3, wall: wall / 1e6, peak: peak / 1024.0 }))
}

/// Waits for a child; its status and what it took, but for wall time.
pub(crate) fn wait(pid: i32) -> Result<(i32, Usage)> {
    let mut status = 0;
    // SAFETY: all zero is a valid value of it.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both are places of ours.
    if unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) } != pid {
        return Err(std::io::Error::last_os_error().into());
    }
    let ms = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    let cpu = ms(usage.ru_utime) + ms(usage.ru_stime);
    Ok((status, Usage { cpu, wall: 0.0, peak: usage.ru_maxrss as f64 / 1024.0 }))
}
