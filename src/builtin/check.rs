//! What is checked before the script runs.

use ebtrace_image::{Conversion, Piece, Spec};

use super::output::format_and_values;
use super::{Builtin, Call, many, one};
use crate::sema::{Literal, Lower, Operand};

pub(super) const ALL: &[Builtin] = &[Builtin::function(
    "fail",
    &[one("format"), many("literal")],
    "Stops the compiler with a message.",
    fail,
)
.details(
    "The message is written as for `printf`, of literals alone; widths and flags have no effect. It is for branches that \
     `if comptime` leaves out.",
)
.examples(&[
    "begin { if comptime (sizeof(int64) != 8) { fail(\"%d bytes\", sizeof(int64)); } exit(); }",
])];

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
                let Some(text) = literal.and_then(|literal| written(spec, literal)) else {
                    return lower.complain_not_literal(call);
                };
                message.extend(text);
            }
        }
    }
    lower.complain_failure(call, String::from_utf8_lossy(&message).into_owned())
}

/// A number, bool or text as a conversion writes it.
fn written(spec: &Spec, literal: &Literal) -> Option<Vec<u8>> {
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
        Conversion::Signed | Conversion::Text => number.to_string(),
    };
    Some(text.into_bytes())
}
