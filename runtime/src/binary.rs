//! User binaries: where a uprobe's target is, and what functions and code it has.

mod archive;
mod library;
pub(crate) mod mapping;
mod mark;
mod process;
mod separate;
mod stamp;

pub use archive::member;
pub use library::{ResolveError, is_pattern, resolve};
pub(crate) use library::{is_program, program};
pub use mark::Mark;
pub use process::{Root, executable, mapped, replaced, running};
pub use separate::DebugFolders;
pub(crate) use stamp::{Changed, Verified};

use std::cell::OnceCell;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ebtrace_image::Stamp;

use object::elf::{PF_X, STT_FUNC, STT_GNU_IFUNC};
use object::{
    Architecture, Object, ObjectKind, ObjectSegment, ObjectSymbol, SegmentFlags, SymbolFlags,
    SymbolKind,
};

use crate::bytes::FileBytes;

/// Why an ELF file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BinaryError {
    /// The file cannot be opened or read.
    #[error("cannot read {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// It is an archive, and there is something wrong with it or its member.
    #[error("{path}: {reason}")]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It is something else, or damaged.
    #[error("{path} is not an ELF file that uprobes work on: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A function of an ELF file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Function {
    /// Name in the symbol table, without its version.
    pub name: String,
    /// Virtual address, as the file has it (before it is moved at load time).
    pub address: u64,
    /// Offset in the file of the first instruction: what a uprobe wants.
    pub offset: u64,
    /// Bytes; 0 when the table does not say.
    pub size: u64,
}

/// A stretch of the file that is mapped to memory as code.
#[derive(Debug, Clone, Copy)]
struct Segment {
    address: u64,
    offset: u64,
    size: u64,
}

/// What a file's code runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// Intel and AMD, 32 bit.
    X86,
    /// Intel and AMD, 64 bit.
    X86_64,
    /// Arm, 64 bit.
    Aarch64,
    /// Something else.
    Other,
}

/// An ELF file.
#[derive(Debug)]
pub struct Binary {
    path: PathBuf,
    machine: Machine,
    bytes: FileBytes,
    /// Where it is in these: all of them, or those of a member of an archive.
    range: Range<usize>,
    stamp: Stamp,
    folders: DebugFolders,
    segments: Vec<Segment>,
    /// Those that are no code.
    data: Vec<Segment>,
    marks: OnceCell<Vec<Mark>>,
    separate: OnceCell<Option<(PathBuf, FileBytes)>>,
    functions: OnceCell<Vec<Function>>,
}

impl Binary {
    /// Opens the file at `path`, or the member of an archive, and reads its headers; anything else of it only when it is
    /// asked for. Separate debug information is looked for in `folders`.
    ///
    /// # Errors
    /// When the file cannot be read or is not ELF.
    pub fn open(path: &Path, folders: &DebugFolders) -> Result<Self, BinaryError> {
        let (file, member) = match member(path) {
            Some((archive, member)) => (archive, Some(member)),
            None => (path.to_owned(), None),
        };
        let format = |reason: String| BinaryError::Format { path: path.to_owned(), reason };
        // A device may have no end, and a pipe waits for somebody.
        if std::fs::metadata(&file).is_ok_and(|data| !data.is_file()) {
            return Err(format("it is no regular file".to_owned()));
        }
        let failed = |error| BinaryError::Io { path: file.clone(), error };
        let mut opened = File::open(&file).map_err(failed)?;
        let stamp = stamp::of(&opened.metadata().map_err(failed)?);
        let bytes = FileBytes::read(&mut opened).map_err(failed)?;
        let range = match &member {
            None => 0..bytes.len(),
            Some(member) => archive::find(&bytes, member)
                .map_err(|reason| BinaryError::Archive { path: file.clone(), reason })?,
        };
        if member.is_none() && archive::is_archive(&bytes) {
            return Err(format(
                "it is an archive; a member of it is written `FILE!/MEMBER`".to_owned(),
            ));
        }
        let (machine, segments, data) = {
            let file = object::File::parse(&bytes[range.clone()])
                .map_err(|error| format(error.to_string()))?;
            if file.format() != object::BinaryFormat::Elf {
                return Err(format("it has another format".to_owned()));
            }
            let machine = match file.architecture() {
                Architecture::I386 => Machine::X86,
                Architecture::X86_64 => Machine::X86_64,
                Architecture::Aarch64 => Machine::Aarch64,
                _ => Machine::Other,
            };
            let of = |code| file.segments().filter_map(move |one| segment(&one, code)).collect();
            (machine, of(true), of(false))
        };
        Ok(Self {
            path: path.to_owned(),
            machine,
            bytes,
            range,
            stamp,
            folders: folders.clone(),
            segments,
            data,
            marks: OnceCell::new(),
            separate: OnceCell::new(),
            functions: OnceCell::new(),
        })
    }

    /// The function called `name`; of several, the first.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions().iter().find(|function| function.name == name)
    }

    /// All functions by name, each once: of the file's own tables, and of its debug symbols where those are elsewhere.
    pub fn functions(&self) -> &[Function] {
        self.functions.get_or_init(|| {
            let mut all = HashSet::new();
            if let Some(own) = self.object() {
                self.add(&mut all, own.symbols().chain(own.dynamic_symbols()));
                if own.symbol_table().is_none() {
                    self.add_separate(&mut all, &own);
                }
            }
            let mut all: Vec<Function> = all.into_iter().collect();
            all.sort_unstable();
            all
        })
    }

    /// The offset in the file of code at this address.
    pub fn offset(&self, address: u64) -> Option<u64> {
        self.whole_offset(&self.segments, address)
    }

    /// The same, in the file that processes map: the archive, if it is a member of one.
    fn whole_offset(&self, segments: &[Segment], address: u64) -> Option<u64> {
        file_offset(segments, address)?.checked_add(self.range.start as u64)
    }

    /// The code from this address on: at most so many bytes, fewer where the file has no more.
    pub fn code(&self, address: u64, size: u64) -> &[u8] {
        let Some(segment) = self.segments.iter().find(|segment| segment.holds(address)) else {
            return &[];
        };
        let within = address - segment.address;
        let size = size.min(segment.size - within);
        let start = segment.offset.saturating_add(within);
        let range =
            usize::try_from(start).ok().zip(usize::try_from(start.saturating_add(size)).ok());
        range.and_then(|(start, end)| self.bytes().get(start..end)).unwrap_or_default()
    }

    /// The places that its authors marked, in order.
    pub fn marks(&self) -> &[Mark] {
        self.marks.get_or_init(|| {
            let offset = |address| self.offset(address);
            let data_offset = |address| self.whole_offset(&self.data, address);
            self.object().map(|file| mark::read(&file, offset, data_offset)).unwrap_or_default()
        })
    }

    /// The address of a variable or function, and its size, which is 0 where the file does not say.
    pub fn symbol(&self, name: &str) -> Option<(u64, u64)> {
        let own = self.object()?;
        let found = find(own.symbols().chain(own.dynamic_symbols()), name);
        found.or_else(|| {
            let debug = object::File::parse(self.separate(&own)?).ok()?;
            find(debug.symbols(), name)
        })
    }

    /// The names of its variables and functions, as far as the file itself has them.
    pub fn symbols(&self) -> Vec<String> {
        let Some(own) = self.object() else { return Vec::new() };
        let all = own.symbols().chain(own.dynamic_symbols());
        let names = all.filter_map(|symbol| std::str::from_utf8(named(&symbol)?).ok());
        names.map(str::to_owned).collect()
    }

    /// Whether it is moved when it is loaded.
    pub fn moves(&self) -> bool {
        self.object().is_none_or(|file| file.kind() == ObjectKind::Dynamic)
    }

    /// What its code runs on.
    pub fn machine(&self) -> Machine {
        self.machine
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }

    /// What tells the file that was read from others that take its name.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Whether there is debug information, and the path of the file that has it if that is another one.
    pub(crate) fn debug_path(&self) -> Option<Option<&Path>> {
        let own = self.object()?;
        if own.section_by_name(".debug_info").is_some() {
            return Some(None);
        }
        self.found_separate(&own).map(|(path, _)| Some(path.as_path()))
    }

    /// The address of code at an offset in the file.
    pub fn address(&self, offset: u64) -> Option<u64> {
        let within = offset.checked_sub(self.range.start as u64)?;
        let holds = |segment: &&Segment| {
            within.checked_sub(segment.offset).is_some_and(|within| within < segment.size)
        };
        let segment = self.segments.iter().find(holds)?;
        segment.address.checked_add(within - segment.offset)
    }

    /// The bytes of the file that has its debug information: itself, or one that was installed beside it.
    pub fn debug_bytes(&self) -> Option<&[u8]> {
        let own = self.object()?;
        if own.section_by_name(".debug_info").is_some() {
            return Some(self.bytes());
        }
        self.separate(&own)
    }

    fn object(&self) -> Option<object::File<'_>> {
        object::File::parse(self.bytes()).ok()
    }

    fn separate(&self, own: &object::File<'_>) -> Option<&[u8]> {
        self.found_separate(own).map(|(_, bytes)| &**bytes)
    }

    fn found_separate(&self, own: &object::File<'_>) -> Option<&(PathBuf, FileBytes)> {
        self.separate.get_or_init(|| separate::find(own, &self.path, &self.folders)).as_ref()
    }

    fn add_separate(&self, all: &mut HashSet<Function>, own: &object::File<'_>) {
        if let Some(debug) = self.separate(own).and_then(|bytes| object::File::parse(bytes).ok()) {
            self.add(all, debug.symbols());
        }
        let Some(small) = separate::small_table(own) else { return };
        if let Ok(small) = object::File::parse(&*small) {
            self.add(all, small.symbols());
        }
    }

    fn add<'s>(
        &self,
        all: &mut HashSet<Function>,
        symbols: impl Iterator<Item = impl ObjectSymbol<'s>>,
    ) {
        for symbol in symbols.filter(is_function) {
            let Some(offset) = self.offset(symbol.address()) else { continue };
            let name = symbol.name_bytes().unwrap_or_default();
            // A program's own table writes `name@version`.
            let name = name.split(|byte| *byte == b'@').next().unwrap_or_default();
            let name = String::from_utf8_lossy(name).into_owned();
            all.insert(Function { name, address: symbol.address(), offset, size: symbol.size() });
        }
    }
}

/// A segment, if it is one of code or, of the others, that are wanted.
fn segment<'s>(segment: &impl ObjectSegment<'s>, code: bool) -> Option<Segment> {
    let SegmentFlags::Elf { p_flags, .. } = segment.flags() else { return None };
    let (offset, size) = segment.file_range();
    ((p_flags.0 & PF_X.0 != 0) == code).then_some(Segment {
        address: segment.address(),
        offset,
        size,
    })
}

/// The address and size of what has this name and a place in the file.
fn find<'s>(
    mut symbols: impl Iterator<Item = impl ObjectSymbol<'s>>,
    name: &str,
) -> Option<(u64, u64)> {
    let found = symbols.find(|symbol| named(symbol) == Some(name.as_bytes()));
    found.map(|symbol| (symbol.address(), symbol.size()))
}

/// The name of a symbol that has an address.
fn named<'s>(symbol: &impl ObjectSymbol<'s>) -> Option<&'s [u8]> {
    let placed = !symbol.is_undefined()
        // What each thread has is at no fixed place.
        && !matches!(symbol.kind(), SymbolKind::Tls | SymbolKind::File | SymbolKind::Section);
    // A program's own table writes `name@version`.
    let name = symbol.name_bytes().ok()?.split(|byte| *byte == b'@').next()?;
    placed.then_some(name)
}

fn is_function<'s>(symbol: &impl ObjectSymbol<'s>) -> bool {
    let SymbolFlags::Elf { st_info, .. } = symbol.flags() else { return false };
    let code = matches!(st_info.st_type(), STT_FUNC | STT_GNU_IFUNC);
    code && !symbol.is_undefined() && symbol.address() != 0
}

impl Segment {
    fn holds(&self, address: u64) -> bool {
        address.checked_sub(self.address).is_some_and(|within| within < self.size)
    }
}

/// A position-independent file has its code at other addresses than offsets, so the segment decides.
fn file_offset(segments: &[Segment], address: u64) -> Option<u64> {
    let segment = segments.iter().find(|segment| segment.holds(address))?;
    segment.offset.checked_add(address - segment.address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_turn_addresses_into_offsets() {
        let segments = [
            Segment { address: 0, offset: 0, size: 0x100 },
            Segment { address: 0x2000, offset: 0x1000, size: 0x100 },
        ];
        assert_eq!(file_offset(&segments, 0x2010), Some(0x1010));
        assert_eq!(file_offset(&segments, 0x10), Some(0x10));
        assert_eq!(file_offset(&segments, 0x2100), None);
    }

    #[test]
    fn the_c_library_has_malloc() {
        let paths = resolve("libc", None, &Root::own()).unwrap();
        let binary = Binary::open(&paths[0], &DebugFolders::default()).unwrap();
        let malloc = binary.function("malloc").unwrap();
        assert!(malloc.offset > 0 && malloc.size > 0);
        assert_eq!(binary.code(malloc.address, malloc.size).len() as u64, malloc.size);
        assert!(binary.function("no_such_function").is_none());
    }

    #[test]
    fn code_ends_where_its_segment_does() {
        let binary = Binary::open(Path::new("/proc/self/exe"), &DebugFolders::default()).unwrap();
        let last = binary.segments.last().unwrap();
        let end = last.address + last.size;
        assert_eq!(binary.code(end - 3, 100).len(), 3);
        assert_eq!((binary.code(end, 1), binary.offset(end)), (&[][..], None));
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let error = Binary::open(Path::new("/etc/passwd"), &DebugFolders::default()).unwrap_err();
        assert!(error.to_string().contains("/etc/passwd is not an ELF file"));
        let error = Binary::open(Path::new("/dev/zero"), &DebugFolders::default()).unwrap_err();
        assert!(error.to_string().contains("it is no regular file"));
    }
}
