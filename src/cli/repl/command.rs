//! What is said to the session itself: `:probes` and its like.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Context, bail};
use ebtrace::builtin;
use ebtrace::diagnostic::nearest;
use ebtrace::entry::{self, Kind};
use ebtrace::list::{self, Manner};
use ebtrace::memory::{self, Piece};
use ebtrace::reference;
use ebtrace::source::Sources;
use ebtrace::syntax;

use super::Done;
use super::compiled::Refused;
use super::state::{State, Unit};
use super::unit::Running;
use crate::cli::args::Stage;
use crate::cli::stage::Stages;
use crate::cli::{about, report};

/// What a command is made of.
pub(super) struct Command {
    /// After the colon.
    pub(super) name: &'static str,
    /// What it takes, as its help spells it.
    takes: &'static str,
    /// What it does, in a line.
    pub(super) help: &'static str,
    run: fn(&mut State<'_>, &str) -> anyhow::Result<Done>,
}

/// All commands, as they are listed.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "probes",
        takes: "",
        help: "the probes of this session, and how often each ran",
        run: probes,
    },
    Command {
        name: "stop",
        takes: "[N…]",
        help: "stop probes, or all; their maps stay",
        run: stop,
    },
    Command {
        name: "start",
        takes: "[N…]",
        help: "start probes again, or all; they run beside the prompt",
        run: start,
    },
    Command {
        name: "wait",
        takes: "[TIME]",
        help: "wait until all probes have ended, or so long: `:wait 500ms`",
        run: wait,
    },
    Command {
        name: "maps",
        takes: "",
        help: "the maps of this session, and how many keys each has",
        run: maps,
    },
    Command { name: "forget", takes: "@MAP", help: "drop a map and what is in it", run: forget },
    Command {
        name: "type",
        takes: "EXPR",
        help: "the type of a value or map, which is not computed",
        run: type_of,
    },
    Command {
        name: "ast",
        takes: "[N|ENTRY]",
        help: "the newest entry, or another, as it was understood",
        run: ast,
    },
    Command {
        name: "ir",
        takes: "[N|ENTRY]",
        help: "its intermediate representation",
        run: |state, text| show(state, text, Stage::Ir),
    },
    Command {
        name: "llvm",
        takes: "[N|ENTRY]",
        help: "its LLVM code",
        run: |state, text| show(state, text, Stage::Llvm),
    },
    Command {
        name: "asm",
        takes: "[N|ENTRY]",
        help: "its BPF instructions, beside the lines they come from",
        run: |state, text| show(state, text, Stage::Asm),
    },
    Command {
        name: "list",
        takes: "GLOB",
        help: "the probes of this machine that match: `:list kprobe:vfs_*`",
        run: list,
    },
    Command { name: "load", takes: "FILE", help: "enter what stands in a file", run: load },
    Command {
        name: "save",
        takes: "FILE",
        help: "write definitions and probes to a file, as a script",
        run: save,
    },
    Command {
        name: "help",
        takes: "[NAME]",
        help: "this list; or what a builtin, probe type or option is",
        run: help,
    },
    Command {
        name: "explain",
        takes: "CODE",
        help: "what a code in a message means: `:explain E0304`",
        run: explain,
    },
    Command {
        name: "quit",
        takes: "",
        help: "end the session, as Ctrl-D does",
        run: |_, _| Ok(Done::Quit),
    },
];

/// What else can be typed.
const KEYS: &str = "\
An entry is a probe, a definition, a statement, or a value, which is shown with its type. An entry that is not
complete goes on in the next line. A probe runs until Ctrl-C; with `&` behind it, it runs beside the prompt.
Tab completes, Ctrl-R searches what was typed before, Ctrl-D ends the session.
";

/// Carries out an entry or a command.
///
/// # Errors
/// Only what ends the session; all else was said.
pub(super) fn carry_out(state: &mut State<'_>, text: &str) -> anyhow::Result<Done> {
    let Some((name, rest)) = split(text).or_else(|| alone(text)) else {
        return state.enter(text, None);
    };
    // Nobody types all of a long name.
    let mut known = COMMANDS.iter().filter(|command| command.name.starts_with(name));
    let exact = COMMANDS.iter().find(|command| command.name == name);
    let done = match (exact, known.next(), known.next()) {
        (Some(command), ..) | (None, Some(command), None) if !name.is_empty() => {
            (command.run)(state, rest)
        }
        _ => Err(unknown(name)),
    };
    done.or_else(|error| {
        report::failure(&error);
        Ok(Done::Failed)
    })
}

fn unknown(name: &str) -> anyhow::Error {
    let begun =
        COMMANDS.iter().filter(|command| !name.is_empty() && command.name.starts_with(name));
    let begun: Vec<String> = begun.map(|command| format!("`:{}`", command.name)).collect();
    if !begun.is_empty() {
        return anyhow::anyhow!("`:{name}` can be {}; type some more of it", begun.join(" or "));
    }
    match nearest(name, COMMANDS.iter().map(|command| command.name)) {
        Some(near) => anyhow::anyhow!("there is no command `:{name}`; perhaps `:{near}` is meant"),
        None => anyhow::anyhow!("there is no command `:{name}`; `:help` lists them"),
    }
}

/// Name and rest of a command.
fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start().strip_prefix(':')?;
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    Some((name, rest.trim()))
}

/// The word of a command whose colon was left out, where it cannot be anything else.
fn alone(text: &str) -> Option<(&str, &str)> {
    let word = text.trim();
    let known = COMMANDS.iter().any(|command| command.name == word);
    (known && builtin::find(word).is_none()).then_some((word, ""))
}

/// Whether what was typed can stand as it is.
pub(super) fn is_complete(text: &str) -> bool {
    match split(text) {
        Some((_, rest)) if rest.contains('{') => entry::is_complete(rest),
        Some(_) => true,
        None => entry::is_complete(text),
    }
}

fn probes(state: &mut State<'_>, _: &str) -> anyhow::Result<Done> {
    state.reap()?;
    let mut table = "  No  state         hits  name\n".to_owned();
    for Unit { number, piece, running, runs } in &state.units {
        let runs = runs + running.as_ref().map_or(0, Running::runs);
        let runs_now = if running.is_some() { "runs" } else { "stopped" };
        let name = piece.name().unwrap_or_default();
        let _ = writeln!(table, "{number:>4}  {runs_now:<8}{runs:>10}  {name}");
    }
    state.screen.say(match state.units.is_empty() {
        true => "there are no probes yet; type one: `interval:s:1 { print(nsecs); }`",
        false => table.trim_end(),
    });
    Ok(Done::Fine)
}

/// The probes that are meant by numbers or names; all without any.
fn meant(state: &State<'_>, words: &str) -> anyhow::Result<Vec<u32>> {
    if words.is_empty() || words == "all" {
        return Ok(state.units.iter().map(|unit| unit.number).collect());
    }
    let find = |word: &str| {
        let known = state.units.iter().find(|unit| {
            word == unit.number.to_string() || unit.piece.name().as_deref() == Some(word)
        });
        known
            .map(|unit| unit.number)
            .with_context(|| format!("there is no probe {word}; `:probes` lists them"))
    };
    words.split([' ', ',']).filter(|word| !word.is_empty()).map(find).collect()
}

fn stop(state: &mut State<'_>, words: &str) -> anyhow::Result<Done> {
    let numbers = meant(state, words)?;
    match words {
        "" | "all" => state.stop_all(),
        _ => state.stop(&numbers),
    }
}

fn start(state: &mut State<'_>, words: &str) -> anyhow::Result<Done> {
    state.reap()?;
    let numbers = meant(state, words)?;
    let stopped = state.units.iter().filter(|unit| unit.running.is_none());
    let wanted: Vec<(u32, Piece)> = stopped
        .filter(|unit| numbers.contains(&unit.number))
        .map(|unit| (unit.number, unit.piece.clone()))
        .collect();
    let mut compiled = Vec::new();
    for (number, piece) in wanted {
        let Some(probe) = state.compile(std::slice::from_ref(&piece), &piece)? else {
            return Ok(Done::Failed);
        };
        state.memory.add(piece);
        compiled.push((number, probe));
    }
    state.launch(compiled)
}

fn wait(state: &mut State<'_>, time: &str) -> anyhow::Result<Done> {
    let most = match time {
        "" => None,
        time => Some(duration(time).with_context(|| {
            format!("`{time}` is no time; write seconds, or a unit: `:wait 2`, `:wait 500ms`")
        })?),
    };
    state.wait(most)
}

fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let number: u64 = number.parse().ok()?;
    match unit.trim() {
        "" | "s" => Some(Duration::from_secs(number)),
        "ms" => Some(Duration::from_millis(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

fn maps(state: &mut State<'_>, _: &str) -> anyhow::Result<Done> {
    let mut table = String::new();
    for known in state.maps.values() {
        let keys = known.shared.count()?;
        let plural = if keys == 1 { "" } else { "s" };
        let _ = match known.shared.info().key {
            Some(_) => writeln!(table, "{}, {keys} key{plural}", known.ty),
            None if keys == 0 => writeln!(table, "{}, not assigned", known.ty),
            None => writeln!(table, "{}", known.ty),
        };
    }
    state.screen.say(match table.trim_end() {
        "" => "there are no maps yet",
        table => table,
    });
    Ok(Done::Fine)
}

fn forget(state: &mut State<'_>, name: &str) -> anyhow::Result<Done> {
    state.reap()?;
    if name.is_empty() {
        bail!("say which map: `:forget @`; `:maps` lists them");
    }
    if !state.maps.contains_key(name) {
        match nearest(name, state.maps.keys().map(String::as_str)) {
            Some(near) => bail!("there is no map `{name}`; perhaps `:forget {near}` is meant"),
            None => bail!("there is no map `{name}`; `:maps` lists them"),
        }
    }
    let uses = |unit: &&Unit| unit.running.is_some() && unit.piece.maps.contains(name);
    if let Some(unit) = state.units.iter().find(uses) {
        bail!(
            "`{name}` is used by probe {number}, which runs: `:stop {number}` first",
            number = unit.number
        );
    }
    state.maps.shift_remove(name);
    state.memory.forget_map(name);
    Ok(Done::Fine)
}

fn type_of(state: &mut State<'_>, text: &str) -> anyhow::Result<Done> {
    if text.is_empty() {
        bail!("say of what: `:type curtask->comm`");
    }
    let Some(entry) = state.read(text, None) else { return Ok(Done::Failed) };
    if entry.kind != Kind::Value {
        bail!("`{text}` is no value, so it has no type");
    }
    let new = memory::pieces(&state.sources, entry.file, &entry.script);
    match state.try_compile(&new, &new[0])? {
        Ok(compiled) => {
            let map =
                entry.whole_map().and_then(|name| compiled.map_types().remove(&format!("@{name}")));
            let ty = compiled.value_type().or(map).unwrap_or_else(|| "void".to_owned());
            state.screen.say(&ty);
            Ok(Done::Fine)
        }
        Err(Refused(wrong)) => {
            report::diagnostics(&state.sources, &wrong);
            Ok(Done::Failed)
        }
    }
}

/// The entry that is meant: the newest, a probe by its number, or the text itself.
fn entry_text(state: &State<'_>, text: &str) -> anyhow::Result<String> {
    if let Ok(number) = text.parse::<u32>() {
        let unit = state.units.iter().find(|unit| unit.number == number);
        let unit =
            unit.with_context(|| format!("there is no probe {number}; `:probes` lists them"))?;
        return Ok(unit.piece.text.clone());
    }
    match text {
        "" if state.newest.is_empty() => bail!("nothing was entered yet; say what to show"),
        "" => Ok(state.newest.clone()),
        text => Ok(text.to_owned()),
    }
}

fn ast(state: &mut State<'_>, text: &str) -> anyhow::Result<Done> {
    let text = entry_text(state, text)?;
    let Some(entry) = state.read(&text, None) else { return Ok(Done::Failed) };
    state.screen.say(syntax::print::script(&entry.script).trim_end());
    Ok(Done::Fine)
}

fn show(state: &mut State<'_>, text: &str, stage: Stage) -> anyhow::Result<Done> {
    let text = entry_text(state, text)?;
    let Some(entry) = state.read(&text, None) else { return Ok(Done::Failed) };
    let new = memory::pieces(&state.sources, entry.file, &entry.script);
    if !new.iter().any(Piece::is_probe) {
        bail!("a definition has no code of its own; show a probe that uses it");
    }
    for piece in new.iter().filter(|piece| piece.is_probe()) {
        let Some(compiled) = state.compile(&new, piece)? else { return Ok(Done::Failed) };
        Stages::new(&[stage]).show(
            &compiled.checked,
            &state.sources,
            entry.file,
            state.target(),
        )?;
    }
    Ok(Done::Fine)
}

fn list(state: &mut State<'_>, pattern: &str) -> anyhow::Result<Done> {
    if pattern.is_empty() {
        bail!("say which: `:list tracepoint:sched:*`");
    }
    let folders = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    let manner = Manner { folders, ..Manner::default() };
    let listing = list::search(pattern, &state.host(), &manner);
    for trouble in &listing.troubles {
        report::failure(&anyhow::anyhow!("{trouble}"));
    }
    match listing.text.trim_end() {
        "" => bail!("no probe of this machine matches `{pattern}`"),
        text => state.screen.say(text),
    }
    Ok(Done::Fine)
}

fn load(state: &mut State<'_>, path: &str) -> anyhow::Result<Done> {
    if path.is_empty() {
        bail!("say which file: `:load lat.bt`");
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read {path}"))?;
    state.enter(&String::from_utf8_lossy(&bytes), Some(path))
}

fn save(state: &mut State<'_>, path: &str) -> anyhow::Result<Done> {
    if path.is_empty() {
        bail!("say into which file: `:save lat.bt`");
    }
    let definitions: Vec<&str> =
        state.memory.definitions().map(|piece| piece.text.as_str()).collect();
    let probes = state.units.iter().map(|unit| unit.piece.text.as_str());
    let all: Vec<&str> = definitions.iter().copied().chain(probes).collect();
    let script = all.join("\n\n") + "\n";
    // What was saved runs by itself.
    let mut sources = Sources::new();
    let file = sources.add(path, script.clone());
    let (_, wrong) = syntax::parse(&sources, file);
    if wrong.has_errors() {
        report::diagnostics(&sources, &wrong);
        return Ok(Done::Failed);
    }
    fs::write(path, script).with_context(|| format!("cannot write {path}"))?;
    let (probes, definitions) = (state.units.len(), definitions.len());
    state.screen.say(&format!("probes: {probes}, definitions: {definitions}, in {path}"));
    Ok(Done::Fine)
}

fn help(state: &mut State<'_>, name: &str) -> anyhow::Result<Done> {
    let plain = name.trim_end_matches("()").trim_start_matches(':').trim_end_matches(':');
    if plain.is_empty() {
        let mut text = String::new();
        for Command { name, takes, help, .. } in COMMANDS {
            let _ = writeln!(text, "  {:<20}{help}", format!(":{name} {takes}"));
        }
        state.screen.say(&format!("{KEYS}\n{}", text.trim_end()));
        return Ok(Done::Fine);
    }
    let command = COMMANDS.iter().find(|command| command.name == plain && name.starts_with(':'));
    match command {
        Some(Command { name, takes, help, .. }) => {
            state.screen.say(&format!(":{name} {takes}\n{help}"));
        }
        None => state.screen.say(about::entry(plain)?.trim_end()),
    }
    Ok(Done::Fine)
}

fn explain(state: &mut State<'_>, code: &str) -> anyhow::Result<Done> {
    if code.is_empty() {
        bail!("say which code: `:explain E0304`");
    }
    let text = reference::explained(code).with_context(|| {
        format!("there is no code `{code}`; messages show them in brackets, as in `error[E0304]`")
    })?;
    state.screen.say(text.trim_end());
    Ok(Done::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_entries() {
        assert_eq!(split(" :stop 2 3 "), Some(("stop", "2 3")));
        assert_eq!(split("nsecs"), None);
        assert!(
            is_complete(":asm") && !is_complete(":asm kprobe:f {") && !is_complete("kprobe:f {")
        );
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("2"), Some(Duration::from_secs(2)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("1m"), Some(Duration::from_secs(60)));
        assert_eq!((duration("soon"), duration("99999999999999999999")), (None, None));
    }

    #[test]
    fn names_of_commands_differ_early() {
        let mut firsts: Vec<&str> = COMMANDS.iter().map(|command| &command.name[..2]).collect();
        firsts.sort_unstable();
        firsts.dedup();
        assert!(firsts.len() >= COMMANDS.len() - 2, "{firsts:?}");
    }
}
