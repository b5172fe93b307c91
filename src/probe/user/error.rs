//! What can be wrong with a place in a program, and how it is said.

use std::path::{Path, PathBuf};

use super::demangle::{self, Language};
use super::place::{Name, Place};
use crate::diagnostic::{Code, Diagnostic, Severity, nearest};
use crate::host::HostError;
use crate::host::program::Program;
use crate::probe::{Part, ProbeError};

/// What `--unsafe` turns into a warning, and what it does then.
const FORCE: &str = "`--unsafe` places the probe all the same; unless an instruction begins there, that breaks the program";

pub(in crate::probe) fn said(diagnostic: Diagnostic) -> ProbeError {
    ProbeError::Said(Box::new(diagnostic))
}

/// The language that a word in an attach point means.
pub(super) fn language(part: &Part) -> Result<Language, ProbeError> {
    let known = Language::ALL.iter().find(|(word, _)| part.text == *word);
    known.map(|(_, language)| *language).ok_or_else(|| {
        let words = Language::ALL.map(|(word, _)| word);
        let example = "`uprobe:/usr/bin/app:cpp:\"store::get(int)\"`";
        said(
            Diagnostic::error(
                Code::ProbeArity,
                format!("`{}` is not a language whose names are known", part.text),
            )
            .label(part.span, "`cpp` or `rust` can stand here")
            .suggest_nearest(part.span, &part.text, words)
            .help(format!("names in the source of a program are written as {example}")),
        )
    })
}

pub(super) fn missing_file(file: &Part, error: HostError) -> ProbeError {
    match error {
        HostError::NotFound if file.text.contains('@') => ProbeError::NotFound {
            span: file.span,
            what: format!("the program or library `{}`", file.text),
            near: None,
            help: Some(
                "a line of a source file follows a colon: `uprobe:/usr/bin/app@main.c:12`"
                    .to_owned(),
            ),
        },
        HostError::NotFound => ProbeError::NotFound {
            span: file.span,
            what: format!("the program or library `{}`", file.text),
            near: None,
            help: Some(
                "name a path (`/usr/bin/ls`), a program in PATH (`ls`) or a library (`libc`)"
                    .to_owned(),
            ),
        },
        error => ProbeError::Host { span: file.span, what: format!("`{}`", file.text), error },
    }
}

/// No function is what the attach point says.
pub(super) fn missing_function(
    part: &Part,
    place: &Place,
    files: &[(PathBuf, &dyn Program)],
) -> ProbeError {
    let Place::Functions { name, .. } = place else {
        return ProbeError::NotFound {
            span: part.span,
            what: format!("`{}`", part.text),
            near: None,
            help: None,
        };
    };
    let what = if name.pattern { "a function that fits" } else { "the function" };
    let within = match files {
        [] => "the process".to_owned(),
        [(path, _)] => path.display().to_string(),
        files => format!("any of {} files", files.len()),
    };
    let (near, help) = match files {
        [(_, program)] => (near(name, *program), hint(name, *program)),
        _ => (None, None),
    };
    ProbeError::NotFound {
        span: part.span,
        what: format!("{what} `{}` in {within}", name.part.text),
        near: near.map(|near| replaced(part, name, &near)),
        help,
    }
}

/// The text of an attach point's part with another name in it.
fn replaced(part: &Part, name: &Name, other: &str) -> String {
    let rest = part.text.strip_prefix(&name.part.text).unwrap_or_default();
    match name.language {
        Some(_) => format!("\"{other}\"{rest}"),
        None => format!("{other}{rest}"),
    }
}

fn near(name: &Name, program: &dyn Program) -> Option<String> {
    if name.pattern {
        return None;
    }
    let functions = program.functions().iter().map(|function| function.name.as_str());
    let Some(language) = name.language else {
        return nearest(&name.part.text, functions).map(str::to_owned);
    };
    let names = functions.filter_map(|symbol| language.demangle(symbol));
    let whole = name.part.text.contains('(');
    let names: Vec<String> =
        names.map(|known| if whole { known.whole } else { known.plain }).collect();
    nearest(&name.part.text, names.iter().map(String::as_str)).map(str::to_owned)
}

/// What to do where no name is near.
fn hint(name: &Name, program: &dyn Program) -> Option<String> {
    let functions = program.functions();
    if functions.is_empty() {
        let help = "the file has no symbols; install its debug symbols, or probe another file";
        return Some(help.to_owned());
    }
    if name.pattern || name.language.is_some() {
        return None;
    }
    // Somebody may have written the name as the source has it.
    let (language, found) = functions.iter().find_map(|function| {
        let (language, found) = demangle::any(&function.name)?;
        (found.plain == name.part.text || found.whole == name.part.text)
            .then_some((language, found))
    })?;
    Some(format!(
        "as the source has it, the name is written `{}:\"{}\"`",
        language.word(),
        found.whole
    ))
}

pub(super) fn several_offsets(part: &Part) -> ProbeError {
    said(
        Diagnostic::error(Code::BadOffset, "a function has one offset")
            .label(part.span, "more than one `+`")
            .help("write their sum; a name with a `+` in it stands in quotes"),
    )
}

pub(super) fn offset_of_address(part: &Part, address: &str) -> ProbeError {
    said(
        Diagnostic::error(
            Code::BadOffset,
            format!("`{address}` is an address, which has no offset"),
        )
        .label(part.span, "write the sum")
        .help("offsets stand after a function's name: `uprobe:/usr/bin/ls:main+4`"),
    )
}

pub(super) fn offset_of_pattern(part: &Part, pattern: &str) -> ProbeError {
    said(
        Diagnostic::error(Code::BadOffset, "functions of a pattern are probed where they begin")
            .label(part.span, format!("`{pattern}` stands for several functions"))
            .help("no two functions have the same instructions; write the function's name to use an offset"),
    )
}

pub(super) fn return_within(part: &Part, function: &str, offset: u64) -> ProbeError {
    said(
        Diagnostic::error(Code::BadOffset, "returns are caught where the function begins")
            .label(part.span, format!("this is `{function}+{offset}`"))
            .help(format!("write `{function}` here, or use `uprobe` to probe this instruction")),
    )
}

pub(super) fn outside(part: &Part, function: &str, offset: u64, size: u64) -> Diagnostic {
    Diagnostic::error(Code::BadOffset, format!("the offset is beyond the end of `{function}`"))
        .label(part.span, format!("{offset} bytes from its start, and it has {size}"))
        .note(FORCE)
}

pub(super) fn within(
    part: &Part,
    function: &str,
    offset: u64,
    (from, next): (u64, Option<u64>),
) -> Diagnostic {
    let before = if from == 0 { function.to_owned() } else { format!("{function}+{from}") };
    let choice = match next {
        Some(next) => format!("`{before}` or `{function}+{next}`"),
        None => format!("`{before}`"),
    };
    Diagnostic::error(Code::BadOffset, format!("`{function}+{offset}` is within an instruction"))
        .label(part.span, format!("the instruction begins at `{before}`"))
        .help(format!("write {choice}"))
        .note(FORCE)
}

pub(super) fn no_size(part: &Part, function: &str) -> Diagnostic {
    let headline = format!("the file does not say how large `{function}` is");
    Diagnostic::error(Code::BadOffset, headline)
        .label(part.span, "so whether an instruction begins here is not known")
        .help(format!("write `{function}` without an offset to probe its first instruction"))
        .note(FORCE)
}

pub(super) fn unreadable(part: &Part, function: &str, from: u64) -> Diagnostic {
    let headline =
        format!("what `{function}` holds from byte {from} on are no instructions that can be read");
    Diagnostic::error(Code::BadOffset, headline)
        .label(part.span, "so whether an instruction begins here is not known")
        .note(FORCE)
}

pub(super) fn no_function_at(part: &Part, address: u64) -> Diagnostic {
    Diagnostic::error(Code::BadOffset, format!("no function is known at address {address:#x}"))
        .label(part.span, "so whether an instruction begins here is not known")
        .help("addresses are those of the file, as `nm` and `objdump -d` show them, before the program is moved in memory")
        .note(FORCE)
}

/// What is done all the same.
pub(super) fn forced(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.severity = Severity::Warning;
    diagnostic.code = Code::UnsafePlace;
    diagnostic.notes.retain(|note| note != FORCE);
    diagnostic.note("the probe is placed here because of `--unsafe`; unless an instruction begins here, it breaks the program")
}

/// A name means several files.
pub(super) fn several_files(file: &Part, files: &[PathBuf]) -> Diagnostic {
    let paths: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    Diagnostic::warning(
        Code::SeveralFiles,
        format!("`{}` stands for {} files, and all are probed", file.text, files.len()),
    )
    .label(file.span, paths.join(", "))
    .help("to probe one of them, write its path")
}

/// A file that cannot be read.
pub(super) fn unreadable_file(file: &Part, path: &Path, error: HostError) -> ProbeError {
    ProbeError::Host { span: file.span, what: format!("`{}`", path.display()), error }
}

/// A program whose lines are not known.
pub(super) fn no_lines(file: &Part) -> ProbeError {
    let headline =
        format!("`{}` has no debug information, so where its lines are is not known", file.text);
    said(
        Diagnostic::error(Code::NotFound, headline)
            .label(file.span, "no lines are known of it")
            .help("build the program with `-g` or install its debug symbols, or name a function"),
    )
}

pub(super) fn line_of_return(part: &Part) -> ProbeError {
    said(
        Diagnostic::error(
            Code::BadOffset,
            "returns are caught where a function begins, not at a line",
        )
        .label(part.span, "a line of a source file")
        .help("name the function, or use `uprobe` to probe the line"),
    )
}

pub(super) fn no_source_file(file: &Part) -> ProbeError {
    said(
        Diagnostic::error(Code::NotFound, format!("the program has no code from a source file `{}`", file.text))
            .label(file.span, "not found")
            .help("name the file, or the end of its path from one of its folders on: `main.c`, `src/main.c`"),
    )
}

pub(super) fn several_source_files(file: &Part, paths: &[String]) -> ProbeError {
    said(
        Diagnostic::error(
            Code::NotFound,
            format!("`{}` is the end of {} source files' paths", file.text, paths.len()),
        )
        .label(file.span, format!("one of {}", paths.join(", ")))
        .help("write as much of the path as tells it from the others"),
    )
}

pub(super) fn no_code_of_line(
    part: &Part,
    line: u32,
    (path, next): (&str, Option<u32>),
) -> ProbeError {
    let diagnostic =
        Diagnostic::error(Code::NotFound, format!("line {line} of {path} has no code"))
            .label(part.span, "nothing of the program comes from there");
    said(match next {
        Some(next) => diagnostic.help(format!("the next line with code is {next}")),
        None => diagnostic.note("no line after it has code either"),
    })
}

pub(super) fn no_code_of_column(part: &Part, mut columns: Vec<u32>) -> ProbeError {
    columns.sort_unstable();
    columns.dedup();
    let columns: Vec<String> = columns.iter().map(u32::to_string).collect();
    said(
        Diagnostic::error(Code::NotFound, "nothing of the line begins at this column")
            .label(part.span, "not a place with code")
            .help(format!(
                "columns with code are {}; without one the line's first is meant",
                columns.join(", ")
            )),
    )
}

pub(super) fn no_line_number(part: &Part) -> ProbeError {
    said(
        Diagnostic::error(
            Code::BadOffset,
            format!("`{}` is not the number of a line or column", part.text),
        )
        .label(part.span, "numbers count from 1")
        .help("source lines are written as `uprobe:/usr/bin/app@main.c:12`"),
    )
}

/// Neither file nor function.
pub(super) fn no_function(part: &Part, kind: &str) -> ProbeError {
    said(
        Diagnostic::error(Code::ProbeArity, format!("`{kind}` wants a file and a function"))
            .label(part.span, "one of the two is missing")
            .note("with `-p` the function alone is enough, which is then looked for in the program of the process")
            .help(format!("write it as `{kind}:FILE:FUNCTION`, for example `{kind}:libc:malloc`")),
    )
}
