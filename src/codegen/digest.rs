//! Long keys: the kernel is given a digest of them, and their bytes stand in a map of their own.
//!
//! The kernel goes through all bytes of a key to find it, and again to compare, although a path or a stack fills a small
//! part of its room. A digest is made of the part that is filled. Of 16 bytes, no two keys ever have the same.

use ebtrace_image as image;
use ebtrace_image::{DIGEST, Record, Shape};

use super::access::Entry;
use super::context::{Int, Pointer};
use super::helper;
use super::probe::Function;
use super::{Invariant, Lowered};

/// Odd numbers without a pattern, one for each half.
const FACTORS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f];
/// By how many bits each half is folded onto itself.
const FOLDS: [u64; 2] = [32, 29];

/// `BPF_ANY`: whether the key is there or not.
const ANY: u64 = 0;

/// A part of a key: bytes of so many units of 1, 2, 4 or 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    at: u32,
    unit: u32,
    units: u32,
    ends: Ends,
}

/// Where a part ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// Where its room does.
    Last,
    /// At the first unit of zeros, if there is one.
    Zero,
    /// After as many units as a `u64` at this offset says, times this many.
    Counted(u32, u32),
}

/// The parts of a key in order; what is in none of them is always zero.
fn parts(shape: &Shape, at: u32, out: &mut Vec<Part>) {
    let plain = |at: u32, size: u32, ends| {
        let unit = [8, 4, 2]
            .into_iter()
            .find(|&unit| at.is_multiple_of(unit) && size.is_multiple_of(unit));
        let unit = unit.unwrap_or(1);
        Part { at, unit, units: size / unit, ends }
    };
    match shape {
        Shape::Str { size } => out.push(plain(at, *size, Ends::Zero)),
        Shape::Stack { frames, mode, .. } => {
            let words = mode.frame_size() / 8;
            out.push(plain(at, 16, Ends::Last));
            out.push(plain(at + 16, frames * words * 8, Ends::Counted(at + 8, words)));
        }
        // Structs are not taken apart: what they do not show, and what is behind a text in them, tells keys apart too.
        Shape::Tuple(Record { fields, .. }) => {
            fields.iter().for_each(|field| parts(&field.shape, at + field.offset, out));
        }
        other => out.push(plain(at, other.size(), Ends::Last)),
    }
}

/// Two numbers under construction.
struct Digest<'ctx> {
    halves: [Pointer<'ctx>; 2],
}

impl<'ctx> Function<'_, 'ctx> {
    /// The digest of a key, where a helper can read it.
    pub(super) fn digest(
        &mut self,
        table: &image::Map,
        key: Pointer<'ctx>,
    ) -> Lowered<Pointer<'ctx>> {
        let slot = table.key.as_ref();
        let shape = &slot.ok_or_else(|| Invariant(format!("{} has no keys", table.name)))?.shape;
        let mut all = Vec::new();
        parts(shape, 0, &mut all);
        let digest =
            Digest { halves: FACTORS.map(|factor| self.variable(self.emitter.word(factor))) };
        for part in all {
            self.digest_part(&digest, key, part);
        }
        let to = self.temporary(DIGEST);
        for (half, offset) in digest.halves.into_iter().zip([0, 8]) {
            let emitter = self.emitter;
            emitter.store(emitter.at(to, offset), emitter.load(half, 64, 8), 8);
        }
        Ok(to)
    }

    fn digest_part(&mut self, digest: &Digest<'ctx>, key: Pointer<'ctx>, part: Part) {
        let emitter = self.emitter;
        let wanted = match part.ends {
            Ends::Counted(count, words) => {
                let count = emitter.load(emitter.at(key, count), 64, 8);
                Some(emitter.mul(count, emitter.word(words.into())))
            }
            Ends::Last | Ends::Zero => None,
        };
        let index = self.variable(emitter.word(0));
        let (head, body, after) = (emitter.label(), emitter.label(), emitter.label());
        emitter.jump(head);
        emitter.enter(head);
        let at = emitter.load(index, 64, 8);
        let within = emitter.less(at, emitter.word(part.units.into()), false);
        let within = match wanted {
            Some(wanted) => emitter.and(within, emitter.less(at, wanted, false)),
            None => within,
        };
        emitter.branch(within, body, after);
        emitter.enter(body);
        let offset = emitter.mul(at, emitter.word(part.unit.into()));
        let unit = emitter.load(
            emitter.offset(emitter.at(key, part.at), offset),
            part.unit * 8,
            part.unit,
        );
        let unit = emitter.resize(unit, 64, false);
        if part.ends == Ends::Zero {
            let some = emitter.label();
            emitter.branch(emitter.is_zero(unit), after, some);
            emitter.enter(some);
        }
        self.mix(digest, unit);
        emitter.store(index, emitter.add(at, emitter.word(1)), 8);
        emitter.jump(head);
        emitter.enter(after);
        // Where one text ends and the next begins counts too.
        if part.ends == Ends::Zero {
            self.mix(digest, emitter.load(index, 64, 8));
        }
    }

    fn mix(&self, digest: &Digest<'ctx>, unit: Int<'ctx>) {
        let emitter = self.emitter;
        for ((half, factor), fold) in digest.halves.into_iter().zip(FACTORS).zip(FOLDS) {
            let mixed = emitter.xor(emitter.load(half, 64, 8), unit);
            let mixed = emitter.mul(mixed, emitter.word(factor));
            let folded = emitter.shift_right(mixed, emitter.word(fold), false);
            emitter.store(half, emitter.xor(mixed, folded), 8);
        }
    }

    /// Writes down the whole key before its digest is used for the first time; negative where there is no room.
    pub(super) fn write_name(&mut self, entry: Entry<'_, 'ctx>) -> Lowered<Option<Int<'ctx>>> {
        let Some((names, whole)) = entry.names else { return Ok(None) };
        let any = self.emitter.word(ANY);
        let args = [names.into(), entry.key.into(), whole.into(), any.into()];
        self.unit.call_status(&helper::MAP_UPDATE_ELEM, &args).map(Some)
    }

    /// The whole key goes. It goes before its digest does, so that a key that comes back at this moment is not without
    /// one.
    pub(super) fn drop_name(&mut self, entry: Entry<'_, 'ctx>) -> Lowered<()> {
        if let Some((names, _)) = entry.names {
            self.unit.call_status(&helper::MAP_DELETE_ELEM, &[names.into(), entry.key.into()])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ebtrace_image::{Slot, StackMode};

    #[test]
    fn parts_are_read_in_the_largest_units_that_fit() {
        let field = |offset, shape| Slot { offset, shape };
        let int = Shape::Int { size: 4, signed: false };
        let fields = vec![field(0, int), field(4, Shape::Str { size: 64 })];
        let mut all = Vec::new();
        parts(&Shape::Tuple(Record { size: 68, fields }), 0, &mut all);
        assert_eq!(
            all,
            [
                Part { at: 0, unit: 4, units: 1, ends: Ends::Last },
                Part { at: 4, unit: 4, units: 16, ends: Ends::Zero }
            ]
        );
        all.clear();
        let fields = vec![field(0, Shape::Str { size: 16 })];
        parts(&Shape::Record(Record { size: 128, fields }, vec!["text".to_owned()]), 0, &mut all);
        assert_eq!(all, [Part { at: 0, unit: 8, units: 16, ends: Ends::Last }]);
        all.clear();
        parts(&Shape::Stack { user: false, frames: 3, mode: StackMode::Bpftrace }, 0, &mut all);
        assert_eq!(all[1], Part { at: 16, unit: 8, units: 3, ends: Ends::Counted(8, 1) });
    }
}
