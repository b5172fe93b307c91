//! Types of programs, described as the kernel describes its own (BTF).

use std::collections::HashMap;
use std::rc::Rc;

use ebtrace::host::btf::Btf;
use ebtrace::host::btf::encode::{self, Writer};
use gimli::{AttributeValue, constants as dw};

use super::{Information, Kind, Place, kind_of};

/// `BTF_INT_SIGNED` and `BTF_INT_BOOL`
const SIGNED: u32 = 1;
const BOOLEAN: u32 = 4;
/// Offsets in bits that a struct with bit fields has room for.
const MOST_BITS: u64 = 1 << 24;
/// Types within types that are followed; the rest counts as unknown.
const MOST_DEEP: u32 = 64;

/// Describes types as they are asked for. A struct behind a pointer is only named.
#[derive(Debug, Default)]
pub(super) struct Describer {
    writer: Writer,
    known: HashMap<Place, u32>,
    /// What several units define alike.
    named: HashMap<(Kind, String, u64), u32>,
    /// The blob, until a type is added.
    made: Option<Rc<Btf>>,
}

/// A member of a struct or union.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) ty: Place,
    pub(super) bit_offset: u64,
    /// 0 where it is no bit field.
    pub(super) bits: u32,
}

impl Describer {
    /// All that was described so far.
    pub(super) fn btf(&mut self) -> Option<Rc<Btf>> {
        if self.made.is_none() {
            let blob = Box::new(self.writer.finish());
            self.made = Btf::new("program", blob, None).map(Rc::new);
        }
        self.made.clone()
    }

    /// The type of what a function gets.
    pub(super) fn passed(&mut self, from: &Information, ty: Option<Place>) -> u32 {
        let described = self.optional(from, ty, 0);
        let stripped = ty.and_then(|ty| from.stripped(ty));
        match stripped.is_some_and(|ty| from.is_passed_by_address(ty)) {
            true => self.writer.pointer(described),
            false => described,
        }
    }

    /// A type with all that is within it.
    pub(super) fn whole(&mut self, from: &Information, ty: Place) -> u32 {
        self.describe(from, ty, 0)
    }

    fn optional(&mut self, from: &Information, ty: Option<Place>, deep: u32) -> u32 {
        ty.map_or(0, |ty| self.describe(from, ty, deep))
    }

    fn describe(&mut self, from: &Information, ty: Place, deep: u32) -> u32 {
        if let Some(known) = self.known.get(&ty) {
            return *known;
        }
        let Some(entry) = from.entry(ty).filter(|_| deep < MOST_DEEP) else { return 0 };
        self.made = None;
        let name = from.index.names.get(&ty).cloned();
        let name = name.or_else(|| from.text(&from.units[ty.0], &entry, dw::DW_AT_name));
        let name = name.unwrap_or_default();
        let size = from.size(ty, 0);
        let kind = kind_of(entry.tag()).filter(|_| !name.is_empty());
        let key = kind.map(|kind| (kind, name.clone(), size));
        let declared = entry.has_attr(dw::DW_AT_declaration);
        if let Some(same) = key.as_ref().filter(|_| !declared).and_then(|key| self.named.get(key)) {
            self.known.insert(ty, *same);
            return *same;
        }
        let id = match entry.tag() {
            dw::DW_TAG_base_type => self.number(&name, &entry, size as u32),
            dw::DW_TAG_pointer_type
            | dw::DW_TAG_reference_type
            | dw::DW_TAG_rvalue_reference_type => {
                let to = self.pointee(from, ty, deep);
                self.writer.pointer(to)
            }
            dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_union_type => {
                let union = entry.tag() == dw::DW_TAG_union_type;
                match declared {
                    true => self.writer.forward(&name, union),
                    false => return self.compound(from, ty, (&name, key, union), deep),
                }
            }
            dw::DW_TAG_enumeration_type => self.enumeration(from, ty, &name, size as u32),
            dw::DW_TAG_array_type => self.array(from, ty, deep),
            dw::DW_TAG_typedef => {
                let of = self.optional(from, from.type_of(ty), deep + 1);
                self.writer.typedef(&name, of)
            }
            dw::DW_TAG_const_type
            | dw::DW_TAG_volatile_type
            | dw::DW_TAG_restrict_type
            | dw::DW_TAG_atomic_type => {
                let of = self.optional(from, from.type_of(ty), deep + 1);
                self.writer.constant(of)
            }
            dw::DW_TAG_subroutine_type => self.writer.prototype(0, &[]),
            _ => 0,
        };
        self.known.insert(ty, id);
        self.named.extend(key.filter(|_| !declared).map(|key| (key, id)));
        id
    }

    /// What a pointer leads to: only the name of a struct that has one, whose members are read when they are asked for.
    fn pointee(&mut self, from: &Information, pointer: Place, deep: u32) -> u32 {
        let Some(to) = from.type_of(pointer) else { return 0 };
        let Some(entry) = from.entry(to) else { return 0 };
        let named = matches!(kind_of(entry.tag()), Some(Kind::Struct | Kind::Union))
            && entry.has_attr(dw::DW_AT_name);
        if !named || self.known.contains_key(&to) {
            return self.describe(from, to, deep + 1);
        }
        let name = from.index.names.get(&to).cloned();
        let name = name.or_else(|| from.text(&from.units[to.0], &entry, dw::DW_AT_name));
        self.writer.forward(&name.unwrap_or_default(), entry.tag() == dw::DW_TAG_union_type)
    }

    fn number(&mut self, name: &str, entry: &super::Entry, size: u32) -> u32 {
        let Some(AttributeValue::Encoding(encoding)) = entry.attr_value(dw::DW_AT_encoding) else {
            return self.writer.int(name, size, 0);
        };
        match encoding {
            dw::DW_ATE_boolean => self.writer.int(name, size, BOOLEAN),
            dw::DW_ATE_signed => self.writer.int(name, size, SIGNED),
            // A letter of one byte, whose sign the compiler chose, is text.
            dw::DW_ATE_signed_char => self.writer.int(name, size, SIGNED),
            dw::DW_ATE_float | dw::DW_ATE_complex_float => self.writer.float(name, size),
            dw::DW_ATE_UTF => self.writer.int("unicode", size, 0),
            _ => self.writer.int(name, size, 0),
        }
    }

    fn compound(
        &mut self,
        from: &Information,
        ty: Place,
        (name, key, union): (&str, Option<(Kind, String, u64)>, bool),
        deep: u32,
    ) -> u32 {
        let id = self.writer.reserve();
        // Its members may lead back to it.
        self.known.insert(ty, id);
        self.named.extend(key.map(|key| (key, id)));
        let members = from.members(ty);
        let narrow = members.iter().any(|member| member.bits > 0)
            && members.iter().all(|member| member.bit_offset < MOST_BITS);
        let described: Vec<(String, u32, u32)> = members
            .into_iter()
            .map(|member| {
                let offset = member.bit_offset as u32;
                let offset = if narrow { encode::bits(offset, member.bits) } else { offset };
                (member.name, self.describe(from, member.ty, deep + 1), offset)
            })
            .collect();
        let members: Vec<encode::Member<'_>> =
            described.iter().map(|(name, ty, offset)| (name.as_str(), *ty, *offset)).collect();
        let size = from.size(ty, 0) as u32;
        match (union, narrow) {
            (false, false) => self.writer.structure(name, size, &members),
            (false, true) => self.writer.with_bits(name, size, &members),
            (true, false) => self.writer.union(name, size, &members),
            (true, true) => self.writer.union_with_bits(name, size, &members),
        };
        self.writer.settle(id);
        id
    }

    fn enumeration(&mut self, from: &Information, ty: Place, name: &str, size: u32) -> u32 {
        let children = from.children(ty).into_iter();
        let variants = children.filter(|(_, tag)| *tag == dw::DW_TAG_enumerator);
        let variants: Vec<(String, i64)> = variants
            .filter_map(|(place, _)| {
                let entry = from.entry(place)?;
                let value = entry.attr_value(dw::DW_AT_const_value)?;
                let number = value.sdata_value().or(value.udata_value().map(u64::cast_signed))?;
                Some((from.name_of(place)?, number))
            })
            .collect();
        let signed = variants.iter().any(|(_, number)| *number < 0);
        let size = if matches!(size, 1 | 2 | 4 | 8) { size } else { 4 };
        self.writer.numbers(name, size, signed, &variants)
    }

    fn array(&mut self, from: &Information, ty: Place, deep: u32) -> u32 {
        let mut of = self.optional(from, from.type_of(ty), deep + 1);
        let index = self.writer.int("unsigned int", 4, 0);
        for length in from.lengths(ty).into_iter().rev() {
            of = self.writer.array(of, u32::try_from(length).unwrap_or(0), index);
        }
        of
    }
}

impl Information {
    /// How many elements an array has in each of its dimensions; 0 where that is not known.
    pub(super) fn lengths(&self, array: Place) -> Vec<u64> {
        let children = self.children(array).into_iter();
        let ranges = children.filter(|(_, tag)| *tag == dw::DW_TAG_subrange_type);
        let length = |place: Place| {
            let entry = self.entry(place)?;
            let number = |name| entry.attr_value(name)?.udata_value();
            number(dw::DW_AT_count).or_else(|| number(dw::DW_AT_upper_bound)?.checked_add(1))
        };
        ranges.map(|(place, _)| length(place).unwrap_or(0)).collect()
    }

    /// The members of a struct or union, what it inherits among them, without those that are not in its memory.
    pub(super) fn members(&self, ty: Place) -> Vec<Member> {
        let children = self.children(ty).into_iter();
        children.filter_map(|(place, tag)| self.member(place, tag)).collect()
    }

    fn member(&self, place: Place, tag: gimli::DwTag) -> Option<Member> {
        let entry = self.entry(place)?;
        let inherited = tag == dw::DW_TAG_inheritance;
        let is_static = entry.has_attr(dw::DW_AT_external) || entry.has_attr(dw::DW_AT_declaration);
        if !(inherited || tag == dw::DW_TAG_member) || is_static {
            return None;
        }
        let number = |name| entry.attr_value(name)?.udata_value();
        let ty = self.referred(place.0, &entry, dw::DW_AT_type)?;
        let bits = number(dw::DW_AT_bit_size).unwrap_or(0) as u32;
        let bytes = match entry.attr_value(dw::DW_AT_data_member_location) {
            None => 0,
            Some(value) => value.udata_value()?,
        };
        let bit_offset = match (number(dw::DW_AT_data_bit_offset), number(dw::DW_AT_bit_offset)) {
            (Some(offset), _) => offset,
            // Older compilers count from the highest bit of the number that holds it.
            (None, Some(from_top)) => {
                let whole = number(dw::DW_AT_byte_size).unwrap_or_else(|| self.size(ty, 0)) * 8;
                (bytes * 8 + whole).checked_sub(from_top + u64::from(bits))?
            }
            (None, None) => bytes * 8,
        };
        let name = if inherited { String::new() } else { self.name_of(place).unwrap_or_default() };
        Some(Member { name, ty, bit_offset, bits })
    }
}
