//! Probe types that no code of kernel or programs triggers: `begin`, `end` and the timers.

use ebtrace_image::{Attach, Period};

use super::{
    Context, Field, Kind, Point, ProbeError, Search, Target, Targets, nothing_else, parse_number,
};
use crate::host::Host;
use crate::ir::ProgramType;
use crate::types::{Space, Types};

const PERIOD: &[Field] =
    &[Field { name: "unit", optional: false }, Field { name: "count", optional: true }];

pub(super) const ALL: &[Kind] = &[
    Kind {
        name: "begin",
        aliases: &[],
        shape: &[],
        search: Search::Named,
        context: Context::Nothing,
        program: ProgramType::RawTracepoint,
        space: Space::Unset,
        needs: None,
        instead: nothing_else,
        resolve: begin,
        summary: "Runs once, before anything else is attached.",
        details: "Several `begin` probes run in the order of the script. After an `exit()` in one of them the others \
                  are skipped. Builtins such as `pid` and `comm` are those of ebtrace itself.",
        examples: &["begin { printf(\"started\\n\"); exit(); }"],
    },
    Kind {
        name: "end",
        aliases: &[],
        shape: &[],
        search: Search::Named,
        context: Context::Nothing,
        program: ProgramType::RawTracepoint,
        space: Space::Unset,
        needs: None,
        instead: nothing_else,
        resolve: end,
        summary: "Runs once, after everything was detached and before the maps are printed.",
        details: "It runs however the session ends: `exit()`, Ctrl-C, SIGTERM, or the end of the command given \
                  with `-c`.",
        examples: &["begin { exit(); } end { printf(\"done\\n\"); }"],
    },
    Kind {
        name: "interval",
        aliases: &["i"],
        shape: PERIOD,
        search: Search::Named,
        context: Context::Sample,
        program: ProgramType::PerfEvent,
        space: Space::Unset,
        needs: None,
        instead: nothing_else,
        resolve: interval,
        summary: "Fires at a regular interval on one CPU.",
        details: "The unit is `s`, `ms`, `us` or `hz`, and the count follows it: `interval:ms:100`. A single \
                  duration is fine too: `interval:1s`. For printing totals while a script runs, and for ending it.",
        examples: &["interval:s:1 { time(); exit(); }", "interval:100ms { exit(); }"],
    },
    Kind {
        name: "profile",
        aliases: &["p"],
        shape: PERIOD,
        search: Search::Named,
        context: Context::Sample,
        program: ProgramType::PerfEvent,
        space: Space::Unset,
        needs: None,
        instead: nothing_else,
        resolve: profile,
        summary: "Fires at a regular interval on every CPU.",
        details: "Written as `interval`. What was running when it fired is in `comm`, `pid`, `kstack` and `ustack`. \
                  With `-c`, it fires while the command runs, and only there.",
        examples: &["profile:hz:99 { @[comm] = count(); } interval:s:1 { exit(); }"],
    },
];

fn begin(point: &Point, _: &dyn Host, _: &mut Types) -> Targets {
    Ok(vec![Target::new(point.kind, "begin".to_owned(), Attach::Begin)])
}

fn end(point: &Point, _: &dyn Host, _: &mut Types) -> Targets {
    Ok(vec![Target::new(point.kind, "end".to_owned(), Attach::End)])
}

fn interval(point: &Point, _: &dyn Host, _: &mut Types) -> Targets {
    let (label, period) = period(point)?;
    Ok(vec![Target::new(point.kind, label, Attach::Interval(period))])
}

fn profile(point: &Point, _: &dyn Host, _: &mut Types) -> Targets {
    let (label, period) = period(point)?;
    Ok(vec![Target::new(point.kind, label, Attach::Profile(period))])
}

/// Reads `unit:count` or a single duration; a duration's name is in microseconds.
fn period(point: &Point) -> Result<(String, Period), ProbeError> {
    let kind = point.kind;
    if point.parts.len() == 1 {
        let part = point.part(0);
        let nanoseconds = duration(&part.text)
            .ok_or_else(|| ProbeError::Unit { span: part.span, text: part.text.clone() })?;
        if nanoseconds < 1000 {
            return Err(ProbeError::Count { span: part.span, text: part.text, kind });
        }
        let label = format!("{}:us:{}", kind.name, nanoseconds / 1000);
        return Ok((label, Period::Nanoseconds(nanoseconds)));
    }
    let (unit, count) = (point.part(0), point.part(1));
    let bad_count = || ProbeError::Count { span: count.span, text: count.text.clone(), kind };
    let number = parse_number(&count.text).filter(|&number| number > 0).ok_or_else(bad_count)?;
    let scale = match unit.text.as_str() {
        "hz" => None,
        other => Some(
            scale(other)
                .filter(|&scale| scale >= 1000)
                .ok_or_else(|| ProbeError::Unit { span: unit.span, text: unit.text.clone() })?,
        ),
    };
    let period = match scale {
        None => Period::Hertz(number),
        Some(scale) => Period::Nanoseconds(number.checked_mul(scale).ok_or_else(bad_count)?),
    };
    Ok((format!("{}:{}:{number}", kind.name, unit.text), period))
}

/// Nanoseconds in one of a unit.
fn scale(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    })
}

/// A duration such as `100ms` in nanoseconds.
fn duration(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    number.parse::<u64>().ok()?.checked_mul(scale(unit)?)
}
