//! A script with the types of its expressions: as comments below each line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::source::{FileId, Sources};
use crate::types::TypeId;

use super::{Function, Program};

/// What is known of a line: texts of expressions with their types, from left to right.
type Known = Vec<(String, TypeId)>;

/// The maps and functions of a script with their types, and its text with those of expressions.
pub fn script(sources: &Sources, file: FileId, program: &Program) -> String {
    let mut out = String::new();
    section(
        &mut out,
        "Maps",
        program.maps.iter().map(|(_, map)| {
            let key = map.key.map_or(String::new(), |key| format!("[{}]", program.types.name(key)));
            format!("@{}{key}: {}", map.name, program.types.name(map.value))
        }),
    );
    section(
        &mut out,
        "Functions",
        program.functions.iter().map(|(_, function)| signature(program, function)),
    );
    let known = known(sources, file, program);
    let source = sources.get(file);
    let lines = source.line_starts().len() as u32;
    // What follows the last line break is no line.
    let lines = if source.text.ends_with('\n') { lines - 1 } else { lines };
    for number in 1..=lines {
        let line = source.line(number);
        let _ = writeln!(out, "{line}");
        let indent = &line[..line.len() - line.trim_start().len()];
        for (text, ty) in known.get(&number).into_iter().flatten() {
            let _ = writeln!(out, "{indent}// {text}: {}", program.types.name(*ty));
        }
    }
    out
}

fn section(out: &mut String, heading: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.map(|line| format!("//   {line}\n")).collect();
    if !lines.is_empty() {
        let _ = writeln!(out, "// {heading}:\n{}", lines.concat());
    }
}

fn signature(program: &Program, function: &Function) -> String {
    let name = |ty| program.types.name(ty);
    let params = function.params.iter().map(|&param| {
        let local = &function.func.locals[param];
        format!("{}: {}", local.name, name(local.ty))
    });
    let params: Vec<String> = params.collect();
    format!("{}({}): {}", function.name, params.join(", "), name(function.result))
}

/// What is known of each line. An expression counts to the line that it begins on, and once.
fn known(sources: &Sources, file: FileId, program: &Program) -> BTreeMap<u32, Known> {
    let written = program.typed.iter().map(|&(span, ty)| (sources.written(span), ty));
    let mut typed: Vec<_> = written
        .filter(|(span, ty)| span.file == file && !matches!(*ty, TypeId::UNKNOWN | TypeId::VOID))
        .collect();
    // The whole before its parts.
    typed.sort_by_key(|(span, ty)| (span.start, std::cmp::Reverse(span.end), *ty));
    let mut known: BTreeMap<u32, Known> = BTreeMap::new();
    for (span, ty) in typed {
        let words: Vec<&str> = sources.slice(span).split_whitespace().collect();
        let entry = (words.join(" "), ty);
        let line = known.entry(sources.get(file).position(span.start).line).or_default();
        if !entry.0.is_empty() && !line.contains(&entry) {
            line.push(entry);
        }
    }
    known
}
