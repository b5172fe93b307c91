//! Probe types whose arguments the kernel's own types describe: `rawtracepoint`.

use ebtrace_image::Attach;

use super::{Context, Field, Kind, Part, Point, ProbeError, Target};
use crate::diagnostic::nearest;
use crate::host::{Feature, Host, HostError};
use crate::ir::ProgramType;
use crate::types::{Space, Types, traced};

pub(super) const ALL: &[Kind] = &[Kind {
    name: "rawtracepoint",
    aliases: &["rt"],
    shape: &[Field { name: "module", optional: true }, Field { name: "event", optional: false }],
    context: Context::Event,
    program: ProgramType::TypedEvent,
    space: Space::Kernel,
    needs: Some(Feature::Btf),
    instead: tracepoint,
    resolve: raw_tracepoint,
    summary: "Fires at a tracepoint, with the arguments that the kernel's own code passes to it.",
    details: "It costs less than `tracepoint`, and `args` has the kernel's objects themselves instead of the numbers and \
              texts that were made of them: `args.next.comm`. The same arguments are `arg0`, `arg1` and so on as \
              unsigned 64-bit numbers. Events of modules are found by their name alone; `rawtracepoint:module:event` \
              says of which module. The kernel must describe its types (BTF).",
    examples: &[
        "rawtracepoint:sched_switch { @[args.next.comm] = count(); }",
        "rawtracepoint:vmlinux:sched_process_exit { printf(\"%d\\n\", args.p.pid); }",
    ],
}];

fn raw_tracepoint(point: &Point, host: &dyn Host, types: &mut Types) -> Result<Target, ProbeError> {
    let (module, event) = module_and_name(point, "event")?;
    typed(point, host, tracepoint_of(&event.text, host))?;
    let named = module.as_ref().map(|module| module.text.as_str());
    let passed = traced::event(types, host, named, &event.text)
        .ok_or_else(|| missing_event(module.as_ref(), &event, host))?;
    Ok(Target {
        label: format!("{}:{}:{}", point.kind.name, passed.module, event.text),
        args: Some(traced::context(types, &event.text, &passed.params)),
        attach: Attach::RawTracepoint { module: passed.module, event: event.text },
        function: None,
    })
}

/// The last part of an attach point, and the module before it.
fn module_and_name(point: &Point, field: &'static str) -> Result<(Option<Part>, Part), ProbeError> {
    let (module, name) = match &point.parts[..] {
        [module, name] => (Some(module.clone()), name.clone()),
        _ => (None, point.part(0)),
    };
    let named = module.as_ref().map(|part| (part, "module"));
    for (part, field) in named.into_iter().chain([(&name, field)]) {
        if part.text.is_empty() {
            return Err(ProbeError::Empty { span: point.span, kind: point.kind, field });
        }
        if part.text.contains(['*', '?']) {
            return Err(ProbeError::Pattern { span: part.span, text: part.text.clone() });
        }
    }
    Ok((module, name))
}

/// Complains where the kernel does not describe its types.
fn typed(point: &Point, host: &dyn Host, instead: Option<String>) -> Result<(), ProbeError> {
    let (span, kind) = (point.span, point.kind);
    match host.btf(0) {
        Ok(_) => Ok(()),
        Err(HostError::Lacks(feature)) => Err(ProbeError::Lacks { span, kind, feature, instead }),
        Err(error) => {
            Err(ProbeError::Host { span, what: "the description of its types".to_owned(), error })
        }
    }
}

fn missing_event(module: Option<&Part>, event: &Part, host: &dyn Host) -> ProbeError {
    let all = traced::events(host);
    let of = |module: &Part| all.iter().any(|(known, _)| *known == module.text);
    if let Some(module) = module.filter(|module| !of(module)) {
        let modules = all.iter().map(|(module, _)| module.as_str());
        return ProbeError::NotFound {
            span: module.span,
            what: format!("the module `{}`, or an event in it,", module.text),
            near: nearest(&module.text, modules).map(str::to_owned),
            help: Some("leave the module out, and the event is found wherever it is".to_owned()),
        };
    }
    let here = all.iter().filter(|(known, _)| module.is_none_or(|module| module.text == *known));
    let elsewhere = all.iter().find(|(_, name)| *name == event.text);
    ProbeError::NotFound {
        span: event.span,
        what: match module {
            Some(module) => format!("the event `{}` of `{}`", event.text, module.text),
            None => format!("the event `{}`", event.text),
        },
        near: nearest(&event.text, here.map(|(_, name)| name.as_str())).map(str::to_owned),
        help: Some(match elsewhere {
            Some((module, name)) => {
                format!("it is one of `{module}`: `rawtracepoint:{module}:{name}`")
            }
            None => {
                "an event is the second part of a tracepoint: `rawtracepoint:sched_switch` for \
                     `tracepoint:sched:sched_switch`"
                    .to_owned()
            }
        }),
    }
}

fn tracepoint(target: &Target, host: &dyn Host) -> Option<String> {
    let Attach::RawTracepoint { event, .. } = &target.attach else { return None };
    tracepoint_of(event, host)
}

/// The tracepoint that the event is the inner side of.
fn tracepoint_of(event: &str, host: &dyn Host) -> Option<String> {
    let all = host.tracepoints().unwrap_or_default();
    let (category, event) = all.into_iter().find(|(_, name)| name == event)?;
    Some(format!("tracepoint:{category}:{event}"))
}
