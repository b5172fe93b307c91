//! Structs, unions and enums: what names their parts and numbers.

use super::{TypeId, Types};

/// Index of a [`Struct`] in [`super::Types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StructId(pub(super) u32);

/// Index of an [`Enum`] in [`super::Types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnumId(pub(super) u32);

/// A struct or union with named fields at given offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Struct {
    /// As messages call it: `struct pair`, `union u`; `struct ` alone for one without a name.
    pub name: String,
    /// Bytes.
    pub size: u32,
    /// Bytes, a power of two.
    pub align: u32,
    /// In order; `None` until somebody asked for the fields of a kernel type.
    pub fields: Option<Vec<Field>>,
    /// Where it is from.
    pub origin: Origin,
}

/// Where a C type is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The script, a header that it includes, or the compiler itself.
    Script,
    /// The kernel's BTF: number of the blob (0 is `vmlinux`, then modules) and of the type in it.
    Kernel {
        /// Which blob.
        blob: u32,
        /// The type's number in it.
        id: u32,
    },
}

/// A field of a [`Struct`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its name; empty for a struct or union whose fields count as fields of this one.
    pub name: String,
    /// Its type.
    pub ty: TypeId,
    /// Bytes from the start of the struct.
    pub offset: u32,
    /// How the value is found from there.
    pub access: Access,
}

/// How the value of a field is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// It stands at the offset.
    Plain,
    /// Some bits of the bytes from the offset on, as the machine counts them.
    Bits {
        /// How many bytes: an integer, or where none is within the struct, the 3 to 9 that hold the bits.
        bytes: u8,
        /// Number of the lowest bit.
        from: u8,
        /// How many bits.
        width: u8,
    },
    /// A `u32` stands there whose lower half is the offset of the data from the start of the record.
    DataLoc,
    /// The same, but from the end of this field.
    RelLoc,
}

/// Named numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enum {
    /// As messages call it: `enum state`; `enum ` alone for one without a name.
    pub name: String,
    /// In order; of several names of one number the last is shown.
    pub variants: Vec<(String, i128)>,
    /// Where it is from.
    pub origin: Origin,
}

impl Types {
    /// A field of some bits, which start so many bits from the start of a struct of so many bytes.
    ///
    /// What is read is an integer of the field's type at a multiple of its size where that holds all bits and is inside
    /// the struct, which only packed structs break.
    pub(crate) fn bit_field(
        &self,
        name: String,
        ty: TypeId,
        (from, width): (u32, u8),
        size: u32,
    ) -> Field {
        let whole = self.size(ty).clamp(1, 8);
        let to = from + u32::from(width);
        let natural = [(whole, from / (whole * 8) * whole)].into_iter();
        let packed =
            [1, 2, 4, 8].map(|bytes: u32| (bytes, (from / 8).min(size.saturating_sub(bytes))));
        let (bytes, offset) = natural
            .chain(packed)
            .find(|&(bytes, offset)| to <= (offset + bytes) * 8 && offset + bytes <= size)
            .unwrap_or((to.div_ceil(8) - from / 8, from / 8));
        let access = Access::Bits { bytes: bytes as u8, from: (from - offset * 8) as u8, width };
        Field { name, ty, offset, access }
    }

    /// What C has and the language does not (`double`, `__int128`): of a size, without parts.
    pub(crate) fn opaque_value(&mut self, name: &str, size: u32) -> TypeId {
        self.add_struct(Struct {
            name: name.to_owned(),
            size,
            align: size.clamp(1, 16),
            fields: Some(Vec::new()),
            origin: Origin::Script,
        })
    }
}
