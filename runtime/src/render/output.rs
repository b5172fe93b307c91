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

/// So many bytes a pipe takes at once, without those of others between them.
const WHOLE: usize = 4096;

/// Collects rendered bytes and writes them in blocks.
pub struct Output {
    writer: Box<dyn Write>,
    buffering: Buffering,
    buffer: Vec<u8>,
    held: bool,
    shared: bool,
}

impl Output {
    /// Output to `writer`, held back until [`Output::release`].
    pub fn new(writer: Box<dyn Write>, buffering: Buffering) -> Self {
        Self { writer, buffering, buffer: Vec::with_capacity(BLOCK), held: true, shared: false }
    }

    /// Others write to the same place: what they write shall not stand within a line.
    pub fn share(&mut self) {
        self.shared = true;
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
        let most = if self.shared { WHOLE } else { usize::MAX };
        let written = pieces(&self.buffer, most).try_for_each(|piece| self.writer.write_all(piece));
        // Once: a reader that went away is not written to again.
        self.buffer.clear();
        written?;
        self.writer.flush()
    }
}

/// Whole lines, so many as are no longer together than `most`, but one at least.
fn pieces(bytes: &[u8], most: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let is_end = |byte: &u8| *byte == b'\n';
        let length = match rest.get(..most) {
            None => rest.len(),
            Some(first) => match first.iter().rposition(is_end) {
                Some(end) => end + 1,
                None => rest.iter().position(is_end).map_or(rest.len(), |end| end + 1),
            },
        };
        let (piece, after) = rest.split_at(length);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines() {
        let cut = |text: &'static str, most| -> Vec<&str> {
            let pieces = pieces(text.as_bytes(), most);
            pieces.map(|piece| std::str::from_utf8(piece).unwrap()).collect()
        };
        assert_eq!(cut("ab\ncd\nef", usize::MAX), ["ab\ncd\nef"]);
        assert_eq!(cut("ab\ncd\nef", 7), ["ab\ncd\n", "ef"]);
        assert_eq!(cut("abcdefgh\nij\n", 4), ["abcdefgh\n", "ij\n"]);
        assert_eq!(cut("abcdefgh", 4), ["abcdefgh"]);
        assert!(cut("", 4).is_empty());
    }
}
