//! SIGINT, SIGTERM and SIGUSR1 as something to wait for.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// Which signals arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Arrived {
    /// SIGINT or SIGTERM.
    pub(crate) stop: bool,
    /// SIGUSR1.
    pub(crate) user: bool,
}

/// Catches SIGUSR1 at all times, and SIGINT and SIGTERM until the first of them arrives; from then on those two have
/// their usual effect, so that a second one kills. If none arrives they stay blocked after the session too: what has ended well is not to look as if it had
/// been killed on its last steps.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
    /// The mask to go back to; `None` when that was done.
    before: Option<libc::sigset_t>,
}

impl Signals {
    /// Starts catching. To be called before other threads are started, which inherit it.
    ///
    /// # Errors
    /// What the system says.
    pub fn catch() -> io::Result<Self> {
        let set = caught();
        let mut before = MaybeUninit::uninit();
        // SAFETY: both sets are valid to read and to write, respectively.
        let status = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, before.as_mut_ptr()) };
        if status != 0 {
            return Err(io::Error::from_raw_os_error(status));
        }
        // SAFETY: pthread_sigmask has filled it in.
        let before = unsafe { before.assume_init() };
        // SAFETY: the set is valid, and -1 asks for a new descriptor.
        let fd = unsafe { libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            let error = io::Error::last_os_error();
            restore(&before);
            return Err(error);
        }
        // SAFETY: the descriptor is new and ours.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) }, before: Some(before) })
    }

    /// What arrived; if it was to stop, nothing more to stop is caught.
    pub(crate) fn take(&mut self) -> Arrived {
        // A terminal sends one to the command as well, and the end of the command may be noticed first: what is left
        // must not kill us later.
        let mut arrived = Arrived::default();
        while let Some(signal) = self.read() {
            arrived.user |= signal == libc::SIGUSR1;
            arrived.stop |= signal != libc::SIGUSR1;
        }
        if arrived.stop {
            self.release();
        }
        arrived
    }

    /// Waits for the next one, which is its number; all go on being caught.
    ///
    /// # Errors
    /// What the system says.
    pub fn next(&self) -> io::Result<i32> {
        loop {
            let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
            match poll(&mut fds, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(signal) = self.read() {
                return Ok(signal);
            }
        }
    }

    fn read(&self) -> Option<libc::c_int> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::uninit();
        // SAFETY: the buffer has the size that is given.
        let read = unsafe {
            libc::read(self.fd.as_raw_fd(), info.as_mut_ptr().cast(), size_of_val(&info))
        };
        // SAFETY: what was read was written to it whole.
        (read > 0).then(|| unsafe { info.assume_init() }.ssi_signo.cast_signed())
    }

    fn release(&mut self) {
        if let Some(mut before) = self.before.take() {
            // One that comes too late is to be ignored, and not to kill.
            // SAFETY: the mask is initialised.
            unsafe { libc::sigaddset(&mut before, libc::SIGUSR1) };
            restore(&before);
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn restore(mask: &libc::sigset_t) {
    // SAFETY: the mask is one that was in force before.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
}

fn caught() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set, the others change it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
        libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM);
        libc::sigaddset(set.as_mut_ptr(), libc::SIGUSR1);
        set.assume_init()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_signal_is_taken_once() {
        let mut signals = Signals::catch().unwrap();
        let send = |signal| {
            // SAFETY: the signal goes to this thread, which has it blocked.
            unsafe { libc::pthread_kill(libc::pthread_self(), signal) };
        };
        assert_eq!(signals.take(), Arrived::default());
        send(libc::SIGUSR1);
        assert_eq!(signals.take(), Arrived { stop: false, user: true });
        assert!(signals.before.is_some());
        send(libc::SIGTERM);
        assert_eq!(signals.take(), Arrived { stop: true, user: false });
        assert!(signals.before.is_none());
        send(libc::SIGUSR1);
    }
}
