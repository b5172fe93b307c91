//! Single values, stacks, and what a session says about itself.

use std::rc::Rc;

use ebtrace_image::{Aggregate, Shape, Site, StackMode};
use ebtrace_runtime::decode::{Space, Value, decode};
use ebtrace_runtime::render::{Renderer, Trouble};
use ebtrace_runtime::symbol::{Inlined, Symbol, Symbolize};

use crate::{END, Filled, JSON, TEXT, int, text, tuple, words};

/// Two functions of a kernel.
struct TwoFunctions;

impl Symbolize for TwoFunctions {
    fn symbolize(&self, space: Space, addresses: &[u64]) -> Vec<Option<Symbol>> {
        assert_eq!(space, Space::Kernel);
        let symbol = |name: &str, offset| {
            let place = (offset == 3).then(|| "entry.c:12".into());
            let module = (offset == 3).then(|| "nf".into());
            let inlined = match offset {
                4 => [("leaf", Some("leaf.c:2")), ("middle", None)].map(inlined).into(),
                _ => Rc::default(),
            };
            Some(Symbol { name: name.into(), offset, place, module, inlined })
        };
        let known = |address: &u64| match address {
            0x1000..0x2000 => symbol("perf_syscall_enter", address - 0x1000),
            0x2000..0x3000 => symbol("syscall_trace_enter", address - 0x2000),
            _ => None,
        };
        addresses.iter().map(known).collect()
    }
}

fn inlined((name, place): (&str, Option<&str>)) -> Inlined {
    Inlined { name: name.into(), place: place.map(Rc::from) }
}

fn stack_shape(mode: StackMode) -> Shape {
    Shape::Stack { user: false, frames: 3, mode }
}

/// The text of a stack, as a line of people and as the key of an object.
fn shown_stack(mode: StackMode, bytes: &[u8]) -> (String, String) {
    let shape = stack_shape(mode);
    let mut out = Vec::new();
    let look = Renderer { symbols: &TwoFunctions, ..TEXT };
    look.value(&mut out, &decode(&shape, bytes));
    let mut bytes = bytes.to_vec();
    bytes.resize(shape.size() as usize, 0);
    let keyed = Filled::keyed("@", shape, Shape::Aggregate(Aggregate::Count), &[(bytes, int(2))]);
    let json = keyed.shown(Renderer { symbols: &TwoFunctions, ..JSON }, END);
    (String::from_utf8(out).unwrap(), json)
}

#[test]
fn stacks_are_shown_in_all_modes() {
    let frames = words(&[0, 3, 0x1004, 0x2003, 0x5000]);
    let (line, _) = shown_stack(StackMode::Bpftrace, &frames);
    assert_eq!(
        line,
        "\n        [inlined] leaf@leaf.c:2\n        [inlined] middle\n        perf_syscall_enter+4\n        \
         syscall_trace_enter+3@entry.c:12\n        0x5000\n\n"
    );
    let (line, json) = shown_stack(StackMode::Perf, &frames);
    assert_eq!(
        line,
        "\n\t1004 leaf (inlined)\n\t1004 middle (inlined)\n\t1004 perf_syscall_enter+4\n\
         \t2003 syscall_trace_enter+3 ([nf])\n\t5000 [unknown] ([unknown])\n\n"
    );
    assert!(json.contains("\\n2003syscall_trace_enter+3([nf])\\n"), "{json}");
    let (line, json) = shown_stack(StackMode::Raw, &frames);
    assert_eq!(line, "\n1004\n2003\n5000\n\n");
    assert!(json.contains("{\"\\n1004\\n2003\\n5000\\n\": 2}"), "{json}");
}

#[test]
fn callers_are_where_they_call() {
    /// Two functions side by side, the first of which ends with a call.
    struct Neighbours;
    impl Symbolize for Neighbours {
        fn symbolize(&self, _: Space, addresses: &[u64]) -> Vec<Option<Symbol>> {
            let symbol = |name: &str, offset| {
                let place = Some(format!("{name}.c:{offset}").into());
                Some(Symbol {
                    name: name.into(),
                    offset,
                    place,
                    module: None,
                    inlined: Rc::default(),
                })
            };
            let known = |address: &u64| match address {
                0x10..0x20 => symbol("first", address - 0x10),
                0x20..0x30 => symbol("second", address - 0x20),
                0x40..0x50 => symbol("restore", address - 0x40),
                _ => None,
            };
            addresses.iter().map(known).collect()
        }
    }
    let look = Renderer { symbols: &Neighbours, ..TEXT };
    let shape = Shape::Stack { user: true, frames: 5, mode: StackMode::Bpftrace };
    let mut out = Vec::new();
    look.value(&mut out, &decode(&shape, &words(&[7, 5, 0x20, 0x20, 0x25, 0x40, 0x60])));
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "\n        second+0@second.c:0\n        first+16@first.c:15\n        second+5@second.c:4\n        \
         restore+0@restore.c:0\n        0x60\n\n"
    );
}

#[test]
fn a_walk_that_failed_says_so() {
    let frames = words(&[0, 3, 0x1000, -1, 0x2000]);
    let (line, _) = shown_stack(StackMode::Bpftrace, &frames);
    assert_eq!(line, "\n        perf_syscall_enter+0\n        <unwind failure>\n\n");
    assert_eq!(shown_stack(StackMode::Raw, &frames).0, "\n1000\n<unwind failure>\n\n");
    assert_eq!(shown_stack(StackMode::Raw, &words(&[0, 0])).0, "\n\n");
}

#[test]
fn frames_of_files_have_identities() {
    let mut bytes = words(&[0, 3]);
    for (status, identity, offset) in [(1u32, 0xabu8, 0x12u64), (2, 0, 0x5000), (0, 0, 0)] {
        bytes.extend(status.to_ne_bytes());
        bytes.extend([identity; 20]);
        bytes.extend(offset.to_ne_bytes());
    }
    let (line, _) = shown_stack(StackMode::BuildId, &bytes);
    assert_eq!(line, format!("\n{} 0x12\n0x5000\n0x0\n\n", "ab".repeat(20)));
}

#[test]
fn names_cannot_reach_a_terminal() {
    struct Hostile;
    impl Symbolize for Hostile {
        fn symbolize(&self, _: Space, addresses: &[u64]) -> Vec<Option<Symbol>> {
            let (name, inlined) = ("a\x1b[2J".into(), Rc::default());
            vec![
                Some(Symbol { name, offset: 0, place: None, module: None, inlined });
                addresses.len()
            ]
        }
    }
    let look = Renderer { symbols: &Hostile, escape: true, ..TEXT };
    let mut out = Vec::new();
    look.value(&mut out, &decode(&stack_shape(StackMode::Perf), &words(&[0, 1, 5])));
    look.value(&mut out, &Value::Symbol { space: Space::Kernel, address: 5 });
    let out = String::from_utf8(out).unwrap();
    assert_eq!(out, "\n\t5 a\\x1b[2J+0\n\na\\x1b[2J\n");
}

#[test]
fn stacks_have_a_frame_a_line() {
    let shape = stack_shape(StackMode::Bpftrace);
    let stack = |frames: &[i64]| words(&[&[0, frames.len() as i64][..], frames].concat());
    let two = [0x118d, 0x2180];
    let text_look = Renderer { symbols: &TwoFunctions, ..TEXT };
    let json_look = Renderer { symbols: &TwoFunctions, ..JSON };

    let key = tuple(&[shape.clone(), Shape::Str { size: 8 }]);
    let mut bytes = stack(&two);
    bytes.resize(shape.size() as usize, 0);
    bytes.extend(text("cat", 8));
    let map = Filled::keyed("@", key, Shape::Aggregate(Aggregate::Count), &[(bytes, int(2))]);
    assert_eq!(
        map.shown(text_look, END),
        "@[\n        perf_syscall_enter+397\n        syscall_trace_enter+384\n, cat]: 2\n"
    );
    assert_eq!(
        map.shown(json_look, END),
        "{\"type\": \"map\", \"data\": {\"@\": {\"\\nperf_syscall_enter+397\\nsyscall_trace_enter+384\\n,cat\": 2}}}\n"
    );

    let placed = Filled::scalar("@k", shape.clone(), true, &stack(&[0x1003, 0x2180]));
    assert!(
        placed.shown(text_look, END).contains("        perf_syscall_enter+3@entry.c:12\n"),
        "{}",
        placed.shown(text_look, END)
    );

    let scalar = Filled::scalar("@k", shape.clone(), true, &stack(&[0x118d, 0x2180, 0x5000]));
    assert_eq!(
        scalar.shown(text_look, END),
        "@k: \n        perf_syscall_enter+397\n        syscall_trace_enter+384\n        0x5000\n\n"
    );

    let bytes = stack(&two);
    let value = decode(&shape, &bytes);
    let mut out = Vec::new();
    text_look.value(&mut out, &value);
    json_look.value(&mut out, &value);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "\n        perf_syscall_enter+397\n        syscall_trace_enter+384\n\n\
         {\"type\": \"value\", \"data\": \"\\n        perf_syscall_enter+397\\n        syscall_trace_enter+384\\n\"}\n"
    );
}

#[test]
fn symbols_have_no_offset() {
    let shown = |address| {
        let mut out = Vec::new();
        let look = Renderer { symbols: &TwoFunctions, ..TEXT };
        look.value(&mut out, &Value::Symbol { space: Space::Kernel, address });
        String::from_utf8(out).unwrap()
    };
    assert_eq!(shown(0x1001), "perf_syscall_enter\n");
    assert_eq!(shown(5), "0x5\n");
    assert_eq!(shown(0), "0\n");
}

#[test]
fn values_are_lines() {
    let string = |text| Value::Str { text, full: false };
    let cases = [
        (
            Value::Tuple(vec![Value::Signed(1), string(b"two"), Value::Bool(true)]),
            "(1, two, true)",
            "[1,\"two\",true]",
        ),
        (string(b"abc"), "abc", "\"abc\""),
        (Value::Signed(-7), "-7", "-7"),
        (Value::Unsigned(1 << 63), "9223372036854775808", "9223372036854775808"),
        (Value::Unsigned(u64::MAX), "18446744073709551615", "\"18446744073709551615\""),
        (Value::Pointer(255), "0xff", "255"),
        (string(b"cr\rnl\nend"), "cr\rnl\nend", "\"cr\\rnl\\nend\""),
    ];
    for (value, text, json) in cases {
        let mut out = Vec::new();
        TEXT.value(&mut out, &value);
        JSON.value(&mut out, &value);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!("{text}\n{{\"type\": \"value\", \"data\": {json}}}\n")
        );
    }
}

#[test]
fn a_terminal_sees_no_control_characters() {
    let value = Value::Str { text: b"a\x1b[2Jb\n", full: false };
    let mut out = Vec::new();
    Renderer { escape: true, ..TEXT }.value(&mut out, &value);
    assert_eq!(out, b"a\\x1b[2Jb\n\n");
}

#[test]
fn failures_show_their_place() {
    let source = "config = { max_map_keys=2 } begin { @[1] = count(); @[3] = count(); exit(); }";
    let site = Site {
        file: "stdin".to_owned(),
        line: 1,
        column: 53,
        end_line: 1,
        end_column: 60,
        source: source.to_owned(),
        uses: Vec::new(),
    };
    let first = Trouble {
        site: &site,
        message: "Map full".to_owned(),
        helper: Some(("map_update_elem", -7)),
        repeated: 0,
    };
    let mut out = Vec::new();
    TEXT.trouble(&mut out, &first);
    let marks = format!("{}~~~~~~~", " ".repeat(52));
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!(
            "stdin:1:53-60: WARNING: Map full\nAdditional Info - helper: map_update_elem, retcode: -7\n{source}\n{marks}\n"
        )
    );
    let mut out = Vec::new();
    JSON.trouble(&mut out, &first);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "{\"type\": \"helper_error\", \"msg\": \"Argument list too long\", \"helper\": \"map_update_elem\", \
         \"retcode\": -7, \"filename\": \"stdin\", \"line\": 1, \"col\": 53}\n"
    );
    let mut out = Vec::new();
    JSON.trouble(&mut out, &Trouble { helper: None, message: "Divide".to_owned(), ..first });
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "{\"type\": \"runtime_error\", \"msg\": \"Divide\", \"filename\": \"stdin\", \"line\": 1, \"col\": 53}\n"
    );
}

#[test]
fn counts_of_the_session() {
    let mut out = Vec::new();
    JSON.attached(&mut out, 1);
    JSON.lost(&mut out, 3);
    JSON.ready(&mut out, "time", b"x\n");
    TEXT.attached(&mut out, 1);
    TEXT.ready(&mut out, "time", b"x\n");
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "{\"type\": \"attached_probes\", \"count\": 1, \"data\": {\"probes\": 1}}\n\
         {\"type\": \"lost_events\", \"count\": 3, \"data\": {\"events\": 3}}\n\
         {\"type\": \"time\", \"data\": \"x\\n\"}\nx\n"
    );
}
