//! Probe types whose arguments the kernel's own types describe: `rawtracepoint` and `iter`.

use ebtrace_image::{Attach, Walk};

use super::list;
use super::pattern::Pattern;
use super::{Context, Field, Kind, Part, Point, ProbeError, Search, Target, Targets, nothing_else};
use crate::diagnostic::nearest;
use crate::host::{Feature, Host, HostError};
use crate::ir::ProgramType;
use crate::types::traced::{self, Traced};
use crate::types::{Space, Types};

pub(super) const ALL: &[Kind] = &[
    Kind {
        name: "rawtracepoint",
        aliases: &["rt"],
        shape: &[
            Field { name: "module", optional: true },
            Field { name: "event", optional: false },
        ],
        search: Search::Kernel,
        list: list::EVENTS,
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
    },
    Kind {
        name: "iter",
        aliases: &["it"],
        shape: &[Field { name: "object", optional: false }, Field { name: "path", optional: true }],
        search: Search::Kernel,
        list: list::ITERATORS,
        context: Context::Object,
        program: ProgramType::Iterator,
        space: Space::Kernel,
        needs: Some(Feature::Btf),
        instead: nothing_else,
        resolve: iterator,
        summary: "Goes through all objects of a kind that the kernel has, once.",
        details: "`iter:task` runs its block for each task, `iter:task_file` for each open file, `iter:task_vma` for each \
              piece of a process's memory, and so on for every `struct bpf_iter__…` of the kernel, whose fields are in \
              `ctx`. It is the only probe of its script, which ends after the last object. Where an object's output \
              does not fit the kernel's buffer any more, the kernel runs the block again for that object: its output is \
              shown once, but what it adds to maps counts twice. With a second part, `iter:task:list`, nothing is run: \
              the program stays in the kernel, and whoever reads `/sys/fs/bpf/list` gets its text; removing that file \
              ends it.",
        examples: &[
            "iter:task { printf(\"%d %s\\n\", ctx.task.pid, ctx.task.comm); }",
            "iter:task_file { @[ctx.task.comm] = count(); }",
        ],
    },
];

/// Where others find iterators whose path does not begin at the root.
const PINS: &str = "/sys/fs/bpf";

/// Iterators through what a map holds, and a script cannot say of which map.
const OF_A_MAP: [&str; 3] = ["bpf_map_elem", "bpf_sk_storage_map", "sockmap"];

/// Iterators through what belongs to processes.
const OF_PROCESSES: [&str; 3] = ["task", "task_file", "task_vma"];

/// Iterators through trees, which want to know in which order.
const TREES: [&str; 1] = ["cgroup"];

/// Whether an iterator goes through what a map holds.
pub(super) fn is_of_a_map(object: &str) -> bool {
    OF_A_MAP.contains(&object)
}

fn iterator(point: &Point, host: &dyn Host, types: &mut Types) -> Targets {
    let (object, pin) = (point.part(0), point.parts.get(1));
    for (part, field) in [(Some(&object), "object"), (pin, "path")] {
        if part.is_some_and(|part| part.text.is_empty()) {
            return Err(ProbeError::Empty { span: point.span, kind: point.kind, field });
        }
    }
    if Pattern::of(&object).is_glob() {
        return Err(ProbeError::Pattern { span: object.span, text: object.text });
    }
    typed(point, host, None)?;
    let found = traced::iterator(types, host, &object.text);
    let Some(context) = found else { return Err(missing_iterator(&object, host)) };
    if OF_A_MAP.contains(&object.text.as_str()) {
        return Err(ProbeError::NotFound {
            span: object.span,
            what: format!("the map that `{}` goes through", object.text),
            near: None,
            help: Some(
                "a script can only go through its own maps: `for ($kv : @map) { … }`".to_owned(),
            ),
        });
    }
    let pin = pin.map(|pin| match pin.text.starts_with('/') {
        true => pin.text.clone(),
        false => format!("{PINS}/{}", pin.text),
    });
    let program = if pin.is_some() { ProgramType::TextIterator } else { point.kind.program };
    let label = format!("{}:{}", point.kind.name, object.text);
    let walk = match object.text.as_str() {
        name if OF_PROCESSES.contains(&name) => Walk::Processes,
        name if TREES.contains(&name) => Walk::Tree,
        _ => Walk::All,
    };
    let attach = Attach::Iterator { object: object.text, walk, pin };
    let args = Some(context);
    Ok(vec![Target { args, program, ..Target::new(point.kind, label, attach) }])
}

fn missing_iterator(object: &Part, host: &dyn Host) -> ProbeError {
    let all = traced::iterators(host);
    let known = all.iter().map(String::as_str).filter(|name| !OF_A_MAP.contains(name));
    ProbeError::NotFound {
        span: object.span,
        what: format!("an iterator through objects called `{}`", object.text),
        near: nearest(&object.text, known.clone()).map(str::to_owned),
        help: Some(format!("this kernel has {}", known.collect::<Vec<_>>().join(", "))),
    }
}

fn raw_tracepoint(point: &Point, host: &dyn Host, types: &mut Types) -> Targets {
    let (module, event) = module_and_name(point, "event")?;
    typed(point, host, tracepoint_of(&event.text, host))?;
    let (modules, names) = patterns(module.as_ref(), &event);
    let is_module = |name: &str| modules.as_ref().is_none_or(|module| module.matches(name));
    let found = match names {
        Pattern::Name(name) => traced::event(types, host, &is_module, &name).into_iter().collect(),
        Pattern::Glob(_) => traced::events(types, host, (&is_module, &|name| names.matches(name))),
    };
    if found.is_empty() {
        return Err(missing_event(module.as_ref(), &event, host));
    }
    let target = |Traced { module, name: event, params }: Traced| {
        let label = format!("{}:{module}:{event}", point.kind.name);
        let args = Some(traced::context(types, &event, &params));
        Target { args, ..Target::new(point.kind, label, Attach::RawTracepoint { module, event }) }
    };
    Ok(found.into_iter().map(target).collect())
}

/// The last part of an attach point, and the module before it.
pub(super) fn module_and_name(
    point: &Point,
    field: &'static str,
) -> Result<(Option<Part>, Part), ProbeError> {
    let (module, name) = match &point.parts[..] {
        [module, name] => (Some(module.clone()), name.clone()),
        _ => (None, point.part(0)),
    };
    let named = module.as_ref().map(|part| (part, "module"));
    for (part, field) in named.into_iter().chain([(&name, field)]) {
        if part.text.is_empty() {
            return Err(ProbeError::Empty { span: point.span, kind: point.kind, field });
        }
    }
    Ok((module, name))
}

fn patterns(module: Option<&Part>, name: &Part) -> (Option<Pattern>, Pattern) {
    (module.map(Pattern::of), Pattern::of(name))
}

/// Complains where the kernel does not describe its types.
pub(super) fn typed(
    point: &Point,
    host: &dyn Host,
    instead: Option<String>,
) -> Result<(), ProbeError> {
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
    let all = traced::event_names(host);
    let (modules, names) = patterns(module, event);
    let of = |module: &Pattern| all.iter().any(|(known, _)| module.matches(known));
    if let Some(part) = module.filter(|_| !modules.as_ref().is_some_and(of)) {
        let modules = all.iter().map(|(module, _)| module.as_str());
        return ProbeError::NotFound {
            span: part.span,
            what: format!("the module `{}`, or an event in it,", part.text),
            near: nearest(&part.text, modules).map(str::to_owned),
            help: Some("leave the module out, and the event is found wherever it is".to_owned()),
        };
    }
    let here =
        all.iter().filter(|(known, _)| modules.as_ref().is_none_or(|module| module.matches(known)));
    let elsewhere = all.iter().find(|(_, name)| names.matches(name));
    let what = if names.is_glob() { "an event like" } else { "the event" };
    ProbeError::NotFound {
        span: event.span,
        what: match module {
            Some(module) => format!("{what} `{}` of `{}`", event.text, module.text),
            None => format!("{what} `{}`", event.text),
        },
        near: nearest(&event.text, here.map(|(_, name)| name.as_str())).map(str::to_owned),
        help: Some(match elsewhere {
            Some((module, name)) => format!("`{module}` has it: `rawtracepoint:{module}:{name}`"),
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
