//! `fentry:bpf:…` and `fexit:bpf:…`: functions of BPF programs that are loaded.

use ebtrace_image::Attach;

use super::{PROGRAMS, said};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::host::Host;
use crate::host::bpf::{Number, ProgramFunction};
use crate::probe::pattern::Pattern;
use crate::probe::{Part, Point, ProbeError, Target, Targets};
use crate::types::TypeId;

pub(super) fn resolve(point: &Point, host: &dyn Host, ret: bool) -> Targets {
    let (id, name) = match &point.parts[..] {
        [_, id, name] => (Some(id), name),
        _ => (None, &point.parts[1]),
    };
    if name.text.is_empty() {
        return Err(ProbeError::Empty { span: name.span, kind: point.kind, field: "function" });
    }
    let number = id.map(|id| number(point, id)).transpose()?;
    let pattern = Pattern::of(name);
    let functions = host.program_functions().iter().filter(|function| {
        number.is_none_or(|id| function.program == id) && pattern.matches(&function.name)
    });
    let targets: Vec<Target> = functions.map(|function| target(point, function, ret)).collect();
    if targets.is_empty() {
        return Err(missing(id.zip(number), name, host));
    }
    Ok(targets)
}

fn number(point: &Point, id: &Part) -> Result<u32, ProbeError> {
    id.text.parse().map_err(|_| {
        let kind = point.kind.name;
        said(
            Diagnostic::error(
                Code::ProbeArity,
                format!("`{}` is not the number of a BPF program", id.text),
            )
            .label(id.span, "a number is needed here, or nothing")
            .help(format!(
                "`bpftool prog` shows the numbers: `{kind}:{PROGRAMS}:42:{}`",
                point.part(2).text
            )),
        )
    })
}

fn target(point: &Point, function: &ProgramFunction, ret: bool) -> Target {
    let ProgramFunction { program: id, name, result } = function;
    let label = format!("{}:{PROGRAMS}:{id}:{name}", point.kind.name);
    let attach = Attach::Program { id: *id, function: name.clone(), ret };
    let ty = |number: Number| TypeId::int(number.bits, number.signed);
    Target {
        function: Some(name.clone()),
        // How many arguments stand before it is the kernel's own affair.
        result: result.map(|number| (None, ty(number))),
        ..Target::new(point.kind, label, attach)
    }
}

fn missing(id: Option<(&Part, u32)>, name: &Part, host: &dyn Host) -> ProbeError {
    let all = host.program_functions();
    let there = |id: u32| all.iter().any(|function| function.program == id);
    if let Some((part, id)) = id.filter(|(_, id)| !there(*id)) {
        return ProbeError::NotFound {
            span: part.span,
            what: format!("a BPF program with the number {id} that can be traced"),
            near: None,
            help: Some(WHICH.to_owned()),
        };
    }
    let here = all.iter().filter(|function| id.is_none_or(|(_, id)| function.program == id));
    let of = id.map(|(_, id)| format!(" of program {id}")).unwrap_or_default();
    ProbeError::NotFound {
        span: name.span,
        what: format!("a BPF function `{}`{of} that can be traced", name.text),
        near: nearest(&name.text, here.map(|function| function.name.as_str())).map(str::to_owned),
        help: Some(WHICH.to_owned()),
    }
}

const WHICH: &str = "those can be that describe their types and are not attached by type themselves; `bpftool prog` shows \
                     all that are loaded";
