//! The command that is run and traced.

#[cfg(target_arch = "x86_64")]
mod entry;

use std::cell::Cell;
use std::ffi::{CString, NulError, OsStr};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::ptr;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::binary::{is_program, program};

/// A process that waits for its release before it becomes the command.
///
/// It ends with this process, and gets SIGTERM when this value is dropped while it still runs.
#[derive(Debug)]
pub struct Child {
    pid: libc::pid_t,
    pidfd: OwnedFd,
    /// One byte through it starts the command.
    gate: Option<File>,
    /// A byte comes through it when the process waits, and the error number when the command cannot be started.
    report: File,
    status: Cell<Option<ExitStatus>>,
}

/// A command that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// There is no such program.
    #[error("the command cannot be run: {}", no_program(path, error))]
    NoProgram {
        /// What was looked for.
        path: PathBuf,
        /// Why it cannot be run.
        error: io::Error,
    },
    /// The command has no word in it.
    #[error("the command to run is empty")]
    Empty,
    /// The command has a NUL in it.
    #[error("the command to run has a NUL character in it")]
    Nul(#[from] NulError),
    /// The system refused.
    #[error("the command cannot be run: {0}")]
    System(#[from] io::Error),
}

fn no_program(path: &Path, error: &io::Error) -> String {
    let (path, is_path) = (path.display(), path.as_os_str().as_bytes().contains(&b'/'));
    match (error.kind(), is_path) {
        (io::ErrorKind::PermissionDenied, _) => format!("`{path}` is no program"),
        (_, true) => format!("there is no program `{path}`"),
        (_, false) => format!("no folder of PATH has a program `{path}`"),
    }
}

impl Child {
    /// Forks a process for `command`, whose words are separated by spaces (quotes mean nothing). A program without a
    /// `/` is looked up in `search_path`, the value of `$PATH`.
    ///
    /// # Errors
    /// When there is no such program or no process can be made.
    pub fn spawn(command: &str, search_path: Option<&OsStr>) -> Result<Self, ChildError> {
        let words: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).collect();
        let path = find(words.first().ok_or(ChildError::Empty)?, search_path)?;
        let path = CString::new(path.as_os_str().as_bytes())?;
        let words = words.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>()?;
        let (gate_out, gate_in) = pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from)?;
        let (report_out, report_in) = pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from)?;

        let mut arguments: Vec<_> = words.iter().map(|word| word.as_ptr()).collect();
        arguments.push(ptr::null());
        // SAFETY: getpid cannot fail. The child does nothing but async-signal-safe system calls until it becomes
        // another program, and all memory it reads was allocated before the fork.
        let pid = unsafe {
            let parent = libc::getpid();
            let pid = libc::fork();
            if pid == 0 {
                libc::close(gate_in.as_raw_fd());
                become_command(&path, &arguments, parent, gate_out.as_fd(), report_in.as_fd());
            }
            pid
        };
        if pid < 0 {
            return Err(io::Error::last_os_error().into());
        }
        let named =
            Pid::from_raw(pid).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        let pidfd = pidfd_open(named, PidfdFlags::empty()).map_err(io::Error::from)?;
        // Were this end open, a child that died would be waited for without end.
        drop(report_in);
        let (gate, report) = (Some(File::from(gate_in)), File::from(report_out));
        let mut child = Self { pid, pidfd, gate, report, status: Cell::new(None) };
        // What it does until then is no work of the command, and nothing is attached yet that would see it.
        child.report.read_exact(&mut [0])?;
        Ok(child)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid.unsigned_abs()
    }

    /// Lets the command start, and returns when it has.
    ///
    /// # Errors
    /// When it cannot be executed.
    pub(crate) fn release(&mut self) -> Result<(), ChildError> {
        let Some(mut gate) = self.gate.take() else { return Ok(()) };
        gate.write_all(&[1])?;
        self.started()
    }

    /// Lets the command start, and holds it until it was looked at: when it is in memory, when its libraries are,
    /// and where its own code begins.
    ///
    /// # Errors
    /// When it cannot be executed.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn release_held(&mut self, mut look: impl FnMut(u32)) -> Result<(), ChildError> {
        let Some(mut gate) = self.gate.take() else { return Ok(()) };
        let (debugged, pid) = (entry::Debugged::seize(self.pid), self.pid());
        gate.write_all(&[1])?;
        match debugged.and_then(|debugged| debugged.wait_for_entry(|| look(pid))) {
            Ok(entry::Held::Ended(status)) => self.status.set(Some(ExitStatus::from_raw(status))),
            // It goes on when it is let go of.
            Ok(entry::Held::Waits(_held)) => look(pid),
            // Who may be no debugger looks as soon as the command has started.
            Err(_) => {
                self.started()?;
                look(pid);
                return Ok(());
            }
        }
        self.started()
    }

    /// As [`Child::release`]: elsewhere nothing needs to know more.
    #[cfg(not(target_arch = "x86_64"))]
    pub(crate) fn release_held(&mut self, mut look: impl FnMut(u32)) -> Result<(), ChildError> {
        self.release()?;
        look(self.pid());
        Ok(())
    }

    fn started(&mut self) -> Result<(), ChildError> {
        let mut number = [0; 4];
        match self.report.read_exact(&mut number) {
            Ok(()) => Err(io::Error::from_raw_os_error(i32::from_ne_bytes(number)).into()),
            // The end of the pipe was closed by the program's start.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How it ended, if it has.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        if self.status.get().is_none() {
            let mut status = 0;
            // SAFETY: the status is valid to write to, and the process is our child.
            if unsafe { libc::waitpid(self.pid, &mut status, libc::WNOHANG) } == self.pid {
                self.status.set(Some(ExitStatus::from_raw(status)));
            }
        }
        self.status.get()
    }
}

impl AsFd for Child {
    /// Readable once the process has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.exit_status().is_none() {
            // It may end by itself at this moment, which is as good.
            let _ = pidfd_send_signal(&self.pidfd, Signal::TERM);
        }
    }
}

fn find(name: &str, search_path: Option<&OsStr>) -> Result<PathBuf, ChildError> {
    let missing = |error| ChildError::NoProgram { path: PathBuf::from(name), error };
    if !name.contains('/') {
        return program(name, search_path).ok_or_else(|| missing(io::ErrorKind::NotFound.into()));
    }
    let path = Path::new(name);
    if is_program(path) {
        return Ok(path.to_owned());
    }
    let kind =
        if path.exists() { io::ErrorKind::PermissionDenied } else { io::ErrorKind::NotFound };
    Err(missing(kind.into()))
}

/// The life of the child: say that it waits, wait for a byte, then become the program at `path`.
///
/// # Safety
/// To be called between fork and exec only: it makes nothing but async-signal-safe calls. `arguments` must be pointers
/// to strings, the last one null.
unsafe fn become_command(
    path: &CString,
    arguments: &[*const libc::c_char],
    parent: libc::pid_t,
    gate: BorrowedFd<'_>,
    report: BorrowedFd<'_>,
) -> ! {
    // SAFETY: system calls with valid arguments, see above.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
        // The parent may have died before it could be told about.
        if libc::getppid() != parent {
            libc::_exit(1);
        }
        let mut byte = 0u8;
        libc::write(report.as_raw_fd(), (&raw const byte).cast(), 1);
        while libc::read(gate.as_raw_fd(), (&raw mut byte).cast(), 1) != 1 {
            if *libc::__errno_location() != libc::EINTR {
                libc::_exit(1);
            }
        }
        reset_signals();
        libc::execv(path.as_ptr(), arguments.as_ptr());
        let number = (*libc::__errno_location()).to_ne_bytes();
        libc::write(report.as_raw_fd(), number.as_ptr().cast(), number.len());
        libc::_exit(127)
    }
}

/// The tracer blocks signals and ignores SIGPIPE; both would be inherited.
///
/// # Safety
/// As [`become_command`].
pub(crate) unsafe fn reset_signals() {
    // SAFETY: the set is initialised by sigemptyset; all of these are async-signal-safe.
    unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut());
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits until the child has ended.
    fn ended(child: &mut Child) -> ExitStatus {
        let mut fds = [rustix::event::PollFd::new(&child.pidfd, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut fds, None).unwrap();
        child.exit_status().unwrap()
    }

    #[test]
    fn the_command_starts_when_released() {
        let mut child = Child::spawn("false", Some(OsStr::new("/usr/bin:/bin"))).unwrap();
        assert!(child.pid() > 0);
        assert_eq!(child.exit_status(), None);
        child.release().unwrap();
        assert_eq!(ended(&mut child).code(), Some(1));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_command_is_held_until_its_libraries_are_there() {
        let mut child = Child::spawn("false", Some(OsStr::new("/usr/bin:/bin"))).unwrap();
        let mut seen = Vec::new();
        let look = |pid| seen.push(std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap());
        child.release_held(look).unwrap();
        let has = |maps: &String, what: &str| maps.lines().any(|line| line.contains(what));
        assert!(seen.iter().all(|maps| has(maps, "/false") && has(maps, "/ld-linux")));
        let libraries: Vec<bool> = seen.iter().map(|maps| has(maps, "/libc.")).collect();
        assert_eq!(
            libraries,
            [false, true, true],
            "when the program, its libraries, and its own code are there"
        );
        assert_eq!(ended(&mut child).code(), Some(1));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn what_cannot_start_is_not_held() {
        let path = std::env::temp_dir().join(format!("ebtrace-held-{}", std::process::id()));
        std::fs::write(&path, "not a program").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let mut child = Child::spawn(&path.display().to_string(), None).unwrap();
        assert!(matches!(child.release_held(|_| panic!("no program")), Err(ChildError::System(_))));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_child_that_is_dropped_ends() {
        let child = Child::spawn("/bin/sleep 1000", None).unwrap();
        let watched = child.pidfd.try_clone().unwrap();
        drop(child);
        let mut fds = [rustix::event::PollFd::new(&watched, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut fds, None).unwrap();
    }

    #[test]
    fn what_is_no_program_is_refused() {
        let error = Child::spawn("/bin/nope now", None).unwrap_err().to_string();
        assert_eq!(error, "the command cannot be run: there is no program `/bin/nope`");
        let error = Child::spawn("nope-nope now", None).unwrap_err().to_string();
        assert_eq!(error, "the command cannot be run: no folder of PATH has a program `nope-nope`");
        let error = Child::spawn("/etc/passwd", None).unwrap_err().to_string();
        assert_eq!(error, "the command cannot be run: `/etc/passwd` is no program");
        assert!(matches!(Child::spawn("  ", None), Err(ChildError::Empty)));
        assert!(matches!(Child::spawn("/etc/passwd", None), Err(ChildError::NoProgram { .. })));
    }

    #[test]
    fn a_file_that_is_no_program_is_found_out_at_the_start() {
        let path = std::env::temp_dir().join(format!("ebtrace-child-{}", std::process::id()));
        std::fs::write(&path, "not a program").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let mut child = Child::spawn(&path.display().to_string(), None).unwrap();
        assert!(matches!(child.release(), Err(ChildError::System(_))));
        std::fs::remove_file(&path).unwrap();
    }
}
