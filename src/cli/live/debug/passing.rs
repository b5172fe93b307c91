//! How values are passed to functions: in registers for integers, in others for numbers with a fraction, or in memory.

use gimli::constants as dw;

use super::{Information, Place};

/// The largest value that is passed in registers.
const LARGEST: u64 = 16;
/// Types within types that are followed.
const MOST_STEPS: u32 = 32;

/// What stands in each of the two words of a value: nothing that counts, an integer, or numbers with a fraction only.
type Words = [Option<bool>; 2];

impl Information {
    /// For each word of a value of this type whether it is a number with a fraction; none where it is in memory.
    pub(super) fn passing(&self, ty: Option<Place>) -> Option<Vec<bool>> {
        let ty = self.stripped(ty?)?;
        if self.is_passed_by_address(ty) {
            return Some(vec![false]);
        }
        let size = self.size(ty, 0);
        if size > LARGEST {
            return None;
        }
        let mut words = Words::default();
        self.fill(ty, 0, &mut words, 0);
        Some(words.into_iter().flatten().collect())
    }

    /// Whether values of a C++ class are passed as addresses, since copying one is more than copying its bytes.
    pub(super) fn is_passed_by_address(&self, ty: Place) -> bool {
        let convention = self.entry(ty).and_then(|entry| {
            let value = entry.attr_value(dw::DW_AT_calling_convention)?;
            match value {
                gimli::AttributeValue::CallingConvention(convention) => Some(convention),
                _ => None,
            }
        });
        convention == Some(dw::DW_CC_pass_by_reference)
    }

    /// The type without other names and qualifiers.
    pub(super) fn stripped(&self, ty: Place) -> Option<Place> {
        let mut ty = ty;
        for _ in 0..MOST_STEPS {
            let tag = self.entry(ty)?.tag();
            let plain = !matches!(
                tag,
                dw::DW_TAG_typedef
                    | dw::DW_TAG_const_type
                    | dw::DW_TAG_volatile_type
                    | dw::DW_TAG_restrict_type
                    | dw::DW_TAG_atomic_type
            );
            if plain {
                return Some(ty);
            }
            ty = self.type_of(ty)?;
        }
        None
    }

    /// Bytes of a value.
    pub(super) fn size(&self, ty: Place, step: u32) -> u64 {
        let Some(ty) = self.stripped(ty).filter(|_| step < MOST_STEPS) else { return 0 };
        let Some(entry) = self.entry(ty) else { return 0 };
        let size = entry.attr_value(dw::DW_AT_byte_size).and_then(|size| size.udata_value());
        match entry.tag() {
            dw::DW_TAG_array_type => {
                let of = self.type_of(ty).map_or(0, |of| self.size(of, step + 1));
                self.lengths(ty).into_iter().fold(of, u64::saturating_mul)
            }
            dw::DW_TAG_pointer_type
            | dw::DW_TAG_reference_type
            | dw::DW_TAG_rvalue_reference_type => size.unwrap_or(8),
            _ => size.unwrap_or(0),
        }
    }

    /// Marks what stands in a value that begins so many bytes from the start.
    fn fill(&self, ty: Place, at: u64, words: &mut Words, step: u32) {
        let Some(ty) = self.stripped(ty).filter(|_| step < MOST_STEPS) else { return };
        let Some(entry) = self.entry(ty) else { return };
        match entry.tag() {
            dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_union_type => {
                for member in self.members(ty) {
                    self.fill(member.ty, at + member.bit_offset / 8, words, step + 1);
                }
            }
            dw::DW_TAG_array_type => {
                let Some(of) = self.type_of(ty) else { return };
                let size = self.size(of, step + 1).max(1);
                let count = self.lengths(ty).into_iter().fold(1, u64::saturating_mul);
                for index in 0..count.min(LARGEST) {
                    self.fill(of, at + index * size, words, step + 1);
                }
            }
            _ => {
                let fraction = matches!(
                    entry.attr_value(dw::DW_AT_encoding),
                    Some(gimli::AttributeValue::Encoding(dw::DW_ATE_float))
                );
                let last = at + self.size(ty, step + 1).max(1) - 1;
                for word in at / 8..=last / 8 {
                    if let Some(word) = words.get_mut(word as usize) {
                        *word = Some(word.unwrap_or(true) && fraction);
                    }
                }
            }
        }
    }
}
