//! Where the text of an unfinished script ends, for whoever goes on writing it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::lexer::{self, RawItem, Token};
use super::token::Tok;
use super::{SyntaxError, comments};
use crate::source::FileId;

/// Where the text of an unfinished script ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End<'s> {
    /// Between items, or in an attach point.
    Outside,
    /// In a body or predicate; or in another place where values stand.
    Inside(Option<Place>),
    /// In the block of a `config`, before the name of an option.
    Option,
    /// After the name of this option and `=`.
    Value(&'s str),
    /// After `struct`, `union` or `enum`.
    Tag(&'s str),
    /// After `.` or `->`.
    ///
    /// The expression with that sign, and where it stands.
    Member(&'s str, Place),
    /// In a string or comment, or where no name can stand.
    Text,
}

/// A place in the body or predicate of the last item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where the statement begins that it stands in.
    pub statement: usize,
    /// What stands before the body or predicate, and where that begins.
    pub head: Range<usize>,
    /// Whether it is in a predicate, so that there is no body yet.
    pub in_predicate: bool,
}

/// What a script names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Names<'s> {
    /// Maps, with their sigil.
    pub maps: BTreeSet<&'s str>,
    /// Variables of the last item, with their sigil.
    pub variables: BTreeSet<&'s str>,
    /// Macros and functions: their names, and what stands before their bodies.
    pub definitions: Vec<(&'s str, &'s str)>,
    /// Structs, unions and enums that it defines, with their tags.
    pub tagged: Vec<(&'s str, &'s str)>,
}

/// Where the text of an unfinished script ends; the word that it ends with is not looked at.
pub fn end(text: &str) -> End<'_> {
    let file = FileId::default();
    let last = lexer::items(text, file).last();
    let errors = last.as_ref().map_or(&[][..], |item| &item.errors);
    let is_text = |error: &SyntaxError| {
        matches!(error, SyntaxError::UnclosedString { .. } | SyntaxError::UnclosedComment { .. })
    };
    let in_comment = comments(text, file).last().is_some_and(|comment| {
        comment.end as usize == text.len() && text[comment.start as usize..].starts_with("//")
    });
    if in_comment || errors.iter().any(is_text) {
        return End::Text;
    }
    // What closes the last item takes no room where it had to be put in.
    let is_open = |item: &RawItem<'_>| item.tokens.last().is_some_and(|last| last.0 == last.2);
    match last {
        Some(item) if is_open(&item) => inside(text, &item),
        _ => End::Outside,
    }
}

/// What the last item says of its end, in which something is open.
fn inside<'s>(text: &'s str, item: &RawItem<'s>) -> End<'s> {
    let mut tokens = &item.tokens[..];
    let is_word = |token: &Token<'_>| {
        token.2 as usize == text.len() && text[token.0 as usize..].starts_with(is_part_of_word)
    };
    while let Some((last, before)) = tokens.split_last()
        && (last.0 == last.2 || is_word(last))
    {
        tokens = before;
        if is_word(last) {
            break;
        }
    }
    let Some((last, before)) = tokens.split_last() else { return End::Inside(None) };
    match (&last.1, before.last()) {
        (Tok::Struct | Tok::Union | Tok::Enum, _) => End::Tag(written(text, last)),
        (Tok::Dot | Tok::Arrow, _) => match member(text, tokens) {
            Some((base, place)) => End::Member(base, place),
            None => End::Text,
        },
        (Tok::Assign, Some((_, Tok::Ident(name), _))) if is_config(tokens) => End::Value(name),
        (Tok::BraceOpen | Tok::Semi, _) if is_config(tokens) => End::Option,
        _ => End::Inside(place(tokens)),
    }
}

/// Whether a letter can be a part of a name.
pub fn is_part_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn is_config(tokens: &[Token<'_>]) -> bool {
    tokens.first().is_some_and(|(_, token, _)| *token == Tok::Config)
}

fn written<'s>(text: &'s str, token: &Token<'_>) -> &'s str {
    &text[token.0 as usize..token.2 as usize]
}

/// The expression before the last token, which is a `.` or `->`, with that.
fn member<'s>(text: &'s str, tokens: &[Token<'s>]) -> Option<(&'s str, Place)> {
    let (last, before) = tokens.split_last()?;
    let first = operand(before)?;
    let base = &text[before[first].0 as usize..last.2 as usize];
    Some((base, place(&before[..first])?))
}

/// The place after some tokens.
fn place(tokens: &[Token<'_>]) -> Option<Place> {
    let opener = statement(tokens)?;
    let body = tokens.iter().find(|(_, token, _)| {
        matches!(token, Tok::BraceOpen | Tok::AngleOpen | Tok::PredicateOpen)
    })?;
    let start = tokens.first()?.0 as usize;
    Some(Place {
        statement: opener.2 as usize,
        head: start..body.0 as usize,
        in_predicate: opener.1 == Tok::PredicateOpen,
    })
}

/// Where the operand begins that some tokens end with: names, calls and elements, with `.` and `->` between.
fn operand(tokens: &[Token<'_>]) -> Option<usize> {
    let mut at = tokens.len().checked_sub(1)?;
    loop {
        let start = match tokens[at].1 {
            Tok::BracketClose => {
                at = counterpart(tokens, at)?.checked_sub(1)?;
                continue;
            }
            Tok::ParenClose => {
                let open = counterpart(tokens, at)?;
                match open.checked_sub(1).map(|before| &tokens[before].1) {
                    Some(Tok::Ident(_)) => open - 1,
                    _ => open,
                }
            }
            _ => at,
        };
        match start.checked_sub(1).map(|before| &tokens[before].1) {
            Some(Tok::Dot | Tok::Arrow) => at = start.checked_sub(2)?,
            _ => return Some(start),
        }
    }
}

/// What stands before the statement whose beginning some tokens end with.
fn statement<'t, 's>(tokens: &'t [Token<'s>]) -> Option<&'t Token<'s>> {
    let mut at = tokens.len();
    loop {
        at = at.checked_sub(1)?;
        match tokens[at].1 {
            Tok::ParenClose | Tok::BracketClose => at = counterpart(tokens, at)?,
            Tok::Semi
            | Tok::BraceOpen
            | Tok::BraceClose
            | Tok::AngleOpen
            | Tok::PredicateOpen
            | Tok::PredicateClose => return Some(&tokens[at]),
            _ => {}
        }
    }
}

/// Where the bracket is opened that is closed at a place.
fn counterpart(tokens: &[Token<'_>], close: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for at in (0..=close).rev() {
        match tokens[at].1 {
            Tok::ParenClose | Tok::BracketClose | Tok::BraceClose => depth += 1,
            Tok::ParenOpen | Tok::BracketOpen | Tok::BraceOpen => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// What a script names, without the word that it ends with.
pub fn names(text: &str) -> Names<'_> {
    let mut names = Names::default();
    for item in lexer::items(text, FileId::default()) {
        names.variables.clear();
        let ended = |token: &&Token<'_>| (token.2 as usize) < text.len();
        for token in item.tokens.iter().filter(ended) {
            let written = written(text, token);
            match token.1 {
                Tok::Variable(_) => drop(names.variables.insert(written)),
                Tok::Map(_) => drop(names.maps.insert(written)),
                Tok::C(c) => names.tagged.extend(tagged(c)),
                _ => {}
            }
        }
        names.definitions.extend(definition(text, &item.tokens));
    }
    names
}

/// The tag and name of a type that a piece of C defines.
fn tagged(c: &str) -> Option<(&str, &str)> {
    let mut words = super::words(c).map(|(_, place)| &c[place]);
    let tag = words.next().filter(|tag| matches!(*tag, "struct" | "union" | "enum"))?;
    let name = words.next().filter(|name| name.starts_with(is_part_of_word))?;
    Some((tag, name))
}

/// The name of a macro or function, and what stands before its body.
fn definition<'s>(text: &'s str, tokens: &[Token<'s>]) -> Option<(&'s str, &'s str)> {
    let [(start, Tok::Macro | Tok::Fn, _), (_, Tok::Ident(name), _), rest @ ..] = tokens else {
        return None;
    };
    let body = rest.iter().find(|(_, token, _)| *token == Tok::BraceOpen)?;
    Some((name, text[*start as usize..body.0 as usize].trim_end()))
}
