//! Objects that scripts import: functions in C, made for BPF.

use std::path::{Path, PathBuf};

use super::error::object as error;
use crate::diagnostic::Diagnostics;
use crate::host::files::Files;
use crate::host::headers::Trouble;
use crate::host::object::{self, Prototype};
use crate::options::Options;
use crate::source::{FileId, Sources, Span};

/// An object that a script imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its file, or that of its source.
    pub path: String,
    /// The path in the `import`.
    pub span: Span,
    /// The file itself.
    pub bytes: Vec<u8>,
    /// What scripts can call.
    pub functions: Vec<Prototype>,
    /// Names of all that no other object may define too.
    pub defined: Vec<String>,
}

/// Reads an object, or compiles what stands in `source`; none where something was wrong with it.
pub(super) fn open(
    (path, span): (&Path, Span),
    source: Option<FileId>,
    (files, sources, options): (&dyn Files, &Sources, &Options),
    known: &[Object],
    diagnostics: &mut Diagnostics,
) -> Option<Object> {
    let bytes = match source {
        Some(source) => {
            let text = (source, &*sources.get(source).text);
            compile(files, path, &options.header_folders, (text, span), diagnostics)?
        }
        None => match files.read(path) {
            Ok(bytes) => bytes,
            Err(reason) => {
                diagnostics.push(super::error::import::unreadable(path, span, &reason));
                return None;
            }
        },
    };
    let contents = match object::read(&bytes) {
        Ok(contents) => contents,
        Err(reason) => {
            diagnostics.push(error::unusable(path, span, reason));
            return None;
        }
    };
    if let Some(license) = contents.license.filter(|license| license != options.license) {
        diagnostics.push(error::license(path, span, &license, options.license));
        return None;
    }
    let path = path.display().to_string();
    let twice = known.iter().find_map(|other| {
        let name = contents.defined.iter().find(|name| other.defined.contains(name))?;
        Some((other, name))
    });
    if let Some((other, name)) = twice {
        diagnostics.push(error::twice(name, (&path, span), (&other.path, other.span)));
        return None;
    }
    let object::Contents { functions, defined, .. } = contents;
    Some(Object { path, span, bytes, functions, defined })
}

fn compile(
    files: &dyn Files,
    path: &Path,
    folders: &[PathBuf],
    ((source, text), import): ((FileId, &str), Span),
    diagnostics: &mut Diagnostics,
) -> Option<Vec<u8>> {
    match files.compile(path, folders) {
        Ok(bytes) => return Some(bytes),
        Err(Trouble::NoCompiler(reason)) => diagnostics.push(error::no_compiler(import, &reason)),
        Err(Trouble::Wrong(complaints)) => {
            for complaint in complaints {
                let line = complaint.line.and_then(|line| line_of(source, text, line));
                diagnostics.push(error::refused(path, import, line, &complaint));
            }
        }
    }
    None
}

/// The place of a line's text; lines count from 1.
fn line_of(source: FileId, text: &str, line: u32) -> Option<Span> {
    let mut lines = text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    });
    let (start, line) = lines.nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let indent = line.len() - line.trim_start().len();
    Some(Span::new(source, start + indent, start + line.trim_end().len().max(indent)))
}
