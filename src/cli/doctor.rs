//! `ebtrace doctor` and `--info`: what this machine can do for tracing, and what to do about the rest.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ebtrace::host::{Arch, Feature, Host};
use ebtrace_runtime::kernel;

use super::live::Live;
use super::run::put;

/// Where what follows the first word begins.
const COLUMN: usize = 5;

/// What is looked at.
struct Check {
    /// What it is about.
    title: &'static str,
    look: fn(&Live) -> Verdict,
}

/// How it is.
enum Verdict {
    /// It is as it should be; perhaps with a number or a place.
    Yes(String),
    /// It is not, which matters for some scripts: why, and what to do.
    No(String, String),
    /// Nothing works before that is mended: why, and what to do.
    Nothing(String, String),
}

const CHECKS: &[Check] = &[
    Check { title: "privileges", look: privileges },
    Check { title: "lockdown", look: lockdown },
    Check { title: "BPF is compiled to machine code", look: jit },
    Check { title: "types of the kernel (BTF)", look: btf },
    Check { title: "kernel functions by kprobe and kretprobe", look: kprobes },
    Check {
        title: "one link for many kernel functions",
        look: |host| newer(host, Feature::KprobeMulti, "5.18", SLOWER),
    },
    Check {
        title: "one link for entry and return",
        look: |host| newer(host, Feature::KprobeSession, "6.10", SLOWER),
    },
    Check { title: "kernel functions by fentry and fexit", look: trampolines },
    Check { title: "list of traceable functions", look: traceable },
    Check { title: "tracepoints", look: tracepoints },
    Check {
        title: "user functions by uprobe, uretprobe and usdt",
        look: |host| built(host, Feature::Uprobes),
    },
    Check {
        title: "one link for many user functions",
        look: |host| newer(host, Feature::UprobeMulti, "6.6", SLOWER),
    },
    Check { title: "counters of the processor (hardware)", look: counters },
    Check {
        title: "breakpoints of the processor (watchpoint)",
        look: |host| built(host, Feature::Breakpoints),
    },
    Check { title: "samples a second (profile)", look: samples },
    Check { title: "addresses of kernel functions", look: addresses },
    Check { title: "loops of any length", look: loops },
    Check { title: "iterators that stay (iter:…:pin)", look: pins },
    Check { title: "functions kept from running (override)", look: overriding },
];

const SLOWER: &str = "attaching to thousands of functions takes longer; nothing else changes";

/// Says how it is with everything; the result is 1 where nothing can be traced at all.
pub(crate) fn run() -> anyhow::Result<u8> {
    let host = Live::default();
    let mut text = heading(&host);
    let mut status = 0;
    for check in CHECKS {
        let (word, detail, mend) = match (check.look)(&host) {
            Verdict::Yes(detail) => ("yes", detail, String::new()),
            Verdict::No(why, mend) => ("no", why, mend),
            Verdict::Nothing(why, mend) => {
                status = 1;
                ("NO", why, mend)
            }
        };
        let colon = if detail.is_empty() { "" } else { ": " };
        let _ = writeln!(text, "{word:<COLUMN$}{}{colon}{detail}", check.title);
        if !mend.is_empty() {
            let _ = writeln!(text, "{:COLUMN$}{mend}", "");
        }
    }
    put(&text)?;
    Ok(status)
}

fn heading(host: &Live) -> String {
    let (major, minor, patch) = host.version();
    let arch = match host.arch() {
        Arch::X86_64 => "x86_64",
        Arch::Aarch64 => "aarch64",
    };
    let cpus = host.possible_cpus();
    format!(
        "ebtrace v{} on Linux {major}.{minor}.{patch}, {arch}, {cpus} CPUs\n\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn yes() -> Verdict {
    Verdict::Yes(String::new())
}

fn no(why: impl Into<String>, mend: impl Into<String>) -> Verdict {
    Verdict::No(why.into(), mend.into())
}

/// The text of a file that has one line.
fn line(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn privileges(_: &Live) -> Verdict {
    match kernel::is_privileged() {
        true => yes(),
        false => Verdict::Nothing(
            "this user may not load BPF programs".to_owned(),
            "run ebtrace with `sudo`, or give it CAP_BPF and CAP_PERFMON".to_owned(),
        ),
    }
}

fn lockdown(_: &Live) -> Verdict {
    match kernel::lockdown().as_deref() {
        Some("confidentiality") => Verdict::Nothing(
            "the kernel lets nobody read its memory (confidentiality)".to_owned(),
            "boot without `lockdown=confidentiality`; with secure boot, `integrity` is enough"
                .to_owned(),
        ),
        Some("integrity") => {
            Verdict::Yes("integrity: memory can be read, but not written".to_owned())
        }
        Some(other) => Verdict::Yes(other.to_owned()),
        None => Verdict::Yes("the kernel has none, or does not show it".to_owned()),
    }
}

fn jit(_: &Live) -> Verdict {
    match line("/proc/sys/net/core/bpf_jit_enable").as_deref() {
        Some("0") => {
            no("it is interpreted, several times slower", "type `sysctl net.core.bpf_jit_enable=1`")
        }
        _ => yes(),
    }
}

fn btf(host: &Live) -> Verdict {
    match host.has(Feature::Btf) {
        true => match fs::metadata("/sys/kernel/btf/vmlinux") {
            Ok(data) => Verdict::Yes(format!("{} KiB", data.len() / 1024)),
            Err(_) => Verdict::Yes("from the file in BPFTRACE_BTF".to_owned()),
        },
        false => no(
            Feature::Btf.reason(),
            "name a file with the kernel's BTF in BPFTRACE_BTF; without it there are no fentry, iter and typed arguments",
        ),
    }
}

/// What the kernel was built with or without.
fn built(host: &Live, feature: Feature) -> Verdict {
    match host.has(feature) {
        true => yes(),
        false => no(feature.reason(), ""),
    }
}

/// What later kernels have.
fn newer(host: &Live, feature: Feature, since: &str, otherwise: &str) -> Verdict {
    match host.has(feature) {
        true => yes(),
        false => no(format!("Linux {since} has it, built with {}", feature.config()), otherwise),
    }
}

fn kprobes(host: &Live) -> Verdict {
    match host.has(Feature::Kprobes) {
        true => yes(),
        false if host.has(Feature::Trampolines) => no(
            Feature::Kprobes.reason(),
            "scripts with kprobes run all the same, by fentry and fexit, where those can do it",
        ),
        false => no(
            Feature::Kprobes.reason(),
            "use tracepoints: `ebtrace -l 'tracepoint:*'`; or scripts/ebtrace, which runs scripts in a virtual machine",
        ),
    }
}

fn trampolines(host: &Live) -> Verdict {
    match host.has(Feature::Trampolines) {
        true => yes(),
        false => no(
            Feature::Trampolines.reason(),
            "use `kprobe` and `kretprobe` where the kernel has them, or `rawtracepoint` for typed arguments",
        ),
    }
}

fn traceable(host: &Live) -> Verdict {
    match host.functions() {
        Ok(functions) => Verdict::Yes(format!("{} functions", functions.iter().count())),
        Err(error) => no(error.to_string(), "name them in a file: `--traceable-functions FILE`"),
    }
}

fn tracepoints(_: &Live) -> Verdict {
    match kernel::Tracefs::open().and_then(|tracefs| tracefs.tracepoints()) {
        Ok(all) => {
            let mounted = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
            let place = mounted.iter().find(|place| Path::new(place).join("events").exists());
            let place = place.map_or("tracefs need not be mounted", |place| place);
            Verdict::Yes(format!("{} of them; {place}", all.len()))
        }
        Err(error) => no(error.to_string(), ""),
    }
}

fn counters(host: &Live) -> Verdict {
    match host.has(Feature::Counters) {
        true => yes(),
        false => no(
            "the processor shows none, as in most virtual machines",
            "use `software` events, or `profile`, which need none",
        ),
    }
}

fn samples(_: &Live) -> Verdict {
    match line("/proc/sys/kernel/perf_event_max_sample_rate") {
        Some(rate) => Verdict::Yes(format!("up to {rate}")),
        None => no("it was built without CONFIG_PERF_EVENTS", "`interval` needs them too"),
    }
}

fn addresses(_: &Live) -> Verdict {
    match kernel::Kallsyms::read() {
        Ok(symbols) if symbols.symbols().any(|name| name == "panic_timeout") => {
            Verdict::Yes("and of its variables".to_owned())
        }
        Ok(_) => Verdict::Yes(
            "without its variables (CONFIG_KALLSYMS_ALL), so `kaddr` finds functions alone"
                .to_owned(),
        ),
        Err(error) => {
            no(error.to_string(), "type `sysctl kernel.kptr_restrict=1`, and run as root")
        }
    }
}

fn loops(host: &Live) -> Verdict {
    let (major, minor, _) = host.version();
    match (major, minor) >= (5, 17) {
        true => yes(),
        false => no("Linux 5.17 has them", "a loop has at most 65,536 rounds"),
    }
}

fn pins(_: &Live) -> Verdict {
    let mounts = line("/proc/self/mounts").unwrap_or_default();
    match mounts.lines().any(|mount| mount.split(' ').nth(2) == Some("bpf")) {
        true => yes(),
        false => no("no BPF file system is mounted", "type `mount -t bpf bpf /sys/fs/bpf`"),
    }
}

fn overriding(host: &Live) -> Verdict {
    match host.symbol("bpf_override_return") {
        Ok(_) => yes(),
        Err(_) => no("it was built without CONFIG_BPF_KPROBE_OVERRIDE", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_an_answer_here() {
        let host = Live::default();
        for check in CHECKS {
            match (check.look)(&host) {
                Verdict::Yes(_) => {}
                Verdict::No(why, _) | Verdict::Nothing(why, _) => {
                    assert!(!why.is_empty(), "{}", check.title)
                }
            }
        }
    }
}
