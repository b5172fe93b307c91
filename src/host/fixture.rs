//! A small fake machine for tests and documentation: always the same, whatever it runs on.

mod headers;
mod kernel;
mod program;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::bpf::{Number, ProgramFunction};
use super::btf::Btf;
use super::files::{Content, Entry, Files};
use super::headers::{Complaint, Headers, Request, Trouble};
use super::program::FIRST_BLOB;
use super::tracefs::parse_format;
use super::{Arch, Feature, Host, HostError, KernelFunctions, TracepointField, Version};
use crate::ir::ProgramType;

/// Functions of the kernel, and their modules.
const FUNCTIONS: [(&str, &str); 8] = [
    ("do_sys_openat2", ""),
    ("vfs_read", ""),
    ("vfs_write", ""),
    ("vfs_open", ""),
    ("rcu_note_context_switch", ""),
    ("tcp_connect", ""),
    ("do_nanosleep", ""),
    ("ext4_sync_file", "ext4"),
];

/// Of the first function of the kernel.
const FIRST_ADDRESS: u64 = 0xffffffff81000000;

/// What the kernel's symbol table has; not all variables are there.
const SYMBOLS: [(&str, u64); 4] = [
    ("vfs_open", 0xffff_ffff_8100_0040),
    ("runqueues", 0x2a000),
    ("process_counts", 0x2b000),
    ("average_ticks", 0x2b008),
];

const TRACEPOINTS: [(&str, &str, &str); 6] = [
    (
        "syscalls",
        "sys_enter_openat",
        "field:unsigned short common_type; offset:0; size:2; signed:0;
         field:int __syscall_nr; offset:8; size:4; signed:1;
         field:int dfd; offset:16; size:8; signed:0;
         field:const char * filename; offset:24; size:8; signed:0;
         field:int flags; offset:32; size:8; signed:0;
         field:umode_t mode; offset:40; size:8; signed:0;",
    ),
    (
        "syscalls",
        "sys_enter_execve",
        "field:int __syscall_nr; offset:8; size:4; signed:1;
         field:const char * filename; offset:16; size:8; signed:0;
         field:const char *const * argv; offset:24; size:8; signed:0;
         field:const char *const * envp; offset:32; size:8; signed:0;",
    ),
    (
        "syscalls",
        "sys_exit_openat",
        "field:int __syscall_nr; offset:8; size:4; signed:1;
         field:long ret; offset:16; size:8; signed:1;",
    ),
    (
        "raw_syscalls",
        "sys_enter",
        "field:long id; offset:8; size:8; signed:1;
         field:unsigned long args[6]; offset:16; size:48; signed:0;",
    ),
    (
        "sched",
        "sched_switch",
        "field:char prev_comm[16]; offset:8; size:16; signed:0;
         field:pid_t prev_pid; offset:24; size:4; signed:1;
         field:int prev_prio; offset:28; size:4; signed:1;
         field:long prev_state; offset:32; size:8; signed:1;
         field:char next_comm[16]; offset:40; size:16; signed:0;
         field:pid_t next_pid; offset:56; size:4; signed:1;
         field:int next_prio; offset:60; size:4; signed:1;",
    ),
    (
        "sched",
        "sched_process_fork",
        "field:__data_loc char[] parent_comm; offset:8; size:4; signed:0;
         field:pid_t parent_pid; offset:12; size:4; signed:1;",
    ),
];

/// The fake machine.
#[derive(Debug, Clone, Default)]
pub struct Fixture {
    lacking: BTreeSet<Feature>,
    btf: OnceCell<Vec<Rc<Btf>>>,
    bpf: OnceCell<Vec<ProgramFunction>>,
    functions: OnceCell<KernelFunctions>,
    files: BTreeMap<PathBuf, (Vec<u8>, bool)>,
    arch: Option<Arch>,
    version: Option<Version>,
}

impl Fixture {
    /// Linux 6.12 on x86_64 with every facility.
    pub fn new() -> Fixture {
        Fixture::default()
    }

    /// The same with a file, which everyone may change if it is `writable`.
    #[must_use]
    pub fn with_file(
        mut self,
        path: impl Into<PathBuf>,
        text: impl Into<Vec<u8>>,
        writable: bool,
    ) -> Fixture {
        self.files.insert(path.into(), (text.into(), writable));
        self
    }

    /// The same with another processor.
    #[must_use]
    pub fn with_arch(mut self, arch: Arch) -> Fixture {
        self.arch = Some(arch);
        self
    }

    /// The same with another kernel.
    #[must_use]
    pub fn with_version(mut self, version: Version) -> Fixture {
        self.version = Some(version);
        self
    }

    /// The same machine without something.
    pub fn without(mut self, feature: Feature) -> Fixture {
        self.lacking.insert(feature);
        self
    }

    /// The same with the types of another kernel: `vmlinux`, then its modules.
    #[must_use]
    pub fn with_types(mut self, blobs: Vec<Rc<Btf>>) -> Fixture {
        self.btf = OnceCell::from(blobs);
        self
    }

    fn tracing(&self) -> Result<(), HostError> {
        if self.has(Feature::Tracefs) { Ok(()) } else { Err(HostError::Lacks(Feature::Tracefs)) }
    }
}

impl Files for Fixture {
    fn open(&self, path: &Path) -> Result<Entry, HostError> {
        let real = plain(path);
        if let Some((text, writable)) = self.files.get(&real) {
            let writable = writable.then(|| path.to_owned());
            return Ok(Entry {
                real,
                writable,
                content: Content::Text(String::from_utf8_lossy(text).into_owned()),
            });
        }
        let below = self.files.keys().filter_map(|file| file.strip_prefix(&real).ok());
        let first = below.filter_map(|rest| rest.components().next());
        let mut names: Vec<String> =
            first.map(|name| name.as_os_str().to_string_lossy().into_owned()).collect();
        names.dedup();
        match names.is_empty() {
            true => Err(HostError::NotFound),
            false => Ok(Entry { real, writable: None, content: Content::Folder(names) }),
        }
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, HostError> {
        self.files.get(&plain(path)).map(|(bytes, _)| bytes.clone()).ok_or(HostError::NotFound)
    }

    /// This machine has no compiler, but one that refuses what has a line with `#error`.
    fn compile(&self, path: &Path, _: &[PathBuf]) -> Result<Vec<u8>, Trouble> {
        let text = self.read(path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let wrong = (1..).zip(text.lines()).find_map(|(number, line)| {
            line.strip_prefix("#error ").map(|message| (number, message.to_owned()))
        });
        Err(match wrong {
            Some((line, message)) => {
                Trouble::Wrong(vec![Complaint { message, line: Some(line), within: None }])
            }
            None => Trouble::NoCompiler("no folder of PATH has it".to_owned()),
        })
    }
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut real = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = real.pop(),
            Component::CurDir => {}
            part => real.push(part),
        }
    }
    real
}

impl Host for Fixture {
    fn version(&self) -> Version {
        self.version.unwrap_or((6, 12, 0))
    }

    fn arch(&self) -> Arch {
        self.arch.unwrap_or(Arch::X86_64)
    }

    fn possible_cpus(&self) -> u32 {
        4
    }

    fn cgroup_id(&self, path: &str) -> Result<u64, HostError> {
        match path {
            "/sys/fs/cgroup" => Ok(1),
            "/sys/fs/cgroup/user.slice" => Ok(42),
            _ => Err(HostError::NotFound),
        }
    }

    fn has(&self, feature: Feature) -> bool {
        !self.lacking.contains(&feature)
    }

    fn has_function(&self, name: &str) -> Result<bool, HostError> {
        Ok(FUNCTIONS.iter().any(|(function, _)| *function == name))
    }

    fn functions(&self) -> Result<&KernelFunctions, HostError> {
        Ok(self.functions.get_or_init(|| {
            let functions = FUNCTIONS.into_iter();
            functions
                .map(|(name, module)| (name, Some(module).filter(|module| !module.is_empty())))
                .collect()
        }))
    }

    fn function_size(&self, name: &str) -> Option<u64> {
        (name == "vfs_open").then_some(128)
    }

    fn function_at(&self, address: u64) -> Option<String> {
        (address >= FIRST_ADDRESS).then(|| "vfs_open".to_owned())
    }

    fn symbol(&self, name: &str) -> Result<u64, HostError> {
        let known = SYMBOLS.iter().find(|(symbol, _)| *symbol == name);
        known.map(|(_, address)| *address).ok_or(HostError::NotFound)
    }

    fn symbols(&self) -> Vec<&str> {
        SYMBOLS.iter().map(|(name, _)| *name).collect()
    }

    fn offers_function(&self, name: &str) -> bool {
        name == "bpf_task_from_pid"
    }

    fn permits_function(&self, name: &str, program: ProgramType) -> bool {
        self.offers_function(name) && program.has_typed_context()
    }

    fn shown_pid_namespace(&self) -> Option<(u64, u64)> {
        None
    }

    fn pid_namespace(&self) -> Option<(u64, u64)> {
        None
    }

    fn program_functions(&self) -> &[ProgramFunction] {
        self.bpf.get_or_init(|| {
            let result = Some(Number { bits: 32, signed: true });
            let function = |program: u32, name: &str, result| ProgramFunction {
                program,
                name: name.to_owned(),
                result,
            };
            vec![
                function(7, "count_packets", result),
                function(7, "forget_packet", None),
                function(9, "count_packets", result),
            ]
        })
    }

    fn btf(&self, blob: u32) -> Result<Rc<Btf>, HostError> {
        if !self.has(Feature::Btf) {
            return Err(HostError::Lacks(Feature::Btf));
        }
        if blob == FIRST_BLOB {
            return Ok(Rc::new(program::types().0));
        }
        let blobs = self.btf.get_or_init(kernel::blobs);
        blobs.get(blob as usize).cloned().ok_or(HostError::NotFound)
    }

    fn btf_count(&self) -> u32 {
        self.btf.get_or_init(kernel::blobs).len() as u32
    }

    fn tracepoint(&self, category: &str, event: &str) -> Result<Vec<TracepointField>, HostError> {
        self.tracing()?;
        let known = TRACEPOINTS.iter().find(|(c, e, _)| (*c, *e) == (category, event));
        known.map(|(_, _, format)| parse_format(format)).ok_or(HostError::NotFound)
    }

    fn tracepoints(&self) -> Result<Vec<(String, String)>, HostError> {
        self.tracing()?;
        Ok(TRACEPOINTS
            .iter()
            .map(|(category, event, _)| ((*category).to_owned(), (*event).to_owned()))
            .collect())
    }

    fn headers(&self, request: &Request) -> Result<Headers, Trouble> {
        headers::read(request)
    }
}
