//! Probe types on programs and libraries: `uprobe` and `uretprobe`.

pub mod arguments;
mod demangle;
mod error;
pub(super) mod files;
mod instruction;
mod line;
mod place;

use std::path::Path;

use ebtrace_image::Attach;

use super::{Context, Field, Kind, Part, Point, ProbeError, Search, Target, Targets, nothing_else};
use crate::host::program::Program;
use crate::host::{Feature, Host};
use crate::ir::ProgramType;
use crate::probe::list;
use crate::types::{Space, Types};
use demangle::Language;
use files::Files;
use line::Line;
use place::{Found, Lookup, Place};

const SHAPE: &[Field] = &[
    Field { name: "file", optional: true },
    Field { name: "language", optional: true },
    Field { name: "function", optional: false },
];

pub(super) const ALL: &[Kind] = &[
    Kind {
        name: "uprobe",
        aliases: &["u"],
        shape: SHAPE,
        search: Search::Programs,
        list: list::USER_FUNCTIONS,
        context: Context::UserEntry,
        program: ProgramType::Kprobe,
        space: Space::User,
        needs: Some(Feature::Uprobes),
        instead: nothing_else,
        resolve: uprobe,
        summary: "Fires when a function of a program or library is entered.",
        details: "The file is a path, a program in PATH, or a library such as `libc`; with `*`, `?` or `[…]` in it, it \
                  stands for all programs and libraries that fit, and `*` alone for those that run; `bundle.zip!/lib/store.so` is a \
                  library within an archive, as processes map it without unpacking. With `-p` it can be left \
                  out, which means the program of the process. The function is a symbol, of the file itself or of its \
                  debug symbols; `*` in it stands for any text. `function+0x10` and an address (`0x401136`, as `objdump` \
                  shows it) probe the instruction there. Names as the source has them follow `cpp` or `rust`: \
                  `uprobe:./app:cpp:\"store::get(int)\"`; without the parameters, all functions of the name are meant. A line \
                  of a source file follows an `@`: `uprobe:./app@src/store.c:12`, or `:12:5` with a column; the program \
                  must have debug information for that, and for `args`, the arguments by name and type. \
                  `arg0` to `arg5` are the arguments as unsigned 64-bit numbers; addresses among them point into the \
                  process.",
        examples: &["uprobe:libc:malloc { @[comm] = hist(arg0); }"],
    },
    Kind {
        name: "uretprobe",
        aliases: &["ur"],
        shape: SHAPE,
        search: Search::Named,
        list: list::MATCHES,
        context: Context::Return,
        program: ProgramType::Kprobe,
        space: Space::User,
        needs: Some(Feature::Uprobes),
        instead: nothing_else,
        resolve: uretprobe,
        summary: "Fires when a function of a program or library returns.",
        details: "Written as `uprobe`, but without offsets. `retval` is what it returned, as an unsigned 64-bit number.",
        examples: &["uretprobe:libc:malloc { @failed[retval == 0] = count(); }"],
    },
];

/// The type of probes where functions begin.
pub(super) const ENTRY: &Kind = &ALL[0];

fn uprobe(point: &Point, host: &dyn Host, _: &mut Types) -> Targets {
    function_probe(point, host, false)
}

fn uretprobe(point: &Point, host: &dyn Host, _: &mut Types) -> Targets {
    function_probe(point, host, true)
}

fn function_probe(point: &Point, host: &dyn Host, ret: bool) -> Targets {
    if let Some(line) = Line::parse(&point.parts, host)? {
        return line_probe(point, host, &line, ret);
    }
    let Parts { file, language, part } = Parts::of(point, host)?;
    for (part, field) in file.map(|file| (file, "file")).into_iter().chain([(part, "function")]) {
        if part.text.is_empty() {
            return Err(ProbeError::Empty { span: point.span, kind: point.kind, field });
        }
    }
    if ret && part.text.contains('+') && !part.quoted {
        return Err(ProbeError::ReturnOffset { span: part.span, kind: point.kind });
    }
    let place = Place::parse(language, part)?;
    let mut files = match file {
        Some(file) => {
            let any = point.unsafe_mode && matches!(place, Place::Address(_));
            Files::of_place(file, host, any)?
        }
        None => Files::running(host, false),
    };
    let mut targets = Vec::new();
    for (path, program) in &files.all {
        let lookup = Lookup { part, program: &**program, ret, forced: point.unsafe_mode };
        let found = lookup.find(&place)?;
        targets
            .extend(found.into_iter().map(|found| target(point, (path, &**program), found, ret)));
    }
    let Some(first) = targets.first_mut() else {
        return Err(error::missing_function(part, &place, &files.borrowed()));
    };
    first.warnings.extend(files.warning.take());
    Ok(targets)
}

/// What an attach point consists of.
struct Parts<'a> {
    /// None where a process is traced: its own program.
    file: Option<&'a Part>,
    language: Option<&'a Part>,
    part: &'a Part,
}

impl Parts<'_> {
    fn of<'a>(point: &'a Point, host: &dyn Host) -> Result<Parts<'a>, ProbeError> {
        let process = host.process().is_some();
        let is_language = |part: &Part| Language::ALL.iter().any(|(word, _)| part.text == *word);
        Ok(match &point.parts[..] {
            [part] if process => Parts { file: None, language: None, part },
            [language, part] if process && is_language(language) => {
                Parts { file: None, language: Some(language), part }
            }
            [file, part] => Parts { file: Some(file), language: None, part },
            [file, language, part] => Parts { file: Some(file), language: Some(language), part },
            _ => return Err(error::no_function(&point.part(0), point.kind.name)),
        })
    }
}

fn line_probe(point: &Point, host: &dyn Host, line: &Line, ret: bool) -> Targets {
    if ret {
        return Err(error::line_of_return(&point.part(0)));
    }
    let files = Files::open(&line.program, host)?;
    let mut targets = Vec::new();
    for (path, program) in &files.all {
        let Some(debug) = program.debug() else { continue };
        let part = &line.program;
        let lookup = Lookup { part, program: &**program, ret, forced: point.unsafe_mode };
        for found in line.find(&lookup, debug)? {
            let whole = format!("{}:{}@{}", point.kind.name, path.display(), found.label);
            targets.push(Target { label: whole, ..target(point, (path, &**program), found, ret) });
        }
    }
    match targets.first_mut() {
        None => Err(error::no_lines(&line.program)),
        Some(first) => {
            first.warnings.extend(files.warning);
            Ok(targets)
        }
    }
}

fn target(
    point: &Point,
    (path, program): (&Path, &dyn Program),
    found: Found,
    ret: bool,
) -> Target {
    let path = path.display().to_string();
    let stamp = program.stamp();
    let label = format!("{}:{path}:{}", point.kind.name, found.label);
    let attach = Attach::Uprobe { path, offset: found.offset, ret, semaphore: None, stamp };
    Target {
        function: Some(found.function),
        entry: found.entry,
        warnings: found.warning.into_iter().collect(),
        ..Target::new(point.kind, label, attach)
    }
}
