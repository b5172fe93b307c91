//! Loops and functions as each kernel gets them: before Linux 5.17, without `bpf_loop`, through the elements of an array.

use ebtrace::host::fixture::Fixture;
use ebtrace::options::Options;
use ebtrace::pipeline;
use ebtrace::source::Sources;

use super::support::{Script, can_load, number};

/// Bodies of probes, and what `@r` is afterwards.
const SCRIPTS: &[(&str, u64)] = &[
    ("for ($i : 0..10) { @r += (uint64)$i; }", 45),
    ("@r = (uint64)1; for ($i : 5..5) { @r = (uint64)2; } for ($i : 5..-5) { @r = (uint64)3; }", 1),
    ("for ($i : (-3)..3) { @r += (uint64)($i + 3); }", 15),
    ("for ($i : 0..1000000000) { if ($i == 70) { break; } @r += (uint64)1; }", 70),
    ("for ($i : 0..10) { if ($i % 2 == 0) { continue; } @r += (uint64)$i; }", 25),
    ("for ($i : 0..5) { for ($j : 0..5) { if ($j == 3) { break; } @r += (uint64)1; } }", 15),
    (
        "for ($i : 0..5) { for ($j : 0..5) { if ($i == 2) { return; } @r += (uint64)1; } } @r = (uint64)99;",
        10,
    ),
    ("for ($i : 0..2000) { @r += (uint64)1; }", 2000),
    ("$i = 0; while ($i < 100) { $i++; if ($i == 50) { continue; } @r += (uint64)1; }", 99),
    ("$i = 0; while (1) { $i++; if ($i > 1500) { break; } } @r = (uint64)$i;", 1501),
    ("@m[1] = 5; @m[2] = 6; for ($kv : @m) { @r += (uint64)($kv.0 + $kv.1); }", 14),
    ("@m[1] = 5; @m[2] = 6; for ($kv : @m) { @r += (uint64)1; break; }", 1),
    ("@m[1] = 5; for ($kv : @m) { for ($i : 0..4) { @r += (uint64)($kv.1 * $i); } }", 30),
    ("$sum = (uint64)0; for ($i : 0..4) { $sum += (uint64)sum_to($i); } @r = $sum;", 10),
    ("@r = (uint64)sum_to(2000);", 2_001_000),
];

const FUNCTION: &str = "fn sum_to($n : int64) : int64 {
  $sum = 0;
  for ($i : 0..($n + 1)) { $sum += $i; }
  return $sum;
}
";

/// What `@r` is after a run of the script's probe, compiled for a kernel.
fn result(body: &str, version: (u32, u32, u32)) -> u64 {
    let text = format!("{FUNCTION}begin {{ @r = (uint64)0; {body} }}");
    let mut sources = Sources::new();
    let file = sources.add("loops.bt", text);
    let (checked, diagnostics) =
        pipeline::check(&mut sources, file, &Fixture::new(), &Options::default()).unwrap();
    let messages: Vec<&String> = diagnostics.iter().map(|found| &found.headline).collect();
    let checked = checked.unwrap_or_else(|| panic!("{body}: {messages:?}"));
    let mut script = Script::new();
    script.program = checked.program;
    script.sources = sources;
    script.target.version = version;
    let mut loaded = script.load();
    loaded.run(0, &[]);
    let value = loaded.get("AT_r", &0u32.to_ne_bytes()).unwrap();
    number(&value[8..16])
}

#[test]
fn loops_do_the_same_on_every_kernel() {
    if !can_load("loops_do_the_same_on_every_kernel") {
        return;
    }
    for &(body, expected) in SCRIPTS {
        for version in [(5, 15, 0), (5, 17, 0), (6, 1, 0), (6, 12, 0)] {
            assert_eq!(result(body, version), expected, "{version:?}: {body}");
        }
    }
}
