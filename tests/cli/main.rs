//! The command itself: options, exit statuses, and which stream says what. Nothing here loads a BPF program.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod aot;
mod binary;
mod environment;
mod help;
mod mistakes;
mod modes;
mod stages;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

const EBTRACE: &str = env!("CARGO_BIN_EXE_ebtrace");

fn ebtrace(args: &[&str]) -> Output {
    Command::new(EBTRACE).args(args).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Fails with this on standard error, status 1 and nothing on standard output.
fn assert_refused(args: &[&str], message: &str) {
    let output = ebtrace(args);
    let errors = text(&output.stderr);
    assert!(errors.contains(message), "{args:?}: {errors}");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()), "{args:?}");
}

/// A folder that is gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = {
            static COUNT: AtomicUsize = AtomicUsize::new(0);
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("ebtrace-cli-{name}-{}-{number}", std::process::id());
            std::env::temp_dir().join(name)
        };
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn help_and_version_are_answers() {
    let help = ebtrace(&["-h"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("Usage: ebtrace"));
    let version = ebtrace(&["-V"]);
    assert_eq!(version.status.code(), Some(0));
    assert!(text(&version.stdout).starts_with("ebtrace v"));
}

#[test]
fn usage_errors_go_to_standard_error() {
    assert_refused(&[], "Usage: ebtrace");
    assert_refused(&["-e", ""], "there is no script");
}

#[test]
fn scripts_that_cannot_be_read_are_named() {
    assert_refused(&["/nope/x.bt"], "cannot read the script /nope/x.bt: No such file");
    assert_refused(&["/"], "cannot read the script /: Is a directory");
    assert_refused(&["begin { exit(); }"], "a script in the command line itself needs -e");
}

#[test]
fn wrong_scripts_say_where_and_load_nothing() {
    assert_refused(&["-e", "begin { print(pdi); }"], "did you mean `pid`?");
    assert_refused(&["-e", "begin { $x = ; }"], "stdin:1:14");
    let folder = Folder::new("wrong");
    let script = folder.file("wrong.bt");
    fs::write(&script, "begin {\n  print($x);\n}\n").unwrap();
    assert_refused(&[script.to_str().unwrap()], "wrong.bt:2:9");
}

#[test]
fn a_script_that_is_no_utf8_is_read_all_the_same() {
    let folder = Folder::new("latin");
    let script = folder.file("latin.bt");
    fs::write(&script, b"// caf\xe9\nbegin { print(pdi); }\n").unwrap();
    assert_refused(&[script.to_str().unwrap()], "latin.bt:2:15");
}

/// What bash offers for the last of some words.
fn offered(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "ebtrace() {{ {EBTRACE} \"$@\"; }}; source <(ebtrace completions bash | sed 's|\"ebtrace\" --|{EBTRACE} --|'); \
         COMP_WORDS=(ebtrace {words}); COMP_CWORD={last}; _clap_complete_ebtrace ebtrace {current}; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"; echo \"breaks: $COMP_WORDBREAKS\" | tr -d '\\n'",
        words = quoted.join(" "),
        last = words.len(),
        current = quoted.last().unwrap(),
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn shells_complete_probes_builtins_and_options() {
    let found = offered(&["-l", "kpr"]);
    let (found, breaks) = found.split_once("breaks: ").unwrap();
    assert!(
        found == "kprobe:\n" && breaks.contains(';') && !breaks.contains(':'),
        "{found} {breaks}"
    );
    assert!(offered(&["-e", "begin { @ = cou"]).starts_with("begin { @ = count(\n"));
    assert!(offered(&["--dry"]).starts_with("--dry-run\n"));
    assert!(offered(&["--mode", "f"]).starts_with("format\n"));
    for shell in ["fish", "zsh"] {
        let known = ebtrace(&["completions", shell]);
        assert!(known.status.success() && text(&known.stdout).contains("COMPLETE"), "{shell}");
    }
    assert_refused(
        &["completions", "tcsh"],
        "there is no completion for `tcsh`, but for bash, fish, zsh",
    );
    assert_refused(&["completions"], "name one shell");
}

#[test]
fn scripts_are_laid_out() {
    let folder = Folder::new("layout");
    let (script, other) = (folder.file("wide.bt"), folder.file("new.bt"));
    let (wide, narrow) = (
        "#!/usr/bin/env ebtrace\nbegin{print(1)}// why\n",
        "#!/usr/bin/env ebtrace\nbegin\n{\n  print(1);\n}\n// why\n",
    );
    fs::write(&script, wide).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o751)).unwrap();
    let path = script.to_str().unwrap();
    for flags in [&["--fmt"][..], &["--mode", "format"]] {
        let shown = ebtrace(&[flags, &[path]].concat());
        assert_eq!((shown.status.code(), text(&shown.stdout).as_str()), (Some(0), narrow));
    }
    assert_eq!(fs::read_to_string(&script).unwrap(), wide);
    for target in [&other, &script] {
        let written = ebtrace(&["--fmt", path, "-o", target.to_str().unwrap()]);
        assert_eq!((written.status.code(), text(&written.stdout).as_str()), (Some(0), ""));
        assert_eq!(fs::read_to_string(target).unwrap(), narrow);
    }
    assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o777, 0o751);
    assert_eq!(fs::read_dir(script.parent().unwrap()).unwrap().count(), 2);
}

#[test]
fn scripts_with_errors_are_left_as_they_are() {
    let folder = Folder::new("crooked");
    let script = folder.file("crooked.bt");
    fs::write(&script, "begin { print(1; }\n").unwrap();
    let path = script.to_str().unwrap();
    assert_refused(&["--fmt", path, "-o", path], "crooked.bt:1:14");
    assert_eq!(fs::read_to_string(&script).unwrap(), "begin { print(1; }\n");
    assert_refused(
        &["--fmt", "-e", "begin {}", "-o", "/nope/x.bt"],
        "cannot write the script to /nope/x.bt",
    );
    assert_refused(&["--fmt", "--test", "-e", "begin {}"], "does not go with");
}

/// The tables that a script gets in an environment.
fn tables(variables: &[(&str, &str)], script: &str, words: &[&str]) -> std::process::Output {
    let mut command = Command::new(EBTRACE);
    command.args(["-d", "image", "-e", script]).args(words);
    command.envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn a_script_lists_its_named_parameters() {
    let script = "begin { print(getopt(\"n\", 5, \"how many\")); }";
    let output = tables(&[], script, &["--", "--help"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("  --n=NUMBER  how many (default: 5)"));
    let output = tables(&[], "begin { }", &["--", "--help"]);
    assert!(text(&output.stderr).contains("this script has no named parameters"));
    // A script can mean something of its own by it.
    let output = tables(&[], "begin { print(getopt(\"help\")); }", &["--", "--help"]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(EBTRACE)
        .args(["-d", "image", "-e", "begin { @[comm] = count(); }"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

/// The status of its own is for kernels without the facility only, and the file names it for a wrapper.
#[test]
fn a_missing_facility_has_a_status_of_its_own() {
    let folder = Folder::new("lacks");
    let file = folder.file("lacks");
    let kprobes = Path::new("/sys/bus/event_source/devices/kprobe/type").exists();
    let script = "kprobe:do_sys_openat2 { @ = count(); } interval:ms:1 { exit(); }";
    let mut command = Command::new(EBTRACE);
    let output = command.args(["-e", script]).env("EBTRACE_LACKS", &file).output().unwrap();
    if kprobes {
        assert_ne!(output.status.code(), Some(69));
        assert!(!file.exists());
        return;
    }
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(69), String::new()));
    assert_eq!(fs::read_to_string(&file).unwrap(), "kprobes\n");
    let alone = ebtrace(&["-e", script]);
    assert_eq!(alone.status.code(), Some(69));
    assert!(text(&alone.stderr).contains("this kernel has no kprobes"));
    // Anything else that is wrong is wrong everywhere.
    assert_refused(&["-e", "kprobe:do_sys_openat2 { print(pdi); }"], "did you mean `pid`?");
}

/// Runs it as somebody who may nothing.
fn as_nobody(args: &[&str]) -> Output {
    // SAFETY: it only asks for a number.
    let root = unsafe { libc::geteuid() } == 0;
    // Whoever the tests run as may not see the build folder.
    let folder = Folder::new("nobody");
    let copy = folder.file("ebtrace");
    // Not by this process: a child of another test, just born, would keep it from being run.
    assert!(Command::new("cp").arg(EBTRACE).arg(&copy).status().unwrap().success());
    let mut command = Command::new(&copy);
    if root {
        command.uid(65534).gid(65534);
    }
    command.args(args).current_dir("/").output().unwrap()
}

#[test]
fn without_privileges_it_says_what_is_missing() {
    let output = as_nobody(&["-e", "begin { exit(); }"]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("E0603") && errors.contains("CAP_BPF and CAP_PERFMON"), "{errors}");
}

#[test]
fn imports_begin_at_the_folder_of_the_script() {
    let folder = Folder::new("imports");
    fs::create_dir(folder.file("lib")).unwrap();
    fs::write(folder.file("main.bt"), "import \"lib/one.bt\"; begin { print(one); }").unwrap();
    fs::write(folder.file("lib/one.bt"), "import \"two.bt\"; macro one() { two }").unwrap();
    fs::write(folder.file("lib/two.bt"), "import \"../main.bt\"; macro two() { 2 }").unwrap();
    let main = folder.file("main.bt");
    let output = ebtrace(&["-d", "ir", main.to_str().unwrap()]);
    assert!(text(&output.stdout).contains("emit 0(2:int8)"), "{}", text(&output.stderr));
    let inline = format!("import \"{}\"; begin {{ print(one); }}", folder.file("lib").display());
    let output = ebtrace(&["-d", "ir", "-e", &inline]);
    assert!(text(&output.stdout).contains("emit 0(2:int8)"), "{}", text(&output.stderr));
}

#[test]
fn what_everyone_may_change_is_not_imported() {
    let open = |path: PathBuf| fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
    let folder = Folder::new("writable");
    for inner in ["file", "folder"] {
        fs::create_dir(folder.file(inner)).unwrap();
        fs::write(folder.file(inner).join("one.bt"), "macro one() { 1 }").unwrap();
    }
    open(folder.file("file/one.bt"));
    open(folder.file("folder"));
    for import in ["file/one.bt", "file", "folder/one.bt", "folder"] {
        let path = folder.file(import);
        let script = format!("import \"{}\"; begin {{ print(one); }}", path.display());
        assert_refused(&["-d", "ir", "-e", &script], "everyone may change it");
    }
}

#[test]
fn headers_are_looked_for_where_the_command_line_says() {
    let folder = Folder::new("headers");
    fs::write(folder.file("limits_of_ours.h"), "#define OUR_LIMIT 41\n").unwrap();
    let path = folder.0.display().to_string();
    let script = "#include <limits_of_ours.h>\nbegin { print(OUR_LIMIT + 1); }";
    let found = ebtrace(&["-d", "ir", "-I", &path, "-e", script]);
    // A machine without libclang reads no headers at all.
    if text(&found.stderr).contains("libclang, which is not here") {
        return;
    }
    assert!(text(&found.stdout).contains("42"), "{}", text(&found.stderr));
    let header = folder.file("limits_of_ours.h").display().to_string();
    let before = ebtrace(&["-d", "ir", "--include", &header, "-e", "begin { print(OUR_LIMIT); }"]);
    assert!(text(&before.stdout).contains("41"), "{}", text(&before.stderr));
    assert_refused(&["-d", "ir", "-e", script], "there is no header `limits_of_ours.h`");
    assert_refused(
        &["-d", "ir", "--include", "no.h", "-e", "begin { }"],
        "there is no header `no.h`",
    );
}

#[test]
fn headers_of_the_kernel_are_those_that_the_environment_names() {
    let folder = Folder::new("kernel");
    for (path, text) in [
        ("include/net/like.h", "#include <asm/own.h>\nstruct like { own_t a; own_t b; };\n"),
        ("arch/x86/include/asm/own.h", "typedef long own_t;\n"),
        ("arch/arm64/include/asm/own.h", "typedef long own_t;\n"),
    ] {
        fs::create_dir_all(folder.file(path).parent().unwrap()).unwrap();
        fs::write(folder.file(path), text).unwrap();
    }
    let script = "#include <net/like.h>\nbegin { print(sizeof(struct like) + 100); }";
    let mut command = Command::new(EBTRACE);
    command.env("BPFTRACE_KERNEL_SOURCE", &folder.0).args(["-d", "ir", "-e", script]);
    let found = command.output().unwrap();
    // A machine without libclang reads no headers at all.
    if !text(&found.stderr).contains("libclang, which is not here") {
        assert!(text(&found.stdout).contains("116"), "{}", text(&found.stderr));
    }
}
