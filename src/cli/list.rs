//! `-l`: what there is to probe.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use ebtrace::list::{self, Listing, Manner};
use ebtrace::pipeline;
use ebtrace::source::Sources;
use ebtrace_runtime::{Process, binary};

use super::args::Args;
use super::environment::{path, read_all_options};
use super::live::Live;
use super::session::debug_folders;
use super::{report, run};

/// Lists; the result is the exit status.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    if args.words.len() + usize::from(args.program.is_some()) > 1 {
        bail!("-l takes one search, or one script: separate several searches by commas");
    }
    let manner = Manner {
        verbose: args.manner.verbose,
        process: args.pid.map(mapped_files).transpose()?,
        folders: path().map(|path| std::env::split_paths(&path).collect()).unwrap_or_default(),
    };
    let host = Live::new(args.no_features.clone(), args.traceable_functions.clone())
        .of_process(args.pid)
        .with_debug_folders(debug_folders(args));
    let word = args.words.first().map(String::as_str);
    let listing = match word {
        None if args.program.is_none() => list::search(list::EVERYTHING, &host, &manner),
        Some(word) if !Path::new(word).is_file() && word != "-" => {
            warn_of_file(word);
            list::search(word, &host, &manner)
        }
        _ => match of_script(args, &host, &manner)? {
            Some(listing) => listing,
            None => return Ok(1),
        },
    };
    for trouble in &listing.troubles {
        warn(trouble);
    }
    run::put(&listing.text)?;
    Ok(0)
}

/// The probes of a script; nothing if it is wrong.
fn of_script(args: &Args, host: &Live, manner: &Manner) -> anyhow::Result<Option<Listing>> {
    let mut sources = Sources::new();
    let (file, params) = run::read_script(args, &mut sources)?;
    let (options, _) = read_all_options(args, params)?;
    let (checked, mut found) =
        pipeline::check(&mut sources, file, host, &options).map_err(|bug| run::internal(&bug.0))?;
    found.drop_warnings();
    report::diagnostics(&sources, &found);
    Ok(checked.map(|checked| list::script(&checked.program, host, manner)))
}

/// Says that what looks like a file is none.
fn warn_of_file(word: &str) {
    let file =
        word.contains('.') && !word.contains([':', '*']) && !word.contains(char::is_whitespace);
    if file {
        warn(&format!("there is no file `{word}`, so probes of this name are searched for"));
    }
}

fn warn(text: &str) {
    // Nobody is left to tell when the standard error is gone.
    drop(writeln!(std::io::stderr(), "warning: {text}"));
}

/// The programs and libraries that a process has in its memory.
fn mapped_files(pid: u32) -> anyhow::Result<Vec<PathBuf>> {
    Process::open(pid)?;
    Ok(binary::mapped(pid))
}
