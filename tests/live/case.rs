//! What the head of a script says about its run, and whether a run was so.

use std::path::Path;

use regex::Regex;

/// The directives of one script.
#[derive(Default)]
pub(crate) struct Case {
    pub(crate) needs: Vec<String>,
    pub(crate) builds: Vec<String>,
    pub(crate) run: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) asks: Vec<String>,
    pub(crate) cmd: Option<String>,
    pub(crate) stdin: bool,
    pub(crate) before: Vec<String>,
    pub(crate) process: Option<String>,
    pub(crate) ready: Option<String>,
    pub(crate) after: Vec<String>,
    pub(crate) signal: Option<i32>,
    pub(crate) then: Vec<String>,
    pub(crate) timeout: u64,
    exit: i32,
    whole: Vec<String>,
    /// Empty lines at the end of the output do not matter.
    open_end: bool,
    expectations: Vec<Expectation>,
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// None: by a signal.
    pub(crate) status: Option<i32>,
}

struct Expectation {
    stream: Stream,
    wants: Wants,
}

#[derive(Clone, Copy)]
enum Stream {
    Out,
    Err,
}

enum Wants {
    Line(String),
    Match(Regex),
    NoMatch(Regex),
}

impl Case {
    pub(crate) fn read(script: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(script)
            .map_err(|error| format!("{}: {error}", script.display()))?;
        Self::parse(&text)
    }

    /// A script without directives, which prints these lines if they are known.
    pub(crate) fn documented(output: Option<Vec<String>>) -> Self {
        let whole = output.unwrap_or_default();
        Self { timeout: 20, signal: Some(libc::SIGINT), whole, open_end: true, ..Self::default() }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut case = Self { timeout: 20, ..Self::default() };
        let mut in_head = true;
        let mut expects = false;
        for (index, line) in text.lines().enumerate() {
            let place = |message: String| format!("line {}: {message}", index + 1);
            let Some(comment) = line.strip_prefix("//") else {
                in_head &= line.trim().is_empty() || line.starts_with("#!");
                continue;
            };
            if let Some(rest) = comment.strip_prefix(" out|") {
                case.whole.push(rest.strip_prefix(' ').unwrap_or(rest).to_owned());
                expects = true;
            } else if let Some((word, value)) = directive(comment) {
                if !in_head {
                    return Err(place(format!(
                        "the directive `{word}` stands after code; move it to the head"
                    )));
                }
                expects |= case.set(word, value).map_err(place)?;
            }
        }
        if expects {
            Ok(case)
        } else {
            Err("the script expects nothing; add `// expect: …` or `// exit: …`".to_owned())
        }
    }

    /// Takes one directive; true if it is an expectation.
    fn set(&mut self, word: &str, value: &str) -> Result<bool, String> {
        let words = || value.split_whitespace().map(str::to_owned);
        let number =
            || value.parse::<i32>().map_err(|_| format!("`{word}: {value}`: not a number"));
        match word {
            "needs" => self.needs.extend(words()),
            "builds" => self.builds.extend(words()),
            "run" => self.run.extend(words()),
            "args" => self.args.extend(words()),
            "asks" => self.asks.push(value.to_owned()),
            "process" => self.process = Some(value.to_owned()),
            "ready" => self.ready = Some(value.to_owned()),
            "cmd" => self.cmd = Some(value.to_owned()),
            "stdin" => self.stdin = value == "yes",
            "before" => self.before.push(value.to_owned()),
            "after" => self.after.push(value.to_owned()),
            "signal" => self.signal = Some(signal(value)?),
            "then" => self.then.push(value.to_owned()),
            "timeout" => self.timeout = number()?.unsigned_abs().into(),
            "exit" => self.exit = number()?,
            _ => {
                self.expectations.push(Expectation::new(word, value)?);
                return Ok(true);
            }
        }
        Ok(word == "exit" || word == "then")
    }

    pub(crate) fn judge(&self, ended: &Ended) -> Result<(), String> {
        let mut faults: Vec<String> =
            self.expectations.iter().filter_map(|wanted| wanted.fault(ended)).collect();
        let stdout = if self.open_end { ended.stdout.trim_end() } else { ended.stdout.as_str() };
        if !self.whole.is_empty() && !stdout.lines().eq(self.whole.iter().map(String::as_str)) {
            faults.push(format!("standard output is not\n{}", indented(&self.whole.join("\n"))));
        }
        match ended.status {
            Some(status) if status == self.exit => {}
            Some(status) => faults.push(format!("exit status is {status}, not {}", self.exit)),
            None => faults.push("ended by a signal".to_owned()),
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(format!("{}\n{}", faults.join("\n"), ended.shown()))
        }
    }
}

impl Ended {
    /// Both streams, for a failure.
    pub(crate) fn shown(&self) -> String {
        format!(
            "standard output:\n{}\nstandard error:\n{}",
            indented(&self.stdout),
            indented(&self.stderr)
        )
    }
}

impl Expectation {
    fn new(word: &str, value: &str) -> Result<Self, String> {
        let pattern = || Regex::new(value).map_err(|error| error.to_string());
        let (stream, kind) = match word.strip_prefix("expect_err") {
            Some(kind) => (Stream::Err, kind),
            None => (Stream::Out, word.strip_prefix("expect").unwrap_or("?")),
        };
        let wants = match kind {
            "" => Wants::Line(value.to_owned()),
            "_re" => Wants::Match(pattern()?),
            "_none" => Wants::NoMatch(pattern()?),
            _ => return Err(format!("unknown directive `{word}`; tests/live.rs lists them")),
        };
        Ok(Self { stream, wants })
    }

    fn fault(&self, ended: &Ended) -> Option<String> {
        let (name, text) = match self.stream {
            Stream::Out => ("standard output", &ended.stdout),
            Stream::Err => ("standard error", &ended.stderr),
        };
        match &self.wants {
            Wants::Line(line) if !text.lines().any(|other| other == line) => {
                Some(format!("{name} has no line `{line}`"))
            }
            Wants::Match(pattern) if !text.lines().any(|line| pattern.is_match(line)) => {
                Some(format!("{name} has no line that matches `{pattern}`"))
            }
            Wants::NoMatch(pattern) => text
                .lines()
                .find(|line| pattern.is_match(line))
                .map(|line| format!("{name} has the line `{line}`, which matches `{pattern}`")),
            _ => None,
        }
    }
}

/// `word: value` after the slashes; prose has blanks before its first colon, or capitals.
fn directive(comment: &str) -> Option<(&str, &str)> {
    let (word, value) = comment.strip_prefix(' ')?.split_once(':')?;
    let is_word =
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (is_word && (value.is_empty() || value.starts_with(' '))).then(|| (word, value.trim_start()))
}

fn signal(name: &str) -> Result<i32, String> {
    match name {
        "INT" => Ok(libc::SIGINT),
        "TERM" => Ok(libc::SIGTERM),
        "USR1" => Ok(libc::SIGUSR1),
        _ => Err(format!("unknown signal `{name}`: INT, TERM or USR1")),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
