//! Which facilities the machine has, asked of itself and not of the program under test.

use std::path::{Path, PathBuf};

type Probe = fn() -> bool;

const FACILITIES: &[(&str, Probe)] = &[
    ("btf", || exists("/sys/kernel/btf/vmlinux")),
    ("tracepoint", || has_event_source("tracepoint")),
    ("kprobe", || has_event_source("kprobe")),
    ("uprobe", || has_event_source("uprobe")),
    // A kernel built without kprobes cannot have the patching of functions that trampolines need.
    ("fentry", || has_event_source("kprobe") && exists("/sys/kernel/btf/vmlinux")),
    ("override", || has_symbol("bpf_override_return")),
    ("trace-buffer", || exists("/sys/kernel/tracing")),
    ("hardware", || has_event_source("cpu")),
    ("breakpoint", || has_event_source("breakpoint")),
    // Symbols of the kernel's variables too (`CONFIG_KALLSYMS_ALL`).
    ("variables", || has_symbol("panic_timeout")),
    // An emulated machine is slow, and of several breakpoints at one address it only has the first.
    ("real-time", || std::env::var_os("EBTRACE_LIVE_SLOW").is_none()),
    ("fuse-module", || exists("/sys/module/fuse/initstate")),
    ("bpftool", || in_path("bpftool")),
    ("tcpdump", || in_path("tcpdump")),
    ("gcc", || in_path("gcc")),
    ("cpus-2", || exists("/sys/devices/system/cpu/cpu1/topology")),
    ("libclang", has_libclang),
    ("clang", has_clang),
    ("g++", || in_path("g++")),
    ("rustc", || in_path("rustc")),
];

/// Why a test with these needs cannot run here; `linux-6.6` needs that version or a later one.
pub(crate) fn missing(needs: &[String]) -> Result<Option<String>, String> {
    for need in needs {
        let there = match need.strip_prefix("no-") {
            Some(absent) => !is_there(absent)?,
            None => is_there(need)?,
        };
        if !there {
            return Ok(Some(format!(
                "needs {need}, which this machine with Linux {} has not",
                release()
            )));
        }
    }
    Ok(None)
}

fn is_there(need: &str) -> Result<bool, String> {
    if let Some(version) = need.strip_prefix("linux-") {
        return Ok(numbers(&release()) >= numbers(version));
    }
    let unknown =
        || format!("unknown facility `{need}` in `needs`; tests/live/facility.rs lists them");
    let (_, probe) = FACILITIES.iter().find(|(name, _)| *name == need).ok_or_else(unknown)?;
    Ok(probe())
}

/// A library of the machine, which headers are read with.
fn has_libclang() -> bool {
    let mut folders: Vec<PathBuf> =
        ["/usr/lib64", "/usr/lib", "/usr/local/lib"].map(PathBuf::from).to_vec();
    for folder in ["/usr/lib", "/usr/lib/llvm-19", "/usr/lib/llvm-14"] {
        let inside = std::fs::read_dir(folder).into_iter().flatten().flatten();
        folders.extend(inside.map(|entry| entry.path()).filter(|path| path.is_dir()));
    }
    let is_library = |name: &str| {
        ["libclang.so", "libclang-"].iter().any(|start| name.starts_with(start))
            && name.contains(".so")
            && !name.starts_with("libclang-cpp")
    };
    folders.iter().any(|folder| {
        let inside = std::fs::read_dir(folder).into_iter().flatten().flatten();
        inside.map(|entry| entry.file_name()).any(|name| name.to_str().is_some_and(is_library))
    })
}

fn has_symbol(name: &str) -> bool {
    let symbols = std::fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    symbols.lines().any(|line| line.split(' ').nth(2) == Some(name))
}

fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).exists())
}

/// The compiler of functions in C.
fn has_clang() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| {
        let inside = std::fs::read_dir(folder).into_iter().flatten().flatten();
        inside.map(|entry| entry.file_name()).any(|name| {
            let version = name.to_str().and_then(|name| name.strip_prefix("clang"));
            version.is_some_and(|rest| {
                rest.is_empty() || rest.strip_prefix('-').is_some_and(|n| n.parse::<u32>().is_ok())
            })
        })
    })
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
