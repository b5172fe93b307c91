//! Integers with suffixes, durations, and the inside of strings.

/// Why an integer is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntegerError {
    /// `12_`
    TrailingUnderscore,
    /// `0x`
    NoDigits,
    /// `08`, `0b2`: the digit, and what the prefix makes of the number.
    Digit(char, &'static str),
    /// `12abc`: what follows the digits.
    Suffix(String),
    /// `12e3`
    Coefficient,
    /// `5e0`, `1e03`
    Exponent,
    /// More than the type can hold: the largest value.
    TooLarge(u64),
}

/// Why an escape in a string is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EscapeError {
    /// `\q`
    Unknown(char),
    /// `\xg`
    NoHexDigits,
    /// `\777`
    OctalTooLarge,
}

/// A faulty escape and where it stands in the inside of the string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EscapeAt {
    pub(super) kind: EscapeError,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Nanoseconds of each duration unit.
const DURATIONS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
    ("d", 86_400 * 1_000_000_000),
];

/// Largest value of each type suffix; the suffix changes nothing else.
const SUFFIXES: [(&str, u64); 6] = [
    ("", u64::MAX),
    ("u", u32::MAX as u64),
    ("ul", u64::MAX),
    ("ull", u64::MAX),
    ("l", i64::MAX as u64),
    ("ll", i64::MAX as u64),
];

/// The value of an integer as the script writes it.
pub fn integer(text: &str) -> Result<u64, IntegerError> {
    let (base, name, rest) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, "a hexadecimal", &text[2..]),
        [b'0', b'b' | b'B', ..] => (2, "a binary", &text[2..]),
        [b'0', b'0'..=b'9' | b'_', ..] => (8, "an octal", &text[1..]),
        _ => (10, "a decimal", text),
    };
    let split = rest
        .find(|letter: char| letter != '_' && !letter.is_digit(base.max(10)))
        .unwrap_or(rest.len());
    let (digits, suffix) = rest.split_at(split);
    if let Some(wrong) = digits.chars().find(|&digit| digit != '_' && !digit.is_digit(base)) {
        return Err(IntegerError::Digit(wrong, name));
    }
    let value = number(digits, base)?;
    match suffix.strip_prefix(['e', 'E']).filter(|_| base == 10) {
        Some(exponent) => scientific(value, digits, exponent),
        None => with_suffix(value, suffix),
    }
}

/// The number that a word of the command line is, with a sign or without; `None` where it is text.
pub fn parameter(word: &str) -> Option<i128> {
    let (negative, digits) = word.strip_prefix('-').map_or((false, word), |digits| (true, digits));
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let number = i128::from(integer(digits).ok()?);
    let signed = if negative { -number } else { number };
    (signed >= i128::from(i64::MIN)).then_some(signed)
}

fn number(digits: &str, base: u32) -> Result<u64, IntegerError> {
    if digits.is_empty() {
        return Err(IntegerError::NoDigits);
    }
    if digits.ends_with('_') {
        return Err(IntegerError::TrailingUnderscore);
    }
    u64::from_str_radix(&digits.replace('_', ""), base)
        .map_err(|_| IntegerError::TooLarge(u64::MAX))
}

/// `5e3`: one digit before the `e`, and an exponent that does not begin with 0.
fn scientific(value: u64, digits: &str, exponent: &str) -> Result<u64, IntegerError> {
    if digits.len() != 1 || value == 0 {
        return Err(IntegerError::Coefficient);
    }
    if exponent.starts_with('0')
        || !exponent.bytes().all(|byte| byte.is_ascii_digit())
        || exponent.is_empty()
    {
        return Err(IntegerError::Exponent);
    }
    let power = exponent.parse().ok().and_then(|exponent| 10_u64.checked_pow(exponent));
    power.and_then(|power| value.checked_mul(power)).ok_or(IntegerError::TooLarge(u64::MAX))
}

fn with_suffix(value: u64, suffix: &str) -> Result<u64, IntegerError> {
    if let Some((_, unit)) = DURATIONS.iter().find(|(name, _)| *name == suffix) {
        return value.checked_mul(*unit).ok_or(IntegerError::TooLarge(u64::MAX / unit));
    }
    match SUFFIXES.iter().find(|(name, _)| name.eq_ignore_ascii_case(suffix)) {
        Some(&(_, largest)) if value > largest => Err(IntegerError::TooLarge(largest)),
        Some(_) => Ok(value),
        None => Err(IntegerError::Suffix(suffix.to_owned())),
    }
}

/// Length of a string's inside, given the text after its opening quote; `None` if its line ends first.
pub(super) fn closing_quote(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\n' => return None,
            b'\\' if bytes.get(at + 1).is_some_and(|&next| next != b'\n') => at += 2,
            _ => at += 1,
        }
    }
}

/// The bytes that the inside of a string stands for.
pub(super) fn unescape(inside: &str) -> Result<Vec<u8>, EscapeAt> {
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(backslash) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..backslash]);
        let start = inside.len() - rest.len() + backslash;
        let (byte, length) = escape(&rest[backslash + 1..]).map_err(|(kind, length)| EscapeAt {
            kind,
            start,
            end: start + 1 + length,
        })?;
        bytes.push(byte);
        rest = &rest[backslash + 1 + length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// The byte that an escape stands for and how many bytes after the backslash it takes.
fn escape(rest: &str) -> Result<(u8, usize), (EscapeError, usize)> {
    let first = rest.chars().next().unwrap_or(' ');
    match first {
        'n' => Ok((b'\n', 1)),
        't' => Ok((b'\t', 1)),
        'r' => Ok((b'\r', 1)),
        '"' => Ok((b'"', 1)),
        '\\' => Ok((b'\\', 1)),
        'x' | 'X' => {
            let length = run(&rest[1..], 16, 2);
            let byte = u8::from_str_radix(&rest[1..1 + length], 16);
            byte.map(|byte| (byte, 1 + length)).map_err(|_| (EscapeError::NoHexDigits, 1))
        }
        '0'..='7' => {
            let length = run(rest, 8, 3);
            let byte = u8::from_str_radix(&rest[..length], 8);
            byte.map(|byte| (byte, length)).map_err(|_| (EscapeError::OctalTooLarge, length))
        }
        other => Err((EscapeError::Unknown(other), rest.len().min(other.len_utf8()))),
    }
}

/// How many digits of a base stand at the front, up to a limit.
fn run(text: &str, base: u32, limit: usize) -> usize {
    text.chars().take(limit).take_while(|digit| digit.is_digit(base)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_in_all_forms() {
        let values = [
            ("0", 0),
            ("1_000", 1000),
            ("0x1F_ff", 0x1fff),
            ("0X1f", 31),
            ("0755", 0o755),
            ("0b1010", 10),
            ("5e3", 5000),
            ("1E19", 10_000_000_000_000_000_000),
            ("18446744073709551615", u64::MAX),
            ("0xffffffffffffffffULL", u64::MAX),
            ("5u", 5),
            ("5ll", 5),
            ("3ns", 3),
            ("2us", 2000),
            ("1ms", 1_000_000),
            ("1s", 1_000_000_000),
            ("1m", 60_000_000_000),
            ("1h", 3_600_000_000_000),
            ("1d", 86_400_000_000_000),
            ("0d", 0),
        ];
        for (text, value) in values {
            assert_eq!(integer(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn integers_that_are_none() {
        let errors = [
            ("12_", IntegerError::TrailingUnderscore),
            ("0x", IntegerError::NoDigits),
            ("0b", IntegerError::NoDigits),
            ("08", IntegerError::Digit('8', "an octal")),
            ("0b12", IntegerError::Digit('2', "a binary")),
            ("12abc", IntegerError::Suffix("abc".to_owned())),
            ("12e3", IntegerError::Coefficient),
            ("0e3", IntegerError::Coefficient),
            ("5e0", IntegerError::Exponent),
            ("5e", IntegerError::Exponent),
            ("1e03", IntegerError::Exponent),
            ("1e20", IntegerError::TooLarge(u64::MAX)),
            ("2e19", IntegerError::TooLarge(u64::MAX)),
            ("18446744073709551616", IntegerError::TooLarge(u64::MAX)),
            ("4294967296u", IntegerError::TooLarge(u64::from(u32::MAX))),
            ("213504d", IntegerError::TooLarge(213503)),
        ];
        for (text, error) in errors {
            assert_eq!(integer(text), Err(error), "{text}");
        }
    }

    #[test]
    fn strings() {
        assert_eq!(unescape(r#"a\n\t\r\"\\"#), Ok(b"a\n\t\r\"\\".to_vec()));
        assert_eq!(unescape(r"\0\12\377\1234"), Ok(b"\0\n\xffS4".to_vec()));
        assert_eq!(
            unescape(r"\x4a\X0\xé"),
            Err(EscapeAt { kind: EscapeError::NoHexDigits, start: 7, end: 9 })
        );
        assert_eq!(
            unescape("é\\é"),
            Err(EscapeAt { kind: EscapeError::Unknown('é'), start: 2, end: 5 })
        );
        assert_eq!(
            unescape(r"\400"),
            Err(EscapeAt { kind: EscapeError::OctalTooLarge, start: 0, end: 4 })
        );
        assert_eq!(
            (closing_quote(r#"a\"b" c"#), closing_quote("ab\n\""), closing_quote("\\")),
            (Some(4), None, None)
        );
    }
}
