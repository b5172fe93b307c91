//! What goes wrong at run time is reported once per place and counted from then on: never silent, never a flood.

use std::io::Write;

use ebtrace_image::unwind::Trouble;
use ebtrace_image::{Action, EventId, Failure, Map, Storage};

use super::Actions;
use crate::decode::{Value, decode_slot};
use crate::render::{self, Format, error_text};
use crate::unwind::process::place;

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

/// The helper that takes stacks.
const GET_STACK: &str = "get_stack";

fn no_stack(user: bool) -> &'static str {
    if user { "Error reading ustack" } else { "Error reading kstack" }
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
        let code = || match event.record.fields.first().map(|slot| decode_slot(slot, bytes)) {
            Some(Value::Signed(code)) => code,
            _ => 0,
        };
        let number = |field: usize| {
            let slot = event.record.fields.get(field);
            match slot.map(|slot| decode_slot(slot, bytes)) {
                Some(Value::Unsigned(number)) => number,
                _ => 0,
            }
        };
        let (message, helper) = match failure {
            Failure::DivideByZero => (DIVIDED.to_owned(), None),
            Failure::OutOfBounds => (out_of_bounds(number(0), number(1)), None),
            Failure::NotUnwound => (not_unwound(number(0), number(1), number(2)), None),
            Failure::Read { helper } => (error_text(code()), Some((helper.as_str(), code()))),
            Failure::NoKey => (NO_KEY.to_owned(), Some((LOOK_UP, 0))),
            Failure::NothingDeleted => {
                (NOTHING_DELETED.to_owned(), Some((DELETE, -i64::from(libc::ENOENT))))
            }
            Failure::EndlessLoop { rounds } => (
                format!("The loop did not end by itself and was ended after {rounds} rounds."),
                None,
            ),
            Failure::NoStack { user } => {
                (format!("{}, so the stack is empty.", no_stack(*user)), Some((GET_STACK, code())))
            }
            Failure::MapFull { map, helper } => {
                let code = code();
                let map = self.maps.get(map.0 as usize).map(|map| map.info());
                (refused_update(map, code), Some((helper.as_str(), code)))
            }
        };
        let trouble = render::Trouble { site, message, helper, repeated: 0 };
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
                Failure::Read { .. } => {
                    (format!("{} this could not be read.", again(*repeated)), None)
                }
                Failure::NoKey | Failure::NothingDeleted => {
                    (format!("{} there was no such key.", again(*repeated)), None)
                }
                Failure::EndlessLoop { .. } => {
                    (format!("{} more loops did not end.", grouped(*repeated)), None)
                }
                Failure::NoStack { user } => {
                    let message =
                        format!("{}: {} times more.", no_stack(*user), grouped(*repeated));
                    (message, None)
                }
                Failure::NotUnwound => {
                    (format!("{NOT_UNWOUND}: {} times more.", grouped(*repeated)), None)
                }
                Failure::MapFull { map, helper } => {
                    let name =
                        self.maps.get(map.0 as usize).map_or("a map", |map| &map.info().name);
                    let updates = if *repeated == 1 { "update was" } else { "updates were" };
                    let message =
                        format!("{name}: {} more {updates} lost the same way.", grouped(*repeated));
                    (message, Some((helper.as_str(), -i64::from(libc::E2BIG))))
                }
            };
            self.look.renderer().trouble(
                &mut text,
                &render::Trouble { site, message, helper, repeated: *repeated },
            );
        }
        self.report(&text);
    }

    /// Warnings go to the standard error as text, to the output as JSON.
    pub(super) fn report(&mut self, text: &[u8]) {
        match self.look.format {
            // Nobody is left to tell when the standard error is gone.
            Format::Text if !self.captures => drop(self.errors.write_all(text)),
            _ => self.output.buffer().extend_from_slice(text),
        }
    }
}

/// The helper that looks for keys.
const LOOK_UP: &str = "map_lookup_elem";
const NO_KEY: &str = "Can't lookup map element because it does not exist.";
/// The helper that removes keys.
const DELETE: &str = "map_delete_elem";
const NOTHING_DELETED: &str = "Can't delete map element because it does not exist.";
const DIVIDED: &str = "Divide or modulo by 0 detected. This can lead to unexpected results. 1 is being used as the result.";

/// An index that does not fit `i64` was a negative one.
fn out_of_bounds(index: u64, len: u64) -> String {
    let elements = if len == 1 { "is 1 element" } else { &format!("are {len} elements") };
    format!(
        "Array access out of bounds: index {}, but there {elements}. 0 is being used as the result.",
        index.cast_signed(),
    )
}

const NOT_UNWOUND: &str = "Error unwinding the user stack";

/// Why a stack ends early, and what can be done about it.
fn not_unwound(trouble: u64, pid: u64, address: u64) -> String {
    let pid = pid as u32;
    let place = || place(pid, address);
    let why = match Trouble::of(trouble) {
        Some(Trouble::NoProgram) | None => {
            format!("{pid} is a thread of the kernel or a program of 32 bits, which has none here")
        }
        Some(Trouble::Stranger) => format!(
            "process {pid} is not among those that the command line names; `--dwarf-pid {pid}` names it"
        ),
        Some(Trouble::NoCode) => {
            format!("no code was known at {} of process {pid} at that moment", place())
        }
        Some(Trouble::NoRule) => format!(
            "{} of process {pid} has no table entry (`.eh_frame`) that says who called it",
            place()
        ),
        Some(Trouble::NoStack) => format!(
            "the caller of {} in process {pid} does not stand where its table (`.eh_frame`) says",
            place()
        ),
    };
    format!("{NOT_UNWOUND}: {why}.")
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

/// How often something happened after the first time.
fn again(times: u64) -> String {
    match times {
        1 => "Once more".to_owned(),
        _ => format!("{} times more", grouped(times)),
    }
}

/// `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
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
    fn walks_that_fail_say_why_and_where() {
        let of = |trouble: Trouble| not_unwound(trouble as u64, 1 << 30, 0x1234);
        let says = |trouble, words: &str| {
            let text = of(trouble);
            assert!(text.starts_with(NOT_UNWOUND) && text.contains(words), "{text}");
        };
        says(Trouble::NoProgram, "1073741824 is a thread of the kernel");
        says(Trouble::Stranger, "`--dwarf-pid 1073741824` names it");
        says(Trouble::NoCode, "no code was known at 0x1234 of process 1073741824");
        says(Trouble::NoRule, "0x1234 of process 1073741824 has no table entry");
        says(Trouble::NoStack, "the caller of 0x1234 in process 1073741824");
        let own = not_unwound(
            Trouble::NoRule as u64,
            std::process::id().into(),
            not_unwound as *const () as u64,
        );
        assert!(own.contains(&*std::env::current_exe().unwrap().to_string_lossy()), "{own}");
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
