//! Packets on their way into files.

use std::io::{self, Write};

use ebtrace_image::{Action, MOST_OF_A_PACKET};

use super::Actions;
use crate::decode::{Value, decode_record, word};
use crate::packet::Packet;

impl Actions {
    /// Writes the packet that follows an event into its file.
    pub(crate) fn packet(&mut self, bytes: &[u8]) {
        let event = usize::try_from(word(bytes, 0)).ok().and_then(|id| self.events.get(id));
        let Some((event, Action::Packet { path })) = event.map(|event| (event, &event.action))
        else {
            return;
        };
        let fields = decode_record(&event.record, bytes);
        let &[Value::Unsigned(time), Value::Unsigned(skipped), Value::Unsigned(length)] =
            &fields[..]
        else {
            return;
        };
        let there = length.min(MOST_OF_A_PACKET.into()) as usize;
        // The kernel fills the record up to a multiple of 8.
        let packet = bytes.get(event.record.size as usize..).and_then(|rest| rest.get(..there));
        let first = usize::try_from(skipped).unwrap_or(usize::MAX);
        let bytes = packet.and_then(|packet| packet.get(first..)).unwrap_or_default();
        let packet = Packet { time, length: length.saturating_sub(skipped), bytes };
        if let Err(error) = self.packets.write(path, packet) {
            let path = path.clone();
            self.packets.close(&path);
            self.complain_packets(&path, &error);
        }
    }

    /// Lets others read the packets so far.
    pub(crate) fn flush_packets(&mut self) {
        for (path, error) in self.packets.flush() {
            self.complain_packets(&path, &error);
        }
    }

    fn complain_packets(&mut self, path: &str, error: &io::Error) {
        // Nobody is left to tell when the standard error is gone.
        let _ = writeln!(
            self.errors,
            "ERROR: cannot write packets to {path}: {error}; no more are written there"
        );
    }
}
