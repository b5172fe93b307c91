//! Where the lines of source files are in a program.

use std::collections::BTreeMap;

use ebtrace::host::program::{SourceFile, SourcePlace};
use gimli::{ColumnType, LineProgramHeader, Reader as _};

use super::{Information, Slice, Unit};

impl Information {
    /// The source files whose paths end so, with the places in the program where their lines begin.
    pub(super) fn lines(&self, end: &str) -> Vec<SourceFile> {
        let mut files: BTreeMap<String, Vec<SourcePlace>> = BTreeMap::new();
        for unit in &self.units {
            // A damaged table has fewer lines.
            let _ = self.lines_of(unit, end, &mut files);
        }
        let files = files.into_iter().map(|(path, mut places)| {
            places.sort_unstable_by_key(|place| (place.address, place.line, place.column));
            places.dedup();
            SourceFile { path, places }
        });
        files.collect()
    }

    fn lines_of(
        &self,
        unit: &Unit,
        end: &str,
        files: &mut BTreeMap<String, Vec<SourcePlace>>,
    ) -> gimli::Result<()> {
        let Some(program) = unit.line_program.clone() else { return Ok(()) };
        let header = program.header();
        let first = if header.version() >= 5 { 0 } else { 1 };
        let count = header.file_names().len() as u64;
        let wanted: BTreeMap<u64, String> = (first..first + count)
            .filter_map(|number| Some((number, self.path(unit, header, number)?)))
            .filter(|(_, path)| ends_with(path, end))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut rows = program.rows();
        while let Some((_, row)) = rows.next_row()? {
            let path = wanted.get(&row.file_index());
            let (Some(path), Some(line)) = (path, row.line()) else { continue };
            if row.end_sequence() || !row.is_stmt() {
                continue;
            }
            let column = match row.column() {
                ColumnType::LeftEdge => 0,
                ColumnType::Column(column) => column.get() as u32,
            };
            let (line, address) = (line.get() as u32, row.address());
            let place = SourcePlace { line, column, address, block: self.index.blocks.at(address) };
            files.entry(path.clone()).or_default().push(place);
        }
        Ok(())
    }

    fn path(&self, unit: &Unit, header: &LineProgramHeader<Slice>, number: u64) -> Option<String> {
        let file = header.file(number)?;
        let text = |value| {
            let text = self.dwarf.attr_string(unit, value).ok()?;
            text.to_string_lossy().ok().map(|text| text.into_owned())
        };
        let mut path = text(file.path_name())?;
        let folder = file.directory(header).and_then(text);
        let whole = unit.comp_dir.as_ref().and_then(|folder| folder.to_string_lossy().ok());
        for folder in [folder.as_deref(), whole.as_deref()].into_iter().flatten() {
            if !path.starts_with('/') && folder != "." {
                path = format!("{}/{path}", folder.trim_end_matches('/'));
            }
        }
        Some(path.replace("/./", "/"))
    }
}

/// Whether a path is this one, or ends with it from one of its folders on.
fn ends_with(path: &str, end: &str) -> bool {
    let end = end.strip_prefix("./").unwrap_or(end);
    let before = path.strip_suffix(end);
    before.is_some_and(|before| before.is_empty() || before.ends_with('/') || end.starts_with('/'))
}
