//! The program's object and those that it calls into, made one.

use std::ffi::CString;
use std::fs::File;
use std::io::{Error, Read, Result};
use std::os::fd::AsRawFd;
use std::ptr::{NonNull, null_mut};

use libbpf_rs::libbpf_sys::{
    bpf_linker, bpf_linker__add_buf, bpf_linker__finalize, bpf_linker__free, bpf_linker__new,
};
use rustix::fs::{MemfdFlags, memfd_create};

use super::{LoadError, MESSAGES, listening};

/// Links an object with others.
///
/// # Errors
/// `Unlinked` with what libbpf says about it.
pub fn link(object: &[u8], others: &[&[u8]]) -> std::result::Result<Vec<u8>, LoadError> {
    let (linked, _) = listening(false, || join(object, others).map_err(|error| explain(&error)));
    linked
}

fn join(object: &[u8], others: &[&[u8]]) -> Result<Vec<u8>> {
    // libbpf wants a path; that of a file in memory leaves nothing behind.
    let mut file = File::from(memfd_create("ebtrace", MemfdFlags::CLOEXEC)?);
    let linker = Linker::new(&format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    for object in [object].iter().chain(others) {
        linker.add(object)?;
    }
    linker.finish()?;
    let mut linked = Vec::new();
    file.read_to_end(&mut linked)?;
    Ok(linked)
}

/// libbpf's linker. That of libbpf-rs takes its errors for faults of its own and panics.
struct Linker(NonNull<bpf_linker>);

impl Linker {
    fn new(output: &str) -> Result<Linker> {
        let output = CString::new(output)?;
        // SAFETY: the path is a C string, and there may be no options.
        let linker = unsafe { bpf_linker__new(output.as_ptr(), null_mut()) };
        NonNull::new(linker).map(Linker).ok_or_else(Error::last_os_error)
    }

    fn add(&self, object: &[u8]) -> Result<()> {
        let (bytes, length) = (object.as_ptr().cast_mut().cast(), object.len() as _);
        // SAFETY: the linker lives, and only reads so many bytes during the call; there may be no options.
        check(unsafe { bpf_linker__add_buf(self.0.as_ptr(), bytes, length, null_mut()) })
    }

    fn finish(&self) -> Result<()> {
        // SAFETY: the linker lives.
        check(unsafe { bpf_linker__finalize(self.0.as_ptr()) })
    }
}

impl Drop for Linker {
    fn drop(&mut self) {
        // SAFETY: the linker came from libbpf, and nobody uses it after this.
        unsafe { bpf_linker__free(self.0.as_ptr()) }
    }
}

fn check(status: i32) -> Result<()> {
    if status < 0 { Err(Error::from_raw_os_error(-status)) } else { Ok(()) }
}

/// What libbpf complained of, or else what it returned.
fn explain(error: &Error) -> LoadError {
    let messages = MESSAGES.with_borrow(Clone::clone);
    let said = messages.first().map(|message| message.trim_start_matches("libbpf: ").trim());
    LoadError::Unlinked(said.map_or_else(|| error.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_refused() {
        let error = link(b"no object", &[b""]);
        assert!(matches!(error, Err(LoadError::Unlinked(_))), "{error:?}");
    }
}
