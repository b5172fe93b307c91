//! Files that scripts import, from the disk.

use std::fs::{self, Metadata};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ebtrace::host::files::{Content, Entry};

/// Bytes that a script may have; no script comes near.
const LARGEST: u64 = 64 << 20;

/// Bits of a file's mode: others may write, and only the owner may delete.
const WRITABLE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// The file or folder of a path.
pub(super) fn open(path: &Path) -> Result<Entry> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let real = fs::canonicalize(path)?;
    let metadata = fs::metadata(&real)?;
    let content = if metadata.is_dir() {
        let names = fs::read_dir(&real)?.map(|entry| entry.map(|entry| entry.file_name()));
        let names = names.collect::<Result<Vec<_>>>()?;
        Content::Folder(names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect())
    } else if metadata.is_file() && metadata.len() <= LARGEST {
        Content::Text(String::from_utf8_lossy(&fs::read(&real)?).into_owned())
    } else {
        return Err(Error::new(ErrorKind::InvalidData, "this is no file of reasonable size"));
    };
    Ok(Entry { writable: writable(&real, &metadata)?, real, content })
}

/// What everyone may change: the file or folder itself, or the folder that it is in, where it could be replaced.
fn writable(real: &Path, metadata: &Metadata) -> Result<Option<PathBuf>> {
    let mode = metadata.permissions().mode();
    if mode & WRITABLE != 0 {
        return Ok(Some(real.to_owned()));
    }
    let Some(parent) = real.parent() else { return Ok(None) };
    let mode = fs::metadata(parent)?.permissions().mode();
    let replaceable = mode & WRITABLE != 0 && mode & STICKY == 0;
    Ok(replaceable.then(|| parent.to_owned()))
}
