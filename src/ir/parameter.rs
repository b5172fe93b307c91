//! Named parameters of a script.

use std::fmt;

use crate::source::Span;

/// A named parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Without the dashes.
    pub name: String,
    /// Its value where the command line does not mention it; its kind is that of all its values.
    pub default: Argument,
    /// For those who ask.
    pub description: Option<String>,
    /// Where the script first asks for it.
    pub span: Span,
}

/// A value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// `true`, `false`
    Bool(bool),
    /// `5`
    Unsigned(u64),
    /// `-5`
    Signed(i64),
    /// `"text"`
    Text(Vec<u8>),
}

impl Argument {
    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Argument::Bool(_) => "`true` or `false`",
            Argument::Unsigned(_) | Argument::Signed(_) => "a number",
            Argument::Text(_) => "text",
        }
    }

    /// A value of its kind.
    pub fn example(&self) -> &'static str {
        match self {
            Argument::Bool(_) => "true",
            Argument::Unsigned(_) | Argument::Signed(_) => "5",
            Argument::Text(_) => "text",
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Bool(value) => write!(f, "{value}"),
            Argument::Unsigned(number) => write!(f, "{number}"),
            Argument::Signed(number) => write!(f, "{number}"),
            Argument::Text(text) => write!(f, "\"{}\"", String::from_utf8_lossy(text)),
        }
    }
}

/// A line a parameter, for the help of a script.
pub fn help(parameters: &[Parameter]) -> String {
    if parameters.is_empty() {
        return "this script has no named parameters\n".to_owned();
    }
    let usage = |parameter: &Parameter| match parameter.default {
        Argument::Bool(_) => format!("--{}", parameter.name),
        Argument::Unsigned(_) | Argument::Signed(_) => format!("--{}=NUMBER", parameter.name),
        Argument::Text(_) => format!("--{}=TEXT", parameter.name),
    };
    let width =
        parameters.iter().map(|parameter| usage(parameter).chars().count()).max().unwrap_or(0);
    let lines = parameters.iter().map(|parameter| {
        let description = parameter.description.as_deref().unwrap_or_default();
        let default = match parameter.default {
            Argument::Bool(false) => String::new(),
            ref default => format!(" (default: {default})"),
        };
        let line = format!("  {:width$}  {description}{default}", usage(parameter));
        line.trim_end().to_owned() + "\n"
    });
    std::iter::once("named parameters of this script:\n".to_owned()).chain(lines).collect()
}
