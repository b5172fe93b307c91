//! Text for people.

use std::io::Write;

use ebtrace_image::Site;

use super::histogram::{buckets, label};
use super::{Elements, Renderer, Trouble, series, stack};
use crate::clock;
use crate::decode::{Histogram, Space, Value};

/// Columns of a histogram's bar.
const BAR: usize = 52;

/// How much space there is within a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As shown to people.
    Line,
    /// As the key of a JSON object: without spaces and indentation.
    Compact,
}

pub(super) fn value(look: &Renderer<'_>, out: &mut Vec<u8>, value: &Value<'_>, form: Form) {
    match value {
        Value::Signed(number) => put(out, format_args!("{number}")),
        Value::Unsigned(number) => put(out, format_args!("{number}")),
        Value::Bool(truth) => put(out, format_args!("{truth}")),
        Value::Pointer(address) => put(out, format_args!("{address:#x}")),
        Value::Str { text, full } => {
            plain(look, out, text, form);
            out.extend_from_slice(look.trailer(text, *full));
        }
        Value::Tuple(fields) => {
            out.push(b'(');
            list(look, out, fields, form);
            out.push(b')');
        }
        Value::Record(fields) => record(look, out, fields, form),
        Value::Array(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                self::value(look, out, element, form);
            }
            out.push(b']');
        }
        Value::Enum { name: Some(name), .. } => out.extend_from_slice(name.as_bytes()),
        Value::Enum { number, name: None } => put(out, format_args!("{number}")),
        Value::Buffer(bytes) => buffer(out, bytes),
        Value::Stack { space, mode, addresses } => {
            stack::addresses(look, out, (*space, *mode), addresses, form);
        }
        Value::FileStack(frames) => stack::files(out, frames),
        Value::Symbol { space, address } => symbol(look, out, *space, *address),
        Value::User(id) => plain(look, out, look.names.user(*id).as_bytes(), form),
        Value::Mac(bytes) => {
            let written = bytes.map(|byte| format!("{byte:02X}"));
            out.extend_from_slice(written.join(":").as_bytes());
        }
        Value::Inet(Some(address)) => put(out, format_args!("{address}")),
        Value::Inet(None) => {}
        Value::Time { format, clock, ns } => {
            out.extend_from_slice(&clock::shown(format, look.names.since_1970(*clock, *ns)));
        }
        Value::CgroupPath { filter, id } => {
            plain(look, out, look.names.cgroup(filter, *id).as_bytes(), form);
        }
        Value::Foreign => out.extend_from_slice(b"null"),
        Value::Histogram(histogram) => rows(out, histogram),
        Value::Series(series) => series::graph(out, series),
    }
}

/// Text that others chose.
fn plain(look: &Renderer<'_>, out: &mut Vec<u8>, text: &[u8], form: Form) {
    if look.escape && form == Form::Line {
        escape(out, text);
    } else {
        out.extend_from_slice(text);
    }
}

/// A key without the parentheses of its outer tuple.
pub(super) fn key(look: &Renderer<'_>, out: &mut Vec<u8>, key: &Value<'_>, form: Form) {
    match key {
        Value::Tuple(fields) => list(look, out, fields, form),
        other => value(look, out, other, form),
    }
}

fn record(look: &Renderer<'_>, out: &mut Vec<u8>, fields: &[(&str, Value<'_>)], form: Form) {
    let (space, equals, comma) = match form {
        Form::Line => (" ", " = ", ", "),
        Form::Compact => ("", "=", ","),
    };
    if fields.is_empty() {
        return out.extend_from_slice(b"{}");
    }
    put(out, format_args!("{{{space}"));
    for (index, (name, field)) in fields.iter().enumerate() {
        put(out, format_args!("{}.{name}{equals}", if index > 0 { comma } else { "" }));
        value(look, out, field, form);
    }
    put(out, format_args!("{space}}}"));
}

/// Printable characters as they are, all other bytes by number.
fn buffer(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        match byte {
            b' '..=b'~' => out.push(byte),
            _ => put(out, format_args!("\\x{byte:02x}")),
        }
    }
}

fn list(look: &Renderer<'_>, out: &mut Vec<u8>, values: &[Value<'_>], form: Form) {
    for (index, field) in values.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(if form == Form::Line { b", " } else { b"," });
        }
        value(look, out, field, form);
    }
}

/// Writing to memory cannot fail.
pub(super) fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

fn symbol(look: &Renderer<'_>, out: &mut Vec<u8>, space: Space, address: u64) {
    match look.symbols.symbolize(space, &[address]).into_iter().next().flatten() {
        Some(symbol) if look.escape => escape(out, symbol.name.as_bytes()),
        Some(symbol) => out.extend_from_slice(symbol.name.as_bytes()),
        None if address == 0 => out.push(b'0'),
        None => put(out, format_args!("{address:#x}")),
    }
}

/// Bytes that are not to be trusted, in a message to people.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    escape(&mut out, bytes);
    String::from_utf8_lossy(&out).into_owned()
}

/// Bytes that are not to be trusted, as they can be written.
pub(super) fn untrusted(look: &Renderer<'_>, out: &mut Vec<u8>, bytes: &[u8]) {
    plain(look, out, bytes, Form::Line);
}

/// Line ends and tabs stay; other control characters could make a terminal lie, so they are shown as numbers.
pub(super) fn escape(out: &mut Vec<u8>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() && !matches!(character, '\n' | '\t') {
                put(out, format_args!("\\x{:02x}", u32::from(character)));
            } else {
                put(out, format_args!("{character}"));
            }
        }
        chunk.invalid().iter().for_each(|byte| put(out, format_args!("\\x{byte:02x}")));
    }
}

pub(super) fn map(look: &Renderer<'_>, out: &mut Vec<u8>, elements: &Elements<'_>) {
    for (element_key, element) in elements.iter() {
        out.extend_from_slice(elements.map.name.as_bytes());
        if let Some(element_key) = &element_key {
            out.push(b'[');
            key(look, out, element_key, Form::Line);
            out.push(b']');
        }
        out.extend_from_slice(if matches!(element, Value::Histogram(_) | Value::Series(_)) {
            b":\n"
        } else {
            b": "
        });
        value(look, out, &element, Form::Line);
        out.push(b'\n');
    }
}

fn rows(out: &mut Vec<u8>, histogram: &Histogram<'_>) {
    let buckets = buckets(histogram);
    let most = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(0).max(1);
    for bucket in &buckets {
        let length = (u128::from(bucket.count) * BAR as u128 / u128::from(most)) as usize;
        let bar = "@".repeat(length);
        put(
            out,
            format_args!(
                "{:<16}{:>8} |{bar:<BAR$}|\n",
                label(histogram.scale, bucket),
                bucket.count
            ),
        );
    }
}

/// A line with its place, and where that was used. It may well be shown on a terminal, wherever the output goes.
pub(super) fn message(out: &mut Vec<u8>, site: &Site, error: bool, message: &[u8]) {
    put(out, format_args!("{}: {}: ", place(site), if error { "ERROR" } else { "WARNING" }));
    let line = message.strip_suffix(b"\n").unwrap_or(message);
    escape(out, line);
    out.push(b'\n');
    for used in &site.uses {
        put(out, format_args!("{}: expanded from here\n", place(used)));
    }
}

pub(super) fn trouble(out: &mut Vec<u8>, trouble: &Trouble<'_>) {
    put(out, format_args!("{}: WARNING: {}\n", place(trouble.site), trouble.message));
    if trouble.repeated > 0 {
        return;
    }
    if let Some((helper, code)) = trouble.helper {
        put(out, format_args!("Additional Info - helper: {helper}, retcode: {code}\n"));
    }
    underlined(out, trouble.site);
    for used in &trouble.site.uses {
        put(out, format_args!("{}: expanded from here\n", place(used)));
        underlined(out, used);
    }
}

/// `FILE:LINE:COL-COL`, or `FILE:LINE-LINE` over several lines.
fn place(site: &Site) -> String {
    let Site { file, line, column, end_line, end_column, .. } = site;
    if line == end_line {
        format!("{file}:{line}:{column}-{end_column}")
    } else {
        format!("{file}:{line}-{end_line}")
    }
}

fn underlined(out: &mut Vec<u8>, site: &Site) {
    let end = if site.line == site.end_line { site.end_column } else { u32::MAX };
    let (mut line, mut marks) = (String::new(), String::new());
    for (column, character) in (1..).zip(site.source.chars()) {
        let shown = if character == '\t' { "    ".to_owned() } else { character.to_string() };
        let mark = if (site.column..end).contains(&column) { '~' } else { ' ' };
        line.push_str(&shown);
        marks.extend(shown.chars().map(|_| mark));
    }
    put(out, format_args!("{line}\n{}\n", marks.trim_end()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_on_a_terminal() {
        let mut out = Vec::new();
        escape(&mut out, b"a\x1b[31m\tb\n\xff\xc2\x9bz\r\xc3\xa9");
        assert_eq!(String::from_utf8(out).unwrap(), "a\\x1b[31m\tb\n\\xff\\x9bz\\x0d\u{e9}");
    }

    #[test]
    fn the_underline_minds_tabs() {
        let site = Site {
            file: "stdin".to_owned(),
            line: 1,
            column: 2,
            end_line: 1,
            end_column: 4,
            source: "\t@x = 1".to_owned(),
            uses: Vec::new(),
        };
        let mut out = Vec::new();
        underlined(&mut out, &site);
        assert_eq!(String::from_utf8(out).unwrap(), "    @x = 1\n    ~~\n");
    }
}
