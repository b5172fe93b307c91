//! Waiting: for a moment, a signal, or the end of the command or process that is traced.
//!
//! Programs do not wake us when they submit an event; that would cost more than all else they do. So the ring buffer is
//! looked at on a timer, often while there is something in it and seldom while there is not.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::signal::Signals;

/// Between two looks while events arrive.
const BUSY: Duration = Duration::from_millis(2);
/// Between two looks when none came for a while.
const IDLE: Duration = Duration::from_millis(20);

/// Why waiting ended; if for nothing else, it is time to look at the ring buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wake {
    /// SIGINT or SIGTERM arrived, or the command or process ended.
    pub(crate) stop: bool,
    /// SIGUSR1 arrived.
    pub(crate) signal: bool,
}

/// How long to wait between two looks at the ring buffer.
#[derive(Debug)]
pub(crate) struct Pace(Duration);

impl Pace {
    pub(crate) fn new() -> Self {
        Self(BUSY)
    }

    /// Adapts to whether the last look found something, and returns how long to wait.
    pub(crate) fn next(&mut self, found: bool) -> Duration {
        self.0 = if found { BUSY } else { (self.0 + BUSY).min(IDLE) };
        self.0
    }
}

/// Waits for `pause` at most; without one until something happens. Each of `ends` is readable when the session is over.
pub(crate) fn wait(
    pause: Option<Duration>,
    signals: Option<&mut Signals>,
    ends: &[Option<BorrowedFd<'_>>],
) -> io::Result<Wake> {
    let own = signals.as_deref().map(AsFd::as_fd);
    let ends = ends.iter().copied().flatten();
    let count = ends.clone().count();
    let fds = ends.chain(own);
    let mut fds: Vec<PollFd<'_>> =
        fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    let pause = pause.map(|pause| Timespec { tv_sec: 0, tv_nsec: pause.subsec_nanos().into() });
    match poll(&mut fds, pause.as_ref()) {
        Ok(_) => (),
        // A debugger came or went.
        Err(rustix::io::Errno::INTR) => return Ok(Wake::default()),
        Err(error) => return Err(error.into()),
    }
    let ended = fds.iter().take(count).any(|fd| !fd.revents().is_empty());
    drop(fds);
    // A signal may have come after poll looked; it is taken here, so it must count here.
    let arrived = signals.map(Signals::take).unwrap_or_default();
    Ok(Wake { stop: ended || arrived.stop, signal: arrived.user })
}

/// Whether one of the processes is over.
pub(crate) fn is_any_over(ends: &[Option<BorrowedFd<'_>>]) -> bool {
    wait(Some(Duration::ZERO), None, ends).is_ok_and(|wake| wake.stop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::Child;

    #[test]
    fn idle_waits_grow_and_work_shortens_them() {
        let mut pace = Pace::new();
        assert_eq!(pace.next(true), BUSY);
        let longest = (0..20).map(|_| pace.next(false)).last();
        assert_eq!(longest, Some(IDLE));
        assert_eq!(pace.next(true), BUSY);
    }

    #[test]
    fn the_end_of_the_command_ends_the_wait() {
        let mut child = Child::spawn("/bin/true", None).unwrap();
        assert_eq!(wait(Some(BUSY), None, &[Some(child.as_fd())]).unwrap(), Wake::default());
        assert!(!is_any_over(&[None, Some(child.as_fd())]));
        child.release().unwrap();
        assert!(wait(None, None, &[Some(child.as_fd())]).unwrap().stop);
        assert!(is_any_over(&[None, Some(child.as_fd())]));
    }
}
