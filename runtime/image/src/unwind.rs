//! How stacks of programs without frame pointers are walked: what the runtime puts into maps, and programs read.
//!
//! Two maps hold maps. [`PROCESSES`] has one for each process that can be unwound, by its id: an array whose element 0
//! is a [`Stretch`] that says in `end` how many follow, each a stretch of code, sorted. [`TABLES`] has arrays of
//! [`Row`]s, sorted within the range that a stretch names.

/// Name of the hash of arrays of [`Stretch`], by process id.
pub const PROCESSES: &str = "ebt_unwind_pids";
/// Name of the array of arrays of [`Row`].
pub const TABLES: &str = "ebt_unwind_rows";
/// The most processes.
pub const MOST_PROCESSES: u32 = 1024;
/// The most arrays of rows.
pub const MOST_TABLES: u32 = 4096;
/// An array can have so many elements that halving it so often finds one.
pub const HALVINGS: u32 = 24;

/// A stretch of code in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Stretch {
    /// Its first address.
    pub start: u64,
    /// The address behind it.
    pub end: u64,
    /// To be added to an address to get what rows are sorted by.
    pub base: u64,
    /// Which array of rows.
    pub table: u32,
    /// The first of its rows there.
    pub first: u32,
    /// How many follow, from 1; none where nothing is known about the code.
    pub count: u64,
}

/// What holds from an address on, up to the next row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Row {
    /// The address in the file's own counting.
    pub start: u64,
    /// A [`Rule`].
    pub rule: u64,
}

/// How the caller's registers are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Where the frame begins.
    pub frame: Frame,
    /// Added there.
    pub frame_offset: i32,
    /// Where the caller's frame pointer is.
    pub pointer: Pointer,
    /// Added there.
    pub pointer_offset: i16,
}

/// Where a frame begins: the stack pointer before the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Frame {
    /// Not known.
    Unknown = 0,
    /// Nothing called this code.
    Outermost = 1,
    /// `sp + offset`
    Stack = 2,
    /// `bp + offset`
    Base = 3,
    /// What stands at `sp + offset`.
    AtStack = 4,
    /// What stands at `bp + offset`.
    AtBase = 5,
    /// 8 more than what stands at `sp + offset`.
    AtStackPlus8 = 6,
    /// `sp + offset`, and 8 more from one of each 16 bytes of code on, which stands in place of the pointer's offset:
    /// entries of the procedure linkage table.
    Linkage = 7,
    /// What stands at `sp + offset`, behind which is where the signal came.
    Signal = 8,
}

/// Where the caller's frame pointer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Pointer {
    /// In its register.
    Same = 0,
    /// At `frame + offset`.
    Frame = 1,
    /// At `bp + offset`.
    Base = 2,
    /// At `sp + offset`.
    Stack = 3,
    /// Nobody knows.
    Lost = 4,
}

impl Rule {
    /// Nothing is known.
    pub const UNKNOWN: Rule =
        Rule { frame: Frame::Unknown, frame_offset: 0, pointer: Pointer::Lost, pointer_offset: 0 };

    /// As programs read it: the kinds in the lowest two bytes, then the offsets.
    pub fn packed(self) -> u64 {
        self.frame as u64
            | (self.pointer as u64) << 8
            | u64::from(self.pointer_offset.cast_unsigned()) << 16
            | u64::from(self.frame_offset.cast_unsigned()) << 32
    }
}

/// Why a stack ends early; the event's first field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Trouble {
    /// It is no program of 64 bits.
    NoProgram = 1,
    /// The process is none of those that can be unwound.
    Stranger = 2,
    /// It has no code there, as far as is known.
    NoCode = 3,
    /// Nothing is known about the code there.
    NoRule = 4,
    /// The stack cannot be read.
    NoStack = 5,
}

impl Trouble {
    /// The one with a number.
    pub fn of(number: u64) -> Option<Trouble> {
        use Trouble::{NoCode, NoProgram, NoRule, NoStack, Stranger};
        [NoProgram, Stranger, NoCode, NoRule, NoStack].into_iter().find(|one| *one as u64 == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_packed_with_their_signs() {
        let rule = Rule {
            frame: Frame::Base,
            frame_offset: 16,
            pointer: Pointer::Frame,
            pointer_offset: -16,
        };
        assert_eq!(rule.packed(), 0x0000_0010_fff0_0103);
        assert_eq!(Rule::UNKNOWN.packed() & 0xff, 0);
    }

    #[test]
    fn troubles_have_numbers() {
        assert_eq!(Trouble::of(Trouble::NoRule as u64), Some(Trouble::NoRule));
        assert_eq!((Trouble::of(0), Trouble::of(6)), (None, None));
    }
}
