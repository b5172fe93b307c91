//! Whole sessions, as `ebtrace repl < FILE` has them: what is typed, and what comes of it.
//!
//! A transcript is `tests/repl/NAME.txt`. A line that begins with `> ` is typed, and one that begins with `| ` goes on
//! with it; all others must be printed, in order, and nothing else. Standard output and standard error are one.
//!
//! | line | what is printed |
//! |---|---|
//! | `~ REGEX` | a line that matches |
//! | `…` | any lines, or none |
//! | with `…` in it | a line with any text in its place |
//!
//! Before the first typed line stand directives, `# word: value`; other lines with `#` are prose.
//!
//! | directive | meaning |
//! |---|---|
//! | `needs: kprobe …` | facilities of the machine, as those of scripts |
//! | `run: --fail-fast` | arguments after `repl`, split at blanks |
//! | `before: COMMAND` | run by a shell before the session; must succeed |
//! | `process: COMMAND` | started after that by a shell, and ended with the test |
//! | `then: COMMAND` | run by a shell after the session; must succeed |
//! | `exit: 1` | exit status (0) |
//! | `timeout: 20` | seconds (20), multiplied by `EBTRACE_LIVE_SLOW` |
//!
//! A session runs in a folder of its own, where `before` and `then` run too; `$EBTRACE` is the binary. In directives and
//! typed lines `$PROCESS` is the number of the process.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use libtest_mimic::{Completion, Trial};
use regex::Regex;

use crate::session::{Scratch, Tracer};
use crate::{facility, slowed};

/// One session.
#[derive(Default)]
struct Transcript {
    needs: Vec<String>,
    run: Vec<String>,
    before: Vec<String>,
    process: Option<String>,
    then: Vec<String>,
    exit: i32,
    timeout: u64,
    typed: String,
    printed: Vec<Printed>,
}

/// Lines that are expected.
pub(crate) enum Printed {
    /// One that matches.
    Line(Regex),
    /// Any, or none.
    Any,
}

/// One test for each transcript.
pub(crate) fn trials(binary: &Path, slowness: u32) -> Vec<Trial> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/repl");
    let mut files: Vec<PathBuf> = match folder.read_dir() {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        Err(error) => {
            let message = format!("cannot read {}: {error}", folder.display());
            return vec![Trial::test("repl", || Err(message.into()))];
        }
    };
    files.retain(|path| path.extension() == Some(OsStr::new("txt")));
    files.sort();
    let trial = |file: PathBuf| {
        let binary = binary.to_owned();
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Trial::ignorable_test(format!("repl/{name}"), move || {
            let text = fs::read_to_string(&file)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            let transcript = Transcript::parse(&text)?;
            if let Some(reason) = facility::missing(&transcript.needs)? {
                return Ok(Completion::ignored_with(reason));
            }
            transcript.check(&binary, slowness)?;
            Ok(Completion::Completed)
        })
    };
    files.into_iter().map(trial).collect()
}

impl Transcript {
    fn parse(text: &str) -> Result<Self, String> {
        let mut transcript = Self { timeout: 20, ..Self::default() };
        for (index, line) in text.lines().enumerate() {
            let taken = transcript.take(line);
            taken.map_err(|fault| format!("line {}: {fault}", index + 1))?;
        }
        match transcript.typed.is_empty() {
            false => Ok(transcript),
            true => Err("nothing is typed; such lines begin with `> `".to_owned()),
        }
    }

    fn take(&mut self, line: &str) -> Result<(), String> {
        match (line.strip_prefix('#'), line.strip_prefix("> "), line.strip_prefix("| ")) {
            (Some(comment), ..) if self.typed.is_empty() => match comment.split_once(": ") {
                Some((word, value)) if !word.trim().contains(' ') => {
                    return self.direct(word.trim(), value.trim());
                }
                _ => {}
            },
            (_, Some(typed), _) | (.., Some(typed)) => {
                self.typed.push_str(typed);
                self.typed.push('\n');
            }
            // Nothing can stand behind the mark.
            _ if line == ">" || line == "|" => self.typed.push('\n'),
            _ if self.typed.is_empty() && line.is_empty() => {}
            _ => self.printed.push(Printed::new(line)?),
        }
        Ok(())
    }

    fn direct(&mut self, word: &str, value: &str) -> Result<(), String> {
        let words = || value.split_whitespace().map(str::to_owned);
        let number = || value.parse::<u16>().map_err(|_| format!("`{word}: {value}`: no number"));
        match word {
            "needs" => self.needs.extend(words()),
            "run" => self.run.extend(words()),
            "before" => self.before.push(value.to_owned()),
            "process" => self.process = Some(value.to_owned()),
            "then" => self.then.push(value.to_owned()),
            "exit" => self.exit = number()?.into(),
            "timeout" => self.timeout = number()?.into(),
            _ => return Err(format!("unknown directive `{word}`")),
        }
        Ok(())
    }

    fn check(&self, binary: &Path, slowness: u32) -> Result<(), String> {
        let binary = binary.canonicalize().map_err(|error| error.to_string())?;
        let mut scratch = Scratch::new()?;
        let shell = |scratch: &Scratch, command: &String| {
            scratch.shell(&format!("EBTRACE='{}'\n{command}", binary.display()))
        };
        self.before.iter().try_for_each(|command| shell(&scratch, command))?;
        let patience = slowed(self.timeout, slowness);
        scratch.start(self.process.as_deref(), Instant::now() + patience)?;
        let session = scratch.folder.join("session.txt");
        let error = |error: std::io::Error| format!("{}: {error}", session.display());
        fs::write(&session, scratch.fill_in(&self.typed)).map_err(error)?;
        let mut command = Command::new("sh");
        // What is printed on either stream is seen in the order in which it came.
        command.args(["-c", "exec \"$0\" repl \"$@\" 2>&1"]).arg(&binary);
        command.args(self.run.iter().map(|word| scratch.fill_in(word)));
        command.stdin(File::open(&session).map_err(error)?).current_dir(&scratch.folder);
        let deadline = Instant::now() + patience;
        let mut tracer = Tracer::start(&mut command, deadline)?;
        let Some(status) = tracer.wait()? else {
            return Err(format!("still running in the end\n{}", tracer.kill().stdout));
        };
        let ended = tracer.finish(status);
        let all = |fault: String| format!("{fault}\nall that was printed:\n{}", ended.stdout);
        compare(&self.printed, &ended.stdout).map_err(all)?;
        if ended.status != Some(self.exit) {
            return Err(all(format!("exit status is {:?}, not {}", ended.status, self.exit)));
        }
        self.then.iter().try_for_each(|command| shell(&scratch, command)).map_err(all)
    }
}

impl Printed {
    /// As a line of a transcript says it.
    pub(crate) fn new(line: &str) -> Result<Self, String> {
        let pattern = match line.strip_prefix("~ ") {
            _ if line.trim() == "…" => return Ok(Printed::Any),
            Some(pattern) => pattern.to_owned(),
            None => line.split('…').map(regex::escape).collect::<Vec<_>>().join(".*"),
        };
        let pattern = Regex::new(&format!("^(?:{pattern})$")).map_err(|error| error.to_string())?;
        Ok(Printed::Line(pattern))
    }
}

/// Whether all that was printed is what is expected; else where they part.
pub(crate) fn compare(wanted: &[Printed], printed: &str) -> Result<(), String> {
    let lines: Vec<&str> = printed.lines().collect();
    // How many lines can be there after as many of the wanted ones.
    let mut reached: Vec<usize> = vec![0];
    for wanted in wanted {
        let after: Vec<usize> = match wanted {
            Printed::Any => (reached[0]..=lines.len()).collect(),
            Printed::Line(pattern) => {
                let matches =
                    |&at: &usize| lines.get(at).is_some_and(|line| pattern.is_match(line));
                reached.iter().copied().filter(matches).map(|at| at + 1).collect()
            }
        };
        if after.is_empty() {
            let Printed::Line(pattern) = wanted else { unreachable!("any lines are always there") };
            let came =
                lines.get(reached[0]).map_or("the end".to_owned(), |line| format!("`{line}`"));
            let number = reached[0] + 1;
            return Err(format!("printed line {number} should match `{pattern}`, and is {came}"));
        }
        reached = after;
    }
    match reached.contains(&lines.len()) {
        true => Ok(()),
        false => {
            let at = reached[0];
            Err(format!("nothing should be printed from line {} on: `{}`", at + 1, lines[at]))
        }
    }
}
