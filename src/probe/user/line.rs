//! Source lines: `uprobe:PATH@FILE:LINE[:COLUMN]`.

use std::collections::BTreeMap;

use super::error;
use super::place::{Found, Lookup};
use crate::host::Host;
use crate::host::program::{Debug, SourceFile, SourcePlace};
use crate::probe::{Part, ProbeError, parse_number};

/// The first place of a line in each function, known by its part of the source or by its address.
type Places = BTreeMap<(Option<u32>, Option<u64>), SourcePlace>;

/// A line of a source file, as an attach point has it.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// The program.
    pub(super) program: Part,
    /// The end of the source file's path.
    file: Part,
    line: u32,
    column: Option<u32>,
    /// The line and column.
    part: Part,
}

impl Line {
    /// Reads an attach point that names a source line.
    pub(super) fn parse(parts: &[Part], host: &dyn Host) -> Result<Option<Line>, ProbeError> {
        let [whole, line, rest @ ..] = parts else { return Ok(None) };
        let at = whole.text.rfind('@').filter(|_| !whole.quoted);
        let (Some(at), Some(number)) = (at, parse_number(&line.text)) else { return Ok(None) };
        // Paths can have the letter too.
        if host.binaries(&whole.text).is_ok() {
            return Ok(None);
        }
        let (program, file) = (&whole.text[..at], &whole.text[at + 1..]);
        let piece = |text: &str, from, to| Part {
            text: text.to_owned(),
            quoted: false,
            span: whole.span.part(from, to),
        };
        let column = match rest {
            [] => None,
            [column, ..] => Some(small(column, parse_number(&column.text))?),
        };
        let part = rest
            .first()
            .map_or(line.clone(), |last| Part { span: line.span.to(last.span), ..line.clone() });
        Ok(Some(Line {
            program: piece(program, 0, at),
            file: piece(file, at + 1, whole.text.len()),
            line: small(line, Some(number))?,
            column,
            part,
        }))
    }

    /// The places where the line begins: one in each function, or function that was inlined in one, that has it.
    pub(super) fn find(
        &self,
        lookup: &Lookup<'_>,
        debug: &dyn Debug,
    ) -> Result<Vec<Found>, ProbeError> {
        let mut files = debug.source_files(&self.file.text);
        let file = match (files.pop(), &files[..]) {
            (None, _) => return Err(error::no_source_file(&self.file)),
            (Some(file), []) => file,
            (Some(last), others) => {
                let paths = others.iter().chain([&last]).map(|file| file.path.clone());
                return Err(error::several_source_files(&self.file, &paths.collect::<Vec<_>>()));
            }
        };
        let places = self.places(&file, lookup)?;
        let label = format!("{}:{}", self.file.text, self.line);
        let label = self.column.map_or(label.clone(), |column| format!("{label}:{column}"));
        places.into_values().map(|place| lookup.line(&label, place.address)).collect()
    }

    fn places(&self, file: &SourceFile, lookup: &Lookup<'_>) -> Result<Places, ProbeError> {
        let on_line = |place: &&SourcePlace| place.line == self.line;
        if !file.places.iter().any(|place| on_line(&place)) {
            let after = file.places.iter().map(|place| place.line).filter(|line| *line > self.line);
            return Err(error::no_code_of_line(&self.part, self.line, (&file.path, after.min())));
        }
        let mut first = Places::new();
        let here = |place: &&SourcePlace| self.column.is_none_or(|column| place.column == column);
        for place in file.places.iter().filter(on_line).filter(here) {
            let known = first
                .entry((place.block, lookup.function_at(place.address)))
                .or_insert_with(|| place.clone());
            if place.address < known.address {
                *known = place.clone();
            }
        }
        if first.is_empty() {
            let columns = file.places.iter().filter(on_line).map(|place| place.column);
            return Err(error::no_code_of_column(&self.part, columns.collect()));
        }
        Ok(first)
    }
}

fn small(part: &Part, number: Option<u64>) -> Result<u32, ProbeError> {
    let number = number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
    number.ok_or_else(|| error::no_line_number(part))
}
