//! Small scripts from start to end.

use anyhow::Result;

use crate::Bench;
use crate::command::{build, rows, words};
use crate::table::Table;

const OPENAT: &str = "tracepoint:syscalls:sys_enter_openat { @[comm] = count(); }";

pub(crate) fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let limit = build(bench, "limit")?;
    let least = words(&limit, &[]);
    rows(bench, table, "begin { exit(); }", &["-e", "begin { exit(); }"], Some(least))?;
    let least = words(&limit, &["cat", "/etc/hostname"]);
    let arguments = ["-e", OPENAT, "-c", "cat /etc/hostname"];
    rows(bench, table, "openat by comm", &arguments, Some(least))?;
    let script = Bench::source("switches.bt").display().to_string();
    rows(bench, table, "65 lines, attached", &[&script, "-c", "true"], None)?;
    rows(bench, table, "65 lines, --dry-run", &["--dry-run", &script], None)?;
    Ok(())
}
