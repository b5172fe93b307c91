//! Maps and values of hand-written images, rendered without a kernel, byte for byte.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod histograms;
mod maps;
mod random;
#[path = "../../../tests/live/schema.rs"]
mod schema;
mod series;
mod values;
mod words;

use ebtrace_image::{Aggregate, Map, Record, Shape, Slot, Storage};
use ebtrace_runtime::map::Contents;
use ebtrace_runtime::names::NoNames;
use ebtrace_runtime::render::{Format, Renderer, View};
use ebtrace_runtime::symbol::NoSymbols;

const TEXT: Renderer<'_> = Renderer {
    format: Format::Text,
    trailer: "..",
    max_strlen: 1024,
    escape: false,
    symbols: &NoSymbols,
    names: &NoNames,
};
const JSON: Renderer<'_> = Renderer { format: Format::Json, ..TEXT };
/// At the end of a session.
const END: View = View { top: 0, div: 0, asked: false };
/// By `print`.
const ASKED: View = View { asked: true, ..END };

const INT64: Shape = Shape::Int { size: 8, signed: true };
const UINT64: Shape = Shape::Int { size: 8, signed: false };

/// A map with its elements, as a session would have read it.
struct Filled {
    map: Map,
    contents: Contents,
}

impl Filled {
    /// A scalar map; `assigned` is the flag in front of the value.
    fn scalar(name: &str, shape: Shape, assigned: bool, value: &[u8]) -> Self {
        let slot = Slot { offset: 8, shape };
        let mut filled = Self::empty(name, None, slot);
        filled.contents.push(&[], &[&u64::from(assigned).to_ne_bytes(), value].concat());
        filled
    }

    fn keyed(name: &str, key: Shape, value: Shape, elements: &[(Vec<u8>, Vec<u8>)]) -> Self {
        let key = Slot { offset: 0, shape: key };
        let mut filled = Self::empty(name, Some(key), Slot { offset: 0, shape: value });
        elements.iter().for_each(|(key, value)| filled.contents.push(key, value));
        filled
    }

    fn empty(name: &str, key: Option<Slot>, value: Slot) -> Self {
        let (key_size, value_size) =
            (key.as_ref().map_or(0, |key| key.shape.size()), value.offset + value.shape.size());
        Self {
            map: Map {
                name: name.to_owned(),
                symbol: name.replace('@', "AT_"),
                storage: if key.is_some() { Storage::Hash } else { Storage::Array },
                key,
                value,
                value_size,
                side_by_side: false,
                max_entries: 4096,
                declared: false,
                names: None,
            },
            contents: Contents::new(key_size as usize, value_size as usize),
        }
    }

    #[track_caller]
    fn shows(&self, view: View, text: &str, json: &str) {
        assert_eq!(self.shown(TEXT, view), text);
        assert_eq!(self.shown(JSON, view), json);
        assert_eq!(schema::Schema::get().unwrap().check(json), Ok(()));
    }

    fn shown(&self, look: Renderer<'_>, view: View) -> String {
        let mut out = Vec::new();
        look.map(&mut out, &self.map, &self.contents, view);
        String::from_utf8(out).unwrap()
    }
}

fn int(value: i64) -> Vec<u8> {
    value.to_ne_bytes().to_vec()
}

fn words(words: &[i64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn text(text: &str, size: usize) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(size, 0);
    bytes
}

/// Values side by side, without padding.
fn tuple(shapes: &[Shape]) -> Shape {
    let mut size = 0;
    let fields = shapes
        .iter()
        .map(|shape| {
            let offset = size;
            size += shape.size();
            Slot { offset, shape: shape.clone() }
        })
        .collect();
    Shape::Tuple(Record { size, fields })
}

/// The words of `hist` after these values, by the rule of the image.
fn hist(bits: u8, values: &[i64]) -> Vec<u8> {
    let mut counts = vec![0; Aggregate::Hist { bits }.words() as usize];
    for value in values {
        let index = match *value {
            ..0 => 0,
            value if value < 1 << bits => 1 + value as usize,
            value => {
                let power = value.ilog2() - u32::from(bits);
                let within = (value >> power) as usize & ((1 << bits) - 1);
                1 + (1 << bits) + ((power as usize) << bits) + within
            }
        };
        counts[index] += 1;
    }
    words(&counts)
}

fn lhist(min: i64, max: i64, step: i64, values: &[i64]) -> (Shape, Vec<u8>) {
    let scale = Aggregate::Lhist { min, max, step };
    let mut counts = vec![0; scale.words() as usize];
    let last = counts.len() - 1;
    for value in values {
        let index = if *value < min { 0 } else { (1 + ((value - min) / step) as usize).min(last) };
        counts[index] += 1;
    }
    (Shape::Aggregate(scale), words(&counts))
}

#[test]
fn the_schema_knows_what_is_wrong() {
    let schema = schema::Schema::get().unwrap();
    let right = [
        r#"{"type": "printf", "data": "x"}"#,
        r#"{"type": "map", "data": {"@": {"a": 1}}}"#,
        r#"{"type": "stats", "data": {"@a": {"x": {"count": 1, "average": 4, "total": "9223372036854775807"}}}}"#,
    ];
    right.iter().for_each(|line| assert_eq!(schema.check(line), Ok(()), "{line}"));
    let wrong = [
        r#"{"type": "printf", "data": 5}"#,
        r#"{"type": "map", "data": {"@a": 1, "@b": 2}}"#,
        r#"{"type": "map", "data": {"a": 1}}"#,
        r#"{"type": "stats", "data": {"@a": {"x": {"count": 1}}}}"#,
        r#"{"type": "hist", "data": {"@": [{"count": 1}]}}"#,
        r#"{"type": "other", "data": 1}"#,
        r#"{"type": "printf"}"#,
        "printf",
    ];
    wrong.iter().for_each(|line| assert!(schema.check(line).is_err(), "{line}"));
}
