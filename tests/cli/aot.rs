//! `--aot`: programs that are made of scripts. That they run, `tests/live/aot.rs` shows.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use super::{Folder, assert_refused, ebtrace, text};

const SCRIPT: &str =
    "begin { printf(\"%d %s\\n\", getopt(\"n\", 5, \"how many\"), str($1)); exit(); }";

/// A program of the script.
fn made(folder: &Folder) -> std::path::PathBuf {
    let program = folder.file("program");
    let output = ebtrace(&["--aot", program.to_str().unwrap(), "-e", SCRIPT, "first"]);
    let said = (output.status.code(), text(&output.stdout), text(&output.stderr));
    assert_eq!(said, (Some(0), String::new(), String::new()));
    program
}

/// A child of another test, just born, may still have the program open that this one wrote.
fn run(program: &Path, args: &[&str]) -> Output {
    loop {
        match Command::new(program).args(args).output() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => thread::yield_now(),
            ran => return ran.unwrap(),
        }
    }
}

#[test]
fn programs_of_scripts_explain_themselves() {
    let folder = Folder::new("aot");
    let program = made(&folder);
    let help = text(&run(&program, &["-h"]).stdout);
    assert!(
        help.contains("Usage: program [OPTIONS]")
            && help.contains("--n=NUMBER  how many (default: 5)"),
        "{help}"
    );
    assert!(!help.contains("--dry-run"), "{help}");
    assert_eq!(
        text(&run(&program, &["--", "--help"]).stdout),
        "named parameters of this script:\n  --n=NUMBER  how many (default: 5)\n"
    );
    assert!(text(&run(&program, &["-V"]).stdout).starts_with("program v"));
    for (args, message) in [
        (&["--", "--m=5"][..], "the script has no parameter `--m`"),
        (&["--", "--n=x"], "the parameter `--n` wants a number, not `x`"),
        (&["--", "--n"], "the parameter `--n` wants a number"),
        (&["--", "second"], "`second` is one too many"),
        (&["second"], "`second` is one word too many"),
        (&["-e", "begin { }"], "there is no option `-e`"),
        (&["-d", "llvm"], "`-d, --debug` wants one of libbpf, verifier, all"),
    ] {
        let output = run(&program, args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let errors = text(&output.stderr);
        assert!(errors.contains(message), "{args:?}: {errors}");
    }
}

#[test]
fn damaged_programs_say_so() {
    let folder = Folder::new("aot-damaged");
    let program = made(&folder);
    let mut bytes = fs::read(&program).unwrap();
    let place = bytes.len() - 100;
    bytes[place] ^= 1;
    fs::write(&program, &bytes).unwrap();
    let output = run(&program, &["-V"]);
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    assert!(errors.contains("the script at the end of this program is damaged"), "{errors}");
    // Without its end, it is ebtrace.
    bytes.truncate(bytes.len() - 1);
    fs::write(&program, &bytes).unwrap();
    assert!(text(&run(&program, &["-V"]).stdout).starts_with("ebtrace v"));
}

#[test]
fn what_is_not_known_ahead_of_time_is_refused() {
    let folder = Folder::new("aot-refused");
    let program = folder.file("program");
    let path = program.to_str().unwrap();
    for (script, message) in [
        ("begin { print($1); }", "positional parameters are fixed when the script is compiled"),
        ("begin { print(str($2)); }", "`$2` was not given"),
        ("begin { print(kaddr(\"jiffies\")); }", "`kaddr` cannot be known ahead of time"),
        (
            "begin { print(cgroupid(\"/sys/fs/cgroup\")); }",
            "`cgroupid` cannot be known ahead of time",
        ),
        ("watchpoint:0xffffffff81000000:8:w { }", "cannot be found ahead of time"),
        ("test:one { }", "the script has only tests"),
        ("begin { print(pdi); }", "did you mean `pid`?"),
    ] {
        let output = ebtrace(&["--aot", path, "-e", script]);
        // A kernel without watchpoints says that.
        let lacks = output.status.code() == Some(69) && script.starts_with("watchpoint");
        let errors = text(&output.stderr);
        assert!(
            lacks || (output.status.code() == Some(1) && errors.contains(message)),
            "{script}: {errors}"
        );
    }
    // Whose stacks, the program is told when it runs.
    let unwinds =
        "config = { unstable_dw_ustack = enable } interval:s:1 { @[dw_ustack] = count(); }";
    let output = ebtrace(&["--aot", path, "-e", unwinds]);
    // Kernels before 6.2 cannot walk stacks.
    assert!(
        output.status.success() || text(&output.stderr).contains("Linux"),
        "{}",
        text(&output.stderr)
    );
    drop(fs::remove_file(&program));
    for flags in
        [&["-k"][..], &["-c", "true"], &["-p", "1"], &["--test"], &["--dry-run"], &["-o", "x"]]
    {
        assert_refused(&[flags, &["--aot", path, "-e", "begin { }"]].concat(), "does not go with");
    }
    assert_refused(
        &["--aot", "/nope/x", "-e", "begin { }"],
        "cannot write the program to /nope/x: No such file",
    );
    assert_refused(
        &["--aot", "/", "-e", "begin { }"],
        "cannot write the program to /: this is no file",
    );
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0, "nothing is left");
}
