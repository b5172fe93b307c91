//! Static probes: places that the authors of a program marked, described in notes of the file.

use object::{Endianness, Object, ObjectSection};

/// The section of the notes.
const NOTES: &str = ".note.stapsdt";
/// A section whose address tells by how much a tool moved the file's addresses after the notes were written.
const BASE: &str = ".stapsdt.base";
/// Who the notes are of, with its NUL, and their kind.
const OWNER: &[u8] = b"stapsdt\0";
const KIND: u32 = 3;

/// A marked place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// What it is part of: `libc`.
    pub provider: String,
    /// Its name; there can be several places of one name.
    pub name: String,
    /// Virtual address of the instruction, as the file has it.
    pub address: u64,
    /// Offset of the instruction in the file.
    pub offset: u64,
    /// Offset in the file of a counter of those that watch, if the program looks at one.
    pub semaphore: Option<u64>,
    /// Where the arguments are: `-4@%edi 8@-8(%rbp)`.
    pub arguments: String,
}

/// A note of anybody.
struct Raw<'d> {
    kind: u32,
    owner: &'d [u8],
    content: &'d [u8],
    /// What follows it.
    rest: &'d [u8],
}

/// A note of ours as it stands in the file.
struct Note<'d> {
    addresses: [u64; 3],
    texts: [&'d str; 3],
}

/// All marked places, in order; `offset` says where in the file code at an address is, `data_offset` where data is.
pub(super) fn read(
    file: &object::File<'_>,
    offset: impl Fn(u64) -> Option<u64>,
    data_offset: impl Fn(u64) -> Option<u64>,
) -> Vec<Mark> {
    let base = file.section_by_name(BASE).map(|section| section.address());
    let sections = file.sections().filter(|section| section.name() == Ok(NOTES));
    let mut marks = Vec::new();
    for section in sections {
        let Ok(data) = section.uncompressed_data() else { continue };
        let reader = Reader { wide: file.is_64(), endian: file.endianness() };
        for note in reader.notes(&data) {
            let [address, noted_base, semaphore] = note.addresses;
            let moved = base.map_or(0, |base| base.wrapping_sub(noted_base));
            let address = address.wrapping_add(moved);
            let Some(offset) = offset(address) else { continue };
            let semaphore = (semaphore != 0).then(|| data_offset(semaphore.wrapping_add(moved)));
            let [provider, name, arguments] = note.texts.map(str::to_owned);
            let semaphore = semaphore.flatten();
            marks.push(Mark { provider, name, address, offset, semaphore, arguments });
        }
    }
    marks
}

/// How a file writes numbers.
struct Reader {
    wide: bool,
    endian: Endianness,
}

impl Reader {
    /// The notes that can be read; what is damaged ends them.
    fn notes<'d>(&self, mut data: &'d [u8]) -> Vec<Note<'d>> {
        let mut notes = Vec::new();
        while let Some(next) = self.next(data) {
            if next.kind == KIND && next.owner == OWNER {
                notes.extend(self.note(next.content));
            }
            data = next.rest;
        }
        notes
    }

    /// The first note, and what follows it.
    fn next<'d>(&self, data: &'d [u8]) -> Option<Raw<'d>> {
        let word = |at: usize| Some(self.number(data.get(at..at + 4)?));
        let (owner_size, size, kind) = (word(0)? as usize, word(4)? as usize, word(8)? as u32);
        let content_at = 12usize.checked_add(owner_size.checked_next_multiple_of(4)?)?;
        let end = content_at.checked_add(size.checked_next_multiple_of(4)?)?;
        let owner = data.get(12..12usize.checked_add(owner_size)?)?;
        let content = data.get(content_at..content_at.checked_add(size)?)?;
        Some(Raw { kind, owner, content, rest: data.get(end..).unwrap_or_default() })
    }

    fn note<'d>(&self, content: &'d [u8]) -> Option<Note<'d>> {
        let size = if self.wide { 8 } else { 4 };
        let address =
            |index: usize| Some(self.number(content.get(index * size..(index + 1) * size)?));
        let addresses = [address(0)?, address(1)?, address(2)?];
        let mut texts = content.get(3 * size..)?.split(|byte| *byte == 0);
        let mut text = || std::str::from_utf8(texts.next()?).ok();
        Some(Note { addresses, texts: [text()?, text()?, text()?] })
    }

    fn number(&self, bytes: &[u8]) -> u64 {
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        match self.endian {
            Endianness::Little => bytes.iter().rev().fold(0, add),
            Endianness::Big => bytes.iter().fold(0, add),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READER: Reader = Reader { wide: true, endian: Endianness::Little };

    fn note(kind: u32, texts: &[u8]) -> Vec<u8> {
        let mut content: Vec<u8> =
            [0x1000u64, 0x2000, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
        content.extend(texts);
        let mut note: Vec<u8> =
            [8, content.len() as u32, kind].iter().flat_map(|n| n.to_le_bytes()).collect();
        note.extend(OWNER);
        note.extend(&content);
        note.resize(note.len().next_multiple_of(4), 0);
        note
    }

    #[test]
    fn notes_of_others_are_passed_over() {
        let mut data = note(9, b"x\0y\0\0");
        data.extend(note(KIND, b"app\0request\0-4@%edi\0"));
        let notes = READER.notes(&data);
        assert_eq!(notes.len(), 1);
        assert_eq!(
            (notes[0].addresses, notes[0].texts),
            ([0x1000, 0x2000, 0], ["app", "request", "-4@%edi"])
        );
    }

    #[test]
    fn damaged_notes_are_no_notes() {
        let whole = note(KIND, b"app\0request\0-4@%edi\0");
        for length in 0..whole.len() - 4 {
            assert!(READER.notes(&whole[..length]).is_empty(), "{length}");
        }
        assert!(READER.notes(&note(KIND, b"app")).is_empty());
        assert!(READER.notes(&[0xff; 64]).is_empty());
    }
}
