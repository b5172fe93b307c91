//! Output and the end of the session.

use ebtrace_image::{Action, Conversion, Format, Piece, Spec};

use super::{Builtin, Call, many, one, optional};
use crate::ir::StmtKind;
use crate::ir::build::image_map;
use crate::sema::{Lower, Operand};
use crate::source::Span;
use crate::types::{Type, TypeId, format};

pub(super) const ALL: &[Builtin] = &[
    Builtin::function("printf", &[one("format"), many("value")], "Prints values in a format.", printf)
        .details("Conversions are `%d %i %u %x %X %o %c %p %s %r %rx %rh %gr`, with the flags `-`, `0`, `+`, `#` and a width. A \
                  number is cut to 32 bits, to 64 with `l` (`%ld`, `%llx`), to 16 with `h` and 8 with `hh`. `%s` \
                  prints any value as `print()` does. The bytes of `buf()` are printed by `%r`, all by number by `%rx` \
                  (`\\x0a\\xff`) and `%rh` (`0a ff`). `%gr` names the bits of the kernel's allocation flags.")
        .examples(&["begin { printf(\"%s is process %d\\n\", comm, pid); exit(); }"]),
    Builtin::function("print", &[one("value"), optional("top"), optional("divisor")], "Prints a value or a map.", print)
        .details("A map is printed whole, as it is when user space gets to it; `print(@x, 5)` prints the five \
                  largest values, `print(@x, 5, 1000)` also divides them. `print(@x[key])` prints one value.")
        .examples(&[
            "begin { print(\"hello\"); exit(); }",
            "profile:hz:99 { @[comm] = count(); } interval:s:1 { print(@, 5); exit(); }",
        ]),
    Builtin::function("exit", &[optional("status")], "Ends the session.", exit)
        .details("The probe ends at once, what other probes say after that is not shown, `end` probes run, and maps are \
                  printed. The exit status is 0 if none is given; only its lowest 8 bits count, so that `exit(-1)` is 255.")
        .examples(&["interval:s:1 { exit(); }"]),
];

fn printf(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some((format, values)) = format_and_values(lower, call) else { return lower.poison() };
    let args = values.iter().map(|value| value.expr).collect();
    lower.b.emit(Action::Printf(format), args);
    lower.void()
}

/// The format that stands first, and the values that follow; complains where they do not fit each other.
pub(super) fn format_and_values(
    lower: &mut Lower<'_>,
    call: &Call<'_>,
) -> Option<(Format, Vec<Operand>)> {
    let text = lower.literal_text(call, 0)?;
    let mut format = match format::parse(&text) {
        Ok(format) => format,
        Err(error) => {
            lower.complain_format(
                call.args[0].span,
                error.to_string(),
                "conversions are %d %i %u %x %X %o %c %p %s, %r %rx %rh for bytes, and %gr for allocation flags",
            );
            return None;
        }
    };
    let specs = format.pieces.iter().filter_map(|piece| match piece {
        Piece::Spec(spec) => Some(spec.clone()),
        Piece::Text(_) => None,
    });
    let specs: Vec<Spec> = specs.collect();
    if specs.iter().any(|spec| spec.conversion == Conversion::Flags) {
        format.flags = lower.allocation_flags();
    }
    let values = &call.args[1..];
    if specs.len() != values.len() {
        complain_of_count(lower, call, specs.len());
        return None;
    }
    let operands = lower.printables(call, 1)?;
    let mut all = specs.iter().zip(&operands).zip(values);
    all.all(|((spec, operand), value)| fits(lower, spec, operand, value.span))
        .then_some((format, operands))
}

fn complain_of_count(lower: &mut Lower<'_>, call: &Call<'_>, conversions: usize) {
    let values = call.args.len() - 1;
    let headline = format!(
        "the format has {conversions} conversion{}, and there {} {values} value{}",
        if conversions == 1 { "" } else { "s" },
        if values == 1 { "is" } else { "are" },
        if values == 1 { "" } else { "s" },
    );
    let help = if conversions > values {
        "add the missing values; a percent sign itself is `%%`"
    } else {
        "add a conversion such as `%d` or `%s` for each value"
    };
    lower.complain_format(call.args[0].span, headline, help);
}

/// Whether a conversion prints values of this type; complains if not.
fn fits(lower: &mut Lower<'_>, spec: &Spec, value: &Operand, span: Span) -> bool {
    let fits = match (spec.conversion, lower.b.types().get(value.ty)) {
        (Conversion::Text, _) | (_, Type::Unknown) => true,
        (Conversion::Bytes | Conversion::ByteNumbers | Conversion::HexDump, ty) => {
            matches!(ty, Type::Buffer(_))
        }
        (Conversion::Flags, Type::Int { .. } | Type::Enum { .. }) => true,
        (Conversion::Pointer, Type::Int { .. } | Type::Pointer { .. }) => true,
        (Conversion::Char, Type::Int { .. }) => true,
        (Conversion::Char | Conversion::Pointer | Conversion::Flags, _) => false,
        (_, Type::Int { .. } | Type::Bool | Type::Pointer { .. } | Type::Enum { .. }) => true,
        _ => false,
    };
    if !fits {
        let name = lower.type_name(value.ty);
        let letter = match spec.conversion {
            Conversion::Signed => "d",
            Conversion::Unsigned => "u",
            Conversion::Octal => "o",
            Conversion::Hex => "x",
            Conversion::UpperHex => "X",
            Conversion::Char => "c",
            Conversion::Pointer => "p",
            Conversion::Text => "s",
            Conversion::Bytes => "r",
            Conversion::ByteNumbers => "rx",
            Conversion::HexDump => "rh",
            Conversion::Flags => "gr",
        };
        let help = match spec.conversion {
            Conversion::Bytes | Conversion::ByteNumbers | Conversion::HexDump => {
                "it prints bytes, as `buf()` takes them; anything is printed by `%s`"
            }
            _ => "print it with `%s`",
        };
        lower.complain_format(span, format!("`%{letter}` cannot print `{name}`"), help);
    }
    fits
}

fn print(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    if lower.is_whole_map(&call.args[0]) {
        return print_map(lower, call);
    }
    if let Some(extra) = call.args.get(1) {
        return lower.complain_extra(call, extra.span);
    }
    let Some(value) = lower.printable(call, 0) else { return lower.poison() };
    lower.b.emit(Action::PrintValue, vec![value.expr]);
    lower.void()
}

fn print_map(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(map) = lower.map_arg(call, 0) else { return lower.poison() };
    let most = i128::from(u64::MAX);
    let mut numbers = [0, 0];
    for (index, number) in numbers.iter_mut().enumerate() {
        if call.args.len() > index + 1 {
            match lower.literal_int_in(call, index + 1, 0, most) {
                Some(value) => *number = value as u64,
                None => return lower.poison(),
            }
        }
    }
    let [top, div] = numbers;
    lower.b.emit(Action::PrintMap { map: image_map(map), top, div }, Vec::new());
    lower.void()
}

/// The lowest byte of the status, as the shell sees it: -1 is 255.
fn exit(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let status = match call.args.first() {
        None => lower.b.int(0, TypeId::U8),
        Some(_) => match lower.int_arg(call, 0) {
            Some(status) => lower.b.convert(status.expr, TypeId::U8),
            None => return lower.poison(),
        },
    };
    lower.b.emit(Action::Exit, vec![status]);
    lower.b.stmt(StmtKind::Return(None));
    lower.ends();
    lower.void()
}
