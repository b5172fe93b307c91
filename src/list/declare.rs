//! The kernel's types as C writes them.

use super::padding::{self, Padding};
use crate::builtin::RESULT;
use crate::host::btf::{Btf, Described, Member, Named};

/// Types within types that are followed at most; only a damaged blob has more.
pub(super) const MOST_STEPS: u32 = 64;

/// How a declaration is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// As parameters and fields are listed: without qualifiers, and `*` on its own.
    Listed,
    /// As in C, within so many braces.
    Code(usize),
}

/// A type of a blob with what it declares: `char comm[16]`.
pub(super) fn declaration(btf: &Btf, id: u32, name: &str) -> String {
    spell(btf, id, name.to_owned(), MOST_STEPS, Style::Listed)
}

fn spell(btf: &Btf, id: u32, inner: String, steps: u32, style: Style) -> String {
    let Some(described) = btf.get(id).filter(|_| steps > 0) else { return inner };
    let steps = steps - 1;
    let joined = |base: &str, inner: String| match inner.is_empty() || inner.starts_with('[') {
        true => format!("{base}{inner}"),
        false => format!("{base} {inner}"),
    };
    let tagged = |tag: &str, name: &str, inner: String| match (name, style) {
        ("", Style::Code(depth)) => joined(&definition_at(btf, id, depth + 1), inner),
        ("", Style::Listed) => joined(&format!("{tag} {{ … }}"), inner),
        (name, _) => joined(&format!("{tag} {name}"), inner),
    };
    match described {
        Described::Void => joined("void", inner),
        Described::Int { name, .. } | Described::Float { name, .. } => joined(name, inner),
        Described::Typedef { name, .. } => joined(name, inner),
        Described::Struct { name, union: false, .. } => tagged("struct", name, inner),
        Described::Struct { name, union: true, .. } => tagged("union", name, inner),
        Described::Forward { name, union } => {
            tagged(if union { "union" } else { "struct" }, name, inner)
        }
        Described::Enum { name, .. } => tagged("enum", name, inner),
        Described::Qualified(of, word) if style != Style::Listed => {
            match plain(btf, of) {
                Some(Described::Pointer(_)) => {
                    spell(btf, of, joined(&format!(" {word}"), inner), steps, style)
                }
                // Its elements have the word too.
                Some(Described::Array { .. }) => spell(btf, of, inner, steps, style),
                _ => format!("{word} {}", spell(btf, of, inner, steps, style)),
            }
        }
        Described::Qualified(of, _) | Described::Tagged { of, .. } => {
            spell(btf, of, inner, steps, style)
        }
        Described::Pointer(to) => {
            let tight = match style {
                Style::Listed => inner.is_empty() || inner.starts_with('*'),
                Style::Code(_) => !inner.starts_with('('),
            };
            let space = if tight { "" } else { " " };
            let behind = matches!(
                plain(btf, to),
                Some(Described::Prototype { .. } | Described::Array { .. })
            );
            let inner = if behind { format!("(*{inner})") } else { format!("*{space}{inner}") };
            spell(btf, to, inner, steps, style)
        }
        Described::Array { of, len } => spell(btf, of, format!("{inner}[{len}]"), steps, style),
        Described::Prototype { result, params } => {
            let params: Vec<String> =
                params.iter().map(|param| parameter(btf, *param, steps, style)).collect();
            let params = if params.is_empty() { "void".to_owned() } else { params.join(", ") };
            spell(btf, result, format!("{inner}({params})"), steps, style)
        }
        Described::Function { .. }
        | Described::Variable { .. }
        | Described::Section(_)
        | Described::Other => inner,
    }
}

fn parameter(btf: &Btf, (name, ty): (&str, u32), steps: u32, style: Style) -> String {
    match (name, ty) {
        ("", 0) => "...".to_owned(),
        _ => spell(btf, ty, name.to_owned(), steps, style),
    }
}

/// What is behind attributes.
fn plain(btf: &Btf, id: u32) -> Option<Described<'_>> {
    let mut id = id;
    for _ in 0..MOST_STEPS {
        match btf.get(id)? {
            Described::Qualified(of, _) | Described::Tagged { of, .. } => id = of,
            other => return Some(other),
        }
    }
    None
}

/// The arguments of a function of a blob and what it returns, or of an event's callbacks.
pub(super) fn prototype(btf: &Btf, id: u32) -> Option<(Vec<String>, String)> {
    let mut id = id;
    for _ in 0..MOST_STEPS {
        match btf.get(id)? {
            Described::Function { prototype: of, .. }
            | Described::Typedef { of, .. }
            | Described::Pointer(of)
            | Described::Qualified(of, _) => id = of,
            Described::Prototype { result, params } => {
                let params =
                    params.iter().map(|param| parameter(btf, *param, MOST_STEPS, Style::Listed));
                return Some((params.collect(), declaration(btf, result, RESULT)));
            }
            _ => return None,
        }
    }
    None
}

/// The members of a struct, but for those that are left out.
pub(super) fn members(btf: &Btf, id: u32, leave_out: &str) -> Vec<String> {
    let Some(Described::Struct { members, .. }) = btf.get(id) else { return Vec::new() };
    let members = members.iter().filter(|member| member.name != leave_out);
    // A pointer is wrapped for the kernel's verifier: in a union with a number.
    let declared = members.filter_map(|member| match plain(btf, member.ty) {
        Some(Described::Struct { name: "", members, .. }) => members.first().copied(),
        _ => Some(*member),
    });
    declared
        .filter(|member| member.name != leave_out)
        .map(|member| declaration(btf, member.ty, member.name))
        .collect()
}

/// The members of a struct that have names, those of members without one included, each with its declaration.
pub(super) fn fields(btf: &Btf, id: u32) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(btf, id, MOST_STEPS, &mut found);
    found
}

fn collect(btf: &Btf, id: u32, steps: u32, found: &mut Vec<(String, String)>) {
    let Some(Described::Struct { members, .. }) = plain(btf, id).filter(|_| steps > 0) else {
        return;
    };
    for member in members {
        match member.name {
            "" => collect(btf, member.ty, steps - 1, found),
            name => found.push((name.to_owned(), declared(btf, &member))),
        }
    }
}

/// A struct, union or enum in full, as C has it.
pub(super) fn definition(btf: &Btf, id: u32) -> String {
    definition_at(btf, id, 0) + ";\n"
}

fn definition_at(btf: &Btf, id: u32, depth: usize) -> String {
    let pad = "\t".repeat(depth + 1);
    let spaced = |name: &str| if name.is_empty() { String::new() } else { format!("{name} ") };
    let mut end = "";
    let (head, lines) = match btf.get(id) {
        Some(Described::Struct { name, union, size, members }) => {
            let steps = if depth < MOST_STEPS as usize { MOST_STEPS } else { 0 };
            let packed = !union && padding::is_packed(btf, size, &members);
            if packed {
                end = " __attribute__((packed))";
            }
            let mut padding = Padding::new(btf, packed);
            let mut lines = Vec::new();
            for member in &members {
                let bits = bits(btf, member);
                lines.extend(padding.before(member, bits));
                let name = member.name.to_owned();
                let declared = spell(btf, member.ty, name, steps, Style::Code(depth));
                let width = bits.map(|bits| format!(": {bits}"));
                lines.push(format!("{declared}{};", width.unwrap_or_default()));
            }
            if !union {
                lines.extend(padding.behind(size, padding::align(btf, id, MOST_STEPS)));
            }
            let tag = if union { "union" } else { "struct" };
            (format!("{tag} {}", spaced(name)), lines)
        }
        Some(Described::Enum { name, variants, size }) => {
            end = match size {
                1 => " __attribute__((mode(byte)))",
                2 => " __attribute__((mode(HI)))",
                8 => " __attribute__((mode(word)))",
                _ => "",
            };
            let line = |(name, value): &(&str, i128)| format!("{name} = {value},");
            (format!("enum {}", spaced(name)), variants.iter().map(line).collect())
        }
        _ => return String::new(),
    };
    if lines.is_empty() {
        return format!("{head}{{}}");
    }
    let lines: String = lines.iter().map(|line| format!("{pad}{line}\n")).collect();
    format!("{head}{{\n{lines}{}}}{end}", "\t".repeat(depth))
}

/// A member with its name: `char comm[16]`, `unsigned int sched_migrated : 1`.
fn declared(btf: &Btf, member: &Member<'_>) -> String {
    let width = bits(btf, member).map(|bits| format!(" : {bits}"));
    declaration(btf, member.ty, member.name) + &width.unwrap_or_default()
}

/// How many bits a member has, if it has some only.
fn bits(btf: &Btf, member: &Member<'_>) -> Option<u8> {
    let old = match btf.get(member.ty) {
        Some(Described::Int { size, bits: (_, bits), .. }) if u32::from(bits) < size * 8 => bits,
        _ => 0,
    };
    Some(if member.width > 0 { member.width } else { old }).filter(|bits| *bits > 0)
}

/// The keyword that begins a search for types, and the kind that it means.
pub(super) const TAGS: [(&str, Named); 3] =
    [("struct", Named::Struct), ("union", Named::Union), ("enum", Named::Enum)];
