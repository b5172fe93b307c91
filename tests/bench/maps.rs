//! Printing a map of 100,000 keys.

use anyhow::{Context as _, Result};

use crate::Bench;
use crate::command::{Words, build, in_turns, words};
use crate::table::{Row, Table};

const KEYS: usize = 100_000;
/// How often the map is printed while the script runs.
const PRINTS: usize = 4;

pub(crate) fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let filled = |settings: &str, rest: &str| {
        format!(
            "config = {{ max_map_keys = {}; {settings} }} \
             begin {{ for ($i : 0..{KEYS}) {{ @[$i] = $i; }} {rest}",
            KEYS + 1
        )
    };
    let silent = "print_maps_on_exit = false;";
    let at_end = [filled("", "exit(); }"), filled(silent, "exit(); }")];
    let dump = build(bench, "dump")?;
    let by_hand = Some([words(&dump, &["print"]), words(&dump, &[])]);
    row(bench, table, "printed at the end", 1, &at_end, &[], by_hand)?;
    let rest = |statement: &str| format!("}} interval:ms:500 {{ {statement} }}");
    let live = [filled(silent, &rest("print(@);")), filled(silent, &rest("@n = 1;"))];
    row(bench, table, "printed while it runs", PRINTS, &live, &["-c", "sleep 2.3"], None)
}

/// CPU time of a print: what a script takes that prints beyond one that does not.
fn row(
    bench: &Bench,
    table: &mut Table,
    name: &str,
    prints: usize,
    scripts: &[String; 2],
    arguments: &[&str],
    by_hand: Option<[Words; 2]>,
) -> Result<()> {
    let command = |tracer, script: &String| {
        let mut command = words(tracer, &["-q", "-e", script]);
        command.extend(words(tracer, arguments).into_iter().skip(1));
        command
    };
    let mut commands: Vec<Words> = bench
        .tracers()
        .flat_map(|tracer| scripts.iter().map(move |script| (tracer, script)))
        .map(|(tracer, script)| command(tracer, script))
        .collect();
    let tracers = commands.len();
    let c = by_hand.is_some().then_some(tracers);
    commands.extend(by_hand.into_iter().flatten());
    let taken = in_turns(bench, &commands)?;
    let beyond = |index: usize| {
        let (with, without) = (taken.get(index)?.as_ref()?, taken.get(index + 1)?.as_ref()?);
        Some((with.cpu - without.cpu) / prints as f64)
    };
    table.row(&Row {
        name: format!("100,000 keys {name}"),
        unit: "CPU ms",
        ebtrace: beyond(0).context("ebtrace took too long")?,
        c: c.and_then(beyond),
        bpftrace: bench.bpftrace.as_ref().and_then(|_| beyond(2)),
        ..Row::default()
    });
    Ok(())
}
