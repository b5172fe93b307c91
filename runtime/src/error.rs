//! What can end a session early.

use std::io;

use crate::map::MapError;
use crate::{AttachError, ChildError, LoadError, iterator};

/// What can end a session early. Whatever it is, everything is detached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object was not loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A `begin` or `end` program did not run.
    #[error("cannot run {probe}: {error}")]
    Run {
        /// The probe as the user knows it.
        probe: String,
        /// What the kernel said.
        error: io::Error,
    },
    /// A probe was not attached.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The command was not started.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// The code of a process cannot be looked at.
    #[error("the stacks of process {pid} cannot be walked: {error}")]
    Unwind {
        /// Its number.
        pid: u32,
        /// What the system said.
        error: io::Error,
    },
    /// A map cannot be read.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The ring buffer cannot be read.
    #[error("cannot read events: {0}")]
    Events(#[source] io::Error),
    /// An iterator cannot be read.
    #[error("cannot read the iterator: {}", iterator::explain(.0))]
    Iterator(#[source] io::Error),
    /// A file for packets cannot be made.
    #[error("cannot write packets to {path}: {error}")]
    Packets {
        /// The file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// The output cannot be written; of kind `BrokenPipe` when its reader went away.
    #[error("cannot write output: {0}")]
    Output(#[source] io::Error),
}
