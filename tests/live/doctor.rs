//! What `ebtrace doctor` says of the machine is what the machine says itself.

use std::path::Path;
use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::facility;

/// What a line begins with, and the facility that it is about.
const LINES: [(&str, &str); 7] = [
    ("types of the kernel (BTF)", "btf"),
    ("kernel functions by kprobe and kretprobe", "kprobe"),
    ("kernel functions by fentry and fexit", "fentry"),
    ("tracepoints", "tracepoint"),
    ("user functions by uprobe, uretprobe and usdt", "uprobe"),
    ("breakpoints of the processor (watchpoint)", "breakpoint"),
    ("functions kept from running (override)", "override"),
];

/// What came with a version of the kernel that has kprobes.
const VERSIONS: [(&str, &str); 3] = [
    ("one link for entry and return", "linux-6.10"),
    ("one link for many user functions", "linux-6.6"),
    ("loops of any length", "linux-5.17"),
];

pub(crate) fn trial(binary: &Path) -> Trial {
    let binary = binary.to_owned();
    Trial::test("doctor_says_what_the_machine_can_do", move || {
        for flag in ["doctor", "--info"] {
            agrees(&binary, flag).map_err(Failed::from)?;
        }
        Ok(())
    })
}

fn agrees(binary: &Path, flag: &str) -> Result<(), String> {
    let output = Command::new(binary).arg(flag).output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || !output.stderr.is_empty() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    let said = |title: &str| {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let mut found = lines.filter(|(_, rest)| {
            let rest = rest.trim_start();
            rest == title || rest.strip_prefix(title).is_some_and(|rest| rest.starts_with(": "))
        });
        found.next().map(|(word, _)| word == "yes").ok_or(format!("no `{title}` in\n{text}"))
    };
    let has = |need: &str| Ok::<bool, String>(facility::missing(&[need.to_owned()])?.is_none());
    for (title, need) in LINES {
        if said(title)? != has(need)? {
            return Err(format!("`{title}` is wrong: {need} is {}\n{text}", has(need)?));
        }
    }
    for (title, version) in VERSIONS {
        let needs_kprobes = title.contains("entry");
        if said(title)? != (has(version)? && (!needs_kprobes || has("kprobe")?)) {
            return Err(format!("`{title}` is wrong\n{text}"));
        }
    }
    match said("privileges")? {
        true => Ok(()),
        false => Err(format!("root has no privileges\n{text}")),
    }
}
