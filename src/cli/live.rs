//! The machine itself, as the compiler asks about it.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ebtrace::host::{
    Arch, Feature, Host, HostError, TracepointField, UserSymbol, Version, btf, tracefs,
};
use ebtrace_runtime::binary::{self, Binary};
use ebtrace_runtime::kernel::{self, Kallsyms, Tracefs, TracefsError};

/// Reads the running kernel and the files of this machine; each only when asked, and once.
#[derive(Default)]
pub(crate) struct Live {
    tracefs: OnceCell<Result<Tracefs, HostError>>,
    kallsyms: OnceCell<Result<Kallsyms, HostError>>,
    binaries: RefCell<HashMap<PathBuf, Rc<Binary>>>,
}

impl Live {
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

    fn elf(&self, path: &Path) -> Result<Rc<Binary>, HostError> {
        if let Some(known) = self.binaries.borrow().get(path) {
            return Ok(known.clone());
        }
        let read = Binary::open(path).map_err(|error| HostError::Unreadable(error.to_string()))?;
        let read = Rc::new(read);
        self.binaries.borrow_mut().insert(path.to_owned(), read.clone());
        Ok(read)
    }
}

impl Host for Live {
    fn version(&self) -> Version {
        kernel::version()
    }

    fn arch(&self) -> Arch {
        if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 }
    }

    fn has(&self, feature: Feature) -> bool {
        match feature {
            Feature::Kprobes => kernel::has_kprobes(),
            Feature::Uprobes => kernel::has_uprobes(),
            Feature::Tracefs => !matches!(self.tracefs(), Err(HostError::Lacks(_))),
        }
    }

    fn has_function(&self, name: &str) -> Result<bool, HostError> {
        // BTF answers for most functions in a millisecond; listing all symbols takes the kernel many.
        let described = kernel::btf_bytes().ok().and_then(|blob| btf::has_function(&blob, name));
        if described == Some(true) {
            return Ok(true);
        }
        Ok(self.kallsyms()?.has_function(name))
    }

    fn functions(&self) -> Result<Vec<Cow<'_, str>>, HostError> {
        Ok(self.kallsyms()?.function_names().map(Cow::Borrowed).collect())
    }

    fn tracepoint(&self, category: &str, event: &str) -> Result<Vec<TracepointField>, HostError> {
        let text = self.tracefs()?.format(category, event).map_err(tracefs_error)?;
        Ok(tracefs::parse_format(&text))
    }

    fn tracepoints(&self) -> Result<Vec<(String, String)>, HostError> {
        let tracefs = self.tracefs()?;
        let mut all = Vec::new();
        for category in tracefs.categories().map_err(tracefs_error)? {
            let events = tracefs.events(&category).map_err(tracefs_error)?;
            all.extend(events.into_iter().map(|event| (category.clone(), event)));
        }
        Ok(all)
    }

    fn binary(&self, target: &str) -> Result<PathBuf, HostError> {
        binary::resolve(target, std::env::var_os("PATH").as_deref())
            .map_err(|_| HostError::NotFound)
    }

    fn user_symbol(&self, path: &Path, name: &str) -> Result<UserSymbol, HostError> {
        let elf = self.elf(path)?;
        let function = elf.function(name).ok_or(HostError::NotFound)?;
        Ok(UserSymbol {
            address: function.address,
            file_offset: function.offset,
            size: function.size,
        })
    }

    fn user_symbols(&self, path: &Path) -> Result<Vec<String>, HostError> {
        Ok(self.elf(path)?.functions().iter().map(|function| function.name.clone()).collect())
    }
}

fn tracefs_error(error: TracefsError) -> HostError {
    match (&error, error.kind()) {
        (TracefsError::NotBuilt, _) => HostError::Lacks(Feature::Tracefs),
        (TracefsError::Read { .. }, ErrorKind::NotFound) => HostError::NotFound,
        _ => HostError::Unreadable(error.to_string()),
    }
}
