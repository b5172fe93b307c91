//! From an instruction of the object to a place in the script, through `.BTF.ext`.

use std::ops::Range;

use object::{Endianness, Object as _, ObjectSection, ObjectSymbol, read::elf::ElfFile64};

use super::Place;

/// Start of both BTF sections.
const MAGIC: u16 = 0xeb9f;
/// Bytes of a BPF instruction.
const INSTRUCTION: u32 = 8;

/// One record of line information.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    section: String,
    /// Bytes from the start of the section.
    offset: u32,
    place: Place,
}

/// A function, in bytes from the start of the section.
#[derive(Debug)]
struct Function {
    name: String,
    section: String,
    range: Range<u32>,
}

/// The line information of an object.
#[derive(Debug)]
pub(super) struct Lines {
    lines: Vec<Line>,
    functions: Vec<Function>,
}

impl Lines {
    /// Reads the line information of `object`; `None` when there is none.
    pub(super) fn of(object: &[u8]) -> Option<Self> {
        let file = ElfFile64::<Endianness>::parse(object).ok()?;
        let section = |name| file.section_by_name(name).and_then(|section| section.data().ok());
        let lines = read_lines(section(".BTF")?, section(".BTF.ext")?)?;
        let functions = file
            .symbols()
            .filter_map(|symbol| {
                let section = file.section_by_index(symbol.section_index()?).ok()?;
                let start = u32::try_from(symbol.address()).ok()?;
                let range = start..start.checked_add(u32::try_from(symbol.size()).ok()?)?;
                let (name, section) = (symbol.name().ok()?, section.name().ok()?);
                Some(Function { name: name.to_owned(), section: section.to_owned(), range })
            })
            .collect();
        Some(Self { lines, functions })
    }

    /// The place of the instruction with this index in `program`; none for functions that it calls, which libbpf puts
    /// behind it.
    pub(super) fn place(&self, program: &str, instruction: usize) -> Option<Place> {
        let Function { section, range, .. } =
            self.functions.iter().find(|function| function.name == program)?;
        let at = u32::try_from(instruction).ok()?.checked_mul(INSTRUCTION)?;
        let at = at.checked_add(range.start).filter(|at| range.contains(at))?;
        let before = self
            .lines
            .iter()
            .filter(|line| line.section == *section && (range.start..=at).contains(&line.offset));
        // Line 0 marks what the compiler added by itself.
        before
            .filter(|line| line.place.line != 0)
            .max_by_key(|line| line.offset)
            .map(|line| line.place.clone())
    }
}

/// Bytes of the object, in its byte order, which is the machine's. Nothing of them is trusted.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn word(self, at: u32) -> Option<u32> {
        let at = at as usize;
        Some(u32::from_ne_bytes(self.0.get(at..at.checked_add(4)?)?.try_into().ok()?))
    }

    fn from(self, at: u32) -> Option<Self> {
        Some(Self(self.0.get(at as usize..)?))
    }

    fn text(self, at: u32) -> Option<&'a str> {
        let bytes = self.from(at)?.0;
        let end = bytes.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(&bytes[..end]).ok()
    }

    fn is_btf(self) -> bool {
        self.0.get(..2) == Some(&MAGIC.to_ne_bytes())
    }
}

fn read_lines(btf: &[u8], extension: &[u8]) -> Option<Vec<Line>> {
    let (btf, extension) = (Bytes(btf), Bytes(extension));
    if !btf.is_btf() || !extension.is_btf() {
        return None;
    }
    let strings = btf.from(btf.word(4)?.checked_add(btf.word(16)?)?)?;
    let (start, length) =
        (extension.word(4)?.checked_add(extension.word(16)?)?, extension.word(20)?);
    let info = extension.from(start)?;
    let record = info.word(0)?.max(16);
    let (mut at, mut lines) = (4u32, Vec::new());
    while at < length {
        let section = strings.text(info.word(at)?)?;
        let count = info.word(at + 4)?;
        at = at.checked_add(8)?;
        for _ in 0..count {
            let packed = info.word(at + 12)?;
            let place = Place {
                file: strings.text(info.word(at + 4)?)?.to_owned(),
                line: packed >> 10,
                column: packed & 0x3ff,
            };
            lines.push(Line { section: section.to_owned(), offset: info.word(at)?, place });
            at = at.checked_add(record)?;
        }
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    /// `.BTF` and `.BTF.ext` with two records of section `kprobe`.
    fn sections() -> (Vec<u8>, Vec<u8>) {
        let magic = u32::from(MAGIC) | 1 << 16;
        let mut btf = words(&[magic, 24, 0, 0, 0, 15]);
        btf.extend(b"\0kprobe\0lat.bt\0");
        let mut extension = words(&[magic, 24, 0, 0, 0, 4 + 8 + 32]);
        extension.extend(words(&[16, 1, 2]));
        extension.extend(words(&[0, 8, 0, (7 << 10) | 3]));
        extension.extend(words(&[24, 8, 0, (9 << 10) | 5]));
        (btf, extension)
    }

    #[test]
    fn the_last_line_before_an_instruction_is_its_line() {
        let (btf, extension) = sections();
        let lines = Lines {
            lines: read_lines(&btf, &extension).unwrap(),
            functions: [("one", 0..32), ("two", 24..32)]
                .map(|(name, range)| Function {
                    name: name.to_owned(),
                    section: "kprobe".to_owned(),
                    range,
                })
                .into(),
        };
        let place = |line, column| Some(Place { file: "lat.bt".to_owned(), line, column });
        assert_eq!(lines.place("one", 0), place(7, 3));
        assert_eq!(lines.place("one", 2), place(7, 3));
        assert_eq!(lines.place("one", 3), place(9, 5));
        assert_eq!(lines.place("two", 0), place(9, 5));
        assert_eq!(lines.place("two", 1), None);
        assert_eq!(lines.place("three", 0), None);
    }

    #[test]
    fn damage_is_no_line_information() {
        let (btf, extension) = sections();
        for end in 0..extension.len() {
            let _ = read_lines(&btf, &extension[..end]);
        }
        for end in 0..btf.len() {
            let _ = read_lines(&btf[..end], &extension);
        }
        assert!(Lines::of(b"no ELF").is_none());
        let mut endless = extension.clone();
        endless[20..24].fill(0xff);
        assert!(read_lines(&btf, &endless).is_none());
    }
}
