//! Text.

use super::{Builtin, Call, one, optional};
use crate::ir::{Expr, ExprId, Helper};
use crate::sema::{Literal, Lower, Operand};
use crate::types::{Space, Type, TypeId};

pub(super) const ALL: &[Builtin] =
    &[Builtin::function("str", &[one("address"), optional("length")], "The text at an address.", str)
        .returning("string")
        .details("Reads up to the first NUL, at most 1024 bytes or, with a length, one byte less than that. Where \
                  the address points depends on the probe: into the kernel, or into the process for `uprobe` and the \
                  fields of `syscalls` tracepoints. An address that cannot be read gives an empty text.")
        .examples(&[
            "tracepoint:syscalls:sys_enter_openat { @[str(args.filename)] = count(); }",
            "uprobe:libc:puts { printf(\"%s\\n\", str(arg0, 64)); }",
        ])];

fn str(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let source = match lower.parameter_text(&call.args[0]) {
        Some(text) => Some(lower.text(&text)),
        None => lower.arg(call, 0),
    };
    let Some(source) = source else { return lower.poison() };
    let length = match call.args.get(1) {
        None => None,
        Some(_) => match lower.int_arg(call, 1) {
            Some(length) => Some(length),
            None => return lower.poison(),
        },
    };
    let most = lower.max_strlen();
    let literal = length.as_ref().and_then(Operand::literal_int);
    if let Some(number) = literal.filter(|&number| number < 0) {
        return lower.complain_argument(call, 1, "a length", &format!("{number}"));
    }
    if literal.is_some_and(|number| number > i128::from(most)) {
        lower.warn_ignored(
            call,
            1,
            format!("strings have at most {most} bytes, so the length has no effect"),
        );
    }
    let room = literal.map_or(most, |number| (number + 1).min(i128::from(most)) as u32);
    if let Some(Literal::Str(text)) = &source.literal {
        let kept = literal.map_or(text.len(), |number| text.len().min(number as usize));
        return lower.text(&text[..kept]);
    }
    // Nothing stands at the address 0, which is also what a parameter that was not given is.
    if source.literal_int() == Some(0) {
        return lower.text(b"");
    }
    match lower.b.types().get(source.ty).clone() {
        Type::Unknown => lower.poison(),
        Type::Str(_) if length.is_none() => source,
        Type::Str(_) => {
            let address = lower.address_of(&source);
            read(lower, address, Space::Kernel, room, length, literal)
        }
        Type::Pointer { space, .. } => read(lower, source.expr, space, room, length, literal),
        Type::Int { .. } => {
            let space = lower.space();
            let address = lower.b.convert(source.expr, TypeId::U64);
            read(lower, address, space, room, length, literal)
        }
        _ => lower.complain_type(call, 0, "an address or text", &source),
    }
}

/// Reads text into a buffer of `room` bytes; the kernel writes at most `length` of them, its NUL included.
fn read(
    lower: &mut Lower<'_>,
    address: ExprId,
    space: Space,
    room: u32,
    length: Option<Operand>,
    literal: Option<i128>,
) -> Operand {
    let ty = lower.b.types().string(room);
    let local = lower.b.local("str", ty);
    lower.b.zero(local);
    let most = lower.b.int(u64::from(room), TypeId::U64);
    let size = match (literal, length) {
        (Some(number), _) => lower.b.int((number as u64).min(u64::from(room)), TypeId::U64),
        (None, Some(length)) => {
            let wanted = lower.b.convert(length.expr, TypeId::U64);
            lower.b.add(Expr::Bounded(wanted, room.into()), TypeId::U64)
        }
        (None, None) => most,
    };
    let helper = match space {
        Space::User => Helper::ProbeReadUserStr,
        Space::Kernel | Space::Context => Helper::ProbeReadKernelStr,
        Space::Unset => {
            lower.warn_unset();
            Helper::ProbeReadStr
        }
    };
    let into = lower.b.address(local, 0);
    lower.b.call_void(helper, vec![into, size, address]);
    lower.local_operand(local)
}
