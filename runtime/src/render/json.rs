//! One JSON object per line.

use std::io;

use ebtrace_image::{Aggregate, Shape, Site};

use super::histogram::{Bucket, buckets};
use super::text::{self, Form, put};
use super::{Elements, Renderer, Trouble, series};
use crate::decode::{Histogram, Series, Value};

/// `{"type": KIND, "data": …}` and a line end.
pub(super) fn event(out: &mut Vec<u8>, kind: &str, data: impl FnOnce(&mut Vec<u8>)) {
    put(out, format_args!("{{\"type\": \"{kind}\", \"data\": "));
    data(out);
    out.extend_from_slice(b"}\n");
}

/// `{"type": KIND, "count": N, "data": {NAME: N}}`.
pub(super) fn counted(out: &mut Vec<u8>, kind: &str, name: &str, count: u64) {
    put(
        out,
        format_args!(
            "{{\"type\": \"{kind}\", \"count\": {count}, \"data\": {{\"{name}\": {count}}}}}\n"
        ),
    );
}

pub(super) fn value(look: &Renderer<'_>, out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Signed(number) => integer(out, (*number).into()),
        Value::Unsigned(number) | Value::Pointer(number) => integer(out, (*number).into()),
        Value::Bool(truth) => put(out, format_args!("{truth}")),
        Value::Tuple(fields) => {
            out.push(b'[');
            separated(out, ",", fields, |out, field| self::value(look, out, field));
            out.push(b']');
        }
        Value::Array(elements) => {
            out.push(b'[');
            separated(out, ",", elements, |out, element| self::value(look, out, element));
            out.push(b']');
        }
        Value::Record(fields) => {
            out.push(b'{');
            separated(out, ", ", fields, |out, (name, field)| {
                string(out, name.as_bytes());
                out.extend_from_slice(b": ");
                self::value(look, out, field);
            });
            out.push(b'}');
        }
        Value::Enum { number, .. } => integer(out, *number),
        Value::Buffer(bytes) => {
            out.push(b'[');
            separated(out, ",", bytes, |out, byte| put(out, format_args!("{}", *byte as i8)));
            out.push(b']');
        }
        Value::Str { .. }
        | Value::Stack { .. }
        | Value::FileStack(_)
        | Value::Symbol { .. }
        | Value::User(_)
        | Value::Mac(_)
        | Value::Inet(_)
        | Value::Time { .. }
        | Value::CgroupPath { .. } => {
            let mut shown = Vec::new();
            text::value(&Renderer { escape: false, ..*look }, &mut shown, value, Form::Line);
            string(out, &shown);
        }
        Value::Foreign => out.extend_from_slice(b"null"),
        Value::Histogram(histogram) => self::histogram(out, histogram),
        Value::Series(series) => self::points(out, series),
    }
}

/// Readers keep numbers as doubles: an integer that is not exact as one is a string.
fn integer(out: &mut Vec<u8>, number: i128) {
    if number as f64 as i128 == number {
        put(out, format_args!("{number}"));
    } else {
        put(out, format_args!("\"{number}\""));
    }
}

/// A JSON string; bytes that are not UTF-8 become characters of the same number.
pub(super) fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        for byte in chunk.valid().bytes() {
            match byte {
                b'"' => out.extend_from_slice(b"\\\""),
                b'\\' => out.extend_from_slice(b"\\\\"),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\t' => out.extend_from_slice(b"\\t"),
                0..0x20 => put(out, format_args!("\\u{byte:04x}")),
                _ => out.push(byte),
            }
        }
        chunk.invalid().iter().for_each(|byte| put(out, format_args!("\\u{byte:04x}")));
    }
    out.push(b'"');
}

fn separated<T>(
    out: &mut Vec<u8>,
    separator: &str,
    items: &[T],
    mut each: impl FnMut(&mut Vec<u8>, &T),
) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(separator.as_bytes());
        }
        each(out, item);
    }
}

pub(super) fn map(look: &Renderer<'_>, out: &mut Vec<u8>, elements: &Elements<'_>) {
    let kind = match &elements.map.value.shape {
        Shape::Aggregate(Aggregate::Hist { .. } | Aggregate::Lhist { .. }) => "hist",
        Shape::Aggregate(Aggregate::Series { .. }) => "tseries",
        Shape::Aggregate(Aggregate::Avg { .. } | Aggregate::Stats { .. }) => "stats",
        _ => "map",
    };
    event(out, kind, |out| {
        put(out, format_args!("{{\"{}\": ", elements.map.name));
        if elements.map.key.is_some() {
            keyed(look, out, elements);
        } else {
            elements.iter().for_each(|(_, element)| value(look, out, &element));
        }
        out.push(b'}');
    });
}

fn keyed(look: &Renderer<'_>, out: &mut Vec<u8>, elements: &Elements<'_>) {
    out.push(b'{');
    for (index, (key, element)) in elements.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        let mut shown = Vec::new();
        if let Some(key) = &key {
            text::key(look, &mut shown, key, Form::Compact);
        }
        string(out, &shown);
        out.extend_from_slice(b": ");
        value(look, out, &element);
    }
    out.push(b'}');
}

/// Bounds are the least and the greatest value of a bucket, both included.
fn histogram(out: &mut Vec<u8>, histogram: &Histogram<'_>) {
    out.push(b'[');
    separated(out, ",", &buckets(histogram), |out, Bucket { low, high, count }| {
        out.push(b'{');
        if let Some(low) = low {
            out.extend_from_slice(b"\"min\": ");
            integer(out, *low);
            out.extend_from_slice(b", ");
        }
        if let Some(high) = high {
            out.extend_from_slice(b"\"max\": ");
            integer(out, high - 1);
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(b"\"count\": ");
        integer(out, (*count).into());
        out.push(b'}');
    });
    out.push(b']');
}

/// Intervals without a number are left out; times are UTC.
fn points(out: &mut Vec<u8>, series: &Series<'_>) {
    out.push(b'[');
    separated(out, ",", &series.points, |out, point| {
        out.extend_from_slice(b"{\"interval_start\":");
        string(out, series::start(series, point).as_bytes());
        out.extend_from_slice(b",\"value\":");
        integer(out, point.value);
        out.push(b'}');
    });
    out.push(b']');
}

pub(super) fn trouble(out: &mut Vec<u8>, trouble: &Trouble<'_>) {
    let site = trouble.site;
    match trouble.helper {
        Some((helper, code)) => {
            out.extend_from_slice(b"{\"type\": \"helper_error\", \"msg\": ");
            let text = if code < 0 { &error_text(code) } else { &trouble.message };
            string(out, text.as_bytes());
            put(out, format_args!(", \"helper\": \"{helper}\", \"retcode\": {code}"));
        }
        None => {
            out.extend_from_slice(b"{\"type\": \"runtime_error\", \"msg\": ");
            string(out, trouble.message.as_bytes());
        }
    }
    place(out, site);
    if trouble.repeated > 0 {
        put(out, format_args!(", \"count\": {}", trouble.repeated));
    }
    out.extend_from_slice(b"}\n");
}

pub(super) fn message(out: &mut Vec<u8>, site: &Site, error: bool, message: &[u8]) {
    let kind = if error { "errorf" } else { "warnf" };
    put(out, format_args!("{{\"type\": \"{kind}\", \"msg\": "));
    string(out, message);
    place(out, site);
    out.extend_from_slice(b"}\n");
}

fn place(out: &mut Vec<u8>, site: &Site) {
    out.extend_from_slice(b", \"filename\": ");
    string(out, site.file.as_bytes());
    put(out, format_args!(", \"line\": {}, \"col\": {}", site.line, site.column));
}

/// The system's words for what a helper returned, a negative error number.
pub(crate) fn error_text(code: i64) -> String {
    let Some(number) = code.checked_neg().and_then(|number| i32::try_from(number).ok()) else {
        return format!("Unknown error {code}");
    };
    let text = io::Error::from_raw_os_error(number).to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        string(&mut out, bytes);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_valid_json_whatever_the_bytes() {
        assert_eq!(escaped(b"q\"uo\\te\tx\r\n"), r#""q\"uo\\te\tx\r\n""#);
        assert_eq!(escaped(b"nul\x01esc\x1b\x7f"), "\"nul\\u0001esc\\u001b\x7f\"");
        assert_eq!(escaped("h\u{e9}".as_bytes()), "\"h\u{e9}\"");
        assert_eq!(escaped(b"\xff\xc3("), "\"\\u00ff\\u00c3(\"");
    }

    #[test]
    fn integers_that_doubles_cannot_hold_are_strings() {
        let shown = |number| {
            let mut out = Vec::new();
            integer(&mut out, number);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(shown(1 << 63), "9223372036854775808");
        assert_eq!(shown((1 << 63) - 1), "\"9223372036854775807\"");
        assert_eq!(shown(u64::MAX.into()), "\"18446744073709551615\"");
        assert_eq!(shown(-9223372036854775807), "\"-9223372036854775807\"");
        assert_eq!(shown(-7), "-7");
    }

    #[test]
    fn error_numbers_have_words() {
        assert_eq!(error_text(-7), "Argument list too long");
        assert_eq!(error_text(i64::MIN), format!("Unknown error {}", i64::MIN));
    }
}
