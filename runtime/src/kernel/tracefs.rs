//! tracefs, mounted or not.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, open, openat};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// Where tracefs is when somebody mounted it.
const PLACES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Room for most files, and not for the lists of functions.
const SOME: usize = 1 << 14;

/// The kernel's list of tracepoints.
///
/// Where tracefs is not mounted, a detached mount is opened: it has no path, nobody else sees it, and it is gone with
/// this value.
#[derive(Debug)]
pub struct Tracefs {
    root: OwnedFd,
}

/// Why tracefs cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TracefsError {
    /// It is not mounted and a mount of our own was refused.
    #[error(
        "tracefs is not mounted and cannot be opened without a mount: {0}; \
         run as root, or type `mount -t tracefs tracefs /sys/kernel/tracing`"
    )]
    NotMounted(#[source] io::Error),
    /// The kernel has no tracefs.
    #[error(
        "this kernel has no tracefs: it was built without CONFIG_TRACING, so it has no tracepoints"
    )]
    NotBuilt,
    /// A file in it cannot be read.
    #[error("cannot read tracefs file {path}: {error}")]
    Read {
        /// Path within tracefs.
        path: String,
        /// What the kernel said.
        #[source]
        error: io::Error,
    },
}

impl TracefsError {
    /// What the kernel said about a file: `NotFound` means there is no such tracepoint.
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            TracefsError::NotMounted(error) | TracefsError::Read { error, .. } => error.kind(),
            TracefsError::NotBuilt => io::ErrorKind::Unsupported,
        }
    }
}

impl Tracefs {
    /// Finds tracefs where it is mounted, else opens a detached mount.
    ///
    /// # Errors
    /// When it is not mounted and this process may not mount it, or the kernel has none.
    pub fn open() -> Result<Self, TracefsError> {
        if let Some(root) = PLACES.iter().find_map(|place| mounted_at(place)) {
            return Ok(Self { root });
        }
        detached_mount().map(|root| Self { root }).map_err(|error| match error {
            rustix::io::Errno::NODEV => TracefsError::NotBuilt,
            error => TracefsError::NotMounted(error.into()),
        })
    }

    /// The `format` file of a tracepoint: its fields as text.
    ///
    /// # Errors
    /// Of kind `NotFound` when there is no such tracepoint.
    pub fn format(&self, category: &str, event: &str) -> Result<String, TracefsError> {
        self.read(&format!("events/{category}/{event}/format"))
    }

    /// Whether the kernel records a tracepoint's events in its trace buffer.
    ///
    /// # Errors
    /// Of kind `NotFound` when there is no such tracepoint.
    pub fn is_enabled(&self, category: &str, event: &str) -> Result<bool, TracefsError> {
        self.read(&format!("events/{category}/{event}/enable")).map(|text| text.starts_with('1'))
    }

    /// The number under which `perf_event_open(2)` knows a tracepoint.
    ///
    /// # Errors
    /// Of kind `NotFound` when there is no such tracepoint.
    pub fn id(&self, category: &str, event: &str) -> Result<u64, TracefsError> {
        let path = format!("events/{category}/{event}/id");
        let text = self.read(&path)?;
        text.trim().parse().map_err(|error| TracefsError::Read {
            path,
            error: io::Error::new(io::ErrorKind::InvalidData, error),
        })
    }

    /// All tracepoints as category and event, in the order of `category:event`.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub fn tracepoints(&self) -> Result<Vec<(String, String)>, TracefsError> {
        let text = self.read("available_events")?;
        // Sorted as lines, which are compared faster than pairs.
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        let named = lines.into_iter().filter_map(|line| line.split_once(':'));
        Ok(named.map(|(category, event)| (category.to_owned(), event.to_owned())).collect())
    }

    /// The kernel functions that can be traced, a line each: `vfs_read`, `nf_hook [nf]`.
    ///
    /// # Errors
    /// Of kind `PermissionDenied` where the kernel is locked down, `NotFound` where it has no function tracer.
    pub fn traceable_functions(&self) -> Result<String, TracefsError> {
        self.read("available_filter_functions")
    }

    /// The same with their addresses in front (Linux 6.5 and newer).
    ///
    /// # Errors
    /// As for [`Tracefs::traceable_functions`].
    pub fn traceable_addresses(&self) -> Result<String, TracefsError> {
        self.read("available_filter_functions_addrs")
    }

    fn read(&self, path: &str) -> Result<String, TracefsError> {
        let read = || -> io::Result<String> {
            let file = openat(&self.root, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
            let mut text = String::with_capacity(SOME);
            // Behind a limit, however large, the size is not asked for, which the kernel does not know.
            File::from(file).take(u64::MAX).read_to_string(&mut text)?;
            Ok(text)
        };
        read().map_err(|error| TracefsError::Read { path: path.to_owned(), error })
    }
}

/// The directory, if tracefs is mounted there: an empty mount point has no `events`.
fn mounted_at(place: &str) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = open(place, flags, Mode::empty()).ok()?;
    openat(root.as_fd(), "events", flags | OFlags::PATH, Mode::empty()).ok()?;
    Some(root)
}

fn detached_mount() -> rustix::io::Result<OwnedFd> {
    let context = fsopen("tracefs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(context.as_fd())?;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
}
