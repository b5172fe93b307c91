//! Whatever stands in a script, its parts are in order and within it.

use std::fs;
use std::path::Path;

use ebtrace::highlight::{highlight, highlight_statements};

#[path = "fuzz/random.rs"]
mod random;

use random::Random;

/// Of a longer script not every beginning is tried.
const MOST_BEGINNINGS: usize = 150;
/// Texts of noise.
const NOISES: u64 = 20_000;

fn try_on(text: &str) {
    for found in [highlight(text), highlight_statements(text)] {
        let mut end = 0;
        for (place, class) in found {
            let part = text.get(place.clone());
            assert!(part.is_some_and(|part| !part.is_empty()), "{place:?} {class:?} in {text:?}");
            assert!(end <= place.start, "{place:?} {class:?} overlaps in {text:?}");
            end = place.end;
        }
    }
}

fn scripts(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            scripts(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "bt") {
            found.extend(fs::read_to_string(&path));
        }
    }
}

#[test]
fn all_beginnings_of_all_scripts_have_parts() {
    let mut all = Vec::new();
    scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut all);
    assert!(all.len() > 900);
    for text in all {
        let step = text.len() / MOST_BEGINNINGS + 1;
        let ends = (0..text.len()).step_by(step).filter(|&end| text.is_char_boundary(end));
        ends.for_each(|end| try_on(&text[..end]));
        try_on(&text);
    }
}

#[test]
fn noise_has_parts() {
    const SIGNS: &[u8] = b"\"\"''//**<>{}()[]$@#;:,.-=x1 \n\\\xc2\xa7\xe2\x80\x9c\xff";
    for seed in 0..NOISES {
        let mut random = Random(seed);
        let length = random.below(60);
        let byte = |random: &mut Random| match random.one_in(3) {
            true => random.below(256) as u8,
            false => random.pick(SIGNS),
        };
        let bytes: Vec<u8> = (0..length).map(|_| byte(&mut random)).collect();
        let noise = String::from_utf8_lossy(&bytes);
        try_on(&noise);
        try_on(&format!("begin {{ {noise}"));
        try_on(&format!("struct x {{ {noise}"));
    }
}
