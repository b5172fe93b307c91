//! The code that a process has in memory, as `/proc/PID/maps` lists it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A stretch of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code<'a> {
    /// Its first address.
    pub(crate) from: u64,
    /// The address behind it.
    pub(crate) to: u64,
    /// What stands at its start, from that of the file.
    pub(crate) offset: u64,
    /// The file system of its file, as the list has it.
    pub(crate) device: &'a [u8],
    /// The file's number there.
    pub(crate) inode: u64,
    /// Its file; something else in brackets, or nothing, where it is from none.
    pub(crate) path: &'a Path,
}

/// The list of a process.
///
/// # Errors
/// When it has ended, or may not be looked at.
pub(crate) fn of(pid: u32) -> io::Result<Vec<u8>> {
    fs::read(format!("/proc/{pid}/maps"))
}

/// The stretches of code in a list.
pub(crate) fn code(list: &[u8]) -> impl Iterator<Item = Code<'_>> {
    list.split(|byte| *byte == b'\n').filter_map(parse)
}

impl Code<'_> {
    /// Whether it is from a file.
    pub(crate) fn has_file(&self) -> bool {
        self.path.is_absolute()
    }

    /// Its name in the folder of the process's mapped files.
    pub(crate) fn range(&self) -> String {
        format!("{:x}-{:x}", self.from, self.to)
    }
}

fn parse(line: &[u8]) -> Option<Code<'_>> {
    let mut words = line.splitn(6, |byte| *byte == b' ');
    let mut word = || words.next();
    let (range, rights, offset, device, inode) = (word()?, word()?, word()?, word()?, word()?);
    let path = word().unwrap_or_default().trim_ascii_start();
    let (from, to) = std::str::from_utf8(range).ok()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    (rights.get(2) == Some(&b'x')).then_some(())?;
    Some(Code {
        from: number(from)?,
        to: number(to)?,
        offset: number(std::str::from_utf8(offset).ok()?)?,
        device,
        inode: std::str::from_utf8(inode).ok()?.parse().ok()?,
        path: Path::new(OsStr::from_bytes(path)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_code_are_read() {
        let line = b"007f00-007f10 r-xp 00001000 08:01 42              /lib/a b.so";
        let found = parse(line).unwrap();
        assert_eq!((found.from, found.to, found.offset), (0x7f00, 0x7f10, 0x1000));
        assert_eq!((found.device, found.inode), (&b"08:01"[..], 42));
        assert_eq!((found.path, found.has_file()), (Path::new("/lib/a b.so"), true));
        assert_eq!(found.range(), "7f00-7f10");
        assert_eq!(parse(b"7f00-7f10 rw-p 00001000 08:01 42    /lib/a.so"), None);
        assert!(!parse(b"7f00-7f10 r-xp 00000000 00:00 0    [vdso]").unwrap().has_file());
        assert!(!parse(b"7f00-7f10 rwxp 00000000 00:00 0").unwrap().has_file());
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn names_need_not_be_text() {
        let line = b"7f00-7f10 r-xp 00001000 08:01 42    /lib/\xff.so";
        assert_eq!(parse(line).unwrap().path.as_os_str().as_bytes(), b"/lib/\xff.so");
    }
}
