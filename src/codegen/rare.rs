//! What programs rarely come to: a new key, a full map, a full ring buffer.
//!
//! Each statement that may meet one would repeat some twenty instructions, and most of the time that LLVM takes
//! would go there. What is needed in several places becomes a function of its own, once for the whole object; what
//! is needed in one or two stays where it is, which costs LLVM less.

use std::cell::RefCell;
use std::collections::HashMap;

use inkwell::values::FunctionValue;

use super::context::{Int, Pointer};
use super::event;
use super::helper;
use super::memory;
use super::probe::Unit;
use super::{Invariant, Lowered};
use crate::ir::{Block, Program, StmtKind, blocks_of};
use crate::source::Span;

/// `BPF_NOEXIST`: only where the key is not there.
const NO_EXIST: u64 = 1;
/// Initial values of at most so many bytes are built on the stack.
const VALUE_ON_STACK: u32 = 32;
/// From so many places on, a function is worth its cost.
const WORTH_A_FUNCTION: u32 = 3;

/// What may become a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Rare {
    /// `int ebt_lost_event(unsigned long long event)`: counts an event that found no room.
    Lost,
    /// `int ebt_full(unsigned long long event, long long result)`: says that a map had no
    /// room.
    Full,
    /// `void *ebt_insert_N(void *key, unsigned long long event)`: makes a new key of an
    /// aggregation, all zeros, and returns its value. Null where there is no room, which it says.
    Insert(u32),
}

/// From how many places each is needed, and the functions that exist already.
#[derive(Default)]
pub(super) struct Functions<'ctx> {
    places: HashMap<Rare, u32>,
    made: RefCell<HashMap<Rare, FunctionValue<'ctx>>>,
}

impl Functions<'_> {
    /// Counts the places in a program.
    pub(super) fn plan(program: &Program) -> Self {
        let mut functions = Functions::default();
        program.probes.iter().for_each(|probe| functions.count(&probe.func.body));
        program.functions.iter().for_each(|(_, function)| functions.count(&function.func.body));
        let inserts = program
            .maps
            .iter()
            .map(|(id, _)| functions.places(Rare::Insert(id.into_raw().into_u32())));
        let inserts: u32 = inserts.sum();
        *functions.places.entry(Rare::Full).or_default() += inserts;
        let full = functions.places(Rare::Full);
        *functions.places.entry(Rare::Lost).or_default() += full;
        functions
    }

    fn count(&mut self, block: &Block) {
        for stmt in &block.stmts {
            let what = match &stmt.kind {
                StmtKind::MapAdd { map, key: Some(_), .. } => {
                    Rare::Insert(map.into_raw().into_u32())
                }
                StmtKind::MapPut { key: Some(_), .. } => Rare::Full,
                StmtKind::Emit { .. } | StmtKind::SendPacket { .. } => Rare::Lost,
                kind => {
                    blocks_of(kind).into_iter().for_each(|inner| self.count(inner));
                    continue;
                }
            };
            *self.places.entry(what).or_default() += 1;
        }
    }

    /// In how many places the code stands.
    fn places(&self, what: Rare) -> u32 {
        let places = self.places.get(&what).copied().unwrap_or(0);
        if places >= WORTH_A_FUNCTION { 1 } else { places }
    }
}

impl<'ctx> Unit<'_, 'ctx> {
    /// Counts an event that found no room.
    pub(super) fn count_lost(&self, event: Int<'ctx>, span: Span) -> Lowered<()> {
        match self.function(Rare::Lost, span)? {
            Some(lost) => self.emitter.call_own(lost, &[event.into()]),
            None => return self.lost_here(event),
        };
        Ok(())
    }

    fn lost_here(&self, event: Int<'ctx>) -> Lowered<()> {
        let emitter = self.emitter;
        let map = self.maps.lost;
        let key = emitter.momentary(8);
        emitter.store(key, emitter.resize(event, 32, false), 4);
        let counter = self.call_pointer(&helper::MAP_LOOKUP_ELEM, &[map.into(), key.into()])?;
        let (add, after) = (emitter.label(), emitter.label());
        emitter.branch(emitter.is_null(counter), after, add);
        emitter.enter(add);
        emitter.store(counter, emitter.add(emitter.load(counter, 64, 8), emitter.word(1)), 8);
        emitter.jump(after);
        emitter.enter(after);
        Ok(())
    }

    /// Says that a map had no room.
    pub(super) fn say_full(&self, event: Int<'ctx>, result: Int<'ctx>, span: Span) -> Lowered<()> {
        match self.function(Rare::Full, span)? {
            Some(full) => self.emitter.call_own(full, &[event.into(), result.into()]),
            None => return self.full_here(event, result, span),
        };
        Ok(())
    }

    fn full_here(&self, event: Int<'ctx>, result: Int<'ctx>, span: Span) -> Lowered<()> {
        self.send(event::FULL_SIZE, event, span, |slot| {
            self.emitter.store(self.emitter.at(slot, event::FULL_OFFSET), result, 8);
            Ok(())
        })
    }

    /// Makes a new key in a map; null where there is no room.
    pub(super) fn insert(
        &self,
        map: u32,
        key: Pointer<'ctx>,
        event: Int<'ctx>,
        span: Span,
    ) -> Lowered<Pointer<'ctx>> {
        match self.function(Rare::Insert(map), span)? {
            Some(insert) => {
                let value = self.emitter.call_own(insert, &[key.into(), event.into()]);
                Ok(value.into_pointer_value())
            }
            None => self.insert_here(map, key, event, span),
        }
    }

    /// Zeros as large as a whole value of a map, where that is too large for the stack.
    pub(super) fn zeros(&self, table: &ebtrace_image::Map) -> Pointer<'ctx> {
        let parts = if table.side_by_side { self.target.possible_cpus } else { 1 };
        self.emitter.constant(&vec![0; table.value_size as usize * parts as usize])
    }

    fn insert_here(
        &self,
        map: u32,
        key: Pointer<'ctx>,
        event: Int<'ctx>,
        span: Span,
    ) -> Lowered<Pointer<'ctx>> {
        let emitter = self.emitter;
        let (table, pointer) = self.map(map)?;
        let zeros = if table.value_size <= VALUE_ON_STACK {
            let initial = emitter.momentary(VALUE_ON_STACK);
            memory::zero(emitter, initial, 0..table.value_size, 8);
            initial
        } else {
            self.zeros(table)
        };
        let args = [pointer.into(), key.into(), zeros.into(), emitter.word(NO_EXIST).into()];
        let result = self.call_status(&helper::MAP_UPDATE_ELEM, &args)?;
        // Another CPU may have been first, which is as good.
        let value = self.call_pointer(&helper::MAP_LOOKUP_ELEM, &[pointer.into(), key.into()])?;
        let (no_room, after) = (emitter.label(), emitter.label());
        emitter.branch(emitter.is_null(value), no_room, after);
        emitter.enter(no_room);
        self.say_full(event, result, span)?;
        emitter.jump(after);
        emitter.enter(after);
        Ok(value)
    }

    /// The function, if it is worth one: made where it is first needed, with the lines of that statement.
    fn function(&self, what: Rare, span: Span) -> Lowered<Option<FunctionValue<'ctx>>> {
        if self.rare.places.get(&what).copied().unwrap_or(0) < WORTH_A_FUNCTION {
            return Ok(None);
        }
        let made = self.rare.made.borrow().get(&what).copied();
        match made {
            Some(made) => Ok(Some(made)),
            None => self.emitter.aside(|| self.make(what, span)).map(Some),
        }
    }

    fn make(&self, what: Rare, span: Span) -> Lowered<FunctionValue<'ctx>> {
        let (word, int) = (self.debug.int(8, false)?, self.debug.int(4, true)?);
        let (pointer, bits, half) =
            (self.emitter.pointer_type(), self.emitter.int_type(64), self.emitter.int_type(32));
        let numbers = [("event", word), ("result", self.debug.int(8, true)?)];
        let key = [("key", self.debug.pointer(word)), ("event", word)];
        let (name, params, result) = match what {
            Rare::Lost => ("ebt_lost_event".to_owned(), &numbers[..1], int),
            Rare::Full => ("ebt_full".to_owned(), &numbers[..], int),
            Rare::Insert(map) => (format!("ebt_insert_{map}"), &key[..], key[0].1),
        };
        let function = match what {
            Rare::Lost => self.emitter.declare(&name, &[bits.into()], half.into()),
            Rare::Full => self.emitter.declare(&name, &[bits.into(); 2], half.into()),
            Rare::Insert(_) => {
                self.emitter.declare(&name, &[pointer.into(), bits.into()], pointer.into())
            }
        };
        self.rare.made.borrow_mut().insert(what, function);
        let mut lines = self.debug.function(&name, params, result, span, true)?;
        function.set_subprogram(lines.subprogram());
        self.debug.at(&mut lines, span);
        let entry = self.emitter.body_of(function);
        let body = self.emitter.label();
        self.emitter.enter(body);
        let params = function.get_params();
        match (what, &params[..]) {
            (Rare::Lost, [event]) => {
                self.lost_here(event.into_int_value())?;
                self.emitter.ret(0);
            }
            (Rare::Full, [event, result]) => {
                self.full_here(event.into_int_value(), result.into_int_value(), span)?;
                self.emitter.ret(0);
            }
            (Rare::Insert(map), [key, event]) => {
                let (key, event) = (key.into_pointer_value(), event.into_int_value());
                let value = self.insert_here(map, key, event, span)?;
                self.emitter.ret_value(&value);
            }
            _ => return Err(Invariant(format!("{name} has other parameters"))),
        }
        self.emitter.close(entry, body);
        Ok(function)
    }
}
