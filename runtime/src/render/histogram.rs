//! The buckets of a histogram: their bounds and how bounds are written.

use ebtrace_image::Aggregate;

use crate::decode::Histogram;

const SUFFIXES: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
const KIBI: i128 = 1 << 10;
const MEBI: i128 = 1 << 20;

/// A bucket and what it has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket {
    /// Least value; `None` for the bucket of everything below.
    pub(super) low: Option<i128>,
    /// First value above; `None` for the bucket of everything above.
    pub(super) high: Option<i128>,
    /// How many values.
    pub(super) count: u64,
}

/// The buckets from the first to the last that counted something.
pub(super) fn buckets(histogram: &Histogram<'_>) -> Vec<Bucket> {
    let counts = &histogram.counts;
    let Some(first) = counts.iter().position(|count| *count != 0) else { return Vec::new() };
    let last = counts.iter().rposition(|count| *count != 0).unwrap_or(first);
    (first..=last)
        .map(|index| {
            let (low, high) = bounds(histogram.scale, index, counts.len());
            Bucket { low, high, count: counts[index] / histogram.div.max(1) }
        })
        .collect()
}

fn bounds(scale: &Aggregate, index: usize, buckets: usize) -> (Option<i128>, Option<i128>) {
    match scale {
        Aggregate::Hist { bits } => match index {
            0 => (None, Some(0)),
            _ => (Some(log2_bound(*bits, index - 1)), Some(log2_bound(*bits, index))),
        },
        Aggregate::Lhist { min, step, .. } => {
            let bound = |index: usize| i128::from(*min) + index as i128 * i128::from(*step);
            match index {
                0 => (None, Some(bound(0))),
                _ if index + 1 == buckets => (Some(bound(index - 1)), None),
                _ => (Some(bound(index - 1)), Some(bound(index))),
            }
        }
        _ => (None, None),
    }
}

/// Lower bound of the bucket `index` places after the one of 0: a bucket each for values below `1 << bits`, then that
/// many in every power of two.
fn log2_bound(bits: u8, index: usize) -> i128 {
    let within = 1usize << bits;
    if index < within {
        return index as i128;
    }
    let power = (index - within) / within;
    ((within + (index - within) % within) as i128) << power
}

/// `[2, 4)`, `[5]`, `(..., 0)`, `[100, ...)`.
pub(super) fn label(scale: &Aggregate, bucket: &Bucket) -> String {
    let bound = |number: i128| match scale {
        Aggregate::Hist { bits } => log2_number(number, *bits),
        Aggregate::Lhist { step, .. } => linear_number(number, *step),
        _ => number.to_string(),
    };
    match (bucket.low, bucket.high) {
        (None, Some(high)) => format!("(..., {})", bound(high)),
        (Some(low), None) => format!("[{}, ...)", bound(low)),
        (Some(low), Some(high)) if high == low + 1 => format!("[{}]", bound(low)),
        (Some(low), Some(high)) => format!("[{}, {})", bound(low), bound(high)),
        (None, None) => "(..., ...)".to_owned(),
    }
}

/// The suffix grows only once all sub-buckets of a power of two are whole multiples of it.
fn log2_number(number: i128, bits: u8) -> String {
    let power = number.checked_ilog2().unwrap_or(0);
    let decade = power.saturating_sub(bits.into()) / 10;
    let suffix = SUFFIXES.get(decade as usize).unwrap_or(&"");
    format!("{}{suffix}", number >> (10 * decade))
}

fn linear_number(number: i128, step: i64) -> String {
    if i128::from(step) % KIBI != 0 || number == 0 {
        number.to_string()
    } else if number % MEBI == 0 {
        format!("{}M", number / MEBI)
    } else if number % KIBI == 0 {
        format!("{}K", number / KIBI)
    } else {
        number.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Label of the bucket that `value` falls into, by the same rule as the compiled programs.
    fn label_of(scale: &Aggregate, value: i128) -> String {
        let buckets = scale.words() as usize;
        (0..buckets)
            .map(|index| bounds(scale, index, buckets))
            .map(|(low, high)| Bucket { low, high, count: 0 })
            .find(|bucket| {
                bucket.low.is_none_or(|low| low <= value)
                    && bucket.high.is_none_or(|high| value < high)
            })
            .map(|bucket| label(scale, &bucket))
            .unwrap()
    }

    #[test]
    fn powers_of_two() {
        let scale = Aggregate::Hist { bits: 0 };
        let labels = [
            (-5, "(..., 0)"),
            (0, "[0]"),
            (1, "[1]"),
            (3, "[2, 4)"),
            (700, "[512, 1K)"),
            (1500, "[1K, 2K)"),
        ];
        for (value, expected) in labels {
            assert_eq!(label_of(&scale, value), expected);
        }
        assert_eq!(label_of(&scale, 2_097_152), "[2M, 4M)");
        assert_eq!(label_of(&scale, i64::MAX.into()), "[4E, 8E)");
    }

    #[test]
    fn finer_powers_of_two() {
        let labels = [
            (1, 800, "[768, 1024)"),
            (1, 1100, "[1024, 1536)"),
            (1, 1600, "[1536, 2K)"),
            (1, 2048, "[2K, 3K)"),
            (1, 800_000, "[768K, 1024K)"),
            (1, 1_100_000, "[1024K, 1536K)"),
            (2, 5, "[5]"),
            (2, 17, "[16, 20)"),
            (2, 1000, "[896, 1024)"),
            (2, 2_100_000, "[2048K, 2560K)"),
            (2, 4 << 20, "[4M, 5M)"),
            (5, 1024, "[1024, 1056)"),
            (5, 39 << 10, "[39K, 40K)"),
        ];
        for (bits, value, expected) in labels {
            assert_eq!(label_of(&Aggregate::Hist { bits }, value), expected);
        }
    }

    #[test]
    fn linear_steps() {
        let tens = Aggregate::Lhist { min: 0, max: 100, step: 10 };
        assert_eq!(label_of(&tens, -3), "(..., 0)");
        assert_eq!(label_of(&tens, 47), "[40, 50)");
        assert_eq!(label_of(&tens, 100), "[100, ...)");
        let kibi = Aggregate::Lhist { min: 0, max: 4096, step: 1024 };
        assert_eq!(label_of(&kibi, 0), "[0, 1K)");
        assert_eq!(label_of(&kibi, 5000), "[4K, ...)");
        assert_eq!(label_of(&Aggregate::Lhist { min: 0, max: 10, step: 1 }, 5), "[5]");
        assert_eq!(label_of(&Aggregate::Lhist { min: 0, max: 25, step: 10 }, 24), "[20, ...)");
    }

    #[test]
    fn division_hides_no_bucket() {
        let scale = Aggregate::Hist { bits: 0 };
        let mut counts = vec![0; scale.words() as usize];
        (counts[4], counts[6]) = (5, 1);
        let shown = buckets(&Histogram { scale: &scale, counts, div: 2 });
        assert_eq!(shown.iter().map(|bucket| bucket.count).collect::<Vec<_>>(), [2, 0, 0]);
    }
}
