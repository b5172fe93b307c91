//! Facts about programs and libraries.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::HostError;

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
pub trait Program: Debug {
    /// Its functions by name, of several of one name that with the lowest address first.
    fn functions(&self) -> &[UserFunction];

    /// The offset in the file of code at this address, if there is some.
    fn offset(&self, address: u64) -> Option<u64>;

    /// The code from this address on: at most so many bytes, fewer where there is no more.
    fn code(&self, address: u64, size: u64) -> &[u8];

    /// The places that are marked as probes, in order.
    fn marks(&self) -> &[Mark];

    /// The address of a variable.
    fn variable(&self, name: &str) -> Option<u64>;

    /// What its code is made of.
    fn instructions(&self) -> Instructions;
}

/// Facts about programs, each read only when asked for.
pub trait Programs {
    /// The files that a target means: a path, all programs of a name in `PATH`, or a library such as `libc`; or all that
    /// a pattern fits.
    ///
    /// # Errors
    /// `NotFound`, or `Unreadable` with the reason.
    fn binaries(&self, target: &str) -> Result<Vec<PathBuf>, HostError>;

    /// The program or library at a path.
    ///
    /// # Errors
    /// `Unreadable` where it cannot be read or is no ELF file.
    fn program(&self, path: &Path) -> Result<Rc<dyn Program>, HostError>;
}
