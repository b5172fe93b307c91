//! The inside of an attach point: its parts between colons, with quotes and positional parameters resolved.

use super::ast::AttachPoint;
use super::error::{LiteralError, SyntaxError};
use super::literal::{closing_quote, unescape};
use crate::source::Span;

/// What stands between two colons of an attach point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Without quotes, escapes and parameters resolved.
    pub text: String,
    /// Whether some of it stood in quotes, where `*` and the like mean nothing special.
    pub quoted: bool,
    /// Its place; that of the parameter where one brought it.
    pub span: Span,
}

/// Splits an attach point at its colons, `$1` and the like replaced by `params` before; a missing one is empty. The
/// name that a script gives its probe (`name=kprobe:f`) is no part of it.
///
/// # Errors
/// A parameter that is followed by a letter, and quotes that do not close or hold a faulty escape.
pub fn split(point: &AttachPoint, params: &[String]) -> Result<Vec<Part>, SyntaxError> {
    let mut splitter = Splitter { span: point.span, parts: Vec::new(), open: None };
    let mut at = own_name(&point.text);
    while let Some(letter) = point.text[at..].chars().next() {
        let rest = &point.text[at..];
        let digits = parameter(rest);
        at += match letter {
            '"' => splitter.quoted(rest, point.span.part(at, point.text.len()), None)?,
            '$' if digits > 0 => {
                let length = 1 + digits;
                let place = point.span.part(at, at + length);
                if rest[length..]
                    .starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_')
                {
                    return Err(SyntaxError::Positional {
                        span: point.span.part(at, at + word(rest)),
                    });
                }
                splitter.expand(value(&rest[1..length], params, place)?, place)?;
                length
            }
            _ => splitter.plain(letter, point.span.part(at, at + letter.len_utf8())),
        };
    }
    Ok(splitter.finish())
}

/// The parameters outside of quotes that were not given, in order.
pub fn missing(point: &AttachPoint, params: &[String]) -> Vec<u64> {
    let mut found = Vec::new();
    let mut at = own_name(&point.text);
    while let Some(letter) = point.text[at..].chars().next() {
        let rest = &point.text[at..];
        let digits = parameter(rest);
        at += match letter {
            '"' => closing_quote(&rest[1..]).map_or(rest.len(), |length| length + 2),
            '$' if digits > 0 => {
                let number = rest[1..=digits].parse::<u64>().unwrap_or(0);
                let given = usize::try_from(number).is_ok_and(|number| number <= params.len());
                found.extend((number > 0 && !given).then_some(number));
                1 + digits
            }
            _ => letter.len_utf8(),
        };
    }
    found
}

/// Length of `name=` before the probe type.
pub(crate) fn own_name(text: &str) -> usize {
    let in_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let length = text.find(|letter| !in_word(letter)).unwrap_or(text.len());
    if length > 0 && text[length..].starts_with('=') { length + 1 } else { 0 }
}

/// Number of digits after a `$`.
fn parameter(rest: &str) -> usize {
    rest.bytes().skip(1).take_while(u8::is_ascii_digit).count()
}

/// Length of a parameter with what wrongly follows it.
fn word(rest: &str) -> usize {
    1 + rest
        .bytes()
        .skip(1)
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        .count()
}

fn value<'p>(digits: &str, params: &'p [String], span: Span) -> Result<&'p str, SyntaxError> {
    match digits.parse::<u64>() {
        Ok(number @ 1..) => {
            let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
            Ok(params.get(index).map_or("", String::as_str))
        }
        _ => Err(SyntaxError::Positional { span }),
    }
}

struct Splitter {
    span: Span,
    parts: Vec<Part>,
    /// The part at hand.
    open: Option<Part>,
}

impl Splitter {
    fn part(&mut self, span: Span) -> &mut Part {
        let part =
            self.open.get_or_insert_with(|| Part { text: String::new(), quoted: false, span });
        part.span = part.span.to(span);
        part
    }

    /// A letter outside of quotes; gives the bytes it takes.
    fn plain(&mut self, letter: char, span: Span) -> usize {
        if letter == ':' {
            let before = Span { end: span.start, ..span };
            let part = self.open.take().unwrap_or(Part {
                text: String::new(),
                quoted: false,
                span: before,
            });
            self.parts.push(part);
            // What follows the colon is a part even if it is empty.
            self.open = Some(Part {
                text: String::new(),
                quoted: false,
                span: Span { start: span.end, ..span },
            });
        } else {
            self.part(span).text.push(letter);
        }
        letter.len_utf8()
    }

    /// The quotes that `rest` begins with; gives the bytes they take. `place` is where `rest` stands, or `fixed`.
    fn quoted(
        &mut self,
        rest: &str,
        place: Span,
        fixed: Option<Span>,
    ) -> Result<usize, SyntaxError> {
        let place_of = |from, to| fixed.unwrap_or(place.part(from, to));
        let Some(length) = closing_quote(&rest[1..]) else {
            return Err(SyntaxError::UnclosedString { span: place_of(0, rest.len()) });
        };
        let span = place_of(0, length + 2);
        let bytes = unescape(&rest[1..1 + length]).map_err(|error| SyntaxError::Literal {
            span: place_of(1 + error.start, 1 + error.end),
            error: LiteralError::Escape(error.kind),
        })?;
        let part = self.part(span);
        part.text.push_str(&String::from_utf8_lossy(&bytes));
        part.quoted = true;
        Ok(length + 2)
    }

    /// The text of a parameter, all of it placed where the parameter stands.
    fn expand(&mut self, text: &str, place: Span) -> Result<(), SyntaxError> {
        self.part(place);
        let mut at = 0;
        while let Some(letter) = text[at..].chars().next() {
            at += match letter {
                '"' => self.quoted(&text[at..], place, Some(place))?,
                ':' => {
                    self.plain(letter, place);
                    self.open = Some(Part { text: String::new(), quoted: false, span: place });
                    1
                }
                _ => self.plain(letter, place),
            };
        }
        Ok(())
    }

    fn finish(mut self) -> Vec<Part> {
        let last = self.open.take().unwrap_or(Part {
            text: String::new(),
            quoted: false,
            span: self.span,
        });
        self.parts.push(last);
        self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn point(text: &str) -> AttachPoint {
        AttachPoint { text: text.to_owned(), span: Span::new(FileId(0), 10, 10 + text.len()) }
    }

    /// Text, quotes, and the place within the point of each part.
    fn parts(text: &str, params: &[&str]) -> Vec<(String, bool, u32, u32)> {
        let params: Vec<String> = params.iter().map(|&param| param.to_owned()).collect();
        let parts =
            split(&point(text), &params).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        parts
            .into_iter()
            .map(|part| (part.text, part.quoted, part.span.start - 10, part.span.end - 10))
            .collect()
    }

    fn part(text: &str, quoted: bool, start: u32, end: u32) -> (String, bool, u32, u32) {
        (text.to_owned(), quoted, start, end)
    }

    #[test]
    fn splits_at_colons_outside_of_quotes() {
        assert_eq!(parts("begin", &[]), [part("begin", false, 0, 5)]);
        assert_eq!(parts("mine=begin", &[]), [part("begin", false, 5, 10)]);
        assert_eq!(
            parts("kprobe:f+4", &[]),
            [part("kprobe", false, 0, 6), part("f+4", false, 7, 10)]
        );
        assert_eq!(
            parts("a::b:", &[]),
            [
                part("a", false, 0, 1),
                part("", false, 2, 2),
                part("b", false, 3, 4),
                part("", false, 5, 5),
            ]
        );
        assert_eq!(
            parts(r#"u:"/a b":"n::f\"(int)"+1"#, &[]),
            [part("u", false, 0, 1), part("/a b", true, 2, 8), part("n::f\"(int)+1", true, 9, 24),]
        );
    }

    #[test]
    fn parameters_may_bring_several_parts() {
        assert_eq!(
            parts("$1:g", &["kprobe:f"]),
            [part("kprobe", false, 0, 2), part("f", false, 0, 2), part("g", false, 3, 4),]
        );
        assert_eq!(parts("k:$1+$2", &["f"]), [part("k", false, 0, 1), part("f+", false, 2, 7)]);
        assert_eq!(
            parts(r#"k:a$b"$1""#, &["f"]),
            [part("k", false, 0, 1), part("a$b$1", true, 2, 9)]
        );
        assert_eq!(parts("$1", &[]), [part("", false, 0, 2)]);
    }

    #[test]
    fn knows_which_parameters_are_missing() {
        let params = ["f".to_owned()];
        assert_eq!(missing(&point(r#"k:$1$2"$3":$2$40"#), &params), [2, 2, 40]);
        assert!(missing(&point("x=k:$1"), &params).is_empty());
    }

    #[test]
    fn refuses_what_cannot_be_meant() {
        let span = |start: usize, end: usize| Span::new(FileId(0), 10 + start, 10 + end);
        assert_eq!(
            split(&point("k:$1x_y:z"), &[]),
            Err(SyntaxError::Positional { span: span(2, 7) })
        );
        assert_eq!(split(&point("k:$0"), &[]), Err(SyntaxError::Positional { span: span(2, 4) }));
        assert_eq!(
            split(&point("k:\"ab"), &[]),
            Err(SyntaxError::UnclosedString { span: span(2, 5) })
        );
        let quote = ["\"".to_owned()];
        assert_eq!(
            split(&point("k:$1"), &quote),
            Err(SyntaxError::UnclosedString { span: span(2, 4) })
        );
    }
}
