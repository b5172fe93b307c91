//! Where C puts the members of structs and unions on 64-bit Linux.

use super::error::{Outcome, wrong};
use crate::host::Arch;
use crate::source::Span;
use crate::types::{Access, Field, TypeId, Types};

/// Largest struct or array in bytes.
pub(super) const MOST_BYTES: u64 = 1 << 28;

/// `__attribute__((…))`, as far as it matters for the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Attributes {
    pub(super) packed: bool,
    /// Bytes.
    pub(super) aligned: Option<u32>,
}

impl Attributes {
    /// Both together.
    pub(super) fn and(self, other: Attributes) -> Attributes {
        Attributes { packed: self.packed || other.packed, aligned: self.aligned.max(other.aligned) }
    }
}

/// A member as declared.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Empty for an anonymous struct or union, and for a bit field that only takes up room.
    pub(super) name: String,
    pub(super) ty: TypeId,
    /// Alignment that a typedef demands.
    pub(super) align: Option<u32>,
    pub(super) attributes: Attributes,
    pub(super) width: Option<u8>,
    pub(super) span: Span,
}

/// A struct or union laid out.
pub(super) struct Layout {
    pub(super) fields: Vec<Field>,
    pub(super) size: u32,
    pub(super) align: u32,
}

/// Puts members where they belong.
pub(super) fn lay_out(
    types: &mut Types,
    arch: Arch,
    union: bool,
    attributes: Attributes,
    members: &[Member],
) -> Outcome<Layout> {
    let mut state =
        State { types, arch, union, packed: attributes.packed, bit: 0, end: 0, align: 1 };
    let mut places = Vec::new();
    for member in members {
        places.push(state.place(member)?);
    }
    let align = state.align.max(attributes.aligned.unwrap_or(1));
    let size = state.end.div_ceil(8).next_multiple_of(u64::from(align)) as u32;
    let mut fields = Vec::new();
    for (member, bit) in members.iter().zip(places) {
        let name = member.name.clone();
        match member.width {
            Some(_) if name.is_empty() => {}
            Some(width) => {
                fields.push(types.bit_field(name, member.ty, (bit as u32, width), size));
            }
            None => {
                let offset = (bit / 8) as u32;
                fields.push(Field { name, ty: member.ty, offset, access: Access::Plain });
            }
        }
    }
    Ok(Layout { fields, size, align })
}

struct State<'a> {
    types: &'a mut Types,
    arch: Arch,
    union: bool,
    packed: bool,
    /// The next free bit.
    bit: u64,
    /// The end of what reaches farthest.
    end: u64,
    align: u32,
}

impl State<'_> {
    /// The bit at which a member starts.
    fn place(&mut self, member: &Member) -> Outcome<u64> {
        let size = u64::from(self.types.size(member.ty)) * 8;
        let packed = self.packed || member.attributes.packed;
        let natural = match packed {
            true => 1,
            false => member.align.unwrap_or_else(|| self.types.align(member.ty)),
        };
        let align = member.attributes.aligned.map_or(natural, |aligned| aligned.max(natural));
        let start = match member.width {
            Some(width) => self.place_bits(member, width, size, align),
            None => {
                let start = self.bit.next_multiple_of(u64::from(align) * 8);
                self.align = self.align.max(align);
                self.bit = start + size;
                start
            }
        };
        self.end = self.end.max(self.bit);
        if self.end / 8 > MOST_BYTES {
            return Err(wrong(
                format!("a struct has at most {} MiB", MOST_BYTES >> 20),
                member.span,
                "with this member it is larger",
            ));
        }
        if self.union {
            self.bit = 0;
        }
        Ok(start)
    }

    /// Bits do not cross the boundaries of their type; a width of 0 goes to the next one.
    fn place_bits(&mut self, member: &Member, width: u8, size: u64, align: u32) -> u64 {
        let packed = self.packed || member.attributes.packed;
        let demanded = member.attributes.aligned.map_or(1, |aligned| u64::from(aligned) * 8);
        let mut start = self.bit.next_multiple_of(demanded);
        if width == 0 {
            let boundary = member.align.unwrap_or_else(|| self.types.align(member.ty));
            start = start.next_multiple_of(u64::from(boundary) * 8);
        } else if !packed && start % size + u64::from(width) > size {
            start = start.next_multiple_of(u64::from(align) * 8);
        }
        // The bit fields without a name count for the alignment on Arm only.
        if !member.name.is_empty() {
            self.align = self.align.max(align);
        } else if self.arch == Arch::Aarch64 {
            self.align =
                self.align.max(if width == 0 { self.types.align(member.ty) } else { align });
        }
        self.bit = start + u64::from(width);
        start
    }
}
