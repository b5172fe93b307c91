//! Listing probes.

use anyhow::Result;

use crate::Bench;
use crate::attach::KPROBES;
use crate::command::rows;
use crate::table::Table;

pub(crate) fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    rows(bench, table, "-l 'tracepoint:*'", &["-l", "tracepoint:*"], None)?;
    if !std::fs::exists(KPROBES)? {
        table.note("no -l 'kprobe:*': this kernel has no kprobes");
        return Ok(());
    }
    rows(bench, table, "-l 'kprobe:*'", &["-l", "kprobe:*"], None)?;
    Ok(())
}
