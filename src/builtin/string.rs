//! Text.

use super::{Builtin, Call, one, optional};
use crate::ir::{BinaryOp, Expr, ExprId, Helper, StmtKind};
use crate::sema::{Literal, Lower, Operand, Reading};
use crate::types::{Space, Type, TypeId};

pub(super) const ALL: &[Builtin] = &[
    Builtin::function("str", &[one("address"), optional("length")], "The text at an address.", str)
        .returning("string")
        .details("Reads up to the first NUL, at most 1024 bytes or, with a length, one byte less than that. Where \
                  the address points depends on the probe: into the kernel, or into the process for `uprobe` and the \
                  fields of `syscalls` tracepoints. An address that cannot be read gives an empty text.")
        .examples(&[
            "tracepoint:syscalls:sys_enter_openat { @[str(args.filename)] = count(); }",
            "uprobe:libc:puts { printf(\"%s\\n\", str(arg0, 64)); }",
        ]),
    Builtin::function("buf", &[one("bytes"), optional("length")], "Bytes, whatever they are.", buf)
        .returning("buffer")
        .details("They are those of an array or text, or those that an address points to. Only an array needs no length. A \
                  length that is known only when the script runs is cut to what the buffer holds: `max_strlen` less 4, or \
                  the array. Bytes that are no printable characters are shown by number: `\\x00`.")
        .examples(&[
            "tracepoint:syscalls:sys_enter_openat { printf(\"%s\\n\", buf(args.filename, 16)); }",
            "begin { @[buf(pton(\"::1\"))] = 1; exit(); }",
        ]),
    Builtin::function("strncmp", &[one("text"), one("other"), one("length")], "Compares the first characters of two texts.", strncmp)
        .returning("uint64")
        .details("It is 0 where so many characters are the same, or the texts end before, and 1 where they differ.")
        .examples(&["tracepoint:syscalls:sys_enter_openat /strncmp(comm, \"sys\", 3) == 0/ { @[comm] = count(); }"]),
    Builtin::function("str_concat", &[one("text"), one("other")], "Two texts, one after the other.", str_concat)
        .returning("string")
        .details("What is longer than `max_strlen` allows is cut.")
        .examples(&["begin { print(str_concat(comm, \"!\")); exit(); }"]),
];

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
    let into = lower.b.address(local, 0);
    lower.read_at(Reading::Text, (into, size, address), space);
    lower.local_operand(local)
}

/// Where the parts of a buffer are: see `ebtrace_image::Shape::Buffer`.
const LENGTH_AT: u32 = 0;
const BYTES_AT: u32 = 4;

fn buf(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(source) = lower.bytes_arg(call, 0) else { return lower.poison() };
    let length = match call.args.get(1) {
        None => None,
        Some(_) => match lower.int_arg(call, 1) {
            Some(length) => Some(length),
            None => return lower.poison(),
        },
    };
    let types = lower.b.types();
    // How many bytes are there, where that is known.
    let there = match types.get(source.ty) {
        Type::Array { .. } => Some(types.size(source.ty)),
        Type::Str(_) if length.is_some() => Some(types.size(source.ty)),
        Type::Pointer { .. } | Type::Int { .. } if length.is_some() => None,
        Type::Str(_) | Type::Pointer { .. } | Type::Int { .. } => {
            let found = lower.type_name(source.ty);
            return lower.complain_in_words(
                (call, 0),
                format!("`{}()` of `{found}` wants a length", call.name),
                "how many bytes is not known",
                "write it as the second argument: `buf($x, 16)`",
            );
        }
        _ => return lower.complain_type(call, 0, "an array, a text or an address", &source),
    };
    let Some(room) = room(lower, call, length.as_ref(), there) else { return lower.poison() };
    let ty = lower.b.types().intern(Type::Buffer(room));
    let local = lower.b.local("buffer", ty);
    lower.b.zero(local);
    let count = match &length {
        Some(length) if length.literal_int().is_none() => {
            let wanted = lower.b.convert(length.expr, TypeId::U64);
            lower.b.add(Expr::Bounded(wanted, room.into()), TypeId::U64)
        }
        _ => lower.b.int(room.into(), TypeId::U64),
    };
    let count = lower.b.name(count);
    let stored = lower.b.convert(count, TypeId::U32);
    lower.b.store_part(local, LENGTH_AT, TypeId::U32, stored);
    let (address, space) = match lower.b.types().get(source.ty).clone() {
        Type::Pointer { space, .. } => (lower.b.convert(source.expr, TypeId::U64), space),
        Type::Int { .. } => (lower.b.convert(source.expr, TypeId::U64), lower.space()),
        _ => {
            let address = lower.address_of(&source);
            (lower.b.convert(address, TypeId::U64), Space::Kernel)
        }
    };
    let into = lower.b.address(local, BYTES_AT);
    lower.read_at(Reading::Bytes, (into, count, address), space);
    lower.local_operand(local)
}

/// How many bytes a buffer has room for; complains of a length that is too large.
fn room(
    lower: &mut Lower<'_>,
    call: &Call<'_>,
    length: Option<&Operand>,
    there: Option<u32>,
) -> Option<u32> {
    let most = lower.max_strlen().saturating_sub(BYTES_AT).max(1);
    match length.map(Operand::literal_int) {
        None => there.filter(|&there| there <= most).or_else(|| {
            let found = format!("one of {} bytes", there.unwrap_or(0));
            lower.complain_argument(call, 0, &format!("an array of at most {most} bytes"), &found);
            None
        }),
        Some(None) => Some(there.map_or(most, |there| there.min(most))),
        Some(Some(number)) => match u32::try_from(number) {
            Ok(number) if number <= most => Some(there.map_or(number, |there| there.min(number))),
            _ => {
                let wants = format!("a length of at most {most}, which is `max_strlen` less 4,");
                lower.complain_argument(call, 1, &wants, &number.to_string());
                None
            }
        },
    }
}

fn strncmp(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let [left, right] = [0, 1].map(|index| lower.text_arg(call, index));
    let (Some(left), Some(right)) = (left, right) else { return lower.poison() };
    let most = i128::from(lower.max_strlen());
    let Some(count) = lower.literal_int_in(call, 2, 0, i128::from(i64::MAX)) else {
        return lower.poison();
    };
    let count = count.min(most) as u32;
    if let (Some(Literal::Str(left)), Some(Literal::Str(right))) = (&left.literal, &right.literal) {
        let differ = left.iter().take(count as usize).ne(right.iter().take(count as usize));
        return lower.number_of_type(differ.into(), TypeId::U64);
    }
    let [left, right] = [left, right].map(|text| beginning(lower, text, count));
    let result = lower.b.value(TypeId::BOOL);
    lower.b.stmt(StmtKind::StrEqual { result, left, right });
    let equal = lower.b.add(Expr::Value(result), TypeId::BOOL);
    let [one, zero] = [1, 0].map(|number| lower.b.int(number, TypeId::U64));
    let differ = lower.b.select(equal, zero, one);
    lower.operand(differ)
}

/// So many characters of a text, or all of it where there are fewer.
fn beginning(lower: &mut Lower<'_>, text: Operand, count: u32) -> ExprId {
    if lower.b.types().size(text.ty) <= count {
        return text.expr;
    }
    let ty = lower.b.types().string(count + 1);
    let local = lower.b.local("beginning", ty);
    lower.b.zero(local);
    if let Some(bytes) = lower.first_bytes(&text, count).filter(|_| count > 0) {
        let ty = lower.b.ty(bytes);
        lower.b.store_part(local, 0, ty, bytes);
    }
    lower.local_operand(local).expr
}

fn str_concat(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(left) = lower.text_arg(call, 0) else { return lower.poison() };
    let Some(right) = lower.text_arg(call, 1) else { return lower.poison() };
    let most = lower.max_strlen();
    if let (Some(Literal::Str(left)), Some(Literal::Str(right))) = (&left.literal, &right.literal) {
        let mut whole = [left.as_slice(), right].concat();
        whole.truncate(most as usize - 1);
        return lower.text(&whole);
    }
    let sizes = [&left, &right].map(|text| lower.b.types().size(text.ty));
    // Where the second text begins at most. A smaller number would tell LLVM that no bit of it is one of the address's,
    // and the kernel's verifier has no `or` on addresses.
    let furthest = sizes[0].max(64) - 1;
    // Two texts that both fill their buffers are cut afterwards.
    let ty = lower.b.types().string(most.max(furthest + sizes[1]));
    let local = lower.b.local("concatenated", ty);
    lower.b.zero(local);
    let into = lower.b.address(local, 0);
    let copied = copy_text(lower, into, &left, sizes[0]);
    let end = lower.b.binary_int(BinaryOp::Subtract, copied, 1);
    let end = lower.b.add(Expr::Bounded(end, furthest.into()), TypeId::U64);
    let start = lower.b.address(local, 0);
    let start = lower.b.convert(start, TypeId::U64);
    let into = lower.b.binary(BinaryOp::Add, start, end);
    copy_text(lower, into, &right, sizes[1]);
    let whole = lower.local_operand(local);
    if lower.b.types().size(whole.ty) == most {
        return whole;
    }
    let ty = lower.b.types().string(most);
    let cut = lower.b.local("cut", ty);
    lower.b.zero(cut);
    if let Some(bytes) = lower.first_bytes(&whole, most - 1).filter(|_| most > 1) {
        let ty = lower.b.ty(bytes);
        lower.b.store_part(cut, 0, ty, bytes);
    }
    lower.local_operand(cut)
}

/// Copies a text with its NUL; yields how many bytes that were.
fn copy_text(lower: &mut Lower<'_>, into: ExprId, text: &Operand, size: u32) -> ExprId {
    let from = lower.address_of(text);
    let size = lower.b.int(size.into(), TypeId::U64);
    lower.b.call(Helper::ProbeReadKernelStr, vec![into, size, from], TypeId::U64)
}
