//! The preprocessor: `#define`, `#if` and their like.

use indexmap::IndexMap;

use super::error;
use super::expression;
use super::token::{Kind, Token, lines};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::Span;

/// Macros in macros in macros: more than this is no script.
const MOST_NESTED: usize = 64;

/// Tokens that a line becomes at most; macros of macros that double each other would fill the memory.
const MOST_TOKENS: usize = 1 << 16;

/// A `#define`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Macro {
    /// The tokens that it stands for, as written.
    pub text: String,
    /// Their place; that of the name where there are none.
    pub span: Span,
    /// The place of the name; `None` for what the compiler defines by itself.
    pub name_span: Option<Span>,
    /// Takes parameters, and so cannot be used.
    pub parameters: bool,
}

/// All macros by name.
#[derive(Debug, Clone, Default)]
pub struct Macros {
    table: IndexMap<String, Macro>,
}

impl Macros {
    /// The tokens that a macro without parameters stands for, and their place.
    pub fn macro_body(&self, name: &str) -> Option<(&str, Span)> {
        let found = self.table.get(name).filter(|found| !found.parameters)?;
        Some((&found.text, found.span))
    }

    /// A macro of either kind.
    pub fn find(&self, name: &str) -> Option<&Macro> {
        self.table.get(name)
    }

    /// The complaint about a use of a macro with parameters.
    pub fn used(&self, name: &str, span: Span) -> Diagnostic {
        error::parameters(self, name, span)
    }

    /// The names of all macros, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.table.keys().map(String::as_str)
    }

    /// Adds a macro that a header defines; those of the script stay.
    pub fn add(&mut self, name: String, found: Macro) {
        self.table.entry(name).or_insert(found);
    }
}

/// An `#include`, with its quotes or angle brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Include {
    pub(super) name: String,
    pub(super) span: Span,
}

/// A branch of an `#if` that is open.
struct Branch {
    open: Span,
    /// What stands here counts.
    active: bool,
    /// An earlier branch counted, or all around does not.
    taken: bool,
    seen_else: bool,
}

/// Turns pieces of C into tokens that count.
pub(super) struct Preprocessor<'s> {
    pub(super) macros: Macros,
    bodies: IndexMap<&'s str, Vec<Token<'s>>>,
    branches: Vec<Branch>,
    pub(super) tokens: Vec<Token<'s>>,
    pub(super) includes: Vec<Include>,
    pub(super) diagnostics: Diagnostics,
}

impl<'s> Preprocessor<'s> {
    pub(super) fn new(predefined: &[&'static str]) -> Preprocessor<'s> {
        let mut macros = Macros::default();
        let mut bodies = IndexMap::new();
        for name in predefined {
            let span = Span::default();
            let text = "1".to_owned();
            macros
                .add((*name).to_owned(), Macro { text, span, name_span: None, parameters: false });
            let one = Token { kind: Kind::Number, text: "1", span, first: false };
            bodies.insert(*name, vec![one]);
        }
        Preprocessor {
            macros,
            bodies,
            branches: Vec::new(),
            tokens: Vec::new(),
            includes: Vec::new(),
            diagnostics: Diagnostics::new(),
        }
    }

    /// Takes a piece of C.
    pub(super) fn piece(&mut self, text: &'s str, span: Span) {
        for line in lines(text, span) {
            match line.split_first() {
                Some((hash, rest)) if hash.is("#") => self.directive(text, span, *hash, rest),
                Some(_) if self.active() => self.expand(&line),
                _ => {}
            }
        }
    }

    /// What is still open at the end.
    pub(super) fn finish(&mut self) {
        for branch in std::mem::take(&mut self.branches) {
            self.diagnostics.push(
                Diagnostic::error(Code::BadC, "every `#if` needs an `#endif`")
                    .label(branch.open, "this one has none")
                    .help("write `#endif` after what depends on it"),
            );
        }
    }

    fn active(&self) -> bool {
        self.branches.last().is_none_or(|branch| branch.active)
    }

    fn directive(&mut self, text: &'s str, place: Span, hash: Token<'s>, line: &[Token<'s>]) {
        let Some((word, rest)) = line.split_first() else { return };
        let span = hash.span.to(word.span);
        match word.text {
            "if" | "ifdef" | "ifndef" => {
                let outer = self.active();
                let active = outer && self.condition(word, rest);
                self.branches.push(Branch {
                    open: span,
                    active,
                    taken: active || !outer,
                    seen_else: false,
                });
            }
            "elif" | "else" => self.otherwise(word, rest, span),
            "endif" if self.branches.pop().is_none() => self.stray(word, span),
            "endif" => {}
            _ if !self.active() => {}
            "define" => self.define(text, place, rest, word.span),
            "undef" => {
                if let Some(name) = rest.first() {
                    self.macros.table.shift_remove(name.text);
                    self.bodies.shift_remove(name.text);
                }
            }
            "include" => self.include(text, place, rest, span),
            "error" => {
                let message = written(text, place, rest);
                self.diagnostics.push(
                    Diagnostic::error(Code::BadC, format!("the script says: {message}"))
                        .label(span, "this line must not be reached"),
                );
            }
            "pragma" if rest.first().is_some_and(|first| first.is("pack")) => {
                self.diagnostics.push(
                    Diagnostic::error(Code::BadC, "`#pragma pack` is not known here")
                        .label(span, "it would change where fields are")
                        .help(
                            "write `__attribute__((packed))` after the closing brace of the struct",
                        ),
                );
            }
            "pragma" | "warning" | "line" | "ident" => {}
            name => {
                let known = [
                    "define", "undef", "include", "if", "ifdef", "ifndef", "elif", "else", "endif",
                    "error", "pragma",
                ];
                self.diagnostics.push(
                    Diagnostic::error(Code::BadC, format!("there is no directive `#{name}`"))
                        .label(word.span, "unknown directive")
                        .suggest_nearest(word.span, name, known),
                );
            }
        }
    }

    fn stray(&mut self, word: &Token, span: Span) {
        self.diagnostics.push(
            Diagnostic::error(Code::BadC, format!("`#{}` belongs to an `#if`", word.text))
                .label(span, "no `#if` is open here"),
        );
    }

    fn otherwise(&mut self, word: &Token<'s>, rest: &[Token<'s>], span: Span) {
        let Some(mut branch) = self.branches.pop() else { return self.stray(word, span) };
        if branch.seen_else {
            self.diagnostics.push(
                Diagnostic::error(Code::BadC, "nothing but `#endif` follows `#else`")
                    .label(span, "a branch after the last one"),
            );
        }
        branch.seen_else |= word.is("else");
        branch.active = !branch.taken && (word.is("else") || self.condition(word, rest));
        branch.taken |= branch.active;
        self.branches.push(branch);
    }

    fn condition(&mut self, word: &Token<'s>, rest: &[Token<'s>]) -> bool {
        let Some(first) = rest.first() else {
            self.diagnostics.push(
                Diagnostic::error(Code::BadC, format!("`#{}` needs a condition", word.text))
                    .label(word.span, "nothing follows")
                    .help("for example `#ifdef BPFTRACE_HAVE_BTF`"),
            );
            return false;
        };
        match word.text {
            "ifdef" => self.macros.find(first.text).is_some(),
            "ifndef" => self.macros.find(first.text).is_none(),
            _ => {
                let tokens = self.resolve_defined(rest);
                match expression::condition(&tokens, word.span) {
                    Ok(value) => value,
                    Err(diagnostic) => {
                        self.diagnostics.push(*diagnostic);
                        false
                    }
                }
            }
        }
    }

    /// Replaces `defined(NAME)` by 1 or 0 and macros by what they stand for.
    fn resolve_defined(&mut self, line: &[Token<'s>]) -> Vec<Token<'s>> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(token) = line.get(at) {
            let bracket = usize::from(line.get(at + 1).is_some_and(|next| next.is("(")));
            match line.get(at + 1 + bracket) {
                Some(name) if token.is("defined") => {
                    let text = if self.macros.find(name.text).is_some() { "1" } else { "0" };
                    found.push(Token { kind: Kind::Number, text, ..*token });
                    at += 2 + 2 * bracket;
                }
                _ => {
                    self.replace(*token, token.span, &mut Vec::new(), &mut found);
                    at += 1;
                }
            }
        }
        found
    }

    fn define(&mut self, text: &'s str, place: Span, line: &[Token<'s>], word: Span) {
        let Some((name, mut body)) = line.split_first().filter(|(name, _)| name.kind == Kind::Word)
        else {
            let diagnostic = Diagnostic::error(Code::BadC, "`#define` needs a name")
                .label(line.first().map_or(word, |token| token.span), "no name")
                .help("write `#define NAME value`");
            return self.diagnostics.push(diagnostic);
        };
        // Only a bracket right after the name opens parameters.
        let parameters =
            body.first().is_some_and(|next| next.is("(") && next.span.start == name.span.end);
        if parameters {
            let close = body.iter().position(|token| token.is(")"));
            body = close.map_or(&[][..], |close| &body[close + 1..]);
        }
        let span = match (body.first(), body.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => name.span,
        };
        let found = Macro {
            text: written(text, place, body),
            span,
            name_span: Some(name.span),
            parameters,
        };
        self.macros.table.insert(name.text.to_owned(), found);
        self.bodies.insert(name.text, body.to_vec());
    }

    fn include(&mut self, text: &'s str, place: Span, rest: &[Token<'s>], span: Span) {
        let name = written(text, place, rest);
        let closed = name.len() > 2
            && (name.starts_with('<') && name.ends_with('>')
                || name.starts_with('"') && name.ends_with('"'));
        let whole = rest.last().map_or(span, |last| span.to(last.span));
        if !closed {
            return self.diagnostics.push(
                Diagnostic::error(Code::BadC, "`#include` needs the name of a header")
                    .label(whole, "no header is named here")
                    .help("write `#include <linux/path.h>` or `#include \"mine.h\"`"),
            );
        }
        self.includes.push(Include { name, span: whole });
    }

    fn expand(&mut self, line: &[Token<'s>]) {
        let mut found = Vec::new();
        for (index, token) in line.iter().enumerate() {
            let called = line.get(index + 1).is_some_and(|next| next.is("("));
            if called && self.macros.find(token.text).is_some_and(|known| known.parameters) {
                self.diagnostics.push(error::parameters(&self.macros, token.text, token.span));
            }
            self.replace(*token, token.span, &mut Vec::new(), &mut found);
        }
        self.tokens.append(&mut found);
    }

    /// Adds a token, or what it stands for.
    fn replace(
        &self,
        token: Token<'s>,
        place: Span,
        within: &mut Vec<&'s str>,
        found: &mut Vec<Token<'s>>,
    ) {
        let body = self.bodies.get(token.text).filter(|_| token.kind == Kind::Word);
        let plain = self.macros.find(token.text).is_some_and(|known| !known.parameters);
        let ends = within.contains(&token.text)
            || within.len() >= MOST_NESTED
            || found.len() >= MOST_TOKENS;
        let Some(body) = body.filter(|_| plain && !ends) else {
            return found.push(Token { span: place, ..token });
        };
        within.push(token.text);
        let first = found.len();
        for part in body {
            self.replace(*part, place, within, found);
        }
        within.pop();
        if let Some(start) = found.get_mut(first) {
            start.first = token.first;
        }
    }
}

/// Tokens as they stand in the text, with joined lines apart.
fn written(text: &str, place: Span, tokens: &[Token]) -> String {
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return String::new() };
    let range = (first.span.start - place.start) as usize..(last.span.end - place.start) as usize;
    text.get(range).unwrap_or_default().to_owned()
}
