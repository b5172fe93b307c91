//! Sessions that are parts of a longer one, as each probe is that is typed at a prompt: they share maps, and one of them
//! can end without the others.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use ebtrace_image::{Image, Map};
use libbpf_rs::OpenMapMut;
use libbpf_rs::libbpf_sys::{
    BPF_STATS_RUN_TIME, bpf_enable_stats, bpf_obj_get_info_by_fd, bpf_prog_info,
};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

use crate::map::{Handles, LiveMap, MapError, io_error};
use crate::{Attached, LoadError, Stopped, kernel};

/// What a part shares with others. Its maps are neither printed nor freed at its end.
#[derive(Debug)]
pub struct Part {
    /// Maps that are there already: those of the image with the same names are these.
    pub maps: Vec<SharedMap>,
    /// When the part is to end.
    pub end: End,
}

impl Part {
    /// The map that an open object is to use in place of one of its own.
    pub(crate) fn take_place(&self, map: &mut OpenMapMut<'_>) -> Result<(), LoadError> {
        let is_named = |symbol: &str| map.name() == symbol;
        let mut handles = self.maps.iter().filter_map(|shared| {
            let SharedMap { info, handles } = shared;
            let is_names = info.names.as_deref().is_some_and(is_named);
            let handle = match is_named(&info.symbol) {
                true => Some(&handles.handle),
                false => handles.names.as_ref().filter(|_| is_names),
            };
            Some((info, handle?.as_fd()))
        });
        let Some((info, fd)) = handles.next() else { return Ok(()) };
        map.reuse_fd(fd).map_err(|error| LoadError::Refused {
            reason: format!("the map {} cannot be shared", info.name),
            error: io_error(error),
        })
    }
}

/// Ends a part, from any thread.
#[derive(Debug)]
pub struct Ender(OwnedFd);

impl Ender {
    /// One, and what the part waits for.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> io::Result<(Self, End)> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let other = fd.try_clone()?;
        Ok((Self(fd), End(other)))
    }

    /// Ends it.
    pub fn end(&self) {
        self.tell(END);
    }

    /// Lets it run what waits for a signal.
    pub fn signal(&self) {
        self.tell(SIGNAL);
    }

    fn tell(&self, what: u64) {
        // It fails only where so much was told that all of it is there already.
        let _ = rustix::io::write(&self.0, &what.to_ne_bytes());
    }
}

/// What an [`Ender`] tells; of several, the sum is what is heard.
const SIGNAL: u64 = 1;
const END: u64 = 1 << 32;

/// What a part was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Heard {
    pub(crate) signal: bool,
    pub(crate) end: bool,
}

/// What a part waits for.
#[derive(Debug)]
pub struct End(OwnedFd);

impl End {
    /// The same for another who waits.
    ///
    /// # Errors
    /// What the system says.
    pub fn share(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Waits for it.
    pub fn wait(&self) {
        while !self.hear().end {
            let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
            // Where it fails there is something to hear, or a debugger came.
            let _ = poll(&mut fds, None);
        }
    }

    /// What was told since it was heard last.
    pub(crate) fn hear(&self) -> Heard {
        let mut told = [0; 8];
        match rustix::io::read(&self.0, &mut told) {
            Ok(_) => {
                let told = u64::from_ne_bytes(told);
                Heard { signal: told % END > 0, end: told >= END }
            }
            Err(_) => Heard::default(),
        }
    }
}

/// A map of the kernel that outlives the part which made it.
#[derive(Debug)]
pub struct SharedMap {
    info: Map,
    handles: Handles,
}

impl SharedMap {
    /// What the image said of it.
    pub fn info(&self) -> &Map {
        &self.info
    }

    /// Another handle of the same map.
    ///
    /// # Errors
    /// What the system says.
    pub fn share(&self) -> io::Result<Self> {
        Ok(Self { info: self.info.clone(), handles: self.handles.share()? })
    }

    /// How many elements it has; a scalar map has none before it is assigned.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn count(&self) -> Result<usize, MapError> {
        let cpus = kernel::possible_cpus().map_err(|error| MapError {
            map: self.info.name.clone(),
            doing: "read",
            error,
        })?;
        let map = self.share().map_err(|error| MapError {
            map: self.info.name.clone(),
            doing: "read",
            error,
        })?;
        let contents = LiveMap::new(map.info, map.handles, cpus).read()?;
        Ok(match self.info.key {
            None => usize::from(contents.is_assigned()),
            Some(_) => contents.len(),
        })
    }
}

/// A program of a part that runs.
#[derive(Debug)]
pub struct RunningProgram(OwnedFd);

impl RunningProgram {
    /// How often it ran since it was loaded, while the kernel counted ([`count_runs`]).
    ///
    /// # Errors
    /// What the kernel says.
    pub fn runs(&self) -> io::Result<u64> {
        let mut info = bpf_prog_info::default();
        let mut size = size_of_val(&info) as u32;
        // SAFETY: the descriptor is open, and the kernel writes `size` bytes at most.
        let status = unsafe {
            bpf_obj_get_info_by_fd(self.0.as_raw_fd(), (&raw mut info).cast(), &mut size)
        };
        if status < 0 { Err(io::Error::last_os_error()) } else { Ok(info.run_cnt) }
    }
}

/// Makes the kernel count how often programs run, as long as the result lives.
///
/// # Errors
/// What the kernel says.
pub fn count_runs() -> io::Result<OwnedFd> {
    // SAFETY: it takes a number and returns a new descriptor, or an error.
    let fd = unsafe { bpf_enable_stats(BPF_STATS_RUN_TIME) };
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(-fd));
    }
    // SAFETY: the descriptor is new and ours.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

impl Attached {
    /// The maps of the script.
    ///
    /// # Errors
    /// What the system says.
    pub fn maps(&self) -> Result<Vec<SharedMap>, LoadError> {
        maps(&self.core.image, &self.core.object)
    }

    /// The programs that were loaded, but for those that there are no descriptors for.
    pub fn programs(&self) -> Vec<RunningProgram> {
        let loaded = self.core.object.progs().filter(|program| program.as_fd().as_raw_fd() >= 0);
        let own = loaded.filter_map(|program| program.as_fd().try_clone_to_owned().ok());
        own.map(RunningProgram).collect()
    }
}

fn maps(image: &Image, object: &libbpf_rs::Object) -> Result<Vec<SharedMap>, LoadError> {
    let shared = image.maps.iter().map(|info| {
        Ok(SharedMap { info: info.clone(), handles: crate::load::handles(object, info)? })
    });
    shared.collect()
}

impl Stopped {
    /// What the script gave to `exit`, if it ended the session.
    pub fn exit(&self) -> Option<u8> {
        self.core.actions.borrow().exit()
    }
}

/// What the end of a part looks like to whoever waits.
pub(crate) fn end_of(part: Option<&Part>) -> Option<BorrowedFd<'_>> {
    part.map(|part| part.end.0.as_fd())
}
