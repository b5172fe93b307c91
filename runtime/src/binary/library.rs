//! From what a user writes to a file: paths, programs in the search path, libraries by name.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use rustix::fs::{Access, access};

use super::process::Root;

/// The dynamic linker's list of libraries.
const CACHE: &str = "/etc/ld.so.cache";
/// Start of the part of [`CACHE`] that present-day C libraries read.
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// Bytes before the first entry, counted from [`MAGIC`].
const HEADER: usize = 48;
/// Bytes of one entry.
const ENTRY: usize = 24;

/// Where libraries are when the cache does not say.
const DIRECTORIES: [&str; 8] = [
    if cfg!(target_arch = "aarch64") { "/lib/aarch64-linux-gnu" } else { "/lib/x86_64-linux-gnu" },
    if cfg!(target_arch = "aarch64") {
        "/usr/lib/aarch64-linux-gnu"
    } else {
        "/usr/lib/x86_64-linux-gnu"
    },
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib64",
    "/usr/local/lib",
];

/// Architecture bits of an entry's flags that a library of this process has.
const ARCHITECTURE: u32 = if cfg!(target_arch = "aarch64") { 0x0a00 } else { 0x0300 };

/// Why no file was found.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// A path that is not there.
    #[error("there is no file {0}")]
    NoFile(PathBuf),
    /// A name that is neither a program nor a library.
    #[error(
        "`{0}` is neither a program in the search path nor a library that the dynamic linker knows; write its path"
    )]
    Unknown(String),
}

/// Finds the files that `target` means: a path when it has a `/`; else all programs of this name in `search_path` (the
/// value of `$PATH`); else a library (`libc`, `libc.so.6`). With `*`, `?` or `[` in it, a path means all ELF files that
/// it fits, and a name the programs in `search_path`. `ARCHIVE!/MEMBER` is within an archive. Paths are those that `root`
/// sees, each file comes once, and symbolic links on the way to it stay.
///
/// # Errors
/// When nothing fits.
pub fn resolve(
    target: &str,
    search_path: Option<&OsStr>,
    root: &Root,
) -> Result<Vec<PathBuf>, ResolveError> {
    if let Some((archive, member)) = super::archive::split(target)
        && root.find(Path::new(target)).is_none()
    {
        let archives = resolve(archive, search_path, root)?.into_iter();
        return Ok(archives.map(|archive| super::archive::join(&archive, member)).collect());
    }
    let missing = || match target.contains('/') {
        true => ResolveError::NoFile(PathBuf::from(target)),
        false => ResolveError::Unknown(target.to_owned()),
    };
    let names: Vec<PathBuf> = match (target.contains('/'), is_pattern(target)) {
        (true, true) => root.matching(target),
        (true, false) => vec![PathBuf::from(target)],
        (false, true) => folders(search_path)
            .filter_map(|folder| folder.join(target).to_str().map(|path| root.matching(path)))
            .flatten()
            .collect(),
        (false, false) => {
            let found: Vec<PathBuf> =
                folders(search_path).map(|folder| folder.join(target)).collect();
            let found: Vec<PathBuf> = found
                .into_iter()
                .filter(|path| root.find(path).is_some_and(|path| is_program(&path)))
                .collect();
            if found.is_empty() { library(target, root).into_iter().collect() } else { found }
        }
    };
    let here = |name: &PathBuf| root.find(name).or_else(|| fs::canonicalize(name).ok());
    let mut files = IndexMap::new();
    for name in names {
        let Some(file) = here(&name) else { continue };
        // What is ours as well keeps the name by which the script knows it.
        let ours = fs::canonicalize(&name).is_ok_and(|own| own == file);
        files.entry(file.clone()).or_insert(if ours { name } else { file });
    }
    if files.is_empty() { Err(missing()) } else { Ok(files.into_values().collect()) }
}

/// Whether a target stands for all files that it fits.
pub fn is_pattern(target: &str) -> bool {
    target.contains(['*', '?', '['])
}

/// The first executable file called `name` in `search_path`.
pub(crate) fn program(name: &str, search_path: Option<&OsStr>) -> Option<PathBuf> {
    folders(search_path).map(|folder| folder.join(name)).find(|path| is_program(path))
}

fn folders(search_path: Option<&OsStr>) -> impl Iterator<Item = PathBuf> {
    let folders = search_path.unwrap_or_default().as_bytes().split(|byte| *byte == b':');
    folders.filter(|path| !path.is_empty()).map(|path| PathBuf::from(OsStr::from_bytes(path)))
}

pub(crate) fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

fn library(name: &str, root: &Root) -> Option<PathBuf> {
    let cache = root.find(Path::new(CACHE)).and_then(|path| fs::read(path).ok());
    cached(&cache.unwrap_or_default(), name).or_else(|| in_directories(name, root))
}

/// Whether `file` is the library the user calls `name`: itself, or with `.so` or the version left out.
fn is_called(file: &[u8], name: &str) -> bool {
    file.strip_prefix(name.as_bytes()).is_some_and(|rest| {
        rest.is_empty()
            || rest == b".so"
            || rest.starts_with(b".so.")
            || (name.ends_with(".so") && rest[0] == b'.')
    })
}

/// Looks `name` up in the bytes of the linker's cache. Entries are checked, not trusted: a damaged cache finds nothing.
fn cached(cache: &[u8], name: &str) -> Option<PathBuf> {
    let start = cache.windows(MAGIC.len()).position(|window| window == MAGIC)?;
    let cache = &cache[start..];
    let count = word(cache, MAGIC.len())? as usize;
    let entries = cache.get(HEADER..)?.chunks_exact(ENTRY).take(count);
    let path = entries
        .filter(|entry| word(entry, 0).is_some_and(|flags| flags & 0xff00 == ARCHITECTURE))
        .filter(|entry| {
            word(entry, 4).and_then(|key| text(cache, key)).is_some_and(|key| is_called(key, name))
        })
        .find_map(|entry| text(cache, word(entry, 8)?))?;
    Some(PathBuf::from(OsStr::from_bytes(path)))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

fn text(bytes: &[u8], at: u32) -> Option<&[u8]> {
    bytes.get(at as usize..)?.split(|byte| *byte == 0).next()
}

fn in_directories(name: &str, root: &Root) -> Option<PathBuf> {
    DIRECTORIES.iter().find_map(|directory| {
        let entries = fs::read_dir(root.find(Path::new(directory))?).ok()?.flatten();
        let mut found: Vec<PathBuf> = entries
            .filter(|entry| is_called(entry.file_name().as_bytes(), name))
            .map(|entry| Path::new(directory).join(entry.file_name()))
            .collect();
        // Of several versions the newest; names sort that way often enough where there is no cache.
        found.sort_unstable();
        found.pop()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache_of(entries: &[(&str, &str)]) -> Vec<u8> {
        let strings_at = HEADER + entries.len() * ENTRY;
        let (mut table, mut strings) = (Vec::new(), Vec::new());
        for (key, path) in entries {
            let key_at = strings_at + strings.len();
            strings.extend_from_slice(key.as_bytes());
            strings.push(0);
            let path_at = strings_at + strings.len();
            strings.extend_from_slice(path.as_bytes());
            strings.push(0);
            for number in [ARCHITECTURE | 3, key_at as u32, path_at as u32, 0, 0, 0] {
                table.extend_from_slice(&number.to_ne_bytes());
            }
        }
        let mut cache = MAGIC.to_vec();
        cache.extend_from_slice(&(entries.len() as u32).to_ne_bytes());
        cache.resize(HEADER, 0);
        cache.extend(table);
        cache.extend(strings);
        cache
    }

    #[test]
    fn libraries_are_known_by_their_stem() {
        let cache =
            cache_of(&[("libcap.so.2", "/lib/libcap.so.2"), ("libc.so.6", "/lib/libc.so.6")]);
        assert_eq!(cached(&cache, "libc"), Some(PathBuf::from("/lib/libc.so.6")));
        assert_eq!(cached(&cache, "libc.so"), Some(PathBuf::from("/lib/libc.so.6")));
        assert_eq!(cached(&cache, "libc.so.6"), Some(PathBuf::from("/lib/libc.so.6")));
        assert_eq!(cached(&cache, "lib"), None);
    }

    #[test]
    fn a_damaged_cache_finds_nothing() {
        let cache = cache_of(&[("libc.so.6", "/lib/libc.so.6")]);
        for end in 0..cache.len() {
            let _ = cached(&cache[..end], "libc");
        }
        assert_eq!(cached(&cache[..HEADER + 3], "libc"), None);
    }

    #[test]
    fn programs_come_from_the_search_path() {
        let root = Root::own();
        assert!(resolve("sh", Some(OsStr::new("/nowhere:/bin")), &root).is_ok());
        assert!(matches!(resolve("sh", None, &root), Err(ResolveError::Unknown(_))));
        assert!(matches!(resolve("/no/such", None, &root), Err(ResolveError::NoFile(_))));
    }

    #[test]
    fn patterns_find_each_elf_file_once() {
        let root = Root::own();
        let own = std::env::current_exe().unwrap();
        let folder = own.parent().unwrap();
        let pattern = format!("{}/ebtrace_runtime*", folder.display());
        let found = resolve(&pattern, None, &root).unwrap();
        assert!(found.contains(&fs::canonicalize(&own).unwrap()), "{found:?}");
        // The `.d` files beside it are no programs.
        assert!(
            found.iter().all(|path| path.extension().is_none_or(|end| end != "d")),
            "{found:?}"
        );
        assert!(resolve("/no/such*", None, &root).is_err());
    }

    #[test]
    fn symbolic_links_stay_and_lead_to_one_file() {
        let folder = std::env::temp_dir().join(format!("ebtrace_links_{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let links = ["a", "b"].map(|name| folder.join(name));
        for link in &links {
            std::os::unix::fs::symlink(std::env::current_exe().unwrap(), link).unwrap();
        }
        let found = |target: &Path| resolve(&target.display().to_string(), None, &Root::own());
        assert_eq!(found(&links[1]).unwrap(), links[1..]);
        assert_eq!(found(&folder.join("*")).unwrap(), links[..1]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
