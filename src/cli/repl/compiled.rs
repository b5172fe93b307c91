//! Entries as images: each is compiled together with what is remembered, and fits the maps that are there.

use std::collections::HashMap;

use ebtrace::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use ebtrace::ir;
use ebtrace::memory::Piece;
use ebtrace::pipeline::{self, Checked};
use ebtrace::source::{FileId, Span};
use ebtrace_image::{Action, Image, Map, Record, Shape};

use super::state::State;
use crate::cli::run;

/// Most bytes of a probe's ring buffer, unless the user says how many: many probes may run at a time.
const RING_BUFFER: u32 = 1 << 20;

/// A probe that can be loaded.
pub(super) struct Compiled {
    pub(super) checked: Checked,
    pub(super) image: Image,
}

/// Why an entry cannot be compiled.
pub(super) struct Refused(pub(super) Diagnostics);

impl Compiled {
    /// The type of the value that it shows, as messages spell it.
    pub(super) fn value_type(&self) -> Option<String> {
        let program = &self.checked.program;
        let shown = program.events.iter().find(|(_, event)| event.action == Action::PrintValue);
        let ty = shown.and_then(|(_, event)| event.fields.first())?;
        Some(program.types.name(*ty).to_string())
    }

    /// The maps as messages spell them: `@[string[16]]: count_t`
    pub(super) fn map_types(&self) -> HashMap<String, String> {
        let program = &self.checked.program;
        program
            .maps
            .iter()
            .map(|(_, map)| (format!("@{}", map.name), spelled(program, map)))
            .collect()
    }
}

fn spelled(program: &ir::Program, map: &ir::Map) -> String {
    let types = &program.types;
    let key = map.key.map(|key| format!("[{}]", types.name(key))).unwrap_or_default();
    format!("@{}{key}: {}", map.name, types.name(map.value))
}

impl State<'_> {
    /// Compiles one probe of an entry. What was remembered and can no longer be compiled is forgotten.
    pub(super) fn try_compile(
        &mut self,
        new: &[Piece],
        piece: &Piece,
    ) -> anyhow::Result<Result<Compiled, Refused>> {
        let host = self.host();
        let Some(at) = ebtrace::entry::place(&piece.item) else {
            return Ok(Err(Refused(Diagnostics::new())));
        };
        let own: Vec<FileId> = new.iter().map(|piece| piece.file).collect();
        let (checked, found) = loop {
            let script = self.memory.script(new);
            let at = (piece.file, at);
            let (checked, found) =
                pipeline::check_probe(script, at, &mut self.sources, &host, &self.options)
                    .map_err(|bug| run::internal(&bug.0))?;
            match self.foreign_error(&found, &own) {
                Some(file) if self.memory.forget_file(file) => {}
                _ => break (checked, found),
            }
        };
        let mut found = self.of_entry(found, &own);
        let Some(mut checked) = checked else { return Ok(Err(Refused(found))) };
        if let Some(clash) = self.map_clash(&checked, piece) {
            found.push(clash);
            return Ok(Err(Refused(found)));
        }
        let names_process = self.args.pid.is_some() || !self.args.dwarf_pid.is_empty();
        if let Some(refused) =
            pipeline::nobody_to_unwind(&checked.program).filter(|_| !names_process)
        {
            found.push(refused);
            return Ok(Err(Refused(found)));
        }
        if self.args.no_warnings {
            found.drop_warnings();
        }
        crate::cli::report::diagnostics(&self.sources, &found);
        let image = run::compile(&mut checked, &self.sources, self.target())?;
        let Some(mut image) = image else { return Ok(Err(Refused(Diagnostics::new()))) };
        if self.options.settings.ring_buffer_bytes == 0 {
            let size = &mut image.settings.ring_buffer_bytes;
            *size = RING_BUFFER.min(*size);
        }
        Ok(Ok(Compiled { checked, image }))
    }

    /// The text of an earlier entry that has an error now.
    fn foreign_error(&self, found: &Diagnostics, own: &[FileId]) -> Option<FileId> {
        let errors = found.iter().filter(|one| one.severity == Severity::Error);
        let mut places = errors.filter_map(|one| one.labels.first());
        let file = |span: Span| self.sources.written(span).file;
        let place = places.find(|label| {
            let file = file(label.span);
            !own.contains(&file) && !file.is_embedded()
        })?;
        Some(file(place.span))
    }

    /// What is said of this entry: that a map is not used yet is said of none.
    fn of_entry(&self, found: Diagnostics, own: &[FileId]) -> Diagnostics {
        let mut kept = Diagnostics::new();
        for one in found.iter() {
            let is_own = one.labels.first().is_none_or(|label| {
                let file = self.sources.written(label.span).file;
                own.contains(&file) || file.is_embedded()
            });
            if one.severity == Severity::Error || (is_own && one.code != Code::UnusedMap) {
                kept.push(one.clone());
            }
        }
        kept
    }

    /// What is said where a map that is there has not the room for what the entry wants to put into it.
    fn map_clash(&self, checked: &Checked, piece: &Piece) -> Option<Diagnostic> {
        let maps = checked.program.maps.iter().map(|(_, map)| map);
        let (wanted, map) = checked.layout.image.maps.iter().zip(maps).find(|(wanted, _)| {
            let known = self.maps.get(&wanted.name);
            known.is_some_and(|known| !fits(known.shared.info(), wanted))
        })?;
        let known = self.maps.get(&wanted.name)?;
        let name = &wanted.name;
        let text = &self.sources.get(piece.file).text;
        let place = text.find(name.as_str()).unwrap_or(0);
        let span = Span::new(piece.file, place, (place + name.len()).min(text.len()));
        let now = spelled(&checked.program, map);
        let (is, wants) = if now == known.ty {
            let keys = |map: &Map| format!("room for {} keys", map.max_entries);
            (keys(known.shared.info()), keys(wanted))
        } else {
            (format!("`{}`", known.ty), format!("`{now}`"))
        };
        Some(
            Diagnostic::error(
                Code::TypeClash,
                format!("`{name}` of this session is {is}, and this entry wants {wants}"),
            )
            .label(span, "a map keeps its size as long as it is there")
            .help(format!(
                "use a map of another name, or drop this one and what is in it: `:forget {name}`"
            )),
        )
    }
}

/// Whether a map that is there can be used where another is wanted.
fn fits(known: &Map, wanted: &Map) -> bool {
    let keys = match (&known.key, &wanted.key) {
        (Some(known), Some(wanted)) => same_bytes(&known.shape, &wanted.shape),
        (None, None) => true,
        _ => false,
    };
    keys && known.storage == wanted.storage
        && known.max_entries == wanted.max_entries
        && known.value_size == wanted.value_size
        && same_bytes(&known.value.shape, &wanted.value.shape)
}

/// Whether values of two shapes are the same bytes with the same meaning, but perhaps for their sign.
fn same_bytes(known: &Shape, wanted: &Shape) -> bool {
    let records = |known: &Record, wanted: &Record| {
        known.size == wanted.size
            && known.fields.len() == wanted.fields.len()
            && known.fields.iter().zip(&wanted.fields).all(|(known, wanted)| {
                known.offset == wanted.offset && same_bytes(&known.shape, &wanted.shape)
            })
    };
    match (known, wanted) {
        (Shape::Int { size: known, .. }, Shape::Int { size: wanted, .. }) => known == wanted,
        (Shape::Tuple(known), Shape::Tuple(wanted)) => records(known, wanted),
        (Shape::Record(known, names), Shape::Record(wanted, others)) => {
            names == others && records(known, wanted)
        }
        // Values say by number which of the texts they mean; others may have been added behind them.
        (Shape::Time { formats: known }, Shape::Time { formats: wanted }) => {
            wanted.starts_with(known)
        }
        (Shape::CgroupPath { filters: known }, Shape::CgroupPath { filters: wanted }) => {
            wanted.starts_with(known)
        }
        _ => known == wanted,
    }
}
