//! Loads, attaches and reads what the ebtrace compiler made.

pub mod binary;
pub mod decode;
pub mod kernel;
pub mod map;
pub mod render;
pub mod symbol;
