//! Names that the script itself has given, and those of the kernel's types.

use std::collections::HashMap;

use super::{Candidate, head, known, with_statement};
use crate::host::Host;
use crate::ir::Func;
use crate::list;
use crate::sema::Known;
use crate::syntax::cursor::{self, Place};
use crate::types::TypeId;

/// Maps, and the variables of the item at hand, with their types where they can be told.
pub(super) fn names(script: &str, place: Option<&Place>, host: &dyn Host) -> Vec<Candidate> {
    let names = cursor::names(script);
    let before = match place {
        Some(place) => with_statement(script, place, &head(script, place, host), ""),
        None => script.to_owned(),
    };
    let help = known(before, host).map(types).unwrap_or_default();
    let all = names.maps.iter().chain(&names.variables);
    all.map(|name| Candidate::new(*name, help.get(*name).cloned().unwrap_or_default())).collect()
}

/// The types of maps and variables, by name with sigil.
fn types(known: Known) -> HashMap<String, String> {
    let program = known.program;
    let name = |ty: TypeId| program.types.name(ty).to_string();
    let maps = program.maps.iter().map(|(_, map)| {
        let key = map.key.map(|key| format!(" for each {}", name(key))).unwrap_or_default();
        (format!("@{}", map.name), name(map.value) + &key)
    });
    let functions = program.functions.iter().map(|(_, function)| &function.func);
    let funcs: Vec<&Func> =
        functions.chain(program.probes.iter().map(|probe| &probe.func)).collect();
    let locals = funcs.into_iter().flat_map(|func| func.locals.iter().map(|(_, local)| local));
    let known = locals.filter(|local| local.name.starts_with('$') && local.ty != TypeId::UNKNOWN);
    maps.chain(known.map(|local| (local.name.clone(), name(local.ty)))).collect()
}

/// What can stand after `struct` and the like: the script's own types, and of the kernel's those that begin with a word.
pub(super) fn tagged(script: &str, tag: &str, word: &str, host: &dyn Host) -> Vec<Candidate> {
    let own = cursor::names(script).tagged;
    let own = own.into_iter().filter(|(known, _)| *known == tag).map(|(_, name)| name.to_owned());
    let kernel = if word.is_empty() { Vec::new() } else { list::type_names(tag, word, host) };
    own.chain(kernel).map(|name| Candidate::new(name, "")).collect()
}
