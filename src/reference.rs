//! The reference, generated from the tables: as a document, and entry by entry for a terminal.

use std::fmt::Write as _;

use crate::builtin::{Builtin, Permit};
use crate::diagnostic::{CODES, Entry};
use crate::environment::{self, Variable};
use crate::options::Named;
use crate::probe::Kind;
use crate::{builtin, options, probe};

/// Columns of a paragraph on a terminal.
const WIDTH: usize = 80;

/// `docs/reference.md`, whole.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Reference\n\n\
         Generated from the tables of the program; a test fails when it is stale, and `UPDATE=1 cargo test --test \
         examples` writes it anew.\n",
    );
    probes(&mut out);
    builtins(&mut out);
    options(&mut out);
    variables(&mut out);
    statuses(&mut out);
    codes(&mut out);
    out
}

fn probes(out: &mut String) {
    out.push_str("\n## Probe types\n");
    probe::kinds().for_each(|kind| probe_type(out, kind));
}

fn probe_type(out: &mut String, kind: &Kind) {
    let _ = write!(out, "\n### `{}`\n\n{}\n", kind.usage(), kind.summary);
    if !kind.aliases.is_empty() {
        let _ = writeln!(out, "\nShort: `{}`.", kind.aliases.join("`, `"));
    }
    let _ = writeln!(out, "\n{}", kind.details);
    scripts(out, kind.examples);
}

fn builtins(out: &mut String) {
    out.push_str("\n## Builtins\n");
    builtin::all().for_each(|entry| builtin_entry(out, entry));
}

fn builtin_entry(out: &mut String, builtin: &Builtin) {
    let value =
        if builtin.result.is_empty() { String::new() } else { format!(" → {}", builtin.result) };
    let _ = write!(out, "\n### `{}`{value}\n\n{}\n", builtin.signature(), builtin.summary);
    let kinds: Vec<&str> = probe::kinds()
        .filter(|kind| builtin.allowed_in(kind.context))
        .map(|kind| kind.name)
        .collect();
    if kinds.len() < probe::kinds().count() {
        let _ = writeln!(out, "\nOnly in `{}`.", kinds.join("`, `"));
    }
    match builtin.permit {
        Permit::Free => {}
        Permit::Unsafe => out.push_str("\nOnly with `--unsafe`.\n"),
        Permit::Unstable(unstable) => {
            let _ = writeln!(out, "\nMay still change; see the option `{}`.", unstable.option());
        }
    }
    if builtin.is_aggregate() {
        out.push_str("\nAssigned to a map.\n");
    }
    if !builtin.details.is_empty() {
        let _ = writeln!(out, "\n{}", builtin.details);
    }
    scripts(out, builtin.examples);
}

fn scripts(out: &mut String, examples: &[&str]) {
    for example in examples {
        let _ = write!(out, "\n```ebtrace\n{example}\n```\n");
    }
}

fn options(out: &mut String) {
    out.push_str(
        "\n## Options\n\nA script sets them in its `config` block, by name; the environment sets them under the same name in \
         capitals with `BPFTRACE_` in front, and counts more.\n\n| option | default | values | meaning |\n|---|---|---|---|\n",
    );
    for entry in options::ENTRIES {
        let (name, default, values) = (entry.name, entry.default, entry.wants());
        let _ = writeln!(out, "| `{name}` | `{default}` | {values} | {} |", entry.summary);
    }
}

/// What counts more, in words.
pub const PRECEDENCE: &str = "Each option of a script is a variable too: its name in capitals with `BPFTRACE_` in front, as in `BPFTRACE_MAX_STRLEN=200`. What \
     the environment says counts more than the `config` block of the script, and that more than the default. Options of the command \
     line are none of these, so that nothing can be said twice.";

fn variables(out: &mut String) {
    let _ = write!(
        out,
        "\n## Environment\n\n{PRECEDENCE}\n\n| variable | holds | meaning |\n|---|---|---|\n"
    );
    for variable in environment::sorted() {
        let names = variable.names.join("`, `");
        let _ = writeln!(out, "| `{names}` | {} | {} |", variable.holds, variable.summary);
    }
}

fn statuses(out: &mut String) {
    out.push_str("\n## Exit status\n\n| status | when |\n|---|---|\n");
    for status in environment::STATUSES {
        let _ = writeln!(out, "| {} | {} |", status.number, status.when);
    }
}

/// All that the environment can say, for a terminal.
fn all_variables(out: &mut String) {
    let _ = write!(out, "### Environment\n\n{PRECEDENCE}\n");
    environment::sorted().for_each(|variable| one_variable(out, variable));
    out.push_str("\nThe options of scripts:\n\n");
    for entry in options::ENTRIES {
        let (variable, default) = (entry.variable(), entry.default);
        let _ = writeln!(out, "{variable} ({}; else `{default}`)", entry.wants());
    }
    out.push_str("\n`ebtrace help NAME` says what each of them means.\n");
}

fn one_variable(out: &mut String, variable: &Variable) {
    let _ = write!(
        out,
        "\n### {} ({})\n{}\n",
        variable.names.join(", "),
        variable.holds,
        variable.summary
    );
}

/// All exit statuses, for a terminal.
fn all_statuses(out: &mut String) {
    out.push_str("### Exit status\n");
    for status in environment::STATUSES {
        let _ = write!(out, "\n### {}\n{}\n", status.number, status.when);
    }
}

/// A word, and what is told to those who ask by it.
type Topic = (&'static str, fn(&mut String));

/// What is no name of a script's, by the word that asks for it.
const TOPICS: [Topic; 2] = [("environment", all_variables), ("status", all_statuses)];

fn codes(out: &mut String) {
    out.push_str("\n## Diagnostics\n");
    CODES.iter().for_each(|entry| code(out, entry));
}

fn code(out: &mut String, entry: &Entry) {
    let _ = write!(out, "\n### {}\n\n{} {}\n", entry.id, entry.meaning, entry.explanation);
    if !entry.example.is_empty() {
        let _ = write!(out, "\n```text\n{}\n```\n", entry.example);
    }
}

/// What the reference says about probe types, builtins, options and variables of a name, for a terminal; nothing of an unknown one.
pub fn about(name: &str) -> Option<String> {
    let mut out = String::new();
    if let Some(kind) = probe::find(name) {
        probe_type(&mut out, kind);
    }
    if let Some(entry) = builtin::find(name) {
        builtin_entry(&mut out, entry);
    }
    if let Some(Named::Option(entry)) = options::find(name) {
        let (name, default, values) = (entry.name, entry.default, entry.wants());
        let _ = write!(
            out,
            "\n### `config = {{ {name} = {default} }}`\n\n{}\n\nIt takes {values}; without it, it is `{default}`. `{}` in the environment counts more.\n",
            entry.summary,
            entry.variable()
        );
    }
    if let Some(variable) = environment::find(name) {
        one_variable(&mut out, variable);
    }
    if let Some((_, topic)) = TOPICS.iter().find(|(topic, _)| *topic == name) {
        topic(&mut out);
    }
    (!out.is_empty()).then(|| plain(&out))
}

/// What the reference says about a code such as `E0304`, for a terminal; nothing of an unknown one.
pub fn explained(id: &str) -> Option<String> {
    let entry = crate::diagnostic::find_code(id)?;
    let mut out = String::new();
    code(&mut out, entry);
    Some(plain(&out))
}

/// All names that [`about`] knows.
pub fn names() -> impl Iterator<Item = &'static str> {
    let builtins = builtin::all().map(|entry| entry.name);
    let options = options::ENTRIES.iter().map(|entry| entry.name);
    let variables = environment::VARIABLES.iter().flat_map(|variable| variable.names);
    let topics = TOPICS.iter().map(|(topic, _)| *topic);
    let names = probe::kinds().map(|kind| kind.name).chain(builtins).chain(options);
    names.chain(variables.copied()).chain(topics)
}

/// The words that ask for what is no name of a script's.
pub fn topics() -> Vec<&'static str> {
    TOPICS.iter().map(|(topic, _)| *topic).collect()
}

/// An entry as a terminal shows it: lines of a width, and code indented.
fn plain(markdown: &str) -> String {
    let (mut out, mut is_code) = (String::new(), false);
    for line in markdown.trim_start().lines() {
        match line.strip_prefix("### ") {
            _ if line.starts_with("```") => is_code = !is_code,
            _ if is_code => {
                let _ = writeln!(out, "    {line}");
            }
            Some(heading) => {
                let _ = writeln!(out, "{}", heading.replace('`', ""));
            }
            None => {
                let _ = writeln!(out, "{}", textwrap::fill(line, WIDTH));
            }
        }
    }
    out
}
