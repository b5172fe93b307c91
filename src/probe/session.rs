//! Probe types of the session itself: `self`.

use ebtrace_image::Attach;

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

pub(super) const ALL: &[Kind] = &[Kind {
    name: "self",
    aliases: &[],
    shape: SHAPE,
    search: Search::Named,
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
}];

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
