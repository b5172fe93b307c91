//! The list of the functions that can be probed, kept until the machine is started anew: making it takes the kernel longer
//! than ebtrace takes for all else.
//!
//! It is kept for one start of the machine and the modules that are loaded. Where it cannot be kept, or somebody else
//! could have written it, the kernel is asked each time.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use ebtrace::environment;

use crate::cli::environment::value;

/// Where root keeps it; others do below `$XDG_RUNTIME_DIR`. Both are empty when the machine has started.
const RUN: &str = "/run";
const FOLDER: &str = "ebtrace";
const FILE: &str = "functions";

/// Bits of a folder's mode: others than the owner may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// What `read` has from the kernel, or had from the same.
pub(super) fn functions(read: impl FnOnce() -> Option<String>) -> Option<String> {
    let now = || state(Path::new("/"));
    let (Some(folder), Ok(before)) = (folder(), now()) else { return read() };
    if let Some(list) = find(&folder, &before) {
        return Some(list);
    }
    let list = read()?;
    // A module that came or went meanwhile may be in the list or not.
    if now().is_ok_and(|after| after == before) {
        // What cannot be kept is asked for again.
        drop(keep(&folder, &before, &list));
    }
    Some(list)
}

/// The folder for what this user keeps until the machine is started anew.
fn folder() -> Option<PathBuf> {
    let run = match rustix::process::geteuid().is_root() {
        true => PathBuf::from(RUN),
        false => value(&environment::RUN).filter(|(_, path)| !path.is_empty())?.1.into(),
    };
    Some(run.join(FOLDER))
}

/// What the list depends on, of the machine whose files are below `root`: as it stands at the head of the file, with an
/// empty line at its end.
fn state(root: &Path) -> io::Result<String> {
    let boot = fs::read_to_string(root.join("proc/sys/kernel/random/boot_id"))?;
    let mut state = format!("{} {} {boot}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    for module in fs::read_to_string(root.join("proc/modules"))?.lines() {
        let mut words = module.split(' ');
        let name = words.next().unwrap_or_default();
        // What a module needs at its start alone is soon no function any more.
        if !words.any(|word| word == "Live") {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        // No two folders in sysfs have one number, so that a module that was loaded again has another.
        let number = fs::metadata(root.join("sys/module").join(name))?.ino();
        writeln!(state, "{name} {number}").map_err(io::Error::other)?;
    }
    state.push('\n');
    Ok(state)
}

/// The list that was kept in a state.
fn find(folder: &Path, state: &str) -> Option<String> {
    if !is_own(folder) {
        return None;
    }
    let mut kept = fs::read_to_string(folder.join(FILE)).ok()?;
    kept.starts_with(state).then(|| kept.split_off(state.len()))
}

/// Keeps a list, whole or not at all.
fn keep(folder: &Path, state: &str, list: &str) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ if !is_own(folder) => return Err(io::ErrorKind::PermissionDenied.into()),
        _ => {}
    }
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(state.as_bytes())?;
    file.write_all(list.as_bytes())?;
    file.persist(folder.join(FILE))?;
    Ok(())
}

/// Whether nobody else can have put anything there.
fn is_own(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|data| {
        data.is_dir()
            && data.uid() == rustix::process::geteuid().as_raw()
            && data.mode() & WRITABLE_BY_OTHERS == 0
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A machine with one module.
    fn machine(state: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["proc/sys/kernel/random", "sys/module/nf"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("proc/sys/kernel/random/boot_id"), "1-2-3\n").unwrap();
        let modules = format!("nf 4096 1 - {state} 0x0000000000000000\n");
        fs::write(root.path().join("proc/modules"), modules).unwrap();
        root
    }

    /// The folder of a machine where a list was kept, and for what.
    fn kept(root: &Path) -> (PathBuf, String) {
        let (folder, state) = (root.join("kept"), state(root).unwrap());
        keep(&folder, &state, "vfs_read\nhook [nf]\n").unwrap();
        (folder, state)
    }

    #[test]
    fn a_list_is_found_in_the_state_in_which_it_was_kept() {
        let root = machine("Live");
        assert_eq!(find(&root.path().join("kept"), &state(root.path()).unwrap()), None);
        let (folder, state) = kept(root.path());
        assert_eq!(find(&folder, &state).as_deref(), Some("vfs_read\nhook [nf]\n"));
        keep(&folder, &state, "vfs_open\n").unwrap();
        assert_eq!(find(&folder, &state).as_deref(), Some("vfs_open\n"));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn modules_and_starts_of_the_machine_make_other_states() {
        let root = machine("Live");
        let (folder, _) = kept(root.path());

        let module = root.path().join("sys/module/nf");
        fs::rename(&module, root.path().join("unloaded")).unwrap();
        fs::create_dir(&module).unwrap();
        assert_eq!(find(&folder, &state(root.path()).unwrap()), None);
        fs::remove_dir(&module).unwrap();
        fs::rename(root.path().join("unloaded"), module).unwrap();
        assert!(find(&folder, &state(root.path()).unwrap()).is_some());

        let boot = root.path().join("proc/sys/kernel/random/boot_id");
        fs::write(boot, "4-5-6\n").unwrap();
        assert_eq!(find(&folder, &state(root.path()).unwrap()), None);
        assert!(state(machine("Loading").path()).is_err());
    }

    #[test]
    fn what_others_can_have_written_is_not_read() {
        let root = machine("Live");
        let (folder, state) = kept(root.path());
        symlink(&folder, root.path().join("link")).unwrap();
        assert_eq!(find(&root.path().join("link"), &state), None);
        assert!(keep(&root.path().join("link"), &state, "").is_err());
        set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        assert_eq!(find(&folder, &state), None);
        assert!(keep(&folder, &state, "").is_err());
    }
}
