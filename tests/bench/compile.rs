//! Compiling: how time grows with the script.

use std::fmt::Write as _;

use anyhow::Result;

use crate::Bench;
use crate::command::{rows, rows_of_ours};
use crate::table::Table;

/// The sizes of scripts, in statements. The kernel takes no program as long as the last makes.
const SIZES: [usize; 3] = [100, 1_000, 10_000];

pub(crate) fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let path = bench.file("statements.bt").display().to_string();
    for (kind, statement) in [("mixed", mixed as fn(usize) -> String), ("printf", printf)] {
        let mut first = None;
        for size in SIZES {
            let mut script = String::from("begin {\n");
            (0..size).for_each(|index| {
                let _ = writeln!(script, "  {}", statement(index));
            });
            script.push_str("}\n");
            std::fs::write(&path, script)?;
            let name = format!("{size} statements, {kind}");
            if size < SIZES[2] {
                rows(bench, table, &format!("{name}, --dry-run"), &["--dry-run", &path], None)?;
            }
            let usage =
                rows_of_ours(bench, table, &format!("{name}, -d asm"), &["-d", "asm", &path])?;
            let each = usage.cpu / size as f64;
            let first = *first.get_or_insert(each);
            let of_first = each / first;
            table
                .note(&format!("a statement takes {of_first:.2} of what it takes of {}", SIZES[0]));
        }
    }
    let probes: String =
        (0..1000).map(|index| format!("begin {{ @[{index}] = count(); }}\n")).collect();
    std::fs::write(&path, probes)?;
    rows_of_ours(bench, table, "1,000 probes, -d asm", &["-d", "asm", &path])?;
    Ok(())
}

fn mixed(index: usize) -> String {
    match index % 4 {
        0 => format!("@c{}[{index}] = count();", index % 40),
        1 => format!("@v = pid + {index};"),
        2 => format!("if (pid == {index}) {{ @w = {index}; }}"),
        _ => format!("$x{} = nsecs * {index};", index % 10),
    }
}

fn printf(index: usize) -> String {
    format!("printf(\"%d %s %d\\n\", pid + {index}, comm, nsecs);")
}
