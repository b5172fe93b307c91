//! Types of C and of the kernel: layouts are those of a C compiler, and kernel types are those of its BTF.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

#[path = "types/kernel.rs"]
mod kernel;
#[path = "types/layout.rs"]
mod layout;
#[path = "fuzz/random.rs"]
mod random;
