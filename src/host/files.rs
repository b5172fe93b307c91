//! Files that scripts import.

use std::path::{Path, PathBuf};

use super::HostError;
use super::headers::Trouble;

/// A file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path without links and `..`, by which it is known.
    pub real: PathBuf,
    /// What everyone may change: the path of it, or of the folder that it is in.
    pub writable: Option<PathBuf>,
    /// What is in it.
    pub content: Content,
}

/// What is in a file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file's text; bytes that are no UTF-8 are replaced.
    Text(String),
    /// A folder's names.
    Folder(Vec<String>),
}

/// Reads what scripts import.
pub trait Files {
    /// The file or folder of a path; relative ones begin at the working directory.
    ///
    /// # Errors
    /// `NotFound`, or `Unreadable` with the reason.
    fn open(&self, path: &Path) -> Result<Entry, HostError>;

    /// The bytes of a file.
    ///
    /// # Errors
    /// `NotFound`, or `Unreadable` with the reason.
    fn read(&self, path: &Path) -> Result<Vec<u8>, HostError>;

    /// The BPF object that a C compiler makes of a file; headers are looked for in these folders too.
    ///
    /// # Errors
    /// Where there is no compiler, or it refuses the file.
    fn compile(&self, path: &Path, folders: &[PathBuf]) -> Result<Vec<u8>, Trouble>;
}
