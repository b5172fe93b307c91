//! Programs to be traced are made by gcc, which takes seconds in an emulated machine. What it made of the same sources
//! before, on any kernel, is copied.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::session::{Scratch, shell};

/// Sources of the programs.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/programs");
/// What was made stays here until `cargo clean`.
const MADE: &str = env!("CARGO_TARGET_TMPDIR");

/// Makes `$TMP/NAME` of `NAME.c`.
pub(crate) fn program(source: &str, scratch: &Scratch) -> Result<(), String> {
    let name = source.trim_end_matches(".c");
    command(&format!("gcc -g -O1 -pthread -o $TMP/{name} '{SOURCES}/{source}'"), scratch)
}

/// Runs a command that prepares a test.
pub(crate) fn command(command: &str, scratch: &Scratch) -> Result<(), String> {
    let run = || shell(&scratch.fill_in(command)).map(drop);
    let Some(output) = only_output(command) else { return run() };
    let error = |error: std::io::Error| format!("`{command}`: {error}");
    let made = PathBuf::from(scratch.fill_in(output));
    let kept = Path::new(MADE).join(format!("{:016x}", fingerprint(command).map_err(error)?));
    if kept.exists() {
        return copy(&kept, &made).map_err(error);
    }
    run()?;
    // Another machine may keep the same at the same time, and nobody finds half of it.
    let part = Path::new(MADE).join(scratch.folder.file_name().unwrap_or_default());
    copy(&made, &part).and_then(|()| fs::rename(part, kept)).map_err(error)
}

/// Not by this process: a child of another test, just born, would keep the program from being run.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    match Command::new("cp").arg(from).arg(to).status()?.success() {
        true => Ok(()),
        false => Err(std::io::Error::other("`cp` failed")),
    }
}

/// The file that a command makes, if it is one run of gcc of which nothing else depends on where the test has its files.
fn only_output(command: &str) -> Option<&str> {
    let words = command.strip_prefix("gcc ")?;
    if words.contains(['&', ';', '|']) || words.matches("$TMP").count() != 1 {
        return None;
    }
    let mut words = words.split(' ').skip_while(|word| *word != "-o");
    words.nth(1).filter(|output| output.starts_with("$TMP/"))
}

/// Differs where the result may: in the command and in all sources.
fn fingerprint(command: &str) -> std::io::Result<u64> {
    let mut sources = fs::read_dir(SOURCES)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    sources.sort();
    let mut hasher = DefaultHasher::new();
    command.hash(&mut hasher);
    for source in sources {
        fs::read(source)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}
