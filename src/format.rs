//! A script in one layout: what `--fmt` prints.
//!
//! The tree says what stands where, the text how numbers were written, and comments come back before what they stood
//! before. Reading the result gives the same tree, and laying it out again changes nothing.

mod comments;
mod expr;
mod item;
mod stmt;

use pretty::RcDoc;

use crate::source::{FileId, Sources, Span};
use crate::syntax::{self, ast};
use comments::Comments;

/// Columns of a line, where what stands on it can be divided.
const WIDTH: usize = 90;
/// Columns that a block is indented by.
const INDENT: isize = 2;

/// A piece of the result, which may yet be laid out on one line or several.
type Doc<'s> = RcDoc<'s>;

/// Lays out the script in a file, which was read without errors.
pub fn script(sources: &Sources, file: FileId, script: &ast::Script) -> String {
    let text: &str = &sources.get(file).text;
    let format = Format { text, comments: Comments::new(text, syntax::comments(text, file)) };
    let mut out = String::from(interpreter(text));
    let doc = format.items(&script.items);
    // Writing to a string does not fail.
    let _ = doc.render_fmt(WIDTH, &mut out);
    // A line of nothing but blanks is what is left of an empty line in a block.
    let lines: Vec<&str> =
        out.lines().map(|line| if line.trim().is_empty() { "" } else { line }).collect();
    let mut out = lines.join("\n");
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// The line for the system that a script may begin with, as it is.
fn interpreter(text: &str) -> &str {
    let text = text.trim_start_matches('\u{feff}');
    match text.starts_with("#!") {
        true => text.find('\n').map_or(text, |end| &text[..=end]),
        false => "",
    }
}

/// What is laid out.
struct Format<'s> {
    text: &'s str,
    comments: Comments<'s>,
}

impl<'s> Format<'s> {
    fn written(&self, span: Span) -> &'s str {
        &self.text[span.start as usize..span.end as usize]
    }

    /// Comments that stand before a place in an expression, and were not shown yet.
    fn inline_comments(&self, before: u32) -> Doc<'s> {
        let comments = self.comments.take(before).into_iter();
        RcDoc::concat(comments.map(|comment| RcDoc::text(comment.inline()).append(RcDoc::space())))
    }

    fn between(&self, docs: Vec<Doc<'s>>, separator: Doc<'s>) -> Doc<'s> {
        RcDoc::intersperse(docs, separator)
    }
}

/// Lines, one below the other, with an empty one where the script has some.
struct Lines<'s> {
    doc: Doc<'s>,
    /// Where the last one ended in the script.
    end: Option<u32>,
}

impl<'s> Lines<'s> {
    fn new() -> Self {
        Self { doc: RcDoc::nil(), end: None }
    }

    /// Puts what stands at a place of the script on lines of its own.
    fn push(&mut self, text: &str, (start, end): (u32, u32), doc: Doc<'s>) {
        let before = std::mem::replace(&mut self.doc, RcDoc::nil());
        self.doc = match self.end {
            None => doc,
            Some(last) => {
                let gap = text.get(last as usize..start as usize).unwrap_or_default();
                let empty = gap.matches('\n').count() > 1;
                let line = RcDoc::hardline();
                let line = if empty { line.clone().append(line) } else { line };
                before.append(line).append(doc)
            }
        };
        self.end = Some(end);
    }

    /// Puts the comments that stand before a place of the script on lines of their own.
    fn push_comments(&mut self, format: &Format<'s>, before: u32) {
        for comment in format.comments.take(before) {
            let lines = comment.lines().into_iter().map(RcDoc::text);
            let doc = RcDoc::intersperse(lines, RcDoc::hardline());
            self.push(format.text, (comment.start, comment.end), doc);
        }
    }
}
