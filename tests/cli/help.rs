//! What ebtrace says of itself.

use std::io::Write as _;
use std::process::{Command, Stdio};

use ebtrace::{builtin, environment, options, probe};

use super::{assert_refused, ebtrace, text};

fn shown(args: &[&str]) -> String {
    let output = ebtrace(args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn names_and_codes_are_explained() {
    let count = shown(&["help", "count"]);
    assert!(
        count.starts_with("count()")
            && count.contains("\n    tracepoint:syscalls:sys_enter_openat"),
        "{count}"
    );
    assert_eq!(shown(&["help", "count()"]), count);
    assert!(shown(&["help", "kprobe"]).starts_with("kprobe"));
    assert!(shown(&["help", "max_strlen"]).contains("BPFTRACE_MAX_STRLEN"));
    assert!(shown(&["help"]).contains("Usage: ebtrace"));
    let code = shown(&["explain", "e0304"]);
    assert!(code.starts_with("E0304\n") && code.lines().all(|line| line.len() <= 80), "{code}");
    assert_refused(&["help", "coutn"], "there is no `coutn`; did you mean `count`?");
    let message = "there is no probe type, builtin, option or variable `zzzzzz`; topics are environment and status";
    assert_refused(&["help", "zzzzzz"], message);
    assert_refused(&["explain", "E9999"], "there is no code `E9999`");
    assert_refused(&["explain"], "name one code");
}

#[test]
fn variables_and_statuses_are_explained() {
    let all = shown(&["help", "environment"]);
    assert!(all.contains("counts more\nthan the `config` block of the script"), "{all}");
    for variable in environment::VARIABLES {
        for name in variable.names {
            assert!(all.contains(name), "{name}");
            let one = shown(&["help", name]);
            assert!(one.starts_with(&variable.names.join(", ")), "{name}: {one}");
        }
    }
    options::ENTRIES.iter().for_each(|entry| assert!(all.contains(&entry.variable())));
    let statuses = shown(&["help", "status"]);
    environment::STATUSES.iter().for_each(|status| {
        assert!(statuses.contains(&format!("\n{}\n", status.number)), "{}", status.number);
    });
    assert!(shown(&["-h"]).contains("`ebtrace help environment`"));
    assert!(all.lines().chain(statuses.lines()).all(|line| line.chars().count() <= 80), "{all}");
}

#[test]
fn the_manual_has_all_options_variables_and_names() {
    let manual = shown(&["man"]);
    let known = probe::kinds().map(|kind| kind.name.to_owned());
    let known = known.chain(builtin::all().map(|entry| entry.name.to_owned()));
    let known = known.chain(options::ENTRIES.iter().map(options::Entry::variable));
    let known = known.chain(environment::VARIABLES.iter().map(|one| one.name().to_owned()));
    let flags = ["\\-\\-dry\\-run", "\\-\\-probe\\-filter", ".TH ebtrace 1"].map(str::to_owned);
    for part in known.chain(flags) {
        assert!(manual.contains(&part), "{part}");
    }
    for section in ["SYNOPSIS", "EXAMPLES", "ENVIRONMENT", "EXIT STATUS", "FILES", "SEE ALSO"] {
        assert_eq!(manual.matches(&format!(".SH \"{section}\"\n")).count(), 1, "{section}");
    }
    // What typesets it has nothing to complain of; not every machine has that.
    let groff = Command::new("groff")
        .args(["-man", "-Tutf8", "-ww"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    if let Ok(mut groff) = groff {
        groff.stdin.take().unwrap().write_all(manual.as_bytes()).unwrap();
        let complaints = text(&groff.wait_with_output().unwrap().stderr);
        assert_eq!(complaints, "");
    }
}
