//! Decides where everything is: the one place that chooses offsets.
//!
//! The code generator and the runtime both read what is decided here: the tables of the image, and for each program
//! which locals fit the BPF stack and which live in its per-CPU scratch area. The stack has 512 bytes; nothing
//! larger than [`ON_STACK_LIMIT`] is ever put there, and a program's locals never fill more than
//! [`STACK_BUDGET`].

use ebtrace_image as image;

use super::{LocalId, Program};
use crate::source::Sources;

/// The largest local in bytes that may stand on the stack.
pub const ON_STACK_LIMIT: u32 = 32;
/// How much of the 512 bytes of stack a program's locals may fill; the rest is for what LLVM spills.
pub const STACK_BUDGET: u32 = 256;
/// The largest scratch area of one program in bytes: the kernel's limit for a per-CPU value.
pub const SCRATCH_LIMIT: u32 = 32 * 1024;

/// Where everything is.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// The tables for the runtime; its `object` is still empty.
    pub image: image::Image,
    /// In the order of [`Program::probes`].
    pub probes: Vec<ProbeLayout>,
}

/// Where the locals of a program are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeLayout {
    /// In the order of the function's locals.
    pub locals: Vec<Place>,
    /// Size of the scratch area in bytes, a multiple of 8; 0 where none is needed.
    pub scratch: u32,
}

/// Where a local is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the stack, or in a register if it is a scalar whose address nobody takes.
    Stack,
    /// So many bytes into the program's scratch area; aligned to 8.
    Scratch(u32),
}

impl ProbeLayout {
    /// Where a local is.
    pub fn place(&self, local: LocalId) -> Place {
        self.locals[local.into_raw().into_u32() as usize]
    }
}
