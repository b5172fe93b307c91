//! What the listing says of instructions is what the kernel gets.

use ebtrace::codegen;
use ebtrace::host::fixture::Fixture;
use ebtrace::options::Options;
use ebtrace::pipeline;
use ebtrace::source::Sources;
use libbpf_rs::ObjectBuilder;
use libbpf_rs::libbpf_sys::bpf_insn;

use super::support::{Script, can_load};

const SCRIPTS: &[&str] = &[
    "begin { @[comm] = count(); if (pid > 3) { printf(\"%d %s\\n\", pid, comm); } }",
    "fn f($n : int64) : int64 { $s = 0; for ($i : 0..$n) { $s += $i; } return $s; } begin { @ = f(3); } end { @ = f(4); }",
    "begin < $i = 0; while ($i < 10) { $i++; if ($i == 5) { continue; } @h = hist($i); } print(strlen(comm)); >",
    "begin { @a = lhist(pid, 0, 100, 10); @b = stats(pid); @c = str(curtask->comm) == \"x\"; @d = kstack; }",
];

const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
const FAR_JUMP: u8 = 0x06;
const WIDE: u8 = 0x18;

fn script(text: &str) -> Script {
    let mut sources = Sources::new();
    let file = sources.add("listing.bt", text.to_owned());
    let checked = pipeline::check(&mut sources, file, &Fixture::new(), &Options::default());
    let mut script = Script::new();
    script.program = checked.unwrap().0.unwrap_or_else(|| panic!("{text}")).program;
    script.sources = sources;
    script
}

/// Holds a line of the listing, `5  if r0 == 0 goto 9`, to the instruction of its number; returns the next number.
fn check(line: &str, instructions: &[bpf_insn]) -> usize {
    let (number, text) = line.trim_start().split_once("  ").unwrap();
    let number: usize = number.parse().unwrap();
    let instruction = &instructions[number];
    let shown = |what: bool| assert!(what, "{line}: {:#x}", instruction.code);
    shown((instruction.code == EXIT) == (text == "exit"));
    shown((instruction.code == CALL) == text.starts_with("call "));
    shown((instruction.code == WIDE) == text.ends_with(" ll"));
    let class = instruction.code & 7;
    let jumps = matches!(class, 5 | 6) && !matches!(instruction.code, CALL | EXIT);
    shown(jumps == text.contains("goto"));
    if jumps {
        let distance = match instruction.code {
            FAR_JUMP => instruction.imm as isize,
            _ => isize::from(instruction.off),
        };
        let target = number as isize + 1 + distance;
        assert!(text.ends_with(&format!(" {target}")), "{line}: {target}");
    }
    number + if instruction.code == WIDE { 2 } else { 1 }
}

#[test]
fn numbers_and_jumps_are_those_of_the_kernel() {
    if !can_load("numbers_and_jumps_are_those_of_the_kernel") {
        return;
    }
    for text in SCRIPTS {
        let script = script(text);
        let layout = script.layout();
        let listing =
            codegen::assembly(&script.program, &layout, &script.sources, &script.target).unwrap();
        let object =
            ObjectBuilder::default().open_memory(&script.object()).unwrap().load().unwrap();
        let programs: Vec<&str> = listing.split("\n\n").collect();
        assert_eq!(programs.len(), layout.image.probes.len(), "{listing}");
        for (probe, listed) in layout.image.probes.iter().zip(programs) {
            assert!(listed.starts_with(&format!("{}\n", probe.label)), "{listed}");
            let program = object.progs().find(|one| one.name() == probe.program.as_str()).unwrap();
            let mut lines = listed.lines().filter(|line| {
                line.trim_start().starts_with(|digit: char| digit.is_ascii_digit())
                    && !line.contains('│')
            });
            let end = lines.try_fold(0, |expected, line| {
                let found = line.trim_start().split(' ').next()?.parse().ok()?;
                (expected == found).then(|| check(line, program.insns()))
            });
            assert_eq!(end, Some(program.insn_cnt()), "{text}\n{listed}");
        }
    }
}
