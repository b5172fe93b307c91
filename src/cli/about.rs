//! What ebtrace says of itself: `help NAME` and `explain CODE` show entries of the reference, `completions SHELL` and `man`
//! what shells and readers of manuals need.

use std::path::Path;

use anyhow::{anyhow, bail};
use ebtrace::diagnostic::nearest;
use ebtrace::reference;

use super::args;
use super::run::put;
use super::{completion, doctor, manual};

/// The word that asks for a session at a prompt.
pub(crate) const SESSION: &str = "repl";

/// Whether the words of the command line ask for a session at a prompt; a script of that name counts more.
pub(crate) fn asks_for_session(words: &[String]) -> bool {
    words == [SESSION] && !Path::new(SESSION).is_file()
}

/// Answers, if the words of the command line ask for an entry; a script of that name counts more.
pub(crate) fn answer(words: &[String]) -> Option<anyhow::Result<u8>> {
    let (word, names) = words.split_first()?;
    if Path::new(word).is_file() {
        return None;
    }
    match (word.as_str(), names) {
        ("help", []) => Some(usage()),
        ("help", [name]) => Some(help(name)),
        ("explain", names) => Some(explain(names)),
        ("completions", names) => Some(completions(names)),
        ("man", []) => Some(manual()),
        ("doctor", []) => Some(doctor::run()),
        ("help", _) => Some(Err(anyhow!("name one word, as in `ebtrace help count`"))),
        ("man" | "doctor" | SESSION, [more, ..]) => {
            Some(Err(anyhow!("`ebtrace {word}` stands alone: leave out `{more}`")))
        }
        _ => None,
    }
}

fn usage() -> anyhow::Result<u8> {
    put(&args::command().render_long_help().to_string())?;
    Ok(0)
}

fn help(name: &str) -> anyhow::Result<u8> {
    put(&entry(name)?)?;
    Ok(0)
}

/// What the reference says of a name.
pub(super) fn entry(name: &str) -> anyhow::Result<String> {
    // As it stands in a script.
    let plain = name.trim_end_matches("()").trim_end_matches(':');
    let Some(text) = reference::about(plain) else {
        match nearest(plain, reference::names()) {
            Some(near) => bail!("there is no `{name}`; did you mean `{near}`?"),
            None => bail!(
                "there is no probe type, builtin, option or variable `{name}`; topics are {}",
                reference::topics().join(" and ")
            ),
        }
    };
    Ok(text)
}

fn explain(ids: &[String]) -> anyhow::Result<u8> {
    let [id] = ids else {
        bail!("name one code, as messages show it: `ebtrace explain E0304`");
    };
    let Some(text) = reference::explained(id) else {
        bail!("there is no code `{id}`; messages show them in brackets, as in `error[E0304]`");
    };
    put(&text)?;
    Ok(0)
}

fn completions(shells: &[String]) -> anyhow::Result<u8> {
    let [shell] = shells else {
        bail!("name one shell, as in `source <(ebtrace completions bash)`");
    };
    let Some(text) = completion::registration(shell) else {
        bail!("there is no completion for `{shell}`, but for {}", completion::shells().join(", "));
    };
    put(&String::from_utf8_lossy(&text))?;
    Ok(0)
}

fn manual() -> anyhow::Result<u8> {
    put(&manual::page()?)?;
    Ok(0)
}
