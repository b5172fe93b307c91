//! The parser's errors in the words of whoever wrote the script.
//!
//! Known slips come first, each found by the tokens around the place; what is left names what could stand there.

use lalrpop_util::ParseError;

use super::error::{Opener, SyntaxError};
use super::lexer::Token;
use super::token::Tok;
use crate::source::{FileId, Span};

/// Finds words for an error of the parser over the tokens of one item.
pub(super) fn explain(
    error: ParseError<u32, Tok<'_>, &'static str>,
    tokens: &[Token<'_>],
    text: &str,
    file: FileId,
) -> SyntaxError {
    let (start, expected) = match error {
        ParseError::UnrecognizedToken { token, expected } => (Some((token.0, token.1)), expected),
        ParseError::ExtraToken { token } => (Some((token.0, token.1)), Vec::new()),
        ParseError::UnrecognizedEof { expected, .. } => (None, expected),
        ParseError::InvalidToken { .. } | ParseError::User { .. } => (None, Vec::new()),
    };
    let at = start.and_then(|(offset, kind)| {
        tokens.iter().position(|token| token.0 == offset && token.1 == kind)
    });
    let place = Place { tokens, at: at.unwrap_or(tokens.len()), expected, text, file };
    place.between_bodies().or_else(|| place.slip()).unwrap_or_else(|| place.unexpected())
}

/// Where the parser stopped.
pub(super) struct Place<'a, 's> {
    tokens: &'a [Token<'s>],
    /// Index of the token that does not fit; the number of tokens at the end.
    pub(super) at: usize,
    /// Terminals of the grammar, in its notation.
    expected: Vec<String>,
    text: &'s str,
    file: FileId,
}

impl<'s> Place<'_, 's> {
    pub(super) fn token(&self, index: usize) -> Option<&Tok<'s>> {
        self.tokens.get(index).map(|(_, token, _)| token)
    }

    /// The token that does not fit; a virtual semicolon stands for what it was put before.
    fn found_at(&self) -> usize {
        match self.token(self.at) {
            Some(Tok::VirtualSemi) => self.at + 1,
            _ => self.at,
        }
    }

    pub(super) fn found(&self) -> Option<&Tok<'s>> {
        self.token(self.found_at())
    }

    pub(super) fn previous(&self) -> Option<&Tok<'s>> {
        self.token(self.at.checked_sub(1)?)
    }

    pub(super) fn span_of(&self, index: usize) -> Span {
        match self.tokens.get(index) {
            Some(&(start, _, end)) => Span { file: self.file, start, end },
            None => self.end_of_previous(),
        }
    }

    pub(super) fn found_span(&self) -> Span {
        self.span_of(self.found_at())
    }

    fn end_of_previous(&self) -> Span {
        let end = self
            .at
            .checked_sub(1)
            .and_then(|index| self.tokens.get(index))
            .map_or(0, |token| token.2);
        Span { file: self.file, start: end, end }
    }

    pub(super) fn slice(&self, span: Span) -> &'s str {
        self.text.get(span.range()).unwrap_or("")
    }

    pub(super) fn expects(&self, terminal: &str) -> bool {
        self.expected.iter().any(|expected| expected.trim_matches('"') == terminal)
    }

    /// How many terminals could stand there.
    pub(super) fn expected_count(&self) -> usize {
        self.expected.len()
    }

    /// Index of the innermost bracket, brace or predicate that is open at the place.
    pub(super) fn enclosing(&self) -> Option<usize> {
        let mut closed = 0_u32;
        for index in (0..self.at).rev() {
            match self.token(index)? {
                Tok::ParenClose | Tok::BracketClose | Tok::BraceClose => closed += 1,
                Tok::ParenOpen | Tok::TypeOpen | Tok::BracketOpen | Tok::BraceOpen => {
                    match closed {
                        0 => return Some(index),
                        _ => closed -= 1,
                    }
                }
                Tok::AngleOpen | Tok::PredicateOpen if closed == 0 => return Some(index),
                _ => {}
            }
        }
        None
    }

    /// Index of the first token of the statement at hand.
    pub(super) fn statement(&self) -> usize {
        let mut closed = 0_u32;
        for index in (0..self.at).rev() {
            match self.token(index) {
                Some(Tok::BraceClose) => closed += 1,
                Some(Tok::BraceOpen) if closed > 0 => closed -= 1,
                Some(Tok::BraceOpen | Tok::AngleOpen | Tok::Semi | Tok::VirtualSemi)
                    if closed == 0 =>
                {
                    return index + 1;
                }
                _ => {}
            }
        }
        0
    }

    /// What goes wrong around attach points.
    fn between_bodies(&self) -> Option<SyntaxError> {
        let span = self.found_span();
        let at = self.end_of_previous();
        let statement = SyntaxError::StatementOutside { span: self.span_of(0) };
        match (self.previous(), self.found()) {
            (_, Some(Tok::Outside)) if self.slice(span).starts_with('#') => {
                Some(SyntaxError::Directive { span })
            }
            (_, Some(Tok::Outside)) => Some(statement),
            (None, _) => Some(SyntaxError::NoAttachPoint { span }),
            (Some(Tok::Point(text)), _) if looks_like_statement(text) => Some(statement),
            (Some(Tok::Point(text)), Some(Tok::Point(next))) if next.starts_with(OPERATORS) => {
                Some(self.glued(text, '/', Opener::Predicate).unwrap_or(statement))
            }
            (Some(Tok::Point(text)), next)
                if next.is_none_or(|next| matches!(next, Tok::Point(_))) =>
            {
                let glued = self.glued(text, '<', Opener::Angle);
                let word = next.and_then(|_| self.item_word(text, span));
                let next = next.map(|_| SyntaxError::MissingComma { at, next: span });
                word.or(glued).or(next).or(Some(SyntaxError::NoBody { at }))
            }
            (Some(Tok::Comma | Tok::PredicateClose), None) => Some(SyntaxError::NoBody { at }),
            _ => None,
        }
    }

    /// A predicate or body that became a part of the attach point before it.
    fn glued(&self, text: &str, sign: char, opener: Opener) -> Option<SyntaxError> {
        let colon = text.find(':')?;
        let from = colon + text[colon..].find(sign)?;
        let point = self.span_of(self.at.checked_sub(1)?);
        Some(SyntaxError::Glued { span: point.part(from, text.len()), opener })
    }

    /// The slips that have words of their own.
    fn slip(&self) -> Option<SyntaxError> {
        self.misshapen()
            .or_else(|| self.assignment())
            .or_else(|| self.block())
            .or_else(|| self.words())
            .or_else(|| self.semicolon())
    }

    fn assignment(&self) -> Option<SyntaxError> {
        let span = self.found_span();
        if !matches!(self.found()?, Tok::Assign) {
            return None;
        }
        let opener = self.enclosing()?;
        let before = opener.checked_sub(1).and_then(|index| self.token(index));
        let condition = match self.token(opener)? {
            Tok::PredicateOpen => true,
            Tok::ParenOpen => matches!(before, Some(Tok::If)),
            Tok::BraceOpen | Tok::AngleOpen => {
                matches!(self.token(self.statement()), Some(Tok::If))
            }
            _ => false,
        };
        Some(SyntaxError::AssignInExpression { span, condition })
    }

    /// Blocks that lack braces, or should not be there.
    fn block(&self) -> Option<SyntaxError> {
        let span = self.found_span();
        let begin = self.statement();
        match (self.previous()?, self.found()?) {
            (Tok::Else, Tok::ParenOpen) => {
                return Some(SyntaxError::ElseWithCondition {
                    span: self.span_of(self.at - 1),
                    at: span,
                });
            }
            (Tok::Else, _) => {
                let after = self.span_of(self.at - 1);
                return Some(SyntaxError::MissingBraces {
                    keyword: "else".to_owned(),
                    after,
                    span,
                });
            }
            (_, Tok::Else) => return Some(SyntaxError::StrayElse { span }),
            (_, Tok::BraceOpen) if self.expects(";") => {
                return Some(SyntaxError::UnknownBlock { word: self.span_of(begin), span });
            }
            _ => {}
        }
        let keyword = (begin..self.at).rev().find(|&index| {
            matches!(self.token(index), Some(Tok::If | Tok::Unroll | Tok::While | Tok::For))
        })?;
        if !self.expects("{") {
            return None;
        }
        let after = self.span_of(keyword);
        let word = self.slice(after).to_owned();
        if self.found()?.is_operator() {
            let span = self.span_of(keyword + 1).to(span);
            return Some(SyntaxError::BareCondition { keyword: word, span });
        }
        Some(SyntaxError::MissingBraces { keyword: word, after, span })
    }

    /// Words and signs of other languages.
    fn words(&self) -> Option<SyntaxError> {
        let (span, last) = (self.found_span(), self.at.checked_sub(1)?);
        let begin = self.statement();
        match (self.previous()?, self.found()?) {
            (Tok::Ident("not"), found) if found.starts_value() => {
                Some(self.foreign(last, "!", "means `not`"))
            }
            (_, Tok::Ident("and")) => Some(self.foreign(self.found_at(), "&&", "means `and`")),
            (_, Tok::Ident("or")) => Some(self.foreign(self.found_at(), "||", "means `or`")),
            (Tok::Ident(name), Tok::Str(_) | Tok::Int(_) | Tok::Variable(_)) if last == begin => {
                let span = self.span_of(last).to(span);
                Some(SyntaxError::CallWithoutParens { span, name: (*name).to_owned() })
            }
            _ => None,
        }
    }

    fn foreign(&self, index: usize, meant: &'static str, role: &'static str) -> SyntaxError {
        let span = self.span_of(index);
        SyntaxError::ForeignOperator { span, written: self.slice(span).to_owned(), meant, role }
    }

    fn semicolon(&self) -> Option<SyntaxError> {
        let span = self.found_span();
        match (self.previous()?, self.found()?) {
            (_, found) if self.expects(";") && found.starts_statement() => {
                Some(SyntaxError::MissingSemicolon { at: self.end_of_previous(), next: span })
            }
            (Tok::Semi | Tok::VirtualSemi | Tok::BraceOpen | Tok::AngleOpen, Tok::Semi) => {
                Some(SyntaxError::EmptyStatement { span })
            }
            _ => None,
        }
    }

    fn unexpected(&self) -> SyntaxError {
        let span = self.found_span();
        let found = match self.found() {
            None => "the end of the script".to_owned(),
            Some(Tok::Str(_)) => "a string".to_owned(),
            Some(_) => format!("`{}`", self.slice(span)),
        };
        SyntaxError::Unexpected { span, found, expected: in_words(&self.expected) }
    }
}

/// What no attach point begins with.
const OPERATORS: [char; 8] = ['=', '!', '<', '>', '&', '|', '+', '-'];

/// Whether what stands where an attach point should is rather the beginning of a statement.
fn looks_like_statement(text: &str) -> bool {
    let call = text.find([':', '(']).is_some_and(|at| text[at..].starts_with('('));
    call || text.starts_with(['@', '$', '=', '+', '-']) || matches!(text, "if" | "else" | "unroll")
}

/// The words for the terminals that could follow, the most telling ones first.
fn in_words(terminals: &[String]) -> Vec<&'static str> {
    let names: Vec<&str> = terminals.iter().map(|terminal| terminal.trim_matches('"')).collect();
    let has = |name: &str| names.contains(&name);
    let mut words = Vec::new();
    if has("let") && has("integer") && has("break") {
        words.push("a statement");
    } else if has("integer") && has("string") {
        words.push("a value");
    } else if has("name") {
        words.push("a name");
    }
    if has("*") && has("+") {
        words.push("an operator");
    }
    let rest = [
        ("point", "an attach point"),
        ("predicate", "a predicate"),
        ("predicate end", "`/` and the body"),
        ("body <", "`<`"),
        ("body >", "`>`"),
        ("{", "`{`"),
        ("}", "`}`"),
        (")", "`)`"),
        ("]", "`]`"),
        (",", "`,`"),
        (":", "`:`"),
        (";", "`;`"),
    ];
    // A value can be a block, but that is not what anybody misses.
    let value = words.contains(&"a value") || words.contains(&"a statement");
    let told = rest.iter().filter(|(name, _)| has(name) && !(value && *name == "{"));
    words.extend(told.map(|(_, word)| *word));
    if words.is_empty() && has("(") {
        words.push("`(`");
    }
    words.truncate(5);
    words
}
