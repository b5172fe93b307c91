//! Probe types on the kernel's own code: `kprobe`, `kretprobe` and `tracepoint`.

use ebtrace_image::Attach;

use super::{
    Context, Field, Kind, Part, Point, ProbeError, Target, Targets, nothing_else, split_offset,
};
use crate::diagnostic::nearest;
use crate::host::{Feature, FieldKind, Host, HostError, TracepointField};
use crate::ir::ProgramType;
use crate::types::{self, Access, Space, Type, TypeId, Types};

pub(super) const ALL: &[Kind] = &[
    Kind {
        name: "kprobe",
        aliases: &["k"],
        shape: &[Field { name: "function", optional: false }],
        context: Context::Entry,
        program: ProgramType::Kprobe,
        space: Space::Kernel,
        needs: Some(Feature::Kprobes),
        instead: syscall_entry,
        resolve: kprobe,
        summary: "Fires when a kernel function is entered.",
        details: "`kprobe:function+offset` fires at an instruction within it. `arg0` to `arg5` are the function's \
                  arguments as unsigned 64-bit numbers, `func` is its name.",
        examples: &[
            "kprobe:do_sys_openat2 { @[comm] = count(); }",
            "kprobe:vfs_read { @size = hist(arg2); }",
        ],
    },
    Kind {
        name: "kretprobe",
        aliases: &["kr"],
        shape: &[Field { name: "function", optional: false }],
        context: Context::Return,
        program: ProgramType::Kprobe,
        space: Space::Kernel,
        needs: Some(Feature::Kprobes),
        instead: syscall_exit,
        resolve: kretprobe,
        summary: "Fires when a kernel function returns.",
        details: "`retval` is what it returned, as an unsigned 64-bit number.",
        examples: &["kretprobe:vfs_read /retval < 0x7fffffff/ { @bytes = sum(retval); }"],
    },
    Kind {
        name: "tracepoint",
        aliases: &["t"],
        shape: &[
            Field { name: "category", optional: false },
            Field { name: "event", optional: false },
        ],
        context: Context::Record,
        program: ProgramType::Tracepoint,
        space: Space::Kernel,
        needs: None,
        instead: nothing_else,
        resolve: tracepoint,
        summary: "Fires at a tracepoint, a place that the kernel's authors chose.",
        details: "`args` has the tracepoint's fields: `args.filename`. Addresses in the fields of `syscalls` \
                  tracepoints point into the process, and `str()` reads them from there.",
        examples: &[
            "tracepoint:syscalls:sys_enter_openat { printf(\"%s %s\\n\", comm, str(args.filename)); }",
            "tracepoint:sched:sched_switch { @[args.next_comm] = count(); }",
        ],
    },
];

fn kprobe(point: &Point, host: &dyn Host, _: &mut Types) -> Targets {
    function_probe(point, host, false)
}

fn kretprobe(point: &Point, host: &dyn Host, _: &mut Types) -> Targets {
    function_probe(point, host, true)
}

fn function_probe(point: &Point, host: &dyn Host, ret: bool) -> Targets {
    let part = point.part(0);
    let (function, offset) = split_offset(&part)?;
    if function.is_empty() {
        return Err(ProbeError::Empty { span: point.span, kind: point.kind, field: "function" });
    }
    if function.contains(['*', '?']) {
        return Err(ProbeError::Pattern { span: part.span, text: function });
    }
    if ret && part.text.contains('+') {
        return Err(ProbeError::ReturnOffset { span: part.span, kind: point.kind });
    }
    let exists = host.has_function(&function);
    if exists == Ok(false) {
        return Err(missing_function(&part, &function, host));
    }
    let suffix = if offset == 0 { String::new() } else { format!("+{offset}") };
    let label = format!("{}:{function}{suffix}", point.kind.name);
    let attach = Attach::Kprobe { function: function.clone(), offset, ret };
    Ok(vec![Target { function: Some(function), ..Target::new(point.kind, label, attach) }])
}

fn missing_function(part: &Part, function: &str, host: &dyn Host) -> ProbeError {
    let functions = host.functions().unwrap_or_default();
    let near = nearest(function, functions.iter().map(AsRef::as_ref));
    ProbeError::NotFound {
        span: part.span,
        what: format!("the kernel function `{function}`"),
        near: near.map(|near| part.text.replacen(function, near, 1)),
        help: Some(
            "a function that the compiler inlined cannot be probed; probe one that calls it"
                .to_owned(),
        ),
    }
}

fn syscall_entry(target: &Target, host: &dyn Host) -> Option<String> {
    syscall_tracepoint(target, "sys_enter_", host)
}

fn syscall_exit(target: &Target, host: &dyn Host) -> Option<String> {
    syscall_tracepoint(target, "sys_exit_", host)
}

/// A system call's tracepoint fires where the functions that implement it would.
fn syscall_tracepoint(target: &Target, edge: &str, host: &dyn Host) -> Option<String> {
    let function = target.function.as_deref()?;
    let shared = ["do_sys_", "ksys_"].iter().find_map(|prefix| function.strip_prefix(prefix));
    let own = ["__x64_sys_", "__arm64_sys_", "__se_sys_", "sys_"]
        .iter()
        .find_map(|prefix| function.strip_prefix(prefix));
    // What a shared function such as do_sys_openat2 mostly does is the older call, openat.
    let older = shared.map(|call| call.trim_end_matches(|c: char| c.is_ascii_digit()));
    let exists = |call: &&str| host.tracepoint("syscalls", &format!("{edge}{call}")).is_ok();
    let call = [older, shared, own].into_iter().flatten().find(exists)?;
    Some(format!("tracepoint:syscalls:{edge}{call}"))
}

fn tracepoint(point: &Point, host: &dyn Host, types: &mut Types) -> Targets {
    let (category, event) = (point.part(0), point.part(1));
    for (part, field) in [(&category, "category"), (&event, "event")] {
        if part.text.is_empty() {
            return Err(ProbeError::Empty { span: point.span, kind: point.kind, field });
        }
        if part.text.contains(['*', '?']) {
            return Err(ProbeError::Pattern { span: part.span, text: part.text.clone() });
        }
    }
    let fields = host.tracepoint(&category.text, &event.text).map_err(|error| match error {
        HostError::NotFound => missing_tracepoint(&category, &event, host),
        error => ProbeError::Host {
            span: point.span,
            what: format!("the tracepoint `{}:{}`", category.text, event.text),
            error,
        },
    })?;
    let name = format!("{}:{}", category.text, event.text);
    let args = record(&name, &fields, category.text == "syscalls", types);
    let attach = Attach::Tracepoint { category: category.text, event: event.text };
    Ok(vec![Target {
        args: Some(args),
        ..Target::new(point.kind, format!("tracepoint:{name}"), attach)
    }])
}

fn missing_tracepoint(category: &Part, event: &Part, host: &dyn Host) -> ProbeError {
    let all = host.tracepoints().unwrap_or_default();
    let here =
        || all.iter().filter(|(known, _)| *known == category.text).map(|(_, event)| event.as_str());
    if here().next().is_none() {
        return ProbeError::NotFound {
            span: category.span,
            what: format!("the tracepoint category `{}`", category.text),
            near: nearest(&category.text, all.iter().map(|(category, _)| category.as_str()))
                .map(str::to_owned),
            help: None,
        };
    }
    ProbeError::NotFound {
        span: event.span,
        what: format!("the tracepoint `{}:{}`", category.text, event.text),
        near: nearest(&event.text, here()).map(str::to_owned),
        help: None,
    }
}

/// The type of `args`: the record's fields but for the common ones, which programs may not read.
fn record(name: &str, fields: &[TracepointField], user: bool, types: &mut Types) -> TypeId {
    let space = if user { Space::User } else { Space::Kernel };
    let size = fields.iter().map(|field| field.offset + field.size).max().unwrap_or(0);
    let fields = fields
        .iter()
        .filter(|field| !field.name.starts_with("common_"))
        .map(|field| types::Field {
            name: field.name.clone(),
            ty: field_type(field, space, types),
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

fn field_type(field: &TracepointField, space: Space, types: &mut Types) -> TypeId {
    let integer = |size: u32| TypeId::int((size * 8).min(64) as u8, field.signed);
    match field.kind {
        FieldKind::DataLoc | FieldKind::RelLoc => types.pointer(TypeId::I8, Space::Kernel),
        FieldKind::Array(len) => {
            let of =
                if is_text(&field.c_type) { TypeId::I8 } else { integer(field.size / len.max(1)) };
            types.intern(Type::Array { of, len })
        }
        FieldKind::Plain if field.c_type.ends_with('*') => {
            let to = if is_text(&field.c_type) { TypeId::I8 } else { TypeId::VOID };
            types.pointer(to, space)
        }
        FieldKind::Plain if field.c_type == "bool" || field.c_type == "_Bool" => TypeId::BOOL,
        FieldKind::Plain if matches!(field.size, 1 | 2 | 4 | 8) => {
            declared_type(&field.c_type, field.size).unwrap_or_else(|| integer(field.size))
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

fn is_text(c_type: &str) -> bool {
    c_type.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "char")
}
