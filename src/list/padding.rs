//! Room in a struct that no member takes: what C has to say so that a compiler leaves the same.

use super::declare::MOST_STEPS;
use crate::host::btf::{Btf, Described, Member};

/// Bytes of a pointer, and the widest alignment of anything without an attribute.
const WORD: u32 = 8;
/// What unnamed members are made of, widest first, with their bits.
const FILLERS: [(&str, u64); 4] = [("long", 64), ("int", 32), ("short", 16), ("char", 8)];

/// Follows the members of a struct, and says what stands between them.
pub(super) struct Padding<'a> {
    btf: &'a Btf,
    packed: bool,
    /// Bits from the start, behind the last member.
    at: u64,
    /// The last member has some bits only.
    in_bits: bool,
}

impl<'a> Padding<'a> {
    pub(super) fn new(btf: &'a Btf, packed: bool) -> Padding<'a> {
        Padding { btf, packed, at: 0, in_bits: false }
    }

    /// What stands before a member, which has so many bits if it has some only.
    pub(super) fn before(&mut self, member: &Member<'_>, bits: Option<u8>) -> Vec<String> {
        let align = if self.packed { 1 } else { align(self.btf, member.ty, MOST_STEPS) };
        let (start, in_bits) = (u64::from(member.offset), self.in_bits && bits.is_some());
        let gap = gap(self.at, start, align, in_bits);
        let whole = || u64::from(size(self.btf, member.ty, MOST_STEPS)) * 8;
        self.at = start + bits.map_or_else(whole, u64::from);
        self.in_bits = bits.is_some();
        gap
    }

    /// What stands behind all members of a struct of so many bytes.
    pub(super) fn behind(&self, size: u32, align: u32) -> Vec<String> {
        gap(self.at, u64::from(size) * 8, align, false)
    }
}

/// Unnamed members that fill a range of bits, in front of something with an alignment in bytes.
fn gap(from: u64, to: u64, align: u32, in_bits: bool) -> Vec<String> {
    let mut rows = Vec::new();
    if from >= to {
        return rows;
    }
    let fits = FILLERS.into_iter().find(|(_, bits)| from.next_multiple_of(*bits) <= to);
    let (filler, width) = fits.unwrap_or(("char", 8));
    let start = from.next_multiple_of(width);
    let mut at = from;
    if start <= to {
        // Only where the compiler would not go there by itself.
        let by_itself = match start == to {
            true => from.next_multiple_of(u64::from(align) * 8) == start,
            false => to - start > start - from,
        };
        if start > from && (in_bits || !by_itself) {
            rows.push(format!("{filler}: {};", if in_bits { start - from } else { 0 }));
        }
        at = start;
    }
    while at < to {
        let bits = width.min(to - at);
        let smallest = FILLERS.into_iter().rev().find(|(_, width)| *width >= bits);
        rows.push(format!("{}: {bits};", smallest.map_or(filler, |(name, _)| name)));
        at += bits;
    }
    rows
}

/// Bytes that a type takes.
fn size(btf: &Btf, id: u32, steps: u32) -> u32 {
    let Some(described) = btf.get(id).filter(|_| steps > 0) else { return 0 };
    match described {
        Described::Int { size, .. }
        | Described::Float { size, .. }
        | Described::Enum { size, .. }
        | Described::Struct { size, .. } => size,
        Described::Pointer(_) => WORD,
        Described::Array { of, len } => len.saturating_mul(self::size(btf, of, steps - 1)),
        Described::Typedef { of, .. }
        | Described::Qualified(of, _)
        | Described::Tagged { of, .. } => self::size(btf, of, steps - 1),
        _ => 0,
    }
}

/// The alignment of a type in bytes, without attributes; 1 for a struct that cannot be laid out so without one.
pub(super) fn align(btf: &Btf, id: u32, steps: u32) -> u32 {
    let Some(described) = btf.get(id).filter(|_| steps > 0) else { return 1 };
    match described {
        Described::Int { size, .. }
        | Described::Float { size, .. }
        | Described::Enum { size, .. } => size.clamp(1, WORD),
        Described::Pointer(_) => WORD,
        Described::Array { of, .. }
        | Described::Typedef { of, .. }
        | Described::Qualified(of, _)
        | Described::Tagged { of, .. } => align(btf, of, steps - 1),
        Described::Struct { size, members, .. } => {
            natural(btf, size, &members, steps - 1).unwrap_or(1)
        }
        _ => 1,
    }
}

/// Whether a struct has a layout that only an attribute gives it.
pub(super) fn is_packed(btf: &Btf, size: u32, members: &[Member<'_>]) -> bool {
    natural(btf, size, members, MOST_STEPS).is_none()
}

/// The widest alignment of members; none where one is not there, or the size is no multiple of it.
fn natural(btf: &Btf, size: u32, members: &[Member<'_>], steps: u32) -> Option<u32> {
    let mut widest = 1;
    for member in members {
        let align = align(btf, member.ty, steps);
        if member.width == 0 && !member.offset.is_multiple_of(align * 8) {
            return None;
        }
        widest = widest.max(align);
    }
    size.is_multiple_of(widest).then_some(widest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_with_what_fits() {
        assert_eq!(gap(64, 64, 8, false), [""; 0]);
        // The compiler leaves the room before a pointer by itself, but not before something that needs no alignment.
        assert_eq!(gap(32, 64, 8, false), [""; 0]);
        assert_eq!(gap(32, 64, 4, false), ["long: 0;"]);
        assert_eq!(gap(64, 192, 1, false), ["long: 64;", "long: 64;"]);
        assert_eq!(gap(32, 512, 8, false)[..2], ["long: 64;", "long: 64;"]);
        assert_eq!(gap(96, 144, 2, false), ["long: 0;", "short: 16;"]);
        assert_eq!(gap(8, 24, 1, false), ["short: 0;", "char: 8;"]);
    }

    #[test]
    fn gaps_between_bits_are_bits() {
        assert_eq!(gap(3, 8, 1, true), ["char: 5;"]);
        assert_eq!(gap(3, 6, 1, true), ["char: 3;"]);
        assert_eq!(gap(3, 40, 4, true), ["int: 29;", "char: 8;"]);
    }
}
