//! The kernel's types as C writes them.

use std::rc::Rc;

use crate::builtin::RESULT;
use crate::host::btf::{Btf, Described, Member, Named};

/// Types within types that are followed at most; only a damaged blob has more.
const MOST_STEPS: u32 = 64;
const INDENT: &str = "    ";

/// A type of a blob with what it declares: `char comm[16]`.
pub(super) fn declaration(btf: &Btf, id: u32, name: &str) -> String {
    spell(btf, id, name.to_owned(), MOST_STEPS)
}

fn spell(btf: &Btf, id: u32, inner: String, steps: u32) -> String {
    let Some(described) = btf.get(id).filter(|_| steps > 0) else { return inner };
    let steps = steps - 1;
    let joined = |base: &str, inner: String| match inner.is_empty() || inner.starts_with('[') {
        true => format!("{base}{inner}"),
        false => format!("{base} {inner}"),
    };
    let tagged = |tag: &str, name: &str, inner: String| match name {
        "" => joined(&format!("{tag} {{ … }}"), inner),
        name => joined(&format!("{tag} {name}"), inner),
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
        Described::Qualified(of) | Described::Tagged { of, .. } => spell(btf, of, inner, steps),
        Described::Pointer(to) => {
            let space = if inner.is_empty() || inner.starts_with('*') { "" } else { " " };
            let behind = matches!(
                plain(btf, to),
                Some(Described::Prototype { .. } | Described::Array { .. })
            );
            let inner = if behind { format!("(*{inner})") } else { format!("*{space}{inner}") };
            spell(btf, to, inner, steps)
        }
        Described::Array { of, len } => spell(btf, of, format!("{inner}[{len}]"), steps),
        Described::Prototype { result, params } => {
            let params: Vec<String> =
                params.iter().map(|param| parameter(btf, *param, steps)).collect();
            spell(btf, result, format!("{inner}({})", params.join(", ")), steps)
        }
        Described::Function { .. }
        | Described::Variable { .. }
        | Described::Section(_)
        | Described::Other => inner,
    }
}

fn parameter(btf: &Btf, (name, ty): (&str, u32), steps: u32) -> String {
    match (name, ty) {
        ("", 0) => "...".to_owned(),
        _ => spell(btf, ty, name.to_owned(), steps),
    }
}

/// What is behind attributes.
fn plain(btf: &Btf, id: u32) -> Option<Described<'_>> {
    let mut id = id;
    for _ in 0..MOST_STEPS {
        match btf.get(id)? {
            Described::Qualified(of) | Described::Tagged { of, .. } => id = of,
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
            | Described::Qualified(of) => id = of,
            Described::Prototype { result, params } => {
                let params = params.iter().map(|param| parameter(btf, *param, MOST_STEPS));
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

/// A struct, union or enum in full.
pub(super) fn definition(btf: &Rc<Btf>, id: u32) -> String {
    let mut out = String::new();
    define(btf, id, 0, &mut out);
    out
}

fn define(btf: &Btf, id: u32, depth: usize, out: &mut String) {
    let pad = INDENT.repeat(depth + 1);
    let spaced = |name: &str| if name.is_empty() { String::new() } else { format!("{name} ") };
    match btf.get(id) {
        Some(Described::Struct { name, union, members, .. }) => {
            let tag = if union { "union" } else { "struct" };
            out.push_str(&format!("{tag} {}{{\n", spaced(name)));
            for member in members {
                out.push_str(&pad);
                put_member(btf, &member, depth, out);
                out.push_str(";\n");
            }
        }
        Some(Described::Enum { name, variants, .. }) => {
            out.push_str(&format!("enum {}{{\n", spaced(name)));
            variants.iter().for_each(|(name, value)| {
                out.push_str(&format!("{pad}{name} = {value},\n"));
            });
        }
        _ => return,
    }
    out.push_str(&INDENT.repeat(depth));
    out.push('}');
}

fn put_member(btf: &Btf, member: &Member<'_>, depth: usize, out: &mut String) {
    let nameless = matches!(
        plain(btf, member.ty),
        Some(Described::Struct { name: "", .. } | Described::Enum { name: "", .. })
    );
    if nameless && depth < MOST_STEPS as usize {
        let mut id = member.ty;
        while let Some(Described::Qualified(of) | Described::Tagged { of, .. }) = btf.get(id) {
            id = of;
        }
        define(btf, id, depth + 1, out);
        if !member.name.is_empty() {
            out.push_str(&format!(" {}", member.name));
        }
    } else {
        out.push_str(&declaration(btf, member.ty, member.name));
    }
    out.push_str(&width(btf, member));
}

/// A member with its name: `char comm[16]`, `unsigned int sched_migrated : 1`.
fn declared(btf: &Btf, member: &Member<'_>) -> String {
    declaration(btf, member.ty, member.name) + &width(btf, member)
}

/// How many bits a member has, if it has some only.
fn width(btf: &Btf, member: &Member<'_>) -> String {
    let old = match btf.get(member.ty) {
        Some(Described::Int { size, bits: (_, bits), .. }) if u32::from(bits) < size * 8 => bits,
        _ => 0,
    };
    match if member.width > 0 { member.width } else { old } {
        0 => String::new(),
        width => format!(" : {width}"),
    }
}

/// The keyword that begins a search for types, and the kind that it means.
pub(super) const TAGS: [(&str, Named); 3] =
    [("struct", Named::Struct), ("union", Named::Union), ("enum", Named::Enum)];
