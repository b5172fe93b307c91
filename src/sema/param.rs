//! Parameters of a script: the words that follow it on the command line.

use super::{Lower, Operand};
use crate::diagnostic::{Code, Diagnostic};
use crate::options::Options;
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};
use crate::syntax::literal;

/// `$1`, if it was given.
pub(super) fn given(options: &Options, index: u64) -> Option<&str> {
    let index = usize::try_from(index).ok()?.checked_sub(1)?;
    options.params.get(index).map(String::as_str)
}

/// The warning for a parameter that was not given; an error where nobody can give it any more.
pub(super) fn missing(options: &Options, span: Span, index: u64, effect: &str) -> Diagnostic {
    if options.ahead {
        let rule = "positional parameters are fixed when the script is compiled ahead of time";
        return Diagnostic::error(Code::NotHere, rule)
            .label(span, format!("`${index}` was not given"))
            .help("give it now, behind the script, or take a named one, which is given when the program runs: `getopt(\"name\", 0)`");
    }
    Diagnostic::warning(Code::MissingParam, format!("the parameter `${index}` was not given"))
        .label(span, effect)
        .help("parameters follow the script on the command line")
}

impl Lower<'_> {
    /// `$1`: a number if it can be read as one, else a text; 0 if it was not given.
    pub(super) fn positional(&mut self, index: u64, span: Span) -> Operand {
        match given(self.options, index).map(str::to_owned) {
            Some(text) => match literal::parameter(&text) {
                Some(number) => self.number(number),
                None => self.string(text.as_bytes(), span),
            },
            None => {
                self.complain(missing(self.options, span, index, "so this is 0"));
                self.number(0)
            }
        }
    }

    /// The text of a positional parameter, whatever it looks like; `$1 + 2` leaves out its first two characters.
    /// `None` where the argument is something else.
    pub fn parameter_text(&mut self, arg: &ast::Expr) -> Option<Vec<u8>> {
        let (index, place, skip) = match &arg.kind {
            ExprKind::Positional(index) => (*index, arg.span, 0),
            ExprKind::Binary { op: ast::BinaryOp::Add, left, right, .. } => {
                match (&left.kind, &right.kind) {
                    (ExprKind::Positional(index), ExprKind::Int(skip)) => {
                        (*index, left.span, *skip)
                    }
                    _ => return None,
                }
            }
            _ => return None,
        };
        let Some(text) = given(self.options, index).map(str::to_owned) else {
            self.complain(missing(self.options, place, index, "so this text is empty"));
            return Some(Vec::new());
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        if skip > 0 && skip >= text.len() {
            let length = text.len();
            self.complain(
                Diagnostic::warning(Code::AlwaysEmpty, "nothing is left of this text")
                    .label(arg.span, format!("`${index}` has {length} characters"))
                    .help(format!("`str(${index})` is all of it")),
            );
        }
        Some(text.as_bytes()[skip.min(text.len())..].to_vec())
    }
}
