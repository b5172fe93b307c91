//! A process that is traced while it runs.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// A running process, which is known to us even if another gets its number.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    pidfd: OwnedFd,
}

/// A process that cannot be traced.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It has ended, or never was.
    #[error("there is no process {0}")]
    Missing(u32),
    /// It is a thread other than the first.
    #[error("{thread} is a thread of process {process}: trace that with `-p {process}`")]
    Thread {
        /// Its number.
        thread: u32,
        /// The number of its process.
        process: u32,
    },
    /// The system refused.
    #[error("process {pid} cannot be watched: {error}")]
    System {
        /// Its number.
        pid: u32,
        /// What the system said.
        error: io::Error,
    },
}

impl Process {
    /// Finds a process by its number.
    ///
    /// # Errors
    /// When there is none, or it is only a thread of another.
    pub fn open(pid: u32) -> Result<Self, ProcessError> {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let number = number.ok_or(ProcessError::Missing(pid))?;
        match pidfd_open(number, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Self { pid, pidfd }),
            Err(Errno::SRCH) => Err(ProcessError::Missing(pid)),
            Err(error) => Err(match leader(pid) {
                Some(process) if process != pid => ProcessError::Thread { thread: pid, process },
                _ => ProcessError::System { pid, error: error.into() },
            }),
        }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }
}

impl AsFd for Process {
    /// Readable when the process has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// The process that a thread belongs to.
fn leader(thread: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_told_from_threads_and_from_nothing() {
        let own = std::process::id();
        assert_eq!(Process::open(own).unwrap().pid(), own);
        // Above what any kernel numbers.
        assert!(matches!(Process::open(1 << 23), Err(ProcessError::Missing(_))));
        assert!(matches!(Process::open(0), Err(ProcessError::Missing(0))));
        let (tell, told) = std::sync::mpsc::channel();
        let (wait, waited) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            tell.send(rustix::thread::gettid().as_raw_pid()).unwrap();
            let _ = waited.recv();
        });
        let number = told.recv().unwrap().unsigned_abs();
        let error = Process::open(number).unwrap_err();
        assert!(matches!(error, ProcessError::Thread { process, .. } if process == own), "{error}");
        drop(wait);
        thread.join().unwrap();
    }
}
