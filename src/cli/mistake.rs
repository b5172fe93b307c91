//! Mistakes on the command line, in words of our own.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};
use ebtrace::diagnostic::nearest;

use super::report;

/// Options that exclude each other for a reason that their names do not say, or that one can do without.
const REASONS: &[(&str, &str, &str)] = &[
    ("--cmd", "--pid", "trace the command, or the process: leave one of them out"),
    ("--warnings", "--no-warnings", "one asks for more warnings, the other for none"),
    ("--aot", "--output", "the program that is made takes `-o` when it runs"),
    ("--aot", "--cmd", "the program that is made takes `-c` when it runs"),
    ("--aot", "--pid", "what a process has in memory is not known ahead of time"),
    (
        "--aot",
        "--warnings",
        "what else is told of failed reads, a program that is made ahead of time leaves out",
    ),
];

/// Says what is wrong, or what was asked for; the result is the status.
pub(super) fn tell(error: &Error, command: &Command) -> u8 {
    if let Some(said) = explain(error, command) {
        report::failure(&anyhow::anyhow!(said));
        return 1;
    }
    let printed = error.print();
    let asked = !error.use_stderr();
    match printed {
        Err(error) if asked && error.kind() != std::io::ErrorKind::BrokenPipe => {
            report::failure(&anyhow::Error::from(error).context("cannot write output"));
            1
        }
        _ if asked => 0,
        _ => 1,
    }
}

/// What is wrong, and what to type; nothing for what clap says well enough by itself.
fn explain(error: &Error, command: &Command) -> Option<String> {
    let arg = text(error, ContextKind::InvalidArg).map(|arg| name(&arg).to_owned());
    let value = text(error, ContextKind::InvalidValue);
    let shown = arg.as_deref().map(|arg| shown(arg, command)).unwrap_or_default();
    let said = match (error.kind(), arg) {
        (ErrorKind::UnknownArgument, Some(arg)) => unknown(&arg, command),
        (ErrorKind::InvalidValue, Some(_)) => {
            let valid = several(error, ContextKind::ValidValue);
            match value.filter(|value| !value.is_empty()) {
                None if valid.is_empty() => format!("`{shown}` wants a value, and none follows it"),
                None => format!("`{shown}` wants one of {}", valid.join(", ")),
                Some(value) => {
                    let near = nearest(&value, valid.iter().map(String::as_str));
                    let near =
                        near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                    format!("`{shown}` wants one of {}, not `{value}`{near}", valid.join(", "))
                }
            }
        }
        (ErrorKind::ValueValidation, Some(_)) => {
            let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            format!("`{shown}` does not take `{}`: {why}", value.unwrap_or_default())
        }
        (ErrorKind::ArgumentConflict, Some(arg)) => {
            conflict(&arg, &several(error, ContextKind::PriorArg), command)
        }
        (ErrorKind::TooManyValues, Some(_)) => format!("`{shown}` takes no value"),
        (ErrorKind::InvalidUtf8, _) => {
            "a word of the command line is not UTF-8; a script with such bytes can stand in a file"
                .to_owned()
        }
        _ => return None,
    };
    Some(said)
}

fn unknown(arg: &str, command: &Command) -> String {
    let plain = arg.split('=').next().unwrap_or(arg);
    if !plain.starts_with('-') {
        return format!(
            "`{arg}` is one word too many; named parameters stand behind `--`: `-- --name=value`"
        );
    }
    let known: Vec<String> = command
        .get_arguments()
        .filter_map(|known| known.get_long().map(|long| format!("--{long}")))
        .collect();
    let near = match plain.starts_with("--") {
        true => nearest(plain, known.iter().map(String::as_str)),
        false => None,
    };
    let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    format!(
        "there is no option `{plain}`{near}\n`-h` lists them, and what is meant for the script stands behind `--`: `-- --name=value`"
    )
}

fn conflict(arg: &str, others: &[String], command: &Command) -> String {
    let others: Vec<&str> = others.iter().map(|other| name(other)).collect();
    let one = shown(arg, command);
    if others.iter().all(|other| *other == arg) {
        return format!("`{one}` is given twice; leave one of them out");
    }
    let reason = REASONS.iter().find(|(left, right, _)| {
        others
            .iter()
            .any(|other| (arg, *other) == (*left, *right) || (*other, arg) == (*left, *right))
    });
    let reason = reason.map_or("leave one of them out", |(.., reason)| reason);
    let others: Vec<String> = others.iter().map(|other| shown(other, command)).collect();
    format!("`{one}` does not go with `{}`: {reason}", others.join("`, `"))
}

/// Both names of an option that has two: `-p, --pid`.
fn shown(arg: &str, command: &Command) -> String {
    let named = |known: &&clap::Arg| {
        arg.strip_prefix("--").is_some_and(|long| known.get_long() == Some(long))
    };
    let short = command.get_arguments().find(named).and_then(clap::Arg::get_short);
    short.map_or_else(|| arg.to_owned(), |short| format!("-{short}, {arg}"))
}

/// `--pid` of `--pid <PID>`.
fn name(arg: &str) -> &str {
    arg.split(' ').next().unwrap_or(arg)
}

fn text(error: &Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}

fn several(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}
