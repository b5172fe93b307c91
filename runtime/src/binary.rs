//! User binaries: where a uprobe's target is and what functions it has.

mod library;

pub use library::{ResolveError, resolve};
pub(crate) use library::{is_program, program};

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, Sym};
use object::{Endianness, FileKind, ReadCache, ReadRef};

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
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// A stretch of the file that is mapped to memory.
#[derive(Debug, Clone, Copy)]
struct Segment {
    address: u64,
    offset: u64,
    size: u64,
}

/// The functions of an ELF file, from `.symtab` and `.dynsym`.
#[derive(Debug)]
pub struct Binary {
    functions: Vec<Function>,
}

impl Binary {
    /// Reads headers and symbol tables of the file at `path`, and nothing else of it.
    ///
    /// # Errors
    /// When the file cannot be read or is not ELF.
    pub fn open(path: &Path) -> Result<Self, BinaryError> {
        let file =
            File::open(path).map_err(|error| BinaryError::Io { path: path.to_owned(), error })?;
        let data = ReadCache::new(file);
        let functions = match FileKind::parse(&data) {
            Ok(FileKind::Elf64) => functions::<FileHeader64<Endianness>, _>(&data),
            Ok(FileKind::Elf32) => functions::<FileHeader32<Endianness>, _>(&data),
            Ok(_) => {
                let reason = "it has another format".to_owned();
                return Err(BinaryError::Format { path: path.to_owned(), reason });
            }
            Err(error) => Err(error),
        };
        let functions = functions.map_err(|error| BinaryError::Format {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self { functions })
    }

    /// The function called `name`; of several, the first of `.symtab`.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// All functions in the order of the tables; those in both tables appear twice.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }
}

fn functions<'data, Elf, R>(data: R) -> object::Result<Vec<Function>>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = Elf::parse(data)?;
    let endian = header.endian()?;
    let segments: Vec<Segment> = header
        .program_headers(endian, data)?
        .iter()
        .filter(|segment| segment.p_type(endian) == elf::PT_LOAD)
        .map(|segment| Segment {
            address: segment.p_vaddr(endian).into(),
            offset: segment.p_offset(endian).into(),
            size: segment.p_filesz(endian).into(),
        })
        .collect();
    let sections = header.sections(endian, data)?;
    let mut functions = Vec::new();
    for table in [elf::SHT_SYMTAB, elf::SHT_DYNSYM] {
        let symbols = sections.symbols(endian, data, table)?;
        if symbols.is_empty() {
            continue;
        }
        // In one piece: name by name would be a read from the file each.
        let names = sections.section(symbols.string_section())?.data(endian, data)?;
        for symbol in symbols.iter().filter(|symbol| is_function(*symbol, endian)) {
            let address = symbol.st_value(endian).into();
            let Some(offset) = file_offset(&segments, address) else { continue };
            let name = names.get(symbol.st_name(endian) as usize..).unwrap_or_default();
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            let name = String::from_utf8_lossy(name).into_owned();
            functions.push(Function { name, address, offset, size: symbol.st_size(endian).into() });
        }
    }
    Ok(functions)
}

fn is_function<S: Sym<Endian = Endianness>>(symbol: &S, endian: Endianness) -> bool {
    let code = matches!(symbol.st_type(), elf::STT_FUNC | elf::STT_GNU_IFUNC);
    code && symbol.st_shndx(endian) != elf::SHN_UNDEF && symbol.st_value(endian).into() != 0
}

/// A position-independent file has its code at other addresses than offsets, so the segment decides.
fn file_offset(segments: &[Segment], address: u64) -> Option<u64> {
    segments.iter().find_map(|segment| {
        let within = address.checked_sub(segment.address)?;
        (within < segment.size).then(|| segment.offset.checked_add(within))?
    })
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
        let path = resolve("libc", None).unwrap();
        let binary = Binary::open(&path).unwrap();
        let malloc = binary.function("malloc").unwrap();
        assert!(malloc.offset > 0 && malloc.size > 0);
        assert!(binary.function("no_such_function").is_none());
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let error = Binary::open(Path::new("/etc/passwd")).unwrap_err();
        assert!(error.to_string().contains("/etc/passwd is not an ELF file"));
    }
}
