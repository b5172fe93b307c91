//! Listing probes.

use anyhow::Result;

use crate::Bench;
use crate::attach::KPROBES;
use crate::command::{rows, show, words};
use crate::table::Table;

const FUNCTIONS: &str = "/sys/kernel/tracing/available_filter_functions";
const SEARCH: [&str; 2] = ["-l", "kprobe:*"];

pub(crate) fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    rows(bench, table, "-l 'tracepoint:*'", &["-l", "tracepoint:*"], None)?;
    if !std::fs::exists(KPROBES)? {
        table.note("no -l 'kprobe:*': this kernel has no kprobes");
        return Ok(());
    }
    rows(bench, table, "-l 'kprobe:*'", &SEARCH, None)?;
    // The kernel's own file is read each time.
    let afresh = words(&bench.ebtrace, &["--traceable-functions", FUNCTIONS]).into_iter();
    let afresh = afresh.chain(SEARCH.map(Into::into)).collect();
    let bpftrace = bench.bpftrace.as_ref().map(|bpftrace| words(bpftrace, &SEARCH));
    show(bench, table, "-l 'kprobe:*', nothing kept", [Some(afresh), None, bpftrace])?;
    Ok(())
}
