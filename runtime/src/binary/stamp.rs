//! Whether a file is still the one that the compiler read.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ebtrace_image::Stamp;
use rustix::fs::{Mode, OFlags, open};

use super::archive;

/// What tells a file from others that take its name, and from itself with other content.
pub(super) fn of(data: &Metadata) -> Stamp {
    Stamp {
        device: data.dev(),
        inode: data.ino(),
        size: data.size(),
        modified: (data.mtime(), data.mtime_nsec()),
    }
}

/// The file has changed, or cannot be opened any more.
#[derive(Debug)]
pub(crate) enum Changed {
    /// Another file, or other content.
    Replaced,
    /// What the system said.
    Gone(io::Error),
}

/// Files that were looked at again: they stay open, so that what is attached to is what was looked at.
#[derive(Debug, Default)]
pub(crate) struct Verified(HashMap<PathBuf, OwnedFd>);

impl Verified {
    /// A path that leads to the file at `path` as the compiler read it, whatever has its name by now.
    pub(crate) fn path(&mut self, path: &str, stamp: Option<Stamp>) -> Result<String, Changed> {
        let path = Path::new(path);
        let file = archive::member(path).map_or(path.to_owned(), |(archive, _)| archive);
        let Some(stamp) = stamp else { return Ok(file.display().to_string()) };
        if let Some(opened) = self.0.get(&file) {
            return Ok(through(opened));
        }
        let opened = open(&file, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        let opened = opened.map_err(|error| Changed::Gone(error.into()))?;
        let through = through(&opened);
        let data = fs::metadata(&through).map_err(Changed::Gone)?;
        if of(&data) != stamp {
            return Err(Changed::Replaced);
        }
        self.0.insert(file, opened);
        Ok(through)
    }
}

fn through(file: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_other_content_is_another() {
        let path = std::env::temp_dir().join(format!("ebtrace-stamp-{}", std::process::id()));
        let name = path.to_str().unwrap();
        fs::write(&path, "one").unwrap();
        let stamp = Some(of(&fs::metadata(&path).unwrap()));
        let mut verified = Verified::default();
        let through = verified.path(name, stamp).unwrap();
        assert_eq!(fs::read(&through).unwrap(), b"one");
        // Another file of the same name; the one that was looked at is still reached.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "two").unwrap();
        assert_eq!(verified.path(name, stamp).unwrap(), through);
        assert!(matches!(Verified::default().path(name, stamp), Err(Changed::Replaced)));
        fs::write(&path, "three").unwrap();
        let written = Some(of(&fs::metadata(&path).unwrap()));
        fs::write(&path, "longer").unwrap();
        assert!(matches!(Verified::default().path(name, written), Err(Changed::Replaced)));
        fs::remove_file(&path).unwrap();
        assert!(matches!(Verified::default().path(name, stamp), Err(Changed::Gone(_))));
        assert_eq!(Verified::default().path("/a.zip!/b", None).unwrap(), "/a.zip");
    }
}
