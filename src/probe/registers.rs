//! Where `struct pt_regs` keeps arguments and return values.

use crate::host::Arch;

/// Offset in bytes of the register that holds an integer argument, if it is passed in one.
pub fn argument(arch: Arch, index: usize) -> Option<u32> {
    match arch {
        // di, si, dx, cx, r8, r9
        Arch::X86_64 => [112, 104, 96, 88, 72, 64].get(index).copied(),
        // x0 to x7
        Arch::Aarch64 => (index < 8).then_some(index as u32 * 8),
    }
}

/// Offset in bytes of the register that holds the return value.
pub fn result(arch: Arch) -> u32 {
    match arch {
        // ax
        Arch::X86_64 => 80,
        // x0
        Arch::Aarch64 => 0,
    }
}
