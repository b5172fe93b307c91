//! Named parameters of a script.

use ebtrace_image as image;
pub use image::Argument;

use crate::options;
use crate::source::Span;
use crate::syntax::literal;

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

/// Where the values of parameters stand in a program that is compiled ahead of time: those of texts with room for so many
/// bytes.
pub fn places(parameters: &[Parameter], longest: u32) -> Vec<image::Parameter> {
    let mut end = 0u32;
    let placed = parameters.iter().map(|parameter| {
        let size = match parameter.default {
            Argument::Text(_) => longest,
            Argument::Bool(_) | Argument::Unsigned(_) | Argument::Signed(_) => 8,
        };
        let offset = end.next_multiple_of(8);
        end = offset + size;
        image::Parameter {
            name: parameter.name.clone(),
            default: parameter.default.clone(),
            description: parameter.description.clone(),
            offset,
            size,
        }
    });
    placed.collect()
}

/// What is wrong with a value that the command line gives to a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The rule.
    pub headline: String,
    /// What one can type.
    pub help: String,
}

/// What the command line says of a parameter, or else its default.
///
/// # Errors
/// Where that is a value of another kind.
pub fn given(
    name: &str,
    default: &Argument,
    named: &[(String, Option<String>)],
) -> Result<Argument, Wrong> {
    let given = named.iter().rev().find(|(given, _)| given == name);
    let Some((_, given)) = given else { return Ok(default.clone()) };
    let (wanted, example) = (default.kind(), default.example());
    let headline = match (given, default) {
        (None, Argument::Bool(_)) => return Ok(Argument::Bool(true)),
        (None, _) => format!("the parameter `--{name}` wants {wanted}"),
        (Some(text), _) => match read(text, default) {
            Some(value) => return Ok(value),
            None => format!("the parameter `--{name}` wants {wanted}, not `{text}`"),
        },
    };
    Err(Wrong { headline, help: format!("write for example `--{name}={example}`") })
}

/// Text as a value of the kind that the default has.
fn read(text: &str, default: &Argument) -> Option<Argument> {
    match default {
        Argument::Bool(_) => options::boolean(text).map(Argument::Bool),
        Argument::Unsigned(_) => {
            literal::parameter(text).map(|number| Argument::Unsigned(number as u64))
        }
        Argument::Signed(_) => i64::try_from(literal::parameter(text)?).ok().map(Argument::Signed),
        Argument::Text(_) => Some(Argument::Text(text.as_bytes().to_vec())),
    }
}

/// A line a parameter, for the help of a script.
pub fn help(parameters: &[image::Parameter]) -> String {
    if parameters.is_empty() {
        return "this script has no named parameters\n".to_owned();
    }
    let usage = |parameter: &image::Parameter| match parameter.default {
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
