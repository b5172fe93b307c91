//! Symbols and debug information that are not in the file itself.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use lzma_rust2::XzReader;
use object::{Object, ObjectSection};

use crate::bytes::FileBytes;

/// Where distributions install debug information.
const DIRECTORY: &str = "/usr/lib/debug";
/// The section of a small, compressed symbol table.
const SMALL_TABLE: &str = ".gnu_debugdata";
/// The most that such a table is unpacked to.
const MOST_BYTES: u64 = 1 << 28;

/// The debug information that was installed for the file at `path`: found by the file's build id, or by the name that
/// the file gives, and then only if its sum is the one that the file gives.
pub(super) fn find(own: &object::File<'_>, path: &Path) -> Option<FileBytes> {
    by_id(own).or_else(|| by_name(own, path))
}

fn by_id(own: &object::File<'_>) -> Option<FileBytes> {
    let id = own.build_id().ok()??;
    let bytes = FileBytes::open(path_of_id(id)?).ok()?;
    is_of(&bytes, id).then_some(bytes)
}

fn path_of_id(id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = id.split_first()?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(PathBuf::from(format!("{DIRECTORY}/.build-id/{first:02x}/{rest}.debug")))
}

fn is_of(bytes: &[u8], id: &[u8]) -> bool {
    let found = object::File::parse(bytes).ok();
    found.is_some_and(|file| file.build_id().ok().flatten() == Some(id))
}

fn by_name(own: &object::File<'_>, path: &Path) -> Option<FileBytes> {
    let (name, sum) = own.gnu_debuglink().ok()??;
    let name = std::str::from_utf8(name).ok()?;
    let real = fs::canonicalize(path).ok()?;
    let folder = real.parent()?;
    let below = folder.strip_prefix("/").ok()?;
    let places = [folder.to_owned(), folder.join(".debug"), Path::new(DIRECTORY).join(below)];
    let files = places.iter().map(|place| place.join(name)).filter(|file| *file != real);
    files.filter_map(|file| FileBytes::open(file).ok()).find(|bytes| crc32fast::hash(bytes) == sum)
}

/// The file's small symbol table, an ELF file by itself.
pub(super) fn small_table(own: &object::File<'_>) -> Option<Vec<u8>> {
    let packed = own.section_by_name(SMALL_TABLE)?.data().ok()?;
    let mut table = Vec::new();
    XzReader::new(packed, true).take(MOST_BYTES).read_to_end(&mut table).ok()?;
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_paths() {
        let path = path_of_id(&[0xab, 0x01, 0xff]).unwrap();
        assert_eq!(path, Path::new("/usr/lib/debug/.build-id/ab/01ff.debug"));
        assert_eq!(path_of_id(&[]), None);
    }
}
