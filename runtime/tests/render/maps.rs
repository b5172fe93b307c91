//! Maps of integers, strings, tuples and simple aggregations.

use ebtrace_image::{Aggregate, Shape};
use ebtrace_runtime::render::View;

use crate::{ASKED, END, Filled, INT64, TEXT, UINT64, hist, int, lhist, text, tuple, words};

#[test]
fn scalars() {
    let aggregate = Shape::Aggregate;
    Filled::scalar("@", aggregate(Aggregate::Count), true, &int(1)).shows(
        END,
        "@: 1\n",
        "{\"type\": \"map\", \"data\": {\"@\": 1}}\n",
    );
    Filled::scalar("@a", aggregate(Aggregate::Avg { signed: true }), true, &words(&[13, 2])).shows(
        END,
        "@a: 6\n",
        "{\"type\": \"stats\", \"data\": {\"@a\": 6}}\n",
    );
    Filled::scalar("@lo", aggregate(Aggregate::Min { signed: true }), true, &words(&[-3, 1]))
        .shows(END, "@lo: -3\n", "{\"type\": \"map\", \"data\": {\"@lo\": -3}}\n");
    Filled::scalar("@i", INT64, true, &int(-9223372036854775807)).shows(
        END,
        "@i: -9223372036854775807\n",
        "{\"type\": \"map\", \"data\": {\"@i\": \"-9223372036854775807\"}}\n",
    );
    Filled::scalar("@z", Shape::Bool, true, &[1]).shows(
        END,
        "@z: true\n",
        "{\"type\": \"map\", \"data\": {\"@z\": true}}\n",
    );
}

#[test]
fn a_scalar_that_was_never_assigned_is_not_dumped_but_can_be_asked_for() {
    let unset = Filled::scalar("@x", UINT64, false, &int(0));
    unset.shows(END, "", "");
    unset.shows(ASKED, "@x: 0\n", "{\"type\": \"map\", \"data\": {\"@x\": 0}}\n");
    let unset = Filled::scalar("@s", Shape::Str { size: 16 }, false, &[]);
    unset.shows(ASKED, "@s: \n", "{\"type\": \"map\", \"data\": {\"@s\": \"\"}}\n");
    let unset = Filled::scalar("@h", Shape::Aggregate(Aggregate::Hist { bits: 0 }), false, &[]);
    unset.shows(END, "", "");
    unset.shows(ASKED, "", "");
}

#[test]
fn a_zeroed_histogram_has_a_header() {
    Filled::scalar("@h", Shape::Aggregate(Aggregate::Hist { bits: 0 }), true, &[]).shows(
        END,
        "@h:\n\n",
        "{\"type\": \"hist\", \"data\": {\"@h\": []}}\n",
    );
    let key = Shape::Str { size: 4 };
    let keyed = Filled::keyed(
        "@hk",
        key,
        Shape::Aggregate(Aggregate::Hist { bits: 0 }),
        &[(text("q", 4), vec![])],
    );
    keyed.shows(END, "@hk[q]:\n\n", "{\"type\": \"hist\", \"data\": {\"@hk\": {\"q\": []}}}\n");
}

#[test]
fn a_map_without_keys_shows_nothing() {
    let empty = Filled::keyed("@", UINT64, UINT64, &[]);
    empty.shows(END, "", "");
    empty.shows(ASKED, "", "");
}

#[test]
fn integers_are_sorted_by_value() {
    let key = tuple(&[Shape::Str { size: 2 }, INT64]);
    let element = |name, number, value| ([text(name, 2), int(number)].concat(), int(value));
    let elements = [element("a", 1, 10), element("b", 2, 3), element("c", -1, 7)];
    Filled::keyed("@", key, INT64, &elements).shows(
        END,
        "@[b, 2]: 3\n@[c, -1]: 7\n@[a, 1]: 10\n",
        "{\"type\": \"map\", \"data\": {\"@\": {\"b,2\": 3, \"c,-1\": 7, \"a,1\": 10}}}\n",
    );
}

#[test]
fn narrow_integers_are_sorted_by_their_real_value() {
    let shape = Shape::Int { size: 1, signed: true };
    let elements = [(int(1), vec![5]), (int(2), vec![0xff]), (int(3), vec![4])];
    let map = Filled::keyed("@", INT64, shape, &elements);
    assert_eq!(map.shown(TEXT, END), "@[2]: -1\n@[3]: 4\n@[1]: 5\n");
}

#[test]
fn the_largest_are_printed_and_divided() {
    let map =
        Filled::keyed("@", INT64, INT64, &[(int(1), int(10)), (int(2), int(20)), (int(3), int(5))]);
    assert_eq!(map.shown(TEXT, View { top: 2, ..ASKED }), "@[1]: 10\n@[2]: 20\n");
    assert_eq!(map.shown(TEXT, View { top: 2, div: 5, ..ASKED }), "@[1]: 2\n@[2]: 4\n");
    assert_eq!(map.shown(TEXT, View { top: 9, ..ASKED }), "@[3]: 5\n@[1]: 10\n@[2]: 20\n");
    let histograms = Filled::keyed(
        "@h",
        INT64,
        Shape::Aggregate(Aggregate::Hist { bits: 0 }),
        &[(int(1), hist(0, &[5])), (int(2), hist(0, &[6, 7]))],
    );
    assert_eq!(
        histograms.shown(TEXT, View { top: 1, div: 2, ..ASKED }),
        "@h[2]:\n[4, 8)                 1 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n\n"
    );
    let (scale, counts) = lhist(0, 100, 10, &[15, 15]);
    let linear = Filled::keyed("@l", INT64, scale, &[(int(1), counts)]);
    assert!(linear.shown(TEXT, View { div: 2, ..ASKED }).contains("[10, 20)               2 |"));
}

#[test]
fn signs_count_in_minima_and_sums() {
    let min = Shape::Aggregate(Aggregate::Min { signed: true });
    let elements = [(int(1), words(&[3, 1])), (int(2), words(&[-1, 1])), (int(3), words(&[0, 1]))];
    assert_eq!(
        Filled::keyed("@", INT64, min, &elements).shown(TEXT, END),
        "@[2]: -1\n@[3]: 0\n@[1]: 3\n"
    );
    let sum = Shape::Aggregate(Aggregate::Sum { signed: true });
    let elements = [(text("g", 2), int(3)), (text("f", 2), int(-5)), (text("h", 2), int(3))];
    Filled::keyed("@f", Shape::Str { size: 2 }, sum, &elements).shows(
        END,
        "@f[f]: -5\n@f[g]: 3\n@f[h]: 3\n",
        "{\"type\": \"map\", \"data\": {\"@f\": {\"f\": -5, \"g\": 3, \"h\": 3}}}\n",
    );
    let avg = Shape::Aggregate(Aggregate::Avg { signed: true });
    let elements = [(text("x", 2), words(&[-5, 2])), (text("y", 2), words(&[100, 1]))];
    Filled::keyed("@a", Shape::Str { size: 2 }, avg, &elements).shows(
        END,
        "@a[x]: -2\n@a[y]: 100\n",
        "{\"type\": \"stats\", \"data\": {\"@a\": {\"x\": -2, \"y\": 100}}}\n",
    );
}

#[test]
fn everything_else_is_sorted_by_key() {
    let pair = tuple(&[INT64, INT64]);
    let element = |a, b, c, d| (words(&[a, b]), words(&[c, d]));
    Filled::keyed("@q", pair.clone(), pair, &[element(1, 2, 1, 2), element(0, 9, 3, 4)]).shows(
        END,
        "@q[0, 9]: (3, 4)\n@q[1, 2]: (1, 2)\n",
        "{\"type\": \"map\", \"data\": {\"@q\": {\"0,9\": [3,4], \"1,2\": [1,2]}}}\n",
    );
    let strings = Filled::keyed(
        "@",
        UINT64,
        Shape::Str { size: 2 },
        &[(int(1), text("a", 2)), (int(-1), text("b", 2)), (int(0), text("c", 2))],
    );
    assert_eq!(strings.shown(TEXT, END), "@[18446744073709551615]: b\n@[0]: c\n@[1]: a\n");
}

#[test]
fn nested_keys_keep_their_inner_parentheses() {
    let key = tuple(&[INT64, tuple(&[INT64, INT64])]);
    Filled::keyed("@", key, Shape::Str { size: 2 }, &[(words(&[1, 2, 3]), text("v", 2))]).shows(
        END,
        "@[1, (2, 3)]: v\n",
        "{\"type\": \"map\", \"data\": {\"@\": {\"1,(2,3)\": \"v\"}}}\n",
    );
}

#[test]
fn strings_in_keys_and_values() {
    let map = Filled::keyed(
        "@str",
        Shape::Str { size: 8 },
        Shape::Str { size: 32 },
        &[(text("a\nb", 8), text("tab\there \"q\" \\", 32))],
    );
    map.shows(
        END,
        "@str[a\nb]: tab\there \"q\" \\\n",
        "{\"type\": \"map\", \"data\": {\"@str\": {\"a\\nb\": \"tab\\there \\\"q\\\" \\\\\"}}}\n",
    );
    let map = Filled::keyed(
        "@k",
        tuple(&[Shape::Str { size: 4 }, Shape::Str { size: 5 }]),
        INT64,
        &[([text("a b", 4), text("c, d", 5)].concat(), int(1))],
    );
    map.shows(
        END,
        "@k[a b, c, d]: 1\n",
        "{\"type\": \"map\", \"data\": {\"@k\": {\"a b,c, d\": 1}}}\n",
    );
    let full = Filled::scalar("@x", Shape::Str { size: 3 }, true, b"abc");
    full.shows(END, "@x: abc..\n", "{\"type\": \"map\", \"data\": {\"@x\": \"abc..\"}}\n");
}

#[test]
fn pointers_are_hexadecimal_in_text() {
    Filled::keyed("@p", Shape::Pointer, Shape::Pointer, &[(int(16), int(255))]).shows(
        END,
        "@p[0x10]: 0xff\n",
        "{\"type\": \"map\", \"data\": {\"@p\": {\"0x10\": 255}}}\n",
    );
    Filled::keyed("@b", Shape::Bool, Shape::Bool, &[(vec![1], vec![0])]).shows(
        END,
        "@b[true]: false\n",
        "{\"type\": \"map\", \"data\": {\"@b\": {\"true\": false}}}\n",
    );
}
