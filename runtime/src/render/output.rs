//! When rendered bytes are written.

use std::io::{self, Write};

/// When output leaves the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Buffering {
    /// After each batch of events, a few milliseconds at most after they happened.
    #[default]
    Line,
    /// In large blocks, and at the end.
    Full,
    /// After each event.
    None,
}

/// From how many bytes on a block is written in any case.
const BLOCK: usize = 64 << 10;

/// Collects rendered bytes and writes them in blocks.
pub struct Output {
    writer: Box<dyn Write>,
    buffering: Buffering,
    buffer: Vec<u8>,
    held: bool,
}

impl Output {
    /// Output to `writer`, held back until [`Output::release`].
    pub fn new(writer: Box<dyn Write>, buffering: Buffering) -> Self {
        Self { writer, buffering, buffer: Vec::with_capacity(BLOCK), held: true }
    }

    /// Where renderers append.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Stops holding back; `first` comes before all that was held.
    ///
    /// # Errors
    /// What the writer says.
    pub fn release(&mut self, first: &[u8]) -> io::Result<()> {
        self.held = false;
        self.buffer.splice(0..0, first.iter().copied());
        self.after_batch()
    }

    /// Holds back again what is rendered from now on.
    ///
    /// # Errors
    /// What the writer says about what was rendered before.
    pub fn hold(&mut self) -> io::Result<()> {
        self.held = true;
        self.flush()
    }

    /// What is held back, which is then not written.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// To be called after each event.
    ///
    /// # Errors
    /// What the writer says.
    pub fn after_event(&mut self) -> io::Result<()> {
        if self.held || (self.buffer.len() < BLOCK && self.buffering != Buffering::None) {
            return Ok(());
        }
        self.flush()
    }

    /// To be called when no more events are waiting.
    ///
    /// # Errors
    /// What the writer says.
    pub fn after_batch(&mut self) -> io::Result<()> {
        if self.held || (self.buffer.len() < BLOCK && self.buffering == Buffering::Full) {
            return Ok(());
        }
        self.flush()
    }

    /// Writes all there is, held or not.
    ///
    /// # Errors
    /// What the writer says.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.writer.write_all(&self.buffer);
        // Once: a reader that went away is not written to again.
        self.buffer.clear();
        written?;
        self.writer.flush()
    }
}
