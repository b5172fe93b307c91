//! The code that a process has in memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::binary::mapping;
use crate::bytes::FileBytes;

/// What the kernel calls the code that it gives to each process.
const KERNEL_CODE: &str = "[vdso]";
/// Most bytes of that.
const MOST_KERNEL_CODE: u64 = 1 << 20;

/// A stretch of code in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Where its start is in its file.
    pub(super) offset: u64,
    pub(super) file: Option<Origin>,
}

/// The file that code is from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    /// The file system and the number of the file there, as `/proc` has them; none for the kernel's own.
    identity: Option<(Vec<u8>, u64)>,
    pub(super) path: PathBuf,
}

/// All code of a process, sorted.
pub(super) fn code_of(pid: u32) -> io::Result<Vec<Code>> {
    Ok(mapping::code(&mapping::of(pid)?).map(Code::from).collect())
}

impl From<mapping::Code<'_>> for Code {
    fn from(code: mapping::Code<'_>) -> Self {
        let identity = code.has_file().then(|| (code.device.to_vec(), code.inode));
        let known = identity.is_some() || code.path == Path::new(KERNEL_CODE);
        let file = known.then(|| Origin { identity, path: code.path.to_owned() });
        Self { start: code.from, end: code.to, offset: code.offset, file }
    }
}

impl Code {
    /// The bytes of the whole file.
    pub(super) fn bytes(&self, pid: u32) -> io::Result<FileBytes> {
        match &self.file {
            Some(Origin { identity: Some(_), path }) => {
                let mapped = format!("/proc/{pid}/map_files/{:x}-{:x}", self.start, self.end);
                // Without the privilege to look at what is mapped, the path has to do.
                FileBytes::open(mapped).or_else(|_| {
                    let root = PathBuf::from(format!("/proc/{pid}/root"));
                    FileBytes::open(root.join(path.strip_prefix("/").unwrap_or(path)))
                })
            }
            Some(_) => {
                let size = (self.end - self.start).min(MOST_KERNEL_CODE);
                let mut bytes = vec![0; size as usize];
                File::open(format!("/proc/{pid}/mem"))?.read_exact_at(&mut bytes, self.start)?;
                Ok(FileBytes::from(bytes))
            }
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// What is at an address of a process: the file and how far into it, or the address alone.
pub(crate) fn place(pid: u32, address: u64) -> String {
    let all = code_of(pid).unwrap_or_default();
    let code = all.iter().find(|code| (code.start..code.end).contains(&address));
    match code.and_then(|code| Some((code, code.file.as_ref()?))) {
        Some((code, file)) => {
            format!("{}+{:#x}", file.path.display(), address - code.start + code.offset)
        }
        None => format!("{address:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_has_the_identity_of_its_file() {
        let of = |line: &[u8]| Code::from(mapping::code(line).next().unwrap());
        let code = of(b"7f00-7f10 r-xp 00001000 08:01 42              /lib/a b.so");
        assert_eq!((code.start, code.end, code.offset), (0x7f00, 0x7f10, 0x1000));
        let identity = Some((b"08:01".to_vec(), 42));
        assert_eq!(code.file, Some(Origin { identity, path: "/lib/a b.so".into() }));
        assert_eq!(of(b"7f00-7f10 rwxp 00000000 00:00 0").file, None);
    }

    #[test]
    fn all_our_code_can_be_read() {
        let pid = std::process::id();
        let all = code_of(pid).unwrap();
        assert!(
            all.iter().any(|code| code
                .file
                .as_ref()
                .is_some_and(|file| file.path == Path::new("[vdso]")))
        );
        for code in all.iter().filter(|code| code.file.is_some()) {
            assert!(code.bytes(pid).unwrap().starts_with(b"\x7fELF"), "{code:?}");
        }
    }

    #[test]
    fn places_are_files_and_offsets() {
        let here = place as *const () as u64;
        let shown = place(std::process::id(), here);
        assert!(shown.contains(&*std::env::current_exe().unwrap().to_string_lossy()), "{shown}");
        assert_eq!(place(std::process::id(), 0x10), "0x10");
    }
}
