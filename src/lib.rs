//! The ebtrace compiler: from a script to an image that the runtime loads.

pub mod diagnostic;
pub mod host;
pub mod ir;
pub mod source;
pub mod syntax;
pub mod types;
