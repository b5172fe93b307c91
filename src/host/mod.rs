//! Facts about the machine that the compiler asks for.
//!
//! The compiler does no I/O: it asks a [`Host`]. The command line has a live one over `/proc`, `/sys` and ELF
//! files; tests and documentation use a fixture.

pub mod bpf;
pub mod btf;
pub mod files;
pub mod fixture;
mod functions;
pub mod headers;
pub mod object;
pub mod program;
pub mod tracefs;

pub use functions::{KernelFunction, KernelFunctions};

use std::rc::Rc;

use bpf::ProgramFunction;
use btf::Btf;
use headers::{Headers, Request, Trouble};

use crate::ir::ProgramType;

/// A facility that some kernels lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feature {
    /// Dynamic probes on kernel functions (`CONFIG_KPROBE_EVENTS`).
    Kprobes,
    /// Dynamic probes on user functions (`CONFIG_UPROBE_EVENTS`).
    Uprobes,
    /// The list of tracepoints and their formats (`CONFIG_TRACING`).
    Tracefs,
    /// The description of the kernel's types (`CONFIG_DEBUG_INFO_BTF`).
    Btf,
    /// Programs on functions whose types are known (`CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS`).
    Trampolines,
    /// What the processor counts (`CONFIG_PERF_EVENTS`, and a processor that does).
    Counters,
    /// Watching memory by the processor (`CONFIG_HAVE_HW_BREAKPOINT`).
    Breakpoints,
    /// One link for many kernel functions (`CONFIG_FPROBE`, Linux 5.18).
    KprobeMulti,
    /// One link for many user functions (Linux 6.6).
    UprobeMulti,
    /// One link for entry and return of kernel functions (Linux 6.10).
    KprobeSession,
}

impl Feature {
    /// What probes can be attached without, in another way.
    pub const OPTIONAL: [Feature; 5] = [
        Feature::Kprobes,
        Feature::Trampolines,
        Feature::KprobeMulti,
        Feature::KprobeSession,
        Feature::UprobeMulti,
    ];

    /// As messages and `EBTRACE_LACKS` call it.
    pub fn name(self) -> &'static str {
        match self {
            Feature::Kprobes => "kprobes",
            Feature::Uprobes => "uprobes",
            Feature::Tracefs => "tracefs",
            Feature::Btf => "btf",
            Feature::Trampolines => "trampolines",
            Feature::Counters => "counters",
            Feature::Breakpoints => "breakpoints",
            Feature::KprobeMulti => "kprobe_multi",
            Feature::UprobeMulti => "uprobe_multi",
            Feature::KprobeSession => "kprobe_session",
        }
    }

    /// In the middle of a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Feature::Kprobes | Feature::Uprobes | Feature::Tracefs => self.name(),
            Feature::Trampolines => "trampolines on its functions",
            Feature::Counters => "hardware counters",
            Feature::Breakpoints => "hardware breakpoints",
            Feature::KprobeMulti => "link for many kernel functions",
            Feature::UprobeMulti => "link for many user functions",
            Feature::KprobeSession => "link for entry and return of kernel functions",
            Feature::Btf => "description of its types (BTF)",
        }
    }

    /// What a sentence calls it that has named it.
    pub fn pronoun(self) -> &'static str {
        match self {
            Feature::Kprobes
            | Feature::Uprobes
            | Feature::Counters
            | Feature::Breakpoints
            | Feature::Trampolines => "them",
            Feature::Tracefs
            | Feature::Btf
            | Feature::KprobeMulti
            | Feature::KprobeSession
            | Feature::UprobeMulti => "it",
        }
    }

    /// Why a kernel has it not.
    pub fn reason(self) -> String {
        match self {
            Feature::Trampolines => {
                format!(
                    "it does not permit programs for them, or was built without {}",
                    self.config()
                )
            }
            _ => format!("it was built without {}", self.config()),
        }
    }

    /// The kernel option that brings it.
    pub fn config(self) -> &'static str {
        match self {
            Feature::Kprobes => "CONFIG_KPROBE_EVENTS",
            Feature::Uprobes => "CONFIG_UPROBE_EVENTS",
            Feature::Tracefs => "CONFIG_TRACING",
            Feature::Btf => "CONFIG_DEBUG_INFO_BTF",
            Feature::Trampolines => "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS",
            Feature::Counters => "CONFIG_PERF_EVENTS",
            Feature::Breakpoints => "CONFIG_HAVE_HW_BREAKPOINT",
            Feature::KprobeMulti | Feature::KprobeSession => "CONFIG_FPROBE",
            Feature::UprobeMulti => "CONFIG_UPROBE_EVENTS",
        }
    }
}

/// Kernel version: major, minor, patch.
pub type Version = (u32, u32, u32);

/// Instruction set of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// Intel and AMD, 64 bit.
    X86_64,
    /// Arm, 64 bit.
    Aarch64,
}

/// A field of a tracepoint's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracepointField {
    /// `filename`
    pub name: String,
    /// As the kernel writes it, with the array's brackets dropped: `const char *`, `unsigned long`, `char`.
    pub c_type: String,
    /// How its bytes are to be read.
    pub kind: FieldKind,
    /// Bytes from the start of the record.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
    /// Two's complement.
    pub signed: bool,
}

/// What kind of field a tracepoint's record has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A number or an address.
    Plain,
    /// `char comm[16]`: this many elements in the record itself.
    Array(u32),
    /// `__data_loc char[] name`: a `u32` with length (upper half) and offset (lower half) from the record's start.
    DataLoc,
    /// `__rel_loc char[] name`: the same, with the offset from the end of this field.
    RelLoc,
}

/// Why the host has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// There is no such thing.
    #[error("there is no such thing on this machine")]
    NotFound,
    /// The kernel was built or locked down without it.
    #[error("this kernel has no {}", .0.title())]
    Lacks(Feature),
    /// It is there but cannot be read: the reason, without a full stop.
    #[error("{0}")]
    Unreadable(String),
}

/// Facts about the machine, each read only when asked for.
pub trait Host: files::Files + program::Programs {
    /// Version of the running kernel.
    fn version(&self) -> Version;

    /// Instruction set.
    fn arch(&self) -> Arch;

    /// Number of CPUs that the machine can have at most.
    fn possible_cpus(&self) -> u32;

    /// The number of the cgroup whose folder this is.
    ///
    /// # Errors
    /// `NotFound` where there is no cgroup's folder, or `Unreadable` with the reason.
    fn cgroup_id(&self, path: &str) -> Result<u64, HostError>;

    /// Whether the kernel has a facility.
    fn has(&self, feature: Feature) -> bool;

    /// Whether a kernel function of this name can be probed.
    ///
    /// # Errors
    /// `Unreadable` where the kernel does not let its symbols be listed.
    fn has_function(&self, name: &str) -> Result<bool, HostError>;

    /// The functions of the kernel and its modules that can be probed.
    ///
    /// # Errors
    /// As for [`Host::has_function`].
    fn functions(&self) -> Result<&KernelFunctions, HostError>;

    /// How many bytes long a kernel function is, or a little more; `None` where that is not known, or several functions
    /// have the name. `module:function` is that of a module.
    fn function_size(&self, name: &str) -> Option<u64>;

    /// The function of the kernel that an address is in, where that is known.
    fn function_at(&self, address: u64) -> Option<String>;

    /// The address of a symbol of the kernel.
    ///
    /// # Errors
    /// `NotFound`, or `Unreadable` where the kernel hides its addresses.
    fn symbol(&self, name: &str) -> Result<u64, HostError>;

    /// The names of all symbols of the kernel, where they can be known.
    fn symbols(&self) -> Vec<&str>;

    /// Whether the kernel offers a function of this name to programs (a "kfunc").
    fn offers_function(&self, name: &str) -> bool;

    /// Whether the kernel lets programs of a type call one of these functions.
    fn permits_function(&self, name: &str, program: ProgramType) -> bool;

    /// Device and inode of the namespace of process numbers that ebtrace runs in, if it is not the machine's own.
    fn pid_namespace(&self) -> Option<(u64, u64)>;

    /// Likewise the namespace whose processes `/proc` shows.
    fn shown_pid_namespace(&self) -> Option<(u64, u64)>;

    /// The functions of all BPF programs that are loaded and that others can be attached to.
    fn program_functions(&self) -> &[ProgramFunction];

    /// The kernel's description of its types: number 0 is that of `vmlinux`, the others those of its modules.
    ///
    /// # Errors
    /// `NotFound` for a number beyond the last, `Lacks(Btf)`, or `Unreadable` with the reason.
    fn btf(&self, blob: u32) -> Result<Rc<Btf>, HostError>;

    /// How many of them there are: `vmlinux` and the modules that are loaded.
    fn btf_count(&self) -> u32;

    /// Fields of a tracepoint's record, the common ones included.
    ///
    /// # Errors
    /// `NotFound`, `Lacks(Tracefs)`, or `Unreadable` with the reason.
    fn tracepoint(&self, category: &str, event: &str) -> Result<Vec<TracepointField>, HostError>;

    /// All tracepoints as (category, event).
    ///
    /// # Errors
    /// As for [`Host::tracepoint`], without `NotFound`.
    fn tracepoints(&self) -> Result<Vec<(String, String)>, HostError>;

    /// What headers define.
    ///
    /// # Errors
    /// Where there is no compiler to read them, or it refuses them.
    fn headers(&self, request: &Request) -> Result<Headers, Trouble>;
}
