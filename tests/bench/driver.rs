//! What ebtrace costs, beside bpftrace and beside programs written in C by hand: what `scripts/bench` runs.
//!
//! Each row has a figure of each contender, taken in turns on the same machine, and the median of them. The programs are
//! `programs/NAME.bpf.c`, for the same event and with the same meaning as `scripts/NAME.bt`.

mod attach;
mod command;
mod compile;
mod delivery;
mod event;
mod hand;
mod kernel;
mod list;
mod maps;
mod size;
mod startup;
mod table;
mod tracer;
mod workload;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use crate::table::Table;

const USAGE: &str = "usage: bench [--json] [--rounds N] NAME…; scripts/bench tells of the names";

type Section = fn(&Bench, &mut Table) -> Result<()>;

const SECTIONS: [(&str, Section); 9] = [
    ("startup", startup::measure),
    ("compile", compile::measure),
    ("event", event::measure),
    ("delivery", delivery::measure),
    ("maps", maps::measure),
    ("attach", attach::measure),
    ("functions", attach::measure_functions),
    ("list", list::measure),
    ("size", size::measure),
];

/// Who takes part, and how.
struct Bench {
    ebtrace: PathBuf,
    bpftrace: Option<PathBuf>,
    rounds: usize,
    work: TempDir,
}

impl Bench {
    /// ebtrace, and bpftrace where it is.
    fn tracers(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.ebtrace.as_path()).chain(self.bpftrace.as_deref())
    }

    /// A file of the bench.
    fn source(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench").join(name)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.first().map(String::as_str) {
        Some(workload::ARGUMENT) => workload::serve(),
        _ => run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scripts/bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let (mut json, mut rounds, mut named) = (false, 7, Vec::new());
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => json = true,
            "--rounds" => {
                let number = arguments.next().and_then(|number| number.parse().ok());
                rounds = number.filter(|rounds| *rounds > 0).context("--rounds wants a number")?;
            }
            // What `cargo bench` adds.
            "--bench" => {}
            "all" => named.extend(SECTIONS),
            name => match SECTIONS.iter().find(|(section, _)| *section == name) {
                Some(section) => named.push(*section),
                None => bail!("there is no `{name}`; {USAGE}"),
            },
        }
    }
    if named.is_empty() {
        eprintln!("{USAGE}");
        return Ok(());
    }
    kernel::prepare()?;
    let bench = Bench {
        ebtrace: std::env::var_os("BINARY")
            .context("BINARY must name the ebtrace to measure")?
            .into(),
        bpftrace: peer(),
        rounds,
        work: TempDir::new()?,
    };
    ensure!(bench.ebtrace.exists(), "{} is missing", bench.ebtrace.display());
    let mut table = Table::new(json, machine(&bench)?);
    for (name, section) in named {
        table.section(name);
        section(&bench, &mut table).with_context(|| format!("{name} could not be measured"))?;
    }
    table.finish();
    Ok(())
}

/// The bpftrace to compare with.
fn peer() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("BPFTRACE") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("bpftrace")).find(|path| path.exists())
}

/// What the figures hold for.
fn machine(bench: &Bench) -> Result<Vec<(&'static str, String)>> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let kernel = release.trim().split('-').next().unwrap_or_default();
    let cpus = std::thread::available_parallelism()?;
    let mut machine = vec![
        ("cpus", cpus.to_string()),
        ("kernel", kernel.to_owned()),
        ("ebtrace", command::version(&bench.ebtrace)?),
    ];
    if let Some(bpftrace) = &bench.bpftrace {
        machine.push(("bpftrace", command::version(bpftrace)?));
    }
    machine.push(("rounds", bench.rounds.to_string()));
    Ok(machine)
}
