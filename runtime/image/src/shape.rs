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
    /// A call stack: `u32` process id, `u32` of padding, `u64` number of frames, then `frames` addresses of 8 bytes.
    Stack {
        /// User space instead of the kernel's.
        user: bool,
        /// Room for this many frames.
        frames: u32,
    },
    /// A code address to be shown as a symbol: `u64` address, `u32` process id, `u32` of padding.
    Symbol {
        /// User space instead of the kernel.
        user: bool,
    },
    /// A per-CPU aggregation.
    Aggregate(Aggregate),
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
            Shape::Stack { frames, .. } => 16 + 8 * frames,
            Shape::Symbol { .. } => 16,
            Shape::Aggregate(aggregate) => aggregate.words() * 8,
        }
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
}

impl Aggregate {
    /// Number of 8-byte words that one CPU keeps.
    pub fn words(&self) -> u32 {
        match self {
            Aggregate::Count | Aggregate::Sum { .. } => 1,
            Aggregate::Min { .. } | Aggregate::Max { .. } | Aggregate::Avg { .. } => 2,
            // Values below 1 << bits have a bucket each; every power of two from there to 2^62 has 1 << bits.
            Aggregate::Hist { bits } => 1 + (1 << bits) + ((63 - u32::from(*bits)) << bits),
            Aggregate::Lhist { min, max, step } => ((max - min) / step) as u32 + 2,
        }
    }
}
