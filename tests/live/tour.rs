//! `docs/repl.md`: its session is typed into a terminal as it stands, and its table is what `:help` prints.
//!
//! All blocks marked `session` are one session. A line that begins with the prompt is typed, and those that it needs to
//! be complete; `^C` is pressed when what stands before it has come. The rest must be on the screen, where `…` stands for
//! any text in a line, or alone for any lines.

use std::fs;
use std::path::Path;
use std::time::Duration;

use ebtrace::entry;
use libtest_mimic::Trial;

use crate::pty::{CTRL_C, PROMPT, Pty, text_of};
use crate::session::Scratch;
use crate::slowed;
use crate::transcript::{Printed, compare};

/// No line of the document is longer.
const COLUMNS: u16 = 160;

pub(crate) fn trials(binary: &Path, slowness: u32) -> Vec<Trial> {
    let (shown, listed) = (binary.to_owned(), binary.to_owned());
    let patience = slowed(20, slowness);
    vec![
        Trial::test("repl_md_is_a_session", move || Ok(tour(&shown, patience)?)),
        Trial::test("repl_md_lists_all_commands", move || Ok(commands(&listed, patience)?)),
    ]
}

fn document() -> Result<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/repl.md");
    fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn open(binary: &Path, scratch: &Scratch, patience: Duration) -> Result<Pty, String> {
    let binary = binary.canonicalize().map_err(|error| error.to_string())?;
    Pty::start((&binary, &["repl"]), &[], &scratch.folder, COLUMNS, patience)
}

fn tour(binary: &Path, patience: Duration) -> Result<(), String> {
    let (document, scratch) = (document()?, Scratch::new()?);
    let mut pty = open(binary, &scratch, patience)?;
    let mut wanted: Vec<Printed> = Vec::new();
    let mut lines = session(&document).into_iter().peekable();
    while let Some(line) = lines.next() {
        if line == "^C" {
            wanted.push(Printed::Any);
            pty.until("what stands before ^C", |screen| {
                compare(&wanted, &text_of(screen)).is_ok()
            })?;
            pty.press(CTRL_C)?;
            pty.await_prompt()?;
            continue;
        }
        wanted.push(Printed::new(line)?);
        let Some(first) = line.strip_prefix(PROMPT) else { continue };
        let mut typed = first.trim().to_owned();
        while !typed.starts_with(':') && !entry::is_complete(&typed) {
            let next = lines.next().ok_or_else(|| format!("`{typed}` is not complete"))?;
            wanted.push(Printed::new(next)?);
            typed = format!("{typed}\n{next}");
        }
        pty.enter(&typed)?;
        let is_awaited = lines.clone().find(|line| *line == "^C" || line.starts_with(PROMPT));
        if is_awaited.is_some_and(|line| line != "^C") {
            pty.await_prompt()?;
        }
    }
    let status = pty.ended()?;
    if !status.success() {
        return Err(format!("it ended with {status}"));
    }
    pty.until("all that the document shows", |screen| compare(&wanted, &text_of(screen)).is_ok())
        .map_err(|late| compare(&wanted, &pty.text()).err().unwrap_or_default() + "\n" + &late)
}

/// The lines of all blocks.
fn session(document: &str) -> Vec<&str> {
    let mut is_inside = false;
    let mut lines = Vec::new();
    for line in document.lines() {
        match line.strip_prefix("```") {
            Some(kind) => is_inside = kind == "session",
            None if is_inside => lines.push(line),
            None => {}
        }
    }
    lines
}

/// Each row of the table is a line of the list, in the same order.
fn commands(binary: &Path, patience: Duration) -> Result<(), String> {
    let (document, scratch) = (document()?, Scratch::new()?);
    let mut pty = open(binary, &scratch, patience)?;
    pty.carry_out(":help")?;
    let text = pty.text();
    let listed = text.lines().filter(|line| line.starts_with("  :")).map(|line| {
        let (command, help) = line.trim().split_once("  ").unwrap_or((line, ""));
        // A bar ends a cell.
        let command = command.replace("|", "\\|");
        format!("| `{command}` | {} |", help.trim())
    });
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| `:")).collect();
    let listed: Vec<String> = listed.collect();
    match listed.len() > 10 && rows == listed {
        true => Ok(()),
        false => Err(format!("the table should be\n{}", listed.join("\n"))),
    }
}
