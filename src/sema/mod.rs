//! The checker: from the tree to IR.
//!
//! One walk both checks and lowers. Types of variables and maps come from the facts of the walk before
//! (`facts.rs`), and the walk is repeated until they no longer change; only the last one's complaints count. Where
//! something is wrong the walk goes on with an operand of type [`TypeId::UNKNOWN`], about which nothing is ever
//! complained again.

mod address;
mod args;
mod assign;
mod cast;
mod compound;
mod control;
mod declared;
mod define;
mod element;
mod equal;
mod error;
mod expr;
mod external;
mod facts;
mod field;
mod fold;
mod function;
mod introspect;
mod iterator;
mod join;
mod limit;
mod lvalue;
mod machine;
mod mark;
mod object;
mod operator;
mod option;
mod param;
mod part;
mod permit;
mod place;
mod point;
mod pointer;
mod probe;
mod reading;
mod scope;
mod stmt;
mod subscript;
mod symbol;
mod trial;
mod types;
mod user;
mod walks;
mod worded;

pub use option::unknown_parameters;
pub use reading::Reading;

use std::collections::{HashMap, HashSet};

use ebtrace_image::StackMode;
use facts::{Asked, Clocks, Facts, VariableKey};
use walks::Walks;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::expand::object::Object;
use crate::host::{Arch, Host};
use crate::ir::build::Builder;
use crate::ir::{Expr, ExprId, FunctionId, Helper, LocalId, Program, ProgramType, ValueId};
use crate::options::Options;
use crate::probe::{Context, Kind, Target};
use crate::source::Span;
use crate::syntax::ast::Script;
use crate::types::{Space, TypeId, Types, c};

/// Checks a script and lowers it, or only the probe whose first attach point stands at `only`: then all of the script
/// says what its maps are. The program is only meaningful where there are no errors.
pub fn check(
    script: &Script,
    only: Option<Span>,
    included: Option<&c::Included>,
    objects: &[Object],
    (host, options): (&dyn Host, &Options),
) -> (Program, Diagnostics) {
    let given = Facts::default();
    let (program, diagnostics, _) = settle(script, only, included, objects, (host, options), given);
    (program, diagnostics)
}

/// What is known of a script that may be wrong.
#[derive(Debug)]
pub struct Known {
    /// With the types of its maps and variables.
    pub program: Program,
    /// The type of what stands before the field that was asked for, and the probe that it is in.
    pub asked: Option<(TypeId, String)>,
}

/// Finds out what it can of a script, also of one that is wrong, and of the type of what stands before a field of this
/// name.
pub fn ask(
    script: &Script,
    included: Option<&c::Included>,
    objects: &[Object],
    (host, options): (&dyn Host, &Options),
    field: &str,
) -> Known {
    let asked = Some(Asked { name: field.to_owned(), answer: None });
    let facts = Facts { asked, ..Facts::default() };
    let (program, _, facts) = settle(script, None, included, objects, (host, options), facts);
    Known { program, asked: facts.asked.and_then(|asked| asked.answer) }
}

/// Declares the script's C, and walks until the types no longer change; then once more through the one probe that alone
/// is wanted, with what is known of maps by then.
fn settle(
    script: &Script,
    only: Option<Span>,
    included: Option<&c::Included>,
    objects: &[Object],
    (host, options): (&dyn Host, &Options),
    facts: Facts,
) -> (Program, Diagnostics, Facts) {
    let mut types = Types::new();
    let (declared, mut diagnostics) = c::declare(script, included, host, &mut types);
    if diagnostics.has_errors() {
        return (Program::default(), diagnostics, facts);
    }
    let walks = Walks { declared: &declared, objects, host, options };
    let (mut program, complaints, mut facts) = walks.settle(script, types, facts, None);
    diagnostics.append(complaints);
    if !diagnostics.has_errors() {
        let known: Vec<&str> =
            program.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        diagnostics.append(unknown_parameters(&known, options));
    }
    if let Some(only) = only.filter(|_| !diagnostics.has_errors()) {
        let (part, given) = (script.with_probe(only), facts.of_maps());
        (program, _, facts) = walks.settle(&part, program.types, Facts::default(), Some(&given));
    }
    let variables = facts.variables.iter();
    program.typed.extend(variables.map(|((_, span), slot)| (*span, slot.ty)));
    define::replaced(&program.types, &declared, host, &mut diagnostics);
    (program, diagnostics, facts)
}

/// What an expression became.
#[derive(Debug, Clone)]
pub struct Operand {
    /// The value; of no meaning where the type is unknown or void.
    pub expr: ExprId,
    /// Its type.
    pub ty: TypeId,
    /// The value itself where it is known now.
    pub literal: Option<Literal>,
}

/// A value that is known before the script runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// Fits `i64` or `u64`.
    Int(i128),
    /// `true` or `false`.
    Bool(bool),
    /// Text without its NUL.
    Str(Vec<u8>),
    /// The parts of a tuple or record, each where it is known.
    Tuple(Vec<Option<Literal>>),
}

impl Literal {
    /// Whether all of it is known.
    pub fn is_whole(&self) -> bool {
        match self {
            Literal::Tuple(parts) => {
                parts.iter().all(|part| part.as_ref().is_some_and(Literal::is_whole))
            }
            _ => true,
        }
    }
}

/// An operand and its place.
pub(crate) type Placed = (Operand, Span);

impl Operand {
    /// The number of an integer literal.
    pub fn literal_int(&self) -> Option<i128> {
        match self.literal {
            Some(Literal::Int(number)) => Some(number),
            _ => None,
        }
    }

    /// Whether it is a non-negative integer literal, which takes on the sign of what it meets.
    pub fn flexible(&self) -> bool {
        self.literal_int().is_some_and(|number| number >= 0)
    }
}

/// A variable that exists at this point of the walk.
#[derive(Debug, Clone, Copy)]
struct Variable {
    local: LocalId,
    key: VariableKey,
}

/// The walk through one probe.
pub struct Lower<'a> {
    /// Takes the IR.
    pub b: Builder<'a>,
    host: &'a dyn Host,
    options: &'a Options,
    /// The script's C.
    declared: &'a c::Declared,
    /// What the script imports for its programs to call.
    objects: &'a [Object],
    /// The `#define`s whose text is being read, and where each is used.
    defines: Vec<(String, Span)>,
    kind: &'static Kind,
    /// What the program is attached to, which is one at least.
    targets: &'a [Target],
    /// Number of the attach point.
    point: usize,
    /// Number of the probe in the script.
    probe: usize,
    /// Facts of the walk before.
    known: &'a Facts,
    /// Facts of this walk.
    found: &'a mut Facts,
    maps: &'a HashMap<String, crate::ir::MapId>,
    diagnostics: &'a mut Diagnostics,
    /// Variables by name, innermost block last.
    scopes: Vec<HashMap<String, Variable>>,
    /// Where variables that no longer exist were assigned.
    gone: HashMap<String, Span>,
    /// Reads of aggregations as numbers, and the types of those maps' values.
    aggregates: HashMap<ExprId, TypeId>,
    /// Numbers that are addresses of the kernel's memory, whichever probe has them.
    of_kernel: HashSet<ExprId>,
    /// Times, and values that have such among their elements, with the clocks that they were read from.
    clocks: HashMap<ExprId, Clocks>,
    /// Whether `exit()` or the like was reached in this block.
    ended: bool,
    /// Number of loops around the statement at hand.
    loops: u32,
    /// Variables that something was assigned to above.
    assigned: HashSet<VariableKey>,
    /// Variables that were complained of because nothing was.
    warned: HashSet<VariableKey>,
    /// What the function at hand returns; `None` in a probe.
    function: Option<function::Returns>,
    /// The functions of the script.
    functions: &'a HashMap<String, function::Signature>,
    /// Those that were called, and where.
    calls: Vec<(FunctionId, Span)>,
    /// Whether only types are wanted, so that what is doubtful does not matter.
    quiet: bool,
}

impl Lower<'_> {
    /// Complains.
    pub(crate) fn complain(&mut self, diagnostic: Diagnostic) {
        if !self.quiet || diagnostic.severity == Severity::Error {
            let diagnostic = self.with_uses(diagnostic);
            self.diagnostics.push(diagnostic);
        }
    }

    /// The operand for something that is wrong or not known yet.
    pub fn poison(&mut self) -> Operand {
        Operand { expr: self.b.int(0, TypeId::I64), ty: TypeId::UNKNOWN, literal: None }
    }

    /// The operand of what has only an effect.
    pub fn void(&mut self) -> Operand {
        Operand { expr: self.b.int(0, TypeId::I64), ty: TypeId::VOID, literal: None }
    }

    /// An expression as an operand.
    pub fn operand(&mut self, expr: ExprId) -> Operand {
        Operand { expr, ty: self.b.ty(expr), literal: None }
    }

    /// What a local holds now.
    pub fn local_operand(&mut self, local: LocalId) -> Operand {
        let expr = self.b.read(local);
        self.operand(expr)
    }

    /// The result of a statement.
    pub fn result(&mut self, value: ValueId) -> Operand {
        // Statements that name a result of their own kind of type are all conditions so far.
        let expr = self.b.add(Expr::Value(value), TypeId::BOOL);
        self.operand(expr)
    }

    /// A text that is known now; what follows a NUL is not part of it.
    pub fn text(&mut self, text: &[u8]) -> Operand {
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        let expr = self.b.bytes(text);
        Operand { expr, ty: self.b.ty(expr), literal: Some(Literal::Str(text.to_vec())) }
    }

    /// A number that is known now, in the smallest signed type, or `uint64` above that.
    pub fn number(&mut self, number: i128) -> Operand {
        let ty = match number {
            -0x80..=0x7f => TypeId::I8,
            -0x8000..=0x7fff => TypeId::I16,
            -0x8000_0000..=0x7fff_ffff => TypeId::I32,
            number if number <= i128::from(i64::MAX) => TypeId::I64,
            _ => TypeId::U64,
        };
        let mask = match self.b.types().size(ty) {
            8 => u64::MAX,
            size => (1 << (size * 8)) - 1,
        };
        Operand {
            expr: self.b.int(number as u64 & mask, ty),
            ty,
            literal: Some(Literal::Int(number)),
        }
    }

    /// `true` or `false`, known now.
    pub fn boolean(&mut self, value: bool) -> Operand {
        let expr = self.b.int(u64::from(value), TypeId::BOOL);
        Operand { expr, ty: TypeId::BOOL, literal: Some(Literal::Bool(value)) }
    }

    /// As messages spell a type.
    pub fn type_name(&mut self, ty: TypeId) -> String {
        self.b.types().name(ty).to_string()
    }

    /// Instruction set of the machine.
    pub fn arch(&self) -> Arch {
        self.host.arch()
    }

    /// How many frames at least of a stack of the kernel are those of the program itself, and of what runs it.
    pub fn own_frames(&self) -> u64 {
        let target = self.target();
        let runs_within = matches!(
            target.program,
            ProgramType::TypedEvent | ProgramType::FunctionEntry | ProgramType::FunctionExit
        );
        // The program, and the kernel's trampoline; each loop's body is a function, and so is what is guarded.
        let more = u64::from(self.loops) + u64::from(target.dangerous);
        if runs_within { 2 + more } else { 0 }
    }

    /// Where the addresses in the probe's arguments point.
    pub fn space(&self) -> Space {
        self.kind.space
    }

    /// The largest string in bytes, its NUL included.
    pub fn max_strlen(&self) -> u32 {
        self.options.settings.max_strlen
    }

    /// How stacks are shown where they do not say so themselves.
    pub fn stack_mode(&self) -> StackMode {
        self.options.stack_mode
    }

    /// What the probe's program can read.
    pub fn probe_context(&self) -> Context {
        self.target().context
    }

    /// The probe is carried out by another mechanism than its name says.
    pub fn is_substituted(&self) -> bool {
        self.target().is_substituted()
    }

    /// Whether it is attached like this.
    pub fn is_attached(&self, how: impl Fn(&ebtrace_image::Attach) -> bool) -> bool {
        how(&self.target().attach)
    }

    /// It is the code of a function, which any probe may call.
    pub fn is_in_function(&self) -> bool {
        self.function.is_some()
    }

    /// How the kernel runs its program.
    pub fn program_type(&self) -> ProgramType {
        self.target().program
    }

    /// The program reads registers that not every way to attach has.
    pub fn needs_registers(&mut self) {
        self.found.registers.insert(self.point);
    }

    /// Where in the context stands what the probed function returned, if that is known there, and its type.
    pub fn result_place(&self) -> Option<(Option<u32>, TypeId)> {
        self.target().result
    }

    /// What `args` points to. Programs that read it are made for one target each.
    pub fn args_type(&mut self) -> Option<TypeId> {
        // Who asks for the fields is content with those of the first.
        if self.targets.len() > 1 && self.found.asked.is_none() {
            self.found.typed.insert(self.point);
        }
        self.target().args
    }

    /// Name of the probed function.
    pub fn function_name(&mut self) -> Operand {
        self.of_target(|target| target.function.as_deref().unwrap_or_default())
    }

    /// Full name of the probe.
    pub fn probe_label(&mut self) -> Operand {
        self.of_target(|target| &target.label)
    }

    /// Name of the probe's type.
    pub fn probe_type(&self) -> &'static str {
        self.kind.type_name()
    }

    /// What the probe can read.
    pub(crate) fn context(&self) -> Context {
        self.target().context
    }

    /// The first of the targets, which stands for all where they do not differ.
    fn target(&self) -> &Target {
        &self.targets[0]
    }

    /// A text that each of the targets has: chosen by the number that each is attached with.
    fn of_target(&mut self, text: impl Fn(&Target) -> &str) -> Operand {
        let texts: Vec<&[u8]> = self.targets.iter().map(|target| text(target).as_bytes()).collect();
        if let [text] = texts[..] {
            return self.text(text);
        }
        let cookie = self.cookie();
        let row = self.b.row(&texts, cookie);
        self.operand(row)
    }

    /// Which of the targets it is, as a number.
    fn cookie(&mut self) -> ExprId {
        let context = self.b.add(Expr::ContextAddress(0), TypeId::U64);
        self.b.call(Helper::GetAttachCookie, vec![context], TypeId::U64)
    }

    /// The rest of the block is never reached.
    pub fn ends(&mut self) {
        self.ended = true;
    }

    /// The address of a memory value, for helpers that read there.
    pub fn address_of(&mut self, operand: &Operand) -> ExprId {
        if let Expr::Local(local) = *self.b.expr(operand.expr) {
            return self.b.address(local, 0);
        }
        let local = self.b.local("text", operand.ty);
        self.b.store(local, operand.expr);
        self.b.address(local, 0)
    }
}
