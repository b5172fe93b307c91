//! The back end: what the object holds, that the kernel takes it, and what its programs do when they run.
#![cfg(feature = "run")]

mod arithmetic;
mod maps;
mod memory;
mod structure;
mod support;
