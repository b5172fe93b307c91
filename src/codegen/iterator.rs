//! What programs of iterators send: written into the iterator, which whoever reads it gets in order and whole.

use ebtrace_image as image;

use super::context::{Int, Pointer};
use super::event;
use super::expr::Operand;
use super::helper;
use super::memory::{self, Bytes};
use super::probe::Function;
use super::{Invariant, Lowered};
use crate::ir::text::{self, Bit, Kind};
use crate::ir::{EventId, ProgramType};

/// Records of at most so many bytes are put together on the stack.
const RECORD_ON_STACK: u32 = 64;

impl<'ctx> Function<'_, 'ctx> {
    /// How the kernel runs the program that this is a part of.
    pub(super) fn program_type(&self) -> Option<ProgramType> {
        Some(self.unit.program.probes.get(self.index as usize)?.program)
    }

    /// Writes an event with its values: the same bytes as in the ring buffer.
    pub(super) fn write_event(
        &mut self,
        event: EventId,
        args: &[Operand<'_, 'ctx>],
    ) -> Lowered<()> {
        let record = self.unit.record(event, args.len())?;
        if record.size <= RECORD_ON_STACK {
            let slot = self.temporary(record.size);
            self.emitter.store(slot, event::number(self.emitter, event), 8);
            self.fill(record, slot, args)?;
            return self.write(slot, record.size);
        }
        let number = self.emitter.momentary(8);
        self.emitter.store(number, event::number(self.emitter, event), 8);
        self.write(number, event::NUMBER_SIZE)?;
        let mut end = event::NUMBER_SIZE;
        for (field, &arg) in record.fields.iter().zip(args) {
            self.write_zeros(field.offset - end)?;
            self.write_field(field, arg)?;
            end = field.offset + field.shape.size();
        }
        self.write_zeros(record.size - end)
    }

    fn write_field(&mut self, field: &image::Slot, arg: Operand<'_, 'ctx>) -> Lowered<()> {
        let size = field.shape.size();
        match arg {
            Operand::Scalar(_) => {
                let slot = self.emitter.momentary(8);
                self.put(slot, 0, size, arg)?;
                self.write(slot, size)
            }
            Operand::Bytes(bytes) => {
                let pointer = self.readable(bytes);
                let there = bytes.size().min(size);
                self.write(pointer, there)?;
                self.write_zeros(size - there)
            }
        }
    }

    fn write_zeros(&mut self, size: u32) -> Lowered<()> {
        let zeros = if size <= 8 {
            let zeros = self.emitter.momentary(8);
            memory::zero(self.emitter, zeros, 0..size, 8);
            zeros
        } else {
            self.emitter.constant(&vec![0; size as usize])
        };
        self.write(zeros, size)
    }

    /// Writes bytes. Where they do not fit any more, the kernel forgets what was written about this object, and runs
    /// the program again for it once there is room.
    pub(super) fn write(&self, bytes: Pointer<'ctx>, size: u32) -> Lowered<()> {
        if size > 0 {
            let size = self.emitter.word(u64::from(size));
            let args = [self.sequence().into(), bytes.into(), size.into()];
            self.unit.call(&helper::SEQ_WRITE, &args)?;
        }
        Ok(())
    }

    /// Writes what an event would be shown as.
    pub(super) fn write_text(&mut self, event: EventId, args: &[Operand<'_, 'ctx>]) -> Lowered<()> {
        let record = self.unit.record(event, args.len())?;
        let shapes: Vec<image::Shape> =
            record.fields.iter().map(|field| field.shape.clone()).collect();
        let bits = text::of(&self.unit.program.events[event].action, &shapes)
            .map_err(|what| Invariant(format!("the kernel cannot write {what}")))?;
        for bit in bits {
            match bit {
                Bit::Plain(text) => {
                    self.write(self.emitter.constant(&text), text.len() as u32)?;
                }
                Bit::Value { field, offset, kind, format } => {
                    let word = self.shown(args[field], offset, kind)?;
                    self.write_value(&format, word)?;
                }
            }
        }
        Ok(())
    }

    /// A value as the kernel's `printf` takes it.
    fn shown(&mut self, arg: Operand<'_, 'ctx>, offset: u32, kind: Kind) -> Lowered<Int<'ctx>> {
        let emitter = self.emitter;
        let read = |size: u8| match arg {
            Operand::Scalar(value) => value,
            Operand::Bytes(bytes) => {
                // Parts of C structs may stand anywhere.
                let width = u32::from(size);
                bytes.number(emitter, memory::Piece { offset, width })
            }
        };
        Ok(match kind {
            Kind::Number { from: (size, signed), to: (cut, sign) } => {
                let number = emitter.resize(read(size), 64, signed);
                emitter.resize(emitter.resize(number, u32::from(cut) * 8, signed), 64, sign)
            }
            Kind::Truth => {
                let [yes, no] =
                    [&b"true\0"[..], b"false\0"].map(|word| emitter.number(emitter.constant(word)));
                emitter.select(emitter.is_not_zero(read(1)), yes, no)
            }
            Kind::Text => match arg {
                Operand::Bytes(Bytes::At { pointer, .. }) => {
                    emitter.number(emitter.at(pointer, offset))
                }
                Operand::Bytes(Bytes::Constant(bytes)) => {
                    let text = bytes.get(offset as usize..).unwrap_or_default();
                    emitter.number(emitter.constant(&[text, &[0]].concat()))
                }
                Operand::Scalar(_) => return Err(Invariant("text in a register".to_owned())),
            },
        })
    }

    fn write_value(&mut self, format: &str, word: Int<'ctx>) -> Lowered<()> {
        let emitter = self.emitter;
        let format = format!("{format}\0");
        let slot = emitter.momentary(8);
        emitter.store(slot, word, 8);
        let args = [
            self.sequence().into(),
            emitter.constant(format.as_bytes()).into(),
            emitter.word(format.len() as u64).into(),
            slot.into(),
            emitter.word(8).into(),
        ];
        self.unit.call(&helper::SEQ_PRINTF, &args)?;
        Ok(())
    }

    /// Where the kernel keeps what is written: the first member of the first thing in the context.
    pub(super) fn sequence(&self) -> Pointer<'ctx> {
        self.emitter.load_pointer(self.emitter.load_pointer(self.context))
    }
}
