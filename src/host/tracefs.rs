//! Reads the text that tracefs has about a tracepoint.

use super::{FieldKind, TracepointField};

/// The fields of an `events/CATEGORY/EVENT/format` file; lines that are no field are passed over.
pub fn parse_format(text: &str) -> Vec<TracepointField> {
    text.lines().filter_map(|line| parse_field(line.trim())).collect()
}

/// Reads `field:const char * filename; offset:24; size:8; signed:0;`, where tabs are between the parts.
fn parse_field(line: &str) -> Option<TracepointField> {
    let mut parts = line.split(';').map(str::trim);
    let declaration = parts.next()?.strip_prefix("field:")?;
    let mut number =
        |name: &str| parts.next()?.strip_prefix(name)?.strip_prefix(':')?.parse::<u32>().ok();
    let (offset, size, signed) = (number("offset")?, number("size")?, number("signed")?);
    let (declaration, kind) =
        match (declaration.strip_prefix("__data_loc "), declaration.strip_prefix("__rel_loc ")) {
            (Some(rest), _) => (rest, FieldKind::DataLoc),
            (_, Some(rest)) => (rest, FieldKind::RelLoc),
            _ => (declaration, FieldKind::Plain),
        };
    let (c_type, name, len) = split_declaration(declaration)?;
    let kind = match (kind, len) {
        (FieldKind::Plain, Some(len)) => FieldKind::Array(len.unwrap_or(size)),
        (kind, _) => kind,
    };
    Some(TracepointField { name, c_type, kind, offset, size, signed: signed != 0 })
}

/// Cuts `char comm[16]` into type, name and, where there are brackets, the number in them.
fn split_declaration(text: &str) -> Option<(String, String, Option<Option<u32>>)> {
    let (text, len) = match text.split_once('[') {
        Some((before, rest)) => {
            let (inside, after) = rest.split_once(']')?;
            (format!("{before}{after}"), Some(inside.trim().parse().ok()))
        }
        None => (text.to_owned(), None),
    };
    let text = text.trim_end();
    let at = text.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_')? + 1;
    let name = text[at..].to_owned();
    (!name.is_empty()).then(|| (text[..at].trim().to_owned(), name, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> TracepointField {
        parse_format(line).remove(0)
    }

    #[test]
    fn reads_all_kinds_of_field() {
        let field = one("\tfield:const char * filename;\toffset:24;\tsize:8;\tsigned:0;");
        assert_eq!(
            (field.name.as_str(), field.c_type.as_str(), field.offset),
            ("filename", "const char *", 24)
        );
        let field = one("\tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;");
        assert_eq!((field.name.as_str(), field.kind), ("prev_comm", FieldKind::Array(16)));
        let field = one("\tfield:__data_loc char[] parent_comm;\toffset:8;\tsize:4;\tsigned:0;");
        assert_eq!(
            (field.name.as_str(), field.c_type.as_str(), field.kind),
            ("parent_comm", "char", FieldKind::DataLoc)
        );
        let field = one("\tfield:unsigned long args[6];\toffset:16;\tsize:48;\tsigned:0;");
        assert_eq!(
            (field.name.as_str(), field.kind, field.size),
            ("args", FieldKind::Array(6), 48)
        );
        let field = one("\tfield:long ret;\toffset:16;\tsize:8;\tsigned:1;");
        assert!(field.signed);
        assert!(parse_format("name: x\nprint fmt: \"field:\"\n\n").is_empty());
    }
}
