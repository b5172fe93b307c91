//! Sessions that no transcript can hold: odd bytes, long entries, readers that go away, and users without privileges.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use libtest_mimic::Trial;

use crate::case::Ended;
use crate::place::{self, Place, Test};
use crate::session::Tracer;

/// One test for each oddity.
pub(crate) fn trials(binary: &Path, slowness: u32) -> Vec<Trial> {
    let tests: [Test; 8] = [
        ("the_last_line_needs_no_end", unended),
        ("bytes_that_are_no_text_do_no_harm", odd_bytes),
        ("long_entries_are_read", long_entries),
        ("a_reader_can_go_away", reader_gone),
        ("a_reader_can_go_away_while_probes_print", reader_gone_early),
        ("privileges_are_asked_for", unprivileged),
        ("a_file_that_cannot_be_written_is_told", unwritable),
        ("an_empty_session_says_nothing", empty),
    ];
    place::trials("prompt", &tests, (binary, 20, slowness))
}

impl Place {
    /// Runs a command of the shell in which `$0` is ebtrace and standard input is the session.
    fn shell(&self, session: &[u8], shell: &str) -> Result<Ended, String> {
        let mut command = Command::new("sh");
        command.args(["-c", shell]).arg(&self.binary);
        self.run(session, command)
    }

    fn run(&self, session: &[u8], mut command: Command) -> Result<Ended, String> {
        let input = self.scratch.folder.join("session");
        fs::write(&input, session).map_err(|error| error.to_string())?;
        let input = File::open(&input).map_err(|error| error.to_string())?;
        command.stdin(Stdio::from(input)).current_dir(&self.scratch.folder);
        let mut tracer = Tracer::start(&mut command, Instant::now() + self.patience)?;
        match tracer.wait()? {
            Some(status) => Ok(tracer.finish(status)),
            None => Err(format!("still running in the end\n{}", tracer.kill().shown())),
        }
    }

    /// What a session prints, where it has no fault.
    fn said(&self, session: &[u8]) -> Result<String, String> {
        let ended = self.shell(session, "exec \"$0\" repl")?;
        match (ended.status, ended.stderr.as_str()) {
            (Some(0), "") => Ok(ended.stdout),
            _ => Err(format!("status {:?}\n{}", ended.status, ended.shown())),
        }
    }
}

fn expect(is: bool, ended: &Ended) -> Result<(), String> {
    if is { Ok(()) } else { Err(format!("status {:?}\n{}", ended.status, ended.shown())) }
}

fn unended(place: &Place) -> Result<(), String> {
    for (session, wanted) in [("1 + 2", "3 : int8\n"), ("begin {\n  print(5);\n}", "5\n")] {
        let said = place.said(session.as_bytes())?;
        if said != wanted {
            return Err(format!("`{session}` gave {said:?}"));
        }
    }
    // What is not complete then is not carried out.
    let ended = place.shell(b"begin {\n  print(5);", "exec \"$0\" repl")?;
    expect(ended.stdout.is_empty() && ended.stderr.contains("is not closed"), &ended)
}

fn empty(place: &Place) -> Result<(), String> {
    for session in ["", "\n\n", "// nothing\n", " \n /* nor\nhere */"] {
        let said = place.said(session.as_bytes())?;
        if !said.is_empty() {
            return Err(format!("`{session}` gave {said:?}"));
        }
    }
    Ok(())
}

fn odd_bytes(place: &Place) -> Result<(), String> {
    let session = b"1 + \xff\n\x00\n\x1b\n\xc3\xa4 + 1\n:\xff\n:stop \xff\n\"\xff\"\r\n2 + 2\r\n";
    let ended = place.shell(session, "exec \"$0\" repl")?;
    let is_fine = ended.status == Some(0)
        && ended.stdout.lines().eq(["\u{fffd} : string[4]", "4 : int8"])
        && !ended.stderr.contains("panicked");
    expect(is_fine, &ended)
}

fn long_entries(place: &Place) -> Result<(), String> {
    let prints = format!("begin {{ {} }}", "print(1);\n".repeat(300));
    let said = place.said(prints.as_bytes())?;
    if said != "1\n".repeat(300) {
        return Err(format!("{} lines were printed", said.lines().count()));
    }
    for (entry, told) in [
        ("(".repeat(20_000), "levels deep"),
        (vec!["1"; 20_000].join(" + "), "operators"),
        ("x".repeat(200_000), "there is no builtin"),
        (":".repeat(200_000), "there is no command"),
    ] {
        let session = format!("{entry}\n\n\n2 + 2\n");
        let ended = place.shell(session.as_bytes(), "exec \"$0\" repl")?;
        let is_fine = ended.stdout == "4 : int8\n" && ended.stderr.contains(told);
        if ended.status != Some(0) || !is_fine {
            let shown: String = ended.shown().chars().take(2000).collect();
            return Err(format!("{:?} for `{}…`\n{shown}", ended.status, &entry[..20]));
        }
    }
    Ok(())
}

fn reader_gone(place: &Place) -> Result<(), String> {
    let session = "1 + 1\n".to_owned() + &":help\n".repeat(200);
    let ended = place.shell(session.as_bytes(), "\"$0\" repl | head -n 1")?;
    expect(ended.stdout == "2 : int8\n" && ended.stderr.is_empty(), &ended)
}

/// Nobody would end the probes if the session did not.
fn reader_gone_early(place: &Place) -> Result<(), String> {
    let session = b"interval:ms:10 { printf(\"tick\\n\"); }\n:wait\n";
    let ended = place.shell(session, "\"$0\" repl -q | head -n 1")?;
    expect(ended.stdout == "tick\n" && ended.stderr.is_empty(), &ended)
}

fn unprivileged(place: &Place) -> Result<(), String> {
    // Others may not see the folder of the build.
    let copy = place.scratch.folder.join("ebtrace");
    // Not by this process: a child of another test, just born, would keep it from being run.
    let prepared =
        Command::new("install").args(["-m", "755"]).args([&place.binary, &copy]).status().and_then(
            |_| fs::set_permissions(&place.scratch.folder, Permissions::from_mode(0o755)),
        );
    prepared.map_err(|error| error.to_string())?;
    let mut command = Command::new(&copy);
    command.arg("repl").uid(65534).gid(65534);
    let ended = place.run(b"1 + 1\n", command)?;
    let is_told = ended.stderr.starts_with("error: ") && ended.stderr.contains("sudo");
    expect(ended.status == Some(1) && ended.stdout.is_empty() && is_told, &ended)
}

fn unwritable(place: &Place) -> Result<(), String> {
    let ended = place.shell(b"1 + 1\n", "exec \"$0\" repl -o /no/such/folder/file")?;
    let is_told = ended.stderr.contains("/no/such/folder/file");
    expect(ended.status == Some(1) && ended.stdout.is_empty() && is_told, &ended)?;
    // Where nothing more can be written, the session ends.
    let ended =
        place.shell(b"begin { printf(\"a\\n\"); }\n2 + 2\n", "exec \"$0\" repl -o /dev/full")?;
    expect(ended.stderr.contains("No space left"), &ended)?;
    let ended = place.shell(b"1 + 1\n2 + 2\n", "exec \"$0\" repl > /dev/full")?;
    expect(!ended.stderr.contains("panicked"), &ended)
}
