//! Programs within archives: `bundle.zip!/lib/store.so`, as processes map them without unpacking.

use std::ops::Range;
use std::path::{Path, PathBuf};

use rawzip::{CompressionMethod, ZipArchive};

/// What stands between the path of an archive and the name of a member.
const SEPARATOR: &str = "!/";
/// Only what begins at a multiple of this can be mapped.
const PAGE: usize = 4096;

/// The archive and the member that a path means, unless there is a file of this very path.
pub fn member(path: &Path) -> Option<(PathBuf, String)> {
    let (archive, member) = split(path.to_str()?)?;
    (!path.exists()).then(|| (PathBuf::from(archive), member.to_owned()))
}

/// The two parts of a target that names a member.
pub(super) fn split(target: &str) -> Option<(&str, &str)> {
    target
        .split_once(SEPARATOR)
        .filter(|(archive, member)| !archive.is_empty() && !member.is_empty())
}

/// The path of a member of an archive.
pub(super) fn join(archive: &Path, member: &str) -> PathBuf {
    let mut path = archive.as_os_str().to_owned();
    path.push(SEPARATOR);
    path.push(member);
    PathBuf::from(path)
}

/// Where the member's bytes are in those of the archive.
///
/// # Errors
/// What is wrong with the archive, or with the member.
pub(super) fn find(archive: &[u8], member: &str) -> Result<Range<usize>, String> {
    let broken = |error: rawzip::Error| format!("it is no zip archive that can be read ({error})");
    let archive = ZipArchive::from_slice(archive).map_err(broken)?;
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(broken)? {
        if AsRef::<[u8]>::as_ref(&entry.file_path()) != member.as_bytes() {
            continue;
        }
        if entry.compression_method() != CompressionMethod::STORE {
            return Err(format!(
                "`{member}` is compressed in it, so no process can run it from there"
            ));
        }
        let found = archive.get_entry(entry.wayfinder()).map_err(broken)?;
        let (from, to) = found.compressed_data_range();
        let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
        let (from, to) = range.ok_or_else(|| format!("`{member}` is too large"))?;
        if !from.is_multiple_of(PAGE) {
            return Err(format!(
                "`{member}` does not begin at a page of it, so no process can run it from there \
                 (`zipalign -p` moves it)"
            ));
        }
        return Ok(from..to);
    }
    Err(format!("it has no member `{member}`"))
}

/// Whether it begins as archives do.
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use rawzip::ZipArchiveWriter;

    use super::*;

    /// An archive with a member of this name and content.
    fn archive(name: &str, content: &[u8], method: CompressionMethod) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = ZipArchiveWriter::new(&mut bytes);
        let (mut entry, config) = writer.new_file(name).compression_method(method).start().unwrap();
        let mut data = config.wrap(&mut entry);
        data.write_all(content).unwrap();
        let (_, descriptor) = data.finish().unwrap();
        entry.finish(descriptor).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn members_must_be_as_they_are_in_memory() {
        let stored = archive("lib/a.so", b"content", CompressionMethod::STORE);
        assert!(find(&stored, "lib/a.so").unwrap_err().contains("zipalign"));
        assert_eq!(find(&stored, "lib/b.so").unwrap_err(), "it has no member `lib/b.so`");
        let packed = archive("lib/a.so", b"content", CompressionMethod::DEFLATE);
        assert!(find(&packed, "lib/a.so").unwrap_err().contains("is compressed"));
        assert!(find(b"\x7fELF", "lib/a.so").unwrap_err().starts_with("it is no zip archive"));
    }

    #[test]
    fn damaged_archives_have_no_members() {
        let whole = archive("lib/a.so", b"content", CompressionMethod::STORE);
        for end in 0..whole.len() {
            let _ = find(&whole[..end], "lib/a.so");
        }
    }

    #[test]
    fn members_are_told_from_files() {
        assert_eq!(split("/a/b.zip!/lib/c.so"), Some(("/a/b.zip", "lib/c.so")));
        assert_eq!(split("/a/b.zip"), None);
        assert_eq!(split("!/c"), None);
        assert_eq!(join(Path::new("/a.zip"), "c"), Path::new("/a.zip!/c"));
        let found = member(Path::new("/no/such.zip!/c")).unwrap();
        assert_eq!(found, (PathBuf::from("/no/such.zip"), "c".to_owned()));
    }
}
