//! Lines of `printf` that reach a file while threads make system calls as fast as they can.

use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::Bench;
use crate::command::words;
use crate::hand::{self, Hand};
use crate::kernel::measure_programs;
use crate::table::{Row, Table, median};
use crate::tracer::Tracer;
use crate::workload::{Work, Workload};

const CALL: &str = "sys_enter_getppid";
const MILLISECONDS: u64 = 1_000;

/// What became of the calls.
#[derive(Debug, Clone, Copy, Default)]
struct Delivered {
    calls: u64,
    lines: u64,
    lost: u64,
    /// Until the last line was there.
    seconds: f64,
    /// Of a tracer, in milliseconds.
    cpu: Option<f64>,
}

impl Delivered {
    fn rate(&self) -> f64 {
        self.lines as f64 / self.seconds / 1e3
    }

    fn told(&self, who: &str) -> String {
        let Self { calls, lines, lost, cpu, .. } = self;
        let cpu = cpu.map(|cpu| format!(", {cpu:.0} ms of CPU")).unwrap_or_default();
        format!("{who}: of {calls} calls {lines} lines, {lost} told as lost{cpu}")
    }
}

pub(crate) fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let design = hand::designs(bench, "printf")?.swap_remove(0);
    let mut workload = Workload::start()?;
    for threads in [1, 2] {
        let work = Work::Ask { milliseconds: MILLISECONDS, threads };
        let (mut ours, mut peer, mut by_hand) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            ours.push(of_tracer(bench, &bench.ebtrace, &mut workload, work)?);
            if let Some(bpftrace) = &bench.bpftrace {
                peer.push(of_tracer(bench, bpftrace, &mut workload, work)?);
            }
            by_hand.push(of_hand(bench, &design, &mut workload, work)?);
        }
        let rate = |of: &[Delivered]| median(of.iter().map(Delivered::rate).collect());
        table.row(&Row {
            name: format!("from {threads} thread{}", if threads == 1 { "" } else { "s" }),
            unit: "1000 lines/s",
            ebtrace: rate(&ours),
            c: Some(rate(&by_hand)),
            bpftrace: (!peer.is_empty()).then(|| rate(&peer)),
            note: String::from("more is better"),
        });
        for (who, of) in [("ebtrace", ours), ("C", by_hand), ("bpftrace", peer)] {
            of.last().into_iter().for_each(|last| table.note(&last.told(who)));
        }
    }
    Ok(())
}

fn of_tracer(
    bench: &Bench,
    tracer: &Path,
    workload: &mut Workload,
    work: Work,
) -> Result<Delivered> {
    let file = bench.file("lines");
    fs::write(&file, "")?;
    let script = format!("tracepoint:syscalls:{CALL} {{ printf(\"%s %d\\n\", comm, pid); }}");
    let mut command = words(tracer, &["-o"]);
    command.push((&file).into());
    command.extend(["-e".into(), script.into()]);
    // The kernel's clock would cost as much as the program does.
    let measured = measure_programs()?;
    // Few calls, to see whether it is there; what they become is not counted.
    let tracer =
        Tracer::start(bench, &command, 1, workload, Work::Ask { milliseconds: 1, threads: 1 })?;
    drop(measured);
    settle(&file);
    let (earlier, _) = count(&file)?;
    let start = Instant::now();
    let done = workload.work(work, || {})?;
    let late = settle(&file);
    let seconds = done.seconds.max(late.duration_since(start).as_secs_f64());
    let (usage, said) = tracer.interrupt()?;
    let (lines, told) = count(&file)?;
    let (lines, lost) = (lines - earlier, told + lost(&said));
    fs::remove_file(&file)?;
    Ok(Delivered { calls: done.calls, lines, lost, seconds, cpu: Some(usage.cpu) })
}

fn of_hand(bench: &Bench, design: &Path, workload: &mut Workload, work: Work) -> Result<Delivered> {
    let file = bench.file("lines");
    let hand = Hand::attach(design, None, Some(CALL), Some(File::create(&file)?))?;
    let start = Instant::now();
    let done = workload.work(work, || {
        hand.drain();
    })?;
    let lines = hand.drain();
    let seconds = done.seconds.max(start.elapsed().as_secs_f64());
    let lost = hand.lost();
    drop(hand);
    fs::remove_file(&file)?;
    Ok(Delivered { calls: done.calls, lines, lost, seconds, cpu: None })
}

/// Waits until a file no longer grows; when it last did.
fn settle(file: &Path) -> Instant {
    let size = || fs::metadata(file).map(|metadata| metadata.len()).unwrap_or_default();
    let (mut last, mut since) = (size(), Instant::now());
    while since.elapsed().as_millis() < 100 {
        std::thread::sleep(std::time::Duration::from_millis(1));
        let now = size();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    since
}

/// How many lines of a file events wrote, and how many events the others say are lost: bpftrace tells that where it prints.
fn count(path: &Path) -> Result<(u64, u64)> {
    let text = fs::read(path).context("nothing was written")?;
    let (mut lines, mut told) = (0, 0);
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let ends_in_number = line.last().is_some_and(u8::is_ascii_digit);
        match ends_in_number {
            true => lines += 1,
            false => told += lost(&String::from_utf8_lossy(line)),
        }
    }
    Ok((lines, told))
}

/// The sum of all `Lost 1,234 events`.
fn lost(said: &str) -> u64 {
    let numbers = said.match_indices("ost ").filter_map(|(at, word)| {
        let number: String = said[at + word.len()..]
            .chars()
            .take_while(|letter| letter.is_ascii_digit() || *letter == ',')
            .filter(char::is_ascii_digit)
            .collect();
        number.parse::<u64>().ok()
    });
    numbers.sum()
}
