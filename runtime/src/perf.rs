//! `perf_event_open(2)`: every attach point of ours is a perf event with a program on it.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use ebtrace_image::{Counter, Period, Watchpoint};
use libbpf_rs::libbpf_sys::{BPF_PERF_EVENT, bpf_link_create, bpf_link_create_opts};

// From linux/perf_event.h.
const PERF_TYPE_HARDWARE: u32 = 0;
const PERF_TYPE_SOFTWARE: u32 = 1;
const PERF_TYPE_TRACEPOINT: u32 = 2;
const PERF_TYPE_BREAKPOINT: u32 = 5;
const PERF_COUNT_SW_CPU_CLOCK: u64 = 0;
const PERF_COUNT_SW_TASK_CLOCK: u64 = 1;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;
const PERF_EVENT_IOC_ENABLE: libc::c_ulong = 0x2400;
/// Access that executes.
const HW_BREAKPOINT_X: u32 = 4;
const PERF_COUNT_SW_DUMMY: u64 = 9;
const PERF_SAMPLE_TIME: u64 = 1 << 2;
/// Code that is mapped is told.
const MAPPINGS: u64 = 1 << 8;
/// Changes of names are told.
const NAMES: u64 = 1 << 9;
/// Begin and end of tasks are told.
const TASKS: u64 = 1 << 13;
/// All that is told has its time.
const ALL_WITH_TIME: u64 = 1 << 18;
/// Mappings are told with file numbers and rights.
const WHOLE_MAPPINGS: u64 = 1 << 23;
/// Names that change because another program is run say so.
const PROGRAMS: u64 = 1 << 24;
/// Threads that are started later are counted too.
const INHERIT: u64 = 1 << 1;
/// The period is a frequency.
const FREQUENCY: u64 = 1 << 10;
/// Of what is started later, only threads of the same process.
const INHERIT_THREADS: u64 = 1 << 35;

/// `struct perf_event_attr` up to `config2`, which is version 1 of it; the kernel takes what follows as zero.
#[repr(C)]
#[derive(Debug, Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    config1: u64,
    config2: u64,
}

/// A kernel or user function to probe.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function<'a> {
    /// Number of the event source, and its configuration: entry or return.
    pub(crate) source: (u32, u64),
    /// Symbol (kprobe) or path (uprobe).
    pub(crate) name: &'a CStr,
    /// Offset from the symbol or in the file.
    pub(crate) offset: u64,
}

/// What an event is watched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// A CPU, whatever runs there.
    Cpu(u32),
    /// A thread, and those that it starts from now on.
    Thread(u32),
    /// All threads of a process, where the kernel tells them by their memory.
    Process(u32),
}

/// Whether what the kernel counts is time, which it does by a timer.
pub(crate) fn is_clock(event: u64) -> bool {
    matches!(event, PERF_COUNT_SW_CPU_CLOCK | PERF_COUNT_SW_TASK_CLOCK)
}

/// A perf event, on which the kernel counts until it is closed.
#[derive(Debug)]
pub(crate) struct Event(OwnedFd);

impl Event {
    /// The tracepoint with this number, on all CPUs. It is not sampled, which the kernel does not allow for all.
    pub(crate) fn tracepoint(id: u64) -> io::Result<Self> {
        Self::open(
            Attributes { kind: PERF_TYPE_TRACEPOINT, config: id, ..Attributes::default() },
            Scope::Cpu(0),
        )
    }

    /// A kernel or user function. On any CPU it is one on all of them, and in all processes.
    pub(crate) fn function(function: Function<'_>, scope: Scope) -> io::Result<Self> {
        let (kind, config) = function.source;
        let (config1, config2) = (function.name.as_ptr().addr() as u64, function.offset);
        // The name must have been exposed for the kernel to read it behind our back.
        function.name.as_ptr().expose_provenance();
        let attributes = Attributes { kind, config, config1, config2, ..Attributes::default() };
        Self::open(attributes, scope)
    }

    /// A timer on one CPU, or one that runs while a thread does.
    pub(crate) fn timer(period: Period, scope: Scope) -> io::Result<Self> {
        let (period, flags) = match period {
            Period::Hertz(frequency) => (frequency, FREQUENCY),
            Period::Nanoseconds(nanoseconds) => (nanoseconds, 0),
        };
        let config = PERF_COUNT_SW_CPU_CLOCK;
        Self::open(
            Attributes { kind: PERF_TYPE_SOFTWARE, config, period, flags, ..Attributes::default() },
            scope,
        )
    }

    /// Something that is counted.
    pub(crate) fn counter(counter: Counter, scope: Scope) -> io::Result<Self> {
        let Counter { hardware, event: config, period } = counter;
        let kind = if hardware { PERF_TYPE_HARDWARE } else { PERF_TYPE_SOFTWARE };
        Self::open(Attributes { kind, config, period, ..Attributes::default() }, scope)
    }

    /// An access to memory.
    pub(crate) fn watchpoint(watchpoint: Watchpoint, scope: Scope) -> io::Result<Self> {
        let Watchpoint { address: config1, length, access } = watchpoint;
        // An instruction has one address, which the kernel wants to be as long as a pointer.
        let executes = access & HW_BREAKPOINT_X != 0;
        let config2 = if executes { size_of::<usize>() as u64 } else { length.into() };
        let attributes = Attributes {
            kind: PERF_TYPE_BREAKPOINT,
            period: 1,
            breakpoint_type: access,
            config1,
            config2,
            ..Attributes::default()
        };
        Self::open(attributes, scope)
    }

    /// Nothing that is counted, but what processes on a CPU do, for a buffer that is mapped from the event.
    pub(crate) fn processes(cpu: u32) -> io::Result<Self> {
        let flags = MAPPINGS | NAMES | TASKS | ALL_WITH_TIME | WHOLE_MAPPINGS | PROGRAMS;
        let (config, sample_type) = (PERF_COUNT_SW_DUMMY, PERF_SAMPLE_TIME);
        let attributes = Attributes {
            kind: PERF_TYPE_SOFTWARE,
            config,
            sample_type,
            flags,
            ..Attributes::default()
        };
        Self::open(attributes, Scope::Cpu(cpu))
    }

    /// Runs `program`, which can ask for the cookie, whenever the event happens and for as long as the link is there.
    pub(crate) fn run(&self, program: BorrowedFd<'_>, cookie: u64) -> io::Result<OwnedFd> {
        let mut options = bpf_link_create_opts {
            sz: size_of::<bpf_link_create_opts>() as _,
            ..Default::default()
        };
        options.__bindgen_anon_1.perf_event.bpf_cookie = cookie;
        let (program, event) = (program.as_raw_fd(), self.0.as_raw_fd());
        // SAFETY: the options outlive the call.
        let fd = unsafe { bpf_link_create(program, event, BPF_PERF_EVENT, &raw const options) };
        if fd < 0 {
            return Err(io::Error::from_raw_os_error(-fd));
        }
        // SAFETY: the kernel has just made this descriptor for us alone.
        let link = unsafe { OwnedFd::from_raw_fd(fd) };
        self.control(PERF_EVENT_IOC_ENABLE, 0).map(|()| link)
    }

    fn open(mut attributes: Attributes, scope: Scope) -> io::Result<Self> {
        attributes.size = size_of::<Attributes>() as u32;
        let (thread, cpu) = match scope {
            Scope::Cpu(cpu) => (-1, cpu.cast_signed()),
            Scope::Thread(thread) => {
                attributes.flags |= INHERIT | INHERIT_THREADS;
                (thread.cast_signed(), -1)
            }
            Scope::Process(process) => (process.cast_signed(), -1),
        };
        // SAFETY: the attributes are as large as they say, and the names they point to outlive the call.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                thread,
                cpu,
                -1,
                PERF_FLAG_FD_CLOEXEC,
            )
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor for us alone.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
    }

    fn control(&self, request: libc::c_ulong, argument: libc::c_long) -> io::Result<()> {
        // SAFETY: both requests take their argument by value.
        let status = unsafe { libc::ioctl(self.0.as_raw_fd(), request as _, argument) };
        if status < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl AsFd for Event {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Event {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
