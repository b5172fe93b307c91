//! `cat` and `system`: output that comes from files and commands.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use super::Actions;
use crate::child::reset_signals;
use crate::render::printable;

impl Actions {
    /// Prints the beginning of a file.
    pub(super) fn cat(&mut self, path: &[u8]) {
        match beginning(Path::new(OsStr::from_bytes(path)), self.settings.max_cat_bytes.into()) {
            Ok(content) => self.look.renderer().content(self.output.buffer(), &content),
            Err(error) => self.complain(&format!(
                "failed to open file '{}' ({})",
                printable(path),
                words(&error)
            )),
        }
    }

    /// Runs a command in a shell and prints what it wrote.
    pub(super) fn system(&mut self, command: &[u8]) {
        // What was printed before stands before what the command itself writes to the standard error.
        let written = self.output.after_batch();
        self.note(written);
        match run(command) {
            Ok((output, status)) => {
                self.look.renderer().command(self.output.buffer(), &output);
                if let Some(failure) = failure(status) {
                    let command = printable(command);
                    self.complain(&format!("command {failure}: {command}"));
                }
            }
            Err(error) => self.complain(&format!("no command can be run ({})", words(&error))),
        }
    }

    fn complain(&mut self, message: &str) {
        // Nobody is left to tell when the standard error is gone.
        let _ = writeln!(self.errors, "ERROR: {message}");
    }
}

/// At most `most` bytes; of a pipe or a device what there is without waiting.
fn beginning(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let mut content = Vec::new();
    match file.take(most).read_to_end(&mut content) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(content),
    }
}

fn run(command: &[u8]) -> io::Result<(Vec<u8>, ExitStatus)> {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(OsStr::from_bytes(command));
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    // SAFETY: system calls that are async-signal-safe.
    let output = unsafe {
        shell.pre_exec(|| {
            reset_signals();
            Ok(())
        })
    };
    let output = output.output()?;
    Ok((output.stdout, output.status))
}

fn failure(status: ExitStatus) -> Option<String> {
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("exited with code {code}")),
        (None, Some(signal)) => Some(format!("was ended by signal {signal}")),
        (None, None) => None,
    }
}

/// The system's words for an error, without its number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_from_its_beginning() {
        let path = Path::new("/proc/self/status");
        assert_eq!(beginning(path, 5).unwrap(), b"Name:");
        let error = beginning(Path::new("/nope"), 5).unwrap_err();
        assert_eq!(words(&error), "No such file or directory");
    }

    #[test]
    fn commands_have_output_and_a_status() {
        let (output, status) = run(b"printf abc; exit 3").unwrap();
        assert_eq!(output, b"abc");
        assert_eq!(failure(status).unwrap(), "exited with code 3");
        let (output, status) = run(b"kill -TERM $$").unwrap();
        assert_eq!(
            (output.len(), failure(status).unwrap()),
            (0, "was ended by signal 15".to_owned())
        );
        assert_eq!(failure(run(b"true").unwrap().1), None);
    }
}
