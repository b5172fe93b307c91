//! Folders of control groups by their numbers.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What cgroup version 2 is called, wherever it is mounted.
const UNIFIED: &str = "unified";

/// The hierarchies of control groups that are mounted.
#[derive(Debug)]
pub(super) struct Hierarchies(Vec<Hierarchy>);

#[derive(Debug, PartialEq, Eq)]
struct Hierarchy {
    name: String,
    folder: PathBuf,
}

impl Hierarchies {
    /// Those of this machine.
    pub(super) fn read() -> Self {
        Self(parse(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()))
    }

    /// Where a control group is in each of those whose name fits: `unified:/user.slice`, separated by commas.
    pub(super) fn path(&self, filter: &str, id: u64) -> String {
        let pattern = glob::Pattern::new(filter).ok();
        let fits = |hierarchy: &&Hierarchy| {
            filter.is_empty()
                || pattern.as_ref().is_some_and(|pattern| pattern.matches(&hierarchy.name))
        };
        let found = self.0.iter().filter(fits).filter_map(|hierarchy| {
            Some(format!("{}:{}", hierarchy.name, hierarchy.find(id)?.display()))
        });
        found.collect::<Vec<_>>().join(",")
    }
}

/// Lines are `36 35 98:0 / /sys/fs/cgroup/cpu rw shared:1 - cgroup cgroup rw,cpu`. A hierarchy that is mounted several
/// times has one device number. That of version 2 is first, the others follow by name.
fn parse(mounts: &str) -> Vec<Hierarchy> {
    let mut found = Vec::new();
    let mut devices = Vec::new();
    for line in mounts.lines() {
        let Some((mount, kind)) = line.split_once(" - ") else { continue };
        let mut mount = mount.split(' ').skip(2);
        let (Some(device), Some(folder)) = (mount.next(), mount.nth(1)) else { continue };
        let folder = PathBuf::from(unescaped(folder));
        let name = match kind.split(' ').next() {
            Some("cgroup2") => UNIFIED.to_owned(),
            Some("cgroup") => folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            _ => continue,
        };
        if !devices.contains(&device) {
            devices.push(device);
            found.push(Hierarchy { name, folder });
        }
    }
    found.sort_by(|a, b| (a.name != UNIFIED, &a.name).cmp(&(b.name != UNIFIED, &b.name)));
    found
}

/// Blanks and their like are written as octal numbers.
fn unescaped(path: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(path.to_owned(), |path, (written, meant)| path.replace(written, meant))
}

impl Hierarchy {
    /// The folder of a control group, from the root of the hierarchy as it is mounted.
    fn find(&self, id: u64) -> Option<PathBuf> {
        let folder = match open_by_number(&self.folder, id) {
            Ok(open) => fs::read_link(format!("/proc/self/fd/{}", open.as_raw_fd())).ok()?,
            // It is gone.
            Err(error) if error.raw_os_error() == Some(libc::ESTALE) => return None,
            Err(_) => search(&self.folder, id)?,
        };
        Some(Path::new("/").join(folder.strip_prefix(&self.folder).ok()?))
    }
}

/// Asks the kernel for the folder with this number, which takes it no search.
fn open_by_number(mount: &Path, id: u64) -> io::Result<OwnedFd> {
    /// `FILEID_KERNFS`: the handle is the number.
    const KERNFS: i32 = 0xfe;
    #[repr(C)]
    struct Handle {
        bytes: u32,
        kind: i32,
        id: [u8; 8],
    }
    let mount = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(mount)?;
    let mut handle = Handle { bytes: 8, kind: KERNFS, id: id.to_ne_bytes() };
    // SAFETY: the handle has the layout of `struct file_handle` with as many bytes behind it as it says.
    let open = unsafe {
        libc::open_by_handle_at(
            mount.as_raw_fd(),
            (&raw mut handle).cast(),
            libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC,
        )
    };
    if open < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just opened it, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(open) })
}

/// Goes through all folders, where the kernel may not be asked.
fn search(folder: &Path, id: u64) -> Option<PathBuf> {
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        if File::open(&folder).and_then(|open| open.metadata()).is_ok_and(|found| found.ino() == id)
        {
            return Some(folder);
        }
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        left.extend(
            entries
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_are_those_that_are_mounted() {
        let mounts = "\
            22 1 0:5 / /proc rw - proc proc rw\n\
            36 35 0:30 / /sys/fs/cgroup/cpu rw shared:1 - cgroup cgroup rw,cpu\n\
            37 35 0:31 / /sys/fs/cgroup/a\\040b rw - cgroup2 cgroup2 rw\n\
            38 35 0:31 / /tmp/again rw - cgroup2 cgroup2 rw\n";
        let named = |name: &str, folder: &str| Hierarchy {
            name: name.to_owned(),
            folder: PathBuf::from(folder),
        };
        assert_eq!(
            parse(mounts),
            [named(UNIFIED, "/sys/fs/cgroup/a b"), named("cpu", "/sys/fs/cgroup/cpu")]
        );
    }

    #[test]
    fn folders_have_numbers() {
        let folder = std::env::temp_dir().join(format!("ebtrace_search_{}", std::process::id()));
        let inner = folder.join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let id = fs::metadata(&inner).unwrap().ino();
        assert_eq!(search(&folder, id), Some(inner));
        assert_eq!(search(&folder, 0), None);
        fs::remove_dir_all(&folder).unwrap();
    }
}
