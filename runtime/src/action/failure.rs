//! What goes wrong at run time is reported once per place and counted from then on: never silent, never a flood.

use std::io::Write;

use ebtrace_image::{Action, EventId, Failure, Map, Slot, Storage};

use super::Actions;
use crate::decode::{Value, decode_slot};
use crate::render::{Format, Trouble, error_text};

/// How often each kind of event was a failure that was not reported.
#[derive(Debug)]
pub(super) struct Failures {
    /// `None` before the first one.
    unreported: Vec<Option<u64>>,
}

impl Failures {
    /// For this many kinds of events.
    pub(super) fn new(events: usize) -> Self {
        Self { unreported: vec![None; events] }
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.unreported.iter().flatten().map(|unreported| unreported + 1).sum()
    }

    /// Whether this one is the first of its kind; the others are counted.
    fn is_first(&mut self, event: EventId) -> bool {
        match self.unreported.get_mut(event.0 as usize) {
            Some(Some(count)) => {
                *count += 1;
                false
            }
            Some(count) => {
                *count = Some(0);
                true
            }
            None => false,
        }
    }
}

impl Actions {
    /// Reports a failure, unless its place did before.
    pub(super) fn fail(&mut self, id: EventId, bytes: &[u8]) {
        if !self.failures.is_first(id) || !self.warnings {
            return;
        }
        let Some(event) = self.events.get(id.0 as usize) else { return };
        let Action::Fail { site, failure } = &event.action else { return };
        let Some(site) = self.sites.get(site.0 as usize) else { return };
        let (message, helper) = match failure {
            Failure::DivideByZero => (DIVIDED.to_owned(), None),
            Failure::OutOfBounds => {
                let number = |slot: Option<&Slot>| match slot.map(|slot| decode_slot(slot, bytes)) {
                    Some(Value::Unsigned(number)) => number,
                    _ => 0,
                };
                let (index, len) = (event.record.fields.first(), event.record.fields.get(1));
                (out_of_bounds(number(index), number(len)), None)
            }
            Failure::EndlessLoop { rounds } => (
                format!("The loop did not end by itself and was ended after {rounds} rounds."),
                None,
            ),
            Failure::MapFull { map, helper } => {
                let code = match event.record.fields.first().map(|slot| decode_slot(slot, bytes)) {
                    Some(Value::Signed(code)) => code,
                    _ => 0,
                };
                let map = self.maps.get(map.0 as usize).map(|map| map.info());
                (refused_update(map, code), Some((helper.as_str(), code)))
            }
        };
        let trouble = Trouble { site, message, helper, repeated: 0 };
        let mut text = Vec::new();
        self.look.renderer().trouble(&mut text, &trouble);
        self.report(&text);
    }

    /// Says how often each place failed after it was reported.
    pub(crate) fn sum_up_failures(&mut self) {
        if !self.warnings {
            return;
        }
        let mut text = Vec::new();
        for (event, unreported) in self.events.iter().zip(&self.failures.unreported) {
            let (Action::Fail { site, failure }, Some(repeated @ 1..)) =
                (&event.action, unreported)
            else {
                continue;
            };
            let Some(site) = self.sites.get(site.0 as usize) else { continue };
            let (message, helper) = match failure {
                Failure::DivideByZero => {
                    (format!("{} more divisions by 0 gave 1.", grouped(*repeated)), None)
                }
                Failure::OutOfBounds => {
                    (format!("{} more indices were out of bounds.", grouped(*repeated)), None)
                }
                Failure::EndlessLoop { .. } => {
                    (format!("{} more loops did not end.", grouped(*repeated)), None)
                }
                Failure::MapFull { map, helper } => {
                    let name =
                        self.maps.get(map.0 as usize).map_or("a map", |map| &map.info().name);
                    let message = format!(
                        "{name}: {} more updates were lost the same way.",
                        grouped(*repeated)
                    );
                    (message, Some((helper.as_str(), -i64::from(libc::E2BIG))))
                }
            };
            self.look
                .renderer()
                .trouble(&mut text, &Trouble { site, message, helper, repeated: *repeated });
        }
        self.report(&text);
    }

    /// Warnings go to the standard error as text, to the output as JSON.
    fn report(&mut self, text: &[u8]) {
        match self.look.format {
            // Nobody is left to tell when the standard error is gone.
            Format::Text => drop(self.errors.write_all(text)),
            Format::Json => self.output.buffer().extend_from_slice(text),
        }
    }
}

const DIVIDED: &str = "Divide or modulo by 0 detected. This can lead to unexpected results. 1 is being used as the result.";

/// An index that does not fit `i64` was a negative one.
fn out_of_bounds(index: u64, len: u64) -> String {
    let elements = if len == 1 { "is 1 element" } else { &format!("are {len} elements") };
    format!(
        "Array access out of bounds: index {}, but there {elements}. 0 is being used as the result.",
        index.cast_signed(),
    )
}

fn refused_update(map: Option<&Map>, code: i64) -> String {
    let Some(map) = map.filter(|_| code == -i64::from(libc::E2BIG)) else {
        return error_text(code);
    };
    let (name, keys) = (&map.name, grouped(map.max_entries.into()));
    let room = map.max_entries.saturating_mul(2);
    let kind = if map.storage == Storage::PerCpuHash { "percpuhash" } else { "hash" };
    let mend = match map.declared {
        true => format!("let {name} = {kind}({room});"),
        false => format!("config = {{ max_map_keys = {} }}", room.max(5000)),
    };
    format!("Map full; can't update element. {name} holds {keys} keys; write `{mend}` for more")
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1234), "1,234");
        assert_eq!(grouped(1234567), "1,234,567");
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn only_the_first_of_a_kind_is_reported() {
        let mut failures = Failures::new(2);
        assert!(failures.is_first(EventId(1)));
        assert!(!failures.is_first(EventId(1)));
        assert!(failures.is_first(EventId(0)));
        assert!(!failures.is_first(EventId(9)));
        assert_eq!(failures.unreported, [Some(0), Some(1)]);
    }
}
