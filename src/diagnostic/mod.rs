//! What is wrong with a script, where, and what to type instead.
//!
//! Stages build [`Diagnostic`]s from their own error enums; [`render`] turns them into text. A headline states the
//! rule that was broken; labels say what stands at each place; the help is text one can type.

mod code;
mod excerpt;
pub mod render;
mod similar;

pub use code::{CODES, Code, Entry, find as find_code};
pub use similar::nearest;

use std::collections::HashSet;

use crate::host::Feature;
use crate::source::{Sources, Span};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The script runs.
    Warning,
    /// The script does not run.
    Error,
}

/// A remark on a place in the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What this place is; empty to only mark it.
    pub text: String,
}

/// A replacement that mends the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced.
    pub span: Span,
    /// By what.
    pub text: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// Entry in the table of codes.
    pub code: Code,
    /// The rule that was broken, in one line without a full stop.
    pub headline: String,
    /// The first is the place of the error; the others are what it clashes with.
    pub labels: Vec<Label>,
    /// Background.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Vec<String>,
    /// The same, as a change to the script.
    pub suggestion: Option<Edit>,
    /// The facility that this kernel lacks, where that is all that is wrong.
    pub lacks: Option<Feature>,
}

impl Diagnostic {
    /// An error with nothing but its headline.
    pub fn error(code: Code, headline: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code,
            headline: headline.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
            suggestion: None,
            lacks: None,
        }
    }

    /// A warning with nothing but its headline.
    pub fn warning(code: Code, headline: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, headline) }
    }

    /// Adds a place; the first one added is the primary.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds background.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help.push(text.into());
        self
    }

    /// Offers a replacement, and says so in the help.
    #[must_use]
    pub fn suggest(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        let text = text.into();
        self.help.push(format!("did you mean `{text}`?"));
        self.suggestion = Some(Edit { span, text });
        self
    }

    /// Offers the nearest of the names that are possible here, if one is near.
    #[must_use]
    pub fn suggest_nearest<'a>(
        self,
        span: Span,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Diagnostic {
        match nearest(name, candidates) {
            Some(near) => self.suggest(span, near),
            None => self,
        }
    }

    /// Marks that only a facility of the kernel is missing.
    #[must_use]
    pub fn lacks(mut self, feature: Feature) -> Diagnostic {
        self.lacks = Some(feature);
        self
    }
}

/// What a stage found, in the order found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Nothing found.
    pub fn new() -> Diagnostics {
        Diagnostics::default()
    }

    /// Adds one; the same one twice is kept once.
    pub fn push(&mut self, diagnostic: impl Into<Diagnostic>) {
        let diagnostic = diagnostic.into();
        if !self.list.contains(&diagnostic) {
            self.list.push(diagnostic);
        }
    }

    /// Adds all of another stage.
    pub fn append(&mut self, other: Diagnostics) {
        other.list.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// Whether anything stops the script from running.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Keeps errors only.
    pub fn drop_warnings(&mut self) {
        self.list.retain(|diagnostic| diagnostic.severity == Severity::Error);
    }

    /// Leaves out warnings about ebtrace's own scripts, of which the user wrote nothing.
    pub fn drop_embedded(&mut self) {
        self.list.retain(|diagnostic| {
            let place = diagnostic.labels.first().map(|label| label.span.file);
            diagnostic.severity == Severity::Error || place.is_none_or(|file| !file.is_embedded())
        });
    }

    /// Keeps one of the warnings that the uses of a macro repeat.
    pub fn drop_repeated(&mut self, sources: &Sources) {
        let mut known = HashSet::new();
        self.list.retain(|diagnostic| {
            let Some(place) = diagnostic.labels.first().map(|label| label.span) else {
                return true;
            };
            diagnostic.severity == Severity::Error
                || sources.written(place) == place
                || known.insert((diagnostic.headline.clone(), sources.written(place)))
        });
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// The kernel facilities that are missing, if nothing else is wrong with the script.
    pub fn lacking(&self) -> Option<Vec<Feature>> {
        let errors = self.list.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        let features: Option<Vec<Feature>> = errors.map(|error| error.lacks).collect();
        features.filter(|list| !list.is_empty()).map(|mut list| {
            list.dedup();
            list
        })
    }
}
