//! The state of the terminal, for whoever changes it and may be ended at any time.

use std::io::{IsTerminal, stdin};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// How the terminal of the standard input was.
#[derive(Debug, Clone)]
pub struct Terminal(Termios);

impl Terminal {
    /// As it is now; nothing where the standard input is no terminal.
    pub fn now() -> Option<Self> {
        let input = stdin();
        input.is_terminal().then(|| tcgetattr(&input).ok().map(Self)).flatten()
    }

    /// Makes it so again.
    pub fn restore(&self) {
        // Where it is gone there is nothing to restore.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}
