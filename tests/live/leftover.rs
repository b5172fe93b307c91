//! Whether all tests together left a BPF program in the kernel: one that was not there before, and that no process holds.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Failed};
use regex::Regex;

/// The kernel frees programs some time after their last user has gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Kinds that a tracer loads; others are at home on any machine (systemd's device filters, say).
const KINDS: [&str; 6] =
    ["kprobe", "tracepoint", "perf_event", "raw_tracepoint", "raw_tracepoint_writable", "tracing"];

/// Ids of the tracing programs that are loaded now; the reason if they cannot be listed.
pub(crate) fn programs() -> Result<BTreeSet<u64>, String> {
    let listed = Command::new("bpftool").args(["-j", "prog", "show"]).output();
    let output = listed.map_err(|error| format!("needs bpftool: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "bpftool prog show: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ));
    }
    let pattern = Regex::new(r#""id":(\d+),"type":"(\w+)""#).map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = pattern.captures_iter(&text).filter(|found| KINDS.contains(&&found[2]));
    Ok(found.filter_map(|found| found[1].parse().ok()).collect())
}

pub(crate) fn check(before: Result<BTreeSet<u64>, String>) -> Result<Completion, Failed> {
    let before = match before {
        Ok(before) => before,
        Err(reason) => return Ok(Completion::ignored_with(reason)),
    };
    let start = Instant::now();
    loop {
        let left: Vec<u64> =
            programs()?.difference(&before).copied().filter(|id| !is_held(*id)).collect();
        if left.is_empty() {
            return Ok(Completion::Completed);
        }
        if start.elapsed() > PATIENCE {
            return Err(
                format!("programs {left:?} are still loaded, and no process holds them").into()
            );
        }
        sleep(Duration::from_millis(200));
    }
}

/// Whether some process has the program, or a link to it, open: then it is another tracer's at work.
fn is_held(id: u64) -> bool {
    let wanted = format!("prog_id:\t{id}\n");
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    processes
        .flatten()
        .filter_map(|process| fs::read_dir(process.path().join("fdinfo")).ok())
        .flat_map(Iterator::flatten)
        .any(|file| fs::read_to_string(file.path()).is_ok_and(|text| text.contains(&wanted)))
}
