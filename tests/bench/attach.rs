//! Attaching to few and to many places, and letting go of them, while `true` runs.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::Bench;
use crate::command::{rows, rows_of_ours};
use crate::table::Table;

/// Where a kernel has it that can be traced by kprobes.
pub(crate) const KPROBES: &str = "/sys/bus/event_source/devices/kprobe";

const COUNTS: [usize; 4] = [1, 100, 1_000, 10_000];

pub(crate) fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let program = functions(bench)?;
    for count in COUNTS {
        place(bench, table, &format!("{count} uprobes"), &format!("uprobe:{program}:f{count}_*"))?;
    }
    place(bench, table, "1 tracepoint", "tracepoint:syscalls:sys_enter_openat")?;
    place(bench, table, "all sys_enter_*", "tracepoint:syscalls:sys_enter_*")?;
    // Whoever lets go of them one after the other needs minutes for that.
    let all = script("tracepoint:*:*");
    rows_of_ours(bench, table, "all tracepoints", &["-c", "true", "-e", &all])?;
    Ok(())
}

/// The kernel's functions.
pub(crate) fn measure_functions(bench: &Bench, table: &mut Table) -> Result<()> {
    if !std::fs::exists(KPROBES)? {
        table.note("none: this kernel has no kprobes");
        return Ok(());
    }
    place(bench, table, "1 kprobe", "kprobe:vfs_read")?;
    for point in ["kprobe:vfs_*", "kprobe:*", "kretprobe:*", "fentry:vfs_*"] {
        place(bench, table, point, point)?;
    }
    Ok(())
}

/// A program with that many functions of each group.
fn functions(bench: &Bench) -> Result<String> {
    let mut source = String::from("int main(void) { return 0; }\n");
    for count in COUNTS {
        (0..count).for_each(|index| {
            let _ = writeln!(source, "void f{count}_{index}(void) {{}}");
        });
    }
    let (text, program) = (bench.file("functions.c"), bench.file("functions"));
    std::fs::write(&text, source)?;
    let built = Command::new("gcc").arg("-o").arg(&program).arg(text).status()?;
    ensure!(built.success(), "gcc failed");
    Ok(program.display().to_string())
}

fn place(bench: &Bench, table: &mut Table, name: &str, point: &str) -> Result<()> {
    rows(bench, table, name, &["-c", "true", "-e", &script(point)], None)?;
    Ok(())
}

fn script(point: &str) -> String {
    format!("config = {{ max_probes = 100000; }} {point} {{ @ = count(); }}")
}
