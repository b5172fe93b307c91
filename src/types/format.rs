//! Reads `printf` formats.

use ebtrace_image::{Conversion, Format, IntSize, Piece, Spec};

/// The most characters that a conversion pads to.
const MOST_WIDTH: u32 = 4096;

/// Why a conversion is not possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// It exists in C but has no meaning here, such as `f`.
    #[error("there is no conversion `%{0}`")]
    Letter(char),
    /// It pads to more characters than anyone reads.
    #[error("a width of {0} is too large: the most is {MOST_WIDTH}")]
    Width(String),
}

/// Cuts a format into text and conversions. What does not have the form of a conversion is text, as `%z` and a lone
/// percent sign are.
///
/// # Errors
/// The first conversion that is not possible.
pub fn parse(text: &[u8]) -> Result<Format, FormatError> {
    let mut pieces = Vec::new();
    let mut plain = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        match (byte == b'%').then(|| conversion(after)).flatten() {
            Some((Found::Percent, remaining)) => {
                plain.push(b'%');
                rest = remaining;
            }
            Some((Found::Spec(spec), remaining)) => {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Spec(spec));
                rest = remaining;
            }
            Some((Found::Wrong(error), _)) => return Err(error),
            None => {
                plain.push(byte);
                rest = after;
            }
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(Format { pieces, flags: Vec::new() })
}

enum Found {
    Percent,
    Spec(Spec),
    Wrong(FormatError),
}

/// Reads what follows a percent sign: flags, width, precision (which has no effect), length, letter.
fn conversion(text: &[u8]) -> Option<(Found, &[u8])> {
    let count =
        |text: &[u8], accept: fn(&u8) -> bool| text.iter().take_while(|byte| accept(byte)).count();
    let (flags, text) = text.split_at(count(text, |byte| b"-+ #0".contains(byte)));
    let (width, text) = text.split_at(count(text, u8::is_ascii_digit));
    let text = match text.split_first() {
        Some((b'.', after)) => &after[count(after, u8::is_ascii_digit)..],
        _ => text,
    };
    let (size, text) = length(text);
    let (&letter, mut rest) = text.split_first()?;
    let conversion = match letter {
        b'd' | b'i' => Conversion::Signed,
        b'u' => Conversion::Unsigned,
        b'o' => Conversion::Octal,
        b'x' => Conversion::Hex,
        b'X' => Conversion::UpperHex,
        b'c' => Conversion::Char,
        b'p' => Conversion::Pointer,
        b's' => Conversion::Text,
        b'r' => {
            let (conversion, length) = match rest.first() {
                Some(b'x') => (Conversion::ByteNumbers, 1),
                Some(b'h') => (Conversion::HexDump, 1),
                _ => (Conversion::Bytes, 0),
            };
            rest = &rest[length..];
            conversion
        }
        b'g' if rest.first() == Some(&b'r') => {
            rest = &rest[1..];
            Conversion::Flags
        }
        b'%' => return Some((Found::Percent, rest)),
        b'a' | b'e' | b'f' | b'g' | b'A' | b'E' | b'F' | b'G' => {
            return Some((Found::Wrong(FormatError::Letter(char::from(letter))), rest));
        }
        _ => return None,
    };
    let digits = String::from_utf8_lossy(width);
    let width = match digits.parse::<u32>() {
        Ok(width) if width <= MOST_WIDTH => width,
        Err(_) if digits.is_empty() => 0,
        _ => return Some((Found::Wrong(FormatError::Width(digits.into_owned())), rest)),
    };
    let has = |flag| flags.contains(&flag);
    let spec = Spec {
        left: has(b'-'),
        zero: has(b'0') && !has(b'-'),
        plus: has(b'+'),
        alternate: has(b'#'),
        width,
        size,
        conversion,
    };
    Some((Found::Spec(spec), rest))
}

fn length(text: &[u8]) -> (IntSize, &[u8]) {
    match text {
        [b'h', b'h', rest @ ..] => (IntSize::One, rest),
        [b'h', rest @ ..] => (IntSize::Two, rest),
        [b'l', b'l', rest @ ..] | [b'l' | b'j' | b'z' | b't', rest @ ..] => (IntSize::Eight, rest),
        [b'L', rest @ ..] => (IntSize::Four, rest),
        _ => (IntSize::Four, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs(text: &str) -> Vec<Spec> {
        let pieces = parse(text.as_bytes()).expect("a good format").pieces;
        pieces
            .into_iter()
            .filter_map(|piece| if let Piece::Spec(spec) = piece { Some(spec) } else { None })
            .collect()
    }

    #[test]
    fn reads_flags_width_and_length() {
        let spec = &specs("%-08llx")[0];
        assert!(spec.left && !spec.zero);
        assert_eq!((spec.width, spec.size, spec.conversion), (8, IntSize::Eight, Conversion::Hex));
        assert_eq!(specs("%.2s|%5%|%d").len(), 2);
        let letters: Vec<Conversion> =
            specs("%r %rx%rh%-9gr%rr").iter().map(|spec| spec.conversion).collect();
        use Conversion::{ByteNumbers, Bytes, Flags, HexDump};
        assert_eq!(letters, [Bytes, ByteNumbers, HexDump, Flags, Bytes]);
    }

    #[test]
    fn keeps_what_is_no_conversion() {
        assert_eq!(
            parse(b"%z %*d %").map(|format| format.pieces),
            Ok(vec![Piece::Text(b"%z %*d %".to_vec())])
        );
        assert_eq!(
            parse(b"100%%").map(|format| format.pieces),
            Ok(vec![Piece::Text(b"100%".to_vec())])
        );
        assert_eq!(parse(b"%5000d"), Err(FormatError::Width("5000".to_owned())));
        assert_eq!(parse(b"%5.1f"), Err(FormatError::Letter('f')));
    }
}
