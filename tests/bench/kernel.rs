//! What the kernel says of the programs that it runs.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use anyhow::{Context as _, Result, ensure};
use libbpf_rs::Program;
use libbpf_rs::libbpf_sys::{BPF_STATS_RUN_TIME, bpf_enable_stats};

/// How long a program ran, and how often.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Runs {
    pub(crate) program: u64,
    pub(crate) nanoseconds: u64,
    pub(crate) count: u64,
}

/// How nice we and all that we start are.
const FIRST: i32 = -10;

/// Before anything is measured: we come first, and tracefs is there for all that we start, in a
/// namespace of ours where it is not mounted.
pub(crate) fn prepare() -> Result<()> {
    // SAFETY: it only asks.
    ensure!(unsafe { libc::geteuid() } == 0, "must be run as root: it loads BPF programs");
    // What else runs here is to disturb as little as it can; where that is not allowed, it does.
    // SAFETY: numbers.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, FIRST) };
    if fs::exists("/sys/kernel/tracing/events")? {
        return Ok(());
    }
    let none = std::ptr::null();
    // SAFETY: a number; no thread of ours is there yet.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: strings that end, and no data.
    check(unsafe { libc::mount(none, c"/".as_ptr(), none, private, none.cast()) })?;
    let place = c"/sys/kernel/tracing".as_ptr();
    // SAFETY: as above.
    check(unsafe { libc::mount(place, place, c"tracefs".as_ptr(), 0, none.cast()) })
        .context("tracefs cannot be mounted")
}

fn check(status: i32) -> Result<()> {
    if status < 0 { Err(io::Error::last_os_error().into()) } else { Ok(()) }
}

/// Makes the kernel measure programs, as long as the result lives.
pub(crate) fn measure_programs() -> Result<OwnedFd> {
    // SAFETY: it takes a number and returns a new descriptor, or an error.
    let fd = unsafe { bpf_enable_stats(BPF_STATS_RUN_TIME) };
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(-fd))
            .context("the kernel does not measure programs");
    }
    // SAFETY: the descriptor is new and ours.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The programs that a process holds, itself or by links.
pub(crate) fn programs_of(process: u32) -> Vec<Runs> {
    let mut numbers: Vec<u64> = Vec::new();
    let Ok(descriptors) = fs::read_dir(format!("/proc/{process}/fdinfo")) else {
        return Vec::new();
    };
    for descriptor in descriptors.flatten() {
        // It may be closed by now.
        let Ok(text) = fs::read_to_string(descriptor.path()) else { continue };
        numbers.extend(field(&text, "prog_id:"));
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_iter().filter_map(runs).collect()
}

fn runs(program: u64) -> Option<Runs> {
    let fd = Program::fd_from_id(program as u32).ok()?;
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).ok()?;
    let (nanoseconds, count) = (field(&text, "run_time_ns:")?, field(&text, "run_cnt:")?);
    Some(Runs { program, nanoseconds, count })
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// Nanoseconds that the programs which ran at least so often between two looks took for a run, all together.
pub(crate) fn time_of_a_run(before: &[Runs], after: &[Runs], at_least: u64) -> Option<f64> {
    let times = after.iter().filter_map(|after| {
        let old =
            before.iter().find(|old| old.program == after.program).copied().unwrap_or_default();
        let count = after.count - old.count;
        let took = (after.nanoseconds - old.nanoseconds) as f64;
        (count >= at_least).then(|| took / count as f64)
    });
    times.reduce(|sum, time| sum + time)
}
