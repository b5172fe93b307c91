//! What the C of a script means to its probes: names that `#define` gives to expressions, and types that take the
//! place of the kernel's.

use super::{Lower, Operand};
use crate::builtin;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::host::Host;
use crate::source::Span;
use crate::syntax;
use crate::types::{Types, c, catalog};

impl Lower<'_> {
    /// The value of a name that a `#define` gives to an expression.
    pub(super) fn define(&mut self, name: &str, span: Span) -> Option<Operand> {
        let (text, place) = self.declared.macros.macro_body(name)?;
        let header = self.declared.headers.is_some_and(|file| file == place.file);
        if header && builtin::find(name).is_some() {
            return None;
        }
        let within = self.defines.iter().any(|(known, _)| known == name);
        if within && self.constant(name).is_some() {
            // Headers do this to enums, so that `#ifdef` knows their constants.
            return None;
        }
        if let Some(first) = self.defines.iter().position(|(known, _)| known == name) {
            let chain = self.defines[first..].iter().map(|(name, _)| name.as_str());
            let chain: Vec<&str> = chain.chain([name]).collect();
            let diagnostic = Diagnostic::error(
                Code::BadMacro,
                format!("the `#define` of `{name}` stands for itself"),
            )
            .label(span, "used within its own text")
            .note(format!("it goes round like this: {}", chain.join(" > ")));
            self.complain(diagnostic);
            return Some(self.poison());
        }
        let read = syntax::parse_expr(text, place);
        self.defines.push((name.to_owned(), span));
        let operand = match read {
            Ok(expr) => self.expr(&expr),
            Err(error) => {
                self.complain(no_expression(name, text, place, error));
                self.poison()
            }
        };
        self.defines.pop();
        Some(operand)
    }

    /// The names that C gives to numbers and expressions.
    pub(super) fn named_numbers(&mut self) -> Vec<String> {
        let constants: Vec<String> = self.b.types().constants().map(str::to_owned).collect();
        let defines = self.declared.macros.names().map(str::to_owned);
        constants.into_iter().chain(defines).collect()
    }

    /// The complaint about a `#define` that is called: they have no parameters here.
    pub(super) fn used_with_arguments(
        &self,
        name: &str,
        span: Span,
        called: bool,
    ) -> Option<Diagnostic> {
        let found = self.declared.macros.find(name)?;
        if found.parameters {
            return Some(self.declared.macros.used(name, span));
        }
        let diagnostic = Diagnostic::error(
            Code::BadMacro,
            format!("the `#define` of `{name}` has no parameters, so it cannot be called"),
        )
        .label(span, "called here");
        called.then(|| match found.name_span {
            Some(place) => diagnostic.label(place, "defined here"),
            None => diagnostic,
        })
    }

    /// Says of a complaint about the text of a `#define` where the script uses that.
    pub(super) fn with_uses(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        for (name, span) in self.defines.iter().rev() {
            diagnostic = diagnostic.label(*span, format!("`{name}` is used here"));
        }
        diagnostic
    }
}

fn no_expression(
    name: &str,
    text: &str,
    place: Span,
    error: Option<Box<Diagnostic>>,
) -> Diagnostic {
    if text.is_empty() {
        return Diagnostic::error(
            Code::BadMacro,
            format!("`{name}` is defined as nothing, so it has no value"),
        )
        .label(place, "nothing follows the name")
        .help(format!("give it a value: `#define {name} 1`"));
    }
    let diagnostic = Diagnostic::error(
        Code::BadMacro,
        format!("`{name}` is defined as something that is no expression"),
    )
    .label(place, "this is its text");
    match error {
        Some(error) => diagnostic.note(format!("read as an expression: {}", error.headline)),
        None => diagnostic,
    }
}

/// Warns of types of the script that take the place of other ones of the kernel.
pub(super) fn replaced(
    types: &Types,
    declared: &c::Declared,
    host: &dyn Host,
    diagnostics: &mut Diagnostics,
) {
    for (name, difference) in catalog::replaced(types, host) {
        let Some(&place) = declared.places.get(&name) else { continue };
        diagnostics.push(
            Diagnostic::warning(
                Code::ReplacesKernelType,
                format!(
                    "the script's `{name}` is used in place of the kernel's, which is different"
                ),
            )
            .label(place, difference)
            .help("remove the definition to use the kernel's own, or give it another name"),
        );
    }
}
