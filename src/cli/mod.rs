//! The command line: the one place that knows both compiler and runtime, the terminal and the environment.

mod about;
mod aot;
mod args;
mod compile;
mod completion;
mod doctor;
mod environment;
mod files;
mod headers;
mod layout;
mod list;
mod live;
mod manual;
mod measure;
mod mistake;
mod output;
mod refusal;
mod repl;
mod report;
mod run;
mod session;
mod stage;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use args::Args;
use clap::FromArgMatches as _;

/// Runs the command and turns the result into an exit status.
pub(crate) fn main() -> ExitCode {
    if let Some(status) = aot::main() {
        return status;
    }
    completion::answer();
    let args = match parsed() {
        Ok(args) => args,
        Err(error) => {
            return ExitCode::from(mistake::tell(&error, &args::command()));
        }
    };
    match report::check_color().and_then(|()| run::run(&args)) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            report::failure(&error);
            ExitCode::FAILURE
        }
    }
}

/// The command line; none at all on a terminal asks for a session.
fn parsed() -> Result<Args, clap::Error> {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if words.len() == 1 && is_terminal {
        words.push(about::SESSION.into());
    }
    Args::from_arg_matches(&args::command().try_get_matches_from(words)?)
}
