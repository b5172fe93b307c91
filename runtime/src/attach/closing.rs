//! Letting go of what was attached.

use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr::null_mut;
use std::thread;

use rustix::pipe::{PipeFlags, pipe_with};

use crate::kernel;
use crate::perf::Event;

/// Most threads that close at the same time: each waits for tens of milliseconds, whatever the others do.
const CLOSERS: usize = 256;
/// From this kernel on, events that are closed at the same time share their wait; before, they delay each other.
const SHARED_WAIT: (u32, u32, u32) = (6, 13, 0);
/// From so many on, nobody waits for the kernel to close them.
const MANY: usize = 16;

/// Events on which no program runs any more. Closing one takes the kernel tens of milliseconds, for it waits until no
/// CPU can be in it; of some kinds it closes only one at a time.
#[derive(Debug, Default)]
pub(crate) struct Closing(Vec<Event>);

impl Closing {
    pub(super) fn new(events: Vec<Event>) -> Self {
        Self(events)
    }
}

impl Drop for Closing {
    /// Closes them, many of them in a process that is left behind for that and ends by itself.
    fn drop(&mut self) {
        let events = std::mem::take(&mut self.0);
        if events.len() < MANY {
            close(events);
        } else if let Some(gate) = leave_to_another(&events) {
            // Ours are not the last, and nothing waits for them.
            drop(events);
            drop(gate);
        }
    }
}

/// Closes all at the same time, if that is of use: each may take tens of milliseconds.
pub(super) fn close<T: Send>(mut all: Vec<T>) {
    if all.len() < 2 || kernel::version() < SHARED_WAIT {
        return;
    }
    let share = all.len().div_ceil(CLOSERS);
    thread::scope(|scope| {
        while !all.is_empty() {
            let rest = all.split_off(share.min(all.len()));
            let some = std::mem::replace(&mut all, rest);
            scope.spawn(move || drop(some));
        }
    });
}

/// Hands the events to a process of their own, which closes them when the gate has been dropped; none if there is no
/// process to be had.
fn leave_to_another(events: &[Event]) -> Option<OwnedFd> {
    let (wait, gate) = pipe_with(PipeFlags::CLOEXEC).ok()?;
    let mut kept: BTreeSet<RawFd> = events.iter().map(AsRawFd::as_raw_fd).collect();
    kept.insert(wait.as_raw_fd());
    let gaps = gaps(&kept);
    // SAFETY: what is forked makes system calls alone. It forks again, so that the process that closes has no parent
    // that must wait for it, and closes all but the events at once, so that nothing else is kept by it.
    let between = unsafe {
        let between = libc::fork();
        if between == 0 {
            if libc::fork() == 0 {
                libc::setsid();
                for &(first, last) in &gaps {
                    libc::syscall(libc::SYS_close_range, first, last, 0);
                }
                let mut byte = 0u8;
                libc::read(wait.as_raw_fd(), (&raw mut byte).cast(), 1);
            }
            libc::_exit(0)
        }
        between
    };
    // SAFETY: no status is asked for.
    (between > 0 && unsafe { libc::waitpid(between, null_mut(), 0) } == between).then_some(gate)
}

/// The ranges of descriptors that are none of these.
fn gaps(kept: &BTreeSet<RawFd>) -> Vec<(u32, u32)> {
    let mut gaps = Vec::new();
    let mut next = 0;
    for fd in kept.iter().map(|fd| fd.unsigned_abs()) {
        if fd > next {
            gaps.push((next, fd - 1));
        }
        next = fd + 1;
    }
    gaps.push((next, u32::MAX));
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_other_descriptors_are_in_a_gap() {
        assert_eq!(gaps(&BTreeSet::from([3, 4, 7])), [(0, 2), (5, 6), (8, u32::MAX)]);
        assert_eq!(gaps(&BTreeSet::from([0])), [(1, u32::MAX)]);
    }
}
