//! The invariants of the architecture, held against the sources themselves.

use std::path::{Path, PathBuf};

use ebtrace::diagnostic::CODES;
use ebtrace::{builtin, probe};

/// Longest file of Rust in lines; the grammar has no limit.
const MOST_LINES: usize = 500;

struct File {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below these folders with one of these endings, paths relative to the checkout.
fn files(folders: &[&str], endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&root().join(folder), endings, &mut found);
    }
    assert!(!found.is_empty(), "nothing in {folders:?}");
    found
}

fn collect(folder: &Path, endings: &[&str], found: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the checkout") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, endings, found);
        } else if endings.iter().any(|ending| path.extension() == Some(ending.as_ref())) {
            let text = std::fs::read_to_string(&path).expect("a text");
            let path =
                path.strip_prefix(root()).expect("within the checkout").display().to_string();
            found.push(File { path, text });
        }
    }
}

fn sources() -> Vec<File> {
    files(&["src", "runtime"], &["rs"])
}

/// Code without comments, and without the tests at the foot of a module.
fn code(text: &str) -> String {
    let body = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    body.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Fails for each file outside of `allowed` whose code has the word.
fn only_under(word: &str, allowed: &[&str]) {
    let found: Vec<String> = sources()
        .into_iter()
        .filter(|file| !allowed.iter().any(|prefix| file.path.starts_with(prefix)))
        .filter(|file| code(&file.text).contains(word))
        .map(|file| file.path)
        .collect();
    assert!(found.is_empty(), "`{word}` belongs under {allowed:?} only, not in {found:?}");
}

#[test]
fn each_dependency_is_named_in_its_own_place() {
    only_under("inkwell", &["src/codegen/"]);
    only_under("libbpf_rs", &["runtime/"]);
    only_under("blazesym::", &["runtime/"]);
    only_under("ebtrace_runtime", &["src/cli/", "runtime/tests/"]);
    only_under("clap::", &["src/cli/"]);
    only_under("clang_sys", &["src/cli/"]);
    only_under("anyhow", &["src/cli/"]);
}

#[test]
fn the_compiler_does_no_io() {
    for word in ["std::env", "std::fs", "std::io", "std::net", "std::process", "println!"] {
        only_under(word, &["src/cli/", "src/main.rs", "runtime/"]);
    }
}

#[test]
fn the_runtime_does_not_print() {
    for file in files(&["runtime"], &["rs"]) {
        for word in ["println!", "eprintln!", "std::env::"] {
            assert!(!code(&file.text).contains(word), "{} has {word}", file.path);
        }
    }
}

#[test]
fn unsafe_code_is_explained() {
    for file in sources() {
        let lines: Vec<&str> = file.text.lines().collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("unsafe {"))
        {
            let before = &lines[number.saturating_sub(6)..=number];
            assert!(
                before.iter().any(|line| line.contains("SAFETY:")),
                "{}:{}: `unsafe` without SAFETY: {line}",
                file.path,
                number + 1
            );
        }
    }
}

#[test]
fn files_are_short() {
    for file in files(&["src", "runtime", "tests", "grammar"], &["rs"]) {
        let lines = file.text.lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines", file.path);
    }
}

#[test]
fn modules_say_what_they_are() {
    for file in files(&["src", "runtime", "tests", "grammar"], &["rs"]) {
        assert!(file.text.starts_with("//!"), "{} does not begin with its purpose", file.path);
    }
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        "todo!(",
        "unimplemented!(",
        "FIXME",
        "XXX",
        "TODO",
        "not yet supported",
        "not yet implemented",
    ];
    for file in files(&["src", "runtime", "grammar"], &["rs", "lalrpop"]) {
        for word in words {
            assert!(!file.text.contains(word), "{} has `{word}`", file.path);
        }
    }
}

#[test]
fn names_of_the_tables_stand_in_their_tables_only() {
    // The types of aggregations are called after their functions, the fixture is data, the part of an attach
    // point that says how many is a count like any other, iterators, `self` and the parser have words called like a
    // builtin, and sections of an object are called as probe types are.
    let exempt = |path: &str, name: &str| {
        matches!(
            (path, name),
            ("src/types/mod.rs", _)
                | ("src/probe/event.rs" | "src/probe/perf.rs", "count" | "cpu")
                | ("src/probe/tracing.rs", "cgroup" | "path")
                | ("src/probe/session.rs", "signal")
                | ("src/syntax/item.rs" | "src/complete.rs", "config")
        ) || ["src/codegen/", "src/host/fixture"].iter().any(|exempt| path.starts_with(exempt))
    };
    let builtins = builtin::all().map(|builtin| (builtin.name, "src/builtin/"));
    let kinds = probe::kinds().map(|kind| (kind.name, "src/probe/"));
    let names: Vec<(&str, &str)> = builtins.chain(kinds).collect();
    let mut wrong = Vec::new();
    for file in files(&["src"], &["rs"]) {
        let code = code(&file.text);
        let foreign = names
            .iter()
            .filter(|(name, home)| !file.path.starts_with(home) && !exempt(&file.path, name));
        let named = foreign.filter(|(name, _)| code.contains(&format!("\"{name}\"")));
        wrong.extend(named.map(|(name, home)| {
            format!("{} names \"{name}\", which belongs to {home}", file.path)
        }));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn codes_are_unique_and_in_order() {
    for pair in CODES.windows(2) {
        let order = |id: &str| (id.starts_with('W'), id.to_owned());
        assert!(
            order(pair[0].id) < order(pair[1].id),
            "{} stands before {}",
            pair[0].id,
            pair[1].id
        );
    }
}

#[test]
fn every_probe_type_has_a_live_test() {
    let live = files(&["tests/live"], &["bt"]);
    for kind in probe::kinds() {
        let starts = format!("{}:", kind.name);
        let used = |file: &File| {
            let lines =
                || file.text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
            lines().any(|line| {
                line.contains(&starts) || (kind.shape.is_empty() && line.starts_with(kind.name))
            })
        };
        assert!(live.iter().any(used), "no live test has a `{}` probe", kind.name);
    }
}

#[test]
fn every_builtin_has_a_live_test() {
    let live = files(&["tests/live"], &["bt"]);
    for builtin in builtin::all() {
        let used = |file: &File| {
            let script = file.text.lines().filter(|line| !line.trim_start().starts_with("//"));
            script.into_iter().any(|line| line.contains(builtin.name))
        };
        assert!(live.iter().any(used), "no live test uses `{}`", builtin.name);
    }
}

#[test]
fn dependencies_say_what_for() {
    for manifest in ["Cargo.toml", "runtime/Cargo.toml", "runtime/image/Cargo.toml"] {
        let text = std::fs::read_to_string(root().join(manifest)).expect("a manifest");
        let mut inside = false;
        let mut before = "";
        for line in text.lines() {
            if line.starts_with('[') {
                inside = line.contains("dependencies");
            } else if inside && line.contains('=') && !line.contains("path = ") {
                assert!(
                    before.starts_with('#'),
                    "{manifest}: nothing says what this is for: {line}"
                );
            }
            before = line;
        }
    }
}

/// Up to this row, the table of `tests/language.md` has no gaps.
const COMPLETE_ROWS: usize = 360;

/// The sources in a folder.
fn sources_in(folder: &str) -> String {
    let files = std::fs::read_dir(root().join(folder)).expect("a folder");
    let paths = files.map(|file| file.expect("a file").path());
    let sources = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    sources.map(|path| std::fs::read_to_string(path).expect("a source")).collect()
}

#[test]
fn every_part_of_the_language_has_a_test() {
    let table = std::fs::read_to_string(root().join("tests/language.md")).expect("the table");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .filter(|cells: &Vec<&str>| cells[0].parse::<usize>().is_ok())
        .collect();
    let mut wrong = Vec::new();
    let written_in_rust = sources_in("tests/live");
    let (rendered, command) = (sources_in("runtime/tests/render"), sources_in("tests/cli"));
    let exists = |test: &str| match test.split_once('/') {
        Some(("render", name)) => rendered.contains(&format!("fn {name}()")),
        Some(("cli", name)) => command.contains(&format!("fn {name}()")),
        Some(_) => root().join(format!("tests/golden/{test}.bt")).exists(),
        None => {
            root().join(format!("tests/live/{test}.bt")).exists()
                || written_in_rust.contains(&format!("\"{test}\""))
        }
    };
    let mut numbers: Vec<usize> = Vec::new();
    for cells in &rows {
        let [number, _, tests] = cells[..] else { panic!("{cells:?} are not three cells") };
        numbers.push(number.parse().expect("a number"));
        let missing = tests.split(", ").filter(|test| !exists(test));
        wrong.extend(missing.map(|test| format!("row {number}: there is no test `{test}`")));
    }
    assert!(numbers.is_sorted_by(|left, right| left < right), "rows stand in order, each once");
    assert!((1..=COMPLETE_ROWS).eq(numbers.into_iter().take(COMPLETE_ROWS)), "a row is missing");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
