//! Symbols and debug information that are not in the file itself.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use lzma_rust2::XzReader;
use object::{Object, ObjectSection};

use crate::bytes::FileBytes;

/// The section of a small, compressed symbol table.
const SMALL_TABLE: &str = ".gnu_debugdata";
/// The most that such a table is unpacked to.
const MOST_BYTES: u64 = 1 << 28;

/// Where distributions and developers put debug information: beside the program, and below a folder of the system.
const USUAL: &str = ":.debug:/usr/lib/debug";

/// Where separate debug information is looked for: folders, those that are relative as seen from the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebugFolders(Rc<[PathBuf]>);

impl Default for DebugFolders {
    fn default() -> Self {
        Self::before("")
    }
}

impl DebugFolders {
    /// Those of a list with colons in it come before the usual ones.
    pub fn before(list: &str) -> Self {
        let own = list.split(':').filter(|folder| !folder.is_empty());
        Self(own.chain(USUAL.split(':')).map(PathBuf::from).collect())
    }

    /// Those with debug information of many programs.
    fn common(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(PathBuf::as_path).filter(|folder| folder.is_absolute())
    }

    /// The folders that can have the debug information of a program in this folder.
    fn of(&self, program: &Path) -> Vec<PathBuf> {
        let below = program.strip_prefix("/").unwrap_or(program);
        let all = self.0.iter().flat_map(|folder| match folder.is_absolute() {
            true => vec![folder.join(below), folder.clone()],
            false => vec![program.join(folder)],
        });
        all.collect()
    }
}

/// The debug information that was installed for the file at `path`: found by the file's build id, or by the name that
/// the file gives, and then only if its sum is the one that the file gives.
pub(super) fn find(
    own: &object::File<'_>,
    path: &Path,
    folders: &DebugFolders,
) -> Option<(PathBuf, FileBytes)> {
    by_id(own, folders).or_else(|| by_name(own, path, folders))
}

fn by_id(own: &object::File<'_>, folders: &DebugFolders) -> Option<(PathBuf, FileBytes)> {
    let id = own.build_id().ok()??;
    let below = path_of_id(id)?;
    let files = folders.common().map(|folder| folder.join(&below));
    let mut files = files.filter_map(|file| Some((FileBytes::open(&file).ok()?, file)));
    files.find(|(bytes, _)| is_of(bytes, id)).map(|(bytes, file)| (file, bytes))
}

fn path_of_id(id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = id.split_first()?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(PathBuf::from(format!(".build-id/{first:02x}/{rest}.debug")))
}

fn is_of(bytes: &[u8], id: &[u8]) -> bool {
    let found = object::File::parse(bytes).ok();
    found.is_some_and(|file| file.build_id().ok().flatten() == Some(id))
}

fn by_name(
    own: &object::File<'_>,
    path: &Path,
    folders: &DebugFolders,
) -> Option<(PathBuf, FileBytes)> {
    let (name, sum) = own.gnu_debuglink().ok()??;
    let name = std::str::from_utf8(name).ok()?;
    let real = fs::canonicalize(path).ok()?;
    let places = folders.of(real.parent()?);
    let files = places.iter().map(|place| place.join(name)).filter(|file| *file != real);
    let mut files = files.filter_map(|file| Some((FileBytes::open(&file).ok()?, file)));
    files.find(|(bytes, _)| crc32fast::hash(bytes) == sum).map(|(bytes, file)| (file, bytes))
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
        assert_eq!(path, Path::new(".build-id/ab/01ff.debug"));
        assert_eq!(path_of_id(&[]), None);
    }

    #[test]
    fn folders_of_the_user_come_first() {
        let folders = DebugFolders::before("/symbols:dbg");
        let of: Vec<PathBuf> = folders.of(Path::new("/opt/app"));
        let expected = [
            "/symbols/opt/app",
            "/symbols",
            "/opt/app/dbg",
            "/opt/app/",
            "/opt/app/.debug",
            "/usr/lib/debug/opt/app",
            "/usr/lib/debug",
        ];
        assert_eq!(of, expected.map(PathBuf::from));
        let common: Vec<&Path> = folders.common().collect();
        assert_eq!(common, [Path::new("/symbols"), Path::new("/usr/lib/debug")]);
    }
}
