//! Scripts that name ebtrace in their first line, run by their own name.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use libtest_mimic::{Failed, Trial};

const SCRIPT: &str = "begin { printf(\"%s %d %d\\n\", str($1), $#, getopt(\"n\", 5)); exit(3); }\n";

/// First lines (`FOLDER` is where ebtrace is), and whether they silence it.
const LINES: [(&str, bool); 5] = [
    ("#!/usr/bin/env ebtrace", false),
    ("#!/usr/bin/env -S ebtrace -q", true),
    ("#!/usr/bin/env -S ebtrace --quiet -B none -f text", true),
    ("#!FOLDER/ebtrace", false),
    ("#!FOLDER/ebtrace -q", true),
];

pub(crate) fn trial(binary: &Path) -> Trial {
    let binary = binary.to_owned();
    let folder = std::env::temp_dir().join(format!("ebtrace-interpreter.{}", std::process::id()));
    Trial::test("scripts_that_name_ebtrace_in_their_first_line", move || {
        fs::create_dir(&folder).map_err(|error| error.to_string())?;
        let results = LINES.iter().map(|line| check(&binary, &folder, *line));
        let result: Result<(), String> = results.collect();
        drop(fs::remove_dir_all(&folder));
        result.map_err(Failed::from)
    })
}

fn check(binary: &Path, folder: &Path, (line, quiet): (&str, bool)) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{line}: {error}");
    let (script, link) = (folder.join("script.bt"), folder.join("ebtrace"));
    let line = line.replace("FOLDER", &folder.to_string_lossy());
    // A script that is open for writing cannot be run, and a child of another test, just born, may have it open: so it
    // is written under another name, by a process of its own.
    let text = folder.join("text");
    fs::write(&text, format!("{line}\n{SCRIPT}")).map_err(failed)?;
    Command::new("cp").arg(&text).arg(&script).status().map_err(failed)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    if !link.exists() {
        symlink(fs::canonicalize(binary).map_err(failed)?, &link).map_err(failed)?;
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(&script);
    command.args(["one", "2", "--", "--n=7"]);
    let ran = command.env("PATH", format!("{}:{path}", folder.display())).output();
    let ran = ran.map_err(failed)?;
    let (stdout, stderr) =
        (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let attached = if quiet { "" } else { "Attached 1 probe\n" };
    match (stdout.trim_end(), &*stderr, ran.status.code()) {
        ("one 2 7", said, Some(3)) if said == attached => Ok(()),
        found => Err(format!("{line}: {found:?}")),
    }
}
