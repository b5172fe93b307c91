//! Random well-typed programs: each is compiled, loaded and run, and what it prints must be what a plain evaluator of
//! the same program says. The seeds are fixed, so a failure can be repeated; it shows the whole program.

mod evaluate;
mod generate;
#[path = "../../fuzz/random.rs"]
mod numbers;
mod program;
mod types;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Failed, Trial};

/// Programs of a test run on a machine of full speed.
const PROGRAMS: u64 = 2_400;
/// They are cut into so many tests, which run side by side.
const TESTS: u64 = 8;
/// In an emulated machine, every so manieth program is run.
const EMULATED_SHARE: u64 = 30;
/// A program that runs longer does not end.
const PATIENCE: Duration = Duration::from_secs(20);

/// The tests; none of the programs needs more than `begin` probes.
pub(crate) fn trials(binary: PathBuf, slowness: u32) -> Vec<Trial> {
    (0..TESTS)
        .map(|test| {
            let binary = binary.clone();
            Trial::ignorable_test(format!("random_programs_{test}"), move || {
                let step = if slowness > 1 { EMULATED_SHARE } else { 1 };
                let share = PROGRAMS / TESTS;
                for seed in (test * share..(test + 1) * share).step_by(step as usize) {
                    run(seed, &binary, PATIENCE * slowness)?;
                }
                Ok(Completion::Completed)
            })
        })
        .collect()
}

fn run(seed: u64, binary: &Path, patience: Duration) -> Result<(), Failed> {
    let program = generate::program(seed);
    let text = program.to_string();
    let expected = evaluate::output(&program);
    let script =
        std::env::temp_dir().join(format!("ebtrace-random-{}-{seed}.bt", std::process::id()));
    fs::write(&script, &text).map_err(|error| format!("{}: {error}", script.display()))?;
    let ended = started(binary, &script, patience);
    let _ = fs::remove_file(&script);
    let (status, out, err) = ended.map_err(|what| format!("seed {seed}: {what}\n{text}"))?;
    if status != Some(0) || out.trim_end() != expected.trim_end() {
        let status = status.map_or("a signal".to_owned(), |status| status.to_string());
        return Err(Failed::from(format!(
            "seed {seed}: exit status {status}\n{text}\nexpected:\n{expected}\nprinted:\n{out}\nstandard error:\n{err}"
        )));
    }
    Ok(())
}

/// Exit status and both streams.
fn started(
    binary: &Path,
    script: &Path,
    patience: Duration,
) -> Result<(Option<i32>, String, String), String> {
    let [out, err] = ["out", "err"].map(|stream| script.with_extension(stream));
    let create = |path: &PathBuf| fs::File::create(path).map_err(|error| error.to_string());
    let mut child = Command::new(binary)
        .args(["-q", "--no-warnings"])
        .arg(script)
        .env("BPFTRACE_PRINT_MAPS_ON_EXIT", "0")
        .stdin(Stdio::null())
        .stdout(create(&out)?)
        .stderr(create(&err)?)
        .spawn()
        .map_err(|error| format!("{}: {error}", binary.display()))?;
    let deadline = Instant::now() + patience;
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break Ok(status.code()),
            None if Instant::now() > deadline => {
                let _ = child.kill();
                let _ = child.wait();
                break Err(format!("still running after {} s", patience.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let read = |path: &PathBuf| {
        let text = fs::read(path).unwrap_or_default();
        let _ = fs::remove_file(path);
        String::from_utf8_lossy(&text).into_owned()
    };
    let (out, err) = (read(&out), read(&err));
    status.map(|status| (status, out, err))
}
