//! What each part of a script is, for whoever shows scripts in colours: also of one that is unfinished or wrong.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

use crate::expand::stdlib;
use crate::source::FileId;
use crate::syntax::{self, SyntaxError, Tok};
use crate::types::{catalog, name};
use crate::{builtin, options, probe};

/// What a part of a script is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// `if`, `let`, `macro`, `true`
    Keyword,
    /// `pid`, `printf`
    Builtin,
    /// A macro or function, of the script or of the library.
    Function,
    /// `int64`, and what stands after `struct`
    Type,
    /// An option in the `config` block.
    Option,
    /// `kprobe`, `begin`
    ProbeType,
    /// What follows the probe type: `:vfs_read`
    AttachPoint,
    /// `@`, `@start`
    Map,
    /// `$x`, `$1`
    Variable,
    /// A string, with its quotes.
    Text,
    /// `42`, `1s`
    Number,
    /// `// words`
    Comment,
    /// What opens something that does not end: a bracket, a quote, a comment.
    Unclosed,
    /// What cannot stand where it does: a bracket that closes nothing, a sign that the language does not have.
    Wrong,
}

/// What stands before statements to make a script of them.
const AROUND: &str = "begin{";

/// The parts of a script, in order; what is in none of them is plain.
pub fn highlight(script: &str) -> Vec<(Range<usize>, Class)> {
    highlight_from(0, script)
}

/// The parts of a script whose first bytes are not the author's.
fn highlight_from(own: usize, script: &str) -> Vec<(Range<usize>, Class)> {
    let mut parts = Parts { script, ..Parts::default() };
    let start = syntax::start(script);
    // The interpreter line.
    parts.add(script.len() - script.trim_start_matches('\u{feff}').len()..start, Class::Comment);
    for item in syntax::items(script, FileId::default()) {
        parts.item(&item.tokens);
        let first = item.tokens.first().is_some_and(|first| (first.0 as usize) < own);
        // What closes the bracket that is not the author's closes nothing of theirs.
        if let Some((start, Tok::BraceClose, end)) = item.tokens.last().filter(|_| first) {
            parts.add(*start as usize..*end as usize, Class::Wrong);
        }
        parts.errors(&item.errors);
    }
    parts.finish(start)
}

/// The parts of what stands in a body, or of an expression.
pub fn highlight_statements(statements: &str) -> Vec<(Range<usize>, Class)> {
    let around = AROUND.len();
    let all = highlight_from(around, &[AROUND, statements].concat());
    let inside = all.into_iter().filter(|(place, _)| place.start >= around);
    inside.map(|(place, class)| (place.start - around..place.end - around, class)).collect()
}

/// Words with a meaning of their own. A type that is also a builtin is mostly the builtin.
static WORDS: LazyLock<HashMap<&'static str, Class>> = LazyLock::new(|| {
    let types = name::all().chain(catalog::plain_names()).map(|name| (name, Class::Type));
    let library = stdlib::names().map(|name| (name, Class::Function));
    types.chain(library).collect()
});

fn word(text: &str) -> Option<Class> {
    match builtin::find(text) {
        Some(_) => Some(Class::Builtin),
        None => WORDS.get(text).copied(),
    }
}

#[derive(Default)]
struct Parts<'s> {
    script: &'s str,
    found: Vec<(Range<usize>, Class)>,
    /// Where tokens are, between which comments may be.
    taken: Vec<Range<usize>>,
    /// Macros and functions of the script so far.
    defined: HashSet<&'s str>,
}

impl<'s> Parts<'s> {
    fn add(&mut self, place: Range<usize>, class: Class) {
        if !place.is_empty() {
            self.found.push((place, class));
        }
    }

    /// The tokens of one item, whose brackets balance: closing ones that were put in take no room.
    fn item(&mut self, tokens: &[(u32, Tok<'s>, u32)]) {
        let is_config = tokens.first().is_some_and(|(_, token, _)| *token == Tok::Config);
        let mut open = Vec::new();
        let mut previous = None;
        for (start, token, end) in tokens {
            let place = *start as usize..*end as usize;
            self.taken.push(place.clone());
            match token {
                Tok::Point(text) => self.point(text, place),
                Tok::C(text) => self.c(text, place.start),
                Tok::BraceOpen
                | Tok::AngleOpen
                | Tok::ParenOpen
                | Tok::BracketOpen
                | Tok::PredicateOpen => open.push(place),
                Tok::BraceClose
                | Tok::AngleClose
                | Tok::ParenClose
                | Tok::BracketClose
                | Tok::PredicateClose => self.close(token, place, open.pop()),
                Tok::Ident(text) if is_config && options::entry(text).is_some() => {
                    self.add(place, Class::Option);
                }
                token => self.plain(token, previous, place),
            }
            previous = Some(token);
        }
    }

    /// A closing bracket, and whether it is there and the right one.
    fn close(&mut self, token: &Tok<'_>, place: Range<usize>, open: Option<Range<usize>>) {
        if place.is_empty() {
            return open.into_iter().for_each(|open| self.add(open, Class::Unclosed));
        }
        let wanted = match token {
            Tok::BraceClose => "}",
            Tok::AngleClose => ">",
            Tok::ParenClose => ")",
            Tok::BracketClose => "]",
            _ => "/",
        };
        if self.script[place.clone()] != *wanted {
            self.add(place, Class::Wrong);
        }
    }

    /// What is the same wherever it stands.
    fn plain(&mut self, token: &Tok<'s>, previous: Option<&Tok<'s>>, place: Range<usize>) {
        let class = match token {
            Tok::Ident(text) => self.ident(text, previous),
            Tok::Variable(_) | Tok::Positional(_) | Tok::PositionalCount => Some(Class::Variable),
            Tok::Map(_) => Some(Class::Map),
            Tok::Int(_) => Some(Class::Number),
            Tok::Str(_) => Some(Class::Text),
            Tok::Outside => Some(Class::Wrong),
            _ => {
                let text = &self.script[place.clone()];
                text.starts_with(|first: char| first.is_ascii_alphabetic())
                    .then_some(Class::Keyword)
            }
        };
        class.into_iter().for_each(|class| self.add(place.clone(), class));
    }

    fn ident(&mut self, text: &'s str, previous: Option<&Tok<'s>>) -> Option<Class> {
        match previous {
            Some(Tok::Dot | Tok::Arrow) => None,
            Some(Tok::Struct | Tok::Union | Tok::Enum) => Some(Class::Type),
            Some(Tok::Macro | Tok::Fn) => {
                self.defined.insert(text);
                Some(Class::Function)
            }
            _ if self.defined.contains(text) => Some(Class::Function),
            _ => word(text),
        }
    }

    /// An attach point, perhaps unfinished.
    fn point(&mut self, text: &str, place: Range<usize>) {
        let own = syntax::attach::own_name(text);
        let kind = text[own..].find(':').map_or(text.len(), |colon| own + colon);
        if probe::is_kind(&text[own..kind]) {
            self.add(place.start + own..place.start + kind, Class::ProbeType);
        }
        self.add(place.start + kind..place.end, Class::AttachPoint);
    }

    /// A definition, or a preprocessor line.
    fn c(&mut self, text: &'s str, at: usize) {
        let moved = |place: &Range<usize>| place.start + at..place.end + at;
        let directive = text.starts_with('#').then(|| {
            let rest = text[1..].trim_start_matches([' ', '\t']);
            let in_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            text.len() - rest.trim_start_matches(in_word).len()
        });
        let first = directive.unwrap_or(0);
        self.add(at..at + first, Class::Keyword);
        let mut end = first;
        let mut previous = None;
        let mut gaps = Vec::new();
        for (token, place) in syntax::words(text).filter(|(_, place)| place.start >= first) {
            gaps.push(end..place.start);
            end = place.end;
            match &token {
                Tok::Ident(word) if place.start == 0 && *word == "typedef" => {
                    self.add(moved(&place), Class::Keyword);
                }
                token => self.plain(token, previous.as_ref(), moved(&place)),
            }
            previous = Some(token);
        }
        gaps.push(end..text.len());
        gaps.iter().for_each(|gap| self.comments(&moved(gap)));
    }

    fn comments(&mut self, gap: &Range<usize>) {
        let script = self.script;
        syntax::comments_between(script, (gap.start, gap.end), |from, to| {
            self.add(from..to, Class::Comment);
        });
    }

    /// What is wrong and no token, and what does not end.
    fn errors(&mut self, errors: &[SyntaxError]) {
        for error in errors {
            match error {
                SyntaxError::Surplus { span, .. } | SyntaxError::UnknownCharacter { span, .. } => {
                    self.taken.push(span.range());
                    self.add(span.range(), Class::Wrong);
                }
                SyntaxError::UnclosedString { span } => {
                    self.taken.push(span.range());
                    self.begins(span.range(), 1, Class::Text);
                }
                SyntaxError::UnclosedComment { open } => {
                    let place = open.range().start..self.script.len();
                    self.taken.push(place.clone());
                    self.begins(place, 2, Class::Comment);
                }
                _ => {}
            }
        }
    }

    /// Something whose first bytes promise an end that it has not.
    fn begins(&mut self, place: Range<usize>, first: usize, class: Class) {
        let opens = place.start..place.start + first;
        self.found.retain(|(known, _)| known.start != place.start);
        self.add(opens.clone(), Class::Unclosed);
        self.add(opens.end..place.end, class);
    }

    /// Everything with the comments between, in order.
    fn finish(mut self, start: usize) -> Vec<(Range<usize>, Class)> {
        self.taken.push(self.script.len()..self.script.len());
        let mut taken = std::mem::take(&mut self.taken);
        taken.sort_by_key(|place| place.start);
        let mut at = start;
        for place in taken {
            if place.start > at {
                self.comments(&(at..place.start));
            }
            at = at.max(place.end);
        }
        self.found.sort_by_key(|(place, _)| place.start);
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts with their text.
    fn parts(script: &str) -> Vec<(&str, Class)> {
        highlight(script).into_iter().map(|(place, class)| (&script[place], class)).collect()
    }

    fn of_class(script: &str, wanted: Class) -> Vec<(usize, &str)> {
        let found = highlight(script).into_iter().filter(|(_, class)| *class == wanted);
        found.map(|(place, _)| (place.start, &script[place])).collect()
    }

    #[test]
    fn every_part_has_its_class() {
        let script = "config = { max_strlen = 64 }\nmacro twice($x) { $x * 2 } // words\n\
                      kprobe:vfs_read /pid > 1s/ { let $a : int64 = 5; @b[comm] = twice($a.pid); \
                      (struct file *)$1; print(\"x\", strlen(1)) }";
        use Class::*;
        let expected = [
            ("config", Keyword),
            ("max_strlen", Option),
            ("64", Number),
            ("macro", Keyword),
            ("twice", Function),
            ("$x", Variable),
            ("$x", Variable),
            ("2", Number),
            ("// words", Comment),
            ("kprobe", ProbeType),
            (":vfs_read", AttachPoint),
            ("pid", Builtin),
            ("1s", Number),
            ("let", Keyword),
            ("$a", Variable),
            ("int64", Type),
            ("5", Number),
            ("@b", Map),
            ("comm", Builtin),
            ("twice", Function),
            ("$a", Variable),
            ("struct", Keyword),
            ("file", Type),
            ("$1", Variable),
            ("print", Builtin),
            ("\"x\"", Text),
            ("strlen", Function),
            ("1", Number),
        ];
        assert_eq!(parts(script), expected);
    }

    #[test]
    fn definitions_in_c_have_parts() {
        use Class::*;
        let script =
            "#!/usr/bin/env ebtrace\n#define N 5 // five\nstruct s { int x; /* y */ };\nend {}";
        let expected = [
            ("#!/usr/bin/env ebtrace", Comment),
            ("#define", Keyword),
            ("5", Number),
            ("// five", Comment),
            ("struct", Keyword),
            ("s", Type),
            ("int", Type),
            ("/* y */", Comment),
            ("end", ProbeType),
        ];
        assert_eq!(parts(script), expected);
    }

    #[test]
    fn what_is_left_open_is_shown() {
        let open = |script| of_class(script, Class::Unclosed);
        assert_eq!(open("begin { print((1)"), [(6, "{"), (13, "(")]);
        assert_eq!(open("begin { @[1 = 2; }"), [(9, "[")]);
        assert_eq!(open("begin { print(\"x"), [(6, "{"), (13, "("), (14, "\"")]);
        assert_eq!(open("kprobe:f /pid == 1 {}"), [(9, "/")]);
        assert_eq!(open("begin <print(1)"), [(6, "<")]);
        assert_eq!(open("begin {} /* x"), [(9, "/*")]);
        assert_eq!(open("kprobe:\"x"), [(7, "\"")]);
        assert!(open("begin < print(1); > end { print(2 > 1); }").is_empty());
    }

    #[test]
    fn what_closes_nothing_is_shown() {
        let wrong = |script| of_class(script, Class::Wrong);
        assert_eq!(wrong("begin { print(1)); }"), [(16, ")")]);
        assert_eq!(wrong("begin { print(1]; }"), [(15, "]")]);
        assert_eq!(wrong("begin {} }"), [(9, "}")]);
        assert_eq!(wrong("begin { § }"), [(8, "§")]);
        assert!(wrong("begin { @[(1)] = {1}; }").is_empty());
    }

    #[test]
    fn attach_points_may_be_unfinished() {
        use Class::*;
        assert_eq!(parts("kprobe:vfs_"), [("kprobe", ProbeType), (":vfs_", AttachPoint)]);
        assert_eq!(parts("kpr"), []);
        assert_eq!(
            parts("kprobe:a, t:"),
            [("kprobe", ProbeType), (":a", AttachPoint), ("t", ProbeType), (":", AttachPoint)]
        );
        assert_eq!(parts("mine=begin"), [("begin", ProbeType)]);
    }

    #[test]
    fn statements_stand_by_themselves() {
        let found = highlight_statements("curtask->comm");
        assert_eq!(found, [(0..7, Class::Builtin)]);
        let found = highlight_statements("print((1)");
        assert_eq!(found[..2], [(0..5, Class::Builtin), (5..6, Class::Unclosed)]);
        assert_eq!(highlight_statements("1 }"), [(0..1, Class::Number), (2..3, Class::Wrong)]);
    }
}
