//! Maps: those that the script declares, and the storage of all.

use super::param;
use super::probe::Walk;
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::ir::Map;
use crate::options::Options;
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};
use crate::syntax::literal;
use crate::types::{Type, TypeId};

/// A kind of map that can be declared.
struct Kind {
    name: &'static str,
    aggregates: bool,
    evicts: bool,
}

const KINDS: [Kind; 4] = [
    Kind { name: "hash", aggregates: false, evicts: false },
    Kind { name: "lruhash", aggregates: false, evicts: true },
    Kind { name: "percpuhash", aggregates: true, evicts: false },
    Kind { name: "percpulruhash", aggregates: true, evicts: true },
];

/// A declaration that is right.
struct Declared {
    kind: &'static Kind,
    entries: u32,
    span: Span,
}

fn declarations(script: &ast::Script) -> impl Iterator<Item = &ast::MapDecl> {
    script.items.iter().filter_map(|item| match item {
        ast::Item::MapDecl(map) => Some(map),
        _ => None,
    })
}

impl Walk<'_> {
    /// Makes the maps whose types are known.
    pub(super) fn declare_maps(&mut self, script: &ast::Script) {
        let known = self.known;
        for (name, fact) in &known.maps {
            let Some(value) = fact.value(&self.program.types) else { continue };
            let key = fact.key.map(|slot| slot.ty);
            if key == Some(TypeId::UNKNOWN) {
                continue;
            }
            let declared = declarations(script)
                .find(|map| map.name.node == *name)
                .and_then(|map| declared(map, self.options).ok());
            if let Some(declared) = &declared {
                self.check_kind(name, declared, (value.ty, value.span));
            }
            let max_entries = match &declared {
                _ if key.is_none() => 1,
                Some(declared) => declared.entries,
                None => self.options.max_map_keys,
            };
            let is_declared = declared.is_some();
            let evicts = key.is_some() && declared.is_some_and(|declared| declared.kind.evicts);
            let map = Map {
                name: name.clone(),
                key,
                value: value.ty,
                max_entries,
                declared: is_declared,
                evicts,
            };
            self.maps.insert(name.clone(), self.program.maps.alloc(map));
        }
    }

    /// Plain values and aggregations want different kinds.
    fn check_kind(&mut self, name: &str, declared: &Declared, (ty, span): (TypeId, Span)) {
        let aggregates = matches!(self.program.types.get(ty), Type::Aggregate(_));
        if aggregates == declared.kind.aggregates {
            return;
        }
        let fits =
            |kind: &&Kind| kind.aggregates == aggregates && kind.evicts == declared.kind.evicts;
        let instead = KINDS.iter().find(fits).map_or("", |kind| kind.name);
        let found = self.program.types.name(ty);
        let what = if declared.kind.aggregates { "aggregations" } else { "plain values" };
        self.diagnostics.push(
            Diagnostic::error(
                Code::BadMap,
                format!("a `{}` holds {what}, and `@{name}` holds `{found}`", declared.kind.name),
            )
            .label(span, format!("this is `{found}`"))
            .label(declared.span, "declared here")
            .suggest(declared.span, instead),
        );
    }

    /// Complains of declarations that are wrong, double, or for nothing.
    pub(super) fn check_declared_maps(&mut self, script: &ast::Script) {
        let all: Vec<&ast::MapDecl> = declarations(script).collect();
        for (index, map) in all.iter().enumerate() {
            if let Err(diagnostic) = declared(map, self.options) {
                self.diagnostics.push(*diagnostic);
            }
            let name = &map.name;
            if let Some(first) = all[..index].iter().find(|first| first.name.node == name.node) {
                self.diagnostics.push(
                    Diagnostic::error(Code::BadMap, format!("`@{}` is declared twice", name.node))
                        .label(name.span, "declared again")
                        .label(first.name.span, "first here")
                        .help("remove one of the declarations"),
                );
            } else if !self.found.maps.contains_key(&name.node) {
                self.diagnostics.push(
                    Diagnostic::warning(Code::UnusedMap, format!("`@{}` is not used", name.node))
                        .label(name.span, "declared here")
                        .help("remove the declaration, or use the map"),
                );
            }
        }
    }
}

fn declared(map: &ast::MapDecl, options: &Options) -> Result<Declared, Box<Diagnostic>> {
    let (name, span) = (&map.kind.node, map.kind.span);
    let Some(kind) = KINDS.iter().find(|kind| kind.name == *name) else {
        let names = KINDS.iter().map(|kind| kind.name);
        let diagnostic =
            Diagnostic::error(Code::BadMap, format!("there is no kind of map `{name}`"))
                .label(span, "unknown kind");
        return Err(Box::new(match nearest(name, names.clone()) {
            Some(near) => diagnostic.suggest(span, near),
            None => {
                diagnostic.help(format!("the kinds are {}", names.collect::<Vec<_>>().join(", ")))
            }
        }));
    };
    let mut found = "this is something else".to_owned();
    let entries = match map.entries.kind {
        ExprKind::Int(entries) => Some(i128::from(entries)),
        ExprKind::Positional(index) => {
            let given = param::given(options, index);
            found = given.map_or("not given".to_owned(), |given| format!("this is `{given}`"));
            given.and_then(literal::parameter)
        }
        _ => None,
    };
    match entries {
        Some(entries @ 1..=0x4000_0000) => Ok(Declared { kind, entries: entries as u32, span }),
        _ => Err(Box::new(
            Diagnostic::error(Code::BadMap, "the number of keys is a literal from 1 to 1073741824")
                .label(map.entries.span, found)
                .help(format!("write it as `let @{} = {name}(1000);`", map.name.node)),
        )),
    }
}
