//! The back end: what the object holds, that the kernel takes it, and what its programs do when they run.
#![cfg(feature = "run")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod arithmetic;
mod instructions;
mod listing;
mod loops;
mod maps;
mod memory;
mod structure;
mod support;
