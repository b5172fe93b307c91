//! The `ebtrace` command.

fn main() {}
