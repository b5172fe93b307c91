//! Walking the stack of a program by the tables of its files: functions that the object has where a script asks for it.
//!
//! The kernel's registers of the program are where the walk begins. Each step finds the stretch of code that the
//! address is in, the row of the file's table, and by that the caller's registers. The maps are the runtime's:
//! `ebtrace_image::unwind` says what is in them.

use std::mem::offset_of;

use ebtrace_image::unwind::{Frame, HALVINGS, Pointer as Base, Row, Stretch, Trouble};
use inkwell::values::FunctionValue;

use super::context::{Argument, Int, Label, Pointer};
use super::helper;
use super::probe::Unit;
use super::{Invariant, Lowered};
use crate::ir::Unwinding;
use crate::source::Span;

// The state of a walk. What its user reads of it is in `Unwinding`; the registers that are read first are in a row.
const INSTRUCTION: u32 = 16;
const STACK: u32 = 24;
const BASE: u32 = 32;
/// 1 where the address is one that a call returns to, so that the call is just before it.
const CALLER: u32 = 40;
const COUNT: u32 = 48;
const TARGET: u32 = 56;
const LOW: u32 = 64;
const HIGH: u32 = 72;
const KEY: u32 = 80;
const WORD: u32 = 88;
const PROCESS: u32 = 96;
/// `ip`, `cs`, `flags` and `sp`, before the walk begins.
const REGISTERS: u32 = TARGET;
const REGISTERS_SIZE: u64 = 32;

// Of `struct pt_regs`.
const BASE_REGISTER: u32 = 32;
const INSTRUCTION_REGISTER: u32 = 128;
/// The code segment of programs of 64 bits.
const USER_CODE: u64 = 0x33;

/// What a failed walk ends in.
const NOWHERE: u64 = u64::MAX;

impl<'a, 'ctx> Unit<'a, 'ctx> {
    /// Walks the stack of the current process: frames, how many at most, state, and the process's number.
    pub(super) fn unwind(&'a self, args: &[Argument<'ctx>], span: Span) -> Lowered<Int<'ctx>> {
        let [frames, Argument::IntValue(most), state, process] = *args else {
            return Err(Invariant("a walk has frames, a limit, a state and a process".to_owned()));
        };
        let most = most
            .get_zero_extended_constant()
            .ok_or_else(|| Invariant("a walk without limit".to_owned()))?;
        let name = format!("ebt_unwind_{most}");
        let function = match self.emitter.module.get_function(&name) {
            Some(known) => known,
            None => self.emitter.aside(|| self.make_unwind(&name, most, span))?,
        };
        Ok(self.emitter.call_own(function, &[frames, state, process]).into_int_value())
    }

    /// A function of the object; its parameters are pointers or numbers.
    fn begin_walker(
        &self,
        name: &str,
        params: &[(&str, bool)],
        span: Span,
    ) -> Lowered<(FunctionValue<'ctx>, Label<'ctx>, Label<'ctx>)> {
        let (emitter, debug) = (self.emitter, self.debug);
        let word = debug.int(8, false)?;
        let described: Vec<_> = params
            .iter()
            .map(|&(name, pointer)| (name, if pointer { debug.pointer(word) } else { word }))
            .collect();
        let types: Vec<_> = params
            .iter()
            .map(|&(_, pointer)| match pointer {
                true => emitter.pointer_type().into(),
                false => emitter.int_type(64).into(),
            })
            .collect();
        let function = emitter.declare(name, &types, emitter.int_type(64).into());
        let mut lines = debug.function(name, &described, debug.int(8, true)?, span, true)?;
        function.set_subprogram(lines.subprogram());
        let entry = emitter.body_of(function);
        let body = emitter.label();
        emitter.enter(body);
        debug.at(&mut lines, span);
        Ok((function, entry, body))
    }

    fn make_unwind(&'a self, name: &str, most: u64, span: Span) -> Lowered<FunctionValue<'ctx>> {
        let emitter = self.emitter;
        let find = emitter.aside(|| self.make_find(span))?;
        let walk =
            emitter.aside(|| self.make_walk(&format!("ebt_walk_{most}"), most, find, span))?;
        let (function, entry, body) =
            self.begin_walker(name, &[("frames", true), ("state", true), ("pid", false)], span)?;
        let [frames, state] = pointers(function)?;
        let process = function.get_nth_param(2).map(|process| process.into_int_value());
        let process = process.ok_or_else(|| Invariant(format!("{name} has no process")))?;
        let set = |offset, value| emitter.store(emitter.at(state, offset), value, 8);
        let get = |offset| emitter.load(emitter.at(state, offset), 64, 8);
        for offset in [Unwinding::TROUBLE, Unwinding::ADDRESS, CALLER, COUNT] {
            set(offset, emitter.word(0));
        }
        let task = self.call_pointer(&helper::GET_CURRENT_TASK_BTF, &[])?;
        let registers = self.call_pointer(&helper::TASK_PT_REGS, &[task.into()])?;
        let (refused, read, go) = (emitter.label(), emitter.label(), emitter.label());
        let kernel = |to: u32, size: u64, from: u32| {
            let (to, from) = (emitter.at(state, to), emitter.at(registers, from));
            let args = [to.into(), emitter.word(size).into(), from.into()];
            self.call(&helper::PROBE_READ_KERNEL, &args)
        };
        let failed = kernel(REGISTERS, REGISTERS_SIZE, INSTRUCTION_REGISTER)?;
        emitter.branch(emitter.is_not_zero(failed), refused, read);
        emitter.enter(read);
        let code = emitter.and(get(REGISTERS + 8), emitter.word(0xffff));
        let foreign = emitter.is_not_zero(emitter.sub(code, emitter.word(USER_CODE)));
        emitter.branch(foreign, refused, go);
        emitter.enter(refused);
        set(Unwinding::TROUBLE, emitter.word(Trouble::NoProgram as u64));
        emitter.ret_value(&emitter.word(0));
        emitter.enter(go);
        set(INSTRUCTION, get(REGISTERS));
        set(STACK, get(REGISTERS + 24));
        kernel(BASE, 8, BASE_REGISTER)?;
        emitter.store(emitter.at(state, PROCESS), emitter.resize(process, 32, false), 4);
        let frame = emitter.alloca(16);
        emitter.store_pointer(frame, frames);
        emitter.store_pointer(emitter.at(frame, 8), state);
        let walk = walk.as_global_value().as_pointer_value();
        let args = [emitter.word(most).into(), walk.into(), frame.into(), emitter.word(0).into()];
        self.call(&helper::LOOP, &args)?;
        emitter.ret_value(&get(COUNT));
        emitter.close(entry, body);
        Ok(function)
    }

    /// `long ebt_find(map, state)`: the last element from the lowest to the highest that begins at or before the
    /// target, or the lowest.
    fn make_find(&self, span: Span) -> Lowered<FunctionValue<'ctx>> {
        const NAME: &str = "ebt_find";
        let emitter = self.emitter;
        if let Some(known) = emitter.module.get_function(NAME) {
            return Ok(known);
        }
        let (function, entry, body) =
            self.begin_walker(NAME, &[("map", true), ("state", true)], span)?;
        let [map, state] = pointers(function)?;
        let variable = |value| {
            let pointer = emitter.alloca(8);
            emitter.store(pointer, value, 8);
            pointer
        };
        let get = |offset| emitter.load(emitter.at(state, offset), 64, 8);
        let (low, high) = (variable(get(LOW)), variable(get(HIGH)));
        let (rounds, target) = (variable(emitter.word(0)), get(TARGET));
        let now = |pointer| emitter.load(pointer, 64, 8);
        let [head, open, look, compare, above, below, next, done] =
            std::array::from_fn(|_| emitter.label());
        emitter.jump(head);
        emitter.enter(head);
        let left = emitter.less(now(rounds), emitter.word(HALVINGS.into()), false);
        emitter.branch(left, open, done);
        emitter.enter(open);
        emitter.branch(emitter.less(now(low), now(high), false), look, done);
        emitter.enter(look);
        let wide = emitter.add(emitter.sub(now(high), now(low)), emitter.word(1));
        let middle = emitter.add(now(low), emitter.shift_right(wide, emitter.word(1), false));
        let element = self.element(map, state, middle)?;
        emitter.branch(emitter.is_null(element), done, compare);
        emitter.enter(compare);
        emitter.branch(emitter.less(target, emitter.load(element, 64, 8), false), above, below);
        emitter.enter(above);
        emitter.store(high, emitter.sub(middle, emitter.word(1)), 8);
        emitter.jump(next);
        emitter.enter(below);
        emitter.store(low, middle, 8);
        emitter.jump(next);
        emitter.enter(next);
        emitter.store(rounds, emitter.add(now(rounds), emitter.word(1)), 8);
        emitter.jump(head);
        emitter.enter(done);
        emitter.ret_value(&now(low));
        emitter.close(entry, body);
        Ok(function)
    }

    /// The value in a map at a number.
    fn element(
        &self,
        map: Pointer<'ctx>,
        state: Pointer<'ctx>,
        number: Int<'ctx>,
    ) -> Lowered<Pointer<'ctx>> {
        let key = self.emitter.at(state, KEY);
        self.emitter.store(key, self.emitter.resize(number, 32, false), 4);
        self.call_pointer(&helper::MAP_LOOKUP_ELEM, &[map.into(), key.into()])
    }

    /// `long ebt_walk_N(number, frame)`: a step of a walk; 1 ends it.
    fn make_walk(
        &'a self,
        name: &str,
        most: u64,
        find: FunctionValue<'ctx>,
        span: Span,
    ) -> Lowered<FunctionValue<'ctx>> {
        let (processes, tables) =
            self.maps.unwind.ok_or_else(|| Invariant("no tables to unwind by".to_owned()))?;
        let emitter = self.emitter;
        let (function, entry, body) =
            self.begin_walker(name, &[("number", false), ("frame", true)], span)?;
        let number = function.get_first_param().map(|number| number.into_int_value());
        let frame = function.get_nth_param(1).map(|frame| frame.into_pointer_value());
        let (Some(number), Some(frame)) = (number, frame) else {
            return Err(Invariant(format!("{name} has other parameters")));
        };
        let (frames, state) =
            (emitter.load_pointer(frame), emitter.load_pointer(emitter.at(frame, 8)));
        let [stop, failed] = std::array::from_fn(|_| emitter.label());
        let mut step = Step { unit: self, find, state, failed, troubles: Vec::new() };
        // LLVM must not know more about the number than the verifier does.
        let number = emitter.opaque(number);
        step.unless_stop(emitter.less(number, emitter.word(most), false), stop);
        let address = step.get(INSTRUCTION);
        emitter.store(slot(emitter, frames, number), address, 8);
        step.set(Unwinding::ADDRESS, address);
        step.set(COUNT, emitter.add(number, emitter.word(1)));
        step.unless_stop(emitter.less(number, emitter.word(most - 1), false), stop);
        let rule = step.rule(address, processes, tables)?;
        step.apply(rule, address, stop)?;
        emitter.ret_value(&emitter.word(0));
        emitter.enter(failed);
        step.set(Unwinding::TROUBLE, emitter.merge(&step.troubles));
        let next = emitter.add(number, emitter.word(1));
        emitter.store(slot(emitter, frames, next), emitter.word(NOWHERE), 8);
        step.set(COUNT, emitter.add(number, emitter.word(2)));
        emitter.jump(stop);
        emitter.enter(stop);
        // LLVM would take another number that must be 1 here, which the verifier does not see.
        emitter.ret_value(&emitter.opaque(emitter.word(1)));
        emitter.close(entry, body);
        Ok(function)
    }
}

/// A step of a walk under construction.
struct Step<'u, 'a, 'ctx> {
    unit: &'u Unit<'a, 'ctx>,
    find: FunctionValue<'ctx>,
    state: Pointer<'ctx>,
    /// Where what fails goes, and why it comes there.
    failed: Label<'ctx>,
    troubles: Vec<(Int<'ctx>, Label<'ctx>)>,
}

impl<'ctx> Step<'_, '_, 'ctx> {
    fn get(&self, offset: u32) -> Int<'ctx> {
        self.unit.emitter.load(self.unit.emitter.at(self.state, offset), 64, 8)
    }

    fn set(&self, offset: u32, value: Int<'ctx>) {
        self.unit.emitter.store(self.unit.emitter.at(self.state, offset), value, 8);
    }

    fn unless_stop(&self, goes_on: Int<'ctx>, stop: Label<'ctx>) {
        let go = self.unit.emitter.label();
        self.unit.emitter.branch(goes_on, go, stop);
        self.unit.emitter.enter(go);
    }

    fn fail_if(&mut self, fails: Int<'ctx>, trouble: Trouble) {
        let emitter = self.unit.emitter;
        let go = emitter.label();
        self.troubles.push((emitter.word(trouble as u64), emitter.here()));
        emitter.branch(fails, self.failed, go);
        emitter.enter(go);
    }

    /// The value in a map.
    fn element(
        &mut self,
        map: Pointer<'ctx>,
        number: Int<'ctx>,
        trouble: Trouble,
    ) -> Lowered<Pointer<'ctx>> {
        let element = self.unit.element(map, self.state, number)?;
        self.fail_if(self.unit.emitter.is_null(element), trouble);
        Ok(element)
    }

    /// The last element of a range that begins at or before the target.
    fn found(
        &mut self,
        map: Pointer<'ctx>,
        (low, high): (Int<'ctx>, Int<'ctx>),
        target: Int<'ctx>,
        trouble: Trouble,
    ) -> Lowered<Pointer<'ctx>> {
        let emitter = self.unit.emitter;
        self.set(TARGET, target);
        self.set(LOW, low);
        self.set(HIGH, high);
        let index = emitter.call_own(self.find, &[map.into(), self.state.into()]).into_int_value();
        let element = self.element(map, index, trouble)?;
        self.fail_if(emitter.less(target, emitter.load(element, 64, 8), false), trouble);
        Ok(element)
    }

    /// What the tables say about an address.
    fn rule(
        &mut self,
        address: Int<'ctx>,
        processes: Pointer<'ctx>,
        tables: Pointer<'ctx>,
    ) -> Lowered<Int<'ctx>> {
        let emitter = self.unit.emitter;
        let member = |from, offset: usize, bits| {
            let value = emitter.load(emitter.at(from, offset as u32), bits, bits / 8);
            emitter.resize(value, 64, false)
        };
        let key = emitter.at(self.state, PROCESS);
        let process =
            self.unit.call_pointer(&helper::MAP_LOOKUP_ELEM, &[processes.into(), key.into()])?;
        self.fail_if(emitter.is_null(process), Trouble::Stranger);
        let head = self.element(process, emitter.word(0), Trouble::NoCode)?;
        let range = (emitter.word(1), member(head, offset_of!(Stretch, end), 64));
        let target = emitter.sub(address, self.get(CALLER));
        let code = self.found(process, range, target, Trouble::NoCode)?;
        let within = emitter.less(target, member(code, offset_of!(Stretch, end), 64), false);
        self.fail_if(emitter.is_zero(within), Trouble::NoCode);
        let count = member(code, offset_of!(Stretch, count), 64);
        self.fail_if(emitter.is_zero(count), Trouble::NoRule);
        let first = member(code, offset_of!(Stretch, first), 32);
        let last = emitter.sub(emitter.add(first, count), emitter.word(1));
        let target = emitter.add(target, member(code, offset_of!(Stretch, base), 64));
        let table = member(code, offset_of!(Stretch, table), 32);
        let table = self.element(tables, table, Trouble::NoRule)?;
        let row = self.found(table, (first, last), target, Trouble::NoRule)?;
        Ok(member(row, offset_of!(Row, rule), 64))
    }

    /// Goes to the caller.
    fn apply(&mut self, rule: Int<'ctx>, address: Int<'ctx>, stop: Label<'ctx>) -> Lowered<()> {
        let emitter = self.unit.emitter;
        let byte = |value| emitter.and(value, emitter.word(0xff));
        let part = |shift| emitter.shift_right(rule, emitter.word(shift), false);
        let kind = byte(rule);
        let is = |frame: Frame| emitter.equal(kind, emitter.word(frame as u64));
        self.fail_if(is(Frame::Unknown), Trouble::NoRule);
        self.unless_stop(emitter.not(is(Frame::Outermost)), stop);
        let (stack, base) = (self.get(STACK), self.get(BASE));
        let by_base = emitter.or(is(Frame::Base), is(Frame::AtBase));
        let offset = emitter.shift_right(rule, emitter.word(32), true);
        let place = emitter.add(emitter.select(by_base, base, stack), offset);
        let small = emitter.resize(emitter.resize(part(16), 16, false), 64, true);
        // Where entries of the linkage table push something, from this byte of each on.
        let late = emitter.less(emitter.and(address, emitter.word(15)), small, false);
        let pushed = emitter.and(is(Frame::Linkage), emitter.not(late));
        let frame = self.frame(kind, place, pushed)?;
        // A frame that is not above the last one is none.
        let onward = emitter.or(emitter.less(stack, frame, false), is(Frame::Signal));
        self.fail_if(emitter.not(onward), Trouble::NoStack);
        let pointer = byte(part(8));
        self.base(pointer, [frame, base, stack].map(|from| emitter.add(from, small)))?;
        let returns = emitter.sub(frame, emitter.word(8));
        let signalled = emitter.add(place, emitter.word(8));
        let caller = self.read(emitter.select(is(Frame::Signal), signalled, returns))?;
        self.unless_stop(emitter.is_not_zero(caller), stop);
        self.set(INSTRUCTION, caller);
        self.set(STACK, frame);
        self.set(CALLER, emitter.select(is(Frame::Signal), emitter.word(0), emitter.word(1)));
        Ok(())
    }

    /// Where the frame begins, or what stands at its place.
    fn frame(
        &mut self,
        kind: Int<'ctx>,
        place: Int<'ctx>,
        pushed: Int<'ctx>,
    ) -> Lowered<Int<'ctx>> {
        let emitter = self.unit.emitter;
        let is = |frame: Frame| emitter.equal(kind, emitter.word(frame as u64));
        let (eight, none) = (emitter.word(8), emitter.word(0));
        let [read, computed, after] = std::array::from_fn(|_| emitter.label());
        let at = [Frame::AtStack, Frame::AtBase, Frame::AtStackPlus8, Frame::Signal].map(is);
        let at = at.into_iter().fold(emitter.bool(false), |any, one| emitter.or(any, one));
        emitter.branch(at, read, computed);
        emitter.enter(read);
        let value = self.read(place)?;
        let value = emitter.add(value, emitter.select(is(Frame::AtStackPlus8), eight, none));
        let reader = emitter.here();
        emitter.jump(after);
        emitter.enter(computed);
        let sum = emitter.add(place, emitter.select(pushed, eight, none));
        emitter.jump(after);
        emitter.enter(after);
        Ok(emitter.merge(&[(value, reader), (sum, computed)]))
    }

    /// The caller's frame pointer, from one of the places that it can be at.
    fn base(&mut self, kind: Int<'ctx>, [frame, base, stack]: [Int<'ctx>; 3]) -> Lowered<()> {
        let emitter = self.unit.emitter;
        let is = |pointer: Base| emitter.equal(kind, emitter.word(pointer as u64));
        let [moved, lost, read, after] = std::array::from_fn(|_| emitter.label());
        emitter.branch(is(Base::Same), after, moved);
        emitter.enter(moved);
        emitter.branch(is(Base::Lost), lost, read);
        emitter.enter(lost);
        self.set(BASE, emitter.word(0));
        emitter.jump(after);
        emitter.enter(read);
        let other = emitter.select(is(Base::Base), base, stack);
        let value = self.read(emitter.select(is(Base::Frame), frame, other))?;
        self.set(BASE, value);
        emitter.jump(after);
        emitter.enter(after);
        Ok(())
    }

    /// A word of the program's memory.
    fn read(&mut self, from: Int<'ctx>) -> Lowered<Int<'ctx>> {
        let emitter = self.unit.emitter;
        let into = emitter.at(self.state, WORD);
        let args = [into.into(), emitter.word(8).into(), from.into()];
        let failed = self.unit.call(&helper::PROBE_READ_USER, &args)?;
        self.fail_if(emitter.is_not_zero(failed), Trouble::NoStack);
        Ok(self.get(WORD))
    }
}

fn slot<'ctx>(
    emitter: &super::context::Emitter<'ctx>,
    frames: Pointer<'ctx>,
    number: Int<'ctx>,
) -> Pointer<'ctx> {
    emitter.offset(frames, emitter.shift_left(number, emitter.word(3)))
}

fn pointers(function: FunctionValue<'_>) -> Lowered<[Pointer<'_>; 2]> {
    let params = [0, 1].map(|param| function.get_nth_param(param));
    match params {
        [Some(first), Some(second)] => {
            Ok([first.into_pointer_value(), second.into_pointer_value()])
        }
        _ => Err(Invariant("a walker has other parameters".to_owned())),
    }
}
