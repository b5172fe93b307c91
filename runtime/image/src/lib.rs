//! The contract between compiler and runtime: plain data, no behaviour.
//!
//! An [`Image`] is all that a script needs in order to run: the BPF object and tables that say what its bytes
//! mean. The compiler fills it in one place, the runtime reads nothing else. Ids are indices into the tables here;
//! sizes and offsets are in bytes; integers in memory have the byte order of the machine.

mod format;
mod parameter;
mod shape;
pub mod unwind;

pub use format::{Conversion, Format, IntSize, Piece, Spec, flag_names};
pub use parameter::{Argument, Parameter};
pub use shape::{Aggregate, Clock, Fold, Record, SERIES_WORDS, STATS, Shape, Slot, StackMode};

use serde::{Deserialize, Serialize};

/// Index into [`Image::maps`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MapId(pub u32);

/// Index into [`Image::events`]; also the first eight bytes (`u64`) of every ring-buffer record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EventId(pub u32);

/// Index into [`Image::sites`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SiteId(pub u32);

/// Name of the ring buffer map in the object.
pub const RING_BUFFER: &str = "ebt_events";
/// Name of the per-CPU array that counts events which found the ring buffer full: one `u64` per entry of
/// [`Image::events`].
pub const LOST: &str = "ebt_lost";
/// Name of the per-CPU array that holds what does not fit the stack: one entry per probe, by index.
pub const SCRATCH: &str = "ebt_scratch";
/// Name of the map of buffers that packets come through: the bytes of an event, and behind them those of the packet.
pub const PACKETS: &str = "ebt_packets";
/// Name of the section that holds [`Globals`]; the runtime writes it before the object is loaded.
pub const GLOBALS: &str = ".rodata.ebtrace";

/// So many bytes of a packet are sent at most: what the kernel has room for in one record.
pub const MOST_OF_A_PACKET: u32 = 65_280;

/// What the runtime knows only at load time and BPF programs read: the content of section [`GLOBALS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Globals {
    /// `CLOCK_BOOTTIME` at the start of the session, in nanoseconds; `elapsed` counts from it.
    pub start_ns: u64,
    /// Process id of the command given with `-c`, 0 without one.
    pub child_pid: u64,
    /// `CLOCK_TAI` less `CLOCK_BOOTTIME` at the start of the session, in nanoseconds.
    pub tai_offset_ns: u64,
    /// `CLOCK_REALTIME` less `CLOCK_BOOTTIME` at the start of the session, in nanoseconds.
    pub utc_offset_ns: u64,
}

/// A compiled script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The BPF ELF object; empty where an image is only shown.
    #[serde(skip)]
    pub object: Vec<u8>,
    /// The script's maps in order of first appearance.
    pub maps: Vec<Map>,
    /// What can arrive through the ring buffer.
    pub events: Vec<Event>,
    /// The programs in order of the script, `begin` and `end` included.
    pub probes: Vec<Probe>,
    /// Places of the script that can report something at run time.
    pub sites: Vec<Site>,
    /// Options of the script that matter at run time.
    pub settings: Settings,
    /// What is not known before the script runs, because it was compiled ahead of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
}

impl Image {
    /// Forgets the paths that iterators would be put at, so that nothing outlives the session.
    pub fn unpin(&mut self) {
        for point in self.probes.iter_mut().flat_map(|probe| &mut probe.points) {
            if let Attach::Iterator { pin, .. } = &mut point.attach {
                *pin = None;
            }
        }
    }
}

/// A map of the script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Map {
    /// As the script calls it: `@`, `@start`.
    pub name: String,
    /// Name in the object: `AT_`, `AT_start`.
    pub symbol: String,
    /// How it is stored.
    pub storage: Storage,
    /// The key's bytes; `None` for a scalar map. Several keys are one [`Shape::Tuple`].
    pub key: Option<Slot>,
    /// The value's bytes. Scalar maps have a `u64` in front that is not 0 once the map was assigned.
    pub value: Slot,
    /// Size of the whole value in bytes, padding and the scalar's flag included.
    pub value_size: u32,
    /// The values of all CPUs are one value of the kernel's, one after the other, because its own maps with a value per CPU
    /// take at most 32 KiB for each.
    pub side_by_side: bool,
    /// Number of keys it can hold.
    pub max_entries: u32,
    /// The script says so itself: `let @a = hash(100);`.
    pub declared: bool,
    /// Keys in the kernel are digests of [`DIGEST`] bytes, because comparing long ones takes it long: this is the name in
    /// the object of the map that has the whole key of each.
    pub names: Option<String>,
}

/// Bytes of the digest of a long key.
pub const DIGEST: u32 = 16;

/// How a map is stored in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Storage {
    /// Keyed plain values.
    Hash,
    /// Keyed plain values; when full, the key that was used least recently makes room.
    LruHash,
    /// Keyed aggregations, one value per CPU.
    PerCpuHash,
    /// Keyed aggregations, one value per CPU; when full, the key that was used least recently makes room.
    PerCpuLruHash,
    /// A scalar plain value: one element.
    Array,
    /// A scalar aggregation: one element, one value per CPU.
    PerCpuArray,
}

/// A kind of ring-buffer record and what to do when one arrives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What to do.
    pub action: Action,
    /// Where the values are, from the start of the ring-buffer record (the event id itself is not a field).
    pub record: Record,
    /// Index in [`Image::probes`] of the program that sends it.
    pub probe: u32,
}

/// What an event does in user space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// `printf`: the record's fields are the arguments in order.
    Printf(Format),
    /// `print` of one value: field 0.
    PrintValue,
    /// `print` of a whole map.
    PrintMap {
        /// The map.
        map: MapId,
        /// Print only this many of the largest; 0 prints all.
        top: u64,
        /// Divide values by this; 0 and 1 leave them as they are.
        div: u64,
    },
    /// `clear`: removes all keys.
    Clear(MapId),
    /// `zero`: sets all values to zero.
    Zero(MapId),
    /// `time`: prints the wall clock with this strftime(3) format.
    Time(String),
    /// `errorf` and `warnf`: the record's fields are the arguments in order.
    Message {
        /// The place of the call.
        site: SiteId,
        /// Whether it is an error: a test that says one has failed.
        error: bool,
        /// What is said.
        format: Format,
    },
    /// `cat`: prints the file whose path this is; the record's fields are the arguments in order.
    Cat(Format),
    /// `system`: runs this in a shell and prints its output; the record's fields are the arguments in order.
    System(Format),
    /// `join`: prints the first of the texts in field 1 (an array of strings), as many as field 0 (`u64`) says.
    Join {
        /// Stands between them.
        separator: Vec<u8>,
    },
    /// `skboutput`: appends a packet, whose bytes follow the record, to a file. Field 0 is the time on the clock of
    /// `CLOCK_BOOTTIME` in nanoseconds, field 1 how many bytes at its start are left out, field 2 how many there were
    /// together: at most [`MOST_OF_A_PACKET`] of them follow. All are `u64`.
    Packet {
        /// The file.
        path: String,
    },
    /// `exit`: ends the session; field 0 is the exit status (`u8`).
    Exit,
    /// Something went wrong at a place of the script.
    Fail {
        /// The place.
        site: SiteId,
        /// What went wrong.
        failure: Failure,
    },
}

/// What can go wrong at run time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Failure {
    /// A map had no room: field 0 is what `helper` returned (`i64`, negative).
    MapFull {
        /// The map.
        map: MapId,
        /// The helper without its `bpf_` prefix: `map_update_elem`.
        helper: String,
    },
    /// Memory could not be read: field 0 is what `helper` returned (`i64`, negative).
    Read {
        /// The helper without its `bpf_` prefix: `probe_read_user`.
        helper: String,
    },
    /// A map had nothing for a key.
    NoKey,
    /// A map had nothing to remove for a key.
    NothingDeleted,
    /// A division or remainder by zero gave 1.
    DivideByZero,
    /// A call stack could not be taken: field 0 is what the helper returned (`i64`, negative).
    NoStack {
        /// User space instead of the kernel's.
        user: bool,
    },
    /// A stack could not be walked to its end: field 0 says why ([`unwind::Trouble`], `u64`), field 1 is the process
    /// (`u64`), field 2 the address that the walk came to (`u64`).
    NotUnwound,
    /// An array was read at an index that it does not have: field 0 is the index (`u64`), field 1 the length (`u64`).
    OutOfBounds,
    /// A loop did not end by itself and was ended.
    EndlessLoop {
        /// After so many rounds.
        rounds: u64,
    },
}

/// A BPF program and where it is attached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Name of the program in the object.
    pub program: String,
    /// As the user knows it: `kprobe:do_sys_openat2`, `interval:s:1`, `kprobe:vfs_*`.
    pub label: String,
    /// Where it is attached: one point, or all that a pattern stands for. Each is given its index as cookie where there
    /// are several.
    pub points: Vec<Point>,
    /// By one link of BPF's own for all points, for which the program is loaded.
    pub together: bool,
    /// Index in [`Image::probes`] of the probe of the same functions' returns, whose code this program runs there. That
    /// one has no program of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<u32>,
    /// Where the attach point stands in the script.
    pub site: SiteId,
}

/// A place that a program is attached to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// As the user knows it: `kprobe:vfs_read`.
    pub label: String,
    /// Where and how to attach.
    pub attach: Attach,
}

impl Probe {
    /// Whether it is run by the tracer itself and attached to nothing.
    pub fn is_run(&self, when: &Attach) -> bool {
        self.points.iter().any(|point| point.attach == *when)
    }
}

/// Where and how a program is attached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Attach {
    /// Run once before everything else is attached.
    Begin,
    /// Run once after everything was detached.
    End,
    /// Run whenever the tracer gets SIGUSR1.
    Signal,
    /// Run where tests are asked for: its name.
    Test(String),
    /// Run where benchmarks are asked for, as often as its first argument says: its name.
    Bench(String),
    /// Entry of a kernel function (or an offset into it), or its return.
    Kprobe {
        /// Symbol.
        function: String,
        /// Bytes from its start.
        offset: u64,
        /// At return instead of entry.
        ret: bool,
    },
    /// A kernel tracepoint.
    Tracepoint {
        /// `syscalls`
        category: String,
        /// `sys_enter_openat`
        event: String,
    },
    /// An event of the kernel that its types describe.
    RawTracepoint {
        /// `vmlinux`, or the module that has it.
        module: String,
        /// `sched_switch`
        event: String,
    },
    /// A function of the kernel that its types describe.
    Trampoline {
        /// `vmlinux`, or the module that has it.
        module: String,
        /// `vfs_read`
        function: String,
        /// At return instead of entry.
        ret: bool,
    },
    /// A function of a BPF program.
    Program {
        /// The program's number.
        id: u32,
        /// Its name among the program's types.
        function: String,
        /// At return instead of entry.
        ret: bool,
    },
    /// Objects of the kernel of one kind, one after the other.
    Iterator {
        /// `task`
        object: String,
        /// How it goes through them.
        walk: Walk,
        /// The path in a BPF file system that others read it from, in place of this session.
        pin: Option<String>,
    },
    /// Entry of a user function (or an offset into it), or its return.
    Uprobe {
        /// The ELF file, or a member of an archive: `bundle.zip!/lib/store.so`.
        path: String,
        /// Offset in the file of the instruction to probe.
        offset: u64,
        /// At return instead of entry.
        ret: bool,
        /// Offset in the file of a counter that the kernel increments while the probe is attached.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        semaphore: Option<u64>,
        /// The file that the offset is of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stamp: Option<Stamp>,
    },
    /// A timer on one CPU.
    Interval(Period),
    /// A timer on every online CPU.
    Profile(Period),
    /// Something that is counted on every online CPU.
    Counter(Counter),
    /// An access to memory.
    Watchpoint(Watchpoint),
}

impl Attach {
    /// Whether the tracer runs the program itself, so that it is attached to nothing.
    pub fn is_run(&self) -> bool {
        matches!(self, Attach::Begin | Attach::End | Attach::Signal) || self.is_trial()
    }

    /// Whether it is a test or a benchmark.
    pub fn is_trial(&self) -> bool {
        matches!(self, Attach::Test(_) | Attach::Bench(_))
    }
}

/// What tells a file from others that take its name, and from itself with other content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// The file system.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// When it was written last: seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
}

/// Something that the kernel or the processor counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// The processor counts it, and not the kernel.
    pub hardware: bool,
    /// Its number among those.
    pub event: u64,
    /// The program runs each time so many have happened.
    pub period: u64,
}

/// Memory that is watched by the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watchpoint {
    /// Where it begins: in the kernel, or in whichever process runs.
    pub address: u64,
    /// 1, 2, 4 or 8 bytes.
    pub length: u32,
    /// What fires: reads (1), writes (2) and execution (4), added.
    pub access: u32,
}

/// How an iterator goes through its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Walk {
    /// All of them.
    All,
    /// Those of all processes, or of one.
    Processes,
    /// A tree, parents first.
    Tree,
}

/// How often a timer fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Period {
    /// Times per second.
    Hertz(u64),
    /// Nanoseconds from one to the next.
    Nanoseconds(u64),
}

/// A place in the script, as messages at run time show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Script name: `stdin`, `lat.bt`.
    pub file: String,
    /// First line, from 1.
    pub line: u32,
    /// First column in characters, from 1.
    pub column: u32,
    /// Last line, from 1.
    pub end_line: u32,
    /// Column after the last character, from 1.
    pub end_column: u32,
    /// The source line without its end.
    pub source: String,
    /// Where the macros are used that this place is in, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<Site>,
}

/// Options that matter at run time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Size of the ring buffer in bytes, a power of two; 0 where it is chosen by what the script sends.
    pub ring_buffer_bytes: u32,
    /// Whether maps are printed at the end.
    pub print_maps_on_exit: bool,
    /// Appended to a string that was cut.
    pub truncation_trailer: String,
    /// Size of the largest string in bytes, its NUL included: text that fills it was cut.
    pub max_strlen: u32,
    /// Bytes of a file that `cat` prints.
    pub max_cat_bytes: u32,
    /// What becomes of probes that cannot be attached.
    pub missing_probes: MissingProbes,
    /// How addresses are shown.
    pub symbols: Symbols,
}

/// What becomes of a script some of whose probes cannot be attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MissingProbes {
    /// It does not run.
    Error,
    /// It runs without them, and says so.
    Warn,
    /// It runs without them.
    Ignore,
}

/// How addresses are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbols {
    /// Whether names of C++ and Rust functions are shown as their source has them.
    pub demangle: bool,
    /// Whether file and line are shown where they are known.
    pub source_lines: bool,
}
