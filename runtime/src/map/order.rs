//! In which order the elements of a map are printed.

use std::cmp::Ordering;

use ebtrace_image::{Aggregate, Shape};

use crate::decode::{Value, decode, decode_slot};
use crate::map::Contents;

/// By what the elements of a map are sorted.
enum By<'a> {
    /// The value: maps of integers and aggregations.
    Value,
    /// The key: maps of everything else.
    Key(&'a Shape),
}

/// Indices of the elements of `contents`, least first; equal ones by key.
pub fn order(map: &ebtrace_image::Map, contents: &Contents) -> Vec<usize> {
    let Some(key) = &map.key else { return (0..contents.len()).collect() };
    let by = match &map.value.shape {
        Shape::Int { .. } | Shape::Aggregate(_) => By::Value,
        _ => By::Key(&key.shape),
    };
    let mut order: Vec<usize> = (0..contents.len()).collect();
    match by {
        By::Value => {
            let ranks: Vec<i128> =
                contents.iter().map(|(_, value)| rank(&decode_slot(&map.value, value))).collect();
            order.sort_by(|left, right| {
                ranks[*left].cmp(&ranks[*right]).then_with(|| {
                    compare_keys(&key.shape, contents.key(*left), contents.key(*right))
                })
            });
        }
        By::Key(shape) => {
            order.sort_by(|left, right| {
                compare_keys(shape, contents.key(*left), contents.key(*right))
            });
        }
    }
    order
}

/// The number a value is sorted by; for a histogram how much it has counted.
fn rank(value: &Value<'_>) -> i128 {
    match value {
        Value::Signed(number) => (*number).into(),
        Value::Unsigned(number) => (*number).into(),
        Value::Histogram(histogram) => {
            histogram.counts.iter().map(|count| i128::from(*count)).sum()
        }
        _ => 0,
    }
}

/// Integers by number, as if they had a sign, text by its bytes, tuples by their first field that differs; everything
/// else counts as equal.
fn compare_keys(shape: &Shape, left: &[u8], right: &[u8]) -> Ordering {
    match shape {
        Shape::Int { .. } | Shape::Str { .. } => {
            compare_values(&decode(shape, left), &decode(shape, right))
        }
        Shape::Tuple(record) => record
            .fields
            .iter()
            .map(|slot| {
                let at = slot.offset as usize;
                let (left, right) =
                    (left.get(at..).unwrap_or_default(), right.get(at..).unwrap_or_default());
                compare_keys(&slot.shape, left, right)
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal),
        _ => Ordering::Equal,
    }
}

fn compare_values(left: &Value<'_>, right: &Value<'_>) -> Ordering {
    match (left, right) {
        (Value::Signed(left), Value::Signed(right)) => left.cmp(right),
        (Value::Unsigned(left), Value::Unsigned(right)) => (*left as i64).cmp(&(*right as i64)),
        (Value::Str { text: left, .. }, Value::Str { text: right, .. }) => left.cmp(right),
        _ => Ordering::Equal,
    }
}

/// Divides what `print(@x, top, div)` divides: integers, and the buckets of `hist`, never those of `lhist`.
pub fn divide<'a>(value: Value<'a>, div: u64) -> Value<'a> {
    if div <= 1 {
        return value;
    }
    match value {
        Value::Signed(number) => Value::Signed((i128::from(number) / i128::from(div)) as i64),
        Value::Unsigned(number) => Value::Unsigned(number / div),
        Value::Histogram(mut histogram) if matches!(histogram.scale, Aggregate::Hist { .. }) => {
            histogram.counts.iter_mut().for_each(|count| *count /= div);
            Value::Histogram(histogram)
        }
        other => other,
    }
}
