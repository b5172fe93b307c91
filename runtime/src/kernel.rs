//! Facts about the running kernel: pure readers, nothing is read until it is asked for and nothing is kept.
//!
//! The command line's live host is built on these, and so is attaching. Sources are `/proc`, `/sys` and `uname(2)`.

mod functions;
mod kallsyms;
mod programs;
mod tracefs;
mod trial;

pub use functions::barred_functions;
pub use kallsyms::Kallsyms;
pub use programs::{LoadedProgram, loaded_programs};
pub use tracefs::{Tracefs, TracefsError};
pub use trial::{Trial, has_trampolines, permits_function};

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ebtrace_image::Counter;

use crate::bytes::FileBytes;
use crate::perf::{Event, Scope};

/// Directory of the kernel's event sources ("PMUs"); each has a file `type`.
const EVENT_SOURCES: &str = "/sys/bus/event_source/devices";

/// Directory of the kernel's description of its types, and of its modules'.
const BTF: &str = "/sys/kernel/btf";

/// The inode that the kernel gives the first namespace of process numbers.
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;

// Bits of the effective capability set, from linux/capability.h.
const CAP_SYS_ADMIN: u64 = 1 << 21;
const CAP_PERFMON: u64 = 1 << 38;
const CAP_BPF: u64 = 1 << 39;

/// Major, minor and patch number of the running kernel, from `uname(2)`; a part that is not there is 0.
pub fn version() -> (u32, u32, u32) {
    parse_version(&release())
}

/// The release of the running kernel, as `uname -r` prints it.
pub fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

fn parse_version(release: &str) -> (u32, u32, u32) {
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

/// Number of the cgroup whose folder this is.
///
/// # Errors
/// `NotFound` where there is no cgroup's folder, or what the system says.
pub fn cgroup_id(path: &Path) -> io::Result<u64> {
    const MAGIC: [u64; 2] = [0x6367_7270, 0x0027_e0eb];
    let kind = rustix::fs::statfs(path)?.f_type as u64;
    let folder = fs::metadata(path)?;
    if !MAGIC.contains(&kind) || !folder.is_dir() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(folder.ino())
}

/// Whether the kernel has kprobes that perf can attach to (`CONFIG_KPROBE_EVENTS`).
pub fn has_kprobes() -> bool {
    event_source("kprobe").is_ok()
}

/// Whether the kernel has uprobes that perf can attach to (`CONFIG_UPROBE_EVENTS`).
pub fn has_uprobes() -> bool {
    event_source("uprobe").is_ok()
}

/// Whether many kernel functions can be attached to by one BPF link (kernel 5.18 and newer, `CONFIG_FPROBE`).
pub fn has_kprobe_multi() -> bool {
    version() >= (5, 18, 0) && has_kprobes() && trial::kprobe_multi()
}

/// Whether one BPF link can be attached to both entry and return of kernel functions (kernel 6.10 and newer).
pub fn has_kprobe_session() -> bool {
    version() >= (6, 10, 0) && has_kprobes() && trial::kprobe_session()
}

/// Device and inode of this process's namespace of process numbers, unless it is the machine's first.
pub fn pid_namespace() -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let own = fs::metadata("/proc/self/ns/pid").ok()?;
    (own.ino() != FIRST_PID_NAMESPACE).then_some((own.dev(), own.ino()))
}

/// Whether `/proc` numbers processes as we do, and not as a namespace around ours does.
pub fn shows_own_processes() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    numbers.is_none_or(|numbers| numbers.split_whitespace().count() <= 1)
}

/// Whether the kernel lets memory be watched by the processor (`CONFIG_HAVE_HW_BREAKPOINT`).
pub fn has_breakpoints() -> bool {
    event_source("breakpoint").is_ok()
}

/// Whether the processor counts cycles, and the kernel lets that be seen.
pub fn has_counters() -> bool {
    let cycles = Counter { hardware: true, event: 0, period: 1 << 40 };
    let absent = [libc::ENOENT, libc::ENODEV, libc::EOPNOTSUPP];
    match Event::counter(cycles, Scope::Cpu(0)) {
        Ok(_) => true,
        // Whatever else it says, it is there.
        Err(error) => error.raw_os_error().is_none_or(|number| !absent.contains(&number)),
    }
}

/// Whether uprobes can be attached by a BPF link of their own kind (kernel 6.6 and newer): they are then cheaper to hit,
/// and much faster to detach, than through perf.
pub fn has_uprobe_multi() -> bool {
    version() >= (6, 6, 0) && has_uprobes()
}

/// The `type` of perf event source `name`, as `perf_event_open(2)` wants it.
///
/// # Errors
/// `NotFound` when the kernel was built without it.
pub(crate) fn event_source(name: &str) -> io::Result<u32> {
    parse_number(&fs::read_to_string(format!("{EVENT_SOURCES}/{name}/type"))?)
}

/// The bit of `config` that turns a probe of event source `name` into a return probe.
///
/// # Errors
/// `NotFound` when the kernel was built without it, `InvalidData` when the file is not `config:N`.
pub(crate) fn return_probe_bit(name: &str) -> io::Result<u32> {
    let format = fs::read_to_string(format!("{EVENT_SOURCES}/{name}/format/retprobe"))?;
    parse_number(format.trim_start_matches("config:"))
}

fn parse_number(text: &str) -> io::Result<u32> {
    text.trim().parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The kernel's BTF blob, from `/sys/kernel/btf/vmlinux` (some megabytes); mapped where the kernel allows it (6.16 and
/// newer), else read.
///
/// # Errors
/// `NotFound` when the kernel was built without `CONFIG_DEBUG_INFO_BTF`.
pub fn btf_bytes() -> io::Result<FileBytes> {
    btf_file(Path::new(BTF).join("vmlinux"))
}

/// The BTF blob of a module, which continues that of the kernel.
///
/// # Errors
/// `NotFound` when the module is not loaded, or has none.
pub fn module_btf_bytes(module: &str) -> io::Result<FileBytes> {
    btf_file(Path::new(BTF).join(module))
}

/// Whether the kernel describes its types (`CONFIG_DEBUG_INFO_BTF`).
pub fn has_btf() -> bool {
    Path::new(BTF).join("vmlinux").exists()
}

/// A BTF blob from any file.
///
/// # Errors
/// Where the file cannot be read.
pub fn btf_file(path: impl AsRef<Path>) -> io::Result<FileBytes> {
    FileBytes::open(path)
}

/// The loaded modules that have BTF, sorted by name.
///
/// # Errors
/// `NotFound` when the kernel was built without BTF.
pub fn btf_modules() -> io::Result<Vec<String>> {
    let names = fs::read_dir(BTF)?.map(|entry| Ok(entry?.file_name().into_string()));
    let names: Vec<_> = names.collect::<io::Result<_>>()?;
    let mut names: Vec<String> = names.into_iter().flatten().collect();
    names.retain(|name| name != "vmlinux");
    names.sort_unstable();
    Ok(names)
}

/// Ids of the CPUs that are running now, ascending.
///
/// # Errors
/// When `/sys/devices/system/cpu/online` cannot be read or is not a list of CPUs.
pub fn online_cpus() -> io::Result<Vec<u32>> {
    read_cpu_list("online")
}

/// How many CPUs there can ever be: the number of values in an element of a per-CPU map.
///
/// # Errors
/// When `/sys/devices/system/cpu/possible` cannot be read or is not a list of CPUs.
pub fn possible_cpus() -> io::Result<usize> {
    // The kernel sizes per-CPU elements by the highest id, holes included.
    Ok(read_cpu_list("possible")?.last().map_or(1, |last| *last as usize + 1))
}

fn read_cpu_list(name: &str) -> io::Result<Vec<u32>> {
    parse_cpu_list(&fs::read_to_string(format!("/sys/devices/system/cpu/{name}"))?)
}

/// Reads the form `0-3,8`.
fn parse_cpu_list(text: &str) -> io::Result<Vec<u32>> {
    let mut cpus = Vec::new();
    for range in text.trim().split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        cpus.extend(parse_number(first)?..=parse_number(last)?);
    }
    Ok(cpus)
}

/// Whether this process may load and attach BPF programs: it is root, or holds `CAP_SYS_ADMIN`, or `CAP_BPF` and
/// `CAP_PERFMON`.
pub fn is_privileged() -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = effective_capabilities(&status);
    let has = |wanted| effective & wanted == wanted;
    has(CAP_SYS_ADMIN) || has(CAP_BPF | CAP_PERFMON)
}

fn effective_capabilities(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

/// What lockdown forbids, from `/sys/kernel/security/lockdown`: `none`, `integrity` or `confidentiality`; `None` when
/// the kernel has no lockdown or does not show it.
pub fn lockdown() -> Option<String> {
    let modes = fs::read_to_string("/sys/kernel/security/lockdown").ok()?;
    let (_, rest) = modes.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_strings_become_numbers() {
        assert_eq!(parse_version("6.18.44-cloud"), (6, 18, 44));
        assert_eq!(parse_version("6.1"), (6, 1, 0));
        assert_eq!(parse_version("6.12-rc3"), (6, 12, 0));
        assert_eq!(parse_version(""), (0, 0, 0));
    }

    #[test]
    fn cpu_lists_have_ranges() {
        assert_eq!(parse_cpu_list("0-2,5\n").unwrap(), [0, 1, 2, 5]);
        assert_eq!(parse_cpu_list("0\n").unwrap(), [0]);
        assert!(parse_cpu_list("a-b").is_err());
    }

    #[test]
    fn capabilities_are_hexadecimal() {
        assert_eq!(
            effective_capabilities("Name:\tx\nCapEff:\t000000c000000000\n"),
            CAP_BPF | CAP_PERFMON
        );
        assert_eq!(effective_capabilities("nothing"), 0);
    }
}
