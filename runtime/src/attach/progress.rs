//! A line that says how far attaching has come.

use std::io::Write;
use std::time::{Duration, Instant};

/// Nobody wants to read about less.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between two lines.
const PACE: Duration = Duration::from_millis(100);

/// A line on a terminal, rewritten as the work goes on, and wiped out at its end.
pub(crate) struct Progress<'a> {
    terminal: Option<&'a mut (dyn Write + 'static)>,
    all: usize,
    done: usize,
    next: Instant,
    shown: bool,
}

impl<'a> Progress<'a> {
    /// Of so many; silent without a terminal.
    pub(crate) fn new(all: usize, terminal: Option<&'a mut (dyn Write + 'static)>) -> Self {
        Self { terminal, all, done: 0, next: Instant::now() + PATIENCE, shown: false }
    }

    /// So many more are done.
    pub(super) fn step(&mut self, count: usize) {
        self.done += count;
        let now = Instant::now();
        let Some(terminal) = self.terminal.as_mut().filter(|_| now >= self.next) else { return };
        // Nobody is left to tell when the standard error is gone.
        let _ = write!(terminal, "\r\x1b[Kattached {} of {} probes", self.done, self.all);
        let _ = terminal.flush();
        (self.next, self.shown) = (now + PACE, true);
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(terminal) = self.terminal.as_mut().filter(|_| self.shown) {
            let _ = write!(terminal, "\r\x1b[K");
            let _ = terminal.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_wait_see_it() {
        let mut text: Vec<u8> = Vec::new();
        let mut progress = Progress::new(3, Some(&mut text));
        progress.step(1);
        progress.next = Instant::now();
        progress.step(1);
        drop(progress);
        assert_eq!(text, b"\r\x1b[Kattached 2 of 3 probes\r\x1b[K");
        let mut silent = Progress::new(3, None);
        silent.next = Instant::now();
        silent.step(1);
        assert!(!silent.shown);
    }
}
