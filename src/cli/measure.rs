//! `--mode compiler-bench`: how long each stage of the compilation takes.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use ebtrace::codegen::{self, Failure, Target};
use ebtrace::options::Options;
use ebtrace::pipeline::{self, Checked};
use ebtrace::source::{FileId, Sources};

use super::report;
use super::run::{internal, put};

/// The script is compiled again for so long, and so often at least.
const LONG_ENOUGH: Duration = Duration::from_secs(1);
const ENOUGH: usize = 5;

/// Of whole compilations.
const ALL: &str = "all";

/// How long a stage took each time, in nanoseconds.
type Times = Vec<(&'static str, Vec<f64>)>;

/// Compiles the script again and again, each time for a machine that is looked at anew; the result is the exit status.
pub(super) fn run<H: ebtrace::host::Host>(
    sources: &Sources,
    file: FileId,
    options: &Options,
    (host, possible_cpus): (impl Fn() -> H, u32),
    warnings: bool,
) -> anyhow::Result<u8> {
    let mut times: Times = Vec::new();
    let begin = Instant::now();
    for round in 0.. {
        if round >= ENOUGH && begin.elapsed() >= LONG_ENOUGH {
            break;
        }
        let source = sources.get(file);
        let (mut sources, host) = (Sources::new(), host());
        let file = sources.add(source.name.clone(), source.text.to_string());
        let start = Instant::now();
        let mut last = start;
        let mut watch = |stage| {
            take(&mut times, stage, last.elapsed());
            last = Instant::now();
        };
        let (checked, mut found) =
            pipeline::check_watched(&mut sources, file, &host, options, &mut watch)
                .map_err(|bug| internal(&bug.0))?;
        if !warnings {
            found.drop_warnings();
        }
        if round == 0 || checked.is_none() {
            report::diagnostics(&sources, &found);
        }
        let Some(mut checked) = checked else { return Ok(1) };
        let target = Target { version: host.version(), possible_cpus };
        let mut generate = |checked: &Checked| {
            let Checked { program, layout, .. } = checked;
            codegen::generate_watched(program, layout, &sources, &target, &mut watch)
        };
        let mut made = generate(&checked);
        if matches!(made, Err(Failure::OutOfStack(_))) && checked.relieve_stack(&sources) {
            made = generate(&checked);
        }
        let refused = match made {
            Ok(_) => None,
            Err(Failure::TooLong(probe)) => Some(pipeline::too_long(&checked.program, probe)),
            Err(Failure::OutOfStack(probe)) => {
                Some(pipeline::out_of_stack(&checked.program, probe))
            }
            Err(Failure::Bug(bug)) => return Err(internal(&bug)),
        };
        if let Some(refused) = refused {
            report::one(&sources, refused);
            return Ok(1);
        }
        take(&mut times, ALL, start.elapsed());
    }
    put(&table(&times))?;
    Ok(0)
}

fn take(times: &mut Times, stage: &'static str, took: Duration) {
    let took = took.as_secs_f64() * 1e9;
    match times.iter_mut().find(|(name, _)| *name == stage) {
        Some((_, times)) => times.push(took),
        None => times.push((stage, vec![took])),
    }
}

fn table(times: &Times) -> String {
    let mut out = format!("{:<30}   count         total          mean\n", "stage");
    for (stage, times) in times {
        let count = times.len() as f64;
        let total: f64 = times.iter().sum();
        let mean = total / count;
        let squares: f64 = times.iter().map(|time| (time - mean).powi(2)).sum();
        // The standard error of the mean.
        let error = (squares / (count - 1.0).max(1.0) / count).sqrt();
        let (scale, unit) = unit(mean);
        let _ = writeln!(
            out,
            "{stage:<30}{:>8}{:>14}{:>14} ± {:.1} {unit}",
            times.len(),
            duration(total),
            format!("{:.1}", mean / scale),
            error / scale,
        );
    }
    out
}

fn duration(nanoseconds: f64) -> String {
    let (scale, unit) = unit(nanoseconds);
    format!("{:.1} {unit}", nanoseconds / scale)
}

fn unit(nanoseconds: f64) -> (f64, &'static str) {
    match nanoseconds {
        1e9.. => (1e9, "s"),
        1e6.. => (1e6, "ms"),
        1e3.. => (1e3, "µs"),
        _ => (1.0, "ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_mean_and_its_error() {
        let mut times = Times::new();
        for milliseconds in [1, 2, 3] {
            take(&mut times, "parse", Duration::from_millis(milliseconds));
        }
        take(&mut times, "check", Duration::from_nanos(50));
        let table = table(&times);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines[1],
            format!("{:<30}{:>8}{:>14}{:>14} ± 0.6 ms", "parse", 3, "6.0 ms", "2.0")
        );
        assert_eq!(
            lines[2],
            format!("{:<30}{:>8}{:>14}{:>14} ± 0.0 ns", "check", 1, "50.0 ns", "50.0")
        );
    }
}
