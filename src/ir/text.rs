//! What an event looks like as text, in terms of what the kernel can write by itself: for iterators that no runtime
//! reads.

use ebtrace_image::{Action, Conversion, Format, IntSize, Piece, Record, Shape, Slot, Spec};

/// A part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bit {
    /// Bytes as they are.
    Plain(Vec<u8>),
    /// A value: one of the event's fields, or a part of it.
    Value {
        /// Which field.
        field: usize,
        /// Bytes from its start.
        offset: u32,
        /// What stands there.
        kind: Kind,
        /// How the kernel's `printf` is to show it.
        format: String,
    },
}

/// What the kernel is given of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number of so many bytes, and whether it has a sign, which is cut or extended to so many bytes, and taken with
    /// or without sign.
    Number {
        /// As it stands there.
        from: (u8, bool),
        /// As it is shown.
        to: (u8, bool),
    },
    /// `true` or `false`, as text.
    Truth,
    /// Text, by its address.
    Text,
}

/// Each element of an array takes some instructions.
const MOST_ELEMENTS: u32 = 64;

/// What the kernel cannot write by itself, in words.
pub type Beyond = &'static str;

/// The text of an event.
///
/// # Errors
/// What of it the kernel cannot write.
pub fn of(action: &Action, shapes: &[Shape]) -> Result<Vec<Bit>, Beyond> {
    let mut bits = Vec::new();
    match action {
        Action::Printf(format) => printf(&mut bits, format, shapes)?,
        Action::PrintValue => {
            let whole = Place { field: 0, offset: 0 };
            shapes.iter().try_for_each(|shape| value(&mut bits, whole, shape, &Pad::NONE))?;
            plain(&mut bits, b"\n");
        }
        // The runtime would say so, if there were one.
        Action::Fail { .. } => {}
        Action::PrintMap { .. } => return Err("a whole map"),
        Action::Clear(_) | Action::Zero(_) => return Err("that a map is emptied"),
        Action::Time(_) => return Err("the time of day"),
        Action::Message { .. } => return Err("errors and warnings of its own"),
        Action::Cat(_) => return Err("the content of a file"),
        Action::System(_) => return Err("the output of a command"),
        Action::Join { .. } => return Err("texts whose number is not known"),
        Action::Packet { .. } => return Err("packets"),
        Action::Exit => return Err("the end of a session: it has none"),
    }
    Ok(bits)
}

/// A value, or a part of one.
#[derive(Clone, Copy)]
struct Place {
    field: usize,
    offset: u32,
}

/// Flags and width.
struct Pad {
    flags: String,
    zero: bool,
    width: u32,
}

impl Pad {
    const NONE: Pad = Pad { flags: String::new(), zero: false, width: 0 };

    fn new(spec: &Spec) -> Pad {
        let left = if spec.left { "-" } else { "" };
        let plus = if spec.plus && spec.conversion == Conversion::Signed { "+" } else { "" };
        let zero = spec.zero && !spec.left;
        Pad { flags: format!("{left}{plus}"), zero, width: spec.width }
    }

    /// For a number.
    fn number(&self, letters: &str) -> String {
        let zero = if self.zero { "0" } else { "" };
        format!("%{zero}{}{}{letters}", self.flags, self.columns())
    }

    /// For text, which the kernel fills with spaces only.
    fn text(&self, letter: char) -> Result<String, Beyond> {
        match self.zero && self.width > 0 {
            true => Err("text that is filled with zeros"),
            false => Ok(format!("%{}{}{letter}", self.flags.replace('+', ""), self.columns())),
        }
    }

    fn columns(&self) -> String {
        if self.width == 0 { String::new() } else { self.width.to_string() }
    }

    /// What consists of several parts has no width of its own in the kernel.
    fn none(&self, what: Beyond) -> Result<(), Beyond> {
        if self.width == 0 { Ok(()) } else { Err(what) }
    }
}

fn plain(bits: &mut Vec<Bit>, text: &[u8]) {
    match bits.last_mut() {
        Some(Bit::Plain(before)) => before.extend_from_slice(text),
        _ if text.is_empty() => {}
        _ => bits.push(Bit::Plain(text.to_vec())),
    }
}

fn put(bits: &mut Vec<Bit>, place: Place, kind: Kind, format: String) {
    bits.push(Bit::Value { field: place.field, offset: place.offset, kind, format });
}

fn printf(bits: &mut Vec<Bit>, format: &Format, shapes: &[Shape]) -> Result<(), Beyond> {
    let mut fields = (0..).zip(shapes);
    for piece in &format.pieces {
        match piece {
            Piece::Text(text) => plain(bits, text),
            Piece::Spec(spec) => {
                let Some((field, shape)) = fields.next() else { continue };
                let place = Place { field, offset: 0 };
                match spec.conversion {
                    Conversion::Text => value(bits, place, shape, &Pad::new(spec))?,
                    Conversion::Bytes | Conversion::ByteNumbers | Conversion::HexDump => {
                        return Err("bytes by number");
                    }
                    Conversion::Flags => return Err("the names of allocation flags"),
                    _ => number(bits, place, shape, spec)?,
                }
            }
        }
    }
    Ok(())
}

/// A conversion of a number.
fn number(bits: &mut Vec<Bit>, place: Place, shape: &Shape, spec: &Spec) -> Result<(), Beyond> {
    let (whole, signed) = match shape {
        Shape::Int { size, signed } | Shape::Enum { size, signed, .. } => (*size, *signed),
        Shape::Bool => (1, false),
        Shape::Pointer | Shape::Symbol { .. } => (8, false),
        _ => return value(bits, place, shape, &Pad::new(spec)),
    };
    if spec.alternate {
        return Err("a number with the prefix of its base (`#`)");
    }
    let cut = match spec.size {
        IntSize::One => 1,
        IntSize::Two => 2,
        IntSize::Four => 4,
        IntSize::Eight => 8,
    };
    let pad = Pad::new(spec);
    let (to, format) = match spec.conversion {
        Conversion::Signed | Conversion::Text => ((cut, true), pad.number("lld")),
        Conversion::Unsigned => ((cut, false), pad.number("llu")),
        Conversion::Hex => ((cut, false), pad.number("llx")),
        Conversion::UpperHex => ((cut, false), pad.number("llX")),
        Conversion::Char => ((1, false), pad.text('c')?),
        Conversion::Octal => return Err("an octal number"),
        Conversion::Bytes | Conversion::ByteNumbers | Conversion::HexDump | Conversion::Flags => {
            return Err("what is no number");
        }
        Conversion::Pointer => {
            pad.none("an address with a width")?;
            plain(bits, b"0x");
            ((8, false), "%llx".to_owned())
        }
    };
    put(bits, place, Kind::Number { from: (whole, signed), to }, format);
    Ok(())
}

/// A value as `print()` shows it.
fn value(bits: &mut Vec<Bit>, place: Place, shape: &Shape, pad: &Pad) -> Result<(), Beyond> {
    match shape {
        Shape::Int { size, signed } => {
            if pad.zero {
                return Err("text that is filled with zeros");
            }
            let format = pad.number(if *signed { "lld" } else { "llu" }).replace('+', "");
            put(bits, place, Kind::Number { from: (*size, *signed), to: (8, false) }, format);
        }
        Shape::Bool => put(bits, place, Kind::Truth, pad.text('s')?),
        Shape::Pointer => {
            pad.none("an address with a width")?;
            plain(bits, b"0x");
            let kind = Kind::Number { from: (8, false), to: (8, false) };
            put(bits, place, kind, "%llx".to_owned());
        }
        Shape::Str { .. } => put(bits, place, Kind::Text, pad.text('s')?),
        Shape::Tuple(record) => {
            pad.none("a tuple with a width")?;
            plain(bits, b"(");
            list(bits, place, record, &[])?;
            plain(bits, b")");
        }
        Shape::Record(record, names) => {
            pad.none("a record with a width")?;
            let (open, close): (&[u8], &[u8]) =
                if names.is_empty() { (b"{", b"}") } else { (b"{ ", b" }") };
            plain(bits, open);
            list(bits, place, record, names)?;
            plain(bits, close);
        }
        Shape::Array { of, stride, len } => {
            pad.none("an array with a width")?;
            if *len > MOST_ELEMENTS {
                return Err("an array of more than 64 elements");
            }
            plain(bits, b"[");
            for index in 0..*len {
                plain(bits, if index > 0 { b"," } else { b"" });
                let element = Place { offset: place.offset + index * stride, ..place };
                value(bits, element, of, pad)?;
            }
            plain(bits, b"]");
        }
        Shape::Enum { .. } => {
            return Err("the name of an enum's constant; `%d` shows its number");
        }
        Shape::Bits { .. } => return Err("a bit field in a struct"),
        Shape::Buffer { .. } => return Err("a buffer"),
        Shape::Stack { .. } => return Err("a call stack"),
        Shape::Symbol { .. } => return Err("the name of an address"),
        Shape::User => return Err("the name of a user"),
        Shape::Mac | Shape::Inet => return Err("a network address"),
        Shape::Time { .. } => return Err("a time"),
        Shape::CgroupPath { .. } => return Err("the folder of a control group"),
        Shape::Foreign { .. } => return Err("a value of C alone"),
        Shape::Aggregate(_) => return Err("an aggregation"),
    }
    Ok(())
}

/// Values side by side, with names where there are some.
fn list(
    bits: &mut Vec<Bit>,
    place: Place,
    record: &Record,
    names: &[String],
) -> Result<(), Beyond> {
    for (index, Slot { offset, shape }) in record.fields.iter().enumerate() {
        plain(bits, if index > 0 { b", " } else { b"" });
        if let Some(name) = names.get(index) {
            plain(bits, format!(".{name} = ").as_bytes());
        }
        value(bits, Place { offset: place.offset + offset, ..place }, shape, &Pad::NONE)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::types::format;

    fn shown(written: &str, shapes: &[Shape]) -> Result<String, Beyond> {
        let format = format::parse(written.as_bytes()).unwrap();
        let bits = of(&Action::Printf(format), shapes)?;
        let show = |bit: &Bit| match bit {
            Bit::Plain(text) => String::from_utf8_lossy(text).into_owned(),
            Bit::Value { format, .. } => format.clone(),
        };
        Ok(bits.iter().map(show).collect())
    }

    const INT: Shape = Shape::Int { size: 4, signed: true };

    #[test]
    fn formats_become_those_of_the_kernel() {
        assert_eq!(shown("%d|%-5u|%05lx\n", &[INT, INT, INT]).unwrap(), "%lld|%-5llu|%05llx\n");
        assert_eq!(
            shown("%-8s|%s|%p", &[Shape::Str { size: 16 }, INT, Shape::Pointer]).unwrap(),
            "%-8s|%lld|0x%llx"
        );
        let pair = Record {
            size: 8,
            fields: vec![Slot { offset: 0, shape: INT }, Slot { offset: 4, shape: Shape::Bool }],
        };
        assert_eq!(shown("%s", &[Shape::Tuple(pair.clone())]).unwrap(), "(%lld, %s)");
        let names = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(shown("%s", &[Shape::Record(pair, names)]).unwrap(), "{ .a = %lld, .b = %s }");
    }

    #[test]
    fn what_the_kernel_cannot_write_is_refused() {
        assert!(shown("%#x", &[INT]).is_err());
        assert!(shown("%o", &[INT]).is_err());
        assert!(shown("%20p", &[Shape::Pointer]).is_err());
        assert!(shown("%s", &[Shape::Symbol { user: false }]).is_err());
        assert!(of(&Action::Time(String::new()), &[]).is_err());
    }
}
