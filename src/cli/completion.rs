//! Completion in shells: of options by clap, of probes by the running kernel, of builtins by their table.
//!
//! The shell runs this program with the words so far, and shows what it prints.

use std::ffi::OsStr;
use std::path::Path;

use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter as _};
use clap_complete::env::{CompleteEnv, Shells};
use ebtrace::complete::complete;
use ebtrace::environment::COMPLETE;

use super::args;
use super::environment::value;
use super::live::Live;

/// Answers a shell that asks, and ends the process then.
pub(crate) fn answer() {
    if value(&COMPLETE).is_some() {
        CompleteEnv::with_factory(args::command).var(COMPLETE.name()).complete();
    }
}

/// What a shell has to be told so that it asks; nothing for a shell that is not known.
pub(crate) fn registration(shell: &str) -> Option<Vec<u8>> {
    let shells = Shells::builtins();
    let shell = shells.completer(shell)?;
    let mut text = Vec::new();
    shell.write_registration(COMPLETE.name(), "ebtrace", "ebtrace", "ebtrace", &mut text).ok()?;
    if shell.is("bash") {
        text.extend_from_slice(COLONS.as_bytes());
    }
    Some(text)
}

/// Bash would take each part of `kprobe:vfs_read` for a word of its own.
const COLONS: &str = "COMP_WORDBREAKS=${COMP_WORDBREAKS//:}\n";

/// The names of shells that are known.
pub(crate) fn shells() -> Vec<String> {
    let shells = Shells::builtins();
    shells.names().map(str::to_owned).filter(|name| SHELLS.contains(&name.as_str())).collect()
}

/// Those that the tests hold.
const SHELLS: [&str; 3] = ["bash", "fish", "zsh"];

/// Continuations of a script after `-e`.
pub(crate) fn program(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(script) = current.to_str() else { return Vec::new() };
    let (start, found) = complete(script, &Live::default());
    let candidates = found.into_iter().map(|candidate| {
        let text = format!("{}{}", &script[..start], candidate.text);
        let help = (!candidate.help.is_empty()).then(|| candidate.help.into());
        CompletionCandidate::new(text).help(help)
    });
    candidates.collect()
}

/// Files; with `-l`, probes.
pub(crate) fn word(current: &OsStr) -> Vec<CompletionCandidate> {
    let lists = std::env::args_os().any(|arg| arg == "-l" || arg == "-lv" || arg == "--list");
    let is_path = Path::new(current).is_absolute();
    match lists && !is_path {
        true => program(current),
        false => PathCompleter::any().complete(current),
    }
}
