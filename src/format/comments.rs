//! Comments: where they stand, and how they are written where they come back.

use std::cell::Cell;

use crate::source::Span;

/// The comments of a script, in order.
pub(super) struct Comments<'s> {
    all: Vec<Comment<'s>>,
    /// The first that was not shown yet.
    next: Cell<usize>,
}

/// A comment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comment<'s> {
    /// With its marks.
    text: &'s str,
    pub(super) start: u32,
    pub(super) end: u32,
}

impl<'s> Comments<'s> {
    pub(super) fn new(text: &'s str, spans: Vec<Span>) -> Self {
        let comment = |span: Span| Comment {
            text: &text[span.start as usize..span.end as usize],
            start: span.start,
            end: span.end,
        };
        Self { all: spans.into_iter().map(comment).collect(), next: Cell::new(0) }
    }

    /// Those that begin before a place and were not taken yet.
    pub(super) fn take(&self, before: u32) -> Vec<Comment<'s>> {
        let rest = &self.all[self.next.get()..];
        let taken: Vec<Comment<'s>> =
            rest.iter().take_while(|comment| comment.start < before).copied().collect();
        self.next.set(self.next.get() + taken.len());
        taken
    }

    /// Where a letter stands that belongs to no comment, from a place on.
    pub(super) fn find(&self, text: &str, letter: char, from: u32) -> Option<u32> {
        let within = |at: u32| {
            let after = self.all.partition_point(|comment| comment.start <= at);
            after.checked_sub(1).is_some_and(|last| at < self.all[last].end)
        };
        let found = text[from as usize..].match_indices(letter);
        found.map(|(at, _)| from + at as u32).find(|at| !within(*at))
    }

    /// Whether there are some within a stretch.
    pub(super) fn any_within(&self, span: Span) -> bool {
        let from = self.all.partition_point(|comment| comment.start < span.start);
        self.all.get(from).is_some_and(|comment| comment.start < span.end)
    }
}

impl Comment<'_> {
    /// On lines of its own.
    pub(super) fn lines(&self) -> Vec<String> {
        match self.block() {
            None => vec![self.text.trim_end().to_owned()],
            Some(inside) => {
                let mut lines: Vec<&str> = inside.lines().map(unstarred).collect();
                while lines.len() > 1 && lines.first().is_some_and(|line| line.is_empty()) {
                    lines.remove(0);
                }
                while lines.len() > 1 && lines.last().is_some_and(|line| line.is_empty()) {
                    lines.pop();
                }
                let line = |line: &&str| format!("// {line}").trim_end().to_owned();
                if lines.is_empty() {
                    vec!["//".to_owned()]
                } else {
                    lines.iter().map(line).collect()
                }
            }
        }
    }

    /// Within a line.
    pub(super) fn inline(&self) -> String {
        match self.block() {
            Some(_) if !self.text.contains('\n') => self.text.to_owned(),
            Some(inside) => {
                let lines: Vec<&str> =
                    inside.lines().map(unstarred).filter(|line| !line.is_empty()).collect();
                format!("/* {} */", lines.join(" "))
            }
            None => {
                let inside = self.text.trim_start_matches('/').trim();
                // The end of a block comment ends no line comment.
                format!("/* {} */", inside.replace("*/", "* /"))
            }
        }
    }

    /// The inside of a block comment.
    fn block(&self) -> Option<&str> {
        self.text.strip_prefix("/*")?.strip_suffix("*/")
    }
}

/// A line of a block comment without the star that it may begin with.
fn unstarred(line: &str) -> &str {
    let line = line.trim();
    match line.strip_prefix('*') {
        Some(rest) => rest.trim_start(),
        None => line,
    }
}
