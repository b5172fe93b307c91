//! Where ebtrace is run: streams that nobody reads or that take nothing, few files, a kernel that is locked down.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};

/// Its name, and what it does with the program.
type Test = (&'static str, fn(&Path) -> Result<(), String>);

pub(crate) fn trials(binary: &Path) -> Vec<Trial> {
    let tests: [Test; 6] = [
        ("a_reader_that_goes_away_ends_the_trace", reader_goes_away),
        ("an_output_that_takes_nothing_ends_the_trace", full_device),
        ("nobody_to_tell_is_no_error", closed_streams),
        ("the_limit_of_open_files_is_raised", open_files),
        ("a_kernel_that_is_locked_down_is_told", locked_down),
        ("an_output_stays_as_it_was_where_nothing_runs", output_stays),
    ];
    let trial = |(name, test): Test| {
        let binary = binary.to_owned();
        Trial::test(name, move || test(&binary).map_err(Failed::from))
    };
    tests.into_iter().map(trial).collect()
}

/// What a shell's command wrote, and its status; `$EBTRACE` is the program.
fn shell(binary: &Path, command: &str) -> Result<(String, String, Option<i32>), String> {
    let binary = std::fs::canonicalize(binary).map_err(|error| error.to_string())?;
    let ran = Command::new("sh").args(["-c", command]).env("EBTRACE", binary).output();
    let ran = ran.map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((text(&ran.stdout), text(&ran.stderr), ran.status.code()))
}

fn expect<T: PartialEq + std::fmt::Debug>(found: T, wanted: T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("found {found:?}, not {wanted:?}")) }
}

fn reader_goes_away(binary: &Path) -> Result<(), String> {
    let script = "interval:ms:1 { printf(\"line\\n\"); } end { printf(\"end\\n\"); }";
    for mode in ["line", "none", "full"] {
        // With `full`, nothing is written before there is much.
        let script = script.replace("ms:1", if mode == "full" { "us:10" } else { "ms:1" });
        let mut child = Command::new(binary)
            .args(["-q", "-B", mode, "-e", &script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut reader = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut line = String::new();
        reader.read_line(&mut line).map_err(|error| error.to_string())?;
        drop(reader);
        let mut errors = String::new();
        let mut stream = child.stderr.take().ok_or("no standard error")?;
        stream.read_to_string(&mut errors).map_err(|error| error.to_string())?;
        let status = child.wait().map_err(|error| error.to_string())?.code();
        expect((line.as_str(), errors.as_str(), status), ("line\n", "", Some(0)))?;
    }
    Ok(())
}

fn full_device(binary: &Path) -> Result<(), String> {
    let script = "interval:ms:1 { printf(\"line\\n\"); }";
    for flags in ["-o /dev/full", "-f json -o /dev/full", "-B none >/dev/full"] {
        let (_, errors, status) = shell(binary, &format!("$EBTRACE -q -e '{script}' {flags}"))?;
        let said = errors.contains("cannot write output: No space left on device");
        expect((said, status), (true, Some(1)))
            .map_err(|wrong| format!("{flags}: {wrong}\n{errors}"))?;
    }
    Ok(())
}

fn closed_streams(binary: &Path) -> Result<(), String> {
    let script = "begin { printf(\"1\\n\"); $zero = pid - pid; @x = 1 / $zero; errorf(\"e\"); warnf(\"w\"); exit(3); }";
    let (out, _, status) = shell(binary, &format!("$EBTRACE -e '{script}' 2>&-"))?;
    expect((out.as_str(), status), ("1\n\n\n@x: 1\n", Some(3)))?;
    let (_, _, status) = shell(binary, &format!("$EBTRACE -e '{script}' >&- 2>&- <&-"))?;
    expect(status, Some(3))?;
    let (_, _, status) = shell(binary, &format!("$EBTRACE -v -e '{script}' 2>/dev/full"))?;
    expect(status, Some(3))
}

fn open_files(binary: &Path) -> Result<(), String> {
    let script = "tracepoint:syscalls:sys_enter_* { @ = count(); } interval:ms:1 { exit(); }";
    let (_, errors, status) = shell(binary, &format!("ulimit -Sn 32; $EBTRACE -e '{script}'"))?;
    expect(status, Some(0)).map_err(|wrong| format!("{wrong}\n{errors}"))
}

fn locked_down(binary: &Path) -> Result<(), String> {
    let folder = "/sys/kernel/security";
    let said = "none integrity [confidentiality]";
    let (out, errors, status) = shell(
        binary,
        &format!(
            "exec unshare -m sh -c 'mount -t tmpfs none {folder} && echo \"{said}\" >{folder}/lockdown && \
             exec $EBTRACE -e \"begin {{ exit(); }}\"'"
        ),
    )?;
    let is_told = errors.contains("this kernel is locked down")
        && errors.contains("lockdown=confidentiality");
    expect((out.as_str(), is_told, status), ("", true, Some(1)))
        .map_err(|wrong| format!("{wrong}\n{errors}"))
}

/// A session that does not begin leaves a file that it would have written to.
fn output_stays(binary: &Path) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("ebtrace-output-stays.{}", std::process::id()));
    std::fs::create_dir(&folder).map_err(|error| error.to_string())?;
    let (old, new) = (folder.join("old"), folder.join("new"));
    std::fs::write(&old, "before").map_err(|error| error.to_string())?;
    let (mut result, flags) =
        (Ok(()), ["-c /bin/nope -e 'begin { }'", "-e 'begin { print(pdi); }'"]);
    for (path, flags) in [&old, &new].into_iter().flat_map(|path| flags.map(|flags| (path, flags)))
    {
        let (_, errors, status) =
            shell(binary, &format!("$EBTRACE -o {} {flags}", path.display()))?;
        result = result.and(expect(status, Some(1)).map_err(|wrong| format!("{wrong}\n{errors}")));
    }
    let kept = std::fs::read_to_string(&old).unwrap_or_default();
    let result = result.and(expect((kept.as_str(), new.exists()), ("before", false)));
    drop(std::fs::remove_dir_all(&folder));
    result
}
