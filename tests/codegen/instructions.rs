//! How many instructions the programs of the bench have: exact figures, so that worse code shows as a difference in
//! `tests/bench/instructions.txt`. `UPDATE=1 cargo test --test codegen instructions` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ebtrace::codegen::{self, Target};
use ebtrace::host::fixture::Fixture;
use ebtrace::options::Options;
use ebtrace::pipeline;
use ebtrace::source::Sources;
use object::read::elf::ElfFile64;
use object::{Object as _, ObjectSymbol as _, SymbolKind};

/// Bytes.
const INSTRUCTION: u64 = 8;

/// What each script is told, for the one that wants it.
const PARAMETER: &str = "1234";

/// The scripts, as many as there were when the list was made.
const SCRIPTS: usize = 12;

#[test]
fn instructions_are_as_many_as_they_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench");
    let mut scripts: Vec<PathBuf> =
        fs::read_dir(folder.join("scripts")).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    assert_eq!(scripts.len(), SCRIPTS);
    let mut list = String::new();
    for script in scripts {
        let name = script.file_stem().unwrap().to_string_lossy().into_owned();
        for (program, instructions) in programs(&fs::read_to_string(&script).unwrap()) {
            writeln!(list, "{name:<12} {program:<44} {instructions:>5}").unwrap();
        }
    }
    let path = folder.join("instructions.txt");
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(path, list).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert!(
        list == expected,
        "the instructions of programs are\n{list}instead of\n{expected}\
         If that is meant: UPDATE=1 cargo test --test codegen instructions"
    );
}

/// The programs of a script, and functions that they call, with the number of their instructions. The machine is made up,
/// and always the same.
fn programs(text: &str) -> Vec<(String, u64)> {
    let mut sources = Sources::new();
    let file = sources.add("instructions.bt", text.to_owned());
    let options = Options { params: vec![PARAMETER.to_owned()], ..Options::default() };
    let checked = pipeline::check(&mut sources, file, &Fixture::new(), &options);
    let checked = checked.unwrap().0.unwrap_or_else(|| panic!("{text}"));
    let target = Target { version: (6, 12, 0), possible_cpus: 4 };
    let bytes = codegen::generate(&checked.program, &checked.layout, &sources, &target).unwrap();
    let elf = ElfFile64::<object::Endianness>::parse(&*bytes).unwrap();
    let functions = elf.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text);
    let sized = functions.filter(|symbol| symbol.size() > 0).map(|symbol| {
        let name = symbol.name().unwrap();
        let probes = &checked.layout.image.probes;
        let probe = probes.iter().find(|probe| probe.program.as_str() == name);
        let label = probe.map_or_else(|| format!("function {name}"), |probe| probe.label.clone());
        (label, symbol.size() / INSTRUCTION)
    });
    sized.collect()
}
