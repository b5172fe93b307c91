//! The table of options.

use ebtrace_image::{MissingProbes, Settings, StackMode, Symbols};

use super::{Entry, Gate, Options, Takes};

/// Size of a page in bytes, as `perf_rb_pages` counts them.
const PAGE: u32 = 4096;
/// The option that [`Options::typeinfo`] is set by.
pub(super) const TYPEINFO: &str = "unstable_typeinfo";
/// The option that [`Options::tseries`] is set by.
pub(super) const TSERIES: &str = "unstable_tseries";
/// The option that [`Options::dw_ustack`] is set by.
pub(super) const DW_USTACK: &str = "unstable_dw_ustack";
/// The option that [`Options::import_statement`] is set by.
pub(super) const IMPORT_STATEMENT: &str = "unstable_import_statement";

/// The largest value that `max_strlen` takes.
pub const LONGEST_STRING: u32 = 16 << 10;

/// Licenses under which the kernel gives programs all of its functions.
pub const LICENSES: [&str; 6] =
    ["GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"];

/// Words of an option that is taken and has no consequence.
const CACHES: [&str; 4] = ["AUTO", "PER_PID", "PER_PROGRAM", "NONE"];

const MISSING: [(&str, MissingProbes); 3] = [
    ("error", MissingProbes::Error),
    ("warn", MissingProbes::Warn),
    ("ignore", MissingProbes::Ignore),
];
const MISSING_WORDS: [&str; 3] = words(&MISSING);

/// How stacks are shown, by the names that scripts have for it.
pub const STACKS: [(&str, StackMode); 4] = [
    ("bpftrace", StackMode::Bpftrace),
    ("perf", StackMode::Perf),
    ("raw", StackMode::Raw),
    ("build_id", StackMode::BuildId),
];
const STACK_WORDS: [&str; 4] = words(&STACKS);

const fn words<T: Copy, const N: usize>(choices: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut index = 0;
    while index < N {
        words[index] = choices[index].0;
        index += 1;
    }
    words
}

/// All options.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "cache_user_symbols",
        default: "AUTO",
        summary: "Taken without consequence. It chooses elsewhere how long symbols of a process are kept, and so whether a process \
                  that has ended still has some; here they all have, because which code each has in memory is followed while it \
                  runs. What was read of a file is kept for all processes that have it, by its identity, so that one that is \
                  replaced is read anew.",
        takes: Takes::Word(&CACHES, |_, _| {}),
    },
    Entry {
        name: "cpp_demangle",
        default: "true",
        summary: "Whether names of C++ and Rust functions are shown as their source has them.",
        takes: Takes::Bool(|options, value| options.settings.symbols.demangle = value),
    },
    Entry {
        name: "lazy_symbolication",
        default: "true",
        summary: "Taken without consequence. It chooses elsewhere whether stacks get their symbols when they arrive or when they are \
                  shown. Here those of events are shown as they arrive, which is the same, and those in maps never arrive: the \
                  kernel keeps them until the map is shown, and what the processes had in memory is known then.",
        takes: Takes::Bool(|_, _| {}),
    },
    Entry {
        name: "license",
        default: "GPL",
        summary: "License of the programs. The kernel refuses most helpers to others than these.",
        takes: Takes::Word(&LICENSES, |options, index| options.license = LICENSES[index]),
    },
    Entry {
        name: "log_size",
        default: "1000000",
        summary: "Taken without consequence. It is elsewhere the number of bytes for what the kernel's verifier says, of which the rest is \
                  cut off; here the buffer grows until all of it fits.",
        takes: Takes::Number(1024, 1 << 30, |_, _| {}),
    },
    Entry {
        name: "max_bpf_progs",
        default: "1024",
        summary: "Number of programs that one script may become.",
        takes: Takes::Number(1, 1 << 20, |options, value| options.max_bpf_progs = value),
    },
    Entry {
        name: "max_cat_bytes",
        default: "10240",
        summary: "Number of bytes of a file that `cat()` prints.",
        takes: Takes::Number(0, 1 << 30, |options, value| options.settings.max_cat_bytes = value),
    },
    Entry {
        name: "max_map_keys",
        default: "4096",
        summary: "Number of keys that a map can hold. Further keys are not stored, and a warning says so.",
        takes: Takes::Number(1, 1 << 30, |options, value| options.max_map_keys = value),
    },
    Entry {
        name: "max_probes",
        default: "1024",
        summary: "Number of events that one script may be attached to.",
        takes: Takes::Number(1, 1 << 20, |options, value| options.max_probes = value),
    },
    Entry {
        name: "max_strlen",
        default: "1024",
        summary: "Size in bytes of the largest string, its NUL included. Longer text is cut.",
        takes: Takes::Number(1, LONGEST_STRING, |options, value| {
            options.settings.max_strlen = value;
        }),
    },
    Entry {
        name: "missing_probes",
        default: "error",
        summary: "What becomes of a script whose probes do not all exist or cannot all be attached: it does not run, it \
                  runs without them after a warning, or it just runs without them.",
        takes: Takes::Word(&MISSING_WORDS, |options, index| {
            options.settings.missing_probes = MISSING[index].1;
        }),
    },
    Entry {
        name: "on_stack_limit",
        default: "32",
        summary: "Size in bytes of the largest value that is kept on a program's stack of 512 bytes. Larger ones are \
                  kept in a map.",
        takes: Takes::Number(0, 512, |options, value| options.on_stack_limit = value),
    },
    Entry {
        name: "perf_rb_pages",
        default: "0",
        summary: "Size of the buffer for events in pages of 4 KiB, rounded up to a power of two; 0 chooses 4 MiB, or 256 KiB for scripts \
                  that only count. A larger one loses fewer events when they come in bursts.",
        takes: Takes::Number(0, 1 << 19, |options, pages| {
            options.settings.ring_buffer_bytes = match pages {
                0 => 0,
                pages => pages.next_power_of_two().saturating_mul(PAGE),
            };
        }),
    },
    Entry {
        name: "print_maps_on_exit",
        default: "true",
        summary: "Whether maps are printed at the end.",
        takes: Takes::Bool(|options, value| options.settings.print_maps_on_exit = value),
    },
    Entry {
        name: "show_debug_info",
        default: "true",
        summary: "Whether stacks show file and line where a program has debug information.",
        takes: Takes::Bool(|options, value| options.settings.symbols.source_lines = value),
    },
    Entry {
        name: "stack_mode",
        default: "bpftrace",
        summary: "How stacks are taken and shown where `kstack` and `ustack` do not say so themselves. `build_id` is for user stacks, and \
                  the kernel's stay as they are.",
        takes: Takes::Word(&STACK_WORDS, |options, index| options.stack_mode = STACKS[index].1),
    },
    Entry {
        name: "str_trunc_trailer",
        default: "..",
        summary: "Appended to text that was cut.",
        takes: Takes::Text(|options, text| options.settings.truncation_trailer = text.to_owned()),
    },
    Entry {
        name: DW_USTACK,
        default: "warn",
        summary: "Whether scripts may walk user stacks by their debug information, which may still change.",
        takes: Takes::Gate(|options, gate| options.dw_ustack = gate),
    },
    Entry {
        name: IMPORT_STATEMENT,
        default: "error",
        summary: "Whether scripts may `import` within a block, which may still change.",
        takes: Takes::Gate(|options, gate| options.import_statement = gate),
    },
    Entry {
        name: TSERIES,
        default: "warn",
        summary: "Whether scripts may use `tseries()`, which may still change.",
        takes: Takes::Gate(|options, gate| options.tseries = gate),
    },
    Entry {
        name: TYPEINFO,
        default: "error",
        summary: "Whether scripts may ask for `typeinfo`, which may still change.",
        takes: Takes::Gate(|options, gate| options.typeinfo = gate),
    },
];

impl Default for Options {
    fn default() -> Options {
        Options {
            headers: Vec::new(),
            header_folders: Vec::new(),
            max_map_keys: 4096,
            max_probes: 1024,
            max_bpf_progs: 1024,
            on_stack_limit: 32,
            license: LICENSES[0],
            stack_mode: StackMode::Bpftrace,
            typeinfo: Gate::Closed,
            tseries: Gate::Doubtful,
            dw_ustack: Gate::Doubtful,
            import_statement: Gate::Closed,
            pid: None,
            command: false,
            ahead: false,
            at_prompt: false,
            probe_filter: None,
            unsafe_mode: false,
            tells_failed_reads: false,
            params: Vec::new(),
            named: Vec::new(),
            settings: Settings {
                ring_buffer_bytes: 0,
                print_maps_on_exit: true,
                truncation_trailer: "..".to_owned(),
                max_strlen: 1024,
                max_cat_bytes: 10240,
                missing_probes: MissingProbes::Error,
                symbols: Symbols { demangle: true, source_lines: true },
            },
            fixed: Vec::new(),
            given: Vec::new(),
        }
    }
}
