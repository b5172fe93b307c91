//! Named parameters: what a script takes from `--name=value` on its command line.

use super::{Literal, Lower, Operand};
use crate::builtin::Call;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, nearest};
use crate::ir::{self, Argument, Expr, Global, Helper, Parameter};
use crate::options::Options;
use crate::source::Span;
use crate::types::TypeId;

impl Lower<'_> {
    /// The value of the parameter that a call declares.
    pub fn named_parameter(&mut self, call: &Call<'_>) -> Operand {
        let Some(parameter) = self.declared_parameter(call) else { return self.poison() };
        if !self.declare_parameter(&parameter) {
            return self.poison();
        }
        if self.options.ahead {
            return self.later(&parameter.name);
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

    /// The value of a parameter that is known when the script is loaded.
    fn later(&mut self, name: &str) -> Operand {
        let most = self.max_strlen();
        let places = ir::places(&self.b.program.parameters, most);
        let Some(place) = places.iter().find(|place| place.name == name) else {
            return self.poison();
        };
        let ty = match place.default {
            Argument::Bool(_) => TypeId::BOOL,
            Argument::Unsigned(_) => TypeId::U64,
            Argument::Signed(_) => TypeId::I64,
            Argument::Text(_) => {
                let ty = self.b.types().string(most);
                let local = self.b.local("parameter", ty);
                let into = self.b.address(local, 0);
                let size = self.b.int(most.into(), TypeId::U32);
                let from = Global::ParameterAddress(place.offset);
                let from = self.b.add(Expr::Global(from), TypeId::U64);
                self.b.call_void(Helper::ProbeReadKernel, vec![into, size, from]);
                return self.local_operand(local);
            }
        };
        let wide = if ty == TypeId::I64 { TypeId::I64 } else { TypeId::U64 };
        let expr = self.b.add(Expr::Global(Global::Parameter(place.offset)), wide);
        let expr = self.b.convert(expr, ty);
        self.operand(expr)
    }

    /// Complains of what is known only on the machine and in the moment that the script runs.
    pub fn complain_ahead(&mut self, call: &Call<'_>, why: &str) -> Operand {
        let headline = format!("`{}` cannot be known ahead of time", call.name);
        self.complain(Diagnostic::error(Code::NotHere, headline).label(call.span, why).help(
            "hand it over when the program runs, by a named parameter: `getopt(\"name\", 0)`",
        ));
        self.poison()
    }

    /// Whether the script is compiled ahead of time.
    pub fn is_ahead(&self) -> bool {
        self.options.ahead
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
    ir::given(&parameter.name, &parameter.default, &options.named).map_err(|wrong| {
        let diagnostic = Diagnostic::error(Code::BadParameter, wrong.headline);
        Box::new(diagnostic.label(parameter.span, "declared here").help(wrong.help))
    })
}

/// Complains of named parameters on the command line that the script does not have.
pub fn unknown_parameters(known: &[&str], options: &Options) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    for (name, _) in &options.named {
        if known.contains(&name.as_str()) || options.asks_for_help() {
            continue;
        }
        let diagnostic = Diagnostic::error(
            Code::UnknownParameter,
            format!("the script has no parameter `--{name}`"),
        );
        let names: Vec<String> = known.iter().map(|name| format!("`--{name}`")).collect();
        diagnostics.push(match (nearest(name, known.iter().copied()), names.as_slice()) {
            (Some(near), _) => diagnostic.help(format!("did you mean `--{near}`?")),
            (None, []) => diagnostic.note("it has no named parameters"),
            (None, names) => diagnostic.help(format!("it has {}", names.join(", "))),
        });
    }
    diagnostics
}
