//! What can be set, by the `config` block of a script and through the environment.
//!
//! The table of options is in `options/table.rs`. What the environment sets, a script cannot change.

mod table;

pub use table::STACKS;
use table::{DW_USTACK, IMPORT_STATEMENT, TSERIES, TYPEINFO};
pub use table::{ENTRIES, LICENSES, LONGEST_STRING};

use std::path::PathBuf;

use ebtrace_image::{Settings, StackMode};

use crate::environment;
use crate::syntax::literal;

/// What can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Number of keys that a map can hold.
    pub max_map_keys: u32,
    /// Most events that one script may be attached to.
    pub max_probes: u32,
    /// Most programs that one script may become.
    pub max_bpf_progs: u32,
    /// The largest local in bytes that may stand on the stack.
    pub on_stack_limit: u32,
    /// Under which license the programs are loaded.
    pub license: &'static str,
    /// What `kstack` and `ustack` without a mode are.
    pub stack_mode: StackMode,
    /// Whether scripts may ask for `typeinfo`.
    pub typeinfo: Gate,
    /// Whether scripts may use `tseries()`.
    pub tseries: Gate,
    /// Whether scripts may walk user stacks by their debug information.
    pub dw_ustack: Gate,
    /// Whether scripts may import within a block.
    pub import_statement: Gate,
    /// Whether scripts may change what they trace.
    pub unsafe_mode: bool,
    /// Whether it is told where memory could not be read and where a key was not there.
    pub tells_failed_reads: bool,
    /// The process that alone is traced.
    pub pid: Option<u32>,
    /// Whether a command is run and traced.
    pub command: bool,
    /// The script is compiled ahead of time, and runs when more is known.
    pub ahead: bool,
    /// Whether the probes are those of a session at a prompt: each runs by itself, and integers and strings in maps have
    /// more room than the script needs, because later entries will put more there.
    pub at_prompt: bool,
    /// Which probes are wanted, by name; all if it is not given.
    pub probe_filter: Option<ProbeFilter>,
    /// Words of the command line after the script: `$1`, `$2` …
    pub params: Vec<String>,
    /// Names and values of `--name=value` and `--name` after the script.
    pub named: Vec<(String, Option<String>)>,
    /// Headers that are included before those of the script.
    pub headers: Vec<String>,
    /// Folders where headers are looked for.
    pub header_folders: Vec<PathBuf>,
    /// What the runtime needs to know.
    pub settings: Settings,
    /// Names of the options that the environment has set.
    pub fixed: Vec<&'static str>,
    /// Options that have another value than by default, as it was written.
    pub given: Vec<(&'static str, String)>,
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// A number.
    Number(u32),
    /// `true` or `false`.
    Truth(bool),
    /// A word or text.
    Text(String),
}

/// A regular expression that the names of the probes that are wanted match somewhere.
#[derive(Debug, Clone)]
pub struct ProbeFilter(regex_lite::Regex);

impl ProbeFilter {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn new(expression: &str) -> Result<ProbeFilter, String> {
        let read = regex_lite::Regex::new(expression);
        read.map(ProbeFilter).map_err(|error| error.to_string())
    }

    /// Whether a probe of this name is wanted.
    pub fn wants(&self, label: &str) -> bool {
        self.0.is_match(label)
    }
}

impl PartialEq for ProbeFilter {
    fn eq(&self, other: &ProbeFilter) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for ProbeFilter {}

/// Whether scripts may use what may still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Yes.
    Open,
    /// Yes, with a warning.
    Doubtful,
    /// No.
    Closed,
}

/// What may still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unstable {
    /// `typeinfo(T)`
    Typeinfo,
    /// `tseries()`
    Tseries,
    /// User stacks by their debug information.
    DwUstack,
    /// `import` within a block.
    ImportStatement,
}

impl Unstable {
    /// The option that allows it.
    pub fn option(self) -> &'static str {
        match self {
            Unstable::Typeinfo => TYPEINFO,
            Unstable::Tseries => TSERIES,
            Unstable::DwUstack => DW_USTACK,
            Unstable::ImportStatement => IMPORT_STATEMENT,
        }
    }
}

/// An entry of the table.
#[derive(Debug)]
pub struct Entry {
    /// `max_map_keys`; in the environment it is `BPFTRACE_MAX_MAP_KEYS`.
    pub name: &'static str,
    /// As the reference shows it.
    pub default: &'static str,
    /// What it means.
    pub summary: &'static str,
    /// Which values it takes, and what becomes of them.
    takes: Takes,
}

/// Which values an option takes, and what becomes of them.
#[derive(Debug)]
enum Takes {
    /// A number between two others.
    Number(u32, u32, fn(&mut Options, u32)),
    /// `true` or `false`.
    Bool(fn(&mut Options, bool)),
    /// One of these words, by its index.
    Word(&'static [&'static str], fn(&mut Options, usize)),
    /// `enable`, `warn` or `error`.
    Gate(fn(&mut Options, Gate)),
    /// Any text.
    Text(fn(&mut Options, &str)),
}

/// Words for the states of a gate.
const GATES: [&str; 3] = ["enable", "warn", "error"];

/// What a name stands for.
#[derive(Debug, Clone, Copy)]
pub enum Named {
    /// An option.
    Option(&'static Entry),
    /// An option under the name that it had.
    Renamed(&'static Renaming),
    /// Something that had an effect once.
    WithoutEffect,
    /// Something that only the environment can set.
    EnvironmentOnly,
}

/// An option that has another name now.
#[derive(Debug)]
pub struct Renaming {
    /// The name that it had.
    pub was: &'static str,
    /// The name that it has.
    pub is: &'static str,
    /// Whether `true` meant what `false` means now.
    pub inverted: bool,
}

const RENAMED: &[Renaming] = &[
    Renaming { was: "strlen", is: "max_strlen", inverted: false },
    Renaming { was: "no_cpp_demangle", is: "cpp_demangle", inverted: true },
    Renaming { was: "cat_bytes_max", is: "max_cat_bytes", inverted: false },
    Renaming { was: "map_keys_max", is: "max_map_keys", inverted: false },
];

const WITHOUT_EFFECT: &[&str] = &[
    "debug_output",
    "symbol_source",
    "max_type_res_iterations",
    "unstable_addr",
    "unstable_import",
    "unstable_macro",
    "unstable_map_decl",
    "use_blazesym",
];

/// What a name in a `config` block stands for; letter case and the prefix of the environment do not matter.
pub fn find(name: &str) -> Option<Named> {
    let name = plain_name(name);
    if let Some(entry) = entry(&name) {
        return Some(Named::Option(entry));
    }
    if let Some(renaming) = renamed().find(|renaming| renaming.was == name) {
        return Some(Named::Renamed(renaming));
    }
    if WITHOUT_EFFECT.contains(&name.as_str()) {
        return Some(Named::WithoutEffect);
    }
    environment::has(&name).then_some(Named::EnvironmentOnly)
}

/// The options that have another name now.
pub fn renamed() -> impl Iterator<Item = &'static Renaming> {
    RENAMED.iter()
}

/// The options that had an effect once.
pub fn without_effect() -> &'static [&'static str] {
    WITHOUT_EFFECT
}

/// The option of this name.
pub fn entry(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// A name in small letters and without the prefix of the environment.
pub fn plain_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    name.strip_prefix("bpftrace_").map(str::to_owned).unwrap_or(name)
}

/// The name in the environment of an option.
pub fn variable(name: &str) -> String {
    format!("BPFTRACE_{}", name.to_uppercase())
}

impl Renaming {
    /// The option.
    pub fn entry(&self) -> &'static Entry {
        entry(self.is).unwrap_or(&ENTRIES[0])
    }

    /// What is written now for what was written then.
    pub fn value<'v>(&self, was: &'v str) -> &'v str {
        match boolean(was) {
            Some(true) if self.inverted => "false",
            Some(false) if self.inverted => "true",
            _ => was,
        }
    }
}

impl Entry {
    /// Its name in the environment.
    pub fn variable(&self) -> String {
        variable(self.name)
    }

    /// Which values it takes, in words.
    pub fn wants(&self) -> String {
        match &self.takes {
            Takes::Number(least, most, _) => format!("a number from {least} to {most}"),
            Takes::Bool(_) => "`true` or `false`".to_owned(),
            Takes::Word(..) | Takes::Gate(_) => {
                let words: Vec<String> =
                    self.words().iter().map(|word| format!("`{word}`")).collect();
                let (last, first) = words
                    .split_last()
                    .map_or((String::new(), &[][..]), |(last, first)| (last.clone(), first));
                format!("{} or {last}", first.join(", "))
            }
            Takes::Text(_) => "text".to_owned(),
        }
    }

    /// The words that it takes, where it takes some words only.
    pub fn words(&self) -> &'static [&'static str] {
        match &self.takes {
            Takes::Word(words, _) => words,
            Takes::Gate(_) => &GATES,
            Takes::Bool(_) => &["true", "false"],
            Takes::Number(..) | Takes::Text(_) => &[],
        }
    }
}

/// A value that an option does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadValue;

impl Options {
    /// Sets an option.
    ///
    /// # Errors
    /// Where it does not take the value; [`Entry::wants`] says what it takes.
    pub fn set(&mut self, entry: &Entry, value: &str) -> Result<(), BadValue> {
        match entry.takes {
            Takes::Number(least, most, set) => {
                let number =
                    literal::parameter(value.trim()).and_then(|number| u32::try_from(number).ok());
                set(self, number.filter(|number| (least..=most).contains(number)).ok_or(BadValue)?);
            }
            Takes::Bool(set) => set(self, boolean(value).ok_or(BadValue)?),
            Takes::Word(words, set) => set(self, position(words, value).ok_or(BadValue)?),
            Takes::Gate(set) => set(self, gate(value).ok_or(BadValue)?),
            Takes::Text(set) => set(self, value),
        }
        self.given.retain(|(name, _)| *name != entry.name);
        if value != entry.default {
            self.given.push((entry.name, value.to_owned()));
        }
        Ok(())
    }

    /// The value of an option.
    pub fn setting(&self, entry: &Entry) -> Setting {
        let given = self.given.iter().find(|(name, _)| *name == entry.name);
        let value = given.map_or(entry.default, |(_, value)| value.as_str());
        let word = |words: &[&str], index: usize| words.get(index).unwrap_or(&"").to_string();
        match &entry.takes {
            Takes::Number(..) => {
                let number = literal::parameter(value.trim()).unwrap_or(0);
                Setting::Number(u32::try_from(number).unwrap_or(0))
            }
            Takes::Bool(_) => Setting::Truth(boolean(value).unwrap_or(false)),
            Takes::Word(words, _) => {
                Setting::Text(word(words, position(words, value).unwrap_or(0)))
            }
            Takes::Gate(_) => {
                Setting::Text(word(&GATES, gate(value).map_or(0, |gate| gate as usize)))
            }
            Takes::Text(_) => Setting::Text(value.to_owned()),
        }
    }

    /// Sets an option so that a script cannot change it.
    ///
    /// # Errors
    /// As [`Options::set`].
    pub fn fix(&mut self, entry: &Entry, value: &str) -> Result<(), BadValue> {
        self.set(entry, value)?;
        self.fixed.push(entry.name);
        Ok(())
    }

    /// Whether scripts may use what may still change.
    pub fn gate(&self, unstable: Unstable) -> Gate {
        match unstable {
            Unstable::Typeinfo => self.typeinfo,
            Unstable::Tseries => self.tseries,
            Unstable::DwUstack => self.dw_ustack,
            Unstable::ImportStatement => self.import_statement,
        }
    }

    /// Takes the words of the command line that follow the script.
    pub fn take_words(&mut self, words: &[String]) {
        for word in words {
            match word.strip_prefix("--").filter(|name| !name.is_empty() && !name.starts_with('='))
            {
                None => self.params.push(word.clone()),
                Some(named) => self.named.push(match named.split_once('=') {
                    None => (named.to_owned(), None),
                    Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                }),
            }
        }
    }

    /// Whether the command line wants to know which parameters the script has.
    pub fn asks_for_help(&self) -> bool {
        self.named.iter().any(|(name, _)| name == "help")
    }

    /// Whether a script cannot change an option.
    pub fn is_fixed(&self, entry: &Entry) -> bool {
        self.fixed.contains(&entry.name)
    }
}

fn position(words: &[&str], value: &str) -> Option<usize> {
    words.iter().position(|word| word.eq_ignore_ascii_case(value.trim()))
}

fn gate(text: &str) -> Option<Gate> {
    match (position(&GATES, text), boolean(text)) {
        (Some(0), _) | (_, Some(true)) => Some(Gate::Open),
        (Some(1), _) => Some(Gate::Doubtful),
        (Some(_), _) | (_, Some(false)) => Some(Gate::Closed),
        (None, None) => None,
    }
}

/// The truth value that a word says.
pub fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "on" | "yes" => Some(true),
        "0" | "false" | "off" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_states_the_defaults() {
        let mut options = Options::default();
        for entry in ENTRIES {
            assert_eq!(options.set(entry, entry.default), Ok(()), "{}", entry.name);
        }
        assert_eq!(options, Options::default());
    }

    #[test]
    fn wrong_values_are_refused() {
        for (name, value) in [
            ("max_map_keys", "many"),
            ("max_map_keys", "0"),
            ("max_map_keys", "-1"),
            ("max_strlen", "99999999999999999999"),
            ("print_maps_on_exit", "2"),
            ("missing_probes", "maybe"),
            ("license", "Potato"),
            ("unstable_tseries", "2"),
        ] {
            let entry = entry(name).expect("in the table");
            assert_eq!(Options::default().set(entry, value), Err(BadValue), "{name}={value}");
        }
    }

    #[test]
    fn every_word_of_an_option_is_taken() {
        for entry in ENTRIES {
            for word in entry.words() {
                let mut options = Options::default();
                assert_eq!(
                    options.set(entry, &word.to_uppercase()),
                    Ok(()),
                    "{}={word}",
                    entry.name
                );
            }
        }
    }

    #[test]
    fn names_are_found_in_any_spelling() {
        assert!(
            matches!(find("BPFTRACE_Max_StrLen"), Some(Named::Option(entry)) if entry.name == "max_strlen")
        );
        assert!(
            matches!(find("strlen"), Some(Named::Renamed(renaming)) if renaming.entry().name == "max_strlen")
        );
        assert!(matches!(find("unstable_macro"), Some(Named::WithoutEffect)));
        assert!(matches!(find("vmlinux"), Some(Named::EnvironmentOnly)));
        assert!(find("nothing").is_none());
        assert!(RENAMED.iter().all(|renaming| entry(renaming.is).is_some()));
    }

    #[test]
    fn a_name_that_said_no_is_turned_round() {
        let renaming = renamed().find(|renaming| renaming.inverted).expect("one");
        assert_eq!(
            (renaming.value("1"), renaming.value("off"), renaming.value("x")),
            ("false", "true", "x")
        );
    }
}
