//! Whatever stands before the cursor, completion answers, and with what can stand there.

use std::fs;
use std::path::Path;

use ebtrace::complete::complete;
use ebtrace::host::fixture::Fixture;

#[path = "fuzz/random.rs"]
mod random;

use random::Random;

/// Of a script not every beginning is tried.
const BEGINNINGS: usize = 20;

fn try_on(text: &str, host: &Fixture) {
    let (start, found) = complete(text, host);
    let word = text.get(start..).unwrap_or_else(|| panic!("{start} in {text:?}"));
    let begin = found.iter().all(|candidate| candidate.text.starts_with(word));
    assert!(begin, "{text:?} cannot go on as {found:?}");
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

/// What somebody types next to see what there is.
const SIGNS: &[&str] =
    &[".", "->", "$", "@", "", "(", " $x.", " args.", "[0]->", "}.", " struct s", "= "];

#[test]
fn all_scripts_go_on_somehow() {
    let mut all = Vec::new();
    scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut all);
    assert!(all.len() > 900);
    let host = Fixture::new();
    for (seed, text) in all.iter().enumerate() {
        let mut random = Random(seed as u64);
        for _ in 0..BEGINNINGS {
            let end = random.below(text.len() + 1);
            let end = (0..=end).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
            let sign = if random.one_in(4) { "" } else { random.pick(SIGNS) };
            try_on(&[&text[..end], sign].concat(), &host);
        }
    }
}
