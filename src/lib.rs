//! The ebtrace compiler: from a script to an image that the runtime loads.

pub mod ir;
pub mod source;
pub mod types;
