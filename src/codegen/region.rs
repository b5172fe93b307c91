//! Loops: their bodies are functions that the kernel calls.
//!
//! All loops are made alike, whatever they go over: a helper of the kernel runs the body, so that the verifier looks at
//! it once and not at every round. What the body shares with the code around it is in the scratch area (`ir::layout`
//! sees to that); the addresses of that area and of the program's context stand in a frame on the stack, whose address
//! the helper hands on.

use inkwell::values::FunctionValue;

use super::context::{Argument, Int, Pointer};
use super::debug::Lines;
use super::helper;
use super::memory::{self, Bytes};
use super::probe::{Function, Place, Region};
use super::{Invariant, Lowered, map};
use crate::host::Version;
use crate::ir::{Block, EventId, ExprId, LocalId, LoopKind, MOST_ROUNDS, StmtKind};
use crate::types::Type;

/// The first kernel with `bpf_loop`. Before, a map of so many elements is gone through instead.
const COUNTS: Version = (5, 17, 0);

/// Size of a frame: the context, the scratch area, and for old kernels the number of rounds.
const FRAME: u32 = 24;
const AREA: u32 = 8;
const LIMIT: u32 = 16;

/// What the helper hands to the body.
#[derive(Clone, Copy)]
enum Round {
    /// `long body(u64 number, void *frame)`
    Counted,
    /// `long body(void *map, void *key, void *value, void *frame)`
    Element,
}

impl<'a, 'ctx> Function<'a, 'ctx> {
    /// Keeps what the bodies of loops need, and forgets what those of the run before returned.
    pub(super) fn prepare_loops(&mut self) {
        let emitter = self.emitter;
        if let Some(returned) = self.layout.returned {
            emitter.store(self.in_scratch(returned), emitter.word(0), 8);
        }
        if self.layout.loops {
            self.frame = Some(self.new_frame());
        }
    }

    fn new_frame(&self) -> Pointer<'ctx> {
        let frame = self.emitter.alloca(FRAME);
        self.emitter.store_pointer(frame, self.context);
        if let Some(area) = self.area {
            self.emitter.store_pointer(self.emitter.at(frame, AREA), area);
        }
        frame
    }

    /// Lowers a loop; says whether control comes out at its end.
    pub(super) fn repeat(&mut self, kind: &LoopKind, body: &'a Block) -> Lowered<bool> {
        let emitter = self.emitter;
        match kind {
            LoopKind::Endless { endless } => {
                let most = self.most_rounds();
                let rounds = self.run_counted(emitter.word(most), body, None)?;
                let spent = emitter.equal(rounds, emitter.word(most));
                self.say_endless(spent, *endless)?;
            }
            LoopKind::Range { from, to, index, endless } => {
                let (first, last) = (self.scalar(*from)?, self.scalar(*to)?);
                let most = emitter.word(self.most_rounds());
                let some = emitter.less(first, last, true);
                let wanted = emitter.select(some, emitter.sub(last, first), emitter.word(0));
                let too_many = emitter.less(most, wanted, false);
                let count = emitter.select(too_many, most, wanted);
                let rounds = self.run_counted(count, body, Some((*from, *index)))?;
                let spent = emitter.and(too_many, emitter.equal(rounds, most));
                self.say_endless(spent, *endless)?;
            }
            LoopKind::Map { map, key, value } => {
                let (table, pointer) = self.unit.map(map.into_raw().into_u32())?;
                let aggregate = matches!(
                    self.unit.program.types.get(self.unit.program.maps[*map].value),
                    Type::Aggregate(_)
                );
                let map = *map;
                let function = self.body(Round::Element, body, |inner, params| {
                    let [_, at_key, at_value, _] = *params else {
                        return Err(Invariant("a body for elements takes four".to_owned()));
                    };
                    let (at_key, at_value) = (at_key.pointer()?, at_value.pointer()?);
                    inner.take_key(map, *key, at_key)?;
                    match value {
                        Some(value) if aggregate => inner.take_merged(map, at_key, *value),
                        Some(value) => {
                            inner.take(*value, inner.emitter.at(at_value, table.value.offset));
                            Ok(())
                        }
                        None => Ok(()),
                    }
                })?;
                let frame = self.frame()?;
                self.call_for_each(pointer, function, frame)?;
            }
        }
        if has_return(body) {
            self.leave_if_returned()?;
        }
        Ok(true)
    }

    fn most_rounds(&self) -> u64 {
        if self.unit.target.version >= COUNTS { MOST_ROUNDS } else { map::ROUNDS.into() }
    }

    /// Runs a body so many times, with numbers from that of an expression on. Returns how often it ran.
    fn run_counted(
        &mut self,
        count: Int<'ctx>,
        body: &'a Block,
        numbers: Option<(ExprId, LocalId)>,
    ) -> Lowered<Int<'ctx>> {
        let emitter = self.emitter;
        let assign = move |inner: &mut Function<'a, 'ctx>, round: Int<'ctx>| {
            let Some((from, index)) = numbers else { return Ok(()) };
            let first = inner.scalar(from)?;
            inner.emitter.store(inner.local(index), inner.emitter.add(first, round), 8);
            Ok(())
        };
        if self.unit.target.version >= COUNTS {
            let function = self.body(Round::Counted, body, |inner, params| {
                assign(inner, params.first().ok_or_else(no_param)?.number()?)
            })?;
            return self.call_loop(count, function);
        }
        let rounds =
            self.unit.maps.rounds.ok_or_else(|| Invariant("no map of rounds".to_owned()))?;
        // A frame of its own, for loops within loops.
        let frame = self.new_frame();
        emitter.store(emitter.at(frame, LIMIT), count, 8);
        let function = self.body(Round::Element, body, |inner, params| {
            let key = params.get(1).ok_or_else(no_param)?.pointer()?;
            let round = inner.emitter.resize(inner.emitter.load(key, 32, 4), 64, false);
            let most = inner.emitter.load(inner.emitter.at(inner.frame()?, LIMIT), 64, 8);
            let (go_on, enough) = (inner.emitter.label(), inner.emitter.label());
            inner.emitter.branch(inner.emitter.less(round, most, false), go_on, enough);
            inner.emitter.enter(enough);
            inner.emitter.ret_value(&inner.emitter.word(1));
            inner.emitter.enter(go_on);
            assign(inner, round)
        })?;
        let passed = self.call_for_each(rounds, function, frame)?;
        Ok(emitter.select(emitter.less(count, passed, false), count, passed))
    }

    /// Without any round the kernel would not look at the body, and some kernels refuse what they have not looked at.
    fn call_loop(&mut self, count: Int<'ctx>, function: FunctionValue<'ctx>) -> Lowered<Int<'ctx>> {
        let emitter = self.emitter;
        let (before, run, after) = (emitter.here(), emitter.label(), emitter.label());
        emitter.branch(emitter.is_zero(count), after, run);
        emitter.enter(run);
        let args: [Argument; 4] = [
            count.into(),
            function.as_global_value().as_pointer_value().into(),
            self.frame()?.into(),
            emitter.word(0).into(),
        ];
        let rounds = self.unit.call(&helper::LOOP, &args)?;
        emitter.jump(after);
        emitter.enter(after);
        Ok(emitter.merge(&[(emitter.word(0), before), (rounds, run)]))
    }

    fn call_for_each(
        &mut self,
        map: Pointer<'ctx>,
        function: FunctionValue<'ctx>,
        frame: Pointer<'ctx>,
    ) -> Lowered<Int<'ctx>> {
        let args: [Argument; 4] = [
            map.into(),
            function.as_global_value().as_pointer_value().into(),
            frame.into(),
            self.emitter.word(0).into(),
        ];
        self.unit.call(&helper::FOR_EACH_MAP_ELEM, &args)
    }

    fn frame(&self) -> Lowered<Pointer<'ctx>> {
        self.frame.ok_or_else(|| Invariant("a loop without a frame".to_owned()))
    }

    /// The body as a function; `begin` puts in what comes before its statements.
    fn body(
        &mut self,
        round: Round,
        body: &'a Block,
        begin: impl FnOnce(&mut Function<'a, 'ctx>, &[Param<'ctx>]) -> Lowered<()>,
    ) -> Lowered<FunctionValue<'ctx>> {
        let emitter = self.emitter;
        let number = self.unit.loops.replace(self.unit.loops.get() + 1);
        let name = format!("ebt_loop_{number}");
        let (pointer, word) = (emitter.pointer_type().into(), emitter.int_type(64).into());
        let function = match round {
            Round::Counted => emitter.declare(&name, &[word, pointer], emitter.int_type(64).into()),
            Round::Element => emitter.declare(&name, &[pointer; 4], emitter.int_type(64).into()),
        };
        let mut lines = self.body_lines(&name, round)?;
        function.set_subprogram(lines.subprogram());
        let place = Place { func: self.func, layout: self.layout, region: Region::Body };
        let (unit, index, span, area) = (self.unit, self.index, self.span, self.area);
        emitter.aside(|| {
            let entry = emitter.body_of(function);
            let start = emitter.label();
            emitter.enter(start);
            unit.debug.at(&mut lines, span);
            let params: Vec<Param> = function.get_param_iter().map(Param).collect();
            let frame = params.last().ok_or_else(no_param)?.pointer()?;
            let context = emitter.load_pointer(frame);
            let mut inner = Function::new(unit, place, index, (context, lines))?;
            inner.span = span;
            inner.frame = Some(frame);
            inner.area = area.map(|_| emitter.load_pointer(emitter.at(frame, AREA)));
            begin(&mut inner, &params)?;
            if inner.block(body)? {
                emitter.ret_value(&emitter.word(0));
            }
            emitter.close(entry, start);
            Ok::<(), Invariant>(())
        })?;
        Ok(function)
    }

    fn body_lines(&self, name: &str, round: Round) -> Lowered<Lines<'ctx>> {
        let debug = self.unit.debug;
        let (word, result) = (debug.int(8, false)?, debug.int(8, true)?);
        let address = debug.pointer(word);
        let counted = [("number", word), ("frame", address)];
        let element = ["map", "key", "value", "frame"].map(|name| (name, address));
        let params = match round {
            Round::Counted => &counted[..],
            Round::Element => &element[..],
        };
        debug.function(name, params, result, self.span, true)
    }

    /// Copies what stands at an address into a local.
    fn take(&self, local: LocalId, from: Pointer<'ctx>) {
        let size = self.size(self.func.locals[local].ty);
        let bytes = Bytes::At { pointer: from, size, align: 8 };
        memory::copy(self.emitter, self.local(local), bytes, 8);
    }

    /// Copies the key of an element into a local; an element whose key is being removed is left out.
    fn take_key(
        &mut self,
        map: crate::ir::MapId,
        local: Option<LocalId>,
        key: Pointer<'ctx>,
    ) -> Lowered<()> {
        let (Some(local), names) = (local, self.unit.names(map.into_raw().into_u32())) else {
            return Ok(());
        };
        let Some(names) = names else {
            self.take(local, key);
            return Ok(());
        };
        let emitter = self.emitter;
        let args = [names.into(), key.into()];
        let whole = self.unit.call_pointer(&helper::MAP_LOOKUP_ELEM, &args)?;
        let (gone, there) = (emitter.label(), emitter.label());
        emitter.branch(emitter.is_null(whole), gone, there);
        emitter.enter(gone);
        self.end_round(true);
        emitter.enter(there);
        self.take(local, whole);
        Ok(())
    }

    /// Merges what all CPUs have for a key.
    fn take_merged(
        &mut self,
        map: crate::ir::MapId,
        key: Pointer<'ctx>,
        value: LocalId,
    ) -> Lowered<()> {
        let (table, pointer) = self.unit.map(map.into_raw().into_u32())?;
        let entry = super::access::Entry { table, map: pointer, key, names: None };
        self.read_aggregate(map, entry, self.local(value))?;
        Ok(())
    }

    /// Sends the event of a loop that does not end.
    fn say_endless(&mut self, spent: Int<'ctx>, event: EventId) -> Lowered<()> {
        let emitter = self.emitter;
        let (say, after) = (emitter.label(), emitter.label());
        emitter.branch(spent, say, after);
        emitter.enter(say);
        self.emit(event, &[])?;
        emitter.jump(after);
        emitter.enter(after);
        Ok(())
    }

    // Ways out.

    /// `break` and `continue`: the helper stops after a round that returns 1.
    pub(super) fn end_round(&self, goes_on: bool) {
        self.emitter.ret_value(&self.emitter.word(u64::from(!goes_on)));
    }

    /// `return`, here or from within a loop.
    pub(super) fn give_back(&mut self, value: Option<ExprId>) -> Lowered<()> {
        let emitter = self.emitter;
        let value = match value {
            None if self.region == Region::Program => {
                emitter.ret(self.func.returns);
                return Ok(());
            }
            None => emitter.word(self.func.returns as u64),
            Some(value) => {
                let signed = self.unit.program.types.is_signed(self.func.types[value]);
                emitter.resize(self.scalar(value)?, 64, signed)
            }
        };
        match (self.region, self.layout.returned) {
            (Region::Body, Some(returned)) => {
                emitter.store(self.in_scratch(returned), emitter.word(1), 8);
                emitter.store(self.in_scratch(returned + 8), value, 8);
                self.end_round(false);
            }
            _ => self.return_word(value),
        }
        Ok(())
    }

    fn return_word(&self, value: Int<'ctx>) {
        match self.region {
            Region::Program => self.emitter.ret_value(&self.emitter.resize(value, 32, false)),
            _ => self.emitter.ret_value(&value),
        }
    }

    /// After a loop whose body may have returned.
    fn leave_if_returned(&mut self) -> Lowered<()> {
        let returned = self
            .layout
            .returned
            .ok_or_else(|| Invariant("no room for what a loop returns".to_owned()))?;
        let emitter = self.emitter;
        let (leave, after) = (emitter.label(), emitter.label());
        let set = emitter.load(self.in_scratch(returned), 64, 8);
        emitter.branch(emitter.is_not_zero(set), leave, after);
        emitter.enter(leave);
        match self.region {
            Region::Body => self.end_round(false),
            _ => self.return_word(emitter.load(self.in_scratch(returned + 8), 64, 8)),
        }
        emitter.enter(after);
        Ok(())
    }
}

/// A parameter of a body.
#[derive(Clone, Copy)]
struct Param<'ctx>(inkwell::values::BasicValueEnum<'ctx>);

impl<'ctx> Param<'ctx> {
    fn pointer(self) -> Lowered<Pointer<'ctx>> {
        match self.0 {
            inkwell::values::BasicValueEnum::PointerValue(pointer) => Ok(pointer),
            _ => Err(no_param()),
        }
    }

    fn number(self) -> Lowered<Int<'ctx>> {
        match self.0 {
            inkwell::values::BasicValueEnum::IntValue(number) => Ok(number),
            _ => Err(no_param()),
        }
    }
}

fn no_param() -> Invariant {
    Invariant("the body of a loop has other parameters".to_owned())
}

/// Whether the program may return from within a block.
fn has_return(block: &Block) -> bool {
    block.stmts.iter().any(|stmt| {
        matches!(stmt.kind, StmtKind::Return(_))
            || crate::ir::blocks_of(&stmt.kind).into_iter().any(has_return)
    })
}

/// Whether a program has loops that an old kernel cannot count.
pub(super) fn counts(block: &Block) -> bool {
    block.stmts.iter().any(|stmt| {
        let counted = matches!(
            &stmt.kind,
            StmtKind::Loop { kind: LoopKind::Endless { .. } | LoopKind::Range { .. }, .. }
        );
        counted || crate::ir::blocks_of(&stmt.kind).into_iter().any(counts)
    })
}

/// Whether kernels of this version go through [`map::ROUNDS`] elements instead of counting.
pub(super) fn needs_rounds(version: Version) -> bool {
    version < COUNTS
}
