//! Probe types on what the kernel and the processor count: `software` and `hardware`.

use ebtrace_image::{Attach, Counter};

use super::list;
use super::names::AllNames;
use super::pattern::Pattern;
use super::{
    Context, Field, Kind, Point, ProbeError, Search, Target, Targets, nothing_else, parse_number,
};
use crate::diagnostic::nearest;
use crate::host::{Feature, Host};
use crate::ir::ProgramType;
use crate::types::{Space, Types};

const SHAPE: &[Field] =
    &[Field { name: "event", optional: false }, Field { name: "count", optional: true }];

pub(super) const ALL: &[Kind] = &[
    Kind {
        name: "software",
        aliases: &["s"],
        shape: SHAPE,
        search: Search::Kernel,
        list: LISTED_SOFTWARE,
        context: Context::Sample,
        program: ProgramType::PerfEvent,
        space: Space::Unset,
        needs: None,
        instead: nothing_else,
        resolve: software,
        summary: "Fires each time the kernel has counted so many of an event.",
        details: "The events, with the number that stands for a count that is left out: `alignment-faults` (1), `bpf-output` \
                  (1), `context-switches` or `cs` (1000), `cpu-clock` or `cpu` (1000000, in nanoseconds), `cpu-migrations` \
                  (1), `dummy` (1), `emulation-faults` (1), `major-faults` (1), `minor-faults` (100), `page-faults` or \
                  `faults` (100), `task-clock` (1, in nanoseconds). Each CPU counts for itself. With `-c` or `-p`, \
                  only what happens in that process is counted.",
        examples: &[
            "software:page-faults:1 { @[comm] = count(); }",
            "software:cs:100 { @[comm] = count(); }",
        ],
    },
    Kind {
        name: "hardware",
        aliases: &["h"],
        shape: SHAPE,
        search: Search::Kernel,
        list: LISTED_HARDWARE,
        context: Context::Sample,
        program: ProgramType::PerfEvent,
        space: Space::Unset,
        needs: None,
        instead: nothing_else,
        resolve: hardware,
        summary: "Fires each time a processor has counted so many of an event.",
        details: "The events, with the number that stands for a count that is left out: `backend-stalls` (1000000), \
                  `branch-instructions` or `branches` (100000), `branch-misses` (100000), `bus-cycles` (100000), \
                  `cache-misses` (1000000), `cache-references` (1000000), `cpu-cycles` or `cycles` (1000000), \
                  `frontend-stalls` (1000000), `instructions` (1000000), `ref-cycles` (1000000). Which of them there are \
                  depends on the processor; most virtual machines have none. With `-c` or `-p`, only what happens in that \
                  process is counted.",
        examples: &["hardware:cache-misses:10000 { @[comm] = count(); }"],
    },
];

const LISTED_SOFTWARE: list::List = list::counted(|_| Ok(listed(SOFTWARE)));
const LISTED_HARDWARE: list::List = list::counted(|_| Ok(listed(HARDWARE)));

/// All names of all events, as they are listed.
fn listed(events: &'static [Event]) -> AllNames {
    names(events).map(|name| format!("{name}:")).collect()
}

/// Something that can be counted.
struct Event {
    name: &'static str,
    alias: Option<&'static str>,
    /// Its number in `linux/perf_event.h`.
    number: u64,
    /// How many of it make the probe fire, unless the script says so.
    period: u64,
}

const fn event(name: &'static str, number: u64, period: u64) -> Event {
    Event { name, alias: None, number, period }
}

const fn known_as(alias: &'static str, event: Event) -> Event {
    Event { alias: Some(alias), ..event }
}

const SOFTWARE: &[Event] = &[
    event("alignment-faults", 7, 1),
    event("bpf-output", 10, 1),
    known_as("cs", event("context-switches", 3, 1_000)),
    known_as("cpu", event("cpu-clock", 0, 1_000_000)),
    event("cpu-migrations", 4, 1),
    event("dummy", 9, 1),
    event("emulation-faults", 8, 1),
    event("major-faults", 6, 1),
    event("minor-faults", 5, 100),
    known_as("faults", event("page-faults", 2, 100)),
    event("task-clock", 1, 1),
];

const HARDWARE: &[Event] = &[
    event("backend-stalls", 8, 1_000_000),
    known_as("branches", event("branch-instructions", 4, 100_000)),
    event("branch-misses", 5, 100_000),
    event("bus-cycles", 6, 100_000),
    event("cache-misses", 3, 1_000_000),
    event("cache-references", 2, 1_000_000),
    known_as("cycles", event("cpu-cycles", 0, 1_000_000)),
    event("frontend-stalls", 7, 1_000_000),
    event("instructions", 1, 1_000_000),
    event("ref-cycles", 9, 1_000_000),
];

fn software(point: &Point, _: &dyn Host, _: &mut Types) -> Targets {
    counter(point, false)
}

fn hardware(point: &Point, host: &dyn Host, _: &mut Types) -> Targets {
    let targets = counter(point, true)?;
    if host.has(Feature::Counters) {
        return Ok(targets);
    }
    Err(ProbeError::NoCounters { span: point.span, kind: point.kind })
}

fn counter(point: &Point, hardware: bool) -> Targets {
    let name = point.part(0);
    let events = if hardware { HARDWARE } else { SOFTWARE };
    if name.text.is_empty() {
        return Err(ProbeError::Empty { span: point.span, kind: point.kind, field: SHAPE[0].name });
    }
    let pattern = Pattern::of(&name);
    let found: Vec<(&str, &Event)> = if pattern.is_glob() {
        events
            .iter()
            .map(|event| (event.name, event))
            .filter(|(name, _)| pattern.matches(name))
            .collect()
    } else {
        find(events, &name.text).map(|event| (name.text.as_str(), event)).into_iter().collect()
    };
    if found.is_empty() {
        return Err(unknown(point, events));
    }
    found.into_iter().map(|(name, event)| target(point, (name, event), hardware)).collect()
}

fn target(
    point: &Point,
    (name, event): (&str, &Event),
    hardware: bool,
) -> Result<Target, ProbeError> {
    let mut label = format!("{}:{name}", point.kind.name);
    let mut period = event.period;
    if let Some(count) = point.parts.get(1) {
        let most = i64::MAX.unsigned_abs();
        let number = parse_number(&count.text).filter(|number| (1..=most).contains(number));
        period = number.ok_or_else(|| ProbeError::Every {
            span: if count.text.is_empty() { point.span } else { count.span },
            text: count.text.clone(),
            event: label.clone(),
            period: event.period,
        })?;
        label = format!("{label}:{period}");
    }
    let attach = Attach::Counter(Counter { hardware, event: event.number, period });
    Ok(Target::new(point.kind, label, attach))
}

/// There is no such event of this type.
fn unknown(point: &Point, events: &'static [Event]) -> ProbeError {
    let (name, kind) = (point.part(0), point.kind);
    let elsewhere = ALL.iter().zip([SOFTWARE, HARDWARE]).find_map(|(other, events)| {
        let here = other.name != kind.name && find(events, &name.text).is_some();
        here.then(|| {
            format!("it is an event of another probe type: `{}:{}`", other.name, name.text)
        })
    });
    let all = || format!("events are {}", names(events).collect::<Vec<_>>().join(", "));
    ProbeError::NotFound {
        span: name.span,
        what: format!("the {} event `{}`", kind.name, name.text),
        near: nearest(&name.text, names(events)).map(str::to_owned),
        help: Some(elsewhere.unwrap_or_else(all)),
    }
}

/// All names of all events.
fn names(events: &'static [Event]) -> impl Iterator<Item = &'static str> {
    events.iter().flat_map(|event| [event.name].into_iter().chain(event.alias))
}

fn find(events: &'static [Event], name: &str) -> Option<&'static Event> {
    events.iter().find(|event| event.name == name || event.alias == Some(name))
}
