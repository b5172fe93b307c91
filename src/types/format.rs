//! printf formats.
