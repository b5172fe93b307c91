//! Named parameters: what a script takes from `--name=value` on its command line.

use super::{Literal, Lower, Operand};
use crate::builtin::Call;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, nearest};
use crate::ir::{Argument, Parameter, Program};
use crate::options::{self, Options};
use crate::source::Span;
use crate::syntax::literal;
use crate::types::TypeId;

impl Lower<'_> {
    /// The value of the parameter that a call declares.
    pub fn named_parameter(&mut self, call: &Call<'_>) -> Operand {
        let Some(parameter) = self.declared_parameter(call) else { return self.poison() };
        if !self.declare_parameter(&parameter) {
            return self.poison();
        }
        match value(&parameter, self.options) {
            Ok(value) => self.argument(value, call.span),
            Err(wrong) => {
                self.complain(*wrong);
                self.poison()
            }
        }
    }

    fn declared_parameter(&mut self, call: &Call<'_>) -> Option<Parameter> {
        let name = String::from_utf8_lossy(&self.literal_text(call, 0)?).into_owned();
        let odd = |letter: char| letter == '=' || letter.is_whitespace() || letter.is_control();
        if name.is_empty() || name.starts_with('-') || name.contains(odd) {
            let found = format!("`{name}`");
            self.complain_argument(call, 0, "a name without dashes and blanks", &found);
            return None;
        }
        let default = match call.args.get(1) {
            None => Argument::Bool(false),
            Some(_) => self.default_of(call)?,
        };
        let description = match call.args.get(2) {
            None => None,
            Some(_) => Some(String::from_utf8_lossy(&self.literal_text(call, 2)?).into_owned()),
        };
        Some(Parameter { name, default, description, span: call.span })
    }

    fn default_of(&mut self, call: &Call<'_>) -> Option<Argument> {
        let operand = self.arg(call, 1)?;
        match operand.literal {
            Some(Literal::Bool(value)) => Some(Argument::Bool(value)),
            Some(Literal::Int(number)) => Some(match i64::try_from(number) {
                Ok(number) if number < 0 => Argument::Signed(number),
                _ => Argument::Unsigned(number as u64),
            }),
            Some(Literal::Str(text)) => Some(Argument::Text(text)),
            _ => {
                self.complain_type(call, 1, "a literal number, text, `true` or `false`", &operand);
                None
            }
        }
    }

    /// Notes a parameter, and says whether it agrees with what was declared of it above.
    fn declare_parameter(&mut self, parameter: &Parameter) -> bool {
        let known = self.b.program.parameters.iter().find(|known| known.name == parameter.name);
        let Some(known) = known else {
            self.b.program.parameters.push(parameter.clone());
            return true;
        };
        let name = &parameter.name;
        let (headline, here, there) = if known.default != parameter.default {
            let headline = format!("the parameter `--{name}` has two defaults");
            (headline, parameter.default.to_string(), known.default.to_string())
        } else if known.description != parameter.description {
            let shown = |description: &Option<String>| match description {
                Some(text) => format!("\"{text}\""),
                None => "no description".to_owned(),
            };
            let headline = format!("the parameter `--{name}` has two descriptions");
            (headline, shown(&parameter.description), shown(&known.description))
        } else {
            return true;
        };
        let diagnostic = Diagnostic::error(Code::ParameterClash, headline)
            .label(parameter.span, format!("{here} here"))
            .label(known.span, format!("{there} here"))
            .help("write the same at every use, or put the call into a macro and use that");
        self.complain(diagnostic);
        false
    }

    /// A value that may be another one at the next run, so that types do not depend on it.
    fn argument(&mut self, value: Argument, span: Span) -> Operand {
        let (bits, ty) = match value {
            Argument::Bool(value) => (u64::from(value), TypeId::BOOL),
            Argument::Unsigned(number) => (number, TypeId::U64),
            Argument::Signed(number) => (number as u64, TypeId::I64),
            Argument::Text(text) => {
                let text = self.string(&text, span);
                if text.ty == TypeId::UNKNOWN {
                    return text;
                }
                let most = self.max_strlen();
                let ty = self.b.types().string(most);
                let expr = self.exact(&text, ty, "parameter");
                return self.operand(expr);
            }
        };
        let expr = self.b.int(bits, ty);
        self.operand(expr)
    }
}

/// What the command line says of a parameter, or else its default.
fn value(parameter: &Parameter, options: &Options) -> Result<Argument, Box<Diagnostic>> {
    let Parameter { name, default, .. } = parameter;
    let given = options.named.iter().rev().find(|(given, _)| given == name);
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
    let diagnostic = Diagnostic::error(Code::BadParameter, headline)
        .label(parameter.span, "declared here")
        .help(format!("write for example `--{name}={example}`"));
    Err(Box::new(diagnostic))
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

/// Complains of named parameters on the command line that the script does not have.
pub(super) fn unknown(program: &Program, options: &Options, diagnostics: &mut Diagnostics) {
    let known = || program.parameters.iter().map(|parameter| parameter.name.as_str());
    for (name, _) in &options.named {
        if known().any(|known| known == name) || options.asks_for_help() {
            continue;
        }
        let diagnostic = Diagnostic::error(
            Code::UnknownParameter,
            format!("the script has no parameter `--{name}`"),
        );
        let names: Vec<String> = known().map(|name| format!("`--{name}`")).collect();
        diagnostics.push(match (nearest(name, known()), names.as_slice()) {
            (Some(near), _) => diagnostic.help(format!("did you mean `--{near}`?")),
            (None, []) => diagnostic.note("it has no named parameters"),
            (None, names) => diagnostic.help(format!("it has {}", names.join(", "))),
        });
    }
}
