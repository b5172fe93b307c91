//! The ebtrace compiler: from a script to an image that the runtime loads.

pub mod builtin;
#[cfg(feature = "codegen")]
pub mod codegen;
pub mod complete;
pub mod config;
pub mod diagnostic;
pub mod entry;
pub mod environment;
pub mod expand;
pub mod format;
pub mod highlight;
pub mod host;
pub mod ir;
pub mod list;
pub mod memory;
pub mod options;
pub mod pipeline;
pub mod probe;
pub mod reference;
pub mod sema;
pub mod source;
pub mod syntax;
pub mod types;
