//! Histograms.

use ebtrace_image::{Aggregate, Shape};

use crate::{END, Filled, INT64, JSON, TEXT, hist, int, lhist, text, tuple};

const HIST_TEXT: &str = "\
@h:
(..., 0)               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |
[0]                    1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |
[1]                    1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |
[2, 4)                 2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
[4, 8)                 0 |                                                    |
[8, 16)                0 |                                                    |
[16, 32)               0 |                                                    |
[32, 64)               0 |                                                    |
[64, 128)              0 |                                                    |
[128, 256)             0 |                                                    |
[256, 512)             0 |                                                    |
[512, 1K)              0 |                                                    |
[1K, 2K)               2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|

";

#[test]
fn histograms_of_powers_of_two() {
    let shape = Shape::Aggregate(Aggregate::Hist { bits: 0 });
    let map = Filled::scalar("@h", shape, true, &hist(0, &[0, -5, 1, 2, 3, 1500, 1500]));
    assert_eq!(map.shown(TEXT, END), HIST_TEXT);
    let json = map.shown(JSON, END);
    assert!(json.starts_with(
        "{\"type\": \"hist\", \"data\": {\"@h\": [{\"max\": -1, \"count\": 1},{\"min\": 0, \"max\": 0, \"count\": 1},\
         {\"min\": 1, \"max\": 1, \"count\": 1},{\"min\": 2, \"max\": 3, \"count\": 2},"
    ));
    assert!(json.ends_with("{\"min\": 1024, \"max\": 2047, \"count\": 2}]}}\n"));
}

#[test]
fn histograms_with_sub_buckets() {
    let shape = Shape::Aggregate(Aggregate::Hist { bits: 1 });
    Filled::scalar("@", shape, true, &hist(1, &[700_000, 1_500_000])).shows(
        END,
        "\
@:
[512K, 768K)           1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
[768K, 1024K)          0 |                                                    |
[1024K, 1536K)         1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|

",
        "{\"type\": \"hist\", \"data\": {\"@\": [{\"min\": 524288, \"max\": 786431, \"count\": 1},\
         {\"min\": 786432, \"max\": 1048575, \"count\": 0},{\"min\": 1048576, \"max\": 1572863, \"count\": 1}]}}\n",
    );
}

#[test]
fn linear_histograms() {
    let (shape, counts) = lhist(0, 4096, 1024, &[2048, 5000]);
    Filled::scalar("@l", shape, true, &counts).shows(
        END,
        "\
@l:
[2K, 3K)               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
[3K, 4K)               0 |                                                    |
[4K, ...)              1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|

",
        "{\"type\": \"hist\", \"data\": {\"@l\": [{\"min\": 2048, \"max\": 3071, \"count\": 1},\
         {\"min\": 3072, \"max\": 4095, \"count\": 0},{\"min\": 4096, \"count\": 1}]}}\n",
    );
    let (shape, counts) = lhist(0, 100, 10, &[-3, 7]);
    Filled::scalar("@l", shape, true, &counts).shows(
        END,
        "\
@l:
(..., 0)               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
[0, 10)                1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|

",
        "{\"type\": \"hist\", \"data\": {\"@l\": [{\"max\": -1, \"count\": 1},{\"min\": 0, \"max\": 9, \"count\": 1}]}}\n",
    );
}

#[test]
fn keyed_histograms_are_sorted_by_what_they_counted() {
    let shape = Shape::Aggregate(Aggregate::Hist { bits: 0 });
    let key = tuple(&[Shape::Str { size: 8 }, INT64]);
    let elements = [
        ([text("write", 8), int(4)].concat(), hist(0, &[100, 120])),
        ([text("read", 8), int(3)].concat(), hist(0, &[10])),
    ];
    Filled::keyed("@h", key, shape, &elements).shows(
        END,
        "\
@h[read, 3]:
[8, 16)                1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|

@h[write, 4]:
[64, 128)              2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|

",
        "{\"type\": \"hist\", \"data\": {\"@h\": {\"read,3\": [{\"min\": 8, \"max\": 15, \"count\": 1}], \
         \"write,4\": [{\"min\": 64, \"max\": 127, \"count\": 2}]}}}\n",
    );
}
