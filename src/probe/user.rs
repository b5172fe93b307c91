//! Probe types on programs and libraries: `uprobe` and `uretprobe`.

use ebtrace_image::Attach;

use super::{
    Context, Field, Kind, Part, Point, ProbeError, Search, Target, Targets, nothing_else,
    parse_number,
};
use crate::diagnostic::nearest;
use crate::host::{Feature, Host, HostError};
use crate::ir::ProgramType;
use crate::types::{Space, Types};

const SHAPE: &[Field] =
    &[Field { name: "file", optional: false }, Field { name: "function", optional: false }];

pub(super) const ALL: &[Kind] = &[
    Kind {
        name: "uprobe",
        aliases: &["u"],
        shape: SHAPE,
        search: Search::Programs,
        context: Context::Entry,
        program: ProgramType::Kprobe,
        space: Space::User,
        needs: Some(Feature::Uprobes),
        instead: nothing_else,
        resolve: uprobe,
        summary: "Fires when a function of a program or library is entered.",
        details: "The file is a path, a program in PATH, or a library such as `libc`. `arg0` to `arg5` are the \
                  arguments as unsigned 64-bit numbers; addresses among them point into the process.",
        examples: &["uprobe:libc:malloc { @[comm] = hist(arg0); }"],
    },
    Kind {
        name: "uretprobe",
        aliases: &["ur"],
        shape: SHAPE,
        search: Search::Named,
        context: Context::Return,
        program: ProgramType::Kprobe,
        space: Space::User,
        needs: Some(Feature::Uprobes),
        instead: nothing_else,
        resolve: uretprobe,
        summary: "Fires when a function of a program or library returns.",
        details: "`retval` is what it returned, as an unsigned 64-bit number.",
        examples: &["uretprobe:libc:malloc { @failed[retval == 0] = count(); }"],
    },
];

fn uprobe(point: &Point, host: &dyn Host, _: &mut Types) -> Targets {
    function_probe(point, host, false)
}

fn uretprobe(point: &Point, host: &dyn Host, _: &mut Types) -> Targets {
    function_probe(point, host, true)
}

fn function_probe(point: &Point, host: &dyn Host, ret: bool) -> Targets {
    let (file, function) = (point.part(0), point.part(1));
    for (part, field) in [(&file, "file"), (&function, "function")] {
        if part.text.is_empty() {
            return Err(ProbeError::Empty { span: point.span, kind: point.kind, field });
        }
    }
    let path = host.binary(&file.text).map_err(|error| missing_file(&file, error))?;
    if function.text.contains(['*', '?']) {
        return Err(ProbeError::Pattern { span: function.span, text: function.text });
    }
    let symbol = host.user_symbol(&path, &function.text).map_err(|error| match error {
        HostError::NotFound => missing_symbol(&function, &path, host),
        error => ProbeError::Host { span: file.span, what: format!("`{}`", path.display()), error },
    })?;
    let path = path.display().to_string();
    let label = format!("{}:{path}:{}", point.kind.name, function.text);
    let attach = Attach::Uprobe { path, offset: symbol.file_offset, ret };
    Ok(vec![Target { function: Some(function.text), ..Target::new(point.kind, label, attach) }])
}

fn missing_file(file: &Part, error: HostError) -> ProbeError {
    match error {
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

fn missing_symbol(part: &Part, path: &std::path::Path, host: &dyn Host) -> ProbeError {
    let symbols = host.user_symbols(path).unwrap_or_default();
    let name = part.text.as_str();
    // A breakpoint in the middle of an instruction would change what the program does, so entries only.
    let in_between = name.contains('+') || parse_number(name).is_some();
    let help = match (symbols.is_empty(), in_between) {
        (true, _) => {
            Some("the file has no symbols; install its debug symbols, or probe another file")
        }
        (_, true) => Some("name a function: the probe is placed at its first instruction"),
        _ => None,
    };
    ProbeError::NotFound {
        span: part.span,
        what: format!("the function `{name}` in {}", path.display()),
        near: nearest(name, symbols.iter().map(String::as_str)).map(str::to_owned),
        help: help.map(str::to_owned),
    }
}
