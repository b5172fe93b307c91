//! Where a session writes: below each other while probes run, above the prompt while someone types.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a line that does not end, after which it is shown all the same.
const LONGEST: usize = 1 << 12;

/// Puts whole lines above a prompt.
pub(super) type Printer = Box<dyn FnMut(String) + Send>;

/// What all threads of a session write to.
#[derive(Clone)]
pub(super) struct Screen(Arc<Shared>);

struct Shared {
    printer: Mutex<Option<Printer>>,
    prompting: AtomicBool,
    /// What was written last ended its line.
    at_start: AtomicBool,
    /// Nobody reads any more.
    broken: AtomicBool,
}

impl Screen {
    /// Standard output and standard error.
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            printer: Mutex::new(None),
            prompting: AtomicBool::new(false),
            at_start: AtomicBool::new(true),
            broken: AtomicBool::new(false),
        }))
    }

    /// There is a prompt, and this puts lines above it.
    pub(super) fn set_printer(&self, printer: Printer) {
        *self.0.printer.lock().unwrap_or_else(PoisonError::into_inner) = Some(printer);
    }

    /// Somebody types from now on, or no longer.
    pub(super) fn prompt(&self, prompting: bool) {
        if prompting && !self.0.at_start.load(Ordering::SeqCst) {
            self.say("");
        }
        self.0.prompting.store(prompting, Ordering::SeqCst);
    }

    /// Whether the reader of the output went away.
    pub(super) fn is_broken(&self) -> bool {
        self.0.broken.load(Ordering::SeqCst)
    }

    /// Shows a line, or several.
    pub(super) fn say(&self, text: &str) {
        self.write(format!("{text}\n").as_bytes(), false);
    }

    /// What probes print to.
    pub(super) fn output(&self) -> Pen {
        Pen { screen: self.clone(), error: false, pending: Vec::new() }
    }

    /// What they complain to.
    pub(super) fn errors(&self) -> Pen {
        Pen { screen: self.clone(), error: true, pending: Vec::new() }
    }

    fn write(&self, bytes: &[u8], error: bool) {
        let Some(last) = bytes.last() else { return };
        let mut printer = self.0.printer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(print) = printer.as_mut().filter(|_| self.0.prompting.load(Ordering::SeqCst)) {
            return print(String::from_utf8_lossy(bytes).into_owned());
        }
        let written = match error {
            false => {
                let mut out = io::stdout().lock();
                out.write_all(bytes).and_then(|()| out.flush())
            }
            true => io::stderr().write_all(bytes),
        };
        self.0.at_start.store(*last == b'\n', Ordering::SeqCst);
        if written.is_err() && !error {
            self.0.broken.store(true, Ordering::SeqCst);
        }
    }
}

/// What one probe writes with.
pub(super) struct Pen {
    screen: Screen,
    error: bool,
    /// The beginning of a line, while only whole ones can be shown.
    pending: Vec<u8>,
}

impl Pen {
    fn put(&mut self, whole: bool) {
        let end = match whole && self.pending.len() < LONGEST {
            true => self.pending.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1),
            false => self.pending.len(),
        };
        let bytes: Vec<u8> = self.pending.drain(..end).collect();
        self.screen.write(&bytes, self.error);
    }
}

impl Write for Pen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.screen.is_broken() && !self.error {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.pending.extend_from_slice(bytes);
        self.put(self.screen.0.prompting.load(Ordering::SeqCst));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Pen {
    fn drop(&mut self) {
        self.put(false);
    }
}
