//! The file of `-o`: it loses what it held, or comes to be, when the session begins and not before.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A file to write to.
pub(super) struct Output(Rc<Target>);

/// The same, for who knows when the session has begun.
pub(super) struct Begins(Rc<Target>);

struct Target {
    file: File,
    path: PathBuf,
    /// It was not there before.
    is_new: bool,
    begun: Cell<bool>,
}

impl Output {
    /// Opens a file, and leaves what is in it.
    pub(super) fn open(path: &Path) -> io::Result<(Output, Begins)> {
        let new = OpenOptions::new().write(true).create_new(true).open(path);
        let (file, is_new) = match new {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                (OpenOptions::new().write(true).open(path)?, false)
            }
            new => (new?, true),
        };
        let target = Target { file, path: path.to_owned(), is_new, begun: Cell::new(false) };
        let target = Rc::new(target);
        Ok((Output(Rc::clone(&target)), Begins(target)))
    }
}

impl Begins {
    /// The session has begun: what was in the file is gone.
    pub(super) fn now(&self) -> io::Result<()> {
        self.0.begin()
    }
}

impl Target {
    fn begin(&self) -> io::Result<()> {
        // A pipe or a device holds nothing.
        if !self.begun.replace(true) && self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.is_new && !self.begun.get() {
            // Somebody else may have been quicker.
            drop(fs::remove_file(&self.path));
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.begin()?;
        (&self.0.file).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.0.file).flush()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn files_are_as_before_until_the_session_begins() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::write(&old, "before").unwrap();
        drop(Output::open(&old).unwrap());
        drop(Output::open(&new).unwrap());
        assert_eq!(fs::read_to_string(&old).unwrap(), "before");
        assert!(!new.exists());
        let (mut output, _) = Output::open(&old).unwrap();
        output.write_all(b"now").unwrap();
        let (_output, begins) = Output::open(&new).unwrap();
        begins.now().unwrap();
        drop((_output, begins));
        assert_eq!(fs::read_to_string(&old).unwrap(), "now");
        assert_eq!(fs::read_to_string(&new).unwrap(), "");
    }
}
