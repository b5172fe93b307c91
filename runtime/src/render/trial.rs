//! How tests and benchmarks are reported.

use std::time::Duration;

use super::text::put;
use super::{Format, Renderer, json};

const GOOD: &str = "32";
const BAD: &str = "31";
/// Least width of the column with the names of benchmarks.
const NAMES: usize = 40;

/// How a test went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested<'a> {
    /// What it is called.
    pub name: &'a str,
    /// How long it ran.
    pub took: Duration,
    /// Whether nothing was wrong.
    pub passed: bool,
    /// What it printed.
    pub output: Vec<u8>,
}

/// How a benchmark went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Nanoseconds for one time.
    pub average: u64,
    /// How often it ran.
    pub rounds: u64,
}

impl Renderer<'_> {
    /// How many tests are going to run.
    pub fn tests_begin(&self, out: &mut Vec<u8>, count: usize) {
        if self.format == Format::Text {
            tagged(out, GOOD, "==========", format_args!("Running {count} tests."));
        }
    }

    /// A test that is going to run.
    pub fn test_begins(&self, out: &mut Vec<u8>, name: &str) {
        if self.format == Format::Text {
            tagged(out, GOOD, " RUN      ", format_args!("{name}"));
        }
    }

    /// A test that ran.
    pub fn test_ends(&self, out: &mut Vec<u8>, test: &Tested<'_>) {
        let Tested { name, took, passed, output } = test;
        if self.format == Format::Json {
            return json::event(out, "test_result", |out| {
                out.push(b'{');
                json::string(out, name.as_bytes());
                let took = took.as_nanos();
                put(
                    out,
                    format_args!(": {{\"duration\": {took}, \"passed\": {passed}, \"output\": "),
                );
                json::string(out, output);
                out.extend_from_slice(b"}}");
            });
        }
        if *passed {
            return tagged(out, GOOD, "       OK ", format_args!("{name} ({})", rounded(*took)));
        }
        out.extend_from_slice(output);
        if output.last().is_some_and(|last| *last != b'\n') {
            out.push(b'\n');
        }
        tagged(out, BAD, "  FAILED  ", format_args!("{name} ({})", rounded(*took)));
    }

    /// All tests that ran.
    pub fn tests_end(&self, out: &mut Vec<u8>, count: usize, failed: &[&str]) {
        if self.format == Format::Json {
            return;
        }
        let counted = |count| format!("{count} test{}", if count == 1 { "" } else { "s" });
        tagged(out, GOOD, "==========", format_args!("{count} tests ran."));
        tagged(out, GOOD, "  PASSED  ", format_args!("{}.", counted(count - failed.len())));
        if failed.is_empty() {
            return;
        }
        let sum = counted(failed.len());
        tagged(out, BAD, "  FAILED  ", format_args!("{sum}, listed below:"));
        failed.iter().for_each(|name| tagged(out, BAD, "  FAILED  ", format_args!("{name}")));
    }

    /// All benchmarks that ran.
    pub fn benchmarks(&self, out: &mut Vec<u8>, all: &[Measured<'_>]) {
        if self.format == Format::Json {
            return all.iter().for_each(|one| {
                json::event(out, "benchmark_result", |out| {
                    out.push(b'{');
                    json::string(out, one.name.as_bytes());
                    let Measured { average, rounds, .. } = one;
                    put(out, format_args!(": {{\"average\": {average}, \"iters\": {rounds}}}}}"));
                });
            });
        }
        let longest = all.iter().map(|one| one.name.chars().count()).max().unwrap_or(0);
        let width = longest.max(NAMES) + 1;
        let heads = ["Benchmark", "Time(ns)", "Iterations"];
        put(out, format_args!("{:width$}{:15}{}\n", heads[0], heads[1], heads[2]));
        put(out, format_args!("{:-<1$}\n", "", width + 15 + heads[2].len()));
        for Measured { name, average, rounds } in all {
            put(out, format_args!("{name:width$}{average:<15}{rounds}\n"));
        }
    }
}

/// `12 μs`
fn rounded(took: Duration) -> String {
    let units = [("s", 1_000_000_000), ("ms", 1_000_000), ("μs", 1_000), ("ns", 1)];
    let nanoseconds = took.as_nanos();
    let unit = units.into_iter().find(|(_, size)| nanoseconds >= *size);
    let (unit, size) = unit.unwrap_or(("ns", 1));
    format!("{} {unit}", nanoseconds / size)
}

/// A line with a tag in front, in a colour.
fn tagged(out: &mut Vec<u8>, color: &str, tag: &str, text: std::fmt::Arguments<'_>) {
    put(out, format_args!("\x1b[{color}m[{tag}]\x1b[0m {text}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::NoNames;
    use crate::symbol::NoSymbols;

    fn shown(format: Format, show: impl FnOnce(&Renderer<'_>, &mut Vec<u8>)) -> String {
        let look = Renderer {
            format,
            trailer: "..",
            max_strlen: 64,
            escape: false,
            symbols: &NoSymbols,
            names: &NoNames,
        };
        let mut out = Vec::new();
        show(&look, &mut out);
        String::from_utf8(out).unwrap()
    }

    const MEASURED: [Measured<'_>; 1] = [Measured { name: "a", average: 26, rounds: 40000 }];

    #[test]
    fn benchmarks_are_a_table() {
        let table = shown(Format::Text, |look, out| look.benchmarks(out, &MEASURED));
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "Benchmark                                Time(ns)       Iterations",
                "------------------------------------------------------------------",
                "a                                        26             40000",
            ]
        );
        let json = shown(Format::Json, |look, out| look.benchmarks(out, &MEASURED));
        let wanted = "{\"type\": \"benchmark_result\", \"data\": {\"a\": {\"average\": 26, \"iters\": 40000}}}\n";
        assert_eq!(json, wanted);
    }

    #[test]
    fn a_failed_test_shows_what_it_printed() {
        let took = Duration::from_micros(7);
        let test = Tested { name: "b", took, passed: false, output: b"x = 1".to_vec() };
        let text = shown(Format::Text, |look, out| look.test_ends(out, &test));
        assert_eq!(text, "x = 1\n\x1b[31m[  FAILED  ]\x1b[0m b (7 μs)\n");
        let json = shown(Format::Json, |look, out| look.test_ends(out, &test));
        let wanted = "{\"type\": \"test_result\", \"data\": {\"b\": {\"duration\": 7000, \"passed\": false, \
                      \"output\": \"x = 1\"}}}\n";
        assert_eq!(json, wanted);
    }

    #[test]
    fn the_sum_of_tests_names_those_that_failed() {
        let text = shown(Format::Text, |look, out| look.tests_end(out, 3, &["b", "c"]));
        let plain: String =
            text.replace("\x1b[32m", "").replace("\x1b[31m", "").replace("\x1b[0m", "");
        let lines: Vec<&str> = plain.lines().collect();
        assert_eq!(
            lines,
            [
                "[==========] 3 tests ran.",
                "[  PASSED  ] 1 test.",
                "[  FAILED  ] 2 tests, listed below:",
                "[  FAILED  ] b",
                "[  FAILED  ] c",
            ]
        );
    }
}
