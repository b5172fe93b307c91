//! The prompt on a terminal: lines are edited, completed, coloured and remembered.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use ebtrace::entry;
use ebtrace::highlight::{Class, highlight, highlight_statements};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, ExternalPrinter, Helper};

use super::Done;
use super::command::{self, COMMANDS};
use super::screen::Screen;
use super::state::State;
use crate::cli::live::Live;

const PROMPT: &str = "ebtrace> ";
/// Entries that are remembered across sessions.
const REMEMBERED: usize = 10_000;
/// Letters of a candidate, and of what is said of it.
const WIDEST: usize = 100;

/// Reads and carries out entries until the user ends the session; the result is the exit status.
pub(super) fn run(mut state: State<'_>, screen: &Screen) -> anyhow::Result<u8> {
    let assist = Rc::new(RefCell::new(Known { above: String::new(), host: state.host() }));
    let mut editor = editor(&assist)?;
    // A terminal that can do nothing has none.
    if let Ok(mut printer) = editor.create_external_printer() {
        screen.set_printer(Box::new(move |text| drop(printer.print(text))));
    }
    let history = history_file();
    if let Some(path) = &history {
        // There is none before the first session.
        let _ = editor.load_history(path);
    }
    screen.say(&format!(
        "ebtrace v{}: type a probe or a value; :help says more, Ctrl-D ends",
        env!("CARGO_PKG_VERSION")
    ));
    loop {
        state.reap()?;
        assist.borrow_mut().above = state.memory.text();
        screen.prompt(true);
        let read = editor.readline(&(PROMPT, prompt()));
        screen.prompt(false);
        let text = match read {
            Ok(text) => text,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error.into()),
        };
        if entry::is_empty(&text) {
            continue;
        }
        // It is only for comfort.
        let _ = editor.add_history_entry(&text);
        if let Some(path) = &history {
            let _ = editor.append_history(path);
        }
        if command::carry_out(&mut state, &text)? == Done::Quit || screen.is_broken() {
            break;
        }
    }
    state.stop_all()?;
    Ok(state.status)
}

fn editor(known: &Rc<RefCell<Known>>) -> anyhow::Result<Editor<Assistant, FileHistory>> {
    let config = Config::builder()
        .max_history_size(REMEMBERED)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .bracketed_paste(true)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Assistant(Rc::clone(known))));
    Ok(editor)
}

fn prompt() -> String {
    match has_colours() {
        true => format!("\x1b[1m{PROMPT}\x1b[0m"),
        false => PROMPT.to_owned(),
    }
}

fn has_colours() -> bool {
    crate::cli::report::color()
}

/// Where entries are remembered: in the user's folder for such things.
fn history_file() -> Option<PathBuf> {
    let set =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let states = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")))?;
    let folder = states.join("ebtrace");
    fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

/// What helps while something is typed.
struct Known {
    /// The items that were entered.
    above: String,
    host: Live,
}

struct Assistant(Rc<RefCell<Known>>);

impl Helper for Assistant {}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let text = &line[..at];
        if let Some(word) = text.strip_prefix(':').filter(|word| !word.contains(' ')) {
            let known = COMMANDS.iter().filter(|command| command.name.starts_with(word));
            let pairs = known.map(|command| pair(format!(":{} ", command.name), command.help));
            return Ok((0, pairs.collect()));
        }
        // What a command takes is an entry, but for what it is called.
        let start = match text.strip_prefix(':') {
            Some(_) => text.find(' ').map_or(at, |space| space + 1),
            None => 0,
        };
        let known = self.0.borrow();
        let (from, found) = entry::complete(&known.above, &text[start..], &known.host);
        let pairs = found.into_iter().map(|candidate| pair(candidate.text, &candidate.help));
        Ok((start + from, pairs.collect()))
    }
}

fn pair(text: String, help: &str) -> Pair {
    let display = match help {
        "" => text.clone(),
        help => format!("{text}  {help}"),
    };
    Pair { display: display.chars().take(WIDEST).collect(), replacement: text }
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if !has_colours() || line.starts_with(':') {
            return Cow::Borrowed(line);
        }
        let (mut text, mut at) = (String::new(), 0);
        let parts =
            if entry::begins_item(line) { highlight(line) } else { highlight_statements(line) };
        for (range, class) in parts {
            text.push_str(&line[at..range.start]);
            let _ = write!(text, "\x1b[{}m{}\x1b[0m", colour(class), &line[range.clone()]);
            at = range.end;
        }
        text.push_str(&line[at..]);
        Cow::Owned(text)
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        true
    }
}

/// The graphic rendition of a part of an entry.
fn colour(class: Class) -> &'static str {
    match class {
        Class::Keyword => "1;34",
        Class::Builtin | Class::Function => "36",
        Class::Type | Class::Option => "33",
        Class::ProbeType => "1;35",
        Class::AttachPoint => "35",
        Class::Map => "1;32",
        Class::Variable => "32",
        Class::Text => "33",
        Class::Number => "34",
        Class::Comment => "2",
        Class::Unclosed => "1;33;4",
        Class::Wrong => "1;31;4",
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        Ok(match entry::is_cut_short(text) || command::is_complete(text) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}
