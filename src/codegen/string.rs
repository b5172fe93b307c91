//! Comparing strings.

use super::Lowered;
use super::context::{Emitter, Int};
use super::memory::{self, Bytes};
use super::probe::Function;
use crate::ir::ExprId;

/// So many bytes are compared before it is asked whether they were equal.
const STRIDE: u32 = 64;

impl<'ctx> Function<'_, 'ctx> {
    /// Whether two strings are equal up to their NULs, or two values of another type in all their bytes.
    ///
    /// A string is zero from its NUL to its end, so it is enough to compare the bytes that both have, and to see
    /// that the longer one ends there. If the shorter one has a NUL among its bytes this last test is always true;
    /// if it fills its buffer it is the one that counts.
    ///
    /// Strides follow each other without a loop: the verifier takes them one by one, and each way out looks the
    /// same to it.
    pub(super) fn bytes_equal(&mut self, left: ExprId, right: ExprId) -> Lowered<Int<'ctx>> {
        let (left, right) = (self.bytes(left)?, self.bytes(right)?);
        let (short, long) = if left.size() <= right.size() { (left, right) } else { (right, left) };
        let emitter = self.emitter;
        let end = emitter.label();
        let mut ways = Vec::new();
        let mut from = 0;
        loop {
            let to = short.size().min(from + STRIDE);
            let mut difference = differences(emitter, short, long, from, to);
            if to == short.size() {
                if long.size() > to {
                    let next = long.number(emitter, memory::Piece { offset: to, width: 1 });
                    difference = emitter.or(difference, emitter.resize(next, 64, false));
                }
                ways.push((emitter.is_zero(difference), emitter.here()));
                emitter.jump(end);
                break;
            }
            let next = emitter.label();
            ways.push((emitter.bool(false), emitter.here()));
            emitter.branch(emitter.is_zero(difference), next, end);
            emitter.enter(next);
            from = to;
        }
        emitter.enter(end);
        Ok(emitter.merge(&ways))
    }
}

/// A number that is zero if both have the same bytes in a range.
fn differences<'ctx>(
    emitter: &Emitter<'ctx>,
    a: Bytes<'_, 'ctx>,
    b: Bytes<'_, 'ctx>,
    from: u32,
    to: u32,
) -> Int<'ctx> {
    memory::pieces(from, to, a.align().min(b.align())).fold(emitter.word(0), |difference, piece| {
        let here = emitter.xor(a.number(emitter, piece), b.number(emitter, piece));
        emitter.or(difference, emitter.resize(here, 64, false))
    })
}
