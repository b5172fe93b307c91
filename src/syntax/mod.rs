//! From the text of a script to its tree.
//!
//! `lexer` cuts the text into items and tokens, `layout` ends the statements, and the grammar builds the tree of
//! each item on its own, so that what is wrong with one probe never hides what is wrong with the next. The inside of
//! an attach point is read by [`attach`] later, when the positional parameters are known.

pub mod ast;
pub mod attach;
mod build;
pub mod cursor;
mod error;
mod explain;
mod frames;
mod item;
mod layout;
mod lexer;
pub mod literal;
mod order;
pub mod print;
mod shape;
mod token;
mod wording;

pub use error::{LiteralError, Opener, SyntaxError};
pub use frames::{MAX_NESTING, MAX_OPERATORS};
pub use shape::Shape;

use self::build::Builder;
pub(crate) use self::build::leftmost;
pub(crate) use self::item::comments_between;
use self::lexer::RawItem;
pub(crate) use self::lexer::{items, start};
pub(crate) use self::token::{Tok, words};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{FileId, Sources, Span};

lalrpop_util::lalrpop_mod!(
    #[allow(warnings, clippy::all, clippy::unwrap_used, reason = "generated")]
    grammar,
    "/ebtrace.rs"
);

/// Errors after which the rest of a script is not looked at: nobody reads more, and most would be consequences.
const MAX_ERRORS: usize = 100;

/// Reads a script: what could be read of it, and what is wrong with the rest.
pub fn parse(sources: &Sources, file: FileId) -> (ast::Script, Diagnostics) {
    let text = &sources.get(file).text;
    let parser = grammar::ItemParser::new();
    let mut script = ast::Script::default();
    let mut diagnostics = Diagnostics::new();
    for item in lexer::items(text, file) {
        let (tree, errors) = parse_item(&parser, item, text, file);
        script.items.extend(tree);
        let room = MAX_ERRORS.saturating_sub(diagnostics.iter().len());
        errors.into_iter().take(room).for_each(|error| diagnostics.push(error));
        if room == 0 {
            break;
        }
    }
    order::misplaced(&script).into_iter().for_each(|one| diagnostics.push(one));
    (script, diagnostics)
}

/// Reads an expression that stands somewhere else than in a probe; places are those in the text around it.
///
/// # Errors
/// What is wrong with it, where something else than one expression stands there.
pub fn parse_expr(text: &str, span: Span) -> Result<ast::Expr, Option<Box<Diagnostic>>> {
    const BEFORE: &str = "begin{(";
    // Joined lines are one, and an item around the expression must not move it.
    let blank = text.replace("\\\n", "  ").replace("\\\r\n", "   ").replace(['\n', '\r'], " ");
    let start = (span.start as usize).max(BEFORE.len());
    let around = [&" ".repeat(start - BEFORE.len()), BEFORE, &blank, "\n)}"].concat();
    let parser = grammar::ItemParser::new();
    let mut items = lexer::items(&around, span.file);
    let (tree, errors) = match items.next() {
        Some(item) => parse_item(&parser, item, &around, span.file),
        None => (None, Vec::new()),
    };
    if let Some(error) = errors.into_iter().next() {
        return Err(Some(Box::new(error.into())));
    }
    // A tuple or record that begins before the text is made of the parentheses around it.
    let whole = |expr: &ast::Expr| expr.span.start as usize >= start;
    match tree {
        Some(ast::Item::Probe(probe)) if probe.body.stmts.is_empty() && items.next().is_none() => {
            probe.body.value.map(|value| *value).filter(whole).ok_or(None)
        }
        _ => Err(None),
    }
}

/// The comments of a script that was read without errors, in order: what is neither blank nor a part of an item.
pub fn comments(text: &str, file: FileId) -> Vec<Span> {
    let mut found = Vec::new();
    let mut at = lexer::start(text);
    let tokens = lexer::items(text, file).flat_map(|item| item.tokens);
    for (start, end) in tokens.map(|(start, _, end)| (start as usize, end as usize)) {
        item::comments_between(text, (at, start), |from, to| found.push(Span::new(file, from, to)));
        at = at.max(end);
    }
    item::comments_between(text, (at, text.len()), |from, to| {
        found.push(Span::new(file, from, to))
    });
    found
}

fn parse_item(
    parser: &grammar::ItemParser,
    item: RawItem<'_>,
    text: &str,
    file: FileId,
) -> (Option<ast::Item>, Vec<SyntaxError>) {
    let mut errors = item.errors;
    let tokens = layout::lay_out(item.tokens);
    if let Some(at) = layout::too_many_steps(&tokens) {
        errors.push(SyntaxError::TooManyOperators { span: Span::new(file, at, at + 1) });
        return (None, errors);
    }
    if tokens.is_empty() {
        return (None, errors);
    }
    let mut builder = Builder { file, errors: Vec::new() };
    let result = parser.parse(&mut builder, tokens.iter().cloned());
    if !item.damaged {
        errors.append(&mut builder.errors);
    }
    match result {
        Ok(tree) => (Some(tree), errors),
        Err(_) if item.damaged => (None, errors),
        Err(error) => {
            errors.push(explain::explain(error, &tokens, text, file));
            (None, errors)
        }
    }
}

/// Whether a word is the name of a probe type.
pub(crate) fn is_probe_kind(word: &str) -> bool {
    crate::probe::is_kind(word)
}

/// Whether a word is an attach point by itself.
pub(crate) fn is_bare_kind(word: &str) -> bool {
    crate::probe::find(word).is_some_and(|kind| kind.shape.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::CODES;

    #[test]
    fn the_examples_of_the_codes_show_them() {
        for entry in CODES.iter().filter(|entry| entry.id.starts_with("E01")) {
            let mut sources = Sources::new();
            let file = sources.add(entry.id, entry.example.to_owned());
            let (_, diagnostics) = parse(&sources, file);
            assert_eq!(
                diagnostics.iter().map(|one| one.code).collect::<Vec<_>>(),
                [entry.code],
                "{}",
                entry.id
            );
        }
    }

    #[test]
    fn expressions_keep_their_places() {
        let span = |start, end| Span::new(FileId::default(), start, end);
        let read = |text: &str| parse_expr(text, span(20, 20 + text.len()));
        let expr = read("pid + $x").expect("an expression");
        assert_eq!(expr.span, span(20, 28));
        assert!(read("$x == 1").is_ok() && read("(1, 2)").is_ok() && read("1 \\\n + 2").is_ok());
        for wrong in
            ["", "1, 2", "a = 1", "$x = 1", "foo bar", "1) + (", "1; 2", ") } begin {", "{"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_item_with_an_error_leaves_the_others() {
        let mut sources = Sources::new();
        let text = "begin { $x = ; }\nkprobe:f { print(1); }\nend {\ninterval:s:1 { print(2); }";
        let file = sources.add("x.bt", text.to_owned());
        let (script, diagnostics) = parse(&sources, file);
        assert_eq!((script.items.len(), diagnostics.iter().len()), (3, 2));
    }
}
