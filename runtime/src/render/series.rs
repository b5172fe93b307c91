//! Numbers by time: a graph whose rows are intervals, the latest last.

use ebtrace_image::Aggregate;

use super::text::put;
use crate::clock::{self, Zone};
use crate::decode::{Point, Series};

/// Columns of a row, its two edges among them.
const COLUMNS: usize = 53;
const SECOND: u64 = 1_000_000_000;

/// Within how wide a range the numbers of a graph are.
#[derive(Clone, Copy)]
struct Range {
    least: i128,
    most: i128,
}

impl Range {
    /// A single number stands in the middle.
    fn of(points: &[Point]) -> Option<Self> {
        let least = points.iter().map(|point| point.value).min()?;
        let most = points.iter().map(|point| point.value).max()?;
        Some(if least == most {
            Self { least: least - 1, most: most + 1 }
        } else {
            Self { least, most }
        })
    }

    fn column(self, value: i128) -> usize {
        let widest = COLUMNS as i128 - 1;
        (widest * (value - self.least) / (self.most - self.least)) as usize
    }
}

/// When an interval began, in UTC.
pub(super) fn start(series: &Series<'_>, point: &Point) -> String {
    let nanoseconds = point.epoch.saturating_mul(interval(series));
    let time = clock::formatted("%Y-%m-%d %H:%M:%S", nanoseconds / SECOND, Zone::Utc);
    format!("{}.{:09}", String::from_utf8_lossy(&time), nanoseconds % SECOND)
}

fn interval(series: &Series<'_>) -> u64 {
    match series.scale {
        Aggregate::Series { interval, .. } => *interval,
        _ => 0,
    }
}

/// Digits of the fraction of a second, and what they are called.
fn resolution(interval: u64) -> (usize, &'static str) {
    match interval {
        whole if whole.is_multiple_of(SECOND) => (9, "ns"),
        millis if millis.is_multiple_of(1_000_000) => (3, "ms"),
        micros if micros.is_multiple_of(1_000) => (6, "\u{3bc}s"),
        _ => (9, "ns"),
    }
}

pub(super) fn graph(out: &mut Vec<u8>, series: &Series<'_>) {
    let (Some(range), Some(first)) = (Range::of(&series.points), series.points.first()) else {
        return out.extend_from_slice(b"<no data>\n");
    };
    let interval = interval(series);
    let (digits, unit) = resolution(interval);
    let width = "hh:mm:ss.".len() + digits;
    let ends = format!("{:width$} {:<21}{:>32}\n", "", range.least, range.most);
    let line = "_".repeat(COLUMNS - 2);
    let head = format!("hh:mm:ss.{unit}");
    put(out, format_args!("{ends}{head:width$} |{line}|\n"));
    let mut points = series.points.iter().peekable();
    for epoch in first.epoch..=series.last {
        let point = points.next_if(|point| point.epoch == epoch);
        let time = time_of_day(epoch.saturating_mul(interval), digits);
        let value = point.map_or("-".to_owned(), |point| point.value.to_string());
        put(out, format_args!("{time} {} {value}\n", row(range, point)));
    }
    put(out, format_args!("{:width$} v{line}v\n{ends}", ""));
}

/// A star where the number is; dots are where zero is, if there are numbers on both sides of it.
fn row(range: Range, point: Option<&Point>) -> String {
    let mut row = [' '; COLUMNS];
    (row[0], row[COLUMNS - 1]) = ('|', '|');
    if range.least < 0 && range.most > 0 {
        row[range.column(0)] = '.';
    }
    if let Some(point) = point {
        row[range.column(point.value)] = '*';
    }
    row.into_iter().collect()
}

/// Local time, with so many digits of the second's fraction.
fn time_of_day(nanoseconds: u64, digits: usize) -> String {
    let time = clock::formatted("%H:%M:%S", nanoseconds / SECOND, Zone::Local);
    let fraction = format!("{:09}", nanoseconds % SECOND);
    format!("{}.{}", String::from_utf8_lossy(&time), &fraction[..digits])
}
