//! Mistakes on the command line: what is wrong, and what to type. Nothing is run.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};

use super::{EBTRACE, Folder, assert_refused, ebtrace, text};

const SCRIPT: [&str; 2] = ["-e", "begin { exit(); }"];

/// Options, and what is said of them.
const MISTAKES: &[(&[&str], &str)] = &[
    (&["--nope"], "error: there is no option `--nope`"),
    (&["--unsaf"], "there is no option `--unsaf`; did you mean `--unsafe`?"),
    (&["-x"], "there is no option `-x`\n`-h` lists them"),
    (&["--dry-run=yes"], "`--dry-run` takes no value"),
    (&["-o"], "`-o, --output` wants a value, and none follows it"),
    (&["-e"], "`-e` wants a value, and none follows it"),
    (&["-f"], "`-f` wants one of text, json"),
    (&["-f", "jsonx"], "`-f` wants one of text, json, not `jsonx`; did you mean `json`?"),
    (&["-B", "block"], "`-B` wants one of line, full, none, not `block`"),
    (&["--mode", "benhc"], "not `benhc`; did you mean `bench`?"),
    (
        &["-d", "bytecode"],
        "`-d, --debug` wants one of parse, ast, types, ir, image, codegen, llvm, asm",
    ),
    (&["-p", "a1111"], "`-p, --pid` does not take `a1111`: the number of a process is needed"),
    (&["-p", "111a1"], "`-p, --pid` does not take `111a1`"),
    (&["-p", "0"], "`-p, --pid` does not take `0`: processes have numbers from 1 to 4194304"),
    (&["-p", "5000000"], "processes have numbers from 1 to 4194304"),
    (&["-p", "4194303"], "there is no process 4194303"),
    (&["--dwarf-pid", "-5"], "`--dwarf-pid` does not take `-5`"),
    (&["--dwarf-pid", "4194303"], "there is no process 4194303"),
    (&["--no-feature", "btf"], "`--no-feature` does not take `btf`: what can be left out is"),
    (&["--probe-filter", "("], "`--probe-filter` does not take `(`"),
    (
        &["-c", "true", "-p", "1"],
        "`-c, --cmd` does not go with `-p, --pid`: trace the command, or the process",
    ),
    (&["-k", "--no-warnings"], "`-k, --warnings` does not go with `--no-warnings`"),
    (&["-kk"], "`-k, --warnings` is given twice"),
    (&["-o", "a", "-o", "b"], "`-o, --output` is given twice"),
    (&["-p", "1", "-p", "2"], "`-p, --pid` is given twice"),
    (&["--test", "--bench"], "`--test` does not go with `--bench`"),
    (&["--test", "--mode", "bench"], "`--test` does not go with `--mode`"),
    (&["--mode", "bench", "--fmt"], "`--mode` does not go with `--fmt`"),
    (&["--dry-run", "--test"], "`--dry-run` does not go with `--test`"),
    (&["--info"], "--info looks at the machine and runs no script"),
    (&["-l", "kprobe:*"], "-l takes one search, or one script"),
    (&["-l", "-c", "true"], "`-l, --list` does not go with `-c, --cmd`"),
    (&["-l", "--test"], "`-l, --list` does not go with `--test`"),
    (&["-l", "-o", "x"], "`-l, --list` does not go with `-o, --output`"),
    (&["-c", ""], "the command to run is empty"),
    (&["-c", "/bin/nope now"], "the command cannot be run: there is no program `/bin/nope`"),
    (&["-c", "nope-nope"], "no folder of PATH has a program `nope-nope`"),
    (&["-c", "/"], "the command cannot be run: `/` is no program"),
    (&["-o", "/nope/x"], "cannot write the output to /nope/x: No such file or directory\n"),
    (&["-o", "/"], "cannot write the output to /: Is a directory\n"),
    (&["--emit-elf", "/nope/x"], "cannot write the object to /nope/x: No such file"),
    (&["--emit-elf", "/dev/full"], "cannot write the object to /dev/full: No space left"),
    (&["--emit-llvm", "/nope/x"], "cannot write LLVM's code to /nope/x.original.ll: No such file"),
    (&["--include", "/nope.h"], "there is no header `/nope.h`"),
    (&["--traceable-functions", "/nope"], "cannot read the functions in /nope: No such file"),
    (&["--traceable-functions", "/"], "cannot read the functions in /: this is a folder"),
    (&["-I", "/nope"], "`-I` names no folder: /nope"),
    (&["--debuginfo", "/nope:/"], "`--debuginfo` names no folder: /nope"),
];

#[test]
fn options_that_are_wrong_say_what_to_type() {
    let folder = Folder::new("mistakes");
    for (flags, message) in MISTAKES {
        // What wants a value comes last.
        let all = [&SCRIPT[..], flags].concat();
        let output =
            Command::new(EBTRACE).args(&all).current_dir(&folder.0).stdin(Stdio::null()).output();
        let output = output.unwrap();
        let errors = text(&output.stderr);
        // Who may not trace at all learns that first, where the mistake is found out later.
        let may_not = errors.contains("E0603");
        assert!(errors.contains(message) || may_not, "{all:?}: {errors}");
        assert_eq!(
            (output.status.code(), text(&output.stdout)),
            (Some(1), String::new()),
            "{all:?}"
        );
        assert!(!errors.contains("os error") && !errors.contains("panicked"), "{all:?}: {errors}");
        assert!(may_not || errors.starts_with("error"), "{all:?}: {errors}");
    }
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn words_that_are_wrong_say_what_to_type() {
    let folder = Folder::new("words");
    let script = folder.file("script.bt");
    fs::write(&script, "begin { print(getopt(\"n\", 5)); }").unwrap();
    let script = script.to_str().unwrap();
    for (words, message) in [
        (&[script, "--n=5"][..], "there is no option `--n`\n"),
        (&[script, "--n=5"], "what is meant for the script stands behind `--`: `-- --name=value`"),
        (&[script, "--", "--m=5"], "the script has no parameter `--m`; did you mean `--n`?"),
        (&["help", "count", "sum"], "name one word, as in `ebtrace help count`"),
        (&["man", "ebtrace"], "`ebtrace man` stands alone: leave out `ebtrace`"),
        (&["doctor", "now"], "`ebtrace doctor` stands alone: leave out `now`"),
        (&["-l", "a.bt", "b.bt"], "-l takes one search, or one script"),
        (&["--fmt"], "there is no script"),
        (&[""], "there is no script"),
        (&["-e", " "], "there is no script"),
        (&["--", "--n"], "cannot read the script --n: No such file or directory"),
    ] {
        if message.starts_with("the script has no parameter") {
            let output = ebtrace(words);
            assert!(text(&output.stderr).contains("the script has no parameter `--m`"));
            continue;
        }
        assert_refused(words, message);
    }
    let output = Command::new(EBTRACE).arg("-e").arg(OsStr::from_bytes(b"begin { \xff }")).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("is not UTF-8; a script with such bytes can stand in a file")
    );
}

#[test]
fn options_stand_anywhere_and_flags_may_be_repeated() {
    let folder = Folder::new("order");
    let script = folder.file("script.bt");
    fs::write(&script, "begin { printf(\"%d %s\", $#, str($1)); }").unwrap();
    let path = script.to_str().unwrap();
    let shown = text(&ebtrace(&["-d", "image", path, "one"]).stdout);
    assert!(shown.contains("printf") || !shown.is_empty());
    for words in [
        &[path, "one", "-d", "image"][..],
        &[path, "-d", "image", "--", "one"],
        &["-q", "-q", "-vv", path, "-d", "image", "one", "--unsafe", "--unsafe"],
    ] {
        let output = ebtrace(words);
        assert_eq!(
            (output.status.code(), text(&output.stdout)),
            (Some(0), shown.clone()),
            "{words:?}"
        );
    }
    let count = ["-d", "ir", "-e", "begin { print($#); }", "--", "one", "two"];
    assert!(text(&ebtrace(&count).stdout).contains("emit 0(2:int8)"));
    // The last of several scripts counts, and what follows is its own.
    let inline = ["-d", "parse", "-e", "begin { }", "-e", "end { }", "--", "word"];
    assert_eq!(text(&ebtrace(&inline).stdout), "end {\n}\n");
}

#[test]
fn readers_that_go_away_and_devices_that_are_full() {
    let long = ["-d", "all,image", "--mode", "codegen", "-e", "begin { @[comm] = count(); }"];
    for args in [
        &["-h"][..],
        &["--help"],
        &["help"],
        &["help", "environment"],
        &["man"],
        &["--info"],
        &["-l"],
        &["explain", "E0301"],
        &["-d", "image", "-e", "begin { @ = 1; }"],
        &["completions", "bash"],
        &["--fmt", "-e", "begin { @ = 1; }"],
        &long[2..],
    ] {
        let mut command = Command::new(EBTRACE);
        let command =
            command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(0), String::new()),
            "{args:?}"
        );
        // Nobody at all to write to is no error either.
        let closed = format!("exec {EBTRACE} \"$@\" >&- 2>&-");
        let status = Command::new("sh").args(["-c", &closed, "sh"]).args(args).status().unwrap();
        assert_eq!(status.code(), Some(0), "{args:?}");
        if args.contains(&"--mode") {
            continue;
        }
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(EBTRACE).args(args).stdout(full).stderr(Stdio::piped()).output();
        let output = output.unwrap();
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {errors}");
        assert!(
            errors.contains("cannot write output: No space left on device\n"),
            "{args:?}: {errors}"
        );
    }
}

#[test]
fn scripts_that_nobody_may_read_are_named() {
    let folder = Folder::new("secret");
    let script = folder.file("secret.bt");
    fs::write(&script, "begin { }").unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let output = super::as_nobody(&[script.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    assert!(errors.contains("secret.bt: Permission denied\n"), "{errors}");
}
