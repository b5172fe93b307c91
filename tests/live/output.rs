//! Who learns when that everything is attached, and when what is printed arrives.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

/// Prints before it is attached, and then waits.
const SCRIPT: &str = "begin { printf(\"early\\n\"); } interval:s:1000 { printf(\"never\\n\"); }";

pub(crate) fn trials(binary: &Path, slowness: u32) -> Vec<Trial> {
    let tests: [Test; 5] = [
        ("service_managers_learn_when_all_is_attached", notified),
        ("output_is_written_after_each_event", |running| written_at_once(running, "none")),
        ("output_is_written_after_each_batch", |running| written_at_once(running, "line")),
        ("output_is_written_at_the_end", written_at_the_end),
        ("lines_of_the_command_and_ours_are_not_mixed", lines_stay_whole),
    ];
    let trial = |(name, test): Test| {
        let running = Running {
            binary: binary.to_owned(),
            folder: std::env::temp_dir().join(format!("ebtrace-{name}.{}", std::process::id())),
            patience: super::slowed(5, slowness),
        };
        Trial::test(name, move || {
            std::fs::create_dir(&running.folder).map_err(|error| error.to_string())?;
            let result = test(&running).map_err(Failed::from);
            drop(std::fs::remove_dir_all(&running.folder));
            result
        })
    };
    tests.into_iter().map(trial).collect()
}

type Test = (&'static str, fn(&Running) -> Result<(), String>);

/// How the tracer is run.
struct Running {
    binary: PathBuf,
    folder: PathBuf,
    /// How long something may take.
    patience: Duration,
}

/// A tracer that runs; it is ended with the test.
struct Tracer(Child);

impl Running {
    /// Starts the tracer, and returns when it says that it has attached.
    fn start(&self, args: &[&str], variables: &[(&str, &Path)]) -> Result<Tracer, String> {
        let mut command = Command::new(&self.binary);
        command.args(args).args(["-e", SCRIPT]).envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut tracer = Tracer(command.spawn().map_err(|error| error.to_string())?);
        let errors = tracer.0.stderr.take().ok_or("no standard error")?;
        match BufReader::new(errors).lines().next() {
            Some(Ok(line)) if line == "Attached 2 probes" => Ok(tracer),
            line => Err(format!("not attached: {line:?}")),
        }
    }

    fn output(&self) -> PathBuf {
        self.folder.join("output")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.output()).unwrap_or_default()
    }

    fn is_written_in_time(&self, text: &str) -> bool {
        let deadline = Instant::now() + self.patience;
        while self.text() != text {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

impl Tracer {
    fn end(mut self) -> Result<(), String> {
        // SAFETY: it is our own child, which nobody has waited for.
        unsafe { libc::kill(self.0.id().cast_signed(), libc::SIGINT) };
        let status = self.0.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("it ended with {status}")) }
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn notified(running: &Running) -> Result<(), String> {
    let path = running.folder.join("manager");
    let manager = UnixDatagram::bind(&path).map_err(|error| error.to_string())?;
    manager.set_read_timeout(Some(running.patience)).map_err(|error| error.to_string())?;
    let variables: [(&str, &Path); 2] =
        [("NOTIFY_SOCKET", &path), ("__BPFTRACE_NOTIFY_PROBES_ATTACHED", Path::new("1"))];
    let mut tracer = running.start(&[], &variables)?;
    let mut message = [0; 64];
    let length = manager.recv(&mut message).map_err(|error| format!("no message: {error}"))?;
    let message = String::from_utf8_lossy(&message[..length]);
    if message.trim_end() != "READY=1" {
        return Err(format!("the manager was told {message:?}"));
    }
    let output = tracer.0.stdout.take().ok_or("no standard output")?;
    let lines: Result<Vec<String>, _> = BufReader::new(output).lines().take(2).collect();
    let lines = lines.map_err(|error| error.to_string())?;
    if lines != ["early", "__BPFTRACE_NOTIFY_PROBES_ATTACHED"] {
        return Err(format!("the output begins with {lines:?}"));
    }
    tracer.end()
}

fn written_at_once(running: &Running, mode: &str) -> Result<(), String> {
    let output = running.output();
    let tracer = running.start(&["-B", mode, "-o", &output.to_string_lossy()], &[])?;
    if !running.is_written_in_time("early\n") {
        return Err(format!("{:?} was written while it ran", running.text()));
    }
    tracer.end()
}

fn written_at_the_end(running: &Running) -> Result<(), String> {
    let output = running.output();
    let tracer = running.start(&["-B", "full", "-o", &output.to_string_lossy()], &[])?;
    std::thread::sleep(running.patience / 20);
    let early = running.text();
    tracer.end()?;
    match (early.as_str(), running.text().as_str()) {
        ("", "early\n\n\n") => Ok(()),
        (early, late) => {
            Err(format!("{early:?} was written while it ran, and {late:?} at the end"))
        }
    }
}

/// Both print much to one pipe, which is full.
fn lines_stay_whole(running: &Running) -> Result<(), String> {
    let ours = "-".repeat(99);
    let script = format!("interval:us:500 {{ for ($i : 0..90) {{ printf(\"{ours}\\n\"); }} }}");
    let command = running.folder.join("lines");
    let lines = "i=0; while [ $i -lt 20000 ]; do echo command; i=$((i+1)); done\n";
    std::fs::write(&command, lines).map_err(|error| error.to_string())?;
    let mut tracer = Command::new(&running.binary);
    tracer.args(["-q", "-e", &script, "-c", &format!("sh {}", command.display())]);
    tracer.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut tracer = Tracer(tracer.spawn().map_err(|error| error.to_string())?);
    let mut output = tracer.0.stdout.take().ok_or("no standard output")?;
    let (mut text, mut block) = (Vec::new(), [0; 1000]);
    // By then the pipe is full, and both wait for room in it.
    std::thread::sleep(running.patience / 40);
    loop {
        match output.read(&mut block).map_err(|error| error.to_string())? {
            0 => break,
            count => text.extend_from_slice(&block[..count]),
        }
        // Long enough for either to be in the midst of a line again and again.
        if text.len() < 400_000 {
            std::thread::sleep(Duration::from_micros(300));
        }
    }
    let text = String::from_utf8_lossy(&text);
    let count = |wanted: &str| text.lines().filter(|line| *line == wanted).count();
    match text.lines().find(|line| *line != ours && *line != "command" && !line.is_empty()) {
        Some(line) => Err(format!("lines are mixed: {line}")),
        None if count("command") == 20000 && count(&ours) > 100 => Ok(()),
        None => Err(format!("{} and {} lines", count("command"), count(&ours))),
    }
}
