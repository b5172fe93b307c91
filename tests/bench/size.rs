//! The program on disk, and what it needs beside.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use crate::Bench;
use crate::command::words;
use crate::kernel::measure_programs;
use crate::table::{Row, Table};
use crate::tracer::Tracer;
use crate::workload::{Work, Workload};

const MEGABYTE: f64 = 1e6;

pub(crate) fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let _measured = measure_programs()?;
    let mut workload = Workload::start()?;
    let mut row = |name: &str, ebtrace, bpftrace| {
        let name = name.to_owned();
        table.row(&Row { name, unit: "MB", ebtrace, bpftrace, ..Row::default() });
    };
    let size =
        |path: &str| Ok::<_, anyhow::Error>(std::fs::metadata(path)?.len() as f64 / MEGABYTE);
    row("the program", size(&bench.ebtrace.to_string_lossy())?, None);
    let mut sizes = Vec::new();
    let mut own = BTreeSet::new();
    for tracer in bench.tracers() {
        let files = files(bench, tracer, &mut workload)?;
        sizes.push(files.iter().map(|path| size(path)).sum::<Result<f64>>()?);
        if own.is_empty() {
            own = files;
        }
    }
    row("all that it runs from", sizes[0], sizes.get(1).copied());
    let names = own.iter().filter_map(|path| path.rsplit('/').next());
    table.note(&format!("that is {}", names.collect::<Vec<_>>().join(", ")));
    Ok(())
}

/// The files that have code of a tracer while it traces: itself and its shared libraries.
fn files(bench: &Bench, tracer: &Path, workload: &mut Workload) -> Result<BTreeSet<String>> {
    let script = "tracepoint:syscalls:sys_enter_openat { }";
    let tracer = Tracer::start(bench, &words(tracer, &["-e", script]), 1, workload, Work::Open(1))?;
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", tracer.pid()))?;
    let code = maps.lines().filter(|line| line.contains("r-xp"));
    let files = code.filter_map(|line| line.find('/').map(|at| line[at..].to_owned())).collect();
    tracer.kill()?;
    Ok(files)
}
