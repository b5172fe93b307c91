//! Tokens of C.

use logos::Logos;

use crate::source::Span;

/// What kind of token it is.
#[derive(Logos, Debug, Clone, Copy, PartialEq, Eq)]
#[logos(skip r"[ \t\r\x0b\f]+")]
#[logos(skip r"\\\r?\n")]
#[logos(skip(r"//[^\n]*", allow_greedy = true))]
#[logos(skip r"/\*([^*]|\*+[^*/])*\*+/")]
pub(super) enum Kind {
    /// End of a line, which ends a directive.
    #[token("\n")]
    Newline,
    /// `struct`, `u32`
    #[regex("[A-Za-z_][A-Za-z0-9_]*")]
    Word,
    /// `0x1f`, `4UL`
    #[regex(r"[0-9][A-Za-z0-9_.]*")]
    Number,
    /// `'a'`
    #[regex(r"'([^'\\\n]|\\[^\n])*'")]
    Character,
    /// `"text"`
    #[regex(r#""([^"\\\n]|\\[^\n])*""#)]
    Text,
    /// `{`, `<<`
    #[regex(r"[-+*/%&|^~!<>=?:;,.(){}\[\]]")]
    #[regex(r"<<|>>|<=|>=|==|!=|&&|\|\||->|\.\.\.|##?")]
    Symbol,
    /// What C has no use for.
    #[regex(r"[^\n]", priority = 0)]
    Stray,
}

/// A token and its place; what a macro stands for has the place of its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'s> {
    pub(super) kind: Kind,
    pub(super) text: &'s str,
    pub(super) span: Span,
    /// Starts a piece of C of its own.
    pub(super) first: bool,
}

impl Token<'_> {
    pub(super) fn is(&self, text: &str) -> bool {
        self.text == text && !matches!(self.kind, Kind::Text | Kind::Character)
    }
}

/// The lines of a piece of C: tokens without the line ends; backslashes join lines.
pub(super) fn lines(text: &str, place: Span) -> Vec<Vec<Token<'_>>> {
    let mut lines = vec![Vec::new()];
    let mut first = true;
    for (kind, range) in Kind::lexer(text).spanned() {
        let kind = kind.unwrap_or(Kind::Stray);
        if kind == Kind::Newline {
            lines.push(Vec::new());
            continue;
        }
        let span = place.part(range.start, range.end);
        let token = Token { kind, text: &text[range], span, first };
        first = false;
        if let Some(line) = lines.last_mut() {
            line.push(token);
        }
    }
    lines
}

/// The number of a literal, how many bits it has, and whether it has a sign.
pub(super) fn number(text: &str) -> Option<(i128, u8, bool)> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', b'b' | b'B', ..] => (&text[2..], 2),
        [b'0', b'0'..=b'9', ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    let number = digits.trim_end_matches(['u', 'U', 'l', 'L']);
    let suffix = digits[number.len()..].to_ascii_lowercase();
    let unsigned = suffix.contains('u');
    let value = u64::from_str_radix(number, radix).ok().map(i128::from)?;
    let fits = |bits: u8, signed: bool| value < 1 << (bits - u8::from(signed));
    let sizes = [(32, true), (32, false), (64, true), (64, false)].into_iter();
    let (bits, signed) = sizes
        .filter(|(bits, _)| !suffix.contains('l') || *bits == 64)
        .filter(|(_, signed)| if *signed { !unsigned } else { unsigned || radix != 10 })
        .find(|&(bits, signed)| fits(bits, signed))
        .unwrap_or((64, false));
    Some((value, bits, signed))
}

/// The number of a character literal.
pub(super) fn character(text: &str) -> Option<i128> {
    let inside = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let bytes = inside.as_bytes();
    Some(i128::from(match bytes {
        [only] => only.cast_signed(),
        [b'\\', escape] => match escape {
            b'n' => 10,
            b't' => 9,
            b'r' => 13,
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'v' => 11,
            b'0'..=b'7' => escape.cast_signed() - 48,
            b'\\' | b'\'' | b'"' | b'?' => escape.cast_signed(),
            _ => return None,
        },
        [b'\\', b'x', hex @ ..] => {
            let hex = std::str::from_utf8(hex).ok()?;
            u8::from_str_radix(hex, 16).ok()?.cast_signed()
        }
        [b'\\', octal @ ..] => {
            let octal = std::str::from_utf8(octal).ok()?;
            u8::from_str_radix(octal, 8).ok()?.cast_signed()
        }
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_numbers() {
        for (text, value) in
            [("0", 0), ("10", 10), ("0x1F", 31), ("017", 15), ("0b101", 5), ("4UL", 4)]
        {
            assert_eq!(number(text).map(|found| found.0), Some(value), "{text}");
        }
        assert_eq!(number("4294967295"), Some((4_294_967_295, 64, true)));
        assert_eq!(number("0xffffffff"), Some((4_294_967_295, 32, false)));
        assert_eq!(number("1ULL"), Some((1, 64, false)));
        assert_eq!((number("1.5"), number("09"), number("1z")), (None, None, None));
        for (text, value) in [("'a'", 97), (r"'\n'", 10), (r"'\0'", 0), (r"'\x41'", 65)] {
            assert_eq!(character(text), Some(value), "{text}");
        }
    }
}
