//! Programs and libraries of this machine.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ebtrace::host::HostError;
use ebtrace::host::btf::Btf;
use ebtrace::host::program::{
    Debug, FIRST_BLOB, Instructions, Mark, Program, Programs, UserFunction,
};
use ebtrace_image::Stamp;
use ebtrace_runtime::binary::{self, Binary, Machine, Root};

use indexmap::{IndexMap, IndexSet};

use super::Live;
use super::debug::Information;
use crate::cli::environment::path;

/// The programs that were asked for; each is opened once.
#[derive(Debug, Default)]
pub(super) struct Known {
    programs: RefCell<IndexMap<PathBuf, Rc<Elf>>>,
}

/// A program or library.
#[derive(Debug)]
struct Elf {
    binary: Binary,
    functions: OnceCell<Vec<UserFunction>>,
    marks: OnceCell<Vec<Mark>>,
    debug: OnceCell<Option<Information>>,
    /// The number of the blob with its types.
    blob: u32,
}

impl Known {
    /// What was described so far of the types of the program whose blob has this number.
    pub(super) fn btf(&self, blob: u32) -> Result<Rc<Btf>, HostError> {
        let programs = self.programs.borrow();
        let index = blob.checked_sub(FIRST_BLOB).ok_or(HostError::NotFound)?;
        let (_, program) = programs.get_index(index as usize).ok_or(HostError::NotFound)?;
        program.information().and_then(Information::btf).ok_or(HostError::NotFound)
    }
}

impl Elf {
    fn information(&self) -> Option<&Information> {
        let read = || Information::read(self.binary.debug_bytes()?, self.blob);
        self.debug.get_or_init(read).as_ref()
    }
}

impl Programs for Live {
    fn binaries(&self, target: &str) -> Result<Vec<PathBuf>, HostError> {
        let root = self.process.map_or(Root::own(), Root::of);
        let found = binary::resolve(target, path().as_deref(), &root);
        let found = found.map_err(|_| HostError::NotFound)?;
        let Some(process) = self.process else { return Ok(found) };
        // What the process runs may have been replaced since.
        let now = found.into_iter().map(|path| binary::replaced(process, &path).unwrap_or(path));
        Ok(now.collect())
    }

    fn process(&self) -> Option<u32> {
        self.process
    }

    fn running(&self, all: bool) -> Vec<PathBuf> {
        let processes = self.process.map_or_else(|| binary::running().collect(), |one| vec![one]);
        let files = processes.into_iter().flat_map(|process| match all {
            true => binary::mapped(process),
            false => binary::executable(process).into_iter().collect(),
        });
        let files: IndexSet<PathBuf> = files.collect();
        files.into_iter().collect()
    }

    fn program(&self, path: &Path) -> Result<Rc<dyn Program>, HostError> {
        if let Some(known) = self.programs.programs.borrow().get(path) {
            return Ok(known.clone());
        }
        let binary = Binary::open(path, &self.debug_folders)
            .map_err(|error| HostError::Unreadable(error.to_string()))?;
        let count = self.programs.programs.borrow().len();
        let program = Rc::new(Elf {
            binary,
            functions: OnceCell::new(),
            marks: OnceCell::new(),
            debug: OnceCell::new(),
            blob: FIRST_BLOB + count as u32,
        });
        self.programs.programs.borrow_mut().insert(path.to_owned(), program.clone());
        Ok(program)
    }
}

impl Program for Elf {
    fn functions(&self) -> &[UserFunction] {
        self.functions.get_or_init(|| {
            let functions = self.binary.functions().iter().map(|function| UserFunction {
                name: function.name.clone(),
                address: function.address,
                offset: function.offset,
                size: function.size,
            });
            functions.collect()
        })
    }

    fn offset(&self, address: u64) -> Option<u64> {
        self.binary.offset(address)
    }

    fn code(&self, address: u64, size: u64) -> &[u8] {
        self.binary.code(address, size)
    }

    fn marks(&self) -> &[Mark] {
        self.marks.get_or_init(|| {
            let marks = self.binary.marks().iter().cloned();
            let marks = marks.map(|mark| Mark {
                provider: mark.provider,
                name: mark.name,
                address: mark.address,
                offset: mark.offset,
                semaphore: mark.semaphore,
                arguments: mark.arguments,
            });
            marks.collect()
        })
    }

    fn address(&self, offset: u64) -> Option<u64> {
        self.binary.address(offset)
    }

    fn symbol(&self, name: &str) -> Option<(u64, u64)> {
        self.binary.symbol(name)
    }

    fn symbols(&self) -> Vec<String> {
        self.binary.symbols()
    }

    fn moves(&self) -> bool {
        self.binary.moves()
    }

    fn debug(&self) -> Option<&dyn Debug> {
        self.information().map(|information| information as &dyn Debug)
    }

    fn stamp(&self) -> Option<Stamp> {
        Some(self.binary.stamp())
    }

    fn instructions(&self) -> Instructions {
        match self.binary.machine() {
            Machine::X86 => Instructions::X86(32),
            Machine::X86_64 => Instructions::X86(64),
            Machine::Aarch64 => Instructions::Aarch64,
            Machine::Other => Instructions::Other,
        }
    }
}
