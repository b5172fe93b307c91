//! `--mode`.

use std::process::Output;

use super::{as_nobody, assert_refused, ebtrace, text};

fn assert_silent(output: &Output) {
    let said = (text(&output.stdout), text(&output.stderr));
    assert_eq!((output.status.code(), said), (Some(0), (String::new(), String::new())));
}

#[test]
fn scripts_can_be_compiled_and_not_run() {
    let script = "begin { printf(\"begins\\n\"); } interval:s:1 { @ = count(); }";
    assert_silent(&ebtrace(&["--mode", "codegen", "-e", script]));
    // Who only compiles needs no privileges.
    assert_silent(&as_nobody(&["--mode", "codegen", "-e", script]));
    // Nor a process whose stacks are walked.
    let unwinds = "config = { unstable_dw_ustack = true } interval:s:1 { @[dw_ustack] = count(); }";
    assert_silent(&ebtrace(&["--mode", "codegen", "-e", unwinds]));
    assert_refused(&["--mode", "codegen", "-e", "begin { print(pdi); }"], "did you mean `pid`?");
}

#[test]
fn stages_of_the_compilation_are_measured() {
    let output = ebtrace(&["--mode", "compiler-bench", "-e", "begin { @[comm] = count(); }"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    let mut lines = table.lines();
    let head = format!("{:<30}{:>8}{:>14}{:>14}", "stage", "count", "total", "mean");
    assert_eq!(lines.next(), Some(head.as_str()));
    for stage in ["parse", "import", "macros", "headers", "check", "fold", "layout", "verify"]
        .into_iter()
        .chain(["lower", "optimise", "emit", "all"])
    {
        let line = lines.next().unwrap_or_default();
        let is_row = line.starts_with(&format!("{stage:<30}")) && line.contains(" ± ");
        let count: Option<u32> = line.get(30..38).and_then(|count| count.trim().parse().ok());
        assert!(is_row && count.is_some_and(|count| count >= 5), "{stage}: {line}");
    }
    assert_eq!(lines.next(), None);
    let wrong = ["--mode", "compiler-bench", "-e", "begin { print(pdi); }"];
    assert_refused(&wrong, "did you mean `pid`?");
}

#[test]
fn modes_that_do_not_exist_are_refused() {
    let message = "`--mode` wants one of test, bench, format, codegen, compiler-bench";
    assert_refused(&["--mode", "fast", "-e", "begin { }"], message);
    assert_refused(&["--test", "--mode", "bench", "-e", "begin { }"], "does not go with");
}
