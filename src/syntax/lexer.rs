//! Cuts a script into items and each item into tokens.
//!
//! Everything that depends on context is settled here, so that the grammar need not know of it:
//!
//! * between bodies an attach point is one raw token ([`Head`]); bodies and predicates are read as [`Tok`];
//! * `/` after the attach points opens a predicate, and inside one a `/` before `{` or `<` closes it;
//! * `<` after the attach points opens a body, and a bare `>` before the next item or the end closes it;
//! * brackets always balance in what the parser sees: whoever forgets one is told so here, and what is missing is put
//!   in. An item whose braces do not balance ends where a line begins with the next probe.
//!
//! Nesting is limited, which keeps every later walk over the tree within the stack.

use logos::{Lexer, Logos};

use super::error::{Opener, SyntaxError};
use super::token::{Head, Notes, Tok, mend, span_of};
use crate::source::{FileId, Span};

/// Brackets, blocks and `else if`s that may be open at one place.
pub const MAX_NESTING: u32 = 200;

/// Operators that one expression may have, those of the expressions around it included.
pub const MAX_OPERATORS: u32 = 500;

/// A token between the offsets of its first byte and the byte after its last.
pub(super) type Token<'s> = (u32, Tok<'s>, u32);

/// The tokens of one item, and what is wrong with them.
#[derive(Debug)]
pub(super) struct RawItem<'s> {
    pub(super) tokens: Vec<Token<'s>>,
    pub(super) errors: Vec<SyntaxError>,
    /// Complaints of the parser would only be consequences of these errors.
    pub(super) damaged: bool,
}

/// All items of a script.
pub(super) fn cut(text: &str, file: FileId) -> Vec<RawItem<'_>> {
    let mut items = Vec::new();
    let mut at = start(text);
    let mut unbalanced = false;
    while at < text.len() {
        let (item, end) = ItemLexer::new(text, file, unbalanced).item(at);
        unbalanced |= item.unbalanced;
        if !item.tokens.is_empty() || !item.notes.errors.is_empty() {
            let Notes { errors, damaged, .. } = item.notes;
            items.push(RawItem { tokens: item.tokens, errors, damaged });
        }
        at = end.max(at + 1);
    }
    items
}

/// Where the script starts, after a byte order mark and an interpreter line.
fn start(text: &str) -> usize {
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    match text[mark..].starts_with("#!") {
        true => text[mark..].find('\n').map_or(text.len(), |end| mark + end),
        false => mark,
    }
}

/// The offset of what follows white space and comments.
fn after_blanks(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n', '\x0b', '\x0c']);
        at += rest.len() - trimmed.len();
        let comment = match trimmed.as_bytes() {
            [b'/', b'/', ..] => trimmed.find('\n').unwrap_or(trimmed.len()),
            [b'/', b'*', ..] => trimmed.find("*/").map_or(trimmed.len(), |end| end + 2),
            _ => return at,
        };
        at += comment;
    }
}

/// Something open that has its counterpart further on.
#[derive(Debug, Clone)]
struct Frame {
    opener: Opener,
    span: Span,
    /// Operators of the expression at hand.
    operators: u32,
    /// `else`s of the chain at hand.
    elses: u32,
    /// `?` that wait for their `:`.
    questions: u32,
}

/// Where to end an item whose braces turn out not to balance.
#[derive(Debug, Clone)]
struct Seam {
    at: usize,
    tokens: usize,
    errors: usize,
    damaged: bool,
    frames: Vec<Frame>,
}

struct Lexed<'s> {
    tokens: Vec<Token<'s>>,
    notes: Notes,
    unbalanced: bool,
}

struct ItemLexer<'s> {
    text: &'s str,
    file: FileId,
    tokens: Vec<Token<'s>>,
    frames: Vec<Frame>,
    /// Sums over the frames.
    nesting: u32,
    operators: u32,
    too_deep: Option<SyntaxError>,
    seam: Option<Seam>,
    /// Cut at the first seam: the script is known to be unbalanced.
    eager: bool,
    /// The first closing brace that stands at another indentation than its opening one: the pair.
    askew: Option<(Span, Span)>,
}

impl<'s> ItemLexer<'s> {
    fn new(text: &'s str, file: FileId, eager: bool) -> ItemLexer<'s> {
        ItemLexer {
            text,
            file,
            tokens: Vec::new(),
            frames: Vec::new(),
            nesting: 0,
            operators: 0,
            too_deep: None,
            seam: None,
            eager,
            askew: None,
        }
    }

    /// The item that begins at an offset, and the offset after it.
    fn item(mut self, from: usize) -> (Lexed<'s>, usize) {
        let notes = Notes { file: self.file, ..Notes::default() };
        let mut head = Head::lexer_with_extras(self.text, notes);
        head.bump(from);
        let mut unbalanced = false;
        while let Some(token) = head.next() {
            let span = span_of(&head);
            let opener = match token {
                Ok(Head::Point) => {
                    self.push(Tok::Point(head.slice()), span);
                    continue;
                }
                Ok(Head::Comma) => {
                    self.push(Tok::Comma, span);
                    continue;
                }
                Ok(Head::Slash) => Opener::Predicate,
                Ok(Head::Brace) => Opener::Brace,
                Ok(Head::Angle) => Opener::Angle,
                Ok(Head::Stray) if self.tokens.is_empty() => {
                    head.extras
                        .errors
                        .push(SyntaxError::Surplus { span, closer: head.slice().to_owned() });
                    break;
                }
                _ => {
                    self.push(Tok::Outside, span);
                    if self.body_follows(span) {
                        continue;
                    }
                    break;
                }
            };
            self.open(opener, span);
            let mut body = head.morph::<Tok<'s>>();
            self.inside(&mut body);
            head = body.morph();
            unbalanced = self.balance(&mut head);
            if unbalanced || opener != Opener::Predicate {
                break;
            }
        }
        let end = head.span().end;
        (self.finish(head.extras, unbalanced), end)
    }

    fn finish(mut self, mut notes: Notes, unbalanced: bool) -> Lexed<'s> {
        if let Some(error) = self.too_deep {
            notes.errors.push(error);
            notes.damaged = true;
            self.tokens.clear();
        }
        Lexed { tokens: self.tokens, notes, unbalanced }
    }

    /// Reads up to the counterpart of the only open frame, or to the end of the script or a seam.
    fn inside(&mut self, lex: &mut Lexer<'s, Tok<'s>>) {
        while let Some(token) = lex.next() {
            let span = span_of(lex);
            let Some(token) = token.ok().or_else(|| mend(lex)) else { continue };
            if self.seam.is_none() && self.is_seam(&token, span) {
                self.remember_seam(span, &lex.extras);
            }
            let give_up = self.eager || self.frames.len() > MAX_NESTING as usize;
            if give_up && self.seam.is_some() {
                return;
            }
            if self.frames.len() <= MAX_NESTING as usize {
                self.token(token, span, lex);
            }
            if self.frames.is_empty() {
                return;
            }
        }
    }

    fn remember_seam(&mut self, span: Span, notes: &Notes) {
        self.seam = Some(Seam {
            at: span.start as usize,
            tokens: self.tokens.len(),
            errors: notes.errors.len(),
            damaged: notes.damaged,
            frames: self.frames.clone(),
        });
    }

    fn token(&mut self, token: Tok<'s>, span: Span, lex: &mut Lexer<'s, Tok<'s>>) {
        match token {
            Tok::ParenOpen => self.open(Opener::Paren, span),
            Tok::BracketOpen => self.open(Opener::Bracket, span),
            Tok::BraceOpen if self.innermost_block() == Some(Opener::Predicate) => {
                // Read again between bodies, the brace starts one.
                self.end_predicate(span, &mut lex.extras);
                *lex = resume(lex, span.start as usize);
            }
            Tok::BraceOpen => self.open(Opener::Brace, span),
            Tok::ParenClose => self.close(Opener::Paren, span, &mut lex.extras),
            Tok::BracketClose => self.close(Opener::Bracket, span, &mut lex.extras),
            Tok::BraceClose => self.close(Opener::Brace, span, &mut lex.extras),
            Tok::Divide if self.closes_predicate(span) => {
                self.close(Opener::Predicate, span, &mut lex.extras)
            }
            Tok::Greater if self.closes_angle(span) => {
                self.close(Opener::Angle, span, &mut lex.extras)
            }
            Tok::Semi => {
                self.unwind(span, &mut lex.extras);
                self.statement_ends();
                self.push(Tok::Semi, span);
            }
            _ => {
                self.count(&token, span);
                self.push(token, span);
            }
        }
    }

    fn push(&mut self, token: Tok<'s>, span: Span) {
        self.tokens.push((span.start, token, span.end));
    }

    fn open(&mut self, opener: Opener, span: Span) {
        if matches!(opener, Opener::Brace | Opener::Angle) {
            self.expression_ends();
        }
        self.push(opening_token(opener), span);
        self.frames.push(Frame { opener, span, operators: 0, elses: 0, questions: 0 });
        self.deepen(span);
    }

    /// Leaves the frame that a closing token belongs to; those inside of it were forgotten.
    fn close(&mut self, closer: Opener, span: Span, notes: &mut Notes) {
        let Some(opener) = self.closed_by(closer) else {
            notes.errors.push(SyntaxError::Surplus { span, closer: closer.closing().to_owned() });
            notes.damaged = true;
            return;
        };
        while self.frames.last().is_some_and(|frame| frame.opener != opener) {
            self.close_forgotten(span, notes);
        }
        let Some(frame) = self.pop() else { return };
        if opener != closer {
            let wanted = opener.closing();
            notes.errors.push(SyntaxError::Mismatched { open: frame.span, close: span, wanted });
            notes.damaged = true;
        }
        self.push(closing_token(opener), span);
        self.remember_askew(&frame, span);
        if closer == Opener::Brace {
            self.expression_ends();
        }
    }

    /// What a closing token is taken to close: its own counterpart if that is open in the statement at hand.
    fn closed_by(&self, closer: Opener) -> Option<Opener> {
        let mut brackets = self
            .frames
            .iter()
            .rev()
            .map(|frame| frame.opener)
            .take_while(|opener| !opener.is_block());
        let innermost = self.frames.last().map(|frame| frame.opener)?;
        match self.innermost_block() {
            _ if brackets.any(|opener| opener == closer) => Some(closer),
            _ if !closer.is_block() => Some(innermost).filter(|opener| !opener.is_block()),
            Some(Opener::Angle) if closer == Opener::Brace => Some(Opener::Angle),
            block => block.filter(|&block| block == closer),
        }
    }

    /// Puts in the closing token of the innermost frame.
    fn close_forgotten(&mut self, at: Span, notes: &mut Notes) {
        let Some(frame) = self.pop() else { return };
        notes.errors.push(SyntaxError::unclosed(&[(frame.opener, frame.span)], at, None));
        notes.damaged = true;
        self.push(closing_token(frame.opener), Span { end: at.start, ..at });
    }

    /// No `(` or `[` outlives the statement it stands in.
    fn unwind(&mut self, at: Span, notes: &mut Notes) {
        while self.frames.last().is_some_and(|frame| !frame.opener.is_block()) {
            self.close_forgotten(at, notes);
        }
    }

    /// Ends a predicate that lacks its second slash before the body.
    fn end_predicate(&mut self, brace: Span, notes: &mut Notes) {
        self.unwind(brace, notes);
        let Some(frame) = self.pop() else { return };
        notes.errors.push(SyntaxError::UnclosedPredicate { open: frame.span, at: brace });
        notes.damaged = true;
        self.push(Tok::PredicateClose, Span { end: brace.start, ..brace });
    }

    /// Closes what is still open at the end of the script, or at the seam before the next probe, and moves there.
    fn balance(&mut self, head: &mut Lexer<'s, Head>) -> bool {
        if self.frames.is_empty() {
            return false;
        }
        if let Some(seam) = self.seam.take() {
            self.tokens.truncate(seam.tokens);
            self.frames = seam.frames;
            head.extras.errors.truncate(seam.errors);
            head.extras.damaged = seam.damaged;
            *head = resume(head, seam.at);
        }
        let at = head.span().end;
        let here = Span::new(self.file, at, at);
        let open: Vec<_> =
            self.frames.drain(..).rev().map(|frame| (frame.opener, frame.span)).collect();
        if self.too_deep.is_none() {
            head.extras.errors.push(SyntaxError::unclosed(&open, here, self.askew));
            head.extras.damaged = true;
        }
        open.iter().for_each(|(opener, _)| self.push(closing_token(*opener), here));
        true
    }

    fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop()?;
        self.nesting = self.nesting.saturating_sub(1 + frame.elses);
        self.operators = self.operators.saturating_sub(frame.operators);
        Some(frame)
    }

    /// Notes a closing brace on a line of its own that is not indented as the line of its opening one.
    fn remember_askew(&mut self, frame: &Frame, close: Span) {
        if frame.opener != Opener::Brace || self.askew.is_some() || !self.first_on_line(close) {
            return;
        }
        let (opening, closing) = (self.line_before(frame.span), self.line_before(close));
        let indent = opening.len() - opening.trim_start_matches([' ', '\t']).len();
        if opening.as_ptr() != closing.as_ptr() && indent != closing.len() {
            self.askew = Some((frame.span, close));
        }
    }

    /// Whether nothing but white space stands before a place on its line; looks at nothing else of the line.
    fn first_on_line(&self, span: Span) -> bool {
        let before = self.text[..span.start as usize].trim_end_matches([' ', '\t']);
        before.is_empty() || before.ends_with('\n')
    }

    /// What stands before a place on its line.
    fn line_before(&self, span: Span) -> &'s str {
        let before = &self.text[..span.start as usize];
        &before[before.rfind('\n').map_or(0, |end| end + 1)..]
    }

    fn body_follows(&self, span: Span) -> bool {
        let next = after_blanks(self.text, span.end as usize);
        self.text[next..].starts_with(['{', '<', '/'])
    }

    fn innermost_block(&self) -> Option<Opener> {
        self.frames.iter().rev().map(|frame| frame.opener).find(|opener| opener.is_block())
    }

    fn closes_predicate(&self, slash: Span) -> bool {
        let next = after_blanks(self.text, slash.end as usize);
        self.innermost_block() == Some(Opener::Predicate)
            && self.text[next..].starts_with(['{', '<'])
    }

    /// A `>` compares if an operand follows; what tells an item from an operand is the colon after its probe type,
    /// unless a `?` waits for that colon.
    fn closes_angle(&self, greater: Span) -> bool {
        if self.innermost_block() != Some(Opener::Angle) {
            return false;
        }
        let next = after_blanks(self.text, greater.end as usize);
        let asked = self.frames.iter().any(|frame| frame.questions > 0);
        next == self.text.len() || (!asked && self.item_starts(next, |_| true))
    }

    /// Whether an item starts here: a probe type and a colon, or a probe that has no colon and what may follow it.
    fn item_starts(&self, at: usize, is_kind: impl Fn(&str) -> bool) -> bool {
        let rest = &self.text[at..];
        let length = rest
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        if after.starts_with(':') {
            return length > 0 && is_kind(word);
        }
        let next = after_blanks(self.text, at + length);
        super::is_bare_kind(word) && self.text[next..].starts_with(['{', '<', '/', ','])
    }

    fn is_seam(&self, token: &Tok<'s>, span: Span) -> bool {
        matches!(token, Tok::Ident(_))
            && self.first_on_line(span)
            && self.item_starts(span.start as usize, super::is_probe_kind)
    }

    fn count(&mut self, token: &Tok<'s>, span: Span) {
        let Some(frame) = self.frames.last_mut() else { return };
        match token {
            Tok::Question => frame.questions += 1,
            Tok::Colon => frame.questions = frame.questions.saturating_sub(1),
            Tok::Else => {
                frame.elses += 1;
                self.deepen(span);
                return;
            }
            // What follows a comma is no deeper than what stood before it.
            Tok::Comma => return self.expression_ends(),
            _ => {}
        }
        if token.is_operator() {
            frame.operators += 1;
            self.operators += 1;
            if self.operators > MAX_OPERATORS && self.too_deep.is_none() {
                self.too_deep = Some(SyntaxError::TooManyOperators { span });
            }
        }
        // An `if` that follows no `else` starts a chain of its own.
        let follows_else = matches!(self.tokens.last(), Some((_, Tok::Else, _)));
        if matches!(token, Tok::If) && !follows_else {
            self.chain_ends();
        }
    }

    fn deepen(&mut self, span: Span) {
        self.nesting += 1;
        if self.nesting > MAX_NESTING && self.too_deep.is_none() {
            self.too_deep = Some(SyntaxError::TooDeep { span });
        }
    }

    fn statement_ends(&mut self) {
        self.expression_ends();
        self.chain_ends();
    }

    fn expression_ends(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            self.operators = self.operators.saturating_sub(frame.operators);
            (frame.operators, frame.questions) = (0, 0);
        }
    }

    fn chain_ends(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            self.nesting = self.nesting.saturating_sub(frame.elses);
            frame.elses = 0;
        }
    }
}

/// A lexer over the same text that reads on from another place.
fn resume<'s, T>(lex: &Lexer<'s, T>, at: usize) -> Lexer<'s, T>
where
    T: Logos<'s, Extras = Notes, Source = str>,
{
    let mut other = Lexer::with_extras(lex.source(), lex.extras.clone());
    other.bump(at);
    other
}

fn opening_token<'s>(opener: Opener) -> Tok<'s> {
    match opener {
        Opener::Brace => Tok::BraceOpen,
        Opener::Angle => Tok::AngleOpen,
        Opener::Paren => Tok::ParenOpen,
        Opener::Bracket => Tok::BracketOpen,
        Opener::Predicate => Tok::PredicateOpen,
    }
}

fn closing_token<'s>(opener: Opener) -> Tok<'s> {
    match opener {
        Opener::Brace => Tok::BraceClose,
        Opener::Angle => Tok::AngleClose,
        Opener::Paren => Tok::ParenClose,
        Opener::Bracket => Tok::BracketClose,
        Opener::Predicate => Tok::PredicateClose,
    }
}
