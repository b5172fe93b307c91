//! What the environment says, and options from it and from the command line.

use std::ffi::OsString;

use ebtrace::diagnostic::{Code, Diagnostic, Diagnostics};
use ebtrace::environment::{PATH, Variable};
use ebtrace::options::{self, Options};

use super::args::Args;

/// A variable that is set: by which of its names, and to what.
pub(super) fn value(variable: &Variable) -> Option<(&'static str, OsString)> {
    variable.names.iter().find_map(|name| Some((*name, std::env::var_os(name)?)))
}

/// Folders of programs.
pub(super) fn path() -> Option<OsString> {
    value(&PATH).map(|(_, folders)| folders)
}

/// Options from the environment and the command line, and what is doubtful about them.
pub(super) fn read_all_options(
    args: &Args,
    params: Vec<String>,
) -> anyhow::Result<(Options, Diagnostics)> {
    let (mut options, doubts) = read_options(params)?;
    options.unsafe_mode = args.unsafe_mode;
    options.tells_failed_reads = args.warnings;
    options.pid = args.pid;
    options.command = args.command.is_some();
    options.ahead = args.aot.is_some();
    options.probe_filter = args.probe_filter.clone();
    options.headers = args.headers.clone();
    options.header_folders = args.header_folders.clone();
    Ok((options, doubts))
}

/// Options from the environment, and what is doubtful about them.
fn read_options(params: Vec<String>) -> anyhow::Result<(Options, Diagnostics)> {
    let mut warnings = Diagnostics::new();
    let mut options = Options::default();
    options.take_words(&params);
    for renaming in options::renamed() {
        let variable = options::variable(renaming.was);
        if let Some(value) = environment(&variable)? {
            let (entry, value) = (renaming.entry(), renaming.value(&value));
            fix(&mut options, entry, &variable, value)?;
            warnings.push(
                Diagnostic::warning(
                    Code::OptionRenamed,
                    format!("{variable} has another name now"),
                )
                .help(format!("set {}={value}", entry.variable())),
            );
        }
    }
    for name in options::without_effect() {
        let variable = options::variable(name);
        if environment(&variable)?.is_some() {
            let headline = format!("{variable} has no effect");
            warnings.push(Diagnostic::warning(Code::OptionIgnored, headline).help("unset it"));
        }
    }
    for entry in options::ENTRIES {
        if let Some(value) = environment(&entry.variable())? {
            fix(&mut options, entry, &entry.variable(), &value)?;
        }
    }
    Ok((options, warnings))
}

fn environment(variable: &str) -> anyhow::Result<Option<String>> {
    let value = std::env::var_os(variable).map(OsString::into_string).transpose();
    value.map_err(|_| anyhow::anyhow!("{variable} is not UTF-8"))
}

fn fix(
    options: &mut Options,
    entry: &options::Entry,
    variable: &str,
    value: &str,
) -> anyhow::Result<()> {
    options
        .fix(entry, value)
        .map_err(|_| anyhow::anyhow!("{variable} wants {}, not `{value}`", entry.wants()))
}
