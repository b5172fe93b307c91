//! Random values, against a formatter that knows nothing of shapes and bytes.

use ebtrace_image::{Record, Shape, Slot};
use ebtrace_runtime::decode::decode;
use ebtrace_runtime::map::Contents;
use ebtrace_runtime::render::Renderer;

use crate::{END, Filled, JSON, TEXT, schema::Schema};

const ROUNDS: u64 = 20_000;
const DEEPEST: u32 = 3;

/// A value as its reader understands it.
enum Model {
    Int(i128),
    Bool(bool),
    Pointer(u64),
    /// Text, and whether it fills its buffer.
    Text(Vec<u8>, bool),
    Bytes(Vec<u8>),
    Enum(i128, Option<&'static str>),
    Tuple(Vec<Model>),
    Array(Vec<Model>),
    Record(Vec<(String, Model)>),
}

/// xorshift64*: the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// Small and extreme numbers as often as others.
    fn number(&mut self) -> u64 {
        match self.below(6) {
            0 => self.below(3),
            1 => u64::MAX - self.below(3),
            2 => (1 << 63) - 1 + self.below(3),
            3 => (1 << 53) - 1 + self.below(4),
            4 => 1 << self.below(64),
            _ => self.roll(),
        }
    }

    fn text(&mut self, most: u64) -> Vec<u8> {
        const PIECES: [&[u8]; 10] = [
            b"a",
            b"\"",
            b"\\",
            b"\n",
            b"\t",
            b"\x1b",
            b"\x7f",
            "\u{e9}".as_bytes(),
            b"\xff",
            b" ",
        ];
        let mut text = Vec::new();
        for _ in 0..self.below(most + 1) {
            text.extend_from_slice(PIECES[self.below(10) as usize]);
        }
        text
    }
}

/// A value, its shape, and the bytes that the kernel would send of it.
fn value(dice: &mut Dice, depth: u32) -> (Model, Shape, Vec<u8>) {
    match dice.below(if depth == DEEPEST { 6 } else { 9 }) {
        0 => integer(dice),
        1 => {
            let truth = dice.below(2) == 1;
            (Model::Bool(truth), Shape::Bool, vec![u8::from(truth)])
        }
        2 => {
            let address = dice.number();
            (Model::Pointer(address), Shape::Pointer, address.to_ne_bytes().to_vec())
        }
        3 => {
            let text = dice.text(8);
            let size = (text.len() as u64 + dice.below(4)).max(1);
            let mut bytes = text.clone();
            bytes.resize(size as usize, 0);
            (
                Model::Text(text.clone(), size as usize == text.len()),
                Shape::Str { size: size as u32 },
                bytes,
            )
        }
        4 => {
            let content = dice.text(6);
            let size = content.len() as u32 + dice.below(4) as u32;
            let mut bytes = (content.len() as u32).to_ne_bytes().to_vec();
            bytes.extend_from_slice(&content);
            bytes.resize(4 + size as usize, 0xaa);
            (Model::Bytes(content), Shape::Buffer { size }, bytes)
        }
        5 => {
            let names = vec![(0, "NONE".to_owned()), (-1, "ALL".to_owned())];
            let number = dice.number() as i32;
            let name = match number {
                0 => Some("NONE"),
                -1 => Some("ALL"),
                _ => None,
            };
            let shape = Shape::Enum { size: 4, signed: true, names };
            (Model::Enum(number.into(), name), shape, number.to_ne_bytes().to_vec())
        }
        6 => {
            let (parts, record, bytes) = side_by_side(dice, depth);
            (Model::Tuple(parts), Shape::Tuple(record), bytes)
        }
        7 => {
            let (parts, record, bytes) = side_by_side(dice, depth);
            let names: Vec<String> = (0..parts.len()).map(|index| format!("f{index}")).collect();
            let model = names.iter().cloned().zip(parts).collect();
            (Model::Record(model), Shape::Record(record, names), bytes)
        }
        _ => {
            let len = dice.below(4) as u32;
            let numbers: Vec<u16> = (0..len).map(|_| dice.number() as u16).collect();
            let bytes = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
            let model = numbers.into_iter().map(|number| Model::Int(number.into())).collect();
            let of = Box::new(Shape::Int { size: 2, signed: false });
            (Model::Array(model), Shape::Array { of, stride: 2, len }, bytes)
        }
    }
}

fn integer(dice: &mut Dice) -> (Model, Shape, Vec<u8>) {
    let (number, signed) = (dice.number(), dice.below(2) == 1);
    let size = 1 << dice.below(4);
    let bytes = number.to_le_bytes()[..size].to_vec();
    let cut = 64 - 8 * size as u32;
    let value = match signed {
        true => i128::from((number << cut) as i64 >> cut),
        false => i128::from(number << cut >> cut),
    };
    (Model::Int(value), Shape::Int { size: size as u8, signed }, bytes)
}

fn side_by_side(dice: &mut Dice, depth: u32) -> (Vec<Model>, Record, Vec<u8>) {
    let (mut parts, mut fields, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..=dice.below(3) {
        let (part, shape, content) = value(dice, depth + 1);
        bytes.resize(bytes.len() + dice.below(3) as usize, 0x55);
        fields.push(Slot { offset: bytes.len() as u32, shape });
        bytes.extend_from_slice(&content);
        parts.push(part);
    }
    (parts, Record { size: bytes.len() as u32, fields }, bytes)
}

impl Model {
    fn text(&self, compact: bool) -> Vec<u8> {
        let comma: &[u8] = if compact { b"," } else { b", " };
        let list = |open: &[u8], parts: &[Vec<u8>], between: &[u8], close: &[u8]| {
            [open, &parts.join(between), close].concat()
        };
        let shown =
            |parts: &[Model]| parts.iter().map(|part| part.text(compact)).collect::<Vec<_>>();
        match self {
            Model::Int(number) => number.to_string().into_bytes(),
            Model::Bool(truth) => truth.to_string().into_bytes(),
            Model::Pointer(address) => format!("0x{address:x}").into_bytes(),
            Model::Text(text, false) => text.clone(),
            Model::Text(text, true) => [text, &b".."[..]].concat(),
            Model::Bytes(bytes) => {
                let each = bytes.iter().map(|byte| match byte {
                    0x20..=0x7e => vec![*byte],
                    _ => format!("\\x{byte:02x}").into_bytes(),
                });
                each.collect::<Vec<_>>().concat()
            }
            Model::Enum(_, Some(name)) => name.as_bytes().to_vec(),
            Model::Enum(number, None) => number.to_string().into_bytes(),
            Model::Tuple(parts) => list(b"(", &shown(parts), comma, b")"),
            Model::Array(parts) => list(b"[", &shown(parts), b",", b"]"),
            Model::Record(fields) => {
                let equals = if compact { "=" } else { " = " };
                let fields: Vec<Vec<u8>> = fields
                    .iter()
                    .map(|(name, value)| {
                        [format!(".{name}{equals}").as_bytes(), &value.text(compact)].concat()
                    })
                    .collect();
                match compact {
                    true => list(b"{", &fields, b",", b"}"),
                    false => list(b"{ ", &fields, b", ", b" }"),
                }
            }
        }
    }

    fn json(&self) -> String {
        match self {
            Model::Int(number) | Model::Enum(number, _) => json_number(*number),
            Model::Bool(truth) => truth.to_string(),
            Model::Pointer(address) => json_number((*address).into()),
            Model::Text(..) => json_string(&self.text(false)),
            Model::Bytes(bytes) => {
                let signed: Vec<String> =
                    bytes.iter().map(|byte| (*byte as i8).to_string()).collect();
                format!("[{}]", signed.join(","))
            }
            Model::Tuple(parts) | Model::Array(parts) => {
                let parts: Vec<String> = parts.iter().map(Model::json).collect();
                format!("[{}]", parts.join(","))
            }
            Model::Record(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(name, value)| format!("\"{name}\": {}", value.json()))
                    .collect();
                format!("{{{}}}", fields.join(", "))
            }
        }
    }
}

fn json_number(number: i128) -> String {
    let double = number as f64;
    if double as i128 == number { number.to_string() } else { format!("\"{number}\"") }
}

fn json_string(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let valid = match std::str::from_utf8(rest) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&rest[..error.valid_up_to()]).unwrap(),
        };
        for character in valid.chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\0'..='\x1f' => out.push_str(&format!("\\u{:04x}", character as u32)),
                _ => out.push(character),
            }
        }
        rest = &rest[valid.len()..];
        if let Some((stray, after)) = rest.split_first() {
            out.push_str(&format!("\\u{stray:04x}"));
            rest = after;
        }
    }
    format!("\"{out}\"")
}

fn line(look: &Renderer<'_>, shape: &Shape, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    look.value(&mut out, &decode(shape, bytes));
    out
}

#[test]
fn values_are_as_an_independent_formatter_has_them() {
    let schema = Schema::get().unwrap();
    let mut dice = Dice(0x00c0_ffee);
    for round in 0..ROUNDS {
        let (model, shape, bytes) = value(&mut dice, 0);
        let shown = line(&TEXT, &shape, &bytes);
        assert_eq!(
            shown.escape_ascii().to_string(),
            [model.text(false), b"\n".to_vec()].concat().escape_ascii().to_string(),
            "round {round}: {shape:?} {bytes:x?}"
        );
        let shown = String::from_utf8(line(&JSON, &shape, &bytes)).unwrap();
        assert_eq!(
            shown,
            format!("{{\"type\": \"value\", \"data\": {}}}\n", model.json()),
            "round {round}"
        );
        assert_eq!(schema.check(&shown), Ok(()));
    }
}

#[test]
fn keys_are_as_an_independent_formatter_has_them() {
    let mut dice = Dice(0xbeef);
    for round in 0..ROUNDS / 4 {
        let (key, key_shape, key_bytes) = value(&mut dice, 1);
        let (element, shape, bytes) = value(&mut dice, 1);
        let mut filled = Filled::keyed("@m", key_shape, shape, &[]);
        let (key_size, value_size) = (key_bytes.len(), bytes.len());
        filled.contents = Contents::new(key_size, value_size);
        filled.contents.push(&key_bytes, &bytes);
        let bare = |compact| match (&key, key.text(compact)) {
            (Model::Tuple(_), text) => text[1..text.len() - 1].to_vec(),
            (_, text) => text,
        };
        let mut shown = Vec::new();
        TEXT.map(&mut shown, &filled.map, &filled.contents, END);
        let wanted = [b"@m[", &bare(false)[..], b"]: ", &element.text(false), b"\n"].concat();
        assert_eq!(
            shown.escape_ascii().to_string(),
            wanted.escape_ascii().to_string(),
            "round {round}"
        );
        let shown = filled.shown(JSON, END);
        let wanted = format!(
            "{{\"type\": \"map\", \"data\": {{\"@m\": {{{}: {}}}}}}}\n",
            json_string(&bare(true)),
            element.json()
        );
        assert_eq!(shown, wanted, "round {round}");
    }
}
