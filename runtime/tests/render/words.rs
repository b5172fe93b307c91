//! Values that are put into words: users, addresses, times, control groups.

use std::rc::Rc;

use ebtrace_image::{Clock, Shape};
use ebtrace_runtime::decode::decode;
use ebtrace_runtime::names::Names;
use ebtrace_runtime::render::Renderer;

use crate::{END, Filled, JSON, TEXT, tuple, words};

/// One user, whose name is not to be trusted, and one control group.
struct OneOfEach;

impl Names for OneOfEach {
    fn user(&self, id: u32) -> Rc<str> {
        Rc::from(if id == 7 { "e\x1bve" } else { "" })
    }

    fn cgroup(&self, filter: &str, id: u64) -> Rc<str> {
        Rc::from(format!("{filter}:/{id}"))
    }

    fn since_1970(&self, clock: Clock, ns: u64) -> i128 {
        if clock == Clock::Tai { -1 } else { ns.into() }
    }
}

fn shown(look: Renderer<'_>, shape: Shape, bytes: &[u8]) -> String {
    let mut out = Vec::new();
    Renderer { names: &OneOfEach, ..look }.value(&mut out, &decode(&shape, bytes));
    String::from_utf8(out).unwrap()
}

fn inet(family: i64, address: &[u8]) -> Vec<u8> {
    let mut bytes = words(&[family]);
    bytes.extend_from_slice(address);
    bytes.resize(24, 0);
    bytes
}

fn time(format: u32, clock: Clock, ns: u64) -> Vec<u8> {
    let mut bytes = [format.to_ne_bytes(), (clock as u32).to_ne_bytes()].concat();
    bytes.extend(ns.to_ne_bytes());
    bytes
}

#[test]
fn users_have_names_or_none() {
    let on_terminal = Renderer { escape: true, ..TEXT };
    assert_eq!(shown(TEXT, Shape::User, &words(&[7])), "e\x1bve\n");
    assert_eq!(shown(on_terminal, Shape::User, &words(&[7])), "e\\x1bve\n");
    assert_eq!(shown(TEXT, Shape::User, &words(&[8])), "\n");
    assert_eq!(
        shown(JSON, Shape::User, &words(&[7])),
        "{\"type\": \"value\", \"data\": \"e\\u001bve\"}\n"
    );
}

#[test]
fn addresses_are_written_as_people_do() {
    let one = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1];
    assert_eq!(shown(TEXT, Shape::Inet, &inet(2, &[127, 0, 0, 1])), "127.0.0.1\n");
    assert_eq!(shown(TEXT, Shape::Inet, &inet(10, &one)), "::1\n");
    assert_eq!(shown(TEXT, Shape::Inet, &inet(10, &mapped)), "::ffff:10.0.0.1\n");
    assert_eq!(shown(TEXT, Shape::Inet, &inet(1, &one)), "\n");
    assert_eq!(shown(TEXT, Shape::Mac, &[0, 1, 2, 0xab, 0xcd, 0xef]), "00:01:02:AB:CD:EF\n");
    assert_eq!(shown(TEXT, Shape::Mac, &[5]), "05:00:00:00:00:00\n");
}

#[test]
fn times_have_the_format_with_their_number() {
    let shape = Shape::Time { formats: vec!["a".to_owned(), "%s \"%f\"".to_owned()] };
    assert_eq!(shown(TEXT, shape.clone(), &time(0, Clock::Boot, 5)), "a\n");
    assert_eq!(shown(TEXT, shape.clone(), &time(1, Clock::Boot, 7_000_008_000)), "7 \"000008\"\n");
    assert_eq!(shown(TEXT, shape.clone(), &time(9, Clock::Boot, 5)), "\n");
    assert_eq!(shown(TEXT, shape.clone(), &time(1, Clock::Tai, 5)), "(?)\n");
    assert_eq!(
        shown(JSON, shape, &time(1, Clock::Boot, 7_000_008_000)),
        "{\"type\": \"value\", \"data\": \"7 \\\"000008\\\"\"}\n"
    );
}

#[test]
fn they_are_keys_and_values() {
    let group = Shape::CgroupPath { filters: vec!["u".to_owned()] };
    let key = tuple(&[group, Shape::User]);
    let bytes = words(&[0, 42, 7]);
    let map = Filled::keyed("@", key, Shape::Inet, &[(bytes, inet(2, &[1, 2, 3, 4]))]);
    let look = Renderer { names: &OneOfEach, ..TEXT };
    assert_eq!(map.shown(look, END), "@[u:/42, e\x1bve]: 1.2.3.4\n");
    let look = Renderer { names: &OneOfEach, ..JSON };
    assert_eq!(
        map.shown(look, END),
        "{\"type\": \"map\", \"data\": {\"@\": {\"u:/42,e\\u001bve\": \"1.2.3.4\"}}}\n"
    );
}
