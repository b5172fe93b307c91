//! Which facilities the running kernel has, asked of the kernel itself and not of the program under test.

use std::path::Path;

type Probe = fn() -> bool;

const FACILITIES: [(&str, Probe); 6] = [
    ("btf", || exists("/sys/kernel/btf/vmlinux")),
    ("tracepoint", || has_event_source("tracepoint")),
    ("kprobe", || has_event_source("kprobe")),
    ("uprobe", || has_event_source("uprobe")),
    // A kernel built without kprobes cannot have the patching of functions that trampolines need.
    ("fentry", || has_event_source("kprobe") && exists("/sys/kernel/btf/vmlinux")),
    ("hardware", || has_event_source("cpu")),
];

/// Why a test with these needs cannot run here; `linux-6.6` needs that version or a later one.
pub(crate) fn missing(needs: &[String]) -> Result<Option<String>, String> {
    for need in needs {
        let there = match need.strip_prefix("linux-") {
            Some(version) => numbers(&release()) >= numbers(version),
            None => match FACILITIES.iter().find(|(name, _)| name == need) {
                Some((_, probe)) => probe(),
                None => {
                    return Err(format!(
                        "unknown facility `{need}` in `needs`; tests/live/facility.rs lists them"
                    ));
                }
            },
        };
        if !there {
            return Ok(Some(format!("needs {need}, which Linux {} has not", release())));
        }
    }
    Ok(None)
}

fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

fn has_event_source(name: &str) -> bool {
    Path::new("/sys/bus/event_source/devices").join(name).exists()
}

fn release() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

/// Major and minor number.
fn numbers(version: &str) -> Vec<u32> {
    version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).take(2).collect()
}
