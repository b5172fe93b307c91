//! `printf`: conversions of values.

use ebtrace_image::{Conversion, Format, IntSize, Piece, Spec, flag_names};

use super::Renderer;
use super::text::{self, Form, put};
use crate::decode::Value;

/// Appends the formatted text; a conversion without argument prints nothing.
pub(super) fn printf(
    look: &Renderer<'_>,
    out: &mut Vec<u8>,
    format: &Format,
    arguments: &[Value<'_>],
) {
    let mut arguments = arguments.iter();
    for piece in &format.pieces {
        match piece {
            Piece::Text(text) => out.extend_from_slice(text),
            Piece::Spec(spec) => {
                if let Some(argument) = arguments.next() {
                    convert(look, out, (spec, &format.flags), argument);
                }
            }
        }
    }
}

fn convert(
    look: &Renderer<'_>,
    out: &mut Vec<u8>,
    (spec, flags): (&Spec, &[(u64, String)]),
    value: &Value<'_>,
) {
    let start = out.len();
    let prefix = match (spec.conversion, integer(value)) {
        (Conversion::ByteNumbers | Conversion::HexDump, _) => {
            if let Value::Buffer(bytes) = value {
                byte_numbers(out, bytes, spec.conversion);
            }
            0
        }
        (Conversion::Flags, Some(bits)) => {
            // The kernel's flags have 32 bits; a sign that was extended is none of them.
            out.extend_from_slice(flag_names(flags, bits & u64::from(u32::MAX)).as_bytes());
            0
        }
        (Conversion::Text, _) | (_, None) => {
            text::value(look, out, value, Form::Line);
            0
        }
        (Conversion::Char, Some(number)) => {
            text::untrusted(look, out, &[number as u8]);
            0
        }
        (conversion, Some(number)) => digits(out, spec, conversion, number),
    };
    pad(out, start, prefix, spec);
}

fn byte_numbers(out: &mut Vec<u8>, bytes: &[u8], conversion: Conversion) {
    for (index, byte) in bytes.iter().enumerate() {
        match conversion {
            Conversion::HexDump if index == 0 => put(out, format_args!("{byte:02x}")),
            Conversion::HexDump => put(out, format_args!(" {byte:02x}")),
            _ => put(out, format_args!("\\x{byte:02x}")),
        }
    }
}

/// The bits of a value that is a number.
fn integer(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::Signed(number) => Some(*number as u64),
        Value::Unsigned(number) | Value::Pointer(number) => Some(*number),
        Value::Bool(truth) => Some(u64::from(*truth)),
        Value::Symbol { address, .. } => Some(*address),
        Value::Enum { number, .. } => Some(*number as u64),
        _ => None,
    }
}

/// Appends sign or prefix and digits, and returns the length of the former.
fn digits(out: &mut Vec<u8>, spec: &Spec, conversion: Conversion, bits: u64) -> usize {
    let unsigned = match spec.size {
        IntSize::One => u64::from(bits as u8),
        IntSize::Two => u64::from(bits as u16),
        IntSize::Four => u64::from(bits as u32),
        IntSize::Eight => bits,
    };
    let prefix = match conversion {
        Conversion::Signed if signed(spec, bits) < 0 => "-",
        Conversion::Signed if spec.plus => "+",
        Conversion::Octal if spec.alternate && unsigned != 0 => "0",
        Conversion::Hex if spec.alternate && unsigned != 0 => "0x",
        Conversion::UpperHex if spec.alternate && unsigned != 0 => "0X",
        Conversion::Pointer if bits != 0 => "0x",
        _ => "",
    };
    out.extend_from_slice(prefix.as_bytes());
    match conversion {
        Conversion::Signed => put(out, format_args!("{}", signed(spec, bits).unsigned_abs())),
        Conversion::Octal => put(out, format_args!("{unsigned:o}")),
        Conversion::Hex => put(out, format_args!("{unsigned:x}")),
        Conversion::UpperHex => put(out, format_args!("{unsigned:X}")),
        Conversion::Pointer => put(out, format_args!("{bits:x}")),
        _ => put(out, format_args!("{unsigned}")),
    }
    prefix.len()
}

fn signed(spec: &Spec, bits: u64) -> i64 {
    match spec.size {
        IntSize::One => i64::from(bits as i8),
        IntSize::Two => i64::from(bits as i16),
        IntSize::Four => i64::from(bits as i32),
        IntSize::Eight => bits as i64,
    }
}

/// Fills what was appended since `start` to the width; zeros go behind the first `prefix` bytes.
fn pad(out: &mut Vec<u8>, start: usize, prefix: usize, spec: &Spec) {
    // Bytes, not characters: as C and bpftrace count.
    let missing = (spec.width as usize).saturating_sub(out.len() - start);
    if missing == 0 {
        return;
    }
    let (at, fill) = match (spec.left, spec.zero) {
        (true, _) => (out.len(), b' '),
        (false, true) => (start + prefix, b'0'),
        (false, false) => (start, b' '),
    };
    out.splice(at..at, std::iter::repeat_n(fill, missing));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::NoNames;
    use crate::render;
    use crate::symbol::NoSymbols;

    /// A specification out of its written form, for the cases here.
    fn spec(written: &str) -> Spec {
        let rest = written.trim_start_matches(['-', '+', '#', '0']);
        let flags = &written[..written.len() - rest.len()];
        let width: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let letters = &rest[width.len()..];
        let (size, letter) = letters.split_at(letters.len() - 1);
        Spec {
            left: flags.contains('-'),
            zero: flags.contains('0'),
            plus: flags.contains('+'),
            alternate: flags.contains('#'),
            width: width.parse().unwrap_or(0),
            size: match size {
                "hh" => IntSize::One,
                "h" => IntSize::Two,
                "" => IntSize::Four,
                _ => IntSize::Eight,
            },
            conversion: match letter {
                "d" => Conversion::Signed,
                "u" => Conversion::Unsigned,
                "o" => Conversion::Octal,
                "x" => Conversion::Hex,
                "X" => Conversion::UpperHex,
                "c" => Conversion::Char,
                "p" => Conversion::Pointer,
                "r" => Conversion::Bytes,
                "R" => Conversion::ByteNumbers,
                "h" => Conversion::HexDump,
                _ => Conversion::Text,
            },
        }
    }

    fn shown(written: &str, value: Value<'_>) -> String {
        let look = Renderer {
            format: render::Format::Text,
            trailer: "..",
            max_strlen: 1024,
            escape: false,
            symbols: &NoSymbols,
            names: &NoNames,
        };
        let mut out = Vec::new();
        printf(
            &look,
            &mut out,
            &Format { pieces: vec![Piece::Spec(spec(written))], flags: Vec::new() },
            &[value],
        );
        String::from_utf8(out).unwrap()
    }

    fn text(text: &str) -> Value<'_> {
        Value::Str { text: text.as_bytes(), full: false }
    }

    #[test]
    fn integers_are_cut_to_their_size() {
        assert_eq!(shown("d", Value::Signed(-1)), "-1");
        assert_eq!(shown("u", Value::Signed(-1)), "4294967295");
        assert_eq!(shown("x", Value::Signed(-1)), "ffffffff");
        assert_eq!(shown("llx", Value::Signed(-1)), "ffffffffffffffff");
        assert_eq!(shown("hhd", Value::Signed(300)), "44");
        assert_eq!(shown("hd", Value::Signed(70000)), "4464");
        assert_eq!(shown("lx", Value::Unsigned(1 << 32)), "100000000");
        assert_eq!(shown("lld", Value::Signed(i64::MIN)), "-9223372036854775808");
        assert_eq!(shown("d", Value::Bool(true)), "1");
    }

    #[test]
    fn padding_goes_where_c_puts_it() {
        assert_eq!(shown("5d", Value::Signed(42)), "   42");
        assert_eq!(shown("-5d", Value::Signed(42)), "42   ");
        assert_eq!(shown("05d", Value::Signed(42)), "00042");
        assert_eq!(shown("05d", Value::Signed(-42)), "-0042");
        assert_eq!(shown("+d", Value::Signed(42)), "+42");
        assert_eq!(shown("#x", Value::Unsigned(255)), "0xff");
        assert_eq!(shown("#08x", Value::Unsigned(255)), "0x0000ff");
        assert_eq!(shown("#o", Value::Unsigned(8)), "010");
        assert_eq!(shown("10p", Value::Pointer(255)), "      0xff");
        assert_eq!(shown("3p", Value::Pointer(0)), "  0");
        assert_eq!(shown("-8p", Value::Unsigned(255)), "0xff    ");
        assert_eq!(shown("5c", Value::Unsigned(65)), "    A");
    }

    #[test]
    fn bytes_are_shown_by_number() {
        let bytes = || Value::Buffer(b"a\0\xff");
        assert_eq!(shown("r", bytes()), r"a\x00\xff");
        assert_eq!(shown("R", bytes()), r"\x61\x00\xff");
        assert_eq!(shown("h", bytes()), "61 00 ff");
        assert_eq!(shown("10h", bytes()), "  61 00 ff");
        assert_eq!(shown("-5r", Value::Buffer(b"d")), "d    ");
    }

    #[test]
    fn flags_have_names_and_what_is_left_a_number() {
        let flags = [(3, "BOTH".to_owned()), (1, "ONE".to_owned()), (4, "FOUR".to_owned())];
        assert_eq!(flag_names(&flags, 7), "BOTH|FOUR");
        assert_eq!(flag_names(&flags, 0x15), "ONE|FOUR|0x10");
        assert_eq!(flag_names(&flags, 0), "none");
    }

    #[test]
    fn any_value_has_a_text_form() {
        assert_eq!(shown("5s", text("ab")), "   ab");
        assert_eq!(shown("-5s", text("ab")), "ab   ");
        assert_eq!(shown("08s", text("abc")), "00000abc");
        assert_eq!(shown("5s", Value::Bool(true)), " true");
        assert_eq!(shown("s", Value::Tuple(vec![Value::Signed(1), text("a")])), "(1, a)");
        assert_eq!(shown("s", Value::Pointer(255)), "0xff");
        assert_eq!(shown("3s", text("\u{e9}")), " \u{e9}");
        assert_eq!(shown("s", Value::Str { text: b"abc", full: true }), "abc..");
        assert_eq!(
            shown("s", Value::Symbol { space: crate::decode::Space::Kernel, address: 5 }),
            "0x5"
        );
    }
}
