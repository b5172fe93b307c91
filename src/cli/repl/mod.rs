//! A session at a prompt: probes are typed, compiled, attached and stopped one by one, and share their maps.
//!
//! Each probe is an object and a session of its own, in a thread of its own (`unit`); maps are handed from one to the
//! next. What was entered is remembered as a script, and each new entry is compiled as a part of it (`compiled`), so
//! that it knows what maps hold. On a terminal lines are edited (`editor`); else entries are read from standard input.

mod command;
mod compiled;
mod editor;
mod running;
mod screen;
mod state;
mod stream;
mod unit;

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use ebtrace_runtime::{Process, Signals, Terminal, kernel};

use super::args::Args;
use screen::Screen;
use state::State;
use unit::Listeners;

/// How long nothing is looked at while probes run.
const PATIENCE: Duration = Duration::from_millis(100);

/// What happens beside the one who types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// Ctrl-C.
    Interrupt,
    /// A probe has ended.
    Over,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    /// It was carried out.
    Fine,
    /// It was not, and why was said.
    Failed,
    /// It ends the session.
    Quit,
}

impl Done {
    /// Both of two.
    fn and(self, other: Done) -> Done {
        if self == Done::Fine { other } else { self }
    }
}

/// Runs a session; the result is the exit status.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    if args.command.is_some() || args.program.is_some() {
        bail!("a session at a prompt takes neither -c nor -e: type the probe when it asks for one");
    }
    if !kernel::is_privileged() {
        bail!(
            "tracing needs privileges that this user does not have; run the same command with `sudo`"
        );
    }
    if let Some(pid) = args.pid {
        Process::open(pid)?;
    }
    let signals = Signals::catch().context("cannot catch signals")?;
    let (tell, events) = mpsc::channel();
    let told = tell.clone();
    let screen = Screen::new();
    let listeners = Listeners::default();
    let state = State::new(args, screen.clone(), ((tell, events), listeners.clone()))?;
    let terminal = Terminal::now();
    let hear = move || listen(&signals, &told, (&listeners, terminal.as_ref()));
    thread::Builder::new().name("signals".to_owned()).spawn(hear)?;
    if io::stdin().is_terminal() {
        editor::run(state, &screen)
    } else {
        stream::run(state, args.fail_fast)
    }
}

/// Passes on what the terminal says; to be asked to end is to end at once, and the kernel takes all probes away.
fn listen(
    signals: &Signals,
    told: &Sender<Event>,
    (listeners, terminal): (&Listeners, Option<&Terminal>),
) {
    while let Ok(signal) = signals.next() {
        match signal {
            INTERRUPT => _ = told.send(Event::Interrupt),
            TERMINATE => {
                terminal.inspect(|terminal| terminal.restore());
                std::process::exit(128 + TERMINATE);
            }
            _ => listeners.signal(),
        }
    }
}

/// SIGINT and SIGTERM.
const INTERRUPT: i32 = 2;
const TERMINATE: i32 = 15;
