//! A session without a terminal: entries are read from standard input, and no one is asked for more.

use std::io::{self, BufRead};

use ebtrace::entry;

use super::state::State;
use super::{Done, command};

/// Carries out all entries; the result is the exit status. It is 1 if one failed and that is to end the session.
pub(super) fn run(mut state: State<'_>, fail_fast: bool) -> anyhow::Result<u8> {
    let mut text = String::new();
    let mut failed = false;
    let mut lines = io::stdin().lock().split(b'\n');
    loop {
        let line = lines.next().transpose()?;
        let is_last = line.is_none();
        let line = String::from_utf8_lossy(&line.unwrap_or_default()).into_owned();
        text.push_str(&line);
        let is_whole = is_last || entry::is_cut_short(&text);
        text.push('\n');
        if !is_whole && !command::is_complete(&text) {
            continue;
        }
        let done = match entry::is_empty(&text) {
            true => Done::Fine,
            false => command::carry_out(&mut state, text.trim_end())?,
        };
        text.clear();
        let done = done.and(state.reap()?);
        failed |= done == Done::Failed;
        if done == Done::Quit || is_last || (failed && fail_fast) || state.screen.is_broken() {
            break;
        }
    }
    state.stop_all()?;
    Ok(if failed && fail_fast { 1 } else { state.status })
}
