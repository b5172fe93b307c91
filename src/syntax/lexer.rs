//! Cuts a script into items and each item into tokens.
//!
//! Everything that depends on context is settled here, so that the grammar need not know of it:
//!
//! * between bodies an attach point is one raw token ([`Head`]); bodies and predicates are read as [`Tok`];
//! * `/` after the attach points opens a predicate, and inside one a `/` before `{` or `<` closes it;
//! * `<` after the attach points opens a body, and a bare `>` before the next item or the end closes it;
//! * brackets always balance in what the parser sees: whoever forgets one is told so here, and what is missing is put
//!   in. An item whose braces do not balance ends where a line begins with the next probe.

use logos::{Lexer, Logos};

use super::error::{Opener, SyntaxError};
use super::frames::{Frame, Frames};
use super::item::{Declared, after_blanks, declaration};
use super::token::{Head, Notes, Tok, mend, span_of};
use crate::source::{FileId, Span};

/// A token between the offsets of its first byte and the byte after its last.
pub(crate) type Token<'s> = (u32, Tok<'s>, u32);

/// The tokens of one item, and what is wrong with them.
#[derive(Debug)]
pub(crate) struct RawItem<'s> {
    pub(crate) tokens: Vec<Token<'s>>,
    pub(crate) errors: Vec<SyntaxError>,
    /// Complaints of the parser would only be consequences of these errors.
    pub(super) damaged: bool,
}

/// The items of a script, one after the other.
pub(crate) struct Items<'s> {
    text: &'s str,
    file: FileId,
    at: usize,
    /// Some item did not balance: from then on every seam ends an item, so that none is read twice.
    unbalanced: bool,
}

/// All items of a script.
pub(crate) fn items(text: &str, file: FileId) -> Items<'_> {
    Items { text, file, at: start(text), unbalanced: false }
}

impl<'s> Iterator for Items<'s> {
    type Item = RawItem<'s>;

    fn next(&mut self) -> Option<RawItem<'s>> {
        while self.at < self.text.len() {
            let begin = after_blanks(self.text, self.at);
            let lexer = ItemLexer::new(self.text, self.file, self.unbalanced);
            let (item, end, balanced) = match declaration(&self.text[begin..]) {
                None => lexer.item(self.at),
                Some(Declared::C(length)) => (lexer.c(begin, length), begin + length, true),
                Some(Declared::Item(keyword, length)) => lexer.declared(begin, keyword, length),
            };
            self.at = end;
            self.unbalanced |= !balanced;
            if !item.tokens.is_empty() || !item.errors.is_empty() {
                return Some(item);
            }
        }
        None
    }
}

/// Where the script starts, after a byte order mark and an interpreter line.
pub(crate) fn start(text: &str) -> usize {
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    match text[mark..].starts_with("#!") {
        true => text[mark..].find('\n').map_or(text.len(), |end| mark + end),
        false => mark,
    }
}

/// Where to end an item whose braces turn out not to balance, and what had been read by then.
struct Seam {
    at: usize,
    tokens: usize,
    notes: Notes,
    frames: Frames,
}

struct ItemLexer<'s> {
    text: &'s str,
    file: FileId,
    tokens: Vec<Token<'s>>,
    frames: Frames,
    seam: Option<Seam>,
    /// Stop at the first seam.
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
            frames: Frames::default(),
            seam: None,
            eager,
            askew: None,
        }
    }

    /// The item that begins at an offset, the offset after it, and whether its brackets balance.
    fn item(mut self, from: usize) -> (RawItem<'s>, usize, bool) {
        let mut head = Head::lexer_with_extras(self.text, Notes::new(self.file));
        head.bump(from);
        let mut balanced = true;
        while let Some(token) = head.next() {
            let opener = match token {
                Ok(Head::Slash) => Opener::Predicate,
                Ok(Head::Brace) => Opener::Brace,
                Ok(Head::Angle) => Opener::Angle,
                other if self.between(other, &mut head) => continue,
                _ => break,
            };
            self.open(opener, span_of(&head));
            let mut body = head.morph::<Tok<'s>>();
            self.inside(&mut body);
            head = body.morph();
            balanced = self.balance(&mut head);
            if !balanced || opener != Opener::Predicate {
                break;
            }
        }
        let end = head.span().end;
        (self.finish(head.extras), end, balanced)
    }

    /// A piece of C.
    fn c(mut self, from: usize, length: usize) -> RawItem<'s> {
        let text = self.text[from..from + length].trim_end();
        let notes = Notes::new(self.file);
        self.push(Tok::C(text), Span::new(self.file, from, from + text.len()));
        self.finish(notes)
    }

    /// An item that begins with a keyword: up to its block, or to its semicolon. As for a probe.
    fn declared(
        mut self,
        from: usize,
        keyword: Tok<'s>,
        length: usize,
    ) -> (RawItem<'s>, usize, bool) {
        let is_config = keyword == Tok::Config;
        let mut body = Tok::lexer_with_extras(self.text, Notes::new(self.file));
        body.bump(from + length);
        self.push(keyword, Span::new(self.file, from, from + length));
        let mut balanced = true;
        while let Some(token) = body.next() {
            let span = span_of(&body);
            let Some(token) = token.ok().or_else(|| mend(&mut body)) else { continue };
            let opens = matches!(token, Tok::ParenOpen | Tok::BracketOpen | Tok::BraceOpen);
            let last = token == Tok::Semi || token == Tok::BraceOpen;
            if opens {
                self.token(token, span, &mut body);
                self.inside(&mut body);
                let mut head = body.morph::<Head>();
                balanced = self.balance(&mut head);
                body = head.morph();
            } else {
                self.push(token, span);
            }
            if last || !balanced {
                break;
            }
        }
        let mut end = body.span().end;
        let next = after_blanks(self.text, end);
        if is_config && balanced && self.text[next..].starts_with(';') {
            end = next + 1;
            self.push(Tok::Semi, Span::new(self.file, next, end));
        }
        (self.finish(body.extras), end, balanced)
    }

    /// Takes a token between bodies; says whether the item goes on.
    fn between(&mut self, token: Result<Head, ()>, head: &mut Lexer<'s, Head>) -> bool {
        let span = span_of(head);
        match token {
            Ok(Head::Point) => self.push(Tok::Point(head.slice()), span),
            Ok(Head::Comma) => self.push(Tok::Comma, span),
            Ok(Head::Stray) if self.tokens.is_empty() => {
                head.extras
                    .errors
                    .push(SyntaxError::Surplus { span, closer: head.slice().to_owned() });
                return false;
            }
            _ => {
                self.push(Tok::Outside, span);
                let next = after_blanks(self.text, span.end as usize);
                return self.text[next..].starts_with(['{', '<', '/']);
            }
        }
        true
    }

    fn finish(self, notes: Notes) -> RawItem<'s> {
        let Notes { mut errors, mut damaged, .. } = notes;
        let mut tokens = self.tokens;
        if let Some(excess) = self.frames.excess {
            errors.push(excess);
            damaged = true;
            tokens.clear();
        }
        RawItem { tokens, errors, damaged }
    }

    /// Reads up to the counterpart of the only open frame, or to the end of the script or a seam.
    fn inside(&mut self, lex: &mut Lexer<'s, Tok<'s>>) {
        while let Some(token) = lex.next() {
            let span = span_of(lex);
            let Some(token) = token.ok().or_else(|| mend(lex)) else { continue };
            if self.seam.is_none() && self.is_seam(&token, span) {
                self.remember_seam(span, &lex.extras);
            }
            let gives_up = self.eager || self.frames.is_full();
            if gives_up && self.seam.is_some() {
                return;
            }
            if !self.frames.is_full() {
                self.token(token, span, lex);
            }
            if self.frames.is_empty() {
                return;
            }
        }
    }

    fn token(&mut self, token: Tok<'s>, span: Span, lex: &mut Lexer<'s, Tok<'s>>) {
        match token {
            Tok::ParenOpen => self.open(Opener::Paren, span),
            Tok::BracketOpen => self.open(Opener::Bracket, span),
            Tok::BraceOpen if self.frames.block() == Some(Opener::Predicate) => {
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
            _ => {
                if token == Tok::Semi && !self.in_loop_head() {
                    self.unwind(span, &mut lex.extras);
                }
                self.frames.count(
                    &token,
                    self.tokens.last().map(|(_, previous, _)| previous),
                    span,
                );
                self.push(token, span);
            }
        }
    }

    fn push(&mut self, token: Tok<'s>, span: Span) {
        self.tokens.push((span.start, token, span.end));
    }

    fn open(&mut self, opener: Opener, span: Span) {
        self.push(opening_token(opener), span);
        self.frames.push(opener, span);
    }

    /// Leaves the frame that a closing token belongs to; those inside of it were forgotten.
    fn close(&mut self, closer: Opener, span: Span, notes: &mut Notes) {
        let Some(opener) = self.closed_by(closer) else {
            return notes
                .damage(SyntaxError::Surplus { span, closer: closer.closing().to_owned() });
        };
        while self.frames.innermost().is_some_and(|innermost| innermost != opener) {
            self.close_forgotten(span, notes);
        }
        let Some(frame) = self.frames.pop() else { return };
        if opener != closer {
            let wanted = opener.closing();
            notes.damage(SyntaxError::Mismatched { open: frame.span, close: span, wanted });
        }
        self.push(closing_token(opener), span);
        self.remember_askew(&frame, span);
    }

    /// What a closing token is taken to close: its own counterpart if that is open in the statement at hand.
    fn closed_by(&self, closer: Opener) -> Option<Opener> {
        match self.frames.block() {
            _ if self.frames.has_bracket(closer) => Some(closer),
            _ if !closer.is_block() => self.frames.innermost().filter(|opener| !opener.is_block()),
            Some(Opener::Angle) if closer == Opener::Brace => Some(Opener::Angle),
            block => block.filter(|&block| block == closer),
        }
    }

    /// Puts in the closing token of the innermost frame.
    fn close_forgotten(&mut self, at: Span, notes: &mut Notes) {
        let Some(frame) = self.frames.pop() else { return };
        notes.unclosed(&[(frame.opener, frame.span)], Some(at), None);
        self.push(closing_token(frame.opener), Span { end: at.start, ..at });
    }

    /// Whether the parenthesis after a `for` is open, where C has semicolons.
    fn in_loop_head(&self) -> bool {
        if self.frames.innermost() != Some(Opener::Paren) {
            return false;
        }
        let open = self.tokens.iter().rposition(|token| token.1 == Tok::ParenOpen);
        let before = open.and_then(|open| self.tokens.get(open.checked_sub(1)?));
        before.is_some_and(|token| token.1 == Tok::For)
    }

    /// No `(` or `[` outlives the statement it stands in.
    fn unwind(&mut self, at: Span, notes: &mut Notes) {
        while self.frames.innermost().is_some_and(|opener| !opener.is_block()) {
            self.close_forgotten(at, notes);
        }
    }

    /// Ends a predicate that lacks its second slash before the body.
    fn end_predicate(&mut self, brace: Span, notes: &mut Notes) {
        self.unwind(brace, notes);
        let Some(frame) = self.frames.pop() else { return };
        notes.damage(SyntaxError::UnclosedPredicate { open: frame.span, at: brace });
        self.push(Tok::PredicateClose, Span { end: brace.start, ..brace });
    }

    /// Closes what is still open at the end of the script, or at the seam before the next probe, and moves there;
    /// says whether nothing was.
    fn balance(&mut self, head: &mut Lexer<'s, Head>) -> bool {
        if self.frames.is_empty() {
            return true;
        }
        if let Some(seam) = self.seam.take() {
            self.tokens.truncate(seam.tokens);
            self.frames = seam.frames;
            head.extras = seam.notes;
            *head = resume(head, seam.at);
        }
        let at = head.span().end;
        let here = Span::new(self.file, at, at);
        let open = self.frames.places();
        if self.frames.excess.is_none() {
            let next = (at < self.text.len()).then_some(here);
            head.extras.unclosed(&open, next, self.askew);
        }
        open.iter().for_each(|(opener, _)| self.push(closing_token(*opener), here));
        false
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

    /// A `/` divides unless a body follows, or what can only be the next item.
    fn closes_predicate(&self, slash: Span) -> bool {
        let next = after_blanks(self.text, slash.end as usize);
        let body = self.text[next..].starts_with(['{', '<']);
        self.frames.block() == Some(Opener::Predicate) && (body || self.ends_item(next))
    }

    /// A `>` compares if an operand follows.
    fn closes_angle(&self, greater: Span) -> bool {
        let next = after_blanks(self.text, greater.end as usize);
        self.frames.block() == Some(Opener::Angle) && self.ends_item(next)
    }

    /// Whether an item has ended before a place. What tells the next one from an operand is the colon after its probe
    /// type, unless a `?` waits for that colon.
    fn ends_item(&self, next: usize) -> bool {
        next == self.text.len() || (!self.frames.asked() && self.item_starts(next, |_| true))
    }

    /// Whether an item starts here: a probe type and a colon, or a probe that has no colon and what may follow it.
    fn item_starts(&self, at: usize, is_kind: impl Fn(&str) -> bool) -> bool {
        let rest = &self.text[at..];
        if declaration(rest).is_some() {
            return true;
        }
        if let own @ 1.. = super::attach::own_name(rest)
            && !rest[own..].starts_with('=')
        {
            return self.item_starts(at + own, is_kind);
        }
        let in_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$');
        let length = rest.find(|letter| !in_word(letter)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        if after.starts_with(':') {
            return length > 0 && is_kind(word);
        }
        let next = &self.text[after_blanks(self.text, at + length)..];
        let parameter = word.starts_with('$') && next.starts_with('{');
        parameter || super::is_bare_kind(word) && next.starts_with(['{', '<', '/', ','])
    }

    /// Whether a line begins with what looks like the next probe.
    fn is_seam(&self, token: &Tok<'s>, span: Span) -> bool {
        matches!(token, Tok::Ident(_))
            && self.first_on_line(span)
            && self.item_starts(span.start as usize, super::is_probe_kind)
    }

    fn remember_seam(&mut self, span: Span, notes: &Notes) {
        self.seam = Some(Seam {
            at: span.start as usize,
            tokens: self.tokens.len(),
            notes: notes.clone(),
            frames: self.frames.clone(),
        });
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
