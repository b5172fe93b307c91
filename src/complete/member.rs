//! Fields of whatever has some: the checker says what that is.

use std::collections::HashMap;

use super::{Candidate, FIELD, head, known, with_only_statement, with_statement};
use crate::host::Host;
use crate::list::{self, Catalog};
use crate::sema::Known;
use crate::syntax::cursor::Place;
use crate::types::{Origin, StructId, Type, Types, catalog};
use crate::{builtin, probe};

/// What can stand after an expression that ends with `.` or `->`.
pub(super) fn fields(script: &str, base: &str, place: &Place, host: &dyn Host) -> Vec<Candidate> {
    let field = [base, FIELD].concat();
    let own_head = &head(script, place, host);
    // Below a probe that has nothing to say of itself, all is known that does not depend on the probe.
    let plain_head = probe::kinds().find(|kind| kind.shape.is_empty()).map_or("", |kind| kind.name);
    // What stands before may be wrong, and so may the attach point be.
    let attempts: [&dyn Fn() -> String; 3] = [
        &|| with_statement(script, place, own_head, &field),
        &|| with_only_statement(script, place, own_head, &field),
        &|| with_only_statement(script, place, plain_head, &field),
    ];
    let answer = |script: String| {
        let known = known(script, host)?;
        let (ty, label) = known.asked.clone()?;
        Some((known, ty, label))
    };
    let Some((Known { mut program, .. }, ty, label)) =
        attempts.iter().find_map(|attempt| answer(attempt()))
    else {
        return Vec::new();
    };
    let types = &mut program.types;
    match types.get(ty).clone() {
        Type::Struct(id) if is_arguments(base) => {
            of_struct(types, host, id, &arguments(&label, host))
        }
        Type::Struct(id) => {
            let declared = match types.record(id).origin {
                Origin::Kernel { blob, id } => list::fields(types, host, (blob, id)),
                Origin::Script => HashMap::new(),
            };
            of_struct(types, host, id, &declared)
        }
        Type::Record(fields) => {
            let shown = |(name, ty): &(String, _)| {
                Candidate::new(name.clone(), format!("{} {name}", types.name(*ty)))
            };
            fields.iter().map(shown).collect()
        }
        Type::Tuple(parts) => {
            let parts = parts.iter().enumerate();
            parts
                .map(|(at, ty)| Candidate::new(at.to_string(), types.name(*ty).to_string()))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The fields of a struct, each with its declaration where that is known.
fn of_struct(
    types: &mut Types,
    host: &dyn Host,
    id: StructId,
    declared: &HashMap<String, String>,
) -> Vec<Candidate> {
    let fields = catalog::fields(types, host, id);
    let shown = fields.into_iter().map(|field| {
        let plain = || format!("{} {}", types.name(field.ty), field.name);
        let help = declared.get(&field.name).cloned().unwrap_or_else(plain);
        Candidate::new(field.name, help)
    });
    shown.collect()
}

fn is_arguments(base: &str) -> bool {
    let name = base.trim_end_matches(['.', '-', '>']).trim_end();
    name == builtin::ARGUMENTS
}

/// The declarations of what a probe passes to its program, by name.
fn arguments(label: &str, host: &dyn Host) -> HashMap<String, String> {
    let lines = list::details(label, &Catalog::new(host));
    let named = lines.into_iter().filter_map(|line| {
        let name = line.rsplit([' ', '*']).next()?.split('[').next()?.to_owned();
        Some((name, line))
    });
    named.collect()
}
