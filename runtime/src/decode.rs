//! Bytes from the kernel and their [`Shape`] become a [`Value`].
//!
//! Decoding is total: bytes that are missing read as zero, so neither a truncated record nor garbage can stop a session.

use std::net::IpAddr;

use ebtrace_image::{Aggregate, Clock, Fold, Record, SERIES_WORDS, STATS, Shape, Slot, StackMode};

/// A decoded value; text is borrowed from the bytes it was decoded from.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// An integer that is read as two's complement.
    Signed(i64),
    /// An integer without sign.
    Unsigned(u64),
    /// A truth value.
    Bool(bool),
    /// An address.
    Pointer(u64),
    /// Text up to the first NUL.
    Str {
        /// The bytes, not necessarily UTF-8.
        text: &'a [u8],
        /// No NUL was found, so the text may go on.
        full: bool,
    },
    /// Values side by side.
    Tuple(Vec<Value<'a>>),
    /// Values side by side with names.
    Record(Vec<(&'a str, Value<'a>)>),
    /// Values of one type side by side.
    Array(Vec<Value<'a>>),
    /// A number that may have a name.
    Enum {
        /// The number.
        number: i128,
        /// Its name, if it has one.
        name: Option<&'a str>,
    },
    /// Bytes.
    Buffer(&'a [u8]),
    /// A call stack, innermost frame first.
    Stack {
        /// Whose addresses these are.
        space: Space,
        /// How they are shown.
        mode: StackMode,
        /// The frames.
        addresses: Vec<u64>,
    },
    /// A call stack by the files that its code is from, innermost frame first.
    FileStack(Vec<FileFrame>),
    /// A code address to be shown as a symbol.
    Symbol {
        /// Whose address this is.
        space: Space,
        /// The address.
        address: u64,
    },
    /// A user, by id.
    User(u32),
    /// An address of network hardware.
    Mac([u8; 6]),
    /// An address of the internet protocols; `None` for one of another family.
    Inet(Option<IpAddr>),
    /// A time.
    Time {
        /// How it is shown: a strftime(3) format.
        format: &'a str,
        /// What was read.
        clock: Clock,
        /// Its nanoseconds.
        ns: u64,
    },
    /// A control group.
    CgroupPath {
        /// What names of hierarchies have to fit.
        filter: &'a str,
        /// Which.
        id: u64,
    },
    /// A value that the language has no type for.
    Foreign,
    /// Counts per bucket.
    Histogram(Histogram<'a>),
    /// Numbers by time.
    Series(Series<'a>),
}

/// A frame of a call stack by the file that its code is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFrame {
    /// The file's identity, and the offset in it.
    Known([u8; 20], u64),
    /// The file has no identity, or is not in memory: the address.
    Unknown(u64),
}

/// Where a code address belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Space {
    /// The kernel.
    Kernel,
    /// The process with this id.
    Process(u32),
}

/// What `tseries` keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Series<'a> {
    /// How time is cut: [`Aggregate::Series`].
    pub scale: &'a Aggregate,
    /// The intervals that have a number, in order.
    pub points: Vec<Point>,
    /// The last interval that is shown.
    pub last: u64,
}

impl Series<'_> {
    /// What is shown of it where `last` is the last interval: so many before it as are kept.
    pub fn until(mut self, last: u64) -> Self {
        let Aggregate::Series { count, .. } = self.scale else { return self };
        self.points.retain(|point| point.epoch.saturating_add((*count).into()) > last);
        self.last = last;
        self
    }
}

/// The number of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// How many intervals there were between 1970 and this one.
    pub epoch: u64,
    /// What is kept of its numbers.
    pub value: i128,
}

/// The buckets of `hist` or `lhist`.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram<'a> {
    /// Which values each bucket counts: [`Aggregate::Hist`] or [`Aggregate::Lhist`].
    pub scale: &'a Aggregate,
    /// Counts, one per bucket of the scale.
    pub counts: Vec<u64>,
    /// What the counts are divided by when they are shown.
    pub div: u64,
}

/// Reads the value that `slot` says is in `bytes`.
pub fn decode_slot<'a>(slot: &'a Slot, bytes: &'a [u8]) -> Value<'a> {
    decode(&slot.shape, bytes.get(slot.offset as usize..).unwrap_or_default())
}

/// Reads all fields of `record` from `bytes`.
pub fn decode_record<'a>(record: &'a Record, bytes: &'a [u8]) -> Vec<Value<'a>> {
    record.fields.iter().map(|slot| decode_slot(slot, bytes)).collect()
}

/// Reads a value of `shape` from the start of `bytes`.
pub fn decode<'a>(shape: &'a Shape, bytes: &'a [u8]) -> Value<'a> {
    match shape {
        Shape::Int { size, signed: true } => {
            Value::Signed(sign_extend(unsigned(bytes, *size), *size))
        }
        Shape::Int { size, signed: false } => Value::Unsigned(unsigned(bytes, *size)),
        Shape::Bool => Value::Bool(unsigned(bytes, 1) != 0),
        Shape::Pointer => Value::Pointer(word(bytes, 0)),
        Shape::Str { size } => decode_str(&bytes[..bytes.len().min(*size as usize)], *size),
        Shape::Tuple(record) => Value::Tuple(decode_record(record, bytes)),
        Shape::Record(record, names) => {
            let fields = decode_record(record, bytes);
            Value::Record(names.iter().map(String::as_str).zip(fields).collect())
        }
        Shape::Array { of, stride, len } => Value::Array(decode_array(of, *stride, *len, bytes)),
        Shape::Enum { size, signed, names } => {
            decode_enum(unsigned(bytes, *size), (*size, *signed), names)
        }
        Shape::Bits { size, from, width } => decode_bits(wide(bytes, *size), *from, *width),
        Shape::Buffer { size } => decode_buffer(*size, bytes),
        Shape::Stack { user, frames, mode } => decode_stack(*user, *frames, *mode, bytes),
        Shape::Symbol { user } => {
            Value::Symbol { space: space(*user, bytes, 8), address: word(bytes, 0) }
        }
        Shape::User => Value::User(word(bytes, 0) as u32),
        Shape::Mac => Value::Mac(first(bytes)),
        Shape::Inet => decode_inet(bytes),
        Shape::Time { formats } => Value::Time {
            format: text(formats, unsigned(bytes, 4)),
            clock: match unsigned(bytes.get(4..).unwrap_or_default(), 4) {
                0 => Clock::Boot,
                _ => Clock::Tai,
            },
            ns: word(bytes, 1),
        },
        Shape::CgroupPath { filters } => {
            Value::CgroupPath { filter: text(filters, word(bytes, 0)), id: word(bytes, 1) }
        }
        Shape::Foreign { .. } => Value::Foreign,
        Shape::Aggregate(aggregate) => decode_aggregate(aggregate, bytes),
    }
}

/// The 8-byte word at index `index`, 0 where the bytes end.
pub(crate) fn word(bytes: &[u8], index: usize) -> u64 {
    unsigned(bytes.get(index * 8..).unwrap_or_default(), 8)
}

fn unsigned(bytes: &[u8], size: u8) -> u64 {
    wide(bytes, size.min(8)) as u64
}

/// A number of at most 16 bytes.
fn wide(bytes: &[u8], size: u8) -> u128 {
    let mut word = [0; 16];
    let size = usize::from(size.min(16)).min(bytes.len());
    let at = if cfg!(target_endian = "big") { 16 - size } else { 0 };
    word[at..at + size].copy_from_slice(&bytes[..size]);
    u128::from_ne_bytes(word)
}

/// The first so many bytes.
fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|index| bytes.get(index).copied().unwrap_or(0))
}

fn text(texts: &[String], index: u64) -> &str {
    usize::try_from(index).ok().and_then(|index| texts.get(index)).map_or("", String::as_str)
}

fn decode_inet(bytes: &[u8]) -> Value<'_> {
    const AF_INET: u64 = 2;
    const AF_INET6: u64 = 10;
    let address = bytes.get(8..).unwrap_or_default();
    Value::Inet(match word(bytes, 0) {
        AF_INET => Some(IpAddr::from(first::<4>(address))),
        AF_INET6 => Some(IpAddr::from(first::<16>(address))),
        _ => None,
    })
}

fn sign_extend(value: u64, size: u8) -> i64 {
    let unused = 64 - 8 * u32::from(size.clamp(1, 8));
    (value << unused) as i64 >> unused
}

fn decode_str(bytes: &[u8], size: u32) -> Value<'_> {
    match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => Value::Str { text: &bytes[..end], full: false },
        None => Value::Str { text: bytes, full: size > 0 && bytes.len() == size as usize },
    }
}

/// What is missing of an array reads as zero, up to as many elements as bytes could be there.
fn decode_array<'a>(of: &'a Shape, stride: u32, len: u32, bytes: &'a [u8]) -> Vec<Value<'a>> {
    let len = (len as usize).min(bytes.len() / stride.max(1) as usize);
    (0..len)
        .map(|index| decode(of, bytes.get(index * stride as usize..).unwrap_or_default()))
        .collect()
}

fn decode_enum<'a>(
    bits: u64,
    (size, signed): (u8, bool),
    names: &'a [(i128, String)],
) -> Value<'a> {
    let number = if signed { i128::from(sign_extend(bits, size)) } else { i128::from(bits) };
    // The compiler gives enums of the script no sign, and the kernel's may have one.
    let named = names.iter().rfind(|(value, _)| *value == number || *value as u64 == number as u64);
    Value::Enum { number, name: named.map(|(_, name)| name.as_str()) }
}

fn decode_bits<'a>(bits: u128, from: u8, width: u8) -> Value<'a> {
    let low = bits.checked_shr(from.into()).unwrap_or(0) as u64;
    Value::Unsigned(low & (u64::MAX >> (64 - width.clamp(1, 64))))
}

fn decode_buffer(size: u32, bytes: &[u8]) -> Value<'_> {
    let length = unsigned(bytes, 4).min(u64::from(size)) as usize;
    let content = bytes.get(4..).unwrap_or_default();
    Value::Buffer(&content[..length.min(content.len())])
}

fn decode_stack<'a>(user: bool, room: u32, mode: StackMode, bytes: &[u8]) -> Value<'a> {
    let count = word(bytes, 1).min(u64::from(room)) as usize;
    let frames = bytes.get(16..).unwrap_or_default();
    let frames = frames.chunks_exact(mode.frame_size() as usize).take(count);
    if mode == StackMode::BuildId {
        return Value::FileStack(frames.map(decode_file_frame).collect());
    }
    let addresses = frames.map(|frame| word(frame, 0)).collect();
    Value::Stack { space: space(user, bytes, 0), mode, addresses }
}

/// What C calls `struct bpf_stack_build_id`.
fn decode_file_frame(bytes: &[u8]) -> FileFrame {
    const VALID: u64 = 1;
    let offset = word(bytes, 3);
    let identity = bytes.get(4..24).and_then(|identity| identity.try_into().ok());
    match identity.filter(|_| unsigned(bytes, 4) == VALID) {
        Some(identity) => FileFrame::Known(identity, offset),
        None => FileFrame::Unknown(offset),
    }
}

fn space(user: bool, bytes: &[u8], pid_at: usize) -> Space {
    if user {
        Space::Process(unsigned(bytes.get(pid_at..).unwrap_or_default(), 4) as u32)
    } else {
        Space::Kernel
    }
}

fn decode_aggregate<'a>(aggregate: &'a Aggregate, bytes: &[u8]) -> Value<'a> {
    let integer = |signed, value: u64| {
        if signed { Value::Signed(value as i64) } else { Value::Unsigned(value) }
    };
    match aggregate {
        Aggregate::Count => Value::Unsigned(word(bytes, 0)),
        Aggregate::Sum { signed } | Aggregate::Min { signed } | Aggregate::Max { signed } => {
            integer(*signed, word(bytes, 0))
        }
        Aggregate::Avg { signed } => {
            integer(*signed, average(word(bytes, 0), word(bytes, 1), *signed))
        }
        Aggregate::Stats { signed } => {
            let (total, count) = (word(bytes, 0), word(bytes, 1));
            let average = integer(*signed, average(total, count, *signed));
            let total = integer(*signed, total);
            let values = [Value::Unsigned(count), average, total];
            Value::Record(STATS.into_iter().zip(values).collect())
        }
        Aggregate::Series { count, fold, signed, .. } => {
            let intervals = (0..*count as usize).map(|index| index * SERIES_WORDS as usize);
            let intervals = intervals.filter(|at| word(bytes, at + 1) != 0);
            let mut points: Vec<_> = intervals
                .map(|at| {
                    let value = match fold {
                        Fold::Avg => average(word(bytes, at), word(bytes, at + 1), *signed),
                        _ => word(bytes, at),
                    };
                    let value = if *signed { (value as i64).into() } else { value.into() };
                    Point { epoch: word(bytes, at + 2), value }
                })
                .collect();
            points.sort_by_key(|point| point.epoch);
            let last = points.last().map_or(0, |point| point.epoch);
            Value::Series(Series { scale: aggregate, points, last }.until(last))
        }
        Aggregate::Hist { .. } | Aggregate::Lhist { .. } => {
            let counts = (0..aggregate.words() as usize).map(|index| word(bytes, index)).collect();
            Value::Histogram(Histogram { scale: aggregate, counts, div: 1 })
        }
    }
}

/// Towards zero; 0 of nothing.
fn average(sum: u64, count: u64, signed: bool) -> u64 {
    match (count, signed) {
        (0, _) => 0,
        (_, false) => sum / count,
        // A 64-bit count does not fit a signed word, and the least sum divided by -1 would overflow one.
        (_, true) => (i128::from(sum as i64) / i128::from(count)) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_keep_their_sign() {
        assert_eq!(decode(&Shape::Int { size: 1, signed: true }, &[0xff]), Value::Signed(-1));
        assert_eq!(
            decode(&Shape::Int { size: 2, signed: false }, &[0xff, 0xff, 1]),
            Value::Unsigned(65535)
        );
        assert_eq!(
            decode(&Shape::Int { size: 8, signed: true }, &i64::MIN.to_ne_bytes()),
            Value::Signed(i64::MIN)
        );
    }

    #[test]
    fn text_ends_at_nul_or_fills_the_buffer() {
        let shape = Shape::Str { size: 3 };
        assert_eq!(decode(&shape, b"a\0b"), Value::Str { text: b"a", full: false });
        assert_eq!(decode(&shape, b"abcd"), Value::Str { text: b"abc", full: true });
        assert_eq!(decode(&shape, b"ab"), Value::Str { text: b"ab", full: false });
    }

    #[test]
    fn averages_truncate_towards_zero() {
        let bytes: Vec<u8> =
            [(-5i64) as u64, 2].iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(
            decode(&Shape::Aggregate(Aggregate::Avg { signed: true }), &bytes),
            Value::Signed(-2)
        );
        assert_eq!(average(5, 0, true), 0);
        assert_eq!(average(i64::MIN as u64, u64::MAX, true), 0);
    }

    #[test]
    fn no_bytes_can_break_it() {
        let tuple = Record {
            size: 40,
            fields: vec![
                Slot { offset: 0, shape: Shape::Int { size: 9, signed: true } },
                Slot { offset: 4_000_000_000, shape: Shape::Bool },
                Slot { offset: 8, shape: Shape::Symbol { user: true } },
            ],
        };
        let shapes = [
            Shape::Int { size: 0, signed: true },
            Shape::Int { size: 200, signed: false },
            Shape::Pointer,
            Shape::Str { size: 0 },
            Shape::Str { size: u32::MAX },
            Shape::Tuple(tuple),
            Shape::Stack { user: true, frames: 1 << 20, mode: StackMode::Raw },
            Shape::Stack { user: true, frames: 1 << 20, mode: StackMode::BuildId },
            Shape::Array { of: Box::new(Shape::Bool), stride: 0, len: u32::MAX },
            Shape::Array { of: Box::new(Shape::Pointer), stride: u32::MAX, len: 2 },
            Shape::Bits { size: 8, from: 200, width: 200 },
            Shape::Bits { size: 1, from: 0, width: 0 },
            Shape::Buffer { size: u32::MAX },
            Shape::User,
            Shape::Mac,
            Shape::Inet,
            Shape::Time { formats: Vec::new() },
            Shape::CgroupPath { filters: vec!["x".to_owned()] },
            Shape::Enum { size: 9, signed: true, names: Vec::new() },
            Shape::Aggregate(Aggregate::Hist { bits: 5 }),
            Shape::Aggregate(Aggregate::Lhist { min: 0, max: 100, step: 10 }),
        ];
        for shape in &shapes {
            for length in 0..64 {
                for byte in [0, 1, 0x7f, 0xff] {
                    let bytes = vec![byte; length];
                    let _ = decode(shape, &bytes);
                }
            }
        }
    }

    #[test]
    fn bits_of_integers() {
        let bits = |from, width| Shape::Bits { size: 4, from, width };
        assert_eq!(decode(&bits(0, 3), &[0xfd]), Value::Unsigned(5));
        assert_eq!(decode(&bits(3, 5), &[0xfd]), Value::Unsigned(31));
        let all = Shape::Bits { size: 8, from: 0, width: 64 };
        assert_eq!(decode(&all, &[0xff; 8]), Value::Unsigned(u64::MAX));
        let nine = Shape::Bits { size: 9, from: 7, width: 64 };
        let mut bytes = [0; 9];
        (bytes[0], bytes[8]) = (0x80, 0x40);
        assert_eq!(decode(&nine, &bytes), Value::Unsigned(1 << 63 | 1));
    }

    #[test]
    fn enums_are_shown_by_their_last_name() {
        let names = vec![(1, "A".to_owned()), (-1, "LEAST".to_owned()), (1, "B".to_owned())];
        let shape = Shape::Enum { size: 4, signed: true, names };
        assert_eq!(decode(&shape, &[1]), Value::Enum { number: 1, name: Some("B") });
        assert_eq!(decode(&shape, &[0xff; 4]), Value::Enum { number: -1, name: Some("LEAST") });
        assert_eq!(decode(&shape, &[7]), Value::Enum { number: 7, name: None });
    }

    #[test]
    fn a_stack_has_no_more_frames_than_room() {
        let mut bytes = vec![0; 16];
        bytes[8] = 200;
        bytes.extend([1u8; 24]);
        let Value::Stack { addresses, .. } =
            decode(&Shape::Stack { user: false, frames: 2, mode: StackMode::Raw }, &bytes)
        else {
            panic!()
        };
        assert_eq!(addresses.len(), 2);
    }
}
