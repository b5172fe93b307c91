//! The wording of what is wrong with C.

use super::macros::Macros;
use super::token::Token;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// What reading C yields.
pub(super) type Outcome<T> = Result<T, Box<Diagnostic>>;

/// Something else was expected here.
pub(super) fn expected(what: &str, found: Option<&Token>, end: Span) -> Box<Diagnostic> {
    let here = match found {
        Some(token) => format!("`{}` stands here", token.text),
        None => "the definition ends here".to_owned(),
    };
    let span = found.map_or(end, |token| token.span);
    Box::new(Diagnostic::error(Code::BadC, format!("expected {what}")).label(span, here))
}

/// Any other rule.
pub(super) fn wrong(
    rule: impl Into<String>,
    span: Span,
    here: impl Into<String>,
) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(Code::BadC, rule).label(span, here))
}

/// A macro with parameters is used.
pub(super) fn parameters(macros: &Macros, name: &str, span: Span) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(
        Code::BadMacro,
        format!("`{name}` is a `#define` with parameters, which cannot be used"),
    )
    .label(span, "used here");
    if let Some(defined) = macros.find(name).and_then(|found| found.name_span) {
        diagnostic = diagnostic.label(defined, "defined here");
    }
    diagnostic.help(format!("write a macro of the language: `macro {name}(x) {{ … }}`"))
}
