//! Scripts as they are quoted below a message: every line short enough to be read.
//!
//! A line that is longer than [`WIDEST`] is cut to the neighbourhood of what is marked on it. Lines keep their
//! numbers, and columns are those of the script.

use std::borrow::Cow;
use std::ops::Range;

use codespan_reporting::files::{Error, Files, Location};

use crate::source::{FileId, Source, Sources, Span};

/// Bytes of a line that are quoted at most.
const WIDEST: usize = 240;

/// Bytes of a long line that are quoted before the first mark.
const MARGIN: usize = 60;

const ELLIPSIS: &str = "…";

/// One text, ready to be quoted.
pub(super) struct Excerpt<'a> {
    source: &'a Source,
    text: Cow<'a, str>,
    /// Offset in `text` at which each line starts.
    starts: Cow<'a, [u32]>,
    /// Per line, the bytes of the script's line that are quoted; empty if all lines are quoted in full.
    kept: Vec<Range<usize>>,
}

impl<'a> Excerpt<'a> {
    /// The text with these places marked.
    pub(super) fn new(source: &'a Source, marks: &[Span]) -> Excerpt<'a> {
        let starts = source.line_starts();
        let ends = starts.iter().skip(1).map(|&start| start as usize).chain([source.text.len()]);
        let lines: Vec<Range<usize>> =
            starts.iter().zip(ends).map(|(&start, end)| start as usize..end).collect();
        if lines.iter().all(|line| line.len() <= WIDEST) {
            return Excerpt {
                source,
                text: Cow::Borrowed(&source.text),
                starts: starts.into(),
                kept: Vec::new(),
            };
        }
        let (mut text, mut starts, mut kept) = (String::new(), Vec::new(), Vec::new());
        for line in lines {
            let window = window(&source.text, line.clone(), marks);
            starts.push(text.len() as u32);
            text.push_str(if window.start > line.start { ELLIPSIS } else { "" });
            text.push_str(&source.text[window.clone()]);
            text.push_str(if window.end < line.end { "…\n" } else { "" });
            kept.push(window.start - line.start..window.end - line.start);
        }
        Excerpt { source, text: text.into(), starts: starts.into(), kept }
    }

    /// Where a place of the script is quoted.
    pub(super) fn range(&self, span: Span) -> Range<usize> {
        let start = self.quoted(boundary(&self.source.text, span.start as usize));
        start..self.quoted(boundary(&self.source.text, span.end as usize)).max(start)
    }

    fn quoted(&self, offset: usize) -> usize {
        let line = line_of(self.source.line_starts(), offset);
        let within = offset - self.source.line_starts()[line] as usize;
        let Some(kept) = self.kept.get(line) else { return offset };
        self.starts[line] as usize + ellipsis(kept) + within.clamp(kept.start, kept.end)
            - kept.start
    }

    /// The inverse of [`Excerpt::quoted`].
    fn original(&self, quoted: usize) -> usize {
        let line = line_of(&self.starts, quoted);
        let within = quoted - self.starts[line] as usize;
        let Some(kept) = self.kept.get(line) else { return quoted };
        self.source.line_starts()[line] as usize
            + kept.start
            + within.saturating_sub(ellipsis(kept))
    }
}

/// The part of a line that is quoted.
fn window(text: &str, line: Range<usize>, marks: &[Span]) -> Range<usize> {
    if line.len() <= WIDEST {
        return line;
    }
    let marked = marks.iter().flat_map(|mark| [mark.start as usize, mark.end as usize]);
    let first = marked.filter(|offset| line.contains(offset)).min().unwrap_or(line.start);
    let start = boundary(text, first.saturating_sub(MARGIN).max(line.start));
    start..boundary(text, (start + WIDEST).min(line.end))
}

fn ellipsis(kept: &Range<usize>) -> usize {
    if kept.start > 0 { ELLIPSIS.len() } else { 0 }
}

fn line_of(starts: &[u32], offset: usize) -> usize {
    starts.partition_point(|&start| start as usize <= offset).saturating_sub(1)
}

/// The nearest start of a character at or before an offset.
fn boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// The texts that one message speaks of.
pub(super) struct Excerpts<'a>(Vec<(FileId, Excerpt<'a>)>);

impl<'a> Excerpts<'a> {
    /// Those that these places are in, each with its places marked.
    pub(super) fn new(sources: &'a Sources, marks: &[Span]) -> Excerpts<'a> {
        let mut files: Vec<FileId> = marks.iter().map(|mark| mark.file).collect();
        files.sort_unstable();
        files.dedup();
        let excerpt = |file| {
            let here: Vec<Span> = marks.iter().copied().filter(|mark| mark.file == file).collect();
            (file, Excerpt::new(sources.get(file), &here))
        };
        Excerpts(files.into_iter().map(excerpt).collect())
    }

    /// Where a place is quoted.
    pub(super) fn range(&self, span: Span) -> Range<usize> {
        self.get(span.file).map_or(0..0, |excerpt| excerpt.range(span))
    }

    fn get(&self, file: FileId) -> Result<&Excerpt<'a>, Error> {
        let found = self.0.iter().find(|(id, _)| *id == file);
        found.map(|(_, excerpt)| excerpt).ok_or(Error::FileMissing)
    }
}

impl<'a> Files<'a> for Excerpts<'_> {
    type FileId = FileId;
    type Name = &'a str;
    type Source = &'a str;

    fn name(&'a self, id: FileId) -> Result<&'a str, Error> {
        Ok(&self.get(id)?.source.name)
    }

    fn source(&'a self, id: FileId) -> Result<&'a str, Error> {
        Ok(&self.get(id)?.text)
    }

    fn line_index(&'a self, id: FileId, byte_index: usize) -> Result<usize, Error> {
        Ok(line_of(&self.get(id)?.starts, byte_index))
    }

    fn line_number(&'a self, id: FileId, line: usize) -> Result<usize, Error> {
        Ok((line + 1).saturating_sub(self.get(id)?.source.hidden()).max(1))
    }

    fn line_range(&'a self, id: FileId, line: usize) -> Result<Range<usize>, Error> {
        let Excerpt { starts, text, .. } = self.get(id)?;
        let max = starts.len().saturating_sub(1);
        let start = *starts.get(line).ok_or(Error::LineTooLarge { given: line, max })?;
        let end = starts.get(line + 1).map_or(text.len(), |&next| next as usize);
        Ok(start as usize..end)
    }

    fn location(&'a self, id: FileId, byte_index: usize) -> Result<Location, Error> {
        let excerpt = self.get(id)?;
        let position = excerpt.source.position(excerpt.original(byte_index) as u32);
        Ok(Location {
            line_number: position.line as usize,
            column_number: position.column as usize,
        })
    }
}
