//! One type of a BTF blob, decoded.

use super::{Btf, word};

/// A type as BTF describes it; other types are named by their ids, and id 0 is `void`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Described<'a> {
    /// `void`
    Void,
    /// A number.
    Int {
        /// `unsigned int`
        name: &'a str,
        /// Bytes.
        size: u32,
        /// Two's complement.
        signed: bool,
        /// True or false.
        boolean: bool,
        /// How many bits of it count, and from which on: in old encodings a bit field.
        bits: (u8, u8),
    },
    /// A number with a fraction.
    Float {
        /// `double`
        name: &'a str,
        /// Bytes.
        size: u32,
    },
    /// `T *`
    Pointer(u32),
    /// `T[len]`
    Array {
        /// Of this type.
        of: u32,
        /// How many.
        len: u32,
    },
    /// A struct or union with its members.
    Struct {
        /// Without its tag; empty if it has none.
        name: &'a str,
        /// Bytes.
        size: u32,
        /// All members at the same place.
        union: bool,
        /// In order.
        members: Vec<Member<'a>>,
    },
    /// Named numbers.
    Enum {
        /// Without its tag; empty if it has none.
        name: &'a str,
        /// Bytes.
        size: u32,
        /// In order.
        variants: Vec<(&'a str, i128)>,
    },
    /// A struct or union that is declared only.
    Forward {
        /// Without its tag.
        name: &'a str,
        /// Not a struct.
        union: bool,
    },
    /// Another name of a type.
    Typedef {
        /// The name.
        name: &'a str,
        /// The type.
        of: u32,
    },
    /// A type and its qualifier: `const`, `volatile` or `restrict`.
    Qualified(u32, &'static str),
    /// A type with an attribute: `user`, `rcu`, `percpu`.
    Tagged {
        /// The attribute.
        tag: &'a str,
        /// The type.
        of: u32,
    },
    /// A function.
    Function {
        /// Its name.
        name: &'a str,
        /// Its [`Described::Prototype`].
        prototype: u32,
    },
    /// What a function takes and returns.
    Prototype {
        /// What it returns.
        result: u32,
        /// Names and types in order. A last one of type 0 stands for `...`.
        params: Vec<(&'a str, u32)>,
    },
    /// A global variable.
    Variable {
        /// Its name.
        name: &'a str,
        /// Its type.
        of: u32,
    },
    /// Variables that lie together.
    Section(Vec<u32>),
    /// A remark on a declaration.
    Other,
}

/// A member of a struct or union.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Empty for what counts as part of the struct around it.
    pub name: &'a str,
    /// Its type.
    pub ty: u32,
    /// Bits from the start of the struct.
    pub offset: u32,
    /// How many bits, where it is a bit field in the new encoding; else 0.
    pub width: u8,
}

impl Btf {
    /// A type by its id; `None` where there is none or the blob is damaged.
    pub fn get(&self, id: u32) -> Option<Described<'_>> {
        if id == 0 {
            return Some(Described::Void);
        }
        if id < self.first_id {
            return self.base.as_ref()?.get(id);
        }
        let at = *self.offsets.get((id - self.first_id) as usize)? as usize;
        let types = self.types();
        let (info, size) = (word(types, at + 4)?, word(types, at + 8)?);
        let (count, flag) = ((info & 0xffff) as usize, info >> 31 == 1);
        let name = || self.string(word(types, at)?);
        let rest = at + super::TYPE_SIZE;
        Some(match info >> 24 & 0x1f {
            1 => int(name()?, size, word(types, rest)?),
            2 => Described::Pointer(size),
            3 => Described::Array { of: word(types, rest)?, len: word(types, rest + 8)? },
            kind @ (4 | 5) => {
                let members = (0..count).map(|number| self.member(rest + number * 12, flag));
                let members = members.collect::<Option<_>>()?;
                Described::Struct { name: name()?, size, union: kind == 5, members }
            }
            6 => {
                let variants = (0..count).map(|number| self.variant(rest + number * 8, flag));
                Described::Enum { name: name()?, size, variants: variants.collect::<Option<_>>()? }
            }
            7 => Described::Forward { name: name()?, union: flag },
            8 => Described::Typedef { name: name()?, of: size },
            9 => Described::Qualified(size, "volatile"),
            10 => Described::Qualified(size, "const"),
            11 => Described::Qualified(size, "restrict"),
            12 => Described::Function { name: name()?, prototype: size },
            13 => {
                let param = |number: usize| {
                    let at = rest + number * 8;
                    Some((self.string(word(types, at)?)?, word(types, at + 4)?))
                };
                let params = (0..count).map(param).collect::<Option<_>>()?;
                Described::Prototype { result: size, params }
            }
            14 => Described::Variable { name: name()?, of: size },
            15 => {
                let variables = (0..count).map(|number| word(types, rest + number * 12));
                Described::Section(variables.collect::<Option<_>>()?)
            }
            16 => Described::Float { name: name()?, size },
            18 => Described::Tagged { tag: name()?, of: size },
            19 => {
                let variants = (0..count).map(|number| self.wide_variant(rest + number * 12, flag));
                Described::Enum { name: name()?, size, variants: variants.collect::<Option<_>>()? }
            }
            _ => Described::Other,
        })
    }

    fn member(&self, at: usize, flag: bool) -> Option<Member<'_>> {
        let types = self.types();
        let offset = word(types, at + 8)?;
        let (offset, width) = if flag { (offset & 0xff_ffff, offset >> 24) } else { (offset, 0) };
        let name = self.string(word(types, at)?)?;
        Some(Member { name, ty: word(types, at + 4)?, offset, width: width as u8 })
    }

    fn variant(&self, at: usize, signed: bool) -> Option<(&str, i128)> {
        let value = word(self.types(), at + 4)?;
        let value = if signed { i128::from(value.cast_signed()) } else { i128::from(value) };
        Some((self.string(word(self.types(), at)?)?, value))
    }

    fn wide_variant(&self, at: usize, signed: bool) -> Option<(&str, i128)> {
        let (low, high) = (word(self.types(), at + 4)?, word(self.types(), at + 8)?);
        let value = u64::from(high) << 32 | u64::from(low);
        let value = if signed { i128::from(value.cast_signed()) } else { i128::from(value) };
        Some((self.string(word(self.types(), at)?)?, value))
    }
}

fn int(name: &str, size: u32, encoding: u32) -> Described<'_> {
    let flags = encoding >> 24 & 0xf;
    let bits = (encoding as u8, (encoding >> 16) as u8);
    Described::Int { name, size, signed: flags & 1 != 0, boolean: flags & 4 != 0, bits }
}
