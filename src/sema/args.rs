//! Arguments of builtins: what the entries of the table ask for.

use super::{Literal, Lower, Operand, error};
use crate::builtin::Call;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{ExprId, MapId};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};
use crate::types::{Type, TypeId};

/// A map and the type of its values.
#[derive(Debug, Clone, Copy)]
pub struct MapElement {
    /// Which.
    pub map: MapId,
    /// The type of its values.
    pub value: TypeId,
}

impl Lower<'_> {
    /// An argument of any type; `None` where something is wrong with it.
    pub fn arg(&mut self, call: &Call<'_>, index: usize) -> Option<Operand> {
        let operand = self.expr(call.args.get(index)?);
        (operand.ty != TypeId::UNKNOWN).then_some(operand)
    }

    /// An integer or bool.
    pub fn int_arg(&mut self, call: &Call<'_>, index: usize) -> Option<Operand> {
        let operand = self.arg(call, index)?;
        if self.b.types().is_int(operand.ty) || operand.ty == TypeId::BOOL {
            return Some(operand);
        }
        self.complain_type(call, index, "an integer", &operand);
        None
    }

    /// All values from one argument on; they can be shown.
    pub fn printables(&mut self, call: &Call<'_>, from: usize) -> Option<Vec<Operand>> {
        let mut values = Vec::with_capacity(call.args.len());
        for (operand, span) in self.operands(call.args.get(from..)?) {
            if !self.b.types().is_value(operand.ty) {
                let found = self.type_name(operand.ty);
                self.complain(error::bad_value(span, &found, "printed"));
                return None;
            }
            values.push(operand);
        }
        values.iter().all(|value| value.ty != TypeId::UNKNOWN).then_some(values)
    }

    /// A value that can be shown.
    pub fn printable(&mut self, call: &Call<'_>, index: usize) -> Option<Operand> {
        self.printables(call, index)?.into_iter().next()
    }

    /// An integer that is known before the script runs, within these bounds.
    pub fn literal_int_in(
        &mut self,
        call: &Call<'_>,
        index: usize,
        least: i128,
        most: i128,
    ) -> Option<i128> {
        let operand = self.arg(call, index)?;
        let wants = match most {
            most if most >= i128::from(i64::MAX) => {
                format!("a literal integer of at least {least}")
            }
            most => format!("a literal integer from {least} to {most}"),
        };
        match operand.literal_int() {
            Some(number) if (least..=most).contains(&number) => Some(number),
            Some(number) => {
                self.complain_argument(call, index, &wants, &number.to_string());
                None
            }
            None => {
                self.complain_type(call, index, &wants, &operand);
                None
            }
        }
    }

    /// A string literal. Formats may be longer than strings, so it is taken as it was written.
    pub fn literal_text(&mut self, call: &Call<'_>, index: usize) -> Option<Vec<u8>> {
        let arg = call.args.get(index)?;
        if let ExprKind::Str(text) = &arg.kind {
            return Some(text.clone());
        }
        let operand = self.arg(call, index)?;
        if let Some(Literal::Str(text)) = operand.literal {
            return Some(text);
        }
        self.complain_type(call, index, "text in quotes", &operand);
        None
    }

    /// Whether an argument is a map without a key.
    pub fn is_whole_map(&self, arg: &ast::Expr) -> bool {
        matches!(arg.kind, ExprKind::Map { key: None, .. })
    }

    /// Whether an argument is a scalar map that holds a stack.
    pub fn holds_stack(&mut self, arg: &ast::Expr) -> bool {
        let ExprKind::Map { name, key: None } = &arg.kind else { return false };
        let Some(&map) = self.maps.get(name) else { return false };
        let map = &self.b.program.maps[map];
        let (scalar, value) = (map.key.is_none(), map.value);
        scalar && matches!(self.b.types().get(value), Type::Stack { .. })
    }

    /// The number of frames of a stack, which stands so many bytes from its start.
    pub fn frames_of(&mut self, stack: &Operand, count_at: u32) -> Option<Operand> {
        let Type::Stack { .. } = self.b.types().get(stack.ty) else { return None };
        let count = self.part(stack, count_at, None, TypeId::U64);
        let count = self.b.convert(count.expr, TypeId::I64);
        Some(self.operand(count))
    }

    /// A map as a whole: whether it has keys does not matter.
    pub fn map_arg(&mut self, call: &Call<'_>, index: usize) -> Option<MapId> {
        let arg = call.args.get(index)?;
        let ExprKind::Map { name, key: None } = &arg.kind else {
            self.complain_map(call, index);
            return None;
        };
        self.map_named(name, arg.span)
    }

    /// The map of this name, whose type has to be known.
    pub(super) fn map_named(&mut self, name: &str, span: Span) -> Option<MapId> {
        if let Some(&map) = self.maps.get(name) {
            return Some(map);
        }
        if self.known.unread {
            return None;
        }
        // Until the map's type is known this is complained of, and only the last walk's complaints count.
        let known: Vec<String> =
            self.maps.keys().filter(|name| !name.is_empty()).cloned().collect();
        self.complain(error::unknown_map(span, name, known.iter().map(String::as_str)));
        None
    }

    /// A map and a key in it: `f(@m, key)`, `f(@scalar)`, or `f(@m[key])`.
    pub fn map_element(&mut self, call: &Call<'_>) -> Option<(MapId, Option<ExprId>)> {
        let arg = &call.args[0];
        let ExprKind::Map { name, key } = &arg.kind else {
            self.complain_map(call, 0);
            return None;
        };
        let element = match (key, call.args.get(1)) {
            (Some(_), Some(extra)) => {
                self.complain_extra(call, extra.span);
                return None;
            }
            (Some(key), None) => self.element(name, Some(key), arg.span)?,
            (None, Some(key)) => self.element(name, Some(std::slice::from_ref(key)), arg.span)?,
            (None, None) => self.element(name, None, arg.span)?,
        };
        let map = self.map_named(name, arg.span)?;
        Some((map, element.key))
    }

    /// A map with keys and a key in it: `f(@m, key)`.
    pub fn keyed_element(&mut self, call: &Call<'_>) -> Option<(MapElement, ExprId)> {
        let (arg, key) = (&call.args[0], &call.args[1]);
        let ExprKind::Map { name, key: None } = &arg.kind else {
            self.complain_map(call, 0);
            return None;
        };
        let element = self.element(name, Some(std::slice::from_ref(key)), arg.span)?;
        let map = self.map_named(name, arg.span)?;
        Some((MapElement { map, value: element.value }, element.key?))
    }

    /// The name of a map with keys that is an argument as a whole.
    pub fn keyed_map(&mut self, call: &Call<'_>, index: usize) -> Option<MapId> {
        let map = self.map_arg(call, index)?;
        if self.b.program.maps[map].key.is_some() {
            return Some(map);
        }
        let (name, span) = (self.b.program.maps[map].name.clone(), call.args[index].span);
        self.complain(
            Diagnostic::error(
                Code::KeyClash,
                format!("`{}()` wants a map with keys, and `@{name}` has none", call.builtin.name),
            )
            .label(span, "a scalar map")
            .help(format!("a map has keys if it is assigned with one: `@{name}[pid] = …`")),
        );
        None
    }

    fn complain_map(&mut self, call: &Call<'_>, index: usize) {
        let arg = &call.args[index];
        let found = match &arg.kind {
            ExprKind::Map { .. } => "this is one value of a map",
            _ => "this is not a map",
        };
        self.complain(
            Diagnostic::error(Code::NotAMap, format!("`{}()` wants a map here", call.builtin.name))
                .label(arg.span, found)
                .help(format!("it is called as `{}`; a map is `@x`", call.builtin.signature())),
        );
    }

    /// Complains of an argument of the wrong type.
    pub fn complain_type(
        &mut self,
        call: &Call<'_>,
        index: usize,
        wants: &str,
        found: &Operand,
    ) -> Operand {
        let found = format!("`{}`", self.type_name(found.ty));
        self.complain_argument(call, index, wants, &found)
    }

    /// Complains of a wrong argument.
    pub fn complain_argument(
        &mut self,
        call: &Call<'_>,
        index: usize,
        wants: &str,
        found: &str,
    ) -> Operand {
        let span = call.args.get(index).map_or(call.span, |arg| arg.span);
        self.complain(error::bad_argument(span, call.builtin, wants, found));
        self.poison()
    }

    /// Complains of an argument that has no place in this form of the call.
    pub fn complain_extra(&mut self, call: &Call<'_>, span: Span) -> Operand {
        self.complain(
            Diagnostic::error(
                Code::CallArity,
                format!("`{}()` takes one argument here", call.builtin.name),
            )
            .label(span, "one too many")
            .help(format!(
                "it is called as `{}`, where the first is a map",
                call.builtin.signature()
            )),
        );
        self.poison()
    }

    /// Complains of a text that should be one of some names.
    pub fn complain_name(
        &mut self,
        call: &Call<'_>,
        text: &str,
        what: &str,
        known: &[&str],
    ) -> Operand {
        let span = call.args.first().map_or(call.span, |arg| arg.span);
        let diagnostic =
            Diagnostic::error(Code::BadArgument, format!("there is no {what} `{text}`"))
                .label(span, format!("not a {what}"))
                .help(format!("{what}s are {}", known.join(", ")));
        let near = crate::diagnostic::nearest(text, known.iter().copied()).map(str::to_owned);
        self.complain(match near {
            Some(near) => diagnostic.suggest(span, format!("\"{near}\"")),
            None => diagnostic,
        });
        self.poison()
    }

    /// Complains of a register that the processor does not have.
    pub fn complain_register(&mut self, call: &Call<'_>, text: &str) -> Operand {
        let names = crate::probe::registers::names(self.arch());
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.complain_name(call, text, "register", &names)
    }

    /// Complains of a use that this machine sets a limit to.
    pub fn complain_limit(&mut self, call: &Call<'_>, limit: String) -> Operand {
        self.complain(
            Diagnostic::error(Code::NotHere, limit)
                .label(call.span, format!("there is no `{}` here", call.name)),
        );
        self.poison()
    }

    /// Complains of an argument of `fail()`.
    pub fn complain_not_literal(&mut self, call: &Call<'_>) -> Operand {
        self.complain(
            Diagnostic::error(Code::BadArgument, format!("`{}()` takes literals", call.name))
                .label(call.span, "a value here is known only when the script runs")
                .help("show the value when the script runs: `printf()`"),
        );
        self.poison()
    }

    /// Complains as the script wants it.
    pub fn complain_failure(&mut self, call: &Call<'_>, message: String) -> Operand {
        self.complain(
            Diagnostic::error(Code::Failed, message).label(call.span, "the script says so"),
        );
        self.poison()
    }

    /// Complains of a format.
    pub fn complain_format(&mut self, span: Span, headline: String, help: &str) {
        self.complain(Diagnostic::error(Code::BadFormat, headline).label(span, "here").help(help));
    }

    /// Warns of an argument without effect.
    pub fn warn_ignored(&mut self, call: &Call<'_>, index: usize, headline: String) {
        let span = call.args.get(index).map_or(call.span, |arg| arg.span);
        self.complain(Diagnostic::warning(Code::Ignored, headline).label(span, "no effect"));
    }
}
