//! What is said of the session as a whole: what could not be attached, what was lost, and the maps at its end.

use std::io::Write;

use ebtrace_image::MapId;

use super::Actions;
use super::failure::grouped;
use crate::AttachError;
use crate::map::MapError;
use crate::render::{Format, View};
use crate::run::Mode;

impl Actions {
    pub(crate) fn warn_missing(&mut self, missing: &[AttachError]) {
        for error in missing.iter().filter(|_| self.warnings) {
            let place = error.site.as_ref().map(|site| {
                format!("{}:{}:{}-{}: ", site.file, site.line, site.column, site.end_column)
            });
            let place = place.unwrap_or_default();
            // Nobody is left to tell when the standard error is gone.
            let _ = writeln!(self.errors, "{place}WARNING: {error}; the script runs without it");
        }
    }

    pub(crate) fn warn_lost(&mut self, probe: &str, count: u64) {
        if !self.warnings {
            return;
        }
        let pages = u64::from(self.settings.ring_buffer_bytes) / 4096;
        let _ = writeln!(
            self.errors,
            "WARNING: Lost {} events of {probe}: they came faster than they could be printed. \
             Write `config = {{ perf_rb_pages = {} }}` for a larger buffer",
            grouped(count),
            (pages * 4).max(64),
        );
    }

    /// All maps by name, two blank lines before them; no maps where only tests were run.
    pub(crate) fn print_maps(&mut self, mode: Mode) -> Result<(), MapError> {
        if self.look.format == Format::Text {
            self.output.buffer().extend_from_slice(b"\n\n");
        }
        if !self.settings.print_maps_on_exit || mode == Mode::Test {
            return Ok(());
        }
        let mut order: Vec<u32> = (0..self.maps.len() as u32).collect();
        order.sort_by(|left, right| {
            let name = |index: u32| &self.maps[index as usize].info().name;
            name(*left).cmp(name(*right))
        });
        order.into_iter().try_for_each(|map| self.print_map(MapId(map), View::default()))
    }
}
