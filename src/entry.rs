//! What is typed at a prompt: items of a script, statements, or a value.

use crate::builtin;
use crate::complete::{self, Candidate, ITEMS};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::host::Host;
use crate::source::{FileId, Sources, Span};
use crate::syntax::ast::{Expr, ExprKind, Item, Script, StmtKind};
use crate::syntax::{self, SyntaxError, Tok};

/// Words that begin what is C.
const TAGS: [&str; 4] = ["enum", "struct", "typedef", "union"];

/// What is written around statements, and around a value that is to be shown: lines of their own.
const STATEMENTS: (&str, &str) = ("begin {\n", "\n}");
const VALUE: (&str, &str) = ("begin { print(\n", "\n); }");

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Probes and definitions.
    Items,
    /// What is done once.
    Statements,
    /// What is computed once and shown.
    Value,
}

/// An entry that was read without errors.
#[derive(Debug)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its text: with a `begin` probe around it, unless it is of items.
    pub file: FileId,
    /// The same as a tree.
    pub script: Script,
}

/// Reads an entry; messages call it `name`.
///
/// # Errors
/// What is wrong with it.
pub fn read(sources: &mut Sources, name: &str, text: &str) -> Result<Entry, Diagnostics> {
    let file = sources.add(name, text.to_owned());
    let (script, wrong) = syntax::parse(sources, file);
    if begins_item(text) || (!wrong.has_errors() && !script.items.is_empty()) {
        let entry = Entry { kind: Kind::Items, file, script };
        return if wrong.has_errors() { Err(wrong) } else { Ok(entry) };
    }
    match value(sources, name, text) {
        Some(entry) => Ok(entry),
        None => statements(sources, name, text),
    }
}

/// Reads an entry as statements.
///
/// # Errors
/// What is wrong with them.
pub fn statements(sources: &mut Sources, name: &str, text: &str) -> Result<Entry, Diagnostics> {
    let (entry, wrong) = within(sources, name, (text, STATEMENTS), Kind::Statements);
    if wrong.has_errors() { Err(wrong) } else { Ok(entry) }
}

/// The entry as a value, if it is one.
fn value(sources: &mut Sources, name: &str, text: &str) -> Option<Entry> {
    let text = text.trim_end().trim_end_matches(';');
    let (entry, wrong) = within(sources, name, (text, VALUE), Kind::Value);
    if wrong.has_errors() {
        return None;
    }
    let value = entry.value()?;
    let is_done = match &value.kind {
        ExprKind::Call { name, .. } => {
            builtin::find(name).is_some_and(|entry| entry.result.is_empty())
        }
        ExprKind::If { .. } | ExprKind::Block(_) => true,
        _ => false,
    };
    (!is_done).then_some(entry)
}

fn within(
    sources: &mut Sources,
    name: &str,
    (text, (before, after)): (&str, (&str, &str)),
    kind: Kind,
) -> (Entry, Diagnostics) {
    // A line that goes on by `\` is one with the next, and places stay.
    let joined = text.replace("\\\n", " \n");
    let file = sources.add_hiding(name, [before, &joined, after].concat(), 1);
    let (script, found) = syntax::parse(sources, file);
    let end = (before.len() + text.trim_end().len()) as u32;
    let mut wrong = Diagnostics::new();
    found.iter().for_each(|one| wrong.push(within_text(one, end)));
    (Entry { kind, file, script }, wrong)
}

/// A message about what was typed: what is behind it, nobody typed.
fn within_text(wrong: &Diagnostic, end: u32) -> Diagnostic {
    let mut wrong = wrong.clone();
    for label in &mut wrong.labels {
        if label.span.start > end && label.text.starts_with("found `") {
            "the entry ends here".clone_into(&mut label.text);
        }
        label.span.start = label.span.start.min(end);
        label.span.end = label.span.end.min(end);
    }
    wrong
}

impl Entry {
    /// The value that is to be shown, if it is one and nothing else.
    pub fn value(&self) -> Option<&Expr> {
        let [Item::Probe(probe)] = &self.script.items[..] else { return None };
        let [stmt] = &probe.body.stmts[..] else { return None };
        let StmtKind::Expr(Expr { kind: ExprKind::Call { args, .. }, .. }) = &stmt.kind else {
            return None;
        };
        match &args[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    /// The map that is to be shown whole, without its sigil.
    pub fn whole_map(&self) -> Option<&str> {
        match &self.value()?.kind {
            ExprKind::Map { name, key: None } => Some(name),
            _ => None,
        }
    }
}

/// Whether an entry begins like an item, so that what is wrong with it is wrong with an item.
pub fn begins_item(text: &str) -> bool {
    let text = without_comments(text);
    let end = text.find(|letter: char| !(letter.is_alphanumeric() || "_*?[]".contains(letter)));
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    let next = rest.trim_start().chars().next();
    let is_item = ITEMS.iter().any(|(item, _)| *item == word);
    match word {
        "" => text.starts_with('#'),
        "let" => next == Some('@'),
        // What is no definition is the type of a cast, which stands in parentheses.
        word if is_item || TAGS.contains(&word) => true,
        word if syntax::is_bare_kind(word) => matches!(next, None | Some('{' | '<' | '/' | ',')),
        word if syntax::is_probe_kind(word) || word.contains('*') => rest.starts_with(':'),
        _ => false,
    }
}

fn without_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let after = match (rest.strip_prefix("//"), rest.strip_prefix("/*")) {
            (Some(comment), _) => comment.split_once('\n').map(|(_, after)| after),
            (_, Some(comment)) => comment.split_once("*/").map(|(_, after)| after),
            _ => return rest,
        };
        let Some(after) = after else { return "" };
        rest = after.trim_start();
    }
}

/// Where the last word of an unfinished entry begins, and what it can become. `above` are the items that were entered
/// before it.
pub fn complete(above: &str, text: &str, host: &dyn Host) -> (usize, Vec<Candidate>) {
    let as_item = || complete::complete_after(above, text, host);
    let as_statement =
        || complete::complete_after(&format!("{above}\n{}", STATEMENTS.0.trim_end()), text, host);
    let start = without_comments(text);
    let first = start.split(char::is_whitespace).next().unwrap_or_default();
    if begins_item(text) || first.contains(':') {
        return as_item();
    }
    let is_first_word = start.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    if !is_first_word {
        return as_statement();
    }
    let (at, mut found) = as_item();
    found.extend(as_statement().1);
    found.sort_by(|one, other| one.text.cmp(&other.text));
    found.dedup_by(|one, other| one.text == other.text);
    (at, found)
}

/// Whether an entry has nothing to do: blanks and comments.
pub fn is_empty(text: &str) -> bool {
    without_comments(text).is_empty()
}

/// What was typed without the `&` behind its last probe, and whether there is one: the probe is not to be waited for.
pub fn without_ampersand(text: &str) -> (&str, bool) {
    match text.trim_end().strip_suffix('&') {
        Some(before) if before.trim_end().ends_with(['}', '>']) => (before, true),
        _ => (text, false),
    }
}

/// Whether an entry can stand as it is; else its next line is still to come.
pub fn is_complete(text: &str) -> bool {
    if text.trim_end().ends_with('\\') {
        return false;
    }
    let (text, _) = without_ampersand(text);
    let is_item = begins_item(text);
    let around = [STATEMENTS.0, text, STATEMENTS.1].concat();
    let read = if is_item { text } else { &around };
    let items: Vec<_> = syntax::items(read, FileId::default()).collect();
    let is_wanting = |error: &SyntaxError| {
        matches!(
            error,
            SyntaxError::Unclosed { .. }
                | SyntaxError::UnclosedComment { .. }
                | SyntaxError::UnclosedPredicate { .. }
        )
    };
    if items.iter().flat_map(|item| &item.errors).any(is_wanting) {
        return false;
    }
    // An attach point waits for its body.
    let last = items.last().map(|item| &item.tokens[..]).unwrap_or_default();
    let is_open = |token: &Tok<'_>| match token {
        Tok::Point(_) | Tok::Comma => true,
        Tok::C(text) => text.matches('{').count() > text.matches('}').count(),
        _ => false,
    };
    last.is_empty() || !last.iter().all(|(_, token, _)| is_open(token))
}

/// Whether two empty lines end an entry that would else go on; one alone can stand anywhere in a script.
pub fn is_cut_short(text: &str) -> bool {
    let mut lines = text.rsplit('\n').map(str::trim);
    lines.next() == Some("") && lines.next() == Some("") && lines.next().is_some()
}

/// The place by which the pipeline knows a probe.
pub fn place(item: &Item) -> Option<Span> {
    match item {
        Item::Probe(probe) => probe.points.first().map(|point| point.span),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<Kind> {
        read(&mut Sources::new(), "entry", text).ok().map(|entry| entry.kind)
    }

    #[test]
    fn entries_are_told_apart() {
        for items in [
            "kprobe:f { @ = count(); }",
            "// why\nbegin{exit()}",
            "begin < print(1); >",
            "let @a = hash(10);",
            "struct pair { int a; int b; };",
            "#define N 3",
            "macro add(x, y) { x + y }",
            "k:f,k:g{}",
        ] {
            assert_eq!(kind(items), Some(Kind::Items), "{items}");
        }
        for value in ["nsecs", "1 + 2;", "@", "@x[1]", "(1, 2)", "pid ? 1 : 2", "sizeof(struct a)"]
        {
            assert_eq!(kind(value), Some(Kind::Value), "{value}");
        }
        for done in
            ["print(@, 5)", "@x = 5", "$x = 1; print($x)", "if (1) { print(2) }", "@x++; @x++"]
        {
            assert_eq!(kind(done), Some(Kind::Statements), "{done}");
        }
        for wrong in ["1 + / 2", "kprobe:f { ", "begin", "1)); print((2", "@x = ;", "1, 2"] {
            assert_eq!(kind(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_open_goes_on() {
        for open in [
            "kprobe:f {",
            "kprobe:f",
            "kprobe:f,",
            "begin",
            "kprobe:f /pid ==",
            "begin <",
            "print((1,",
            "if (1) {",
            "/* why",
            "struct pair { int a;",
            "macro f(x) {",
            "1 + \\",
        ] {
            assert!(!is_complete(open), "{open}");
        }
        for whole in [
            "",
            "nsecs",
            "kprobe:f { @ = 1 }",
            "kprobe:f { @ = 1 } &",
            "kprobe:f /pid == 1/ {}",
            "1)",
            "\"open",
            "@x = 5; print(@x)",
        ] {
            assert!(is_complete(whole), "{whole}");
        }
        assert!(is_cut_short("begin {\n\n") && is_cut_short("begin {\n  \n"));
        assert!(!is_cut_short("begin {\n") && !is_cut_short("\n") && !is_cut_short(""));
    }

    #[test]
    fn lines_can_be_joined() {
        assert_eq!(kind("1 + \\\n 2"), Some(Kind::Value));
        assert_eq!(kind("print(1); \\\n print(2)"), Some(Kind::Statements));
    }

    #[test]
    fn what_is_wrong_stands_where_it_was_typed() {
        let mut sources = Sources::new();
        let wrong = read(&mut sources, "entry", "@x = ;").expect_err("nothing is assigned");
        let span = wrong.iter().next().and_then(|one| one.labels.first()).expect("a place").span;
        let source = sources.get(span.file);
        assert_eq!(source.position(span.start).line, 1);
        assert_eq!(source.line(1), "@x = ;");
    }

    #[test]
    fn entries_go_on_as_items_and_as_statements() {
        let host = crate::host::fixture::Fixture::new();
        let texts = |above: &str, text: &str| -> Vec<String> {
            complete(above, text, &host).1.into_iter().map(|candidate| candidate.text).collect()
        };
        let both = texts("", "in");
        assert!(both.contains(&"interval:".to_owned()), "{both:?}");
        assert!(texts("", "cou").contains(&"count(".to_owned()));
        assert_eq!(texts("kprobe:vfs_read { @start = 1; }", "print(@st"), ["@start"]);
        assert_eq!(texts("", "kprobe:vfs_rea"), ["kprobe:vfs_read"]);
        assert!(texts("", "kprobe:vfs_read { cou").contains(&"count(".to_owned()));
        let (at, _) = complete("begin { @a = 1 }", "nsecs + cou", &host);
        assert_eq!(at, 8);
    }

    #[test]
    fn comments_are_no_entries() {
        assert!(
            is_empty(" // why\n/* not */ ") && !is_empty("/* a */ nsecs") && is_empty("/* open")
        );
    }
}
