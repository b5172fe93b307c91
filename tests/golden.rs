//! Golden files: `tests/golden/STAGE/NAME.bt` beside what ebtrace says about it, `NAME.out`.
//!
//! The name of a script says the fact that it shows. `UPDATE=1 cargo test --test golden` writes the `.out` files
//! anew; what changed is reviewed with `git diff`.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};

use ebtrace::diagnostic::{Diagnostics, render};
use ebtrace::host::{Arch, Feature, fixture::Fixture};
use ebtrace::list::{self, Manner};
use ebtrace::options::{self, Options};
use ebtrace::pipeline::{self, Checked};
use ebtrace::source::Sources;
use ebtrace::syntax::{self, ast::Script, print};

/// What a stage shows of a script.
type Stage = fn(&mut Sources, name: &str, text: String) -> String;

/// The folders under `tests/golden` and what each of them shows.
const STAGES: &[(&str, Stage)] = &[
    ("errors", errors),
    ("warnings", warnings),
    ("parse", parse),
    ("types", types),
    ("ir", ir),
    ("image", image),
    ("list", list),
    ("format", format),
    #[cfg(feature = "codegen")]
    ("asm", asm),
];

/// The complete messages of a script that is wrong.
fn errors(sources: &mut Sources, name: &str, text: String) -> String {
    let (_, diagnostics) = compile(sources, name, text);
    assert!(diagnostics.has_errors(), "{name} is right, but should not be");
    render::rich(sources, &diagnostics, false)
}

/// The script in its layout.
fn format(sources: &mut Sources, name: &str, text: String) -> String {
    let file = sources.add(name, text);
    let (tree, diagnostics) = syntax::parse(sources, file);
    assert!(!diagnostics.has_errors(), "{}", render::rich(sources, &diagnostics, false));
    ebtrace::format::script(sources, file, &tree)
}

/// The complete messages of a script that is right but doubtful.
fn warnings(sources: &mut Sources, name: &str, text: String) -> String {
    let (checked, diagnostics) = compile(sources, name, text);
    assert!(checked.is_some() && diagnostics.iter().len() > 0, "{name} gets no warning");
    render::rich(sources, &diagnostics, false)
}

/// The script with the types of its expressions.
fn types(sources: &mut Sources, name: &str, text: String) -> String {
    let program = right(sources, name, text).program;
    let file = sources.named(name).expect("the script");
    ebtrace::ir::typed::script(sources, file, &program)
}

/// The intermediate representation.
fn ir(sources: &mut Sources, name: &str, text: String) -> String {
    ebtrace::ir::print::program(&right(sources, name, text).program)
}

/// The instructions for a kernel.
#[cfg(feature = "codegen")]
fn asm(sources: &mut Sources, name: &str, text: String) -> String {
    use ebtrace::codegen::{self, Target};
    let Checked { program, layout, .. } = right(sources, name, text);
    let target = Target { version: (6, 12, 0), possible_cpus: 4 };
    codegen::assembly(&program, &layout, sources, &target).expect("no bug of the compiler")
}

/// The tables for the runtime.
fn image(sources: &mut Sources, name: &str, text: String) -> String {
    let tables = right(sources, name, text).layout.image;
    serde_json::to_string_pretty(&tables).expect("plain data") + "\n"
}

/// What is listed: each line is a search, with `-v` in front for details; or, where the first line is not one, a script.
fn list(sources: &mut Sources, name: &str, text: String) -> String {
    let shown = |listing: list::Listing| {
        let mut out = listing.text;
        listing.troubles.iter().for_each(|trouble| out.push_str(&format!("warning: {trouble}\n")));
        out
    };
    let host = Fixture::new();
    if !text.starts_with('-') {
        let program = right(sources, name, text).program;
        return shown(list::script(
            &program,
            &host,
            &Manner { verbose: true, ..Manner::default() },
        ));
    }
    let mut out = String::new();
    for line in text.lines() {
        let (flag, search) = line.split_once(' ').expect("a search after `-l` or `-lv`");
        let manner = Manner { verbose: flag == "-lv", ..Manner::default() };
        out.push_str(&format!("$ {line}\n{}", shown(list::search(search, &host, &manner))));
    }
    out
}

fn right(sources: &mut Sources, name: &str, text: String) -> Checked {
    let (checked, diagnostics) = compile(sources, name, text);
    checked.unwrap_or_else(|| panic!("{}", render::rich(sources, &diagnostics, false)))
}

/// Compiles for the fixture machine. The first line of a script may take facilities away from it (`// without:
/// kprobes`), be of another kind (`// machine: arm64`, `// kernel: 5.15`), give parameters (`// params: a b`) set an option (`// set: max_strlen=64`), allow what is unsafe (`// unsafe`) or trace one process (`// pid: 5`).
fn compile(sources: &mut Sources, name: &str, text: String) -> (Option<Checked>, Diagnostics) {
    let directive =
        |key: &str| text.lines().next().and_then(|line| line.strip_prefix(key)).map(str::trim);
    let mut host = with_imports(Fixture::new());
    for feature in [
        Feature::Kprobes,
        Feature::Uprobes,
        Feature::Tracefs,
        Feature::Btf,
        Feature::Counters,
        Feature::Breakpoints,
        Feature::Trampolines,
    ] {
        let named = directive("// without:").unwrap_or_default();
        if named.split_whitespace().any(|name| name == feature.name()) {
            host = host.without(feature);
        }
    }
    if directive("// machine:") == Some("arm64") {
        host = host.with_arch(Arch::Aarch64);
    }
    if let Some((major, minor)) = directive("// kernel:").and_then(|pair| pair.split_once('.')) {
        let number = |text: &str| text.parse().expect("a number");
        host = host.with_version((number(major), number(minor), 0));
    }
    let words = directive("// params:").unwrap_or_default().split_whitespace();
    let mut options = Options::default();
    options.take_words(&words.map(str::to_owned).collect::<Vec<_>>());
    options.pid = directive("// pid:").map(|pid| pid.parse().expect("a number"));
    if let Some((option, value)) = directive("// set:").and_then(|pair| pair.split_once('=')) {
        let entry = options::entry(option).expect("an option");
        options.set(entry, value).expect("a value of the option");
    }
    options.unsafe_mode = directive("// unsafe").is_some();
    let file = sources.add(name, text);
    pipeline::check(sources, file, &host, &options)
        .unwrap_or_else(|bug| panic!("{name}: {}", bug.0))
}

/// The fixture machine with what scripts can import: `tests/golden/imports/`, as the folder `imports`. Who may change a
/// file is not kept by everything that keeps files; so the name says it.
fn with_imports(host: Fixture) -> Fixture {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let (mut host, mut folders) = (host, vec![golden.join("imports")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&golden).unwrap();
            let writable = name.to_string_lossy().contains("writable");
            host = host.with_file(name, fs::read(&path).unwrap(), writable);
        }
    }
    host
}

/// The tree in its canonical form, from which the same tree must come back.
fn parse(sources: &mut Sources, name: &str, text: String) -> String {
    let (script, diagnostics) = read(sources, name, text);
    assert!(!diagnostics.has_errors(), "{}", render::rich(sources, &diagnostics, false));
    let printed = print::script(&script);
    let (again, diagnostics) = read(sources, "printed", printed.clone());
    assert!(!diagnostics.has_errors(), "{printed}\n{}", render::rich(sources, &diagnostics, false));
    assert_eq!(
        shape(&again),
        shape(&script),
        "{name}: printed and read again, the tree is another"
    );
    assert_eq!(print::script(&again), printed, "{name}: printed twice");
    printed
}

fn read(sources: &mut Sources, name: &str, text: String) -> (Script, Diagnostics) {
    let file = sources.add(name, text);
    syntax::parse(sources, file)
}

/// The tree without its places.
fn shape(script: &Script) -> String {
    let text = format!("{script:?}");
    let mut pieces = text.split("Span {");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |shape, piece| shape + piece.split_once('}').map_or("", |(_, rest)| rest))
}

#[test]
fn golden_files_hold() {
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    let mut failures = Vec::new();
    for (folder, stage) in STAGES {
        let scripts = scripts(folder);
        assert!(!scripts.is_empty(), "tests/golden/{folder} holds no scripts");
        for script in scripts {
            failures.extend(check(&script, *stage, update));
        }
    }
    assert!(
        failures.is_empty(),
        "{}\n{} golden files differ; see UPDATE=1",
        failures.join("\n"),
        failures.len()
    );
}

fn scripts(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut scripts: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    for out in
        scripts.iter().filter(|path| path.extension().is_some_and(|extension| extension == "out"))
    {
        assert!(out.with_extension("bt").exists(), "{} has no script", out.display());
    }
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "bt"));
    scripts.sort();
    scripts
}

/// What is wrong with a golden file, or nothing.
fn check(script: &Path, stage: Stage, update: bool) -> Option<String> {
    let name = script.file_name().unwrap().to_string_lossy().into_owned();
    let out = script.with_extension("out");
    let is = stage(&mut Sources::new(), &name, fs::read_to_string(script).unwrap());
    if update {
        fs::write(&out, &is).unwrap();
        return None;
    }
    match fs::read_to_string(&out) {
        Ok(was) if was == is => None,
        Ok(was) => Some(format!("{}:\n--- expected\n{was}\n+++ is\n{is}", script.display())),
        Err(_) => {
            Some(format!("{}: no .out file beside it; it would hold\n{is}", script.display()))
        }
    }
}
