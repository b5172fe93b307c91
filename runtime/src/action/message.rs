//! `errorf` and `warnf`.

use ebtrace_image::{Action, EventId};

use super::Actions;
use crate::decode::decode_record;

impl Actions {
    /// Says what the script wants said.
    pub(super) fn say(&mut self, id: EventId, bytes: &[u8]) {
        let Some(event) = self.events.get(id.0 as usize) else { return };
        let Action::Message { site, error, format } = &event.action else { return };
        self.errors_said += u64::from(*error);
        if !error && !self.warnings {
            return;
        }
        let Some(site) = self.sites.get(site.0 as usize) else { return };
        let arguments = decode_record(&event.record, bytes);
        let renderer = self.look.renderer();
        let message = renderer.text(format, &arguments);
        let mut text = Vec::new();
        renderer.message(&mut text, site, *error, &message);
        self.report(&text);
    }
}
