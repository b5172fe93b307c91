//! Settles what the grammar would need more than one token of look-ahead for.
//!
//! Statements that need no semicolon are ended: a [`Tok::VirtualSemi`] is put before the end of a body or block, and
//! after a block that is a statement, unless `else` or a written semicolon follows. A block that is a part of an
//! expression ends no statement.
//!
//! A parenthesis around a type becomes [`Tok::TypeOpen`]: of a cast, and of `sizeof` and the like.

use super::frames::MAX_OPERATORS;
use super::lexer::Token;
use super::token::Tok;

/// The tokens of one item with its virtual semicolons.
pub(super) fn lay_out(mut tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    mark_types(&mut tokens);
    let mut layout = Layout {
        out: Vec::with_capacity(tokens.len() + tokens.len() / 4),
        open: vec![Open::default()],
    };
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let continues = matches!(rest.peek(), Some((_, Tok::Else | Tok::Semi, _)));
        layout.token(token, continues);
    }
    layout.out
}

/// Where casts and indexes make an expression deeper than may be: unlike other brackets, they are closed again before
/// what they belong to goes on.
pub(super) fn too_many_steps(tokens: &[Token<'_>]) -> Option<usize> {
    let mut steps = 0;
    for (start, token, _) in tokens {
        match token {
            Tok::TypeOpen | Tok::BracketOpen => steps += 1,
            Tok::Semi | Tok::VirtualSemi | Tok::Comma => steps = 0,
            _ => {}
        }
        if steps > MAX_OPERATORS {
            return Some(*start as usize);
        }
    }
    None
}

/// What is open, from the item itself inwards.
#[derive(Default)]
struct Open {
    /// It is a block or body, and stands where a statement can.
    is_statement: bool,
    /// Brackets that are open in the statement at hand.
    brackets: u32,
    /// Whether the statement at hand is one that ends with a block: what it began with.
    ends_with_block: bool,
    /// A statement is at hand.
    begun: bool,
}

struct Layout<'s> {
    out: Vec<Token<'s>>,
    open: Vec<Open>,
}

impl<'s> Layout<'s> {
    fn token(&mut self, token: Token<'s>, continues: bool) {
        let (start, end) = (token.0, token.2);
        match token.1 {
            Tok::BraceOpen | Tok::AngleOpen => {
                let is_statement = self.begins_block();
                self.out.push(token);
                self.open.push(Open { is_statement, ..Open::default() });
            }
            Tok::BraceClose | Tok::AngleClose => {
                if !self.out.last().is_some_and(|(_, last, _)| ends_statement(last)) {
                    self.out.push((start, Tok::VirtualSemi, start));
                }
                self.out.push(token);
                let closed = if self.open.len() > 1 { self.open.pop() } else { None };
                let inside = self.open.len() > 1;
                if inside && !continues && closed.is_some_and(|block| block.is_statement) {
                    self.out.push((end, Tok::VirtualSemi, end));
                    self.ends();
                }
            }
            _ => self.inside(token),
        }
    }

    /// Whether the block that a brace opens is a statement, or ends one.
    fn begins_block(&mut self) -> bool {
        let Some(open) = self.open.last_mut() else { return false };
        let first = !open.begun;
        open.ends_with_block |= first;
        open.begun = true;
        open.brackets == 0 && open.ends_with_block
    }

    fn inside(&mut self, token: Token<'s>) {
        if let Some(open) = self.open.last_mut() {
            match token.1 {
                Tok::ParenOpen | Tok::TypeOpen | Tok::BracketOpen => open.brackets += 1,
                Tok::ParenClose | Tok::BracketClose => {
                    open.brackets = open.brackets.saturating_sub(1)
                }
                _ => {}
            }
            if !open.begun {
                open.begun = true;
                open.ends_with_block =
                    matches!(token.1, Tok::If | Tok::For | Tok::While | Tok::Unroll);
            }
        }
        let ends = token.1 == Tok::Semi;
        self.out.push(token);
        if ends {
            self.ends();
        }
    }

    fn ends(&mut self) {
        if let Some(open) = self.open.last_mut() {
            (open.begun, open.ends_with_block, open.brackets) = (false, false, 0);
        }
    }
}

/// Whether no statement is at hand after this token.
fn ends_statement(token: &Tok<'_>) -> bool {
    matches!(token, Tok::Semi | Tok::VirtualSemi | Tok::BraceOpen | Tok::AngleOpen)
}

fn mark_types(tokens: &mut [Token<'_>]) {
    for at in 0..tokens.len() {
        if tokens[at].1 == Tok::ParenOpen && is_type_paren(tokens, at) {
            tokens[at].1 = Tok::TypeOpen;
        }
    }
}

/// Whether the parenthesis at an index holds a type.
fn is_type_paren(tokens: &[Token<'_>], at: usize) -> bool {
    let token = |index: usize| tokens.get(index).map(|(_, token, _)| token);
    let before = at.checked_sub(1).and_then(token);
    let asks = matches!(before, Some(Tok::Sizeof | Tok::Typeof | Tok::Typeinfo | Tok::Offsetof));
    if matches!(before, Some(Tok::Ident(_))) {
        return false;
    }
    let Some((end, certain)) = type_end(tokens, at + 1, asks) else { return false };
    if asks {
        let closes = matches!(token(end), Some(Tok::ParenClose));
        return closes
            || (before == Some(&Tok::Offsetof) && matches!(token(end), Some(Tok::Comma)));
    }
    matches!(token(end), Some(Tok::ParenClose))
        && (certain || token(end + 1).is_some_and(begins_operand))
}

/// The index after the type that begins at an index, and whether it can be nothing else.
fn type_end(tokens: &[Token<'_>], from: usize, asks: bool) -> Option<(usize, bool)> {
    let token = |index: usize| tokens.get(index).map(|(_, token, _)| token);
    let (mut at, mut certain) = match token(from)? {
        Tok::Struct | Tok::Union | Tok::Enum => match token(from + 1)? {
            Tok::Ident(_) => (from + 2, true),
            _ => return None,
        },
        Tok::Ident(name) if asks || crate::builtin::find(name).is_none() => (from + 1, false),
        Tok::Typeof if matches!(token(from + 1), Some(Tok::ParenOpen)) => {
            (closing(tokens, from + 1)? + 1, false)
        }
        _ => return None,
    };
    loop {
        match (token(at), token(at + 1), token(at + 2)) {
            (Some(Tok::Multiply), ..) => at += 1,
            (Some(Tok::BracketOpen), Some(Tok::BracketClose), _) => (at, certain) = (at + 2, true),
            (Some(Tok::BracketOpen), Some(Tok::Int(_)), Some(Tok::BracketClose)) => at += 3,
            _ => return Some((at, certain)),
        }
    }
}

/// The index of the parenthesis that closes the one at an index.
fn closing(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    let mut depth = 0_u32;
    for (index, (_, token, _)) in tokens.iter().enumerate().skip(open) {
        match token {
            Tok::ParenOpen | Tok::TypeOpen => depth += 1,
            Tok::ParenClose => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}

/// Whether an operand of a cast can begin with it.
fn begins_operand(token: &Tok<'_>) -> bool {
    use Tok::{BitAnd, Complement, Multiply, Not, ParenOpen, Subtract};
    token.starts_value()
        || matches!(token, ParenOpen | Subtract | Not | Complement | Multiply | BitAnd)
}
