//! Probe types that no code of kernel or programs triggers: `begin`, `end` and the timers.

use ebtrace_image::{Attach, Period};

use super::list;
use super::{
    Context, Field, Kind, Part, Point, ProbeError, Search, Target, Targets, nothing_else,
    parse_number,
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
        list: list::NOTHING,
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
        list: list::NOTHING,
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
        list: list::PERIODS,
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
        list: list::PERIODS,
        context: Context::Sample,
        program: ProgramType::PerfEvent,
        space: Space::Unset,
        needs: None,
        instead: nothing_else,
        resolve: profile,
        summary: "Fires at a regular interval on every CPU.",
        details: "Written as `interval`. What was running when it fired is in `comm`, `pid`, `kstack` and `ustack`. \
                  With `-c` or `-p`, it fires while that process runs, and only there.",
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

/// Longest period in nanoseconds, and greatest frequency, that the kernel takes.
const MOST: u64 = i64::MAX.unsigned_abs();

/// Reads `unit:count` or a single duration; a duration's name is in microseconds.
fn period(point: &Point) -> Result<(String, Period), ProbeError> {
    let kind = point.kind;
    for (part, field) in point.parts.iter().zip(PERIOD) {
        if part.text.is_empty() {
            return Err(ProbeError::Empty { span: point.span, kind, field: field.name });
        }
    }
    let refused = |part: &Part, wants| ProbeError::Count {
        span: part.span,
        text: part.text.clone(),
        kind,
        wants,
    };
    let no_unit = |part: &Part| ProbeError::Unit { span: part.span, text: part.text.clone() };
    let unit = point.part(0);
    if point.parts.len() == 1 {
        let nanoseconds = duration(&unit.text).ok_or_else(|| no_unit(&unit))?;
        return match nanoseconds {
            0..1000 => Err(refused(&unit, "a timer's period is one microsecond at least")),
            1000..=MOST => {
                let label = format!("{}:us:{}", kind.name, nanoseconds / 1000);
                Ok((label, Period::Nanoseconds(nanoseconds)))
            }
            _ => Err(refused(&unit, TOO_LARGE)),
        };
    }
    let count = point.part(1);
    let scale = match unit.text.as_str() {
        "hz" => None,
        other => Some(scale(other).filter(|&scale| scale >= 1000).ok_or_else(|| no_unit(&unit))?),
    };
    let whole = !count.text.is_empty() && count.text.bytes().all(|byte| byte.is_ascii_digit());
    let number = parse_number(&count.text).filter(|&number| number > 0);
    let zero = count.text.bytes().all(|byte| byte == b'0');
    let number = number.ok_or_else(|| match whole && !zero {
        true => refused(&count, TOO_LARGE),
        false => refused(&count, "a positive whole number is needed"),
    })?;
    let total = number.checked_mul(scale.unwrap_or(1)).filter(|total| *total <= MOST);
    let total = total.ok_or_else(|| refused(&count, TOO_LARGE))?;
    let period = if scale.is_some() { Period::Nanoseconds(total) } else { Period::Hertz(total) };
    Ok((format!("{}:{}:{number}", kind.name, unit.text), period))
}

const TOO_LARGE: &str = "more than the kernel's timers can count";

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
    let scale = scale(unit)?;
    Some(number.parse::<u64>().ok()?.saturating_mul(scale))
}
