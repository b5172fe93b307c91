//! Facts about programs and libraries.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use ebtrace_image::Stamp;

use super::HostError;
use super::btf::Named;

/// A function of a program or library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFunction {
    /// As the symbol table has it.
    pub name: String,
    /// Virtual address.
    pub address: u64,
    /// Offset of its code in the file.
    pub offset: u64,
    /// Bytes of code; 0 where the file does not say.
    pub size: u64,
}

impl UserFunction {
    /// Whether its code is known to go on to this address.
    pub fn holds(&self, address: u64) -> bool {
        address.checked_sub(self.address).is_some_and(|within| within < self.size)
    }
}

/// A place that the authors of a program marked as a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// What it is part of: `libc`.
    pub provider: String,
    /// Its name; there can be several places of one name.
    pub name: String,
    /// Virtual address of the instruction.
    pub address: u64,
    /// Offset of the instruction in the file.
    pub offset: u64,
    /// Offset in the file of a counter of those that watch, if the program looks at one.
    pub semaphore: Option<u64>,
    /// Where the arguments are: `-4@%edi 8@-8(%rbp)`.
    pub arguments: String,
}

/// The number of the first blob of BTF that describes types of a program, not of the kernel.
pub const FIRST_BLOB: u32 = 1 << 24;

/// What a function gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// In order.
    pub parameters: Vec<Parameter>,
    /// It also gets the address where its result is to stand.
    pub result_in_memory: bool,
}

/// A parameter of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name; may be empty.
    pub name: String,
    /// Its type, in the blob of the program.
    pub ty: u32,
    /// For each of its words whether it is a number with a fraction; none where it is passed in memory.
    pub words: Option<Vec<bool>>,
}

/// A source file of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path where it was compiled.
    pub path: String,
    /// Where its lines are, by address.
    pub places: Vec<SourcePlace>,
}

/// A place of a program where something of a source line begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePlace {
    /// From 1.
    pub line: u32,
    /// From 1; 0 where it is not known.
    pub column: u32,
    /// The address of the instruction.
    pub address: u64,
    /// Which function, or function that was inlined in one, it belongs to, if that is known.
    pub block: Option<u32>,
}

/// Debug information of a program.
pub trait Debug {
    /// The number of the blob of BTF with its types, which grows as types are asked for.
    fn blob(&self) -> u32;

    /// What the function at an address gets.
    fn signature(&self, address: u64) -> Option<Signature>;

    /// A type, described from now on.
    fn find_type(&self, kind: Named, name: &str) -> Option<u32>;

    /// The source files whose paths end so.
    fn source_files(&self, end: &str) -> Vec<SourceFile>;
}

/// For whom code was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instructions {
    /// Intel and AMD, of 32 or 64 bits: of 1 to 15 bytes.
    X86(u32),
    /// Arm, 64 bit: of 4 bytes.
    Aarch64,
    /// What nobody here can read.
    Other,
}

/// A program or library.
pub trait Program: std::fmt::Debug {
    /// Its functions by name, of several of one name that with the lowest address first.
    fn functions(&self) -> &[UserFunction];

    /// The offset in the file of code at this address, if there is some.
    fn offset(&self, address: u64) -> Option<u64>;

    /// The code from this address on: at most so many bytes, fewer where there is no more.
    fn code(&self, address: u64, size: u64) -> &[u8];

    /// The places that are marked as probes, in order.
    fn marks(&self) -> &[Mark];

    /// The address of code at this offset in the file, if there is some.
    fn address(&self, offset: u64) -> Option<u64>;

    /// The address of a variable or function, and its size, which is 0 where the file does not say.
    fn symbol(&self, name: &str) -> Option<(u64, u64)>;

    /// The names of its variables and functions.
    fn symbols(&self) -> Vec<String>;

    /// Whether it is moved when it is loaded, so that addresses count from wherever that is.
    fn moves(&self) -> bool;

    /// Its debug information, if it has some.
    fn debug(&self) -> Option<&dyn Debug>;

    /// What its code is made of.
    fn instructions(&self) -> Instructions;

    /// What tells the file that was read from others, where that is known.
    fn stamp(&self) -> Option<Stamp> {
        None
    }
}

/// Facts about programs, each read only when asked for.
pub trait Programs {
    /// The files that a target means: a path, all programs of a name in `PATH`, or a library such as `libc`; or all that
    /// a pattern fits.
    ///
    /// # Errors
    /// `NotFound`, or `Unreadable` with the reason.
    fn binaries(&self, target: &str) -> Result<Vec<PathBuf>, HostError>;

    /// The process that alone is traced.
    fn process(&self) -> Option<u32>;

    /// The program that the process runs, and with `all` the libraries that it has loaded too; without a process, those
    /// of all processes.
    fn running(&self, all: bool) -> Vec<PathBuf>;

    /// The program or library at a path.
    ///
    /// # Errors
    /// `Unreadable` where it cannot be read or is no ELF file.
    fn program(&self, path: &Path) -> Result<Rc<dyn Program>, HostError>;
}
