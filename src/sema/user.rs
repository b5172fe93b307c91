//! What a probe of a program knows from its debug information.

use std::path::PathBuf;

use ebtrace_image::Attach;

use super::Lower;
use super::symbol::with_nearest;
use crate::builtin::Call;
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::probe::Target;
use crate::probe::user::arguments::{Missing, arguments};
use crate::types::{StructId, Type, TypeId};

/// The program that a target is in.
pub(super) fn program(target: &Target) -> Option<PathBuf> {
    match &target.attach {
        Attach::Uprobe { path, .. } => Some(PathBuf::from(path)),
        _ => None,
    }
}

/// Where a variable or function of the probe's program is.
#[derive(Debug, Clone, Copy)]
pub struct Placed {
    /// Its address, as the file has it.
    pub address: u64,
    /// Bytes; 0 where the file does not say.
    pub size: u64,
    /// The address of the probed instruction, as the file has it, if the program is moved when it is loaded.
    pub probe: Option<u64>,
}

impl Lower<'_> {
    /// Finds a variable or function of the program that the probe is in; complains where there is none.
    pub fn place_of(&mut self, call: &Call<'_>, name: &str) -> Option<Placed> {
        if self.targets.len() > 1 {
            self.found.typed.insert(self.point);
        }
        let target = self.target().clone();
        let Attach::Uprobe { path, offset, .. } = &target.attach else {
            self.complain_limit(call, "the probe is in no program".to_owned());
            return None;
        };
        let program = self.host.program(path.as_ref()).ok();
        let placed = program.as_ref().and_then(|program| {
            let (address, size) = program.symbol(name)?;
            let probe = if program.moves() { Some(program.address(*offset)?) } else { None };
            Some(Placed { address, size, probe })
        });
        if placed.is_none() {
            let span = call.args.first().map_or(call.span, |arg| arg.span);
            let rule = format!("{path} has no variable or function `{name}`");
            let diagnostic = Diagnostic::error(Code::NotFound, rule).label(span, "not found");
            let symbols = program.map(|program| program.symbols()).unwrap_or_default();
            let near = nearest(name, symbols.iter().map(String::as_str)).map(str::to_owned);
            self.complain(
                with_nearest(diagnostic, span, near)
                    .help(format!("`nm {path}` and `nm -D {path}` list what there is")),
            );
        }
        placed
    }

    /// What `args` points to in a probe of a function of a program; complains where that is not known.
    pub fn user_arguments(&mut self, call: &Call<'_>) -> Option<TypeId> {
        if self.targets.len() > 1 {
            self.found.typed.insert(self.point);
        }
        let (target, host) = (self.target().clone(), self.host);
        let found = match arguments(&target, host, self.b.types()) {
            Ok(found) => return Some(found.record),
            Err(missing) => missing,
        };
        let label = &target.label;
        let diagnostic = match found {
            Missing::Within => {
                Diagnostic::error(Code::NotHere, "arguments are known where a function begins")
                    .label(call.span, format!("`{label}` is elsewhere in it"))
                    .help("probe the function without an offset")
            }
            Missing::NoInformation => {
                let headline = "the program has no debug information, so the names of its arguments are not known";
                Diagnostic::error(Code::NotHere, headline)
                    .label(call.span, format!("`{label}` has none"))
                    .help("build the program with `-g` or install its debug symbols, or use `arg0`, `arg1` and so on")
            }
            Missing::NoFunction => {
                let headline = "the debug information of the program says nothing of this function";
                Diagnostic::error(Code::NotHere, headline)
                    .label(call.span, format!("`{label}` is not described"))
                    .help("use `arg0`, `arg1` and so on")
            }
        };
        self.complain(diagnostic);
        None
    }

    /// Why an argument of the function is not among the fields of `args`, if it is one.
    pub(super) fn argument_elsewhere(&mut self, id: StructId, name: &str) -> Option<&'static str> {
        let (target, host) = (self.target().clone(), self.host);
        let found = arguments(&target, host, self.b.types()).ok()?;
        let is_args = *self.b.types().get(found.record) == Type::Struct(id);
        let is_elsewhere = is_args && found.elsewhere.iter().any(|other| other == name);
        is_elsewhere.then_some(
            "it is not in one of the registers for integers: numbers with a fraction, large structs, and what comes after the sixth are elsewhere",
        )
    }
}
