//! `-d`.

use super::{assert_refused, ebtrace, text};

const SCRIPT: &str = "macro one() { 1 } begin { @[comm] = count(); $x = one(); print($x); }";

fn shown(stages: &[&str]) -> String {
    let output = ebtrace(&[stages, &["-e", SCRIPT]].concat());
    assert_eq!(output.status.code(), Some(0), "{stages:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn every_stage_can_be_shown() {
    for (stage, part) in [
        ("parse", "macro one()"),
        ("ast", "@[comm] = count();"),
        ("types", "// comm: string[16]\n"),
        ("ir", "map @[string[16]]: count_t"),
        ("image", "\"symbol\": \"AT_\""),
        ("codegen", "target triple = \"bpfel\""),
        ("llvm", "target triple = \"bpfel\""),
        ("codegen-opt", "target triple = \"bpfel\""),
        ("asm", "exit"),
        ("dis", "exit"),
    ] {
        let shown = shown(&["-d", stage]);
        assert!(shown.contains(part), "{stage}: {shown}");
    }
    assert!(!shown(&["-d", "ast"]).contains("macro one()"));
    // Only before LLVM's passes there is something that can be left out.
    assert!(shown(&["-d", "codegen"]).len() > shown(&["-d", "llvm"]).len());
}

#[test]
fn several_stages_come_in_their_order() {
    let both = shown(&["-d", "ir,parse"]);
    assert_eq!(shown(&["-d", "ir", "--debug", "parse", "-d", "ir"]), both);
    let order = ["The script as it was read\n---", "macro one()", "Intermediate", "map @"];
    let places: Vec<Option<usize>> = order.iter().map(|part| both.find(part)).collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{both}");
}

#[test]
fn stages_that_do_not_exist_are_refused() {
    assert_refused(&["-d", "bytecode", "-e", SCRIPT], "parse, ast, types, ir, image, codegen");
    assert_refused(&["-d", "ast,", "-e", SCRIPT], "`-d, --debug` wants one of parse");
    assert_refused(&["-d"], "`-d, --debug` wants one of parse");
}

#[test]
fn a_wrong_script_is_shown_as_far_as_it_is_understood() {
    let output = ebtrace(&["-d", "ast,ir", "-e", "begin { print(pdi); }"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("print(pdi);"));
    assert_eq!(text(&output.stderr).matches("did you mean `pid`?").count(), 1);
    let output = ebtrace(&["-d", "parse", "-e", "begin { print(1; }"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("stdin:1:14"), "{}", text(&output.stderr));
}
