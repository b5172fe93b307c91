//! What events do in user space.

mod command;
mod failure;
mod message;
mod packet;
mod summary;

use std::io::{self, Write};

use ebtrace_image::{Action, Event, EventId, MapId, Settings, Site};

use crate::clock;
use crate::decode::{Value, decode_record, decode_slot, word};
use crate::map::{LiveMap, MapError};
use crate::names::LiveNames;
use crate::packet::Files;
use crate::render::{Format, Output, Renderer, View};
use crate::symbol::LiveSymbols;
use failure::Failures;

/// How values look in this session.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) format: Format,
    pub(crate) escape: bool,
    pub(crate) trailer: String,
    pub(crate) max_strlen: usize,
    pub(crate) symbols: LiveSymbols,
    pub(crate) names: LiveNames,
}

impl Look {
    pub(crate) fn renderer(&self) -> Renderer<'_> {
        Renderer {
            format: self.format,
            trailer: &self.trailer,
            max_strlen: self.max_strlen,
            escape: self.escape,
            symbols: &self.symbols,
            names: &self.names,
        }
    }
}

/// Carries out the actions of events, and keeps what they leave behind.
pub(crate) struct Actions {
    pub(crate) look: Look,
    pub(crate) output: Output,
    pub(crate) errors: Box<dyn Write>,
    pub(crate) warnings: bool,
    pub(crate) maps: Vec<LiveMap>,
    pub(crate) settings: Settings,
    events: Vec<Event>,
    sites: Vec<Site>,
    failures: Failures,
    packets: Files,
    /// How often the script said that something is wrong.
    errors_said: u64,
    /// Of the first `exit`.
    exit: Option<u8>,
    /// The `end` programs run.
    ending: bool,
    /// What goes to the standard error otherwise is part of the output.
    captures: bool,
    /// What the output said first; nothing is written after it.
    broken: Option<io::Error>,
}

/// What actions work with, besides tables.
pub(crate) struct Ends {
    pub(crate) look: Look,
    pub(crate) output: Output,
    pub(crate) errors: Box<dyn Write>,
    pub(crate) warnings: bool,
    pub(crate) packets: Files,
}

impl Actions {
    pub(crate) fn new(
        ends: Ends,
        maps: Vec<LiveMap>,
        events: Vec<Event>,
        sites: Vec<Site>,
        settings: Settings,
    ) -> Self {
        let Ends { look, output, errors, warnings, packets } = ends;
        let failures = Failures::new(events.len());
        Self {
            look,
            output,
            errors,
            warnings,
            maps,
            settings,
            events,
            sites,
            failures,
            packets,
            errors_said: 0,
            exit: None,
            ending: false,
            captures: false,
            broken: None,
        }
    }

    /// Whether any event can arrive at all.
    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// The status that the script asked for, once it did.
    pub(crate) fn exit(&self) -> Option<u8> {
        self.exit
    }

    /// The same, once.
    pub(crate) fn take_exit(&mut self) -> Option<u8> {
        self.exit.take()
    }

    /// How often something has gone wrong so far, or the script said so.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.count() + self.errors_said
    }

    /// The output's error, once.
    pub(crate) fn take_broken(&mut self) -> Option<io::Error> {
        self.broken.take()
    }

    /// From now on events are those of `end` programs.
    pub(crate) fn begin_end(&mut self) {
        self.ending = true;
    }

    /// Until [`Actions::release`] gets what this returns, all that a program says is text and goes to the output.
    pub(crate) fn capture(&mut self) -> Format {
        self.captures = true;
        std::mem::replace(&mut self.look.format, Format::Text)
    }

    /// Ends what [`Actions::capture`] has begun.
    pub(crate) fn release(&mut self, format: Format) {
        self.captures = false;
        self.look.format = format;
    }

    /// Whether there is no use in going on.
    pub(crate) fn is_over(&self) -> bool {
        self.exit.is_some() || self.broken.is_some()
    }

    /// The event that some bytes begin with, if all of it is there. What is no event is taken whole.
    pub(crate) fn first_event<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let number = bytes.get(..8).map(|bytes| word(bytes, 0))?;
        match usize::try_from(number).ok().and_then(|number| self.events.get(number)) {
            Some(event) => bytes.get(..event.record.size as usize),
            None => Some(bytes),
        }
    }

    /// Does what the event in `bytes` asks for. What happened after the script has ended itself, but before its programs
    /// were off their events, is not part of what it traced.
    pub(crate) fn handle(&mut self, bytes: &[u8]) {
        if self.exit.is_some() && !self.ending {
            return;
        }
        let id = EventId(u32::try_from(word(bytes, 0)).unwrap_or(u32::MAX));
        let Some(event) = self.events.get(id.0 as usize) else {
            let _ = writeln!(
                self.errors,
                "ERROR: an event of unknown kind {} arrived; this is a bug of ebtrace",
                id.0
            );
            return;
        };
        let done = match &event.action {
            Action::Printf(format) => {
                let arguments = decode_record(&event.record, bytes);
                self.look.renderer().printf(self.output.buffer(), format, &arguments);
                Ok(())
            }
            Action::PrintValue => {
                if let Some(slot) = event.record.fields.first() {
                    self.look.renderer().value(self.output.buffer(), &decode_slot(slot, bytes));
                }
                Ok(())
            }
            Action::PrintMap { map, top, div } => {
                let (map, view) = (*map, View { top: *top, div: *div, asked: true });
                self.print_map(map, view)
            }
            Action::Clear(map) => self.map(*map).map_or(Ok(()), LiveMap::clear),
            Action::Zero(map) => self.map(*map).map_or(Ok(()), LiveMap::zero),
            Action::Time(format) => {
                let now = clock::now(format);
                self.look.renderer().ready(self.output.buffer(), "time", &now);
                Ok(())
            }
            Action::Message { .. } => {
                self.say(id, bytes);
                Ok(())
            }
            Action::Cat(format) => {
                let path = self.look.renderer().text(format, &decode_record(&event.record, bytes));
                self.cat(&path);
                Ok(())
            }
            Action::System(format) => {
                let words = self.look.renderer().text(format, &decode_record(&event.record, bytes));
                self.system(&words);
                Ok(())
            }
            Action::Join { separator } => {
                let texts = decode_record(&event.record, bytes);
                self.look.renderer().join(self.output.buffer(), separator, &texts);
                Ok(())
            }
            // Packets come through buffers of their own.
            Action::Packet { .. } => Ok(()),
            Action::Exit => {
                let status = event.record.fields.first().map(|slot| decode_slot(slot, bytes));
                self.exit.get_or_insert(status.map_or(0, |status| exit_status(&status)));
                Ok(())
            }
            Action::Fail { .. } => {
                self.fail(id, bytes);
                Ok(())
            }
        };
        if let Err(error) = done {
            let _ = writeln!(self.errors, "ERROR: {error}");
        }
        let written = self.output.after_event();
        self.note(written);
    }

    /// Writes what was rendered, as far as buffering asks for it.
    pub(crate) fn after_batch(&mut self) {
        self.look.symbols.update();
        self.look.symbols.forget_processes();
        self.look.names.forget_cgroups();
        self.flush_packets();
        let written = self.output.after_batch();
        self.note(written);
    }

    /// Keeps the first error of the output.
    pub(crate) fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.broken.get_or_insert(error);
        }
    }

    /// Prints a map.
    pub(crate) fn print_map(&mut self, map: MapId, view: View) -> Result<(), MapError> {
        let Some(map) = self.maps.get(map.0 as usize) else { return Ok(()) };
        let contents = map.read()?;
        self.look.renderer().map(self.output.buffer(), map.info(), &contents, view);
        Ok(())
    }

    fn map(&self, id: MapId) -> Option<&LiveMap> {
        self.maps.get(id.0 as usize)
    }
}

/// The low byte, as the shell sees it.
fn exit_status(value: &Value<'_>) -> u8 {
    match value {
        Value::Signed(status) => *status as u8,
        Value::Unsigned(status) => *status as u8,
        _ => 0,
    }
}
