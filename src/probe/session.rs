//! Probe types that ebtrace runs by itself: `self`, `test` and `bench`.

use ebtrace_image::Attach;

use super::list;
use super::names::AllNames;
use super::{Context, Field, Kind, Point, ProbeError, Search, Target, Targets, nothing_else};
use crate::diagnostic::{Code, Diagnostic};
use crate::host::Host;
use crate::ir::ProgramType;
use crate::types::{Space, Types};

const SHAPE: &[Field] =
    &[Field { name: "trigger", optional: false }, Field { name: "signal", optional: false }];

/// What can trigger a program of the session: `signal`, of these names.
const TRIGGER: &str = "signal";
const SIGNAL: &str = "SIGUSR1";

/// What a test or benchmark is called.
const NAME: &[Field] = &[Field { name: "name", optional: false }];

pub(super) const ALL: &[Kind] = &[SELF, TEST, BENCH];

const LISTED: list::List = list::all(|_| Ok(AllNames::from_iter([format!("{TRIGGER}:{SIGNAL}")])));

const SELF: Kind = Kind {
    name: "self",
    aliases: &[],
    shape: SHAPE,
    search: Search::Named,
    list: LISTED,
    context: Context::Nothing,
    program: ProgramType::RawTracepoint,
    space: Space::Unset,
    needs: None,
    instead: nothing_else,
    resolve: signal,
    summary: "Runs when ebtrace itself gets a signal.",
    details: "The signal is `SIGUSR1`: `kill -USR1` and ebtrace's process id run it, to print what was counted so far or to \
              end the trace. A script without such a probe ignores the signal.",
    examples: &["self:signal:SIGUSR1 { print(@); clear(@); } profile:hz:99 { @[comm] = count(); }"],
};

const TEST: Kind = Kind {
    name: "test",
    aliases: &[],
    shape: NAME,
    search: Search::Named,
    list: list::NOTHING,
    context: Context::Nothing,
    program: ProgramType::RawTracepoint,
    space: Space::Unset,
    needs: None,
    instead: nothing_else,
    resolve: test,
    summary: "Tests a part of a script: it runs with `--test`, and is checked and left alone otherwise.",
    details: "A test fails where it returns another number than 0, calls `exit()` with one, or something goes wrong in it. \
              What it prints is only shown if it fails. `begin` and `end` probes run too, without showing what they print, \
              and everything else is attached meanwhile. ebtrace's exit status is 1 if a test failed.",
    examples: &[
        "test:square_of_a_negative { return square(-3) != 9; } fn square($x: int64): int64 { return $x * $x; }",
    ],
};

const BENCH: Kind = Kind {
    name: "bench",
    aliases: &[],
    shape: NAME,
    search: Search::Named,
    list: list::NOTHING,
    context: Context::Nothing,
    program: ProgramType::RawTracepoint,
    space: Space::Unset,
    needs: None,
    instead: nothing_else,
    resolve: bench,
    summary: "Measures a part of a script: it runs with `--bench`, and is checked and left alone otherwise.",
    details: "It runs again and again for a millisecond at least; what is shown is how long one time takes. One that returns \
              another number than 0, or calls `exit()`, is left out.",
    examples: &["bench:count_by_comm { @[comm] = count(); }"],
};

fn test(point: &Point, _: &dyn Host, _: &mut Types) -> Targets {
    named(point, Attach::Test)
}

fn bench(point: &Point, _: &dyn Host, _: &mut Types) -> Targets {
    named(point, Attach::Bench)
}

fn named(point: &Point, attach: fn(String) -> Attach) -> Targets {
    let name = point.part(0).text;
    if name.is_empty() {
        return Err(ProbeError::Empty { span: point.span, kind: point.kind, field: NAME[0].name });
    }
    let label = format!("{}:{name}", point.kind.name);
    Ok(vec![Target::new(point.kind, label, attach(name))])
}

/// What programs are told that they are, where that is not the name of their type.
pub(super) fn type_name(kind: &str) -> Option<&'static str> {
    match kind {
        "begin" | "end" | "self" => Some("special"),
        "bench" => Some("benchmark"),
        _ => None,
    }
}

fn signal(point: &Point, _: &dyn Host, _: &mut Types) -> Targets {
    let (trigger, signal) = (point.part(0), point.part(1));
    let wanted = [(&trigger, TRIGGER), (&signal, SIGNAL)];
    for ((part, name), field) in wanted.into_iter().zip(SHAPE) {
        if part.text.is_empty() {
            return Err(ProbeError::Empty {
                span: point.span,
                kind: point.kind,
                field: field.name,
            });
        }
        if part.text != name {
            let rule =
                format!("the {} of `{}` cannot be `{}`", field.name, point.kind.name, part.text);
            return Err(ProbeError::Said(Box::new(
                Diagnostic::error(Code::NotFound, rule)
                    .label(part.span, format!("only `{name}` can stand here"))
                    .suggest_nearest(part.span, &part.text, [name])
                    .help(format!("write `{}:{TRIGGER}:{SIGNAL}`", point.kind.name)),
            )));
        }
    }
    let label = format!("{}:{TRIGGER}:{SIGNAL}", point.kind.name);
    Ok(vec![Target::new(point.kind, label, Attach::Signal)])
}
