//! A terminal that a test types into and reads from, with a session in it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::num::NonZeroU16;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{ioctl_tiocsctty, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use vt100::{Parser, Screen};

const POLL: Duration = Duration::from_millis(5);
/// More lines than a test prints, so that nothing leaves the screen.
const ROWS: u16 = 400;
pub(crate) const PROMPT: &str = "ebtrace>";

/// Keys.
pub(crate) const ENTER: &str = "\r";
pub(crate) const TAB: &str = "\t";
pub(crate) const UP: &str = "\x1b[A";
pub(crate) const CTRL_C: &str = "\x03";
pub(crate) const CTRL_D: &str = "\x04";
pub(crate) const CTRL_R: &str = "\x12";

/// The terminal, and what runs in it; that is killed when this is dropped.
pub(crate) struct Pty {
    pub(crate) child: Child,
    keys: File,
    screen: Arc<Mutex<Parser>>,
    /// How long anything may take.
    patience: Duration,
}

impl Pty {
    /// Starts a session in a terminal of so many columns, and waits for its prompt.
    pub(crate) fn start(
        (binary, args): (&Path, &[&str]),
        variables: &[(&str, &str)],
        folder: &Path,
        columns: u16,
        patience: Duration,
    ) -> Result<Self, String> {
        let mut command = Command::new(binary);
        command.args(args).current_dir(folder);
        for absent in ["NO_COLOR", "BPFTRACE_COLOR", "HOME"] {
            command.env_remove(absent);
        }
        command.env("TERM", "xterm-256color").env("XDG_STATE_HOME", folder);
        command.envs(variables.iter().copied());
        let pty = Self::open(command, columns, patience).map_err(|error| error.to_string())?;
        pty.await_prompt()?;
        Ok(pty)
    }

    fn open(mut command: Command, columns: u16, patience: Duration) -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = open(ptsname(&master, Vec::new())?, flags, Mode::empty())?;
        set_size(master.as_fd(), columns)?;
        command.stdin(terminal.try_clone()?).stdout(terminal.try_clone()?).stderr(terminal);
        // SAFETY: these are calls of the system and nothing else.
        unsafe {
            command.pre_exec(|| {
                setsid()?;
                // Whoever runs the tests may not want to hear of a terminal that goes away.
                libc::signal(libc::SIGHUP, libc::SIG_DFL);
                Ok(ioctl_tiocsctty(io::stdin())?)
            });
        }
        let child = command.spawn()?;
        // It holds the terminal open.
        drop(command);
        let screen = Arc::new(Mutex::new(Parser::new(size(ROWS), size(columns), 0)));
        let (shown, output) = (Arc::clone(&screen), File::from(master.try_clone()?));
        spawn(move || show(output, &shown));
        Ok(Self { child, keys: File::from(master), screen, patience })
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) -> Result<(), String> {
        self.keys.write_all(keys.as_bytes()).map_err(|error| error.to_string())
    }

    /// Types an entry, each line when the one before is there, and Enter.
    pub(crate) fn enter(&mut self, entry: &str) -> Result<(), String> {
        for line in entry.lines() {
            self.press(line)?;
            self.until(&format!("`{line}` is typed"), |screen| {
                // A long line is broken.
                let shown: String = line_of_cursor(screen).chars().rev().take(20).collect();
                line.trim_end().ends_with(&shown.chars().rev().collect::<String>())
                    || line_of_cursor(screen).ends_with(line.trim_end())
            })?;
            let row = self.row();
            self.press(ENTER)?;
            self.until("the next line begins", |screen| screen.cursor_position().0 > row)?;
        }
        Ok(())
    }

    /// Types an entry, and waits until it is done.
    pub(crate) fn carry_out(&mut self, entry: &str) -> Result<(), String> {
        self.enter(entry)?;
        self.await_prompt()
    }

    pub(crate) fn await_prompt(&self) -> Result<(), String> {
        self.until("there is a prompt", |screen| line_of_cursor(screen) == PROMPT)
    }

    /// Drops the line that is typed.
    pub(crate) fn drop_line(&mut self) -> Result<(), String> {
        let row = self.row();
        self.press(CTRL_C)?;
        self.until("there is a new prompt", |screen| {
            screen.cursor_position().0 > row && line_of_cursor(screen) == PROMPT
        })
    }

    /// Waits until Ctrl-C is a signal, as it is while an entry is carried out.
    pub(crate) fn await_plain(&self) -> Result<(), String> {
        let deadline = Instant::now() + self.patience;
        while !self.is_plain()? {
            if Instant::now() > deadline {
                return Err(format!(
                    "the terminal is still in the hands of the editor\n{}",
                    self.text()
                ));
            }
            sleep(POLL);
        }
        Ok(())
    }

    /// Waits until some line is like this.
    pub(crate) fn await_line(&self, wanted: &str) -> Result<(), String> {
        self.until(&format!("there is a line `{wanted}`"), |screen| {
            screen.contents().lines().any(|line| line.trim_end() == wanted)
        })
    }

    /// Waits until the line that is typed is like this.
    pub(crate) fn await_typed(&self, wanted: &str) -> Result<(), String> {
        let line = format!("{PROMPT} {wanted}");
        self.until(&format!("`{line}` is typed"), |screen| {
            line_of_cursor(screen) == line.trim_end()
        })
    }

    pub(crate) fn until(
        &self,
        what: &str,
        mut is_so: impl FnMut(&Screen) -> bool,
    ) -> Result<(), String> {
        let deadline = Instant::now() + self.patience;
        while !is_so(self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen()) {
            if Instant::now() > deadline {
                return Err(format!("not in time: {what}; the screen shows\n{}", self.text()));
            }
            sleep(POLL);
        }
        Ok(())
    }

    /// All that the screen shows.
    pub(crate) fn text(&self) -> String {
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        text_of(screen.screen())
    }

    fn row(&self) -> u16 {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().cursor_position().0
    }

    /// Makes the terminal so wide.
    pub(crate) fn resize(&self, columns: u16) -> Result<(), String> {
        let mut screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        screen.screen_mut().set_size(size(ROWS), size(columns));
        set_size(self.keys.as_fd(), columns).map_err(|error| error.to_string())
    }

    /// Whether the terminal shows what is typed and turns Ctrl-C into a signal, as it does outside of editing.
    pub(crate) fn is_plain(&self) -> Result<bool, String> {
        let modes = tcgetattr(&self.keys).map_err(|error| error.to_string())?.local_modes;
        Ok(modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG))
    }

    /// Waits for the end.
    pub(crate) fn ended(&mut self) -> Result<ExitStatus, String> {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if Instant::now() < deadline => sleep(POLL),
                Ok(None) => return Err(format!("it did not end\n{}", self.text())),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// All that a screen shows, without blanks at the ends of lines.
pub(crate) fn text_of(screen: &Screen) -> String {
    screen.contents().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The line that the cursor is in.
pub(crate) fn line_of_cursor(screen: &Screen) -> String {
    let (row, _) = screen.cursor_position();
    let line = screen.rows(0, screen.size().1.get()).nth(row.into()).unwrap_or_default();
    line.trim_end().to_owned()
}

fn size(of: u16) -> NonZeroU16 {
    NonZeroU16::new(of).unwrap_or(NonZeroU16::MIN)
}

fn set_size(terminal: impl AsFd, columns: u16) -> io::Result<()> {
    let size = Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(tcsetwinsize(terminal, size)?)
}

/// Shows what is written, until nobody has the terminal open any more.
fn show(mut output: File, screen: &Mutex<Parser>) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = output.read(&mut bytes) {
        screen.lock().unwrap_or_else(PoisonError::into_inner).process(&bytes[..count]);
    }
}
