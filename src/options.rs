//! The table of options.

use ebtrace_image::Settings;

/// What can be set, with its defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Number of keys that a map can hold.
    pub max_map_keys: u32,
    /// Size of the largest string in bytes, its NUL included.
    pub max_strlen: u32,
    /// Most programs that one script may become.
    pub max_probes: u32,
    /// Words of the command line after the script: `$1`, `$2` …
    pub params: Vec<String>,
    /// What the runtime needs to know.
    pub settings: Settings,
}
