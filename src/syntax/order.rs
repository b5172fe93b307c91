//! The order of a script's sections: C, then `config` and imports, then all else.

use super::ast::{Item, Script};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// A part of a script; each comes after those above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    C,
    Head,
    Body,
}

/// What is said of each item that stands below one of a later section.
pub(super) fn misplaced(script: &Script) -> Vec<Diagnostic> {
    let mut latest: Option<&Item> = None;
    let mut found = Vec::new();
    for item in &script.items {
        match latest {
            Some(above) if section(above) > section(item) => found.push(complaint(item, above)),
            Some(above) if section(above) == section(item) => {}
            _ => latest = Some(item),
        }
    }
    found
}

fn section(item: &Item) -> Section {
    match item {
        Item::C(_) => Section::C,
        Item::Config(_) | Item::Import(_) => Section::Head,
        Item::Probe(_) | Item::Macro(_) | Item::Function(_) | Item::MapDecl(_) => Section::Body,
    }
}

fn complaint(item: &Item, above: &Item) -> Diagnostic {
    let (rule, help) = match item {
        Item::C(_) => (
            "C stands at the top of a script",
            "move it to the top, above `config`, imports and probes",
        ),
        Item::Import(_) => (
            "imports stand above all probes",
            "move it up, above the probes, macros, functions and declared maps",
        ),
        _ => (
            "`config` stands above all probes",
            "move it up, above the probes, macros, functions and declared maps",
        ),
    };
    Diagnostic::error(Code::Misplaced, rule)
        .label(start(item), "below its place")
        .label(start(above), described(above))
        .help(help)
}

/// What is said of an item that should stand below.
fn described(item: &Item) -> &'static str {
    match item {
        Item::Probe(_) => "this probe stands above it",
        Item::Macro(_) => "this macro stands above it",
        Item::Function(_) => "this function stands above it",
        Item::MapDecl(_) => "this declaration of a map stands above it",
        Item::Config(_) => "this `config` block stands above it",
        Item::Import(_) => "this import stands above it",
        Item::C(_) => "this definition stands above it",
    }
}

fn start(item: &Item) -> Span {
    match item {
        Item::Probe(probe) => probe.points.first().map_or(probe.body.span, |point| point.span),
        Item::Macro(item) => item.name.span,
        Item::Function(function) => function.name.span,
        Item::MapDecl(map) => map.name.span,
        Item::Config(config) => config.span,
        Item::Import(import) => import.path.span,
        // Definitions may be long; their first line tells.
        Item::C(c) => c.span.part(0, c.text.find('\n').unwrap_or(c.text.len())),
    }
}
