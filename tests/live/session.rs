//! One run of ebtrace: started, triggered once it has attached, signalled, and awaited within its time.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::build;
use crate::case::{Case, Ended};
use crate::slowed;

const POLL: Duration = Duration::from_millis(5);

/// What a test has of its own, which goes when it ends, however it ends.
pub(crate) struct Scratch {
    pub(crate) folder: PathBuf,
    process: Option<Child>,
}

/// The process and what reads its output; killed with all that it started when dropped.
pub(crate) struct Tracer {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    attached: Receiver<()>,
    deadline: Instant,
}

pub(crate) fn run(
    case: &Case,
    script: &Path,
    binary: &Path,
    slowness: u32,
) -> Result<Ended, String> {
    let mut scratch = Scratch::new()?;
    case.builds.iter().try_for_each(|source| build::program(source, &scratch))?;
    case.before.iter().try_for_each(|command| build::command(command, &scratch))?;
    let patience = slowed(case.timeout, slowness);
    scratch.start(case.process.as_deref(), Instant::now() + patience)?;
    scratch.wait_until(case.ready.as_deref(), Instant::now() + patience)?;
    let deadline = Instant::now() + patience;
    let mut tracer = Tracer::start(&mut command(case, script, binary, &scratch)?, deadline)?;
    if let Err(reason) = tracer.trigger(case, &scratch) {
        return Err(format!("{reason}\n{}", tracer.kill().shown()));
    }
    let Some(status) = tracer.wait()? else {
        return Err(format!(
            "still running after {} s\n{}",
            (case.timeout) * u64::from(slowness),
            tracer.kill().shown()
        ));
    };
    let ended = tracer.finish(status);
    for command in &case.then {
        shell(&scratch.fill_in(command))
            .map_err(|reason| format!("{reason}\n{}", ended.shown()))?;
    }
    Ok(ended)
}

fn command(
    case: &Case,
    script: &Path,
    binary: &Path,
    scratch: &Scratch,
) -> Result<Command, String> {
    let mut command = Command::new(binary);
    command.args(case.run.iter().map(|word| scratch.fill_in(word)));
    if let Some(traced) = &case.cmd {
        command.arg("-c").arg(scratch.fill_in(traced));
    }
    if case.stdin {
        let file = std::fs::File::open(script)
            .map_err(|error| format!("{}: {error}", script.display()))?;
        command.arg("-").stdin(file);
    } else {
        command.arg(script).stdin(Stdio::null());
    }
    command.args(case.args.iter().map(|word| scratch.fill_in(word)));
    for question in &case.asks {
        command.args(shell(&scratch.fill_in(question))?.split_whitespace());
    }
    Ok(command)
}

impl Tracer {
    pub(crate) fn start(command: &mut Command, deadline: Instant) -> Result<Self, String> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that nothing it started outlives the test.
        command.process_group(0);
        let mut child = command
            .spawn()
            .map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))?;
        let (announce, attached) = channel();
        let stdout = child.stdout.take().map(|stream| spawn(|| read_all(stream)));
        let stderr = child.stderr.take().map(|stream| spawn(|| read_lines(stream, announce)));
        Ok(Self { child, stdout, stderr, attached, deadline })
    }

    fn trigger(&self, case: &Case, scratch: &Scratch) -> Result<(), String> {
        if case.after.is_empty() && case.signal.is_none() {
            return Ok(());
        }
        match self.attached.recv_timeout(self.deadline.saturating_duration_since(Instant::now())) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => {
                return Err("did not say `Attached N probes` in time".to_owned());
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err("ended without saying `Attached N probes`".to_owned());
            }
        }
        for command in &case.after {
            let command = scratch.fill_in(command).replace("$PID", &self.id().to_string());
            shell(&command)?;
        }
        if let Some(signal) = case.signal {
            send(self.id(), signal);
        }
        Ok(())
    }

    /// None: its time is over.
    pub(crate) fn wait(&mut self) -> Result<Option<ExitStatus>, String> {
        loop {
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                return Ok(Some(status));
            }
            if Instant::now() > self.deadline {
                return Ok(None);
            }
            sleep(POLL);
        }
    }

    pub(crate) fn kill(mut self) -> Ended {
        self.kill_group();
        let status = self.child.wait().unwrap_or_else(|_| ExitStatus::from_raw(9));
        self.finish(status)
    }

    pub(crate) fn finish(mut self, status: ExitStatus) -> Ended {
        // Whatever it left running would keep its pipes open.
        self.kill_group();
        let text = |reader: Option<JoinHandle<String>>| {
            reader.and_then(|thread| thread.join().ok()).unwrap_or_default()
        };
        Ended {
            stdout: text(self.stdout.take()),
            stderr: text(self.stderr.take()),
            status: status.code(),
        }
    }

    fn kill_group(&self) {
        send(-self.id(), libc::SIGKILL);
    }

    fn id(&self) -> i32 {
        self.child.id().cast_signed()
    }
}

/// Sends a signal to a process, or to a group if the id is negative; that it is gone already is no fault.
fn send(id: i32, signal: i32) {
    // SAFETY: kill(2) touches no memory of this process.
    unsafe { libc::kill(id, signal) };
}

impl Drop for Tracer {
    fn drop(&mut self) {
        self.kill_group();
        let _ = self.child.wait();
    }
}

impl Scratch {
    pub(crate) fn new() -> Result<Self, String> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // In a virtual machine that shares this folder with its host, the process id alone is not unique.
        let nanos = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|error| error.to_string())?
            .as_nanos();
        let folder = std::env::temp_dir()
            .join(format!("ebtrace-live.{}.{nanos}.{number}", std::process::id()));
        std::fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self { folder, process: None })
    }

    /// Starts the process that the test traces, and waits until it is no shell any more.
    pub(crate) fn start(&mut self, command: Option<&str>, deadline: Instant) -> Result<(), String> {
        let Some(command) = command else { return Ok(()) };
        let mut shell = Command::new("sh");
        let starts = format!("exec {}", self.fill_in(command));
        shell.args(["-c", &starts]).process_group(0);
        shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = shell.spawn().map_err(|error| format!("`{command}`: {error}"))?;
        let arguments = format!("/proc/{}/cmdline", process.id());
        self.process = Some(process);
        let still_shell = format!("sh\0-c\0{starts}\0");
        repeat_until(deadline, command, || {
            std::fs::read(&arguments).map_or(true, |now| now != still_shell.as_bytes())
        })
    }

    /// Repeats the command until it succeeds.
    fn wait_until(&self, command: Option<&str>, deadline: Instant) -> Result<(), String> {
        let Some(command) = command else { return Ok(()) };
        repeat_until(deadline, command, || shell(&self.fill_in(command)).is_ok())
    }

    /// Runs a command in the folder; it must succeed.
    pub(crate) fn shell(&self, command: &str) -> Result<(), String> {
        shell(&format!("cd '{}'\n{}", self.folder.display(), self.fill_in(command))).map(drop)
    }

    pub(crate) fn fill_in(&self, text: &str) -> String {
        let text = text.replace("$TMP", &self.folder.to_string_lossy());
        match &self.process {
            Some(process) => text.replace("$PROCESS", &process.id().to_string()),
            None => text,
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            send(-process.id().cast_signed(), libc::SIGKILL);
            let _ = process.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn repeat_until(
    deadline: Instant,
    what: &str,
    mut holds: impl FnMut() -> bool,
) -> Result<(), String> {
    while !holds() {
        if Instant::now() > deadline {
            return Err(format!("waited in vain for `{what}`"));
        }
        sleep(POLL);
    }
    Ok(())
}

/// What a command prints; fails with it when the command fails.
pub(crate) fn shell(command: &str) -> Result<String, String> {
    let ran = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).output();
    let output = ran.map_err(|error| format!("sh: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let printed = [output.stdout, output.stderr].concat();
    Err(format!(
        "`{command}` failed ({}): {}",
        output.status,
        String::from_utf8_lossy(&printed).trim()
    ))
}

fn read_all(mut stream: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads standard error to its end, and announces the line that says the probes are attached.
fn read_lines(stream: impl Read, announce: Sender<()>) -> String {
    let mut reader = BufReader::new(stream);
    let mut text = String::new();
    let mut announce = Some(announce);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        let shown = String::from_utf8_lossy(&line);
        if shown.starts_with("Attached ")
            && let Some(announce) = announce.take()
        {
            let _ = announce.send(());
        }
        text.push_str(&shown);
        line.clear();
    }
    text
}
