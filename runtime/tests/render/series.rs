//! Numbers by time. The time of day depends on where the test runs, so only its form is held.

use ebtrace_image::{Aggregate, Fold, Shape};

use crate::{ASKED, END, Filled, INT64, JSON, TEXT, int, words};

const MILLI: u64 = 1_000_000;

fn series(interval: u64, count: u32, fold: Fold) -> Shape {
    Shape::Aggregate(Aggregate::Series { interval, count, fold, signed: true })
}

/// Values, how many there were, and epochs.
fn intervals(all: &[(i64, i64, i64)]) -> Vec<u8> {
    words(&all.iter().flat_map(|&(value, many, epoch)| [value, many, epoch]).collect::<Vec<_>>())
}

/// The lines with `#` in place of each digit of a time.
fn graph(filled: &Filled) -> Vec<String> {
    let shown = filled.shown(TEXT, END);
    let masked = shown.lines().map(|line| match line.split_once(" |").or(line.split_once(" *")) {
        Some((time, _)) if time.starts_with(|c: char| c.is_ascii_digit()) => {
            let masked = time.replace(|c: char| c.is_ascii_digit(), "#");
            format!("{masked}{}", &line[time.len()..])
        }
        _ => line.to_owned(),
    });
    masked.collect()
}

#[test]
fn rows_are_intervals_and_missing_ones_have_no_star() {
    let series = series(100 * MILLI, 4, Fold::Last);
    let values = intervals(&[(8, 5, 100), (-2, 5, 97), (0, 0, 0), (3, 1, 99)]);
    let filled = Filled::scalar("@a", series, true, &values);
    let line = "_".repeat(51);
    assert_eq!(
        graph(&filled),
        [
            "@a:",
            "             -2                                                  8",
            &format!("hh:mm:ss.ms  |{line}|"),
            "##:##:##.### *         .                                         | -2",
            "##:##:##.### |         .                                         | -",
            "##:##:##.### |         .               *                         | 3",
            "##:##:##.### |         .                                         * 8",
            &format!("             v{line}v"),
            "             -2                                                  8",
            "",
        ]
    );
    assert_eq!(
        filled.shown(JSON, END),
        "{\"type\": \"tseries\", \"data\": {\"@a\": [\
         {\"interval_start\":\"1970-01-01 00:00:09.700000000\",\"value\":-2},\
         {\"interval_start\":\"1970-01-01 00:00:09.900000000\",\"value\":3},\
         {\"interval_start\":\"1970-01-01 00:00:10.000000000\",\"value\":8}]}}\n"
    );
}

#[test]
fn the_unit_is_that_of_the_interval() {
    for (interval, head, time) in [
        (1_000 * MILLI, "hh:mm:ss.ns        |", "##:##:##.######### |"),
        (250 * MILLI, "hh:mm:ss.ms  |", "##:##:##.### |"),
        (20_000, "hh:mm:ss.\u{3bc}s     |", "##:##:##.###### |"),
        (1_500, "hh:mm:ss.ns        |", "##:##:##.######### |"),
    ] {
        let values = intervals(&[(5, 1, 7)]);
        let lines = graph(&Filled::scalar("@", series(interval, 1, Fold::Sum), true, &values));
        assert!(lines[2].starts_with(head), "{lines:?}");
        assert!(lines[3].starts_with(time), "{lines:?}");
    }
}

#[test]
fn an_average_is_rounded_toward_zero() {
    let values = intervals(&[(-7, 2, 5)]);
    let lines = graph(&Filled::scalar("@", series(1_000 * MILLI, 1, Fold::Avg), true, &values));
    assert!(lines[3].ends_with("| -3"), "{lines:?}");
}

#[test]
fn keys_share_the_last_interval() {
    let kept = series(1_000 * MILLI, 2, Fold::Sum);
    let elements = [
        (int(1), intervals(&[(4, 1, 10), (5, 1, 11)])),
        (int(2), intervals(&[(6, 1, 12), (0, 0, 0)])),
        (int(3), intervals(&[(7, 1, 10), (0, 0, 0)])),
    ];
    let filled = Filled::keyed("@k", INT64, kept, &elements);
    let lines = graph(&filled);
    let rows: Vec<&str> = lines
        .iter()
        .filter(|line| line.starts_with(['@', '#', '<']))
        .map(|line| line.trim_start_matches(['#', ':', '.']))
        .collect();
    let middle = format!(" |{0}*{0}| ", " ".repeat(25));
    let missing = format!(" |{}| -", " ".repeat(51));
    assert_eq!(
        rows,
        [
            "@k[1]:",
            &format!("{middle}5"),
            &missing,
            "@k[2]:",
            &format!("{middle}6"),
            "@k[3]:",
            "<no data>"
        ]
    );
    assert_eq!(
        filled.shown(JSON, END),
        "{\"type\": \"tseries\", \"data\": {\"@k\": {\
         \"1\": [{\"interval_start\":\"1970-01-01 00:00:11.000000000\",\"value\":5}], \
         \"2\": [{\"interval_start\":\"1970-01-01 00:00:12.000000000\",\"value\":6}], \
         \"3\": []}}}\n"
    );
}

#[test]
fn nothing_was_kept() {
    let kept = series(1_000 * MILLI, 2, Fold::Sum);
    let unset = Filled::scalar("@", kept.clone(), false, &[]);
    unset.shows(ASKED, "", "");
    let zeroed = Filled::scalar("@", kept, true, &[]);
    zeroed.shows(END, "@:\n<no data>\n\n", "{\"type\": \"tseries\", \"data\": {\"@\": []}}\n");
}

#[test]
fn the_widest_range_has_columns() {
    let values = intervals(&[(i64::MIN, 1, 1), (i64::MAX, 1, 2)]);
    let lines = graph(&Filled::scalar("@", series(1_000 * MILLI, 2, Fold::Max), true, &values));
    assert!(lines[3].contains(" *") && lines[3].ends_with("| -9223372036854775808"), "{lines:?}");
    assert!(lines[4].contains(" |") && lines[4].ends_with("* 9223372036854775807"), "{lines:?}");
    let end = Filled::scalar("@", series(u64::MAX, 1, Fold::Last), true, &intervals(&[(1, 1, -1)]));
    assert_eq!(graph(&end)[0], "@:");
}
