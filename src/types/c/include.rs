//! `#include`: what the headers of a script define.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::macros::Preprocessor;
use super::{pieces, predefined};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::host::Host;
use crate::host::btf::Btf;
use crate::host::headers::{Complaint, Headers, Request, Trouble};
use crate::options::Options;
use crate::source::{Sources, Span};
use crate::syntax::ast::{CText, Script};

/// What the headers of a script define.
#[derive(Debug, Clone)]
pub struct Included {
    pub(super) types: Rc<Btf>,
    /// The `#define`s as a text, and its place among the sources.
    pub(super) text: String,
    pub(super) span: Span,
}

/// Reads the headers that a script includes, if it does. A text with their `#define`s joins the sources.
pub fn include(
    script: &Script,
    sources: &mut Sources,
    host: &dyn Host,
    options: &Options,
) -> (Option<Included>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let pieces = pieces(script);
    let mut preprocessor = Preprocessor::new(&predefined(host));
    pieces.iter().for_each(|piece| preprocessor.piece(&piece.text, piece.span));
    if preprocessor.includes.is_empty() && options.headers.is_empty() {
        return (None, diagnostics);
    }
    let (text, places) = directives(&pieces);
    let first = preprocessor.includes.first().map(|include| include.span);
    let folder = first.map_or(PathBuf::new(), |span| folder(&sources.get(span.file).name));
    let request = Request {
        text,
        folder,
        folders: options.header_folders.clone(),
        first: options.headers.clone(),
        defines: predefined(host).into_iter().filter(|name| name.starts_with("BPFTRACE")).collect(),
    };
    match host.headers(&request) {
        Ok(headers) => (Some(included(headers, sources)), diagnostics),
        Err(Trouble::NoCompiler(reason)) => {
            diagnostics.push(no_compiler(&reason, first));
            (None, diagnostics)
        }
        Err(Trouble::Wrong(complaints)) => {
            for complaint in complaints {
                diagnostics.push(wrong(&complaint, &places));
            }
            (None, diagnostics)
        }
    }
}

fn included(headers: Headers, sources: &mut Sources) -> Included {
    let mut text = String::new();
    for define in &headers.macros {
        let parameters = if define.parameters { "()" } else { "" };
        let _ = writeln!(text, "#define {}{parameters} {}", define.name, define.text);
    }
    let file = sources.add("included headers", text.clone());
    let span = Span::new(file, 0, text.len());
    Included { types: headers.types, text, span }
}

/// The lines of the preprocessor alone, with the place of each line. Definitions are not the compiler's business.
fn directives(pieces: &[&CText]) -> (String, Vec<Span>) {
    let (mut text, mut places) = (String::new(), Vec::new());
    for piece in pieces {
        let (mut at, mut goes_on) = (0, false);
        for line in piece.text.split_inclusive('\n') {
            let counts = goes_on || line.trim_start().starts_with('#');
            goes_on = counts && line.trim_end().ends_with('\\');
            if counts {
                text.push_str(line.trim_end());
                text.push('\n');
                let indent = line.len() - line.trim_start().len();
                places.push(piece.span.part(at + indent, at + line.trim_end().len()));
            }
            at += line.len();
        }
    }
    (text, places)
}

fn folder(script: &str) -> PathBuf {
    Path::new(script).parent().map_or(PathBuf::new(), Path::to_owned)
}

fn no_compiler(reason: &str, first: Option<Span>) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(Code::BadInclude, "headers are read by libclang, which is not here")
            .note(reason.to_owned())
            .help("install it: `apt install libclang1` on Debian and Ubuntu, `dnf install clang-libs` on Fedora");
    match first {
        Some(span) => diagnostic
            .label(span, "this header is to be read")
            .note("the kernel's own types need no header where the kernel has BTF"),
        None => diagnostic,
    }
}

fn wrong(complaint: &Complaint, places: &[Span]) -> Diagnostic {
    let Complaint { message, line, within } = complaint;
    let place =
        line.and_then(|line| places.get(usize::try_from(line).ok()?.checked_sub(1)?)).copied();
    let missing = message.strip_prefix('\'').and_then(|rest| rest.strip_suffix("' file not found"));
    let headline = match missing {
        Some(name) => format!("there is no header `{name}`"),
        None => format!("the C compiler says: {message}"),
    };
    let mut diagnostic = Diagnostic::error(Code::BadInclude, headline);
    if let Some(place) = place {
        let here = match (within, missing) {
            (Some(_), _) => "in what this includes",
            (None, Some(_)) => "not found in any folder of headers",
            (None, None) => "at this line",
        };
        diagnostic = diagnostic.label(place, here);
    }
    if let Some(within) = within {
        diagnostic = diagnostic.note(format!("the place is {within}"));
    }
    if missing.is_some() {
        return diagnostic.help(
            "say with `-I FOLDER` where it is, or install the package that has it; the kernel's own types need no \
             header where the kernel has BTF",
        );
    }
    diagnostic
}
