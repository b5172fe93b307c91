//! What is open at a place of an item, and how deep the tree becomes there.
//!
//! Nesting is limited, which keeps every later walk over the tree within the stack.

use super::error::{Opener, SyntaxError};
use super::token::Tok;
use crate::source::Span;

/// Brackets, blocks and `else if`s that may be open at one place.
pub const MAX_NESTING: u32 = 200;

/// Operators that one expression may have, those of the expressions around it included.
pub const MAX_OPERATORS: u32 = 500;

/// Something open that has its counterpart further on.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) opener: Opener,
    pub(super) span: Span,
    /// Operators of the expression at hand.
    operators: u32,
    /// `else`s of the chain at hand.
    elses: u32,
    /// `?` that wait for their `:`.
    questions: u32,
}

/// Everything that is open, outermost first.
#[derive(Debug, Clone, Default)]
pub(super) struct Frames {
    list: Vec<Frame>,
    /// Frames and `else`s in all.
    nesting: u32,
    /// Operators in all.
    operators: u32,
    /// The first time that a limit was exceeded.
    pub(super) excess: Option<SyntaxError>,
}

impl Frames {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether there are more than may be; further ones are not worth following.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() > MAX_NESTING as usize
    }

    pub(super) fn innermost(&self) -> Option<Opener> {
        self.list.last().map(|frame| frame.opener)
    }

    /// The innermost body, block or predicate.
    pub(super) fn block(&self) -> Option<Opener> {
        self.list.iter().rev().map(|frame| frame.opener).find(|opener| opener.is_block())
    }

    /// Whether a bracket of this kind is open in the statement at hand.
    pub(super) fn has_bracket(&self, opener: Opener) -> bool {
        self.list
            .iter()
            .rev()
            .take_while(|frame| !frame.opener.is_block())
            .any(|frame| frame.opener == opener)
    }

    /// Whether a `?` waits for its `:`.
    pub(super) fn asked(&self) -> bool {
        self.list.iter().any(|frame| frame.questions > 0)
    }

    /// Kinds and places, innermost first.
    pub(super) fn places(&self) -> Vec<(Opener, Span)> {
        self.list.iter().rev().map(|frame| (frame.opener, frame.span)).collect()
    }

    pub(super) fn push(&mut self, opener: Opener, span: Span) {
        if matches!(opener, Opener::Brace | Opener::Angle) {
            self.expression_ends();
        }
        self.list.push(Frame { opener, span, operators: 0, elses: 0, questions: 0 });
        self.deepen(span);
    }

    pub(super) fn pop(&mut self) -> Option<Frame> {
        let frame = self.list.pop()?;
        self.nesting = self.nesting.saturating_sub(1 + frame.elses);
        self.operators = self.operators.saturating_sub(frame.operators);
        if frame.opener == Opener::Brace {
            self.expression_ends();
        }
        Some(frame)
    }

    /// Counts a token that neither opens nor closes; `previous` is the one before it.
    pub(super) fn count(&mut self, token: &Tok<'_>, previous: Option<&Tok<'_>>, span: Span) {
        let Some(frame) = self.list.last_mut() else { return };
        match token {
            Tok::Question => frame.questions += 1,
            Tok::Colon => frame.questions = frame.questions.saturating_sub(1),
            Tok::Semi => return self.statement_ends(),
            // What follows a comma is no deeper than what stood before it.
            Tok::Comma => return self.expression_ends(),
            Tok::If if previous != Some(&Tok::Else) => return self.chain_ends(),
            Tok::Else => {
                frame.elses += 1;
                return self.deepen(span);
            }
            _ => {}
        }
        if token.is_operator() {
            frame.operators += 1;
            self.operators += 1;
            if self.operators > MAX_OPERATORS {
                self.excess.get_or_insert(SyntaxError::TooManyOperators { span });
            }
        }
    }

    fn deepen(&mut self, span: Span) {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            self.excess.get_or_insert(SyntaxError::TooDeep { span });
        }
    }

    fn statement_ends(&mut self) {
        self.expression_ends();
        self.chain_ends();
    }

    fn expression_ends(&mut self) {
        if let Some(frame) = self.list.last_mut() {
            self.operators = self.operators.saturating_sub(frame.operators);
            (frame.operators, frame.questions) = (0, 0);
        }
    }

    fn chain_ends(&mut self) {
        if let Some(frame) = self.list.last_mut() {
            self.nesting = self.nesting.saturating_sub(frame.elses);
            frame.elses = 0;
        }
    }
}
