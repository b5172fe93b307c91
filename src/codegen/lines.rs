//! Puts the script's name and text into the line information of an object.
//!
//! LLVM writes for each instruction that begins a statement which file, line and column it comes from, and would
//! take the text of the line from the disk. `debug` gives it names below a directory where nothing is; here they
//! become the script's own name, with the line's text from memory: what the kernel's verifier and bpftool show.

use super::debug::NO_DIRECTORY;
use super::{Invariant, Lowered};
use crate::source::{FileId, Source, Sources};

/// Bytes of a `struct bpf_line_info`: offset of the instruction, name, text, line and column.
const RECORD: usize = 16;

/// A section of the object.
struct Section {
    /// Where its header is.
    header: usize,
    start: usize,
    size: usize,
}

/// Rewrites names and texts of all lines.
pub(super) fn restore(object: &mut Vec<u8>, sources: &Sources) -> Lowered<()> {
    rewrite(object, sources)
        .ok_or_else(|| Invariant("the object's line information is not as expected".to_owned()))
}

fn rewrite(object: &mut Vec<u8>, sources: &Sources) -> Option<()> {
    let Some(ext) = section(object, b".BTF.ext") else { return Some(()) };
    let btf = section(object, b".BTF")?;
    let mut strings = Strings::of(object, &btf)?;
    for record in records(object, &ext)? {
        let name = strings.get(word(object, record + 4)?)?;
        let Some(source) = source_of(name, sources) else { continue };
        let line = word(object, record + 12)? >> 10;
        let (name, text) =
            (strings.add(source.name.as_bytes()), strings.add(source.line(line).trim().as_bytes()));
        put(object, record + 4, name);
        put(object, record + 8, text);
    }
    strings.replace(object, &btf)
}

/// The script behind a name that `debug` made: `/dev/null/0/lat.bt`.
pub(super) fn source_of<'s>(name: &[u8], sources: &'s Sources) -> Option<&'s Source> {
    let rest = std::str::from_utf8(name.strip_prefix(NO_DIRECTORY.as_bytes())?).ok()?;
    let id = rest.split_once('/')?.0.parse().ok()?;
    Some(sources.get(FileId(id)))
}

/// Where the line records are: after the header, one group for each program section.
fn records(object: &[u8], ext: &Section) -> Option<Vec<usize>> {
    let header = word(object, ext.start + 4)? as usize;
    let lines = ext.start + header + word(object, ext.start + 16)? as usize;
    let end = lines + word(object, ext.start + 20)? as usize;
    if word(object, lines)? as usize != RECORD {
        return None;
    }
    let mut all = Vec::new();
    let mut group = lines + 4;
    while group < end {
        let count = word(object, group + 4)? as usize;
        all.extend((0..count).map(|index| group + 8 + index * RECORD));
        group += 8 + count * RECORD;
    }
    Some(all)
}

/// The string table at the end of `.BTF`, growing.
struct Strings {
    /// The whole section.
    content: Vec<u8>,
    /// Where the strings begin in it.
    start: usize,
    known: std::collections::HashMap<Vec<u8>, u32>,
}

impl Strings {
    fn of(object: &[u8], btf: &Section) -> Option<Strings> {
        let start = word(object, btf.start + 4)? as usize + word(object, btf.start + 16)? as usize;
        let content = object.get(btf.start..btf.start + btf.size)?.to_vec();
        Some(Strings { content, start, known: [(Vec::new(), 0)].into() })
    }

    fn get(&self, offset: u32) -> Option<&[u8]> {
        self.content.get(self.start + offset as usize..)?.split(|&byte| byte == 0).next()
    }

    /// Offset of a string, which is added if it is new; ends at a NUL, as all strings there do.
    fn add(&mut self, text: &[u8]) -> u32 {
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        *self.known.entry(text.to_vec()).or_insert_with(|| {
            let offset = self.content.len() - self.start;
            self.content.extend(text);
            self.content.push(0);
            offset as u32
        })
    }

    /// Puts the section at the end of the object, where it has room.
    fn replace(mut self, object: &mut Vec<u8>, btf: &Section) -> Option<()> {
        let strings = (self.content.len() - self.start) as u32;
        put(&mut self.content, 20, strings);
        object.resize(object.len().next_multiple_of(8), 0);
        let (offset, size) = (object.len() as u64, self.content.len() as u64);
        object.get_mut(btf.header + 24..btf.header + 32)?.copy_from_slice(&offset.to_le_bytes());
        object.get_mut(btf.header + 32..btf.header + 40)?.copy_from_slice(&size.to_le_bytes());
        object.extend(self.content);
        Some(())
    }
}

/// Finds a section of a 64-bit little-endian ELF file by its name.
fn section(object: &[u8], name: &[u8]) -> Option<Section> {
    let headers = long(object, 40)?;
    let (size, count, names) = (half(object, 58)?, half(object, 60)?, half(object, 62)?);
    let names = long(object, headers + names * size + 24)?;
    (0..count).map(|index| headers + index * size).find_map(|header| {
        let at = names + word(object, header)? as usize;
        let found = object.get(at..)?.strip_prefix(name)?.first() == Some(&0);
        let (start, size) = (long(object, header + 24)?, long(object, header + 32)?);
        found.then_some(Section { header, start, size })
    })
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?)).ok()
}

/// Overwrites four bytes that were read before.
fn put(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}
