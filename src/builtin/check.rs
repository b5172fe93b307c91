//! What is checked before the script runs.

use ebtrace_image::{Conversion, Piece, Spec};

use super::output::format_and_values;
use super::{Builtin, Call, many, one};
use crate::sema::{Literal, Lower, Operand};

pub(super) const ALL: &[Builtin] = &[
    Builtin::function("is_literal", &[one("value")], "Whether a value is known before the script runs.", is_literal)
        .returning("bool")
        .details("The value is not computed. A macro can ask it of what it is given.")
        .examples(&["begin { if comptime (!is_literal(pid)) { print(is_literal(\"text\")); } exit(); }"]),
    Builtin::function("is_scalar", &[one("@map")], "Whether a map has no keys.", is_scalar)
        .returning("bool")
        .examples(&["begin { @ = 1; print(is_scalar(@)); exit(); }"]),
    Builtin::function("fail", &[one("format"), many("literal")], "Stops the compiler with a message.", fail)
        .details(
            "The message is written as for `printf`, of literals alone; widths and flags have no effect. It is for branches \
             that `if comptime` leaves out.",
        )
        .examples(&[
            "begin { if comptime (sizeof(int64) != 8) { fail(\"%d bytes\", sizeof(int64)); } exit(); }",
        ]),
    Builtin::function("kfunc_exist", &[one("name")], "Whether the kernel has a function of this name for programs to call.", kfunc_exist)
        .returning("bool")
        .details("It is known before the script runs. Where the kernel's types do not say which functions are \
                  for programs, any function counts.")
        .examples(&["begin { if comptime (kfunc_exist(\"bpf_task_from_pid\")) { print(1); } exit(); }"]),
    Builtin::function("kfunc_allowed", &[one("name")], "Whether the kernel lets the probe's programs call a function of this name.", kfunc_allowed)
        .returning("bool")
        .details("It is known before the script runs: the kernel is asked to take such a program. Where there is no such function \
                  it is false.")
        .examples(&["fentry:vfs_read { if comptime (kfunc_allowed(\"bpf_task_from_pid\")) { @[comm(pid)] = count(); } }"]),
];

fn kfunc_allowed(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(name) = lower.literal_text(call, 0) else { return lower.poison() };
    match lower.kernel_permits(call, &String::from_utf8_lossy(&name)) {
        Some(may) => lower.boolean(may),
        None => lower.poison(),
    }
}

fn kfunc_exist(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(name) = lower.literal_text(call, 0) else { return lower.poison() };
    let there = lower.offers(&String::from_utf8_lossy(&name));
    lower.boolean(there)
}

fn is_literal(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let literal = lower.literal_arg(call, 0);
    lower.boolean(literal.is_some_and(|literal| literal.is_whole()))
}

fn is_scalar(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    match lower.map_arg(call, 0) {
        Some(map) => {
            let scalar = lower.b.program.maps[map].key.is_none();
            lower.boolean(scalar)
        }
        None => lower.poison(),
    }
}

fn fail(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some((format, values)) = format_and_values(lower, call) else { return lower.poison() };
    let mut values = values.iter();
    let mut message = Vec::new();
    for piece in &format.pieces {
        match piece {
            Piece::Text(text) => message.extend_from_slice(text),
            Piece::Spec(spec) => {
                let Some(value) = values.next() else { break };
                let literal = value.literal.as_ref();
                let Some(text) = literal.and_then(|literal| written(spec, literal, &format.flags))
                else {
                    return lower.complain_not_literal(call);
                };
                message.extend(text);
            }
        }
    }
    lower.complain_failure(call, String::from_utf8_lossy(&message).into_owned())
}

/// A number, bool or text as a conversion writes it.
fn written(spec: &Spec, literal: &Literal, flags: &[(u64, String)]) -> Option<Vec<u8>> {
    let number = match literal {
        Literal::Tuple(_) => return None,
        Literal::Str(text) => return Some(text.clone()),
        Literal::Bool(value) if spec.conversion == Conversion::Text => {
            return Some(value.to_string().into_bytes());
        }
        Literal::Bool(value) => i128::from(*value),
        Literal::Int(number) => *number,
    };
    let bits = number as u64;
    let text = match spec.conversion {
        Conversion::Hex => format!("{bits:x}"),
        Conversion::UpperHex => format!("{bits:X}"),
        Conversion::Octal => format!("{bits:o}"),
        Conversion::Pointer => format!("{bits:#x}"),
        Conversion::Unsigned => bits.to_string(),
        Conversion::Char => return Some(vec![bits as u8]),
        Conversion::Bytes | Conversion::ByteNumbers | Conversion::HexDump => return None,
        Conversion::Flags => ebtrace_image::flag_names(flags, bits),
        Conversion::Signed | Conversion::Text => number.to_string(),
    };
    Some(text.into_bytes())
}
