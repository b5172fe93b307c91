//! The program's object and those that it calls into, made one.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;

use libbpf_rs::Linker;
use rustix::fs::{MemfdFlags, memfd_create};

use super::{LoadError, MESSAGES, listening};

/// Links an object with others.
///
/// # Errors
/// `Unlinked` with what libbpf says about it.
pub fn link(object: &[u8], others: &[&[u8]]) -> Result<Vec<u8>, LoadError> {
    let (linked, _) = listening(false, || join(object, others).map_err(|error| explain(&*error)));
    linked
}

fn join(object: &[u8], others: &[&[u8]]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    // libbpf wants a path; that of a file in memory leaves nothing behind.
    let mut file = File::from(memfd_create("ebtrace", MemfdFlags::CLOEXEC)?);
    let mut linker = Linker::new(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    for object in [object].iter().chain(others) {
        linker.add_buf(object)?;
    }
    linker.link()?;
    let mut linked = Vec::new();
    file.read_to_end(&mut linked)?;
    Ok(linked)
}

/// What libbpf complained of, or else what it returned.
fn explain(error: &dyn std::error::Error) -> LoadError {
    let messages = MESSAGES.with_borrow(Clone::clone);
    let said = messages.first().map(|message| message.trim_start_matches("libbpf: ").trim());
    LoadError::Unlinked(said.map_or_else(|| error.to_string(), str::to_owned))
}
