//! Reads the kernel's description of its own types and functions (BTF).
//!
//! The blob of `vmlinux` stands alone. That of a module continues it: its ids and the offsets of its names begin where
//! those of `vmlinux` end.

mod decode;
pub mod encode;

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

pub use decode::{Described, Member};

/// `BTF_MAGIC`, in the byte order of the machine.
const MAGIC: u16 = 0xeb9f;
/// `BTF_KIND_FUNC`
const KIND_FUNC: u32 = 12;
/// Bytes of a type's common part: name, kind, size.
const TYPE_SIZE: usize = 12;

/// A blob of BTF, with the place of each of its types.
pub struct Btf {
    name: String,
    base: Option<Rc<Btf>>,
    bytes: Box<dyn AsRef<[u8]>>,
    types: Range<usize>,
    strings: Range<usize>,
    /// Where in `types` each type starts.
    offsets: Vec<u32>,
    /// Id of the first type, and offset of the first name.
    first_id: u32,
    first_string: u32,
}

/// What kind of thing a name is looked up as; kinds have names of their own, but for enums and typedefs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// `struct`
    Struct,
    /// `union`
    Union,
    /// `enum`
    Enum,
    /// A typedef, or a number such as `int`.
    Plain,
    /// A function.
    Function,
    /// A global variable.
    Variable,
    /// A word about a type or function.
    Tag,
    /// Variables that lie together.
    Section,
}

/// Where variables lie of which each CPU has its own.
const PER_CPU: &str = ".data..percpu";

/// What is said about functions that programs can call.
const FOR_PROGRAMS: &str = "bpf_kfunc";

impl Named {
    fn has(self, kind: u32) -> bool {
        match self {
            Named::Struct => kind == 4,
            Named::Union => kind == 5,
            Named::Enum => kind == 6 || kind == 19,
            Named::Plain => kind == 8 || kind == 1 || kind == 16,
            Named::Function => kind == KIND_FUNC,
            Named::Variable => kind == 14,
            Named::Tag => kind == 17,
            Named::Section => kind == 15,
        }
    }
}

impl fmt::Debug for Btf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Btf({}, {} types)", self.name, self.offsets.len())
    }
}

impl Btf {
    /// Indexes the blob of `vmlinux`, or with that as its base the blob of a module; `None` where it is damaged.
    pub fn new(
        name: impl Into<String>,
        bytes: Box<dyn AsRef<[u8]>>,
        base: Option<Rc<Btf>>,
    ) -> Option<Btf> {
        let blob = (*bytes).as_ref();
        let (types, strings) = sections(blob)?;
        let offsets = index(&blob[types.clone()])?;
        let first_id = base.as_ref().map_or(1, |base| base.first_id + base.offsets.len() as u32);
        let first_string =
            base.as_ref().map_or(0, |base| base.first_string + base.strings.len() as u32);
        Some(Btf {
            name: name.into(),
            base,
            types,
            strings,
            offsets,
            first_id,
            first_string,
            bytes,
        })
    }

    /// `vmlinux`, or the module's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a type of this id is its own, not that of its base.
    pub fn owns(&self, id: u32) -> bool {
        id >= self.first_id
    }

    /// The type of this name that stands first in this blob, its base not included.
    pub fn find(&self, kind: Named, name: &str) -> Option<u32> {
        self.find_all(kind, name).next()
    }

    /// All types of this name in this blob, its base not included.
    pub fn find_all(&self, kind: Named, name: &str) -> impl Iterator<Item = u32> {
        // A module shares the names that vmlinux has too.
        let shared = self.base.as_ref().and_then(|base| base.name_offset(name));
        let wanted = [self.name_offset(name), shared];
        let types = self.types();
        let search = wanted.iter().any(Option::is_some);
        let offsets = if search { &self.offsets[..] } else { &[] };
        offsets.iter().enumerate().filter_map(move |(index, &at)| {
            let at = at as usize;
            let name = word(types, at)?;
            let same = name != 0 && wanted.contains(&Some(name));
            (same && kind.has(word(types, at + 4)? >> 24 & 0x1f))
                .then_some(self.first_id + index as u32)
        })
    }

    /// The enum of this blob that has a constant of this name, and the constant's value.
    pub fn find_constant(&self, name: &str) -> Option<(u32, i128)> {
        let shared = self.base.as_ref().and_then(|base| base.name_offset(name));
        let wanted = [self.name_offset(name), shared];
        wanted.iter().flatten().next()?;
        let types = self.types();
        let is = |at: usize| word(types, at).is_some_and(|name| wanted.contains(&Some(name)));
        let has = |at: usize| {
            let info = word(types, at + 4)?;
            let step = match info >> 24 & 0x1f {
                6 => 8,
                19 => 12,
                _ => return None,
            };
            let first = at + TYPE_SIZE;
            (0..(info & 0xffff) as usize).find(|number| is(first + number * step))
        };
        let found = self.offsets.iter().enumerate();
        let (index, number) =
            found.into_iter().find_map(|(index, &at)| Some((index, has(at as usize)?)))?;
        let id = self.first_id + index as u32;
        let Described::Enum { variants, .. } = self.get(id)? else { return None };
        Some((id, variants.get(number)?.1))
    }

    /// The names of all types of a kind in this blob, its base not included.
    pub fn names(&self, kind: Named) -> impl Iterator<Item = &str> {
        self.all(kind).map(|(_, name)| name)
    }

    /// All types of a kind in this blob that have a name, its base not included.
    pub fn all(&self, kind: Named) -> impl Iterator<Item = (u32, &str)> {
        let types = self.types();
        let ids = (self.first_id..).zip(&self.offsets);
        ids.filter_map(move |(id, &at)| {
            let info = word(types, at as usize + 4)?;
            let name = kind.has(info >> 24 & 0x1f).then(|| word(types, at as usize))??;
            let name = self.string(name).filter(|name| !name.is_empty())?;
            Some((id, name))
        })
    }

    /// Whether there is a function of this name that programs can call. Kernels older than 6.10 do not say, so any
    /// function counts.
    pub fn offers(&self, name: &str) -> bool {
        let Some(function) = self.find(Named::Function, name) else { return false };
        let mut tags = self.find_all(Named::Tag, FOR_PROGRAMS).peekable();
        tags.peek().is_none() || tags.any(|tag| self.target(tag) == Some(function))
    }

    /// The variables of this blob of which each CPU has its own.
    pub fn per_cpu(&self) -> Vec<u32> {
        let section = self.find(Named::Section, PER_CPU).and_then(|id| self.get(id));
        match section {
            Some(Described::Section(variables)) => variables,
            _ => Vec::new(),
        }
    }

    /// What a type of this blob is made of, or a tag is about.
    fn target(&self, id: u32) -> Option<u32> {
        let at = *self.offsets.get(id.checked_sub(self.first_id)? as usize)?;
        word(self.types(), at as usize + 8)
    }

    fn types(&self) -> &[u8] {
        &(*self.bytes).as_ref()[self.types.clone()]
    }

    fn strings(&self) -> &[u8] {
        &(*self.bytes).as_ref()[self.strings.clone()]
    }

    fn string(&self, offset: u32) -> Option<&str> {
        if offset < self.first_string {
            return self.base.as_ref()?.string(offset);
        }
        let text = self.strings().get((offset - self.first_string) as usize..)?;
        std::str::from_utf8(&text[..memchr::memchr(0, text)?]).ok()
    }

    fn name_offset(&self, name: &str) -> Option<u32> {
        let found = find_name(self.strings(), name)?;
        Some(self.first_string + found)
    }
}

/// The offset of a name among a blob's strings.
fn find_name(strings: &[u8], name: &str) -> Option<u32> {
    if name.is_empty() {
        return None;
    }
    let wanted = [b"\0", name.as_bytes(), b"\0"].concat();
    let first = strings.starts_with(&wanted[1..]).then_some(0);
    first.or_else(|| Some(memchr::memmem::find(strings, &wanted)? as u32 + 1))
}

/// Where each type starts.
fn index(types: &[u8]) -> Option<Vec<u32>> {
    // Most types take 16 bytes or more.
    let mut offsets = Vec::with_capacity(types.len() / 16);
    let mut at = 0;
    while at < types.len() {
        let info = word(types, at + 4)?;
        offsets.push(at as u32);
        at += TYPE_SIZE + extra(info >> 24 & 0x1f, (info & 0xffff) as usize)?;
    }
    Some(offsets)
}

/// Where types and names are in a blob.
fn sections(blob: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
    if u16::from_ne_bytes(blob.get(..2)?.try_into().ok()?) != MAGIC {
        return None;
    }
    let header = word(blob, 4)? as usize;
    let section = |offset: usize, length: usize| {
        let start = header.checked_add(word(blob, offset)? as usize)?;
        let range = start..start.checked_add(word(blob, length)? as usize)?;
        blob.get(range.clone()).map(|_| range)
    };
    Some((section(8, 12)?, section(16, 20)?))
}

/// Whether a BTF blob describes a function of this name; `None` where the blob is damaged.
///
/// Names are stored once, so the name is looked for first, and then the function that refers to it: one pass over
/// each half of the blob, and no table is built.
pub fn has_function(blob: &[u8], name: &str) -> Option<bool> {
    let (types, names) = sections(blob)?;
    let (types, names) = (&blob[types], &blob[names]);
    let Some(found) = find_name(names, name) else { return Some(false) };
    function_named(types, found)
}

fn function_named(types: &[u8], name: u32) -> Option<bool> {
    let mut at = 0;
    while at < types.len() {
        let info = word(types, at + 4)?;
        let kind = info >> 24 & 0x1f;
        if kind == KIND_FUNC && word(types, at)? == name {
            return Some(true);
        }
        at += TYPE_SIZE + extra(kind, (info & 0xffff) as usize)?;
    }
    Some(false)
}

/// Bytes that follow the common part of a type of this kind with so many members.
fn extra(kind: u32, members: usize) -> Option<usize> {
    Some(match kind {
        // Integers, variables, declaration tags.
        1 | 14 | 17 => 4,
        // Arrays.
        3 => 12,
        // Structs, unions, data sections, 64-bit enums.
        4 | 5 | 15 | 19 => members * 12,
        // Enums, prototypes.
        6 | 13 => members * 8,
        // Pointers, forward declarations, typedefs, qualifiers, functions, floats, type tags.
        2 | 7..=12 | 16 | 18 => 0,
        _ => return None,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A blob with an integer named `vfs_read` and a function named `vfs_open`.
    fn blob() -> Vec<u8> {
        let names = b"\0vfs_read\0vfs_open\0";
        let words: [u32; 7] = [1, 1 << 24, 4, 32, 10, 12 << 24, 1];
        let types: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let header = [24, 0, types.len() as u32, types.len() as u32, names.len() as u32];
        let mut blob = [&MAGIC.to_ne_bytes()[..], &[1, 0]].concat();
        blob.extend(header.iter().flat_map(|word| word.to_ne_bytes()));
        blob.extend(types);
        blob.extend(names);
        blob
    }

    #[test]
    fn finds_functions_and_nothing_else() {
        assert_eq!(has_function(&blob(), "vfs_open"), Some(true));
        assert_eq!(has_function(&blob(), "vfs_read"), Some(false));
        assert_eq!(has_function(&blob(), "vfs"), Some(false));
    }

    #[test]
    fn a_damaged_blob_is_no_answer() {
        assert_eq!(has_function(b"", "x"), None);
        let whole = blob();
        for length in 0..whole.len() {
            let _ = has_function(&whole[..length], "vfs_open");
        }
        assert_eq!(has_function(&whole[..20], "vfs_open"), None);
    }
}
