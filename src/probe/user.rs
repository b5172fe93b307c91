//! Probe types on programs and libraries: `uprobe` and `uretprobe`.

use ebtrace_image::Attach;

use super::{
    Context, Field, Kind, Part, Point, ProbeError, Target, nothing_else, parse_number, split_offset,
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
        context: Context::Entry,
        program: ProgramType::Kprobe,
        space: Space::User,
        needs: Some(Feature::Uprobes),
        instead: nothing_else,
        resolve: uprobe,
        summary: "Fires when a function of a program or library is entered.",
        details: "The file is a path, a program in PATH, or a library such as `libc`. `file:function+offset` fires \
                  at an instruction within the function. `arg0` to `arg5` are the arguments as unsigned 64-bit \
                  numbers; addresses among them point into the process.",
        examples: &["uprobe:libc:malloc { @[comm] = hist(arg0); }"],
    },
    Kind {
        name: "uretprobe",
        aliases: &["ur"],
        shape: SHAPE,
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

fn uprobe(point: &Point, host: &dyn Host, _: &mut Types) -> Result<Target, ProbeError> {
    function_probe(point, host, false)
}

fn uretprobe(point: &Point, host: &dyn Host, _: &mut Types) -> Result<Target, ProbeError> {
    function_probe(point, host, true)
}

fn function_probe(point: &Point, host: &dyn Host, ret: bool) -> Result<Target, ProbeError> {
    let (file, function) = (point.part(0), point.part(1));
    for (part, field) in [(&file, "file"), (&function, "function")] {
        if part.text.is_empty() {
            return Err(ProbeError::Empty { span: point.span, kind: point.kind, field });
        }
    }
    let path = host.binary(&file.text).map_err(|error| missing_file(&file, error))?;
    let (name, offset) = split_offset(&function)?;
    if name.contains(['*', '?']) {
        return Err(ProbeError::Pattern { span: function.span, text: name });
    }
    if ret && function.text.contains('+') {
        return Err(ProbeError::ReturnOffset { span: function.span, kind: point.kind });
    }
    let symbol = host.user_symbol(&path, &name).map_err(|error| match error {
        HostError::NotFound => missing_symbol(&function, &name, &path, host),
        error => ProbeError::Host { span: file.span, what: format!("`{}`", path.display()), error },
    })?;
    let path = path.display().to_string();
    Ok(Target {
        label: format!("{}:{path}:{}", point.kind.name, function.text),
        attach: Attach::Uprobe { path, offset: symbol.file_offset + offset, ret },
        function: Some(name),
        args: None,
    })
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

fn missing_symbol(part: &Part, name: &str, path: &std::path::Path, host: &dyn Host) -> ProbeError {
    let symbols = host.user_symbols(path).unwrap_or_default();
    let near = nearest(name, symbols.iter().map(String::as_str));
    let help = match (symbols.is_empty(), parse_number(name)) {
        (true, _) => Some(
            "the file has no symbols; install its debug symbols, or probe another file".to_owned(),
        ),
        (_, Some(_)) => {
            Some("name a function, and the address as an offset from it: `main+0x10`".to_owned())
        }
        _ => None,
    };
    ProbeError::NotFound {
        span: part.span,
        what: format!("the function `{name}` in {}", path.display()),
        near: near.map(|near| part.text.replacen(name, near, 1)),
        help,
    }
}
