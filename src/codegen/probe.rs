//! A program: its section, its frame, and what it finds at its start.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use ebtrace_image as image;

use inkwell::values::FunctionValue;

use super::context::{Argument, Emitter, Int, Label, Pointer};
use super::debug::{Debug, Lines};
use super::helper::{self, Helper};
use super::map::Maps;
use super::memory::{self, Bytes};
use super::{Invariant, Lowered, Target, rare};
use crate::ir::layout::{FuncLayout, Layout, Place as Home};
use crate::ir::{ExprId, Func, LocalId, Program, ProgramType, ValueId};
use crate::source::Span;
use crate::types::TypeId;

/// Constants of at most so many bytes are built on the stack where something wants their address.
const CONSTANT_ON_STACK: usize = 32;

/// The object under construction.
pub(super) struct Unit<'a, 'ctx> {
    pub(super) emitter: &'a Emitter<'ctx>,
    pub(super) debug: &'a Debug<'a, 'ctx>,
    pub(super) program: &'a Program,
    pub(super) layout: &'a Layout,
    pub(super) target: &'a Target,
    pub(super) maps: &'a Maps<'ctx>,
    pub(super) rare: &'a rare::Functions<'ctx>,
    /// Number of loops so far: their bodies are called by it.
    pub(super) loops: Cell<u32>,
    /// Functions of the script that were made, by number.
    pub(super) functions: RefCell<HashMap<u32, FunctionValue<'ctx>>>,
}

/// A program under construction.
pub(super) struct Function<'a, 'ctx> {
    pub(super) unit: &'a Unit<'a, 'ctx>,
    pub(super) emitter: &'a Emitter<'ctx>,
    pub(super) func: &'a Func,
    /// Index among the programs: its entry in the maps that have one for each.
    pub(super) index: u32,
    pub(super) layout: &'a FuncLayout,
    pub(super) region: Region,
    /// What the kernel passes.
    pub(super) context: Pointer<'ctx>,
    /// The scratch area, if there is one.
    pub(super) area: Option<Pointer<'ctx>>,
    /// Where the bodies of loops find the two.
    pub(super) frame: Option<Pointer<'ctx>>,
    pub(super) lines: Lines<'ctx>,
    /// The statement at hand.
    pub(super) span: Span,
    /// Those on the stack, made when they are first mentioned.
    locals: RefCell<Vec<Option<Pointer<'ctx>>>>,
    /// Results of statements, by number.
    pub(super) values: Vec<Option<Int<'ctx>>>,
    /// Expressions evaluated in the blocks that are open, by number, and what each block added.
    pub(super) evaluated: Vec<Option<Int<'ctx>>>,
    pub(super) scopes: Vec<Vec<ExprId>>,
    /// Stack slots for single statements.
    temporaries: Vec<Temporary<'ctx>>,
}

/// What a function of the object is to the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Region {
    /// The code of a probe.
    Program,
    /// A function of the script.
    Function,
    /// The body of a loop.
    Body,
}

struct Temporary<'ctx> {
    size: u32,
    pointer: Pointer<'ctx>,
    taken: bool,
}

/// The section that tells libbpf a program's type.
fn section(program: ProgramType) -> &'static str {
    match program {
        ProgramType::Kprobe => "kprobe",
        ProgramType::Tracepoint => "tracepoint",
        ProgramType::PerfEvent => "perf_event",
        ProgramType::TypedEvent => "tp_btf",
        ProgramType::FunctionEntry => "fentry",
        ProgramType::FunctionExit => "fexit",
        ProgramType::Iterator | ProgramType::TextIterator => "iter",
        ProgramType::RawTracepoint => "raw_tp",
    }
}

/// A function that was opened.
pub(super) struct Outer<'ctx> {
    pub(super) function: FunctionValue<'ctx>,
    pub(super) entry: Label<'ctx>,
    pub(super) context: Pointer<'ctx>,
}

/// Lowers one program.
pub(super) fn lower<'a, 'ctx>(unit: &'a Unit<'a, 'ctx>, index: usize) -> Lowered<()> {
    let Some(table) = unit.layout.image.probes.get(index) else { return Err(no_layout()) };
    let (probe, name) = (&unit.program.probes[index], &table.program);
    let is_part = unit.program.probes.iter().any(|other| other.returns == Some(index));
    if is_part {
        // It is made with the program that runs it.
        return Ok(());
    }
    let (function, entry, context) = unit.emitter.open(name, section(probe.program));
    let outer = Outer { function, entry, context };
    let site = unit.program.sites[probe.site];
    if probe.guarded {
        return unit.guarded(name, outer, site, || unit.part(index));
    }
    if let Some(exit) = probe.returns {
        return unit.session(name, outer, site, || Ok((unit.part(index)?, unit.part(exit)?)));
    }
    let lines = unit.debug.program(name, site)?;
    fill(unit, index, outer, lines)
}

impl<'a, 'ctx> Unit<'a, 'ctx> {
    /// The code of a probe as a function that a program calls with its context.
    fn part(&'a self, index: usize) -> Lowered<FunctionValue<'ctx>> {
        let Some(table) = self.layout.image.probes.get(index) else { return Err(no_layout()) };
        let name = &format!("ebt_work_{}", table.program);
        let site = self.program.sites[self.program.probes[index].site];
        let (emitter, word) = (self.emitter, self.debug.int(8, false)?);
        let address = emitter.pointer_type().into();
        let function = emitter.declare(name, &[address], emitter.int_type(32).into());
        let params = [("ctx", self.debug.pointer(word))];
        let lines = self.debug.function(name, &params, self.debug.int(4, true)?, site, true)?;
        let entry = emitter.body_of(function);
        let context = function.get_first_param();
        let context = context.ok_or_else(|| Invariant(format!("{name} has no context")))?;
        let context = context.into_pointer_value();
        fill(self, index, Outer { function, entry, context }, lines)?;
        Ok(function)
    }
}

fn no_layout() -> Invariant {
    Invariant("the layout has another number of programs".to_owned())
}

/// Lowers the code of a program.
fn fill<'a, 'ctx>(
    unit: &'a Unit<'a, 'ctx>,
    index: usize,
    outer: Outer<'ctx>,
    mut lines: Lines<'ctx>,
) -> Lowered<()> {
    let Outer { function, entry, context } = outer;
    let layout = unit.layout.probes.get(index).ok_or_else(no_layout)?;
    let probe = &unit.program.probes[index];
    let site = unit.program.sites[probe.site];
    function.set_subprogram(lines.subprogram());
    unit.debug.at(&mut lines, site);
    let body = unit.emitter.label();
    unit.emitter.enter(body);
    let place = Place { func: &probe.func, layout, region: Region::Program };
    let mut function = Function::new(unit, place, index as u32, (context, lines))?;
    function.span = site;
    if layout.scratch > 0 {
        function.area = Some(function.scratch()?);
    }
    function.prepare_loops();
    if function.block(&probe.func.body)? {
        function.emitter.ret(probe.func.returns);
    }
    function.emitter.close(entry, body);
    Ok(())
}

/// What a function of the object is made of.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) func: &'a Func,
    pub(super) layout: &'a FuncLayout,
    pub(super) region: Region,
}

impl<'a, 'ctx> Function<'a, 'ctx> {
    /// A function without code yet.
    pub(super) fn new(
        unit: &'a Unit<'a, 'ctx>,
        place: Place<'a>,
        index: u32,
        (context, lines): (Pointer<'ctx>, Lines<'ctx>),
    ) -> Lowered<Self> {
        let Place { func, layout, region } = place;
        if layout.locals.len() != func.locals.len() {
            return Err(Invariant("the layout has another number of locals".to_owned()));
        }
        Ok(Function {
            unit,
            emitter: unit.emitter,
            func,
            index,
            layout,
            region,
            context,
            area: None,
            frame: None,
            lines,
            span: Span::default(),
            locals: RefCell::new(vec![None; func.locals.len()]),
            values: vec![None; func.values.len()],
            evaluated: vec![None; func.exprs.len()],
            scopes: Vec::new(),
            temporaries: Vec::new(),
        })
    }

    /// So many bytes into the scratch area; the layout has one where it refers to it.
    pub(super) fn in_scratch(&self, offset: u32) -> Pointer<'ctx> {
        self.emitter.at(self.area.unwrap_or(self.context), offset)
    }

    /// The program's scratch area on this CPU. Its array always has the entry, but the verifier wants to see a test.
    fn scratch(&mut self) -> Lowered<Pointer<'ctx>> {
        let map = self.unit.maps.scratch.ok_or_else(|| Invariant("no scratch map".to_owned()))?;
        let key = self.temporary(4);
        self.emitter.store(key, self.emitter.int(32, u64::from(self.index)), 4);
        let area = self.unit.call_pointer(&helper::MAP_LOOKUP_ELEM, &[map.into(), key.into()])?;
        let (gone, there) = (self.emitter.label(), self.emitter.label());
        self.emitter.branch(self.emitter.is_null(area), gone, there);
        self.emitter.enter(gone);
        self.emitter.ret(self.func.returns);
        self.emitter.enter(there);
        Ok(area)
    }

    /// Where a local is.
    pub(super) fn local(&self, local: LocalId) -> Pointer<'ctx> {
        if let Home::Scratch(offset) = self.layout.place(local) {
            return self.in_scratch(offset);
        }
        let index = local.into_raw().into_u32() as usize;
        let known = self.locals.borrow()[index];
        known.unwrap_or_else(|| {
            let ty = self.func.locals[local].ty;
            // A scalar that no path assigned is 0. Where every path does, a store more would have LLVM look for places
            // where both meet, in time that grows with the square of how many locals there are.
            let may_be_zero = self.unit.program.types.is_scalar(ty)
                && !self.layout.assigned_first.contains(&local);
            let zeroed = if may_be_zero { self.size(ty) } else { 0 };
            let pointer = self.emitter.alloca_zeroed(self.size(ty).max(1), zeroed);
            self.locals.borrow_mut()[index] = Some(pointer);
            pointer
        })
    }

    /// Where a value is kept for the loops that use it, if they do.
    pub(super) fn captured(&self, value: ValueId) -> Option<Pointer<'ctx>> {
        let offset = self.layout.captured.get(&value)?;
        Some(self.in_scratch(*offset))
    }

    /// Size of a type in memory.
    pub(super) fn size(&self, ty: TypeId) -> u32 {
        self.unit.program.types.size(ty)
    }

    /// Room on the stack for the statement at hand, aligned to 8. Statements share slots, because helpers see
    /// their addresses and so LLVM would keep them all apart.
    pub(super) fn temporary(&mut self, size: u32) -> Pointer<'ctx> {
        let size = size.next_multiple_of(8);
        if let Some(free) =
            self.temporaries.iter_mut().find(|slot| !slot.taken && slot.size == size)
        {
            free.taken = true;
            return free.pointer;
        }
        let pointer = self.emitter.alloca(size);
        self.temporaries.push(Temporary { size, pointer, taken: true });
        pointer
    }

    /// A number that changes, in a register: nobody sees its address.
    pub(super) fn variable(&mut self, value: Int<'ctx>) -> Pointer<'ctx> {
        let pointer = self.emitter.alloca(8);
        self.emitter.store(pointer, value, 8);
        pointer
    }

    /// The statement is done.
    pub(super) fn release_temporaries(&mut self) {
        self.temporaries.iter_mut().for_each(|slot| slot.taken = false);
    }

    /// An address where the bytes can be read.
    pub(super) fn readable(&mut self, bytes: Bytes<'_, 'ctx>) -> Pointer<'ctx> {
        match bytes {
            Bytes::At { pointer, .. } => pointer,
            Bytes::Constant(constant) if constant.len() <= CONSTANT_ON_STACK => {
                let pointer = self.temporary(constant.len().max(1) as u32);
                memory::copy(self.emitter, pointer, bytes, 8);
                pointer
            }
            Bytes::Constant(constant) => self.emitter.constant(constant),
        }
    }

    /// The loader's constants.
    pub(super) fn globals(&self) -> Lowered<Pointer<'ctx>> {
        const NAME: &str = "ebt_globals";
        if let Some(known) = self.emitter.module.get_global(NAME) {
            return Ok(known.as_pointer_value());
        }
        let last = self.unit.layout.image.parameters.last();
        let parameters = last.map_or(0, |last| (last.offset + last.size).next_multiple_of(8));
        let size = size_of::<image::Globals>() as u32 + parameters;
        let global = self.emitter.zeroed_global(NAME, image::GLOBALS, size);
        global.set_constant(true);
        let word = self.unit.debug.int(8, false)?;
        let names = ["start_ns", "child_pid", "tai_offset_ns", "utc_offset_ns"];
        let places = (0..).step_by(8);
        let members: Vec<_> =
            names.into_iter().zip(places).map(|(name, at)| (name, at, 8, word)).collect();
        self.unit.debug.global(global, NAME, self.unit.debug.structure(size, &members));
        Ok(global.as_pointer_value())
    }
}

impl<'a, 'ctx> Unit<'a, 'ctx> {
    /// Calls a helper for a number.
    pub(super) fn call(&self, helper: &Helper, args: &[Argument<'ctx>]) -> Lowered<Int<'ctx>> {
        self.check(helper, args)?;
        Ok(self.emitter.call(helper, args))
    }

    /// Calls a helper that succeeds with 0 and fails with a negative number.
    pub(super) fn call_status(
        &self,
        helper: &Helper,
        args: &[Argument<'ctx>],
    ) -> Lowered<Int<'ctx>> {
        let result = self.call(helper, args)?;
        // Before Linux 6.3 those of maps return an `int`, and the register's upper half means nothing.
        Ok(self.emitter.resize(self.emitter.resize(result, 32, false), 64, true))
    }

    /// Calls a helper for an address.
    pub(super) fn call_pointer(
        &self,
        helper: &Helper,
        args: &[Argument<'ctx>],
    ) -> Lowered<Pointer<'ctx>> {
        self.check(helper, args)?;
        Ok(self.emitter.call_pointer(helper, args))
    }

    fn check(&self, helper: &Helper, args: &[Argument<'ctx>]) -> Lowered<()> {
        let Helper { name, since: (major, minor), arity, .. } = *helper;
        if args.len() != arity {
            return Err(Invariant(format!(
                "bpf_{name} takes {arity} arguments, not {}",
                args.len()
            )));
        }
        if !helper.in_kernel(self.target.version) {
            return Err(Invariant(format!("bpf_{name} needs Linux {major}.{minor}")));
        }
        Ok(())
    }

    /// A map of the script and its table.
    pub(super) fn map(&self, index: u32) -> Lowered<(&'a image::Map, Pointer<'ctx>)> {
        let at = index as usize;
        match (self.layout.image.maps.get(at), self.maps.script.get(at)) {
            (Some(table), Some(&map)) => Ok((table, map)),
            _ => Err(Invariant(format!("no map {index}"))),
        }
    }

    /// The map of its whole keys, where it has digests.
    pub(super) fn names(&self, index: u32) -> Option<Pointer<'ctx>> {
        self.maps.names.get(index as usize).copied().flatten()
    }
}
