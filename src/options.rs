//! The table of options: what can be set through the environment, its default and what it means.

use ebtrace_image::Settings;

/// What can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Number of keys that a map can hold.
    pub max_map_keys: u32,
    /// Most programs that one script may become.
    pub max_probes: u32,
    /// Whether scripts may ask for `typeinfo`.
    pub typeinfo: Gate,
    /// Words of the command line after the script: `$1`, `$2` …
    pub params: Vec<String>,
    /// What the runtime needs to know.
    pub settings: Settings,
}

/// Whether scripts may use what may still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Yes.
    Open,
    /// Yes, with a warning.
    Doubtful,
    /// No.
    Closed,
}

/// An entry of the table.
#[derive(Debug)]
pub struct Entry {
    /// `max_map_keys`; in the environment it is `BPFTRACE_MAX_MAP_KEYS`.
    pub name: &'static str,
    /// As the reference shows it.
    pub default: &'static str,
    /// What it means.
    pub summary: &'static str,
    /// Takes a value.
    set: fn(&mut Options, &str) -> Result<(), String>,
}

/// Size of a page in bytes, as `perf_rb_pages` counts them.
const PAGE: u32 = 4096;
/// Size of the ring buffer in bytes when nobody chose one: some ten milliseconds of what one CPU can send, and
/// cheap enough to make at every start.
const RING_BUFFER_BYTES: u32 = 4 << 20;

/// The option that [`Options::typeinfo`] is set by.
pub const TYPEINFO: &str = "unstable_typeinfo";

/// All options.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "max_map_keys",
        default: "4096",
        summary: "Number of keys that a map can hold. Further keys are not stored, and a warning says so.",
        set: |options, text| number(text, 1, 1 << 30).map(|value| options.max_map_keys = value),
    },
    Entry {
        name: "max_probes",
        default: "1024",
        summary: "Number of programs that one script may become.",
        set: |options, text| number(text, 1, 1 << 20).map(|value| options.max_probes = value),
    },
    Entry {
        name: "max_strlen",
        default: "1024",
        summary: "Size in bytes of the largest string, its NUL included. Longer text is cut.",
        set: |options, text| {
            number(text, 1, 16 << 10).map(|value| options.settings.max_strlen = value)
        },
    },
    Entry {
        name: "perf_rb_pages",
        default: "0",
        summary: "Size of the buffer for events in pages of 4 KiB, rounded up to a power of two; 0 chooses 4 MiB. A \
                  larger one loses fewer events when they come in bursts.",
        set: |options, text| {
            let pages = number(text, 0, 1 << 19)?;
            let bytes = if pages == 0 {
                RING_BUFFER_BYTES
            } else {
                pages.next_power_of_two().saturating_mul(PAGE)
            };
            options.settings.ring_buffer_bytes = bytes;
            Ok(())
        },
    },
    Entry {
        name: "print_maps_on_exit",
        default: "true",
        summary: "Whether maps are printed at the end.",
        set: |options, text| boolean(text).map(|value| options.settings.print_maps_on_exit = value),
    },
    Entry {
        name: "str_trunc_trailer",
        default: "..",
        summary: "Appended to text that was cut.",
        set: |options, text| {
            options.settings.truncation_trailer = text.to_owned();
            Ok(())
        },
    },
    Entry {
        name: TYPEINFO,
        default: "error",
        summary: "Whether scripts may ask for `typeinfo`, which may still change: `enable`, `warn` or `error`.",
        set: |options, text| gate(text).map(|value| options.typeinfo = value),
    },
];

impl Default for Options {
    fn default() -> Options {
        Options {
            max_map_keys: 4096,
            max_probes: 1024,
            params: Vec::new(),
            typeinfo: Gate::Closed,
            settings: Settings {
                ring_buffer_bytes: RING_BUFFER_BYTES,
                print_maps_on_exit: true,
                truncation_trailer: "..".to_owned(),
                max_strlen: 1024,
            },
        }
    }
}

/// The name in the environment of an option.
pub fn variable(name: &str) -> String {
    format!("BPFTRACE_{}", name.to_uppercase())
}

impl Entry {
    /// Its name in the environment.
    pub fn variable(&self) -> String {
        variable(self.name)
    }
}

impl Options {
    /// Sets an option by name.
    ///
    /// # Errors
    /// What is wrong with the value, as the end of a sentence that begins with the option's name.
    pub fn set(&mut self, entry: &Entry, value: &str) -> Result<(), String> {
        (entry.set)(self, value)
    }
}

fn number(text: &str, least: u32, most: u32) -> Result<u32, String> {
    let number = text.trim().parse::<u32>().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("wants a number from {least} to {most}, not `{text}`"))
}

fn gate(text: &str) -> Result<Gate, String> {
    match (text.to_ascii_lowercase().as_str(), boolean(text)) {
        ("enable", _) | (_, Ok(true)) => Ok(Gate::Open),
        ("warn", _) => Ok(Gate::Doubtful),
        ("error", _) | (_, Ok(false)) => Ok(Gate::Closed),
        _ => Err(format!("wants enable, warn or error, not `{text}`")),
    }
}

fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "on" | "yes" => Ok(true),
        "0" | "false" | "off" | "no" => Ok(false),
        _ => Err(format!("wants true or false, not `{text}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_states_the_defaults() {
        let mut options = Options::default();
        for entry in ENTRIES {
            assert_eq!(options.set(entry, entry.default), Ok(()), "{}", entry.name);
        }
        assert_eq!(options, Options::default());
    }

    #[test]
    fn wrong_values_are_refused() {
        let keys = ENTRIES.iter().find(|entry| entry.name == "max_map_keys").expect("in the table");
        assert!(Options::default().set(keys, "many").is_err());
        assert!(Options::default().set(keys, "0").is_err());
    }
}
