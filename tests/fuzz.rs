//! No text makes the front end panic, and what it accepts it can write down and read again.
//!
//! The inputs are generated from fixed seeds: noise, tokens in any order, scripts that follow the grammar, and all of
//! these and the golden scripts with pieces changed, doubled, moved or cut off. A failure names its seed and shows
//! the input.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

#[path = "fuzz/grammar.rs"]
mod grammar;
#[path = "fuzz/random.rs"]
mod random;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::{fs, thread};

use ebtrace::diagnostic::{Diagnostics, render};
use ebtrace::host::fixture::Fixture;
use ebtrace::options::Options;
use ebtrace::pipeline;
use ebtrace::source::{FileId, Sources};
use ebtrace::syntax::{self, ast::Script, print};
use grammar::script;
use random::Random;

/// Inputs in all. With LLVM the front end is the same, and has been tried without.
const INPUTS: u64 = if cfg!(feature = "codegen") { 20_000 } else { 200_000 };

/// Everything that is done with every input: whatever the text, none of it may panic.
fn front_end(text: &str) -> bool {
    let mut sources = Sources::new();
    let file = sources.add("fuzz.bt", text.to_owned());
    let accepted = parser(&sources, file);
    if accepted {
        checker(&mut sources, file);
    }
    accepted
}

fn parser(sources: &Sources, file: FileId) -> bool {
    let (script, diagnostics) = syntax::parse(sources, file);
    shown(sources, &diagnostics);
    let accepted = !diagnostics.has_errors();
    if accepted {
        round_trip(&script);
    }
    accepted
}

fn checker(sources: &mut Sources, file: FileId) {
    match pipeline::check(sources, file, &Fixture::new(), &Options::default()) {
        Ok((_, diagnostics)) => shown(sources, &diagnostics),
        Err(bug) => panic!("{}", bug.0),
    }
}

/// Every place that a message names is in the script, and the message can be rendered: which is slow, and tried on
/// some.
fn shown(sources: &Sources, diagnostics: &Diagnostics) {
    for label in diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        let text = &sources.get(label.span.file).text;
        assert!(
            text.get(label.span.range()).is_some(),
            "{:?} is no place in the script: {}",
            label.span,
            label.text
        );
        if !text.len().is_multiple_of(8) {
            return;
        }
    }
    if diagnostics.iter().len() > 0 {
        assert!(!render::rich(sources, diagnostics, true).is_empty());
        assert!(!render::line(sources, diagnostics).is_empty());
    }
}

/// Printed and read again, a tree is the same tree.
fn round_trip(script: &Script) {
    let printed = print::script(script);
    let mut sources = Sources::new();
    let file = sources.add("printed.bt", printed.clone());
    let (again, diagnostics) = syntax::parse(&sources, file);
    assert!(
        !diagnostics.has_errors(),
        "{printed}\n{}",
        render::rich(&sources, &diagnostics, false)
    );
    assert_eq!(
        shape(&again),
        shape(script),
        "printed and read again, the tree is another:\n{printed}"
    );
    assert_eq!(print::script(&again), printed, "printed twice");
}

/// The tree without its places.
fn shape(script: &Script) -> String {
    let text = format!("{script:?}");
    let mut pieces = text.split("Span {");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |shape, piece| shape + piece.split_once('}').map_or("", |(_, rest)| rest))
}

#[test]
fn no_text_makes_the_front_end_panic() {
    let corpus = corpus();
    let workers = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let accepted: u64 = thread::scope(|scope| {
        let corpus = &corpus;
        let work = move |worker| {
            (worker..INPUTS).step_by(workers as usize).map(|seed| run(seed, corpus)).sum::<u64>()
        };
        let threads: Vec<_> =
            (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .sum()
    });
    // Were nearly all inputs refused, most of the front end would not have been tried.
    assert!(accepted > INPUTS / 10, "only {accepted} of {INPUTS} inputs were accepted");
}

/// Tries the input of a seed; gives 1 if it was accepted.
fn run(seed: u64, corpus: &[String]) -> u64 {
    let mut random = Random(seed);
    let (text, valid) = match seed % 5 {
        0 => (noise(&mut random), false),
        1 => (tokens(&mut random), false),
        2 => (script(&mut random), true),
        3 => (mutated(script(&mut random), &mut random), false),
        _ => (mutated(corpus[random.below(corpus.len())].clone(), &mut random), false),
    };
    match catch_unwind(AssertUnwindSafe(|| front_end(&text))) {
        Ok(accepted) => {
            assert!(
                accepted || !valid,
                "seed {seed}: a script that follows the grammar was refused:\n{text}\n{}",
                complaints(&text)
            );
            accepted.into()
        }
        Err(panic) => {
            eprintln!("seed {seed}: the front end panics on:\n{text}\n{text:?}");
            resume_unwind(panic)
        }
    }
}

/// What the parser says of a text.
fn complaints(text: &str) -> String {
    let mut sources = Sources::new();
    let file = sources.add("fuzz.bt", text.to_owned());
    let (_, diagnostics) = syntax::parse(&sources, file);
    render::line(&sources, &diagnostics)
}

/// All golden scripts.
fn corpus() -> Vec<String> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut scripts = Vec::new();
    let mut folders = vec![golden];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "bt") {
                scripts.push(path);
            }
        }
    }
    scripts.sort();
    let texts = scripts.iter().map(|path| fs::read_to_string(path).unwrap());
    texts.filter(|text| text.len() < 500).collect()
}

fn noise(random: &mut Random) -> String {
    let length = random.below(80);
    let plain = random.one_in(2);
    let byte = |random: &mut Random| {
        if plain { 0x20 + random.below(0x5f) as u8 } else { random.next() as u8 }
    };
    let bytes: Vec<u8> = (0..length).map(|_| byte(random)).collect();
    let noise = String::from_utf8_lossy(&bytes).into_owned();
    if random.one_in(2) { format!("begin {{ {noise} }}\nend {{ print(1); }}") } else { noise }
}

/// Tokens between spaces, right ones and wrong ones.
const TOKENS: &str = "macro fn let config import struct enum #define for while break continue return sizeof( typeof( \
    offsetof( comptime typeinfo( .. .0 (int32) (struct_x_*) -> begin end kprobe:f kprobe: interval:s:1 uprobe:\"a\":g $1 $# $0 $x @ @m pid args if else unroll \
    true false count print 0 1 0x1f 5ms 12abc \"s\" \" ' \\ { } { } ( ) ( ) [ ] < > / / , ; ; ? : . -> = += >>= == \
    != <= << >> ++ -- ! ~ * % + - & ^ | && || := &&& // /* */ # \n \n \t “ ” é \0 let and while \u{feff} #!";

fn token(random: &mut Random) -> &'static str {
    let index = random.below(TOKENS.matches(' ').count() + 1);
    TOKENS.split(' ').nth(index).unwrap_or_default()
}

fn tokens(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(60) {
        text.push_str(token(random));
        text.push_str(random.pick(&[" ", " ", "", "\n"]));
    }
    if random.one_in(3) { format!("kprobe:f /1/ {{ {text} }}\nkprobe:g < {text} >") } else { text }
}

/// The text with some pieces changed.
fn mutated(mut text: String, random: &mut Random) -> String {
    for _ in 0..=random.below(3) {
        let (from, to) = (place(&text, random), place(&text, random));
        let (from, to) = (from.min(to), from.max(to));
        match random.below(6) {
            0 => text.truncate(from),
            1 => text.insert_str(from, token(random)),
            2 => text.replace_range(from..to.min(next(&text, from)), ""),
            3 => text.replace_range(from..to.min(next(&text, from)), token(random)),
            4 if to - from < 40 => text.replace_range(from..to, ""),
            _ => {
                let piece = text[from..to].chars().take(30).collect::<String>();
                let at = place(&text, random);
                text.insert_str(at, &piece);
            }
        }
    }
    text
}

fn place(text: &str, random: &mut Random) -> usize {
    let mut at = random.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn next(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(0, char::len_utf8)
}

/// Texts that once could have taken a deep stack or a long time: they grow with the number given.
const LARGE: &[fn(usize) -> String] = &[
    |n| format!("begin {{ $x = {}1{}; }}", "(".repeat(n), ")".repeat(n)),
    |n| format!("begin {{ $x = {}", "(".repeat(n)),
    |n| format!("begin {{ $x = {}1; }}", "!".repeat(n)),
    |n| format!("begin {{ $x = 1{}; }}", " + 1".repeat(n)),
    |n| format!("begin {{ $x = {}1{}; }}", "1 ? ".repeat(n), " : 1".repeat(n)),
    |n| format!("begin {{ $x = {}1{}; }}", "-(1 + ".repeat(n), ")".repeat(n)),
    |n| format!("begin {{ $x = {}1{}; }}", "f(1 + @[2 * ".repeat(n / 2), "])".repeat(n / 2)),
    |n| {
        format!("begin {{ {}$x = 1{};{} }}", "if (1) { ".repeat(n), " + 1".repeat(n), "}".repeat(n))
    },
    |n| format!("begin {{ $x = args{}; }}", ".f".repeat(n)),
    |n| format!("begin {{ {} {} }}", "if (1) {".repeat(n), "}".repeat(n)),
    |n| format!("begin {{ if (1) {{ }} {} }}", "else if (1) { }".repeat(n)),
    |n| format!("begin {{ $x = @{}1{}; }}", "[@".repeat(n), "]".repeat(n)),
    |n| "kprobe:f {\n".repeat(n),
    |n| "kprobe:f <\n".repeat(n),
    |n| "kprobe:f /".repeat(n),
    |n| "begin {}".repeat(n),
    |n| format!("begin {{ {} }}", "print(1);".repeat(n)),
    |n| format!("begin {{ {} }}", "{}".repeat(n)),
    |n| format!("begin < {}", "> ".repeat(n)),
    |n| format!("begin < {}", "(> kprobe: ? ".repeat(n)),
    |n| format!("begin / {}", "/ ".repeat(n)),
    |n| format!("begin {{ print({}); }}", "1, ".repeat(n) + "1"),
    |n| format!("begin {{ print(\"{}\"); }}", "\\n".repeat(n)),
    |n| format!("begin {{ {} }}", "\" ".repeat(n)),
    |n| format!("begin {{ {} }}", "§".repeat(n)),
    |n| format!("begin {{ {} }}", "a".repeat(n)),
    |n| format!("begin {{ {} }}", " ".repeat(n)),
    |n| format!("begin {{ //{}", "/".repeat(n)),
    |n| format!("kprobe:{} {{ }}", "f".repeat(n)),
    |n| format!("#{}", "f".repeat(n)),
    |n| format!("begin {{ {} }}", "1".repeat(n)),
    |n| "}".repeat(n),
    |n| "a ".repeat(n),
    |n| "/".repeat(n),
    |n| "\"".repeat(n),
    |n| format!("/*{}", "*".repeat(n)),
    |n| "begin { kprobe:f ".repeat(n),
    |n| "begin\n{\n(".repeat(n),
    |n| format!("begin {{ $x = {}1{}; }}", "{ ".repeat(n), " }".repeat(n)),
    |n| format!("begin {{ $x = {}1{}; }}", "if (1) { ".repeat(n), " } else { 2 }".repeat(n)),
    |n| format!("begin {{ $x = {}1{}; }}", "1 + { 1 + ".repeat(n), " }".repeat(n)),
    |n| format!("begin {{ $x = {}1{}; }}", "(1, ".repeat(n), ")".repeat(n)),
    |n| format!("begin {{ $x = {}1{}; }}", "(a = ".repeat(n), ")".repeat(n)),
    |n| format!("begin {{ $x = {}$y; }}", "*".repeat(n)),
    |n| format!("begin {{ $x = {}$y; }}", "(int32)".repeat(n)),
    |n| format!("begin {{ $x = (int32 {})$y; }}", "*".repeat(n)),
    |n| format!("begin {{ $x = (int32{})$y; }}", "[2]".repeat(n)),
    |n| format!("begin {{ $x = $y{}; }}", "[1]".repeat(n)),
    |n| format!("begin {{ $x = $y{}; }}", ".0".repeat(n)),
    |n| format!("begin {{ $x = {}1{}; }}", "comptime ".repeat(n), ""),
    |n| format!("begin {{ $x = {}1{}; }}", "sizeof(".repeat(n), ")".repeat(n)),
    |n| format!("begin {{ let $x : {}int8{}; }}", "typeof(".repeat(n), ")".repeat(n)),
    |n| format!("begin {{ {}{} }}", "for ($i : 0..2) {".repeat(n), "}".repeat(n)),
    |n| format!("begin {{ {} }}", "while ".repeat(n)),
    |n| format!("macro f({}) {{ 1 }} begin {{ f(1); }}", "x, ".repeat(n) + "y"),
    |n| {
        format!(
            "fn f({}) : int64 {{ return 1; }} begin {{ }}",
            "$x : int64, ".repeat(n) + "$y : int8"
        )
    },
    |n| format!("struct s {{ {} }};begin {{ }}", "int a; ".repeat(n)),
    |n| format!("struct s {}{};begin {{ }}", "{ struct ".repeat(n), "} a;".repeat(n)),
    |n| format!("#define A {}\nbegin {{ print(A); }}", "(".repeat(n)),
    |n| format!("{}begin {{ print(A); }}", "#define A A + 1\n".repeat(n)),
    |n| format!("config = {{ {} }} begin {{ }}", "max_strlen = 64; ".repeat(n)),
    |n| "let @a = hash(1); ".repeat(n),
    |n| "struct a ".repeat(n),
];

#[test]
fn large_texts_take_neither_stack_nor_time() {
    for large in LARGE {
        for size in [190, 495, 600, 30_000] {
            let mut sources = Sources::new();
            let file = sources.add("large.bt", large(size));
            // What the checker makes of thousands of probes and statements is a question of memory, not of panics.
            if parser(&sources, file) && size < 1000 {
                checker(&mut sources, file);
            }
        }
    }
}
