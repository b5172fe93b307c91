//! Ends statements where no semicolon is needed, so that the grammar has one shape of statement.
//!
//! A [`Tok::VirtualSemi`] is put before the end of a body or block, and after a block inside a body unless `else`
//! or a written semicolon follows.

use super::lexer::Token;
use super::token::Tok;

/// The tokens of one item with its virtual semicolons.
pub(super) fn lay_out(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let mut out: Vec<Token<'_>> = Vec::with_capacity(tokens.len() + tokens.len() / 4);
    let mut depth = 0_u32;
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let (start, end) = (token.0, token.2);
        let opens = matches!(token.1, Tok::BraceOpen | Tok::AngleOpen);
        let closes = matches!(token.1, Tok::BraceClose | Tok::AngleClose);
        if closes && !out.last().is_some_and(|(_, last, _)| ends_statement(last)) {
            out.push((start, Tok::VirtualSemi, start));
        }
        out.push(token);
        depth = (depth + u32::from(opens)).saturating_sub(u32::from(closes));
        let continues = matches!(rest.peek(), Some((_, Tok::Else | Tok::Semi, _)));
        if closes && depth > 0 && !continues {
            out.push((end, Tok::VirtualSemi, end));
        }
    }
    out
}

/// Whether no statement is at hand after this token.
fn ends_statement(token: &Tok<'_>) -> bool {
    matches!(token, Tok::Semi | Tok::VirtualSemi | Tok::BraceOpen | Tok::AngleOpen)
}
