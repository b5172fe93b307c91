//! Sending to user space.

use super::expr::Operand;
use super::helper;
use super::memory;
use super::probe::Function;
use super::{Invariant, Lowered};
use crate::ir::EventId;

/// `BPF_RB_NO_WAKEUP`: user space looks by itself every now and then, which costs far less than being woken.
const NO_WAKEUP: u64 = 1;

impl<'ctx> Function<'_, 'ctx> {
    /// Sends an event with its values, or counts it as lost.
    pub(super) fn emit(&mut self, event: EventId, args: &[Operand<'_, 'ctx>]) -> Lowered<()> {
        let id = event.into_raw().into_u32();
        let unit = self.unit;
        let record = match unit.layout.image.events.get(id as usize) {
            Some(event) if event.record.fields.len() == args.len() => &event.record,
            _ => return Err(Invariant(format!("event {id} has another record"))),
        };
        let ring = unit.maps.events.ok_or_else(|| Invariant("no ring buffer".to_owned()))?;
        let emitter = self.emitter;
        let size = emitter.word(u64::from(record.size));
        let slot = self.call_pointer(
            &helper::RINGBUF_RESERVE,
            &[ring.into(), size.into(), emitter.word(0).into()],
        )?;
        let (lost, room, after) = (emitter.label(), emitter.label(), emitter.label());
        emitter.branch(emitter.is_null(slot), lost, room);
        emitter.enter(lost);
        self.count_lost()?;
        emitter.jump(after);
        emitter.enter(room);
        emitter.store(slot, emitter.word(u64::from(id)), 8);
        let mut end = 8;
        for (field, &arg) in record.fields.iter().zip(args) {
            // What is not written would show old content of the buffer.
            memory::zero(emitter, slot, end..field.offset, 8);
            end = field.offset + field.shape.size();
            self.put(slot, field.offset, field.shape.size(), arg)?;
        }
        memory::zero(emitter, slot, end..record.size, 8);
        self.call(&helper::RINGBUF_SUBMIT, &[slot.into(), emitter.word(NO_WAKEUP).into()])?;
        emitter.jump(after);
        emitter.enter(after);
        Ok(())
    }

    fn count_lost(&mut self) -> Lowered<()> {
        let map =
            self.unit.maps.lost.ok_or_else(|| Invariant("no map of lost events".to_owned()))?;
        let counter = self.entry_of(map)?;
        let emitter = self.emitter;
        let (add, after) = (emitter.label(), emitter.label());
        emitter.branch(emitter.is_null(counter), after, add);
        emitter.enter(add);
        emitter.store(counter, emitter.add(emitter.load(counter, 64, 8), emitter.word(1)), 8);
        emitter.jump(after);
        emitter.enter(after);
        Ok(())
    }
}
