//! What the command itself has to say, on standard error.

use std::io::{IsTerminal, Write};

use ebtrace::diagnostic::{Code, Diagnostic, Diagnostics, render};
use ebtrace::host::Feature;
use ebtrace::ir::{Block, Program, blocks_of};
use ebtrace::source::{FileId, Sources, Span};
use ebtrace_runtime::{Error, LoadError, Rejection};

use super::refusal;

/// Environment variable that names a file for the facilities that the kernel lacks: a wrapper sets it that can run
/// the script elsewhere, and speaks to the user itself.
const LACKS_FILE: &str = "EBTRACE_LACKS";

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
    drop(writeln!(std::io::stderr(), "{red}error{plain}: {error:#}"));
}

/// Whether the terminal gets colours.
fn color() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Tells a wrapper which facilities are missing; false where none listens.
pub(crate) fn lacking(features: &[Feature]) -> bool {
    let Some(path) = std::env::var_os(LACKS_FILE) else { return false };
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

/// What went wrong while loading, attaching or running, at its place in the script.
pub(crate) fn runtime_error(sources: &Sources, program: &Program, error: &Error, verbose: bool) {
    let mut list = Diagnostics::new();
    list.push(match error {
        Error::Load(LoadError::Rejected(rejection)) => rejected(sources, program, rejection),
        Error::Attach(error) => {
            let diagnostic =
                Diagnostic::error(Code::NotAttached, format!("cannot attach `{}`", error.label))
                    .help("nothing was left attached");
            let site = program
                .probes
                .iter()
                .find(|probe| probe.label == error.label)
                .map(|probe| probe.site);
            match site {
                Some(site) => diagnostic.label(program.sites[site], error.reason.to_string()),
                None => diagnostic.note(error.reason.to_string()),
            }
        }
        error => Diagnostic::error(Code::NotAttached, error.to_string()),
    });
    diagnostics(sources, &list);
    if let (Error::Load(LoadError::Rejected(rejection)), true) = (error, verbose) {
        drop(writeln!(std::io::stderr(), "\nThe verifier's log:\n{}", rejection.log.trim_end()));
    }
}

fn rejected(sources: &Sources, program: &Program, rejection: &Rejection) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        Code::Rejected,
        format!("the kernel's verifier refused the program of `{}`", rejection.probe),
    );
    let span = rejection.place.as_ref().and_then(|place| {
        let file = sources.named(&place.file)?;
        statement_at(sources, file, program, (place.line, place.column.max(1)))
    });
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

/// The statement that begins at a line and column; else what stands there.
fn statement_at(
    sources: &Sources,
    file: FileId,
    program: &Program,
    (line, column): (u32, u32),
) -> Option<Span> {
    let source = sources.get(file);
    let start = *source.line_starts().get(line.checked_sub(1)? as usize)?;
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
