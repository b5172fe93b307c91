//! The command line: the one place that knows both compiler and runtime, the terminal and the environment.

mod args;
mod compile;
mod files;
mod headers;
mod list;
mod live;
mod refusal;
mod report;
mod run;

use std::process::ExitCode;

use args::Args;
use clap::Parser;

/// Exit status where only a facility of the kernel is missing.
const LACKS: u8 = 69;

/// Runs the command and turns the result into an exit status.
pub(crate) fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are what was asked for; anything else is a mistake.
            let asked = !error.use_stderr();
            drop(error.print());
            return if asked { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
    };
    match run::run(&args) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            report::failure(&error);
            ExitCode::FAILURE
        }
    }
}
