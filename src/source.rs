//! Script texts and places in them.
//!
//! Places are byte offsets; lines and columns exist only where something is shown to a person.
//!
//! A macro's text is used in many places, and what is made of it at each of them must not be confused. So each use
//! has a text of its own, which is another name for the same characters and knows where the use stands.

use std::sync::Arc;

/// Stands between the name of a variable of a macro and the number of the macro's use, which tells it from all other
/// variables; messages leave both out.
pub const LOCAL: char = '\u{2d1}';

/// Index of a text in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FileId(pub u32);

impl FileId {
    /// Set in the ids of texts that are part of ebtrace.
    const EMBEDDED: u32 = 1 << 31;

    /// Whether the text is part of ebtrace, and not the user's.
    pub fn is_embedded(self) -> bool {
        self.0 & FileId::EMBEDDED != 0
    }

    fn index(self) -> usize {
        (self.0 & !FileId::EMBEDDED) as usize
    }
}

/// A range of bytes in one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    /// The text.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes `start..end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        // Scripts are limited to 4 GiB by `Sources::add`.
        Span { file, start: start as u32, end: end as u32 }
    }

    /// From the start of this span to the end of another in the same text.
    pub fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The bytes `from..to` counted from the start of this span.
    pub fn part(self, from: usize, to: usize) -> Span {
        Span { file: self.file, start: self.start + from as u32, end: self.start + to as u32 }
    }

    /// As a range of indices into the text.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A value and where it stands in the script.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub node: T,
    /// Its place.
    pub span: Span,
}

/// A script's text and name.
#[derive(Debug)]
pub struct Source {
    /// As messages call it: `lat.bt`, `stdin`.
    pub name: String,
    /// The whole text.
    pub text: Arc<str>,
    /// Byte offset of the start of each line.
    lines: Arc<[u32]>,
    /// Lines at the beginning that nobody wrote: others are numbered as if these were not there.
    hidden: u32,
    /// Of which text it is a use, and where.
    used: Option<Use>,
}

/// A place where the text of a macro is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Use {
    /// The text that holds the macro.
    file: FileId,
    /// The macro's name in its definition.
    name: Span,
    /// The call.
    call: Span,
    /// It is an argument that is put where a parameter stands, which is the `call`.
    argument: bool,
}

/// What a text that stands in a macro comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The macro, or its parameter.
    pub name: &'a str,
    /// The use of the macro or parameter.
    pub span: Span,
    /// Whether it is a parameter.
    pub argument: bool,
}

/// Line and column, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

impl Source {
    /// The text of a line (from 1) without its end; empty beyond the last.
    pub fn line(&self, line: u32) -> &str {
        let index = line.saturating_sub(1) as usize + self.hidden as usize;
        let Some(&start) = self.lines.get(index) else { return "" };
        let end = self.lines.get(index + 1).map_or(self.text.len(), |&next| next as usize);
        self.text[start as usize..end].trim_end_matches(['\n', '\r'])
    }

    /// Line and column of a byte offset; an offset past the end is the end.
    pub fn position(&self, offset: u32) -> Position {
        let mut offset = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.lines.partition_point(|&start| start as usize <= offset).max(1);
        let start = self.lines[line - 1] as usize;
        let line = (line as u32).saturating_sub(self.hidden).max(1);
        Position { line, column: self.text[start..offset].chars().count() as u32 + 1 }
    }

    /// Byte offset at which each line starts, hidden ones included.
    pub fn line_starts(&self) -> &[u32] {
        &self.lines
    }

    /// How many lines at the beginning nobody wrote; numbers of lines leave them out.
    pub fn hidden(&self) -> usize {
        self.hidden as usize
    }
}

/// All texts of one compilation.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// No texts yet.
    pub fn new() -> Sources {
        Sources::default()
    }

    /// Adds a text whose first lines nobody wrote.
    pub fn add_hiding(&mut self, name: impl Into<String>, text: String, hidden: u32) -> FileId {
        let file = self.add(name, text);
        self.files[file.index()].hidden = hidden;
        file
    }

    /// Adds a text; a text of 4 GiB or more is cut, which no script that compiles in a lifetime reaches.
    pub fn add(&mut self, name: impl Into<String>, mut text: String) -> FileId {
        if text.len() > u32::MAX as usize {
            text.clear();
        }
        let starts = text
            .bytes()
            .enumerate()
            .filter(|&(_, byte)| byte == b'\n')
            .map(|(at, _)| at as u32 + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        let text = Arc::from(text);
        self.push(Source { name: name.into(), text, lines, hidden: 0, used: None })
    }

    /// Adds a text that is part of ebtrace.
    pub fn add_embedded(&mut self, name: &str, text: &str) -> FileId {
        FileId(self.add(name, text.to_owned()).0 | FileId::EMBEDDED)
    }

    /// Another name for a text: the macro whose name stands at `name`, as it is used by `call`.
    pub fn add_use(&mut self, name: Span, call: Span) -> FileId {
        self.add_alias(name.file, Use { file: name.file, name, call, argument: false })
    }

    /// Another name for a text: an argument of a macro, as it is used where its parameter stands.
    pub fn add_argument(&mut self, argument: Span, name: Span, place: Span) -> FileId {
        let file = self.written(argument).file;
        self.add_alias(file, Use { file, name, call: place, argument: true })
    }

    fn add_alias(&mut self, file: FileId, used: Use) -> FileId {
        let Source { name, text, lines, hidden, .. } = self.get(file);
        let hidden = *hidden;
        let (name, text, lines) = (name.clone(), Arc::clone(text), Arc::clone(lines));
        let alias = self.push(Source { name, text, lines, hidden, used: Some(used) });
        FileId(alias.0 | (file.0 & FileId::EMBEDDED))
    }

    fn push(&mut self, source: Source) -> FileId {
        self.files.push(source);
        FileId((self.files.len() - 1) as u32)
    }

    /// The same place in the text that a person wrote.
    pub fn written(&self, span: Span) -> Span {
        let file = self.get(span.file).used.map_or(span.file, |used| used.file);
        Span { file, ..span }
    }

    /// The uses that a place comes from, innermost first.
    pub fn origins(&self, span: Span) -> Vec<Origin<'_>> {
        let mut chain = Vec::new();
        let mut at = span;
        while let Some(Use { name, call, argument, .. }) = self.get(at.file).used {
            chain.push(Origin { name: self.slice(name), span: self.written(call), argument });
            at = call;
        }
        chain
    }

    /// The text of this name that a person wrote; the name can come without its folders.
    pub fn named(&self, name: &str) -> Option<FileId> {
        let find = |same: &dyn Fn(&str) -> bool| {
            let mut files = self.files.iter();
            files.position(|source| source.used.is_none() && same(&source.name))
        };
        let last = |known: &str| known.rsplit('/').next() == Some(name);
        find(&|known| known == name).or_else(|| find(&last)).map(|index| FileId(index as u32))
    }

    /// The text behind an id that [`Sources::add`] gave.
    pub fn get(&self, file: FileId) -> &Source {
        &self.files[file.index()]
    }

    /// The characters of a span.
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.file).text.get(span.range()).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let mut sources = Sources::new();
        let file = sources.add("x.bt", "a\nbé c\n".to_owned());
        let source = sources.get(file);
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(6), Position { line: 2, column: 4 });
        assert_eq!(source.position(99), Position { line: 3, column: 1 });
        assert_eq!((source.line(2), source.line(3), source.line(9)), ("bé c", "", ""));
    }
}
