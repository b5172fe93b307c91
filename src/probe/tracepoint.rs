//! Probe type on the kernel's tracepoints.

use ebtrace_image::Attach;

use super::list;
use super::pattern::Pattern;
use super::{Context, Field, Kind, Part, Point, ProbeError, Search, Target, Targets, nothing_else};
use crate::diagnostic::nearest;
use crate::host::{FieldKind, Host, HostError, TracepointField};
use crate::ir::ProgramType;
use crate::syntax::ast::Tag;
use crate::types::{self, Access, Space, Type, TypeId, Types, catalog};

pub(super) const ALL: &[Kind] = &[Kind {
    name: "tracepoint",
    aliases: &["t"],
    search: Search::Kernel,
    list: list::TRACEPOINTS,
    shape: &[Field { name: "category", optional: false }, Field { name: "event", optional: true }],
    context: Context::Record,
    program: ProgramType::Tracepoint,
    space: Space::Kernel,
    needs: None,
    instead: nothing_else,
    resolve: tracepoint,
    summary: "Fires at a tracepoint, a place that the kernel's authors chose.",
    details: "`args` has the tracepoint's fields: `args.filename`. Addresses in the fields of `syscalls` \
                  tracepoints point into the process, and `str()` reads them from there. `*` stands for any letters: \
                  `tracepoint:sched:*`, and `tracepoint:*open*` in all categories. Where the probe uses `args`, each \
                  tracepoint gets a program of its own, for its own fields.",
    examples: &[
        "tracepoint:syscalls:sys_enter_openat { printf(\"%s %s\\n\", comm, str(args.filename)); }",
        "tracepoint:sched:sched_switch { @[args.next_comm] = count(); }",
        "tracepoint:sched:* { @[probe] = count(); }",
    ],
}];

fn tracepoint(point: &Point, host: &dyn Host, types: &mut Types) -> Targets {
    let [category, event] = parts(point)?;
    let (categories, events) = (Pattern::of(&category), Pattern::of(&event));
    if !categories.is_glob() && !events.is_glob() {
        return Ok(vec![one(point, (&category, &event), host, types)?]);
    }
    let all = host.tracepoints().map_err(|error| unreadable(point, &category, &event, error))?;
    let chosen = all
        .iter()
        .filter(|(category, event)| categories.matches(category) && events.matches(event));
    let mut targets = Vec::new();
    for (category_name, event_name) in chosen {
        let category = Part { text: category_name.clone(), ..category.clone() };
        let event = Part { text: event_name.clone(), ..event.clone() };
        match one(point, (&category, &event), host, types) {
            Ok(target) => targets.push(target),
            // Some of ftrace's own are listed, but are no tracepoints.
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
    }
    if targets.is_empty() { Err(missing(&category, &event, &all)) } else { Ok(targets) }
}

/// Category and event; `*name*` alone is looked for in all categories.
fn parts(point: &Point) -> Result<[Part; 2], ProbeError> {
    let (first, second) = (point.part(0), point.part(1));
    if point.parts.len() == 1 && first.is_pattern() {
        return Ok([Part { text: "*".to_owned(), ..first.clone() }, first]);
    }
    for (part, field) in [(&first, "category"), (&second, "event")] {
        if part.text.is_empty() {
            return Err(ProbeError::Empty { span: point.span, kind: point.kind, field });
        }
    }
    Ok([first, second])
}

fn one(
    point: &Point,
    (category, event): (&Part, &Part),
    host: &dyn Host,
    types: &mut Types,
) -> Result<Target, ProbeError> {
    let fields = host.tracepoint(&category.text, &event.text).map_err(|error| match error {
        HostError::NotFound => missing(category, event, &host.tracepoints().unwrap_or_default()),
        error => unreadable(point, category, event, error),
    })?;
    let name = format!("{}:{}", category.text, event.text);
    let args = record(&name, &fields, category.text == "syscalls", (types, host));
    let attach = Attach::Tracepoint { category: category.text.clone(), event: event.text.clone() };
    let label = format!("{}:{name}", point.kind.name);
    Ok(Target { args: Some(args), ..Target::new(point.kind, label, attach) })
}

fn unreadable(point: &Point, category: &Part, event: &Part, error: HostError) -> ProbeError {
    let what = format!("the tracepoint `{}:{}`", category.text, event.text);
    ProbeError::Host { span: point.span, what, error }
}

fn missing(category: &Part, event: &Part, all: &[(String, String)]) -> ProbeError {
    let pattern = Pattern::of(category);
    let here = || all.iter().filter(|(known, _)| pattern.matches(known));
    let (span, what, near) = if here().next().is_none() {
        let known = all.iter().map(|(known, _)| known.as_str());
        let what = format!("the tracepoint category `{}`", category.text);
        (category.span, what, nearest(&category.text, known))
    } else if event.is_pattern() {
        let what = format!("a tracepoint like `{}:{}`", category.text, event.text);
        (event.span, what, None)
    } else {
        let what = format!("the tracepoint `{}:{}`", category.text, event.text);
        (event.span, what, nearest(&event.text, here().map(|(_, known)| known.as_str())))
    };
    ProbeError::NotFound { span, what, near: near.map(str::to_owned), help: None }
}

/// The type of `args`: the record's fields but for the common ones, which programs may not read.
fn record(
    name: &str,
    fields: &[TracepointField],
    user: bool,
    (types, host): (&mut Types, &dyn Host),
) -> TypeId {
    let space = if user { Space::User } else { Space::Kernel };
    let size = fields.iter().map(|field| field.offset + field.size).max().unwrap_or(0);
    let fields = fields
        .iter()
        .filter(|field| !field.name.starts_with("common_"))
        .map(|field| types::Field {
            name: field.name.clone(),
            ty: field_type(field, space, types, host),
            offset: field.offset,
            access: match field.kind {
                FieldKind::DataLoc => Access::DataLoc,
                FieldKind::RelLoc => Access::RelLoc,
                FieldKind::Plain | FieldKind::Array(_) => Access::Plain,
            },
        })
        .collect();
    types.add_struct(types::Struct {
        name: name.to_owned(),
        size,
        align: 8,
        fields: Some(fields),
        origin: types::Origin::Script,
    })
}

fn field_type(field: &TracepointField, space: Space, types: &mut Types, host: &dyn Host) -> TypeId {
    let integer = |size: u32| TypeId::int((size * 8).min(64) as u8, field.signed);
    match field.kind {
        FieldKind::DataLoc | FieldKind::RelLoc => types.pointer(TypeId::I8, Space::Kernel),
        FieldKind::Array(len) => {
            let of =
                if is_text(&field.c_type) { TypeId::I8 } else { integer(field.size / len.max(1)) };
            types.intern(Type::Array { of, len })
        }
        FieldKind::Plain if field.c_type.ends_with('*') => {
            pointer(&field.c_type, space, types, host)
        }
        FieldKind::Plain if field.c_type == "bool" || field.c_type == "_Bool" => TypeId::BOOL,
        FieldKind::Plain if matches!(field.size, 1 | 2 | 4 | 8) => {
            let declared = declared_type(&field.c_type, field.size);
            let number = declared.unwrap_or_else(|| integer(field.size));
            enumeration(field, types, host).unwrap_or(number)
        }
        FieldKind::Plain => types.intern(Type::Array { of: TypeId::U8, len: field.size }),
    }
}

/// System call records hold every argument in eight bytes, whatever its type; the low bytes are the argument.
fn declared_type(c_type: &str, size: u32) -> Option<TypeId> {
    let ty = match c_type {
        "int" | "pid_t" | "clockid_t" | "timer_t" | "key_t" | "key_serial_t" => TypeId::I32,
        "unsigned int" | "unsigned" | "u32" | "uid_t" | "gid_t" | "qid_t" => TypeId::U32,
        "umode_t" => TypeId::U16,
        "long" | "off_t" | "loff_t" => TypeId::I64,
        _ => return None,
    };
    (size == 8).then_some(ty)
}

/// `const char *const *`, `struct sockaddr *`: what cannot be found is `void`.
fn pointer(c_type: &str, space: Space, types: &mut Types, host: &dyn Host) -> TypeId {
    let Some(to) = c_type.strip_suffix('*') else { return TypeId::VOID };
    let words = to.split_whitespace().filter(|word| !matches!(*word, "const" | "volatile"));
    let mut to = words.collect::<Vec<_>>().join(" ");
    // `*const` binds the word to the star.
    while let Some(rest) = to.strip_suffix("const").filter(|rest| rest.ends_with([' ', '*'])) {
        to = rest.trim_end().to_owned();
    }
    let to = match to.split_once(' ') {
        _ if to.ends_with('*') => pointer(&to, space, types, host),
        _ if is_text(&to) => TypeId::I8,
        Some(("struct", name)) => {
            catalog::resolve_name(types, host, Some(Tag::Struct), name).unwrap_or(TypeId::VOID)
        }
        Some(("union", name)) => {
            catalog::resolve_name(types, host, Some(Tag::Union), name).unwrap_or(TypeId::VOID)
        }
        _ => catalog::resolve_name(types, host, None, &to).unwrap_or(TypeId::VOID),
    };
    types.pointer(to, space)
}

/// An enum of the kernel that has the size of the field.
fn enumeration(field: &TracepointField, types: &mut Types, host: &dyn Host) -> Option<TypeId> {
    let name = field.c_type.strip_prefix("enum ")?;
    let found = catalog::resolve_name(types, host, Some(Tag::Enum), name)?;
    (types.size(found) == field.size).then_some(found)
}

fn is_text(c_type: &str) -> bool {
    c_type.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "char")
}
