//! Files as a process sees them: in its own mounts, and those that it runs.

use std::fs;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, glob_with};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use super::mapping;

/// What the kernel appends to the name of a file that is no longer there.
const DELETED: &str = " (deleted)";

/// The root of the file system that paths start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// `/proc/PID/root`, where it differs from our own.
    prefix: Option<PathBuf>,
}

impl Root {
    /// Our own.
    pub fn own() -> Self {
        Self { prefix: None }
    }

    /// That of a process, which may be in a container.
    pub fn of(pid: u32) -> Self {
        let same = |what: &str| {
            let link = |process: &str| fs::read_link(format!("/proc/{process}/{what}")).ok();
            link("self") == link(&pid.to_string())
        };
        let prefix = format!("/proc/{pid}/root");
        let shared = same("ns/mnt") && same("root");
        Self { prefix: (!shared).then(|| PathBuf::from(prefix)) }
    }

    /// The path by which we reach what is called `path` here, symbolic links followed.
    pub fn find(&self, path: &Path) -> Option<PathBuf> {
        let Some(prefix) = &self.prefix else { return fs::canonicalize(path).ok() };
        // What is below `/proc` of ours already needs no way there.
        if path.starts_with("/proc") {
            return fs::canonicalize(path).ok();
        }
        let root = fs::File::open(prefix).ok()?;
        let (flags, how) = (OFlags::PATH | OFlags::CLOEXEC, ResolveFlags::IN_ROOT);
        let file = openat2(&root, path, flags, Mode::empty(), how).ok()?;
        let opened = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let inside = fs::read_link(&opened).ok()?;
        // The link is a path within the process's mounts; where these are ours too, it is one of ours.
        let within = |path: &Path| prefix.join(path.strip_prefix("/").unwrap_or(path));
        let ways = [within(&inside), inside, within(path)];
        ways.into_iter().find(|way| same_file(way, &opened))
    }

    /// The ELF files whose paths fit a pattern, as paths from here.
    pub(super) fn matching(&self, pattern: &str) -> Vec<PathBuf> {
        let prefix = self.prefix.as_deref();
        let whole =
            prefix.map_or(pattern.to_owned(), |prefix| format!("{}{pattern}", prefix.display()));
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        let found = glob_with(&whole, options).into_iter().flatten().flatten();
        let found = found.filter(|path| is_elf(path));
        let stripped =
            found.map(|path| match prefix.and_then(|prefix| path.strip_prefix(prefix).ok()) {
                Some(inside) => Path::new("/").join(inside),
                None => path,
            });
        stripped.collect()
    }
}

/// Whether it is a regular file that begins as ELF files do.
fn is_elf(path: &Path) -> bool {
    // Opening a pipe would wait for its other end.
    if !fs::metadata(path).is_ok_and(|data| data.is_file()) {
        return false;
    }
    let mut magic = [0; 4];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}

/// The processes that run.
pub fn running() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The program that a process runs, as a path by which we reach it; none where the process is gone, or has none.
pub fn executable(pid: u32) -> Option<PathBuf> {
    let link = format!("/proc/{pid}/exe");
    let path = fs::read_link(&link).ok()?;
    Some(reached(&Root::of(pid), &path, PathBuf::from(link)))
}

/// The path by which we reach what the kernel calls `path`, which may be one of the process's or of ours; what was
/// removed or replaced is reached through the process.
fn reached(root: &Root, path: &Path, through: PathBuf) -> PathBuf {
    let ways = [root.find(path), fs::canonicalize(path).ok()];
    ways.into_iter().flatten().find(|way| same_file(way, &through)).unwrap_or(through)
}

fn same_file(one: &Path, other: &Path) -> bool {
    let identity = |path| fs::metadata(path).ok().map(|data| (data.dev(), data.ino()));
    identity(one).is_some() && identity(one) == identity(other)
}

/// The file that a process runs in place of the one at a path, which has taken its name since.
pub fn replaced(pid: u32, path: &Path) -> Option<PathBuf> {
    let list = mapping::of(pid).ok()?;
    let prefix = PathBuf::from(format!("/proc/{pid}/root"));
    let inside = match path.strip_prefix(prefix) {
        Ok(rest) => Path::new("/").join(rest),
        Err(_) => fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
    };
    let old = format!("{}{DELETED}", inside.display());
    let found = mapping::code(&list).find(|code| code.path == Path::new(&old))?;
    Some(PathBuf::from(format!("/proc/{pid}/map_files/{}", found.range())))
}

/// The files that a process has code of, as paths by which we reach them; none where it is gone. A file that was
/// replaced since is reached by way of the process.
pub fn mapped(pid: u32) -> Vec<PathBuf> {
    let list = mapping::of(pid).unwrap_or_default();
    let root = Root::of(pid);
    let mut files = Vec::new();
    for code in mapping::code(&list).filter(mapping::Code::has_file) {
        let through = PathBuf::from(format!("/proc/{pid}/map_files/{}", code.range()));
        let file = reached(&root, code.path, through);
        if !files.contains(&file) && is_elf(&file) {
            files.push(file);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_run_our_own_program() {
        let own = fs::canonicalize("/proc/self/exe").unwrap();
        assert!(mapped(std::process::id()).contains(&own));
        assert!(running().any(|pid| pid == std::process::id()));
        assert!(mapped(0x3fff_ffff).is_empty());
        assert_eq!(executable(std::process::id()), Some(own));
        assert_eq!(executable(0x3fff_ffff), None);
    }

    #[test]
    fn another_root_is_reached_through_the_process() {
        let prefix = PathBuf::from(format!("/proc/{}/root", std::process::id()));
        let root = Root { prefix: Some(prefix.clone()) };
        let shell = root.find(Path::new("/bin/sh")).unwrap();
        assert_eq!(
            shell,
            prefix.join(fs::canonicalize("/bin/sh").unwrap().strip_prefix("/").unwrap())
        );
        assert_eq!(Root::of(std::process::id()), Root::own());
    }
}
