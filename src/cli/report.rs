//! What the command itself has to say, on standard error.

use std::io::{IsTerminal, Write};

use ebtrace::diagnostic::{Code, Diagnostic, Diagnostics, render};
use ebtrace::environment::{COLOR, LACKS_FILE, NO_COLOR};
use ebtrace::host::Feature;
use ebtrace::ir::{Block, Program, blocks_of};
use ebtrace::source::{FileId, Sources, Span};
use ebtrace_runtime::{Error, LoadError, Rejection};

use super::environment::value;
use super::refusal;

/// Values of the variable for colours; `auto` is the default.
const COLORS: [&str; 3] = ["always", "auto", "never"];

/// Shows diagnostics.
pub(crate) fn diagnostics(sources: &Sources, diagnostics: &Diagnostics) {
    let text = render::rich(sources, diagnostics, color());
    drop(std::io::stderr().write_all(text.as_bytes()));
}

/// Shows one diagnostic.
pub(crate) fn one(sources: &Sources, diagnostic: Diagnostic) {
    let mut list = Diagnostics::new();
    list.push(diagnostic);
    diagnostics(sources, &list);
}

/// Shows an error that has no place in the script, with its causes.
pub(crate) fn failure(error: &anyhow::Error) {
    let (red, plain) = if color() { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    drop(writeln!(std::io::stderr(), "{red}error{plain}: {}", plainly(&format!("{error:#}"))));
}

/// Without the numbers that the system has for errors, whose words stand there too.
fn plainly(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(')').map_or(part, |(_, rest)| rest))
}

/// Refuses a value of the variable for colours that means nothing.
pub(crate) fn check_color() -> anyhow::Result<()> {
    match value(&COLOR) {
        Some((name, value)) if !COLORS.iter().any(|known| value == **known) => {
            let values = COLORS.join(", ");
            anyhow::bail!("{name} wants one of {values}, not `{}`", value.display())
        }
        _ => Ok(()),
    }
}

/// Whether messages get colours.
pub(super) fn color() -> bool {
    let wanted = value(&COLOR).and_then(|(_, value)| value.into_string().ok());
    match wanted.as_deref() {
        Some("always") => true,
        Some("never") => false,
        _ => {
            std::io::stderr().is_terminal()
                && value(&NO_COLOR).is_none_or(|(_, value)| value.is_empty())
        }
    }
}

/// Tells a wrapper which facilities are missing; false where none listens.
pub(crate) fn lacking(features: &[Feature]) -> bool {
    let Some((_, path)) = value(&LACKS_FILE) else { return false };
    let names: String = features.iter().map(|feature| format!("{}\n", feature.name())).collect();
    std::fs::write(path, names).is_ok()
}

/// How each probe is attached.
pub(crate) fn plans(program: &Program) {
    let mut errors = std::io::stderr().lock();
    for probe in &program.probes {
        // Nobody is left to tell when the standard error is gone.
        let _ = writeln!(errors, "{}: {}", probe.label, probe.plan.reason);
    }
}

/// What went wrong while loading, attaching or running, at its place in the script; with the verifier's log where it
/// refused a program and that is wanted.
pub(crate) fn runtime_error(sources: &Sources, error: &Error, span: Option<Span>, log: bool) {
    let mut list = Diagnostics::new();
    list.push(match error {
        Error::Load(LoadError::Rejected(rejection)) => rejected(rejection, span),
        Error::Attach(error) => {
            let diagnostic =
                Diagnostic::error(Code::NotAttached, format!("cannot attach `{}`", error.label))
                    .help("nothing was left attached");
            match span {
                Some(span) => diagnostic.label(span, error.reason.to_string()),
                None => diagnostic.note(error.reason.to_string()),
            }
        }
        error => Diagnostic::error(Code::NotAttached, plainly(&error.to_string())),
    });
    diagnostics(sources, &list);
    if let (Error::Load(LoadError::Rejected(rejection)), true) = (error, log) {
        drop(writeln!(std::io::stderr(), "\nThe verifier's log:\n{}", rejection.log.trim_end()));
    }
}

fn rejected(rejection: &Rejection, span: Option<Span>) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        Code::Rejected,
        format!("the kernel's verifier refused the program of `{}`", rejection.probe),
    );
    let diagnostic = match (span, &rejection.place) {
        (Some(span), _) => diagnostic.label(span, rejection.reason.clone()),
        (None, Some(place)) => diagnostic
            .note(rejection.reason.clone())
            .note(format!("the place is {}:{}", place.file, place.line)),
        (None, None) => diagnostic.note(rejection.reason.clone()),
    };
    match refusal::mend(&rejection.reason) {
        Some(mend) => diagnostic.help(mend),
        None => diagnostic.help("`-v` shows the verifier's whole log"),
    }
}

/// The place of the script that an error is about.
pub(crate) fn place_of(sources: &Sources, program: &Program, error: &Error) -> Option<Span> {
    match error {
        Error::Load(LoadError::Rejected(rejection)) => {
            let place = rejection.place.as_ref()?;
            let file = sources.named(&place.file)?;
            statement_at(sources, file, program, (place.line, place.column.max(1)))
        }
        Error::Attach(error) => {
            let probe = program.probes.iter().find(|probe| probe.label == error.label)?;
            Some(program.sites[probe.site])
        }
        _ => None,
    }
}

/// The statement that begins at a line and column; else what stands there.
fn statement_at(
    sources: &Sources,
    file: FileId,
    program: &Program,
    (line, column): (u32, u32),
) -> Option<Span> {
    let source = sources.get(file);
    let start = *source.line_starts().get(line.checked_sub(1)? as usize + source.hidden())?;
    let characters = source.line(line).char_indices().map(|(at, _)| at as u32);
    let offset = start + characters.into_iter().nth(column as usize - 1)?;
    let mut spans = Vec::new();
    program.probes.iter().for_each(|probe| statements(&probe.func.body, &mut spans));
    program.functions.iter().for_each(|(_, function)| statements(&function.func.body, &mut spans));
    let here = spans
        .into_iter()
        .filter(|span| sources.written(*span).file == file && span.start == offset);
    Some(here.min_by_key(|span| span.end).unwrap_or(Span { file, start: offset, end: offset + 1 }))
}

/// The places of all statements in a block.
fn statements(block: &Block, spans: &mut Vec<Span>) {
    for stmt in &block.stmts {
        spans.push(stmt.span);
        blocks_of(&stmt.kind).into_iter().for_each(|inner| statements(inner, spans));
    }
}
