//! What bytes mean.

use serde::{Deserialize, Serialize};

/// How the bytes of a value are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Shape {
    /// An integer of 1, 2, 4 or 8 bytes.
    Int {
        /// Bytes.
        size: u8,
        /// Two's complement.
        signed: bool,
    },
    /// One byte, 0 or 1.
    Bool,
    /// An address: 8 bytes.
    Pointer,
    /// Text up to the first NUL in a buffer of `size` bytes.
    Str {
        /// Size of the buffer.
        size: u32,
    },
    /// Values side by side.
    Tuple(Record),
    /// Values side by side with names: a record of the script, a C struct, or a union, whose fields overlap.
    Record(Record, Vec<String>),
    /// Values of one type side by side.
    Array {
        /// Each of them.
        of: Box<Shape>,
        /// Bytes from one to the next.
        stride: u32,
        /// How many.
        len: u32,
    },
    /// An integer of 1, 2, 4 or 8 bytes that has a name for some of its values.
    Enum {
        /// Bytes.
        size: u8,
        /// Two's complement.
        signed: bool,
        /// Values and their names; of several names of one value the last is shown. A value without a name is shown
        /// as a number.
        names: Vec<(i128, String)>,
    },
    /// Some bits of a number, as a number without sign.
    Bits {
        /// Bytes of the whole: 1 to 9.
        size: u8,
        /// Number of the lowest bit.
        from: u8,
        /// How many bits.
        width: u8,
    },
    /// Bytes: a `u32` with their number, then room for `size` of them.
    Buffer {
        /// Room for this many bytes.
        size: u32,
    },
    /// A call stack: `u32` process id, `u32` of padding, `u64` number of frames, then `frames` of them.
    Stack {
        /// User space instead of the kernel's.
        user: bool,
        /// Room for this many frames.
        frames: u32,
        /// How it is shown, and what a frame is.
        mode: StackMode,
    },
    /// A code address to be shown as a symbol: `u64` address, `u32` process id, `u32` of padding.
    Symbol {
        /// User space instead of the kernel.
        user: bool,
    },
    /// A user: `u64` id, shown by name.
    User,
    /// An address of network hardware: 6 bytes.
    Mac,
    /// An address of the internet protocols: `u64` family (2 or 10), then 4 or 16 bytes in a room of 16.
    Inet,
    /// A time, shown in one of these strftime(3) formats: `u32` index of the format, `u32` [`Clock`], `u64` nanoseconds.
    Time {
        /// All formats of the script.
        formats: Vec<String>,
    },
    /// A control group, shown by its folder in hierarchies whose name one of these patterns fits: `u64` index of the
    /// pattern, `u64` id.
    CgroupPath {
        /// All patterns of the script; an empty one fits all.
        filters: Vec<String>,
    },
    /// What C has and the language does not, such as a `double`.
    Foreign {
        /// Bytes.
        size: u32,
    },
    /// A per-CPU aggregation.
    Aggregate(Aggregate),
}

/// A clock that times are read from; the value is its number in [`Shape::Time`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Clock {
    /// Since the start of the machine.
    Boot = 0,
    /// Atomic time.
    Tai = 1,
}

impl Shape {
    /// Size in bytes.
    pub fn size(&self) -> u32 {
        match self {
            Shape::Int { size, .. } => u32::from(*size),
            Shape::Bool => 1,
            Shape::Pointer => 8,
            Shape::Str { size } => *size,
            Shape::Tuple(record) | Shape::Record(record, _) => record.size,
            Shape::Array { stride, len, .. } => stride * len,
            Shape::Enum { size, .. } | Shape::Bits { size, .. } => u32::from(*size),
            Shape::Buffer { size } => 4 + size,
            Shape::Stack { frames, mode, .. } => 16 + mode.frame_size() * frames,
            Shape::Symbol { .. } | Shape::Time { .. } | Shape::CgroupPath { .. } => 16,
            Shape::User => 8,
            Shape::Mac => 6,
            Shape::Inet => 24,
            Shape::Foreign { size } => *size,
            Shape::Aggregate(aggregate) => aggregate.words() * 8,
        }
    }
}

/// How a call stack is taken and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StackMode {
    /// Names and offsets.
    Bpftrace,
    /// Addresses, names and modules, as `perf script` shows them.
    Perf,
    /// Addresses.
    Raw,
    /// Identities of files, and offsets in them.
    BuildId,
}

impl StackMode {
    /// Bytes of a frame: an address, or what C calls `struct bpf_stack_build_id`: `i32` what it is, 20 bytes of identity,
    /// `u64` offset.
    pub fn frame_size(self) -> u32 {
        if self == StackMode::BuildId { 32 } else { 8 }
    }
}

/// A value at an offset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// Bytes from the start of what contains it.
    pub offset: u32,
    /// How it is read.
    pub shape: Shape,
}

/// Values side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Size in bytes, padding included.
    pub size: u32,
    /// The values in order.
    pub fields: Vec<Slot>,
}

/// An aggregation: how the 8-byte words of one CPU are merged with the others' and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Aggregate {
    /// One word: how often.
    Count,
    /// One word: the sum.
    Sum {
        /// Read as two's complement.
        signed: bool,
    },
    /// Two words: the least value, and whether there was one.
    Min {
        /// Compared as two's complement.
        signed: bool,
    },
    /// Two words: the greatest value, and whether there was one.
    Max {
        /// Compared as two's complement.
        signed: bool,
    },
    /// Two words: the sum and how many.
    Avg {
        /// Read as two's complement.
        signed: bool,
    },
    /// Two words: the sum and how many; shown with the average.
    Stats {
        /// Read as two's complement.
        signed: bool,
    },
    /// One word per bucket: bucket 0 is for negative values, then each power of two has `1 << bits` buckets.
    Hist {
        /// log2 of the number of buckets within one power of two, 0 to 5.
        bits: u8,
    },
    /// One word per bucket: below `min`, steps of `step`, and from `max` on.
    Lhist {
        /// Lower end of the second bucket.
        min: i64,
        /// Lower end of the last bucket, before it is rounded down to a whole number of steps.
        max: i64,
        /// Width of a bucket.
        step: i64,
    },
    /// Three words per interval of time, those of an interval at its number modulo `count`: the number that `fold`
    /// leaves; how many there were (of [`Fold::Last`] the nanosecond of the last), 0 for none; and the interval's
    /// number since 1970.
    Series {
        /// Length of an interval in nanoseconds.
        interval: u64,
        /// How many are kept.
        count: u32,
        /// What is kept of the numbers within one.
        fold: Fold,
        /// Read as two's complement.
        signed: bool,
    },
}

/// What is kept of several numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fold {
    /// The last of them.
    Last,
    /// Their average, rounded toward 0.
    Avg,
    /// The greatest.
    Max,
    /// The least.
    Min,
    /// Their sum.
    Sum,
}

/// What is read of a [`Aggregate::Stats`], in this order.
pub const STATS: [&str; 3] = ["count", "average", "total"];

/// Words of an interval of a [`Aggregate::Series`].
pub const SERIES_WORDS: u32 = 3;

impl Aggregate {
    /// Number of 8-byte words that one CPU keeps.
    pub fn words(&self) -> u32 {
        match self {
            Aggregate::Count | Aggregate::Sum { .. } => 1,
            Aggregate::Min { .. }
            | Aggregate::Max { .. }
            | Aggregate::Avg { .. }
            | Aggregate::Stats { .. } => 2,
            // Values below 1 << bits have a bucket each; every power of two from there to 2^62 has 1 << bits.
            Aggregate::Hist { bits } => 1 + (1 << bits) + ((63 - u32::from(*bits)) << bits),
            Aggregate::Lhist { min, max, step } => ((max - min) / step) as u32 + 2,
            Aggregate::Series { count, .. } => count * SERIES_WORDS,
        }
    }
}
