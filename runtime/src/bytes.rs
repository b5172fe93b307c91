//! The bytes of a file, without copying them where that is possible.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::slice;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The bytes of a file.
#[derive(Debug)]
pub struct FileBytes(Bytes);

#[derive(Debug)]
enum Bytes {
    Mapped(Mapping),
    Read(Vec<u8>),
}

/// A file in memory, read-only; it ends with this value.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

impl FileBytes {
    pub(crate) fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::read(&mut File::open(path)?)
    }

    /// Those of an open file.
    pub(crate) fn read(file: &mut File) -> io::Result<Self> {
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
        if let Some(mapping) = Mapping::of(file, length) {
            return Ok(Self(Bytes::Mapped(mapping)));
        }
        let mut bytes = Vec::with_capacity(length);
        file.read_to_end(&mut bytes)?;
        Ok(Self(Bytes::Read(bytes)))
    }
}

impl From<Vec<u8>> for FileBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Bytes::Read(bytes))
    }
}

impl AsRef<[u8]> for FileBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            // SAFETY: the mapping has this length and lives as long as `self`. A
            // file that somebody cuts short meanwhile ends us with SIGBUS, as it does every reader of mapped files.
            Bytes::Mapped(mapping) => unsafe {
                slice::from_raw_parts(mapping.start.as_ptr(), mapping.length)
            },
            Bytes::Read(bytes) => bytes,
        }
    }
}

impl Mapping {
    fn of(file: &File, length: usize) -> Option<Self> {
        // SAFETY: without a fixed address a new mapping touches no memory that is in use.
        let start =
            unsafe { mmap(ptr::null_mut(), length, ProtFlags::READ, MapFlags::PRIVATE, file, 0) };
        Some(Self { start: NonNull::new(start.ok()?.cast())?, length })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is the one that was mapped, and no reference to it outlives `self`.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_mapped_is_read() {
        // A file of /proc has no length.
        assert!(!FileBytes::open("/proc/self/status").unwrap().is_empty());
        let mapped = FileBytes::open("/etc/passwd").unwrap();
        assert!(matches!(mapped.0, Bytes::Mapped(_)));
        assert_eq!(*mapped, *std::fs::read("/etc/passwd").unwrap());
        assert_eq!(FileBytes::open("/no/such").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
