//! Maps of plain values: reading, assigning, removing. Aggregations are in [`super::aggregate`].

use ebtrace_image as image;
use ebtrace_image::Storage;

use super::context::{Int, Pointer};
use super::expr::Operand;
use super::helper;
use super::memory::{self, Bytes};
use super::probe::Function;
use super::{Invariant, Lowered};
use crate::ir::{EventId, ExprId, LocalId, MapId};

/// `BPF_ANY`: whether the key is there or not.
const ANY: u64 = 0;

/// A map with the key at hand.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a, 'ctx> {
    pub(super) table: &'a image::Map,
    pub(super) map: Pointer<'ctx>,
    /// What the kernel knows it by.
    pub(super) key: Pointer<'ctx>,
    /// Where that is a digest: the map of whole keys, and this one.
    pub(super) names: Option<(Pointer<'ctx>, Pointer<'ctx>)>,
}

impl<'a, 'ctx> Function<'a, 'ctx> {
    /// Puts the key where a helper can read it; the one key of a scalar map is 0.
    pub(super) fn map_entry(
        &mut self,
        map: MapId,
        key: Option<ExprId>,
    ) -> Lowered<Entry<'a, 'ctx>> {
        let index = map.into_raw().into_u32();
        let (table, map) = self.unit.map(index)?;
        let key = match key {
            None => Operand::Scalar(self.emitter.int(32, 0)),
            Some(key) => self.operand(key)?,
        };
        let whole = self.in_memory(key)?;
        match self.unit.names(index) {
            None => Ok(Entry { table, map, key: whole, names: None }),
            Some(names) => {
                let key = self.digest(table, whole)?;
                Ok(Entry { table, map, key, names: Some((names, whole)) })
            }
        }
    }

    /// An address where a value can be read.
    fn in_memory(&mut self, operand: Operand<'_, 'ctx>) -> Lowered<Pointer<'ctx>> {
        match operand {
            Operand::Bytes(bytes) => Ok(self.readable(bytes)),
            Operand::Scalar(value) => {
                let slot = self.temporary(8);
                self.put(slot, 0, 8, Operand::Scalar(value))?;
                Ok(slot)
            }
        }
    }

    /// The address of the value, or null.
    pub(super) fn look_up(&mut self, entry: Entry<'_, 'ctx>) -> Lowered<Pointer<'ctx>> {
        self.unit.call_pointer(&helper::MAP_LOOKUP_ELEM, &[entry.map.into(), entry.key.into()])
    }

    /// Reads a value, zeros where there is none; returns whether there was one.
    pub(super) fn map_get(
        &mut self,
        map: MapId,
        key: Option<ExprId>,
        into: LocalId,
    ) -> Lowered<Int<'ctx>> {
        let entry = self.map_entry(map, key)?;
        let (to, size) = (self.local(into), self.size(self.func.locals[into].ty));
        match entry.table.storage {
            Storage::PerCpuHash | Storage::PerCpuLruHash | Storage::PerCpuArray => {
                return self.read_aggregate(map, entry, to);
            }
            Storage::Hash | Storage::LruHash | Storage::Array => {}
        }
        let emitter = self.emitter;
        let value = self.look_up(entry)?;
        let (there, missing, after) = (emitter.label(), emitter.label(), emitter.label());
        if entry.table.storage == Storage::Array {
            let look = emitter.label();
            emitter.branch(emitter.is_null(value), missing, look);
            emitter.enter(look);
            emitter.branch(emitter.is_zero(emitter.load(value, 64, 8)), missing, there);
        } else {
            emitter.branch(emitter.is_null(value), missing, there);
        }
        emitter.enter(there);
        let pointer = emitter.at(value, entry.table.value.offset);
        memory::copy(emitter, to, Bytes::At { pointer, size, align: 8 }, 8);
        let from_there = emitter.here();
        emitter.jump(after);
        emitter.enter(missing);
        memory::zero(emitter, to, 0..size, 8);
        let from_missing = emitter.here();
        emitter.jump(after);
        emitter.enter(after);
        Ok(emitter.merge(&[(emitter.bool(true), from_there), (emitter.bool(false), from_missing)]))
    }

    /// Assigns a value; says so where there is no room.
    pub(super) fn map_put(
        &mut self,
        map: MapId,
        key: Option<ExprId>,
        value: ExprId,
        full: EventId,
    ) -> Lowered<()> {
        let entry = self.map_entry(map, key)?;
        let value = self.operand(value)?;
        let emitter = self.emitter;
        match entry.table.storage {
            Storage::Hash | Storage::LruHash => {
                let value = self.in_memory(value)?;
                if entry.names.is_some() {
                    return self.put_named(entry, value, full);
                }
                let args =
                    [entry.map.into(), entry.key.into(), value.into(), emitter.word(ANY).into()];
                let result = self.unit.call_status(&helper::MAP_UPDATE_ELEM, &args)?;
                self.if_failed(result, full)
            }
            Storage::Array => {
                let slot = self.look_up(entry)?;
                let (there, after) = (emitter.label(), emitter.label());
                emitter.branch(emitter.is_null(slot), after, there);
                emitter.enter(there);
                emitter.store(slot, emitter.word(1), 8);
                let slice = &entry.table.value;
                self.put(slot, slice.offset, slice.shape.size(), value)?;
                emitter.jump(after);
                emitter.enter(after);
                Ok(())
            }
            Storage::PerCpuHash | Storage::PerCpuLruHash | Storage::PerCpuArray => {
                Err(Invariant(format!("{} takes no plain values", entry.table.name)))
            }
        }
    }

    /// Assigns a value to a key that the kernel knows by its digest.
    fn put_named(
        &mut self,
        entry: Entry<'_, 'ctx>,
        value: Pointer<'ctx>,
        full: EventId,
    ) -> Lowered<()> {
        let emitter = self.emitter;
        let known = self.look_up(entry)?;
        let (fresh, put, no_room, after) =
            (emitter.label(), emitter.label(), emitter.label(), emitter.label());
        let failed = |result| emitter.less(result, emitter.word(0), true);
        emitter.branch(emitter.is_null(known), fresh, put);
        emitter.enter(fresh);
        let written = self.write_name(entry)?.unwrap_or_else(|| emitter.word(0));
        let from_fresh = emitter.here();
        emitter.branch(failed(written), no_room, put);
        emitter.enter(put);
        let args = [entry.map.into(), entry.key.into(), value.into(), emitter.word(ANY).into()];
        let result = self.unit.call_status(&helper::MAP_UPDATE_ELEM, &args)?;
        let from_put = emitter.here();
        emitter.branch(failed(result), no_room, after);
        emitter.enter(no_room);
        let result = emitter.merge(&[(written, from_fresh), (result, from_put)]);
        self.drop_name(entry)?;
        self.unit.say_full(self.full_event(full)?, result, self.span)?;
        emitter.jump(after);
        emitter.enter(after);
        Ok(())
    }

    /// Says that a map had no room where a helper's result is negative.
    fn if_failed(&mut self, result: Int<'ctx>, full: EventId) -> Lowered<()> {
        let emitter = self.emitter;
        let (failed, after) = (emitter.label(), emitter.label());
        emitter.branch(emitter.less(result, emitter.word(0), true), failed, after);
        emitter.enter(failed);
        self.unit.say_full(self.full_event(full)?, result, self.span)?;
        emitter.jump(after);
        emitter.enter(after);
        Ok(())
    }

    /// Whether a key is there. A per-CPU map has it for all CPUs or none.
    pub(super) fn map_has(&mut self, map: MapId, key: ExprId) -> Lowered<Int<'ctx>> {
        let entry = self.map_entry(map, Some(key))?;
        let value = self.look_up(entry)?;
        Ok(self.emitter.not(self.emitter.is_null(value)))
    }

    /// Removes a key, or makes a scalar map unset; returns whether there was a value.
    pub(super) fn map_delete(&mut self, map: MapId, key: Option<ExprId>) -> Lowered<Int<'ctx>> {
        let entry = self.map_entry(map, key)?;
        let emitter = self.emitter;
        match entry.table.storage {
            Storage::Hash | Storage::LruHash | Storage::PerCpuHash | Storage::PerCpuLruHash => {
                self.drop_name(entry)?;
                let result = self
                    .unit
                    .call_status(&helper::MAP_DELETE_ELEM, &[entry.map.into(), entry.key.into()])?;
                Ok(emitter.is_zero(result))
            }
            Storage::Array => {
                let value = self.look_up(entry)?;
                let (before, there, after) = (emitter.here(), emitter.label(), emitter.label());
                emitter.branch(emitter.is_null(value), after, there);
                emitter.enter(there);
                let was_set = emitter.is_not_zero(emitter.load(value, 64, 8));
                memory::zero(emitter, value, 0..entry.table.value_size, 8);
                let there = emitter.here();
                emitter.jump(after);
                emitter.enter(after);
                Ok(emitter.merge(&[(emitter.bool(false), before), (was_set, there)]))
            }
            Storage::PerCpuArray => self.unset_aggregate(entry),
        }
    }
}
