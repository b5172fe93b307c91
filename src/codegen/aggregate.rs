//! Aggregations: every CPU adds to its own part without locks; reading merges the parts.

use ebtrace_image::{Aggregate, Storage};

use super::access::Entry;
use super::arithmetic;
use super::context::{Int, Pointer};
use super::helper;
use super::memory;
use super::probe::Function;
use super::{Invariant, Lowered};
use crate::ir::{EventId, ExprId, MapId};
use crate::types::Type;

/// Merges the parts of all CPUs: two numbers, whose meaning depends on the aggregation, and whether anything was set.
struct Merged<'ctx> {
    first: Pointer<'ctx>,
    second: Pointer<'ctx>,
    set: Pointer<'ctx>,
}

impl<'ctx> Function<'_, 'ctx> {
    fn aggregate(&self, map: MapId) -> Lowered<Aggregate> {
        match self.unit.program.types.get(self.unit.program.maps[map].value) {
            Type::Aggregate(aggregate) => Ok(*aggregate),
            _ => Err(Invariant(format!("@{} is no aggregation", self.unit.program.maps[map].name))),
        }
    }

    // Adding.

    /// Adds to this CPU's part; says so where there is no room for a new key.
    pub(super) fn map_add(
        &mut self,
        (map, key): (MapId, Option<ExprId>),
        (value, time): (Option<ExprId>, Option<ExprId>),
        full: EventId,
    ) -> Lowered<()> {
        let aggregate = self.aggregate(map)?;
        let entry = self.map_entry(map, key)?;
        let value = match value {
            Some(value) => self.scalar(value)?,
            None => self.emitter.word(1),
        };
        let time = time.map(|time| self.scalar(time)).transpose()?;
        let emitter = self.emitter;
        let found = self.look_up(entry)?;
        let (there, missing, after) = (emitter.label(), emitter.label(), emitter.label());
        let mut parts = vec![(found, emitter.here())];
        emitter.branch(emitter.is_null(found), missing, there);
        emitter.enter(missing);
        if matches!(entry.table.storage, Storage::PerCpuHash | Storage::PerCpuLruHash) {
            let (index, event) = (map.into_raw().into_u32(), self.full_event(full)?);
            let no_room = if entry.names.is_some() { emitter.label() } else { after };
            if let Some(written) = self.write_name(entry)? {
                let (unwritten, goes_on) = (emitter.label(), emitter.label());
                let failed = emitter.less(written, emitter.word(0), true);
                emitter.branch(failed, unwritten, goes_on);
                emitter.enter(unwritten);
                self.unit.say_full(event, written, self.span)?;
                emitter.jump(after);
                emitter.enter(goes_on);
            }
            let inserted = self.unit.insert(index, entry.key, event, self.span)?;
            parts.push((inserted, emitter.here()));
            emitter.branch(emitter.is_null(inserted), no_room, there);
            if entry.names.is_some() {
                emitter.enter(no_room);
                self.drop_name(entry)?;
                emitter.jump(after);
            }
        } else {
            emitter.jump(after);
        }
        emitter.enter(there);
        let part = emitter.merge_pointers(&parts);
        let part = if entry.table.side_by_side {
            let cpu = self.unit.call(&helper::GET_SMP_PROCESSOR_ID, &[])?;
            let within = emitter.label();
            let cpus = emitter.word(self.unit.target.possible_cpus.into());
            // The verifier does not know how many there are.
            let cpu = emitter.opaque(cpu);
            emitter.branch(emitter.less(cpu, cpus, false), within, after);
            emitter.enter(within);
            self.side_of(entry, part, cpu)
        } else {
            part
        };
        if entry.table.value.offset > 0 {
            emitter.store(part, emitter.word(1), 8);
        }
        let part = emitter.at(part, entry.table.value.offset);
        match (aggregate, time) {
            (Aggregate::Series { .. }, Some(time)) => {
                self.add_to_series(&aggregate, part, value, time)
            }
            _ => self.add_to(&aggregate, part, value),
        }
        emitter.jump(after);
        emitter.enter(after);
        Ok(())
    }

    fn add_to(&mut self, aggregate: &Aggregate, part: Pointer<'ctx>, value: Int<'ctx>) {
        let emitter = self.emitter;
        let word = |offset| emitter.load(emitter.at(part, offset), 64, 8);
        let increase =
            |pointer, by| emitter.store(pointer, emitter.add(emitter.load(pointer, 64, 8), by), 8);
        match aggregate {
            Aggregate::Count | Aggregate::Sum { .. } => increase(part, value),
            Aggregate::Avg { .. } | Aggregate::Stats { .. } => {
                increase(part, value);
                increase(emitter.at(part, 8), emitter.word(1));
            }
            Aggregate::Min { signed } | Aggregate::Max { signed } => {
                let least = matches!(aggregate, Aggregate::Min { .. });
                let best = self.better(least, *signed, (word(0), word(8)), value);
                emitter.store(part, best, 8);
                emitter.store(emitter.at(part, 8), emitter.word(1), 8);
            }
            Aggregate::Series { .. } => {}
            Aggregate::Hist { .. } | Aggregate::Lhist { .. } => {
                let bucket = emitter.opaque(value);
                let (within, after) = (emitter.label(), emitter.label());
                let buckets = emitter.word(u64::from(aggregate.words()));
                emitter.branch(emitter.less(bucket, buckets, false), within, after);
                emitter.enter(within);
                let offset = emitter.shift_left(bucket, emitter.word(3));
                increase(emitter.offset(part, offset), emitter.word(1));
                emitter.jump(after);
                emitter.enter(after);
            }
        }
    }

    /// The lesser or greater of what is there, if it is set, and a new value.
    pub(super) fn better(
        &self,
        least: bool,
        signed: bool,
        old: (Int<'ctx>, Int<'ctx>),
        new: Int<'ctx>,
    ) -> Int<'ctx> {
        let emitter = self.emitter;
        let (old, set) = old;
        let beats =
            if least { emitter.less(new, old, signed) } else { emitter.less(old, new, signed) };
        emitter.select(emitter.or(emitter.is_zero(set), beats), new, old)
    }

    // Reading.

    /// Merges all CPUs' parts into a number of 64 bits, for `stats` three of them; returns whether there was anything.
    pub(super) fn read_aggregate(
        &mut self,
        map: MapId,
        entry: Entry<'_, 'ctx>,
        to: Pointer<'ctx>,
    ) -> Lowered<Int<'ctx>> {
        let aggregate = self.aggregate(map)?;
        if matches!(
            aggregate,
            Aggregate::Hist { .. } | Aggregate::Lhist { .. } | Aggregate::Series { .. }
        ) {
            return Err(Invariant(format!("{} is read as one number", entry.table.name)));
        }
        let zero = self.emitter.word(0);
        let merged = Merged {
            first: self.variable(zero),
            second: self.variable(zero),
            set: self.variable(zero),
        };
        self.for_each_cpu(entry, |function, part| {
            function.merge_part(&aggregate, entry, part, &merged)
        })?;
        let emitter = self.emitter;
        let value = |pointer| emitter.load(pointer, 64, 8);
        let average =
            |signed| arithmetic::divide(emitter, value(merged.first), value(merged.second), signed);
        match aggregate {
            Aggregate::Avg { signed } => emitter.store(to, average(signed), 8),
            Aggregate::Stats { signed } => {
                let words = [value(merged.second), average(signed), value(merged.first)];
                for (offset, word) in (0..).step_by(8).zip(words) {
                    emitter.store(emitter.at(to, offset), word, 8);
                }
            }
            _ => emitter.store(to, value(merged.first), 8),
        }
        Ok(emitter.is_not_zero(value(merged.set)))
    }

    fn merge_part(
        &mut self,
        aggregate: &Aggregate,
        entry: Entry<'_, 'ctx>,
        part: Pointer<'ctx>,
        merged: &Merged<'ctx>,
    ) {
        let emitter = self.emitter;
        let words = entry.table.value.offset;
        let word = |offset| emitter.load(emitter.at(part, offset), 64, 8);
        let join = |pointer, with, operation: &dyn Fn(Int<'ctx>, Int<'ctx>) -> Int<'ctx>| {
            emitter.store(pointer, operation(emitter.load(pointer, 64, 8), with), 8);
        };
        // A key is there for all CPUs or none; a scalar map may be set on some.
        let set = if words > 0 { word(0) } else { emitter.word(1) };
        join(merged.set, set, &|a, b| emitter.or(a, b));
        match aggregate {
            Aggregate::Min { signed } | Aggregate::Max { signed } => {
                let least = matches!(aggregate, Aggregate::Min { .. });
                let (new, new_set) = (word(words), word(words + 8));
                let old = emitter.load(merged.first, 64, 8);
                let best =
                    self.better(least, *signed, (old, emitter.load(merged.second, 64, 8)), new);
                emitter.store(merged.first, emitter.select(emitter.is_zero(new_set), old, best), 8);
                join(merged.second, new_set, &|a, b| emitter.or(a, b));
            }
            _ => {
                join(merged.first, word(words), &|a, b| emitter.add(a, b));
                if matches!(aggregate, Aggregate::Avg { .. } | Aggregate::Stats { .. }) {
                    join(merged.second, word(words + 8), &|a, b| emitter.add(a, b));
                }
            }
        }
    }

    /// A CPU's part of a value that has those of all.
    fn side_of(&self, entry: Entry<'_, 'ctx>, all: Pointer<'ctx>, cpu: Int<'ctx>) -> Pointer<'ctx> {
        let emitter = self.emitter;
        let stride = emitter.word(entry.table.value_size.into());
        emitter.offset(all, emitter.mul(cpu, stride))
    }

    /// Makes a scalar aggregation unset on all CPUs; returns whether it was set on any.
    pub(super) fn unset_aggregate(&mut self, entry: Entry<'_, 'ctx>) -> Lowered<Int<'ctx>> {
        if entry.table.side_by_side {
            return self.unset_side_by_side(entry);
        }
        let set = self.variable(self.emitter.word(0));
        self.for_each_cpu(entry, |function, part| {
            let emitter = function.emitter;
            emitter.store(set, emitter.or(emitter.load(set, 64, 8), emitter.load(part, 64, 8)), 8);
            memory::zero(emitter, part, 0..entry.table.value_size, 8);
        })?;
        Ok(self.emitter.is_not_zero(self.emitter.load(set, 64, 8)))
    }

    fn unset_side_by_side(&mut self, entry: Entry<'_, 'ctx>) -> Lowered<Int<'ctx>> {
        let emitter = self.emitter;
        let all = self.look_up(entry)?;
        let (before, there, after) = (emitter.here(), emitter.label(), emitter.label());
        emitter.branch(emitter.is_null(all), after, there);
        emitter.enter(there);
        let mut set = emitter.word(0);
        for cpu in 0..self.unit.target.possible_cpus {
            let part = self.side_of(entry, all, emitter.word(cpu.into()));
            set = emitter.or(set, emitter.load(part, 64, 8));
        }
        let set = emitter.is_not_zero(set);
        let zeros = self.unit.zeros(entry.table);
        let args = [entry.map.into(), entry.key.into(), zeros.into(), emitter.word(0).into()];
        self.unit.call_status(&helper::MAP_UPDATE_ELEM, &args)?;
        let there = emitter.here();
        emitter.jump(after);
        emitter.enter(after);
        Ok(emitter.merge(&[(emitter.bool(false), before), (set, there)]))
    }

    /// A loop over the parts of all CPUs, which ends at the first that is not there.
    fn for_each_cpu(
        &mut self,
        entry: Entry<'_, 'ctx>,
        mut visit: impl FnMut(&mut Self, Pointer<'ctx>),
    ) -> Lowered<()> {
        let emitter = self.emitter;
        let cpu = self.variable(emitter.word(0));
        let (head, body, after) = (emitter.label(), emitter.label(), emitter.label());
        emitter.jump(head);
        emitter.enter(head);
        let number = emitter.load(cpu, 64, 8);
        let args = [entry.map.into(), entry.key.into(), number.into()];
        let part = self.unit.call_pointer(&helper::MAP_LOOKUP_PERCPU_ELEM, &args)?;
        emitter.branch(emitter.is_null(part), after, body);
        emitter.enter(body);
        visit(self, part);
        let next = emitter.add(number, emitter.word(1));
        emitter.store(cpu, next, 8);
        let cpus = emitter.word(u64::from(self.unit.target.possible_cpus));
        emitter.branch(emitter.less(next, cpus, false), head, after);
        emitter.enter(after);
        Ok(())
    }
}
