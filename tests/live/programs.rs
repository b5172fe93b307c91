//! Programs of one ebtrace traced by another: what they return, and what functions of theirs do.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use libtest_mimic::{Completion, Failed, Trial};

use crate::facility;

/// A tracepoint's program returns 1; its function gives twice 21.
const TRACED: &str = "fn twice($x : uint64) : uint64 { return $x * 2; } \
    tracepoint:sched:sched_process_exec /comm == \"cat\"/ { @t = twice(21); }";
const TRACER: &str = "\
    fexit:bpf:tracepoint_sched_sched_process_exec_0 { printf(\"program %d %s\\n\", retval, func); } \
    fexit:bpf:NUMBER:ebt_fn_twice_0 { printf(\"function %d %s\\n\", retval, func); } \
    fentry:bpf:ebt_fn_tw* { printf(\"%s\\n\", probe); }";
const EXPECTED: [&str; 3] = [
    "fentry:bpf:NUMBER:ebt_fn_twice_0",
    "function 42 ebt_fn_twice_0",
    "program 1 tracepoint_sched_sched_process_exec_0",
];

pub(crate) fn trial(binary: &Path) -> Trial {
    let binary = binary.to_owned();
    Trial::ignorable_test("programs_of_another_tracer_are_traced", move || match facility::missing(
        &["fentry".to_owned()],
    )? {
        Some(reason) => Ok(Completion::ignored_with(reason)),
        None => run(&binary).map(|()| Completion::Completed).map_err(Failed::from),
    })
}

struct Tracer(Child);

impl Drop for Tracer {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn run(binary: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", binary.display());
    let mut traced = Command::new(binary);
    traced.args(["-e", TRACED]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut traced = Tracer(traced.spawn().map_err(failed)?);
    let stderr = traced.0.stderr.take().ok_or("no standard error")?;
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    lines.find(|line| line.starts_with("Attached")).ok_or("the traced one did not attach")?;
    let number = number_of("tracepoint_sche")?;
    let script = TRACER.replace("NUMBER", &number);
    let output = Command::new(binary).args(["-q", "-e", &script, "-c", "cat /dev/null"]).output();
    let output = output.map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let expected = EXPECTED.map(|line| line.replace("NUMBER", &number));
    let mut sorted: Vec<&str> = found.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted == expected.iter().map(String::as_str).collect::<Vec<_>>() {
        return Ok(());
    }
    Err(format!("printed {found:#?}\n{}", String::from_utf8_lossy(&output.stderr)))
}

/// The number of the first program whose name begins so; the kernel cuts names, and bpftool not always shows that.
fn number_of(name: &str) -> Result<String, String> {
    let listed = Command::new("bpftool").args(["prog", "show"]).output();
    let listed = listed.map_err(|error| format!("needs bpftool: {error}"))?;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mut programs = text.split('\n').filter(|line| line.contains(&format!("name {name}")));
    let first = programs.next().ok_or(format!("there is no {name}:\n{text}"))?;
    Ok(first.split(':').next().unwrap_or_default().to_owned())
}
