//! The machine itself, as the compiler asks about it.

mod debug;
mod kept;
mod program;

use std::cell::OnceCell;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::environment::value;
use super::files;
use ebtrace::environment;
use ebtrace::host::bpf::{self, ProgramFunction};
use ebtrace::host::btf::{self, Btf, Named};
use ebtrace::host::files::{Entry, Files};
use ebtrace::host::headers::{Headers, Request, Trouble};
use ebtrace::host::program::{FIRST_BLOB, Programs};
use ebtrace::host::{
    Arch, Feature, Host, HostError, KernelFunctions, TracepointField, Version, tracefs,
};
use ebtrace::ir::ProgramType;
use ebtrace_runtime::binary::DebugFolders;
use ebtrace_runtime::bytes::FileBytes;
use ebtrace_runtime::kernel::{self, Kallsyms, Tracefs, TracefsError, Trial};

/// A function that every kernel has and describes, if it describes any.
const ANY_FUNCTION: &str = "vfs_read";

/// An event that every kernel has and describes, if it describes any.
const ANY_EVENT: &str = "btf_trace_sched_switch";

/// What the kernel's own types are called, beside those of modules.
const VMLINUX: &str = "vmlinux";

/// Reads the running kernel and the files of this machine; each only when asked, and once.
#[derive(Default)]
pub(crate) struct Live {
    tracefs: OnceCell<Result<Tracefs, HostError>>,
    kallsyms: OnceCell<Result<Kallsyms, HostError>>,
    functions: OnceCell<Result<KernelFunctions, HostError>>,
    kprobe_multi: OnceCell<bool>,
    kprobe_session: OnceCell<bool>,
    /// What is not to be used.
    without: Vec<Feature>,
    /// Has the functions of the kernel in place of the kernel's own list.
    traceable_functions: Option<PathBuf>,
    /// The process that alone is traced.
    process: Option<u32>,
    programs: program::Known,
    /// Where separate debug information of programs is.
    debug_folders: DebugFolders,
    btf: OnceCell<Result<Rc<Btf>, HostError>>,
    trampolines: OnceCell<bool>,
    bpf: OnceCell<Vec<ProgramFunction>>,
    modules: OnceCell<Vec<Module>>,
}

/// A module that has BTF.
struct Module {
    name: String,
    btf: OnceCell<Result<Rc<Btf>, HostError>>,
}

impl Live {
    /// The machine, but for facilities that are not to be used, and perhaps with a list of its functions.
    pub(crate) fn new(without: Vec<Feature>, traceable_functions: Option<PathBuf>) -> Live {
        Live { without, traceable_functions, ..Live::default() }
    }

    /// The same; files are those that a process sees.
    pub(crate) fn of_process(self, process: Option<u32>) -> Live {
        Live { process, ..self }
    }

    /// The same; separate debug information is looked for in folders of the user too.
    pub(crate) fn with_debug_folders(self, debug_folders: DebugFolders) -> Live {
        Live { debug_folders, ..self }
    }

    fn tracefs(&self) -> Result<&Tracefs, HostError> {
        self.tracefs
            .get_or_init(|| Tracefs::open().map_err(tracefs_error))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn kallsyms(&self) -> Result<&Kallsyms, HostError> {
        let read = || {
            Kallsyms::read()
                .map_err(|error| HostError::Unreadable(format!("/proc/kallsyms: {error}")))
        };
        self.kallsyms.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    /// What the function tracer lists, or all code where it does not say.
    fn read_functions(&self) -> Result<KernelFunctions, HostError> {
        let listed =
            match &self.traceable_functions {
                Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
                    HostError::Unreadable(format!("{}: {error}", path.display()))
                })?),
                None => kept::functions(|| self.tracefs().ok()?.traceable_functions().ok()),
            };
        let functions = match listed {
            Some(listed) => KernelFunctions::of_lines(listed),
            None => self.kallsyms()?.functions().collect(),
        };
        Ok(functions.without(kernel::barred_functions()))
    }

    fn vmlinux(&self) -> Result<Rc<Btf>, HostError> {
        self.btf.get_or_init(read_vmlinux).clone()
    }

    /// Asks the kernel to take a program that does nothing, for a function that any kernel has.
    fn has_trampolines(&self) -> bool {
        let ask = || {
            let Ok(btf) = self.vmlinux() else { return false };
            btf.find(Named::Function, ANY_FUNCTION).is_none_or(kernel::has_trampolines)
        };
        // Who may load no programs at all is told so later.
        !kernel::is_privileged() || *self.trampolines.get_or_init(ask)
    }

    /// Asks the kernel to take a program of this type that calls a function.
    fn permits(&self, name: &str, program: ProgramType) -> Option<bool> {
        let blobs = (0..self.btf_count()).filter_map(|blob| self.btf(blob).ok());
        let (btf, function) = blobs.into_iter().find_map(|btf| {
            let function = btf.find(Named::Function, name)?;
            Some((btf, function))
        })?;
        let module = (btf.name() != VMLINUX).then(|| btf.name().to_owned());
        let kind = match program {
            ProgramType::Kprobe => Trial::Kprobe,
            ProgramType::Tracepoint => Trial::Tracepoint,
            ProgramType::PerfEvent => Trial::PerfEvent,
            ProgramType::RawTracepoint => Trial::RawTracepoint,
            ProgramType::TypedEvent
            | ProgramType::FunctionEntry
            | ProgramType::FunctionExit
            | ProgramType::Iterator
            | ProgramType::TextIterator => {
                Trial::Tracing { event: self.vmlinux().ok()?.find(Named::Plain, ANY_EVENT)? }
            }
        };
        Some(kernel::permits_function(kind, function, module.as_deref()))
    }

    fn modules(&self) -> &[Module] {
        self.modules.get_or_init(|| {
            // The modules continue the kernel's own blob and no other.
            if value(&environment::BTF).is_some() {
                return Vec::new();
            }
            let names = kernel::btf_modules().unwrap_or_default();
            names.into_iter().map(|name| Module { name, btf: OnceCell::new() }).collect()
        })
    }
}

impl Files for Live {
    fn open(&self, path: &Path) -> Result<Entry, HostError> {
        files::open(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => HostError::NotFound,
            _ => HostError::Unreadable(error.to_string()),
        })
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, HostError> {
        std::fs::read(path).map_err(|error| HostError::Unreadable(error.to_string()))
    }

    fn compile(&self, path: &Path, folders: &[PathBuf]) -> Result<Vec<u8>, Trouble> {
        super::compile::compile(path, folders)
    }
}

impl Host for Live {
    fn version(&self) -> Version {
        kernel::version()
    }

    fn arch(&self) -> Arch {
        if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 }
    }

    fn possible_cpus(&self) -> u32 {
        kernel::possible_cpus().map_or(1, |cpus| cpus as u32)
    }

    fn cgroup_id(&self, path: &str) -> Result<u64, HostError> {
        kernel::cgroup_id(Path::new(path)).map_err(|error| match error.kind() {
            ErrorKind::NotFound => HostError::NotFound,
            _ => HostError::Unreadable(error.to_string()),
        })
    }

    fn has(&self, feature: Feature) -> bool {
        if self.without.contains(&feature) {
            return false;
        }
        match feature {
            Feature::KprobeMulti => *self.kprobe_multi.get_or_init(kernel::has_kprobe_multi),
            Feature::KprobeSession => *self.kprobe_session.get_or_init(kernel::has_kprobe_session),
            Feature::UprobeMulti => kernel::has_uprobe_multi(),
            Feature::Kprobes => kernel::has_kprobes(),
            Feature::Uprobes => kernel::has_uprobes(),
            Feature::Tracefs => !matches!(self.tracefs(), Err(HostError::Lacks(_))),
            Feature::Btf => value(&environment::BTF).is_some() || kernel::has_btf(),
            Feature::Breakpoints => kernel::has_breakpoints(),
            Feature::Trampolines => self.has_trampolines(),
            Feature::Counters => kernel::has_counters(),
        }
    }

    fn headers(&self, request: &Request) -> Result<Headers, Trouble> {
        super::headers::read(request)
    }

    fn has_function(&self, name: &str) -> Result<bool, HostError> {
        // BTF answers for most functions in a millisecond; listing all symbols takes the kernel many.
        let described = kernel::btf_bytes().ok().and_then(|blob| btf::has_function(&blob, name));
        if described == Some(true) {
            return Ok(true);
        }
        Ok(self.kallsyms()?.has_function(name))
    }

    fn functions(&self) -> Result<&KernelFunctions, HostError> {
        self.functions.get_or_init(|| self.read_functions()).as_ref().map_err(Clone::clone)
    }

    fn function_size(&self, name: &str) -> Option<u64> {
        let image = value(&environment::VMLINUX);
        let image = image.and_then(|(_, path)| self.program(Path::new(&path)).ok());
        if let Some(image) = image {
            let name = name.strip_prefix("vmlinux:").unwrap_or(name);
            let known = image.functions().iter().find(|function| function.name == name);
            return known.map(|function| function.size).filter(|size| *size > 0);
        }
        self.kallsyms().ok()?.room(name)
    }

    fn function_at(&self, address: u64) -> Option<String> {
        self.kallsyms().ok()?.function_at(address).map(str::to_owned)
    }

    fn symbol(&self, name: &str) -> Result<u64, HostError> {
        match self.kallsyms()?.symbol(name) {
            Some(0) => {
                Err(HostError::Unreadable("the kernel shows them to nobody here".to_owned()))
            }
            Some(address) => Ok(address),
            None => Err(HostError::NotFound),
        }
    }

    fn symbols(&self) -> Vec<&str> {
        self.kallsyms().map(|all| all.symbols().collect()).unwrap_or_default()
    }

    fn offers_function(&self, name: &str) -> bool {
        let blobs = (0..self.btf_count()).filter_map(|blob| self.btf(blob).ok());
        blobs.into_iter().any(|blob| blob.offers(name))
    }

    fn permits_function(&self, name: &str, program: ProgramType) -> bool {
        self.permits(name, program).unwrap_or(false)
    }

    fn shown_pid_namespace(&self) -> Option<(u64, u64)> {
        kernel::pid_namespace().filter(|_| kernel::shows_own_processes())
    }

    fn pid_namespace(&self) -> Option<(u64, u64)> {
        kernel::pid_namespace()
    }

    fn program_functions(&self) -> &[ProgramFunction] {
        self.bpf.get_or_init(|| {
            let programs = kernel::loaded_programs();
            let functions = programs
                .into_iter()
                .flat_map(|program| bpf::functions(program.id, program.types, &program.functions));
            functions.collect()
        })
    }

    fn btf(&self, blob: u32) -> Result<Rc<Btf>, HostError> {
        if blob >= FIRST_BLOB {
            return self.programs.btf(blob);
        }
        let Some(index) = blob.checked_sub(1) else { return self.vmlinux() };
        let module = self.modules().get(index as usize).ok_or(HostError::NotFound)?;
        module.btf.get_or_init(|| read_module(&module.name, self.vmlinux()?)).clone()
    }

    fn btf_count(&self) -> u32 {
        1 + u32::try_from(self.modules().len()).unwrap_or(0)
    }

    fn tracepoint(&self, category: &str, event: &str) -> Result<Vec<TracepointField>, HostError> {
        let text = self.tracefs()?.format(category, event).map_err(tracefs_error)?;
        Ok(tracefs::parse_format(&text))
    }

    fn tracepoints(&self) -> Result<Vec<(String, String)>, HostError> {
        self.tracefs()?.tracepoints().map_err(tracefs_error)
    }
}

fn read_vmlinux() -> Result<Rc<Btf>, HostError> {
    let (path, bytes) = match value(&environment::BTF) {
        Some((_, path)) => (path.display().to_string(), kernel::btf_file(&path)),
        None => ("/sys/kernel/btf/vmlinux".to_owned(), kernel::btf_bytes()),
    };
    match bytes {
        Ok(bytes) => index(VMLINUX, bytes, None),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(HostError::Lacks(Feature::Btf)),
        Err(error) => Err(HostError::Unreadable(format!("{path}: {error}"))),
    }
}

fn read_module(name: &str, base: Rc<Btf>) -> Result<Rc<Btf>, HostError> {
    let bytes = kernel::module_btf_bytes(name)
        .map_err(|error| HostError::Unreadable(format!("the BTF of module {name}: {error}")))?;
    index(name, bytes, Some(base))
}

fn index(name: &str, bytes: FileBytes, base: Option<Rc<Btf>>) -> Result<Rc<Btf>, HostError> {
    let damaged = || HostError::Unreadable(format!("the BTF of {name} is damaged"));
    Btf::new(name, Box::new(bytes), base).map(Rc::new).ok_or_else(damaged)
}

fn tracefs_error(error: TracefsError) -> HostError {
    match (&error, error.kind()) {
        (TracefsError::NotBuilt, _) => HostError::Lacks(Feature::Tracefs),
        (TracefsError::Read { .. }, ErrorKind::NotFound) => HostError::NotFound,
        _ => HostError::Unreadable(error.to_string()),
    }
}
