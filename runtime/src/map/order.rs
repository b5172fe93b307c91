//! In which order the elements of a map are printed.

use ebtrace_image::{Aggregate, Map, STATS, Shape};

use crate::decode::{Value, decode, decode_slot};
use crate::map::Contents;

const AVERAGE: &str = STATS[1];

/// Indices of the elements of `contents`, least first: by value in maps of integers and aggregations, else by key;
/// equal values by key.
pub fn order(map: &Map, contents: &Contents) -> Vec<usize> {
    let mut order: Vec<usize> = (0..contents.len()).collect();
    let Some(key) = &map.key else { return order };
    let by_value = matches!(map.value.shape, Shape::Int { .. } | Shape::Aggregate(_));
    let ranks: Vec<i128> = contents
        .iter()
        .map(|(_, value)| if by_value { rank(&decode_slot(&map.value, value)) } else { 0 })
        .collect();
    let keys = SortKeys::new(&key.shape, contents);
    order.sort_by(|left, right| {
        ranks[*left].cmp(&ranks[*right]).then_with(|| keys.get(*left).cmp(keys.get(*right)))
    });
    order
}

/// The number a value is sorted by; for a histogram how much it has counted.
fn rank(value: &Value<'_>) -> i128 {
    match value {
        Value::Signed(number) => (*number).into(),
        Value::Unsigned(number) => (*number).into(),
        Value::Record(fields) => average(fields).map_or(0, rank),
        Value::Histogram(histogram) => {
            histogram.counts.iter().map(|count| i128::from(*count)).sum()
        }
        _ => 0,
    }
}

/// What `stats` are sorted by.
fn average<'a, 'b>(fields: &'b [(&str, Value<'a>)]) -> Option<&'b Value<'a>> {
    fields.iter().find(|(name, _)| *name == AVERAGE).map(|(_, value)| value)
}

/// Keys in a form that sorts byte by byte, so that no key is decoded twice.
struct SortKeys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl SortKeys {
    fn new(shape: &Shape, contents: &Contents) -> Self {
        let mut keys = Self { bytes: Vec::new(), ends: Vec::with_capacity(contents.len()) };
        for (key, _) in contents.iter() {
            keys.append(shape, key);
            keys.ends.push(keys.bytes.len());
        }
        keys
    }

    fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }

    /// Integers sort by number, as if they had a sign, text by its bytes, tuples by their first field that differs;
    /// everything else counts as equal.
    fn append(&mut self, shape: &Shape, key: &[u8]) {
        match shape {
            Shape::Tuple(record) | Shape::Record(record, _) => {
                record.fields.iter().for_each(|slot| {
                    self.append(&slot.shape, key.get(slot.offset as usize..).unwrap_or_default());
                })
            }
            Shape::Array { of, stride, len } => {
                for index in 0..*len as usize {
                    self.append(of, key.get(index * *stride as usize..).unwrap_or_default());
                }
            }
            Shape::Int { .. } | Shape::Str { .. } | Shape::Enum { .. } | Shape::Bool => {
                match decode(shape, key) {
                    Value::Signed(number) => self.append_number(number),
                    Value::Unsigned(number) => self.append_number(number as i64),
                    Value::Enum { number, .. } => self.append_number(number as i64),
                    Value::Bool(truth) => self.append_number(truth.into()),
                    Value::Str { text, .. } => {
                        self.bytes.extend_from_slice(text);
                        // A text is before those that it is the start of.
                        self.bytes.push(0);
                    }
                    _ => (),
                }
            }
            _ => (),
        }
    }

    fn append_number(&mut self, number: i64) {
        self.bytes.extend_from_slice(&(number as u64 ^ 1 << 63).to_be_bytes());
    }
}

/// Divides what `print(@x, top, div)` divides: integers, the average of `stats`, and the buckets of `hist`, never those
/// of `lhist`.
pub fn divide<'a>(shape: &Shape, value: Value<'a>, div: u64) -> Value<'a> {
    if div <= 1 {
        return value;
    }
    match value {
        Value::Signed(number) => Value::Signed((i128::from(number) / i128::from(div)) as i64),
        Value::Unsigned(number) => Value::Unsigned(number / div),
        Value::Histogram(mut histogram) if matches!(histogram.scale, Aggregate::Hist { .. }) => {
            histogram.div = div;
            Value::Histogram(histogram)
        }
        Value::Record(mut fields) if matches!(shape, Shape::Aggregate(_)) => {
            for (_, value) in fields.iter_mut().filter(|(name, _)| *name == AVERAGE) {
                *value = divide(shape, std::mem::replace(value, Value::Unsigned(0)), div);
            }
            Value::Record(fields)
        }
        other => other,
    }
}
