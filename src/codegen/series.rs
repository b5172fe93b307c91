//! Numbers kept by time: every CPU has a ring of intervals for itself.

use ebtrace_image::{Aggregate, Fold, SERIES_WORDS};

use super::context::{Int, Pointer};
use super::probe::Function;

impl<'ctx> Function<'_, 'ctx> {
    /// Adds a number to the interval that a time is in; an older interval in its place is forgotten.
    pub(super) fn add_to_series(
        &mut self,
        aggregate: &Aggregate,
        part: Pointer<'ctx>,
        number: Int<'ctx>,
        time: Int<'ctx>,
    ) {
        let &Aggregate::Series { interval, count, fold, signed } = aggregate else { return };
        let emitter = self.emitter;
        let epoch = emitter.div(time, emitter.word(interval));
        let places = emitter.word(count.into());
        // The verifier does not follow what a remainder is at most.
        let place = emitter.opaque(emitter.rem(epoch, places));
        let (within, after) = (emitter.label(), emitter.label());
        emitter.branch(emitter.less(place, places, false), within, after);
        emitter.enter(within);
        let slot =
            emitter.offset(part, emitter.mul(place, emitter.word(u64::from(SERIES_WORDS) * 8)));
        let word = |offset| emitter.at(slot, offset);
        let stale = emitter.not(emitter.equal(emitter.load(word(16), 64, 8), epoch));
        let fresh = |value| emitter.select(stale, emitter.word(0), value);
        let (before, many) =
            (fresh(emitter.load(word(0), 64, 8)), fresh(emitter.load(word(8), 64, 8)));
        let one_more = emitter.add(many, emitter.word(1));
        let (value, many) = match fold {
            Fold::Last => (number, time),
            Fold::Avg | Fold::Sum => (emitter.add(before, number), one_more),
            Fold::Min | Fold::Max => {
                (self.better(fold == Fold::Min, signed, (before, many), number), one_more)
            }
        };
        for (offset, value) in [(0, value), (8, many), (16, epoch)] {
            emitter.store(word(offset), value, 8);
        }
        emitter.jump(after);
        emitter.enter(after);
    }
}
