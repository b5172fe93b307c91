//! Moving memory values: copies and zeroes in steps that LLVM turns into plain loads and stores. Where these would be many
//! they stand in a loop, because LLVM's time grows with each.

use super::context::{Emitter, Int, Pointer};

/// Up to here bytes are moved by single loads and stores, which LLVM can see through; above, in chunks.
pub(super) const BY_HAND: u32 = 64;
/// LLVM expands a copy or a zeroing into at most 128 stores and fails beyond; half of that keeps clear of the odd
/// bytes at the end.
pub(super) const STORES_PER_CHUNK: u32 = 64;

/// More bytes than these are moved in a loop.
const BY_LOOP: u32 = 512;
/// So many each time.
const STEP: u32 = 256;

/// The bytes of a memory value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bytes<'a, 'ctx> {
    /// In memory.
    At {
        /// Where.
        pointer: Pointer<'ctx>,
        /// How many.
        size: u32,
        /// A power of two up to 8 that the address is a multiple of.
        align: u32,
    },
    /// Known to the compiler.
    Constant(&'a [u8]),
}

impl<'ctx> Bytes<'_, 'ctx> {
    /// How many.
    pub(super) fn size(&self) -> u32 {
        match self {
            Bytes::At { size, .. } => *size,
            Bytes::Constant(bytes) => bytes.len() as u32,
        }
    }

    /// What its address is a multiple of.
    pub(super) fn align(&self) -> u32 {
        match self {
            Bytes::At { align, .. } => *align,
            Bytes::Constant(_) => 8,
        }
    }

    /// The number that stands in some of them, `width` bytes at a multiple of `width`.
    pub(super) fn number(&self, emitter: &Emitter<'ctx>, piece: Piece) -> Int<'ctx> {
        let bits = piece.width * 8;
        match self {
            Bytes::At { pointer, .. } => {
                emitter.load(emitter.at(*pointer, piece.offset), bits, piece.width)
            }
            Bytes::Constant(bytes) => {
                let part = bytes.iter().skip(piece.offset as usize).take(piece.width as usize);
                let value = part.rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
                emitter.int(bits, value)
            }
        }
    }
}

/// A few bytes that one load or store moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// A multiple of the width.
    pub(super) offset: u32,
    /// 1, 2, 4 or 8.
    pub(super) width: u32,
}

/// Cuts a range of bytes, counted from an address with an alignment of at most 8, into the fewest pieces.
pub(super) fn pieces(from: u32, to: u32, align: u32) -> impl Iterator<Item = Piece> {
    let mut offset = from;
    std::iter::from_fn(move || {
        let fits =
            |width: &u32| *width <= align && offset.is_multiple_of(*width) && offset + width <= to;
        let width = [8, 4, 2, 1].into_iter().find(fits)?;
        let piece = Piece { offset, width };
        offset += width;
        Some(piece)
    })
}

/// What alignment an offset from an address aligned to 8 leaves.
pub(super) fn align_of(offset: u32) -> u32 {
    1 << offset.trailing_zeros().min(3)
}

/// Cuts a range into chunks that LLVM expands; its start is a multiple of the alignment.
fn chunks(from: u32, to: u32, align: u32) -> impl Iterator<Item = (u32, u32)> {
    let step = STORES_PER_CHUNK * align;
    (from..to).step_by(step as usize).map(move |offset| (offset, step.min(to - offset)))
}

/// Copies all bytes to an address with this alignment.
pub(super) fn copy<'ctx>(
    emitter: &Emitter<'ctx>,
    to: Pointer<'ctx>,
    from: Bytes<'_, 'ctx>,
    align: u32,
) {
    let align = align.min(from.align());
    match from {
        Bytes::At { pointer, size, .. } if size > BY_HAND => {
            let done = in_loop(emitter, 0..size, align, |offset| {
                let to = emitter.offset(to, offset);
                emitter.copy(to, emitter.offset(pointer, offset), STEP, align);
            });
            for (offset, part) in chunks(done, size, align) {
                emitter.copy(emitter.at(to, offset), emitter.at(pointer, offset), part, align);
            }
        }
        _ => {
            for piece in pieces(0, from.size(), align) {
                emitter.store(
                    emitter.at(to, piece.offset),
                    from.number(emitter, piece),
                    piece.width,
                );
            }
        }
    }
}

/// Zeroes a range of bytes counted from an address with this alignment.
pub(super) fn zero<'ctx>(
    emitter: &Emitter<'ctx>,
    to: Pointer<'ctx>,
    range: std::ops::Range<u32>,
    align: u32,
) {
    let by_hand = |from, end| {
        for piece in pieces(from, end, align) {
            emitter.store(
                emitter.at(to, piece.offset),
                emitter.int(piece.width * 8, 0),
                piece.width,
            );
        }
    };
    if range.end.saturating_sub(range.start) <= BY_HAND {
        return by_hand(range.start, range.end);
    }
    let aligned = range.start.next_multiple_of(align);
    by_hand(range.start, aligned);
    let done = in_loop(emitter, aligned..range.end, align, |offset| {
        emitter.clear(emitter.offset(to, offset), STEP, align);
    });
    for (offset, part) in chunks(done, range.end, align) {
        emitter.clear(emitter.at(to, offset), part, align);
    }
}

/// Does something every [`STEP`] bytes of a long range. What follows is in another block; the result is how far it got.
fn in_loop<'ctx>(
    emitter: &Emitter<'ctx>,
    range: std::ops::Range<u32>,
    align: u32,
    step: impl FnOnce(Int<'ctx>),
) -> u32 {
    let size = range.end.saturating_sub(range.start);
    if size <= BY_LOOP || STEP / align > STORES_PER_CHUNK {
        return range.start;
    }
    let end = range.end - size % STEP;
    let (before, again, after) = (emitter.here(), emitter.label(), emitter.label());
    let first = emitter.word(range.start.into());
    emitter.jump(again);
    emitter.enter(again);
    let offset = emitter.merge(&[(first, before)]);
    step(offset);
    // LLVM would compare addresses instead, of which the kernel's verifier does not know that they ever meet.
    let next = emitter.opaque(emitter.add(offset, emitter.word(STEP.into())));
    emitter.merge_more(offset, (next, emitter.here()));
    emitter.branch(emitter.less(next, emitter.word(end.into()), false), again, after);
    emitter.enter(after);
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(from: u32, to: u32, align: u32) -> Vec<(u32, u32)> {
        pieces(from, to, align).map(|piece| (piece.offset, piece.width)).collect()
    }

    #[test]
    fn pieces_are_aligned_and_few() {
        assert_eq!(cut(0, 13, 8), [(0, 8), (8, 4), (12, 1)]);
        assert_eq!(cut(5, 16, 8), [(5, 1), (6, 2), (8, 8)]);
        assert_eq!(cut(0, 6, 2), [(0, 2), (2, 2), (4, 2)]);
        assert_eq!(cut(3, 3, 8), []);
    }

    #[test]
    fn chunks_cover_the_range() {
        assert_eq!(chunks(16, 1050, 8).collect::<Vec<_>>(), [(16, 512), (528, 512), (1040, 10)]);
        assert_eq!(chunks(1, 100, 1).collect::<Vec<_>>(), [(1, 64), (65, 35)]);
    }

    #[test]
    fn offsets_keep_some_alignment() {
        assert_eq!([0, 1, 4, 6, 24, 12].map(align_of), [8, 1, 4, 2, 8, 4]);
    }
}
