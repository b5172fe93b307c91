//! What documentation shows is true: examples of the tables, code blocks of `docs/` and README, and the examples of
//! the diagnostic codes, all against the fixture machine.

use std::path::{Path, PathBuf};

use ebtrace::builtin::Permit;
use ebtrace::diagnostic::{CODES, Code, Diagnostics, render};
use ebtrace::host::fixture::Fixture;
use ebtrace::options::Options;
use ebtrace::source::Sources;
use ebtrace::{builtin, pipeline, probe, reference};

fn check(script: &str) -> (Diagnostics, String) {
    check_with(script, &Options::default())
}

fn check_with(script: &str, options: &Options) -> (Diagnostics, String) {
    let mut sources = Sources::new();
    let file = sources.add("example.bt", script.to_owned());
    let (_, found) = pipeline::check(&mut sources, file, &Fixture::new(), options)
        .expect("no bug of the compiler");
    let text = render::rich(&sources, &found, false);
    (found, text)
}

fn assert_clean(origin: &str, script: &str) {
    assert_clean_with(origin, script, &Options::default());
}

fn assert_clean_with(origin: &str, script: &str, options: &Options) {
    let (found, text) = check_with(script, options);
    // What is for debugging is told so at each use, the first included.
    let clean = found.iter().all(|diagnostic| diagnostic.code == Code::ForDebugging);
    assert!(clean, "{origin}:\n{script}\n{text}");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_builtin_has_an_example_that_compiles() {
    for builtin in builtin::all() {
        let unsafe_mode = builtin.permit == Permit::Unsafe;
        let options = Options { unsafe_mode, ..Options::default() };
        assert!(!builtin.examples.is_empty(), "{} has no example", builtin.name);
        for example in builtin.examples {
            assert!(
                example.contains(builtin.name),
                "{}: the example does not show it",
                builtin.name
            );
            assert_clean_with(builtin.name, example, &options);
        }
    }
}

#[test]
fn every_probe_type_has_an_example_that_compiles() {
    for kind in probe::kinds() {
        assert!(!kind.examples.is_empty(), "{} has no example", kind.name);
        for example in kind.examples {
            assert!(example.contains(kind.name), "{}: the example does not show it", kind.name);
            assert_clean(kind.name, example);
        }
    }
}

#[test]
fn every_code_is_what_its_example_gets() {
    for entry in CODES.iter().filter(|entry| !entry.example.is_empty()) {
        let (found, text) = check(entry.example);
        assert!(
            found.iter().any(|one| one.code == entry.code),
            "{}: {}\n{text}",
            entry.id,
            entry.example
        );
    }
}

#[test]
fn every_code_block_in_the_documents_compiles() {
    let mut blocks = 0;
    for path in documents() {
        let text = std::fs::read_to_string(&path).expect("a document");
        for block in code_blocks(&text) {
            // Whether that is said where the block stands, its readers see.
            let options = Options { unsafe_mode: true, ..Options::default() };
            assert_clean_with(&path.display().to_string(), &block, &options);
            blocks += 1;
        }
    }
    assert!(blocks >= 10, "only {blocks} code blocks were found");
}

#[test]
fn the_reference_is_fresh() {
    let path = root().join("docs/reference.md");
    let fresh = reference::markdown();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &fresh).expect("docs/ can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == fresh, "docs/reference.md is stale: UPDATE=1 cargo test --test examples");
}

fn documents() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("docs")).expect("docs/");
    let mut documents: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry").path()).collect();
    documents.retain(|path| path.extension() == Some("md".as_ref()));
    documents.push(root().join("README.md"));
    documents.retain(|path| Path::exists(path));
    documents
}

/// The blocks that are marked as scripts.
fn code_blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        match &mut open {
            None if line.trim() == "```ebtrace" => open = Some(String::new()),
            None => {}
            Some(_) if line.trim() == "```" => blocks.extend(open.take()),
            Some(block) => {
                block.push_str(line);
                block.push('\n');
            }
        }
    }
    blocks
}
