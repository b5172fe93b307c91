//! Sending to user space.

use ebtrace_image as image;

use super::context::{Emitter, Int, Pointer};
use super::expr::Operand;
use super::helper;
use super::memory;
use super::probe::{Function, Unit};
use super::{Invariant, Lowered};
use crate::ir::{EventId, ProgramType};
use crate::source::Span;

/// `BPF_RB_NO_WAKEUP`: user space looks by itself every now and then, which costs far less than being woken.
const NO_WAKEUP: u64 = 1;

/// `BPF_F_CURRENT_CPU`, and where among the flags the number of the packet's bytes stands.
const CURRENT_CPU: u64 = 0xffff_ffff;
const LENGTH_SHIFT: u64 = 32;
/// `-ENOSPC`
const NO_ROOM: i64 = -28;

impl<'ctx> Unit<'_, 'ctx> {
    /// The record of an event with so many fields.
    pub(super) fn record(&self, event: EventId, fields: usize) -> Lowered<&image::Record> {
        let id = event.into_raw().into_u32();
        match self.layout.image.events.get(id as usize) {
            Some(event) if event.record.fields.len() == fields => Ok(&event.record),
            _ => Err(Invariant(format!("event {id} has another record"))),
        }
    }

    /// Sends a record of so many bytes that begins with the event's number, or counts it as lost.
    pub(super) fn send(
        &self,
        size: u32,
        event: Int<'ctx>,
        span: Span,
        fill: impl FnOnce(Pointer<'ctx>) -> Lowered<()>,
    ) -> Lowered<()> {
        let emitter = self.emitter;
        let args =
            [self.maps.events.into(), emitter.word(u64::from(size)).into(), emitter.word(0).into()];
        let slot = self.call_pointer(&helper::RINGBUF_RESERVE, &args)?;
        let (lost, room, after) = (emitter.label(), emitter.label(), emitter.label());
        emitter.branch(emitter.is_null(slot), lost, room);
        emitter.enter(lost);
        self.count_lost(event, span)?;
        emitter.jump(after);
        emitter.enter(room);
        emitter.store(slot, event, 8);
        fill(slot)?;
        self.call(&helper::RINGBUF_SUBMIT, &[slot.into(), emitter.word(NO_WAKEUP).into()])?;
        emitter.jump(after);
        emitter.enter(after);
        Ok(())
    }
}

impl<'ctx> Function<'_, 'ctx> {
    /// Sends an event with its values, or counts it as lost.
    pub(super) fn emit(&mut self, event: EventId, args: &[Operand<'_, 'ctx>]) -> Lowered<()> {
        if self.program_type() == Some(ProgramType::Iterator) {
            return self.write_event(event, args);
        }
        if self.program_type() == Some(ProgramType::TextIterator) {
            return self.write_text(event, args);
        }
        let record = self.unit.record(event, args.len())?;
        let id = number(self.emitter, event);
        self.unit.send(record.size, id, self.span, |slot| self.fill(record, slot, args))
    }

    /// Sends an event with its values, and a packet behind them: what the kernel says to it. Counts it as lost where there
    /// is no room.
    pub(super) fn send_packet(
        &mut self,
        event: EventId,
        args: &[Operand<'_, 'ctx>],
        (packet, length): (Int<'ctx>, Int<'ctx>),
    ) -> Lowered<Int<'ctx>> {
        let emitter = self.emitter;
        let map =
            self.unit.maps.packets.ok_or_else(|| Invariant("no map of packets".to_owned()))?;
        let (record, id) = (self.unit.record(event, args.len())?, number(emitter, event));
        let slot = self.temporary(record.size);
        emitter.store(slot, id, 8);
        self.fill(record, slot, args)?;
        let length = emitter.shift_left(length, emitter.word(LENGTH_SHIFT));
        let flags = emitter.or(length, emitter.word(CURRENT_CPU));
        let size = emitter.word(record.size.into());
        let args = [packet.into(), map.into(), flags.into(), slot.into(), size.into()];
        let result = self.unit.call_status(&helper::SKB_OUTPUT, &args)?;
        let (lost, after) = (emitter.label(), emitter.label());
        let no_room = emitter.word(NO_ROOM.cast_unsigned());
        emitter.branch(emitter.equal(result, no_room), lost, after);
        emitter.enter(lost);
        self.unit.count_lost(id, self.span)?;
        emitter.jump(after);
        emitter.enter(after);
        Ok(result)
    }

    /// Puts the values of an event behind its number.
    pub(super) fn fill(
        &self,
        record: &image::Record,
        slot: Pointer<'ctx>,
        args: &[Operand<'_, 'ctx>],
    ) -> Lowered<()> {
        let mut end = NUMBER_SIZE;
        for (field, &arg) in record.fields.iter().zip(args) {
            // What is not written would show old content of the buffer.
            memory::zero(self.emitter, slot, end..field.offset, 8);
            end = field.offset + field.shape.size();
            self.put(slot, field.offset, field.shape.size(), arg)?;
        }
        memory::zero(self.emitter, slot, end..record.size, 8);
        Ok(())
    }

    /// The number of the event that says that a map had no room; its one field is a helper's result.
    pub(super) fn full_event(&self, event: EventId) -> Lowered<Int<'ctx>> {
        let record = self.unit.record(event, 1)?;
        match record.fields[..] {
            [image::Slot { offset: FULL_OFFSET, .. }] if record.size == FULL_SIZE => {
                Ok(number(self.emitter, event))
            }
            _ => Err(Invariant("a failure carries one int64 behind its number".to_owned())),
        }
    }
}

/// Bytes of an event's number, with which its record begins.
pub(super) const NUMBER_SIZE: u32 = 8;

/// The number of an event.
pub(super) fn number<'ctx>(emitter: &Emitter<'ctx>, event: EventId) -> Int<'ctx> {
    emitter.word(u64::from(event.into_raw().into_u32()))
}

/// Where the one field of a map's failure is, and the size of its record: all programs share the code that sends it.
pub(super) const FULL_OFFSET: u32 = 8;
pub(super) const FULL_SIZE: u32 = 16;
