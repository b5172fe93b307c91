//! Reading an iterator: the kernel runs its program for one object after the other, and what it writes arrives here.

use std::fs::File;
use std::io::{self, Read, Write};
use std::time::Duration;

use ebtrace_image::{Attach, Image};

use crate::action::Actions;
use crate::poll::{self};
use crate::{Core, Error};

/// More than the kernel gathers before it lets go.
const CHUNK: usize = 64 * 1024;

impl Core {
    /// Reads an iterator to its end, or until the script or a signal ends it.
    pub(crate) fn read_iterator(&mut self, mut iterator: File) -> Result<(), Error> {
        let mut chunk = vec![0; CHUNK];
        let mut left = Vec::new();
        while !self.actions.borrow().is_over() && !self.is_interrupted()? {
            match iterator.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => left.extend_from_slice(&chunk[..count]),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => continue,
                    _ => return Err(Error::Iterator(error)),
                },
            }
            self.consume()?;
            let used = self.actions.borrow_mut().handle_all(&left);
            left.drain(..used);
        }
        self.actions.borrow_mut().take_broken().map_or(Ok(()), |error| Err(Error::Output(error)))
    }

    /// Says where the program stays.
    pub(crate) fn announce_pinned(&self, path: &str, quiet: bool) {
        if !quiet {
            let mut actions = self.actions.borrow_mut();
            // Nobody is left to tell when the standard error is gone.
            let _ = writeln!(actions.errors, "Program pinned to {path}");
        }
    }

    /// Whether somebody asked for the end meanwhile.
    pub(crate) fn is_interrupted(&mut self) -> Result<bool, Error> {
        let wake = poll::wait(Some(Duration::ZERO), self.signals.as_mut(), &[]);
        Ok(wake.map_err(Error::Events)?.stop)
    }
}

impl Actions {
    /// Carries out the events that stand side by side in some bytes, as far as they are whole, until one of them ends
    /// the session. Returns how many bytes they take.
    fn handle_all(&mut self, bytes: &[u8]) -> usize {
        let mut used = 0;
        while !self.is_over() {
            let Some(event) = self.first_event(&bytes[used..]) else { break };
            self.handle(event);
            used += event.len();
        }
        self.after_batch();
        used
    }
}

/// The path of an iterator that stays in the kernel, if that is what there is.
pub(crate) fn pinned(image: &Image) -> Option<&str> {
    let mut points = image.probes.iter().flat_map(|probe| &probe.points);
    points.find_map(|point| match &point.attach {
        Attach::Iterator { pin, .. } => pin.as_deref(),
        _ => None,
    })
}

/// What it means that an iterator cannot be read.
pub(crate) fn explain(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::E2BIG) => {
            "the output for one object is larger than what the kernel gathers, which is 32 KiB"
                .to_owned()
        }
        _ => error.to_string(),
    }
}
