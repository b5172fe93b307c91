//! Variables of the environment.

use std::process::Command;

use super::{EBTRACE, tables, text};

#[test]
fn options_in_the_environment_are_checked() {
    let mut command = Command::new(EBTRACE);
    let output =
        command.args(["-e", "begin {}"]).env("BPFTRACE_MAX_MAP_KEYS", "many").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("BPFTRACE_MAX_MAP_KEYS wants a number from 1 to"));
}

#[test]
fn messages_have_colours_where_they_are_wanted() {
    let colored = |color: Option<&str>| {
        let mut command = Command::new(EBTRACE);
        command.args(["-e", "begin { print(pdi); }"]).env_remove("BPFTRACE_COLOR");
        command.envs(color.map(|value| ("BPFTRACE_COLOR", value)));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    assert!(colored(Some("always")).contains("\x1b["));
    for color in [None, Some("auto"), Some("never")] {
        let plain = colored(color);
        assert!(plain.contains("did you mean `pid`?") && !plain.contains('\x1b'), "{plain}");
    }
    let wrong = colored(Some("sometimes"));
    assert!(wrong.contains("wants one of always, auto, never, not `sometimes`"), "{wrong}");
}

#[test]
fn the_environment_counts_more_than_the_script() {
    let script = "config = { max_strlen = 64; str_trunc_trailer = \"x\" } begin { }";
    let own = text(&tables(&[], script, &[]).stdout);
    assert!(own.contains("\"max_strlen\": 64") && own.contains("\"truncation_trailer\": \"x\""));
    let output = tables(&[("BPFTRACE_MAX_STRLEN", "0x80")], script, &[]);
    let shown = text(&output.stdout);
    assert!(
        shown.contains("\"max_strlen\": 128") && shown.contains("\"truncation_trailer\": \"x\"")
    );
}

#[test]
fn old_names_in_the_environment_still_work() {
    let variables = [("BPFTRACE_STRLEN", "32"), ("BPFTRACE_NO_CPP_DEMANGLE", "1")];
    let output = tables(&variables, "begin { }", &[]);
    let (shown, said) = (text(&output.stdout), text(&output.stderr));
    assert!(shown.contains("\"max_strlen\": 32") && shown.contains("\"demangle\": false"));
    assert!(said.contains("set BPFTRACE_MAX_STRLEN=32"), "{said}");
    assert!(said.contains("set BPFTRACE_CPP_DEMANGLE=false"), "{said}");
}

#[test]
fn variables_without_effect_are_told() {
    for name in ["BPFTRACE_DEBUG_OUTPUT", "BPFTRACE_SYMBOL_SOURCE"] {
        let output = tables(&[(name, "1")], "begin { }", &[]);
        assert_eq!(output.status.code(), Some(0));
        let said = text(&output.stderr);
        assert!(said.contains(&format!("{name} has no effect")), "{said}");
        let output = tables(&[(name, "1")], "begin { }", &["--no-warnings"]);
        assert_eq!(text(&output.stderr), "");
    }
}

#[test]
fn truth_has_several_words() {
    let words = [("1", true), ("true", true), ("ON", true), ("yes", true)];
    let words =
        words.into_iter().chain([("0", false), ("false", false), ("off", false), ("No", false)]);
    for (word, truth) in words {
        let wanted = format!("\"print_maps_on_exit\": {truth}");
        let output = tables(&[("BPFTRACE_PRINT_MAPS_ON_EXIT", word)], "begin { }", &[]);
        assert!(text(&output.stdout).contains(&wanted), "{word}");
        let script = format!("config = {{ print_maps_on_exit = {word} }} begin {{ }}");
        let output = tables(&[], &script, &[]);
        assert!(text(&output.stdout).contains(&wanted), "{script}: {}", text(&output.stderr));
    }
    let output = tables(&[("BPFTRACE_PRINT_MAPS_ON_EXIT", "2")], "begin { }", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr)
            .contains("BPFTRACE_PRINT_MAPS_ON_EXIT wants `true` or `false`, not `2`")
    );
}

#[test]
fn files_of_the_environment_that_are_not_there_are_named() {
    for (name, path, message) in [
        (
            "BPFTRACE_BTF",
            "/nope",
            "BPFTRACE_BTF names a file that cannot be read, /nope: No such file",
        ),
        ("BPFTRACE_BTF", "/", "BPFTRACE_BTF names a file that cannot be read, /: Is a directory"),
        ("BPFTRACE_BTF", "/etc/passwd", "BPFTRACE_BTF names /etc/passwd, which is neither BTF nor"),
        (
            "BPFTRACE_VMLINUX",
            "/etc/passwd",
            "BPFTRACE_VMLINUX names /etc/passwd, which is no program",
        ),
        ("EBTRACE_VMLINUX", "/nope", "EBTRACE_VMLINUX names a file that cannot be read, /nope"),
        ("BPFTRACE_KERNEL_SOURCE", "/nope", "BPFTRACE_KERNEL_SOURCE names no folder: /nope"),
        (
            "BPFTRACE_KERNEL_BUILD",
            "/etc/passwd",
            "BPFTRACE_KERNEL_BUILD names no folder: /etc/passwd",
        ),
        ("BPFTRACE_COLOR", "blue", "BPFTRACE_COLOR wants one of always, auto, never, not `blue`"),
    ] {
        let mut list = Command::new(EBTRACE);
        let list = list.args(["-l", "begin"]).env(name, path).output().unwrap();
        for output in [list, tables(&[(name, path)], "begin { }", &[])] {
            let errors = text(&output.stderr);
            assert!(errors.contains(message), "{errors}");
            assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()));
        }
    }
}
