//! Words that the language has.

use super::Candidate;
use crate::expand::stdlib;
use crate::options::{self, Entry};
use crate::syntax::cursor;
use crate::types::name;
use crate::{builtin, options::ENTRIES};

/// Words that begin a statement or a value.
const WORDS: &[(&str, &str)] = &[
    ("break", "leaves a loop"),
    ("comptime", "is computed before the script runs"),
    ("continue", "goes to the next round of a loop"),
    ("else", "where a condition does not hold"),
    ("false", "a truth value"),
    ("for", "goes through a range or a map"),
    ("if", "where a condition holds"),
    ("let", "a variable, and perhaps its type"),
    ("offsetof", "where a field begins in its struct"),
    ("return", "leaves the probe or function"),
    ("sizeof", "bytes of a type or value"),
    ("struct", "a type that C or the kernel defines"),
    ("true", "a truth value"),
    ("typeinfo", "kind and name of a type"),
    ("typeof", "the type of a value"),
    ("unroll", "repeats code a number of times"),
    ("while", "repeats as long as a condition holds"),
];

/// In a body or predicate.
pub(super) fn words(script: &str) -> Vec<Candidate> {
    let builtins = builtin::all().map(|entry| {
        let call = if entry.bare { "" } else { "(" };
        let help = format!("{}: {}", entry.signature(), entry.summary);
        Candidate::new(format!("{}{call}", entry.name), help)
    });
    let words = WORDS.iter().map(|(word, help)| Candidate::new(*word, *help));
    let library = stdlib::names().map(|name| Candidate::new(format!("{name}("), "of the library"));
    let own = cursor::names(script).definitions;
    let own = own.into_iter().map(|(name, head)| {
        let call = if head.contains('(') { "(" } else { "" };
        Candidate::new(format!("{name}{call}"), head)
    });
    let types = name::all().map(|name| Candidate::new(name, "a type"));
    builtins.chain(words).chain(library).chain(own).chain(types).collect()
}

/// Names of options.
pub(super) fn options() -> Vec<Candidate> {
    let first = |entry: &Entry| {
        let summary = entry.summary;
        summary.split_inclusive(". ").next().unwrap_or(summary).trim_end().to_owned()
    };
    ENTRIES.iter().map(|entry| Candidate::new(entry.name, first(entry))).collect()
}

/// What an option can be set to.
pub(super) fn values(option: &str) -> Vec<Candidate> {
    let words = options::entry(option).map_or(&[][..], Entry::words);
    words.iter().map(|word| Candidate::new(*word, "")).collect()
}
