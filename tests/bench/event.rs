//! What a program takes for an event.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::Bench;
use crate::command::words;
use crate::hand::{self, Hand};
use crate::kernel::{Runs, measure_programs, programs_of, time_of_a_run};
use crate::table::{Row, Table, median};
use crate::tracer::Tracer;
use crate::workload::{Work, Workload};

/// Who is traced by a script with a parameter.
#[derive(Clone, Copy, PartialEq)]
enum Whom {
    Everyone,
    Workload,
    Init,
}

struct Event {
    /// What the row says.
    title: &'static str,
    /// `scripts/NAME.bt` and `programs/NAME.bpf.c`.
    name: &'static str,
    programs: usize,
    whom: Whom,
}

const fn event(title: &'static str, name: &'static str) -> Event {
    Event { title, name, programs: 1, whom: Whom::Everyone }
}

const EVENTS: [Event; 12] = [
    event("{ }", "empty"),
    event("@ = count()", "count"),
    event("@[comm] = count()", "comm"),
    event("@[pid, comm] = count()", "pid_comm"),
    event("@ = hist(nsecs)", "hist_nsecs"),
    event("@ = hist(args.ret)", "hist_ret"),
    event("@[kstack] = count()", "kstack"),
    event("@[str(args.filename)] = count()", "filename"),
    Event { whom: Whom::Workload, ..event("/pid == N/ hit", "filter") },
    Event { whom: Whom::Init, ..event("/pid == N/ miss", "filter") },
    Event { programs: 2, ..event("start and end, hist, delete", "latency") },
    event("printf(\"%s %d\\n\", comm, pid)", "printf"),
];

/// So many events are a figure, and so many figures are taken at a time: what else runs here disturbs few of them.
const CALLS: u64 = 10_000;
const FIGURES: usize = 20;
/// So many come before, so that maps hold what they will hold.
const WARM_UP: u64 = 20_000;
/// So many are made to see whether a tracer is there.
const TRIAL: u64 = 100;

pub(crate) fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let _measured = measure_programs()?;
    let mut workload = Workload::start()?;
    for event in &EVENTS {
        let pid = match event.whom {
            Whom::Everyone => None,
            Whom::Workload => Some(workload.pid()),
            Whom::Init => Some(1),
        };
        row(bench, table, &mut workload, event, pid).with_context(|| event.title)?;
    }
    Ok(())
}

fn row(
    bench: &Bench,
    table: &mut Table,
    workload: &mut Workload,
    event: &Event,
    pid: Option<u32>,
) -> Result<()> {
    let designs = hand::designs(bench, event.name)?;
    let mut traced: Vec<Vec<f64>> = vec![Vec::new(); 2];
    let mut by_hand: Vec<Vec<f64>> = vec![Vec::new(); designs.len()];
    for _ in 0..bench.rounds {
        for (tracer, figures) in bench.tracers().zip(&mut traced) {
            figures.extend(of_tracer(bench, tracer, workload, event, pid)?);
        }
        for (design, figures) in designs.iter().zip(&mut by_hand) {
            figures.extend(of_hand(design, workload, pid)?);
        }
    }
    let best = by_hand.into_iter().map(median).enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
    let (best, c) = best.context("no design")?;
    let [ebtrace, bpftrace] = [0, 1].map(|who| median(std::mem::take(&mut traced[who])));
    let note = match designs.len() {
        1 => String::new(),
        _ => format!("C: {}", stem(&designs[best])),
    };
    table.row(&Row {
        name: event.title.to_owned(),
        unit: "ns",
        ebtrace,
        c: Some(c),
        bpftrace: Some(bpftrace).filter(|figure| !figure.is_nan()),
        note,
    });
    Ok(())
}

fn stem(object: &Path) -> String {
    let file = object.file_name().unwrap_or_default().to_string_lossy();
    file.split('.').next().unwrap_or_default().to_owned()
}

fn of_tracer(
    bench: &Bench,
    tracer: &Path,
    workload: &mut Workload,
    event: &Event,
    pid: Option<u32>,
) -> Result<Vec<f64>> {
    let mut command = words(tracer, &["-q"]);
    command.push(Bench::source("scripts").join(event.name).with_extension("bt").into());
    command.extend(pid.map(|pid| pid.to_string().into()));
    let tracer = Tracer::start(bench, &command, event.programs, workload, Work::Open(TRIAL))?;
    let times = times(workload, || tracer.programs(), || {})?;
    tracer.kill()?;
    Ok(times)
}

fn of_hand(design: &Path, workload: &mut Workload, pid: Option<u32>) -> Result<Vec<f64>> {
    let hand = Hand::attach(design, pid, None, None)?;
    let drain = || {
        hand.drain();
    };
    times(workload, || programs_of(std::process::id()), drain)
}

/// The times of a run while a workload does something.
fn times(
    workload: &mut Workload,
    programs: impl Fn() -> Vec<Runs>,
    meanwhile: impl Fn(),
) -> Result<Vec<f64>> {
    workload.work(Work::Open(WARM_UP), &meanwhile)?;
    let mut times = Vec::new();
    for _ in 0..FIGURES {
        let before = programs();
        workload.work(Work::Open(CALLS), &meanwhile)?;
        times.extend(time_of_a_run(&before, &programs(), CALLS));
    }
    Ok(times)
}
