//! What is said of imports that are wrong.

use std::path::Path;

use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::host::HostError;
use crate::options::{Gate, Unstable};
use crate::source::Span;

pub(in crate::expand) fn missing(
    name: &str,
    span: Span,
    path: &Path,
    siblings: &[String],
) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code::BadImport, format!("there is no `{name}` to import"))
        .label(span, "no such file or folder")
        .note(format!("looked for {}, and for a part of ebtrace's own `stdlib`", path.display()));
    let last = path.file_name().map(|last| last.to_string_lossy()).unwrap_or_default();
    match nearest(&last, siblings.iter().map(String::as_str)) {
        Some(near) => {
            let folder = name.strip_suffix(&*last).unwrap_or_default();
            diagnostic.suggest(span, format!("\"{folder}{near}\""))
        }
        None => diagnostic
            .help("a path that does not begin with `/` begins at the folder of the script that has the `import`"),
    }
}

pub(in crate::expand) fn unreadable(path: &Path, span: Span, reason: &HostError) -> Diagnostic {
    Diagnostic::error(Code::BadImport, format!("{} cannot be imported", path.display()))
        .label(span, reason.to_string())
}

pub(in crate::expand) fn writable(path: &Path, span: Span, writable: &Path) -> Diagnostic {
    let (path, writable) = (path.display(), writable.display());
    Diagnostic::error(Code::BadImport, format!("{path} is not imported: everyone may change it"))
        .label(span, "anyone could have put this there")
        .note("scripts run with the rights of whoever traces, which is mostly root")
        .help(format!("chmod o-w {writable}"))
}

pub(in crate::expand) fn too_many(span: Span, most: usize) -> Diagnostic {
    Diagnostic::error(Code::BadImport, format!("a script imports at most {most} files"))
        .label(span, "one too many")
        .help("import files by name instead of their folder")
}

pub(in crate::expand) fn empty_folder(folder: &Path, span: Span) -> Diagnostic {
    Diagnostic::error(Code::BadImport, format!("{} holds nothing to import", folder.display()))
        .label(span, "a folder without scripts and C")
        .help("files in it whose names end in `.bt`, `.h`, `.bpf.c` or `.bpf.o` are imported, those in folders within it are not")
}

pub(in crate::expand) fn no_name(span: Span) -> Diagnostic {
    Diagnostic::error(Code::BadImport, "an import needs a path")
        .label(span, "this is empty")
        .help("name a script, a file in C or a folder: `import \"lib/files.bt\";`; the script's own folder is `\".\"`")
}

pub(in crate::expand) fn unknown_kind(path: &Path, span: Span) -> Diagnostic {
    let shown = path.display();
    if matches!(path.extension().and_then(|kind| kind.to_str()), Some("c" | "o")) {
        return Diagnostic::error(Code::BadImport, format!("{shown} is not for BPF by its name"))
            .label(span, "the name says what a file is")
            .help("functions in C that scripts can call stand in files whose names end in `.bpf.c`, or `.bpf.o` if they are compiled");
    }
    Diagnostic::error(Code::BadImport, format!("{shown} is no script and no C"))
        .label(span, "the name says what a file is")
        .help("scripts end in `.bt`, definitions in C in `.h`, functions in C in `.bpf.c`, or in `.bpf.o` if they are compiled")
}

pub(in crate::expand) fn config(span: Span, import: Span) -> Diagnostic {
    Diagnostic::error(Code::BadImport, "only the main script has a `config` block")
        .label(span, "in a script that is imported")
        .label(import, "imported here")
        .help("move the options to the main script")
}

pub(in crate::expand) fn within_block(span: Span, gate: Gate) -> Diagnostic {
    let headline = "`import` within a block may still change";
    let diagnostic = match gate {
        Gate::Closed => Diagnostic::error(Code::Gated, headline),
        Gate::Doubtful | Gate::Open => Diagnostic::warning(Code::Unstable, headline),
    };
    let option = Unstable::ImportStatement.option();
    diagnostic.label(span, "not stable yet").help(format!(
        "move it above all probes and macros; or, to use it as it is, write `config = {{ {option} = enable }}` there"
    ))
}

pub(in crate::expand) fn not_within_block(span: Span) -> Diagnostic {
    Diagnostic::error(Code::BadImport, "only C can be imported within a block")
        .label(span, "a script is no part of a block")
        .help("move the `import` above all probes and macros")
}
