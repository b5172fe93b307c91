//! The back end: from verified IR to a BPF object.
//!
//! The object is complete in itself: libbpf and bpftool load it without knowing ebtrace. It holds one program for
//! each probe, the script's maps, and BTF for both, with lines that point into the script.
//!
//! Lowering knows the operations of the IR, program types and helper numbers; builtins and probe types mean nothing
//! here. What the verifier of the IR let through cannot fail: an error is a [`Bug`].
//!
//! - [`context`] is all that lowering sees of LLVM.
//! - `probe` opens a program; `stmt` and `expr` fill it; `access`, `aggregate`, `call`, `event`, `iterator`, `external`, `rare`, `region`, `string` and `unwind` are what takes
//!   more than a few instructions; `memory` moves bytes.
//! - `map` and `debug` describe maps, programs and lines; `lines` puts the script's text into the result, and
//!   `listing` shows instructions below it.

mod access;
mod aggregate;
mod arithmetic;
mod call;
mod context;
mod debug;
mod digest;
mod emission;
mod event;
mod expr;
mod external;
mod guard;
mod helper;
mod iterator;
mod kernel;
mod lines;
mod listing;
mod map;
mod memory;
mod probe;
mod rare;
mod region;
mod series;
mod session;
mod start;
mod stmt;
mod string;
mod unwind;

use std::cell::{Cell, RefCell};
use std::fmt;

use ebtrace_image::Action;

use crate::host::Version;
use crate::ir::layout::Layout;
use crate::ir::{self, Program};
use crate::pipeline::Watch;
use crate::source::Sources;

/// The kernel that the object is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Its version.
    pub version: Version,
    /// One more than the greatest number that a CPU of the machine can have.
    pub possible_cpus: u32,
}

/// A fault of the compiler, never of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bug {
    /// What should have held.
    pub what: String,
    /// The function's IR; empty where no function was at fault.
    pub ir: String,
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if self.ir.is_empty() { Ok(()) } else { write!(f, "\n{}", self.ir) }
    }
}

impl std::error::Error for Bug {}

/// What does not hold although it should.
#[derive(Debug)]
struct Invariant(String);

/// The result of lowering something.
type Lowered<T> = Result<T, Invariant>;

impl From<Invariant> for Bug {
    fn from(invariant: Invariant) -> Bug {
        Bug { what: invariant.0, ir: String::new() }
    }
}

/// Why there is no object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A program is too long for the kernel: its index.
    TooLong(usize),
    /// A program needs more stack than there is: its index.
    OutOfStack(usize),
    /// The compiler has a fault.
    Bug(Bug),
}

impl From<Bug> for Failure {
    fn from(bug: Bug) -> Failure {
        Failure::Bug(bug)
    }
}

/// When the text of [`llvm_text`] is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// As lowering leaves it.
    Lowered,
    /// After LLVM's passes.
    Optimised,
}

/// Makes the BPF object, an ELF file.
///
/// # Errors
/// If a program is too long, or the compiler has a fault.
pub fn generate(
    program: &Program,
    layout: &Layout,
    sources: &Sources,
    target: &Target,
) -> Result<Vec<u8>, Failure> {
    generate_watched(program, layout, sources, target, &mut |_| {})
}

/// [`generate`], with somebody who wants to know how long its stages take.
///
/// # Errors
/// As [`generate`].
pub fn generate_watched(
    program: &Program,
    layout: &Layout,
    sources: &Sources,
    target: &Target,
    watch: Watch<'_>,
) -> Result<Vec<u8>, Failure> {
    // Parts of a program are called after it.
    let index = |name: &str| {
        let mut probes = layout.image.probes.iter();
        let part_of = |program: &str| {
            name.strip_prefix(program)
                .is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_digit()))
        };
        probes.position(|probe| part_of(&probe.program)).unwrap_or(0)
    };
    emission::with_module(program, layout, sources, target, |module| {
        watch("lower");
        module.optimise()?;
        watch("optimise");
        if let Some(name) = module.too_long(target) {
            return Ok(Err(Failure::TooLong(index(&name))));
        }
        let object = module.object();
        if let Some(name) = module.out_of_stack() {
            return Ok(Err(Failure::OutOfStack(index(&name))));
        }
        let mut object = object?;
        lines::restore(&mut object, sources)?;
        watch("emit");
        Ok(Ok(object))
    })?
}

/// The LLVM text of the program.
///
/// # Errors
/// As for [`generate`].
pub fn llvm_text(
    program: &Program,
    layout: &Layout,
    sources: &Sources,
    target: &Target,
    stage: Stage,
) -> Result<String, Bug> {
    emission::with_module(program, layout, sources, target, |module| {
        if stage == Stage::Optimised {
            module.optimise()?;
        }
        Ok(module.text())
    })
}

/// The instructions of each program below the lines of the script that they come from, numbered as the kernel does.
///
/// # Errors
/// As for [`generate`].
pub fn assembly(
    program: &Program,
    layout: &Layout,
    sources: &Sources,
    target: &Target,
) -> Result<String, Bug> {
    emission::with_module(program, layout, sources, target, |module| {
        module.optimise()?;
        Ok(listing::list(&module.assembly()?, &module.helpers(), layout, sources))
    })
}

/// Lowers all programs into a module.
fn lower<'ctx>(
    emitter: &context::Emitter<'ctx>,
    program: &Program,
    layout: &Layout,
    sources: &Sources,
    target: &Target,
) -> Result<(), Bug> {
    let debug = debug::Debug::new(emitter, sources);
    let scratch = layout.probes.iter().map(|probe| probe.scratch).max().unwrap_or(0);
    let mut bodies = program
        .probes
        .iter()
        .map(|probe| &probe.func.body)
        .chain(program.functions.iter().map(|(_, function)| &function.func.body));
    let rounds = region::needs_rounds(target.version) && bodies.any(region::counts);
    let guard = program.probes.iter().any(|probe| probe.guarded);
    let unwinds = layout.image.events.iter().any(|event| {
        matches!(event.action, Action::Fail { failure: ebtrace_image::Failure::NotUnwound, .. })
    });
    let needs = map::Needs { scratch, rounds, guard, unwinds };
    let maps = map::define(emitter, &debug, &layout.image, needs, target)?;
    let rare = rare::Functions::plan(program);
    let unit = probe::Unit {
        emitter,
        debug: &debug,
        program,
        layout,
        target,
        maps: &maps,
        rare: &rare,
        loops: Cell::default(),
        functions: RefCell::default(),
    };
    for index in 0..program.probes.len() {
        let fault = |invariant: Invariant| Bug {
            what: format!("{}: {}", program.probes[index].label, invariant.0),
            ir: ir::print::func(program, &program.probes[index].func),
        };
        probe::lower(&unit, index).map_err(fault)?;
    }
    emitter.section("LICENSE", "license", &[layout.license.as_bytes(), b"\0"].concat());
    if !program.externals.is_empty() {
        debug.describe_globals()?;
    }
    debug.finish();
    Ok(())
}
