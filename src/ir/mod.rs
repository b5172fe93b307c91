//! The typed intermediate representation between the checker and the code generator.
//!
//! Expressions have no effects: they can be evaluated at any time, more than once or not at all. Effects are
//! statements, and their order is the order of the text. A statement that produces something names it by a
//! [`Value`] (a scalar, assigned once) or puts it into a [`Local`].
//!
//! A *scalar* is a bool, an integer or a pointer; it lives in a register. Everything else (strings, tuples, stacks,
//! symbols) is a *memory value*: an expression of such a type stands for the place where the bytes are, which is a
//! local ([`Expr::Local`]) or a constant ([`Expr::Bytes`]). Memory values are always whole: a string's buffer is
//! zero from its NUL to its end, and a tuple's padding is zero, so that equal values have equal bytes and can be
//! map keys as they are.
//!
//! Scopes: a [`Value`] may be used in the block that contains the statement which names it, after that statement,
//! and in blocks nested there. A [`Local`] belongs to the outermost block that mentions it; locals of blocks that
//! do not overlap may share memory, so nothing survives in a local from one entry of its block to the next.
//! [`verify`] holds all this, and the code generator relies on it.

pub mod build;
mod expr;
pub mod fold;
pub mod layout;
mod parameter;
pub mod print;
pub mod reuse;
mod scope;
mod stmt;
pub mod text;
pub mod typed;
pub mod verify;

use ebtrace_image as image;
pub use expr::{BinaryOp, Expr, Global, Part};
use la_arena::{Arena, ArenaMap, Idx};
pub use parameter::{Argument, Parameter, Wrong, given, help, places};
pub use scope::blocks_of;
pub use stmt::{Block, Helper, LoopKind, MOST_ROUNDS, Stmt, StmtKind, TASK_FROM_PID, Unwinding};

use crate::host::object::{CType, Prototype};
use crate::probe::Plan;
use crate::source::Span;
use crate::types::{TypeId, Types};

/// Index of an [`Expr`] in its [`Func`].
pub type ExprId = Idx<Expr>;
/// Index of a [`Value`] in its [`Func`].
pub type ValueId = Idx<Value>;
/// Index of a [`Local`] in its [`Func`].
pub type LocalId = Idx<Local>;
/// Index of a [`Map`] in the [`Program`].
pub type MapId = Idx<Map>;
/// Index of an [`Event`] in the [`Program`].
pub type EventId = Idx<Event>;
/// Index of a [`Function`] in the [`Program`].
pub type FunctionId = Idx<Function>;
/// Index of a function in C in the [`Program`].
pub type ExternalId = Idx<Prototype>;
/// Index of a variable of the kernel in the [`Program`].
pub type VariableId = Idx<Variable>;
/// Index of a place in [`Program::sites`].
pub type SiteId = Idx<Span>;

/// A checked script.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// All types that occur.
    pub types: Types,
    /// The script's maps.
    pub maps: Arena<Map>,
    /// What is sent to user space.
    pub events: Arena<Event>,
    /// Places that can report something at run time.
    pub sites: Arena<Span>,
    /// One program for each attach point, in the order of the script.
    pub probes: Vec<Probe>,
    /// What programs call.
    pub functions: Arena<Function>,
    /// What programs call of the objects that the script imports.
    pub externals: Arena<Prototype>,
    /// Variables of the kernel that programs look at, of which each CPU has its own.
    pub variables: Arena<Variable>,
    /// What the script takes by name from its command line.
    pub parameters: Vec<Parameter>,
    /// Types of the script's expressions, in no order; one that is lowered for several probes has several.
    pub typed: Vec<(Span, TypeId)>,
}

/// A function of the script that programs call: a BPF function of its own.
#[derive(Debug, Clone)]
pub struct Function {
    /// As the script calls it.
    pub name: String,
    /// The locals of [`Function::func`] that hold the arguments.
    pub params: Vec<LocalId>,
    /// What [`StmtKind::Return`] carries; void where it carries nothing. A memory value is put into
    /// [`Function::returned`] before the function returns nothing.
    pub result: TypeId,
    /// The local that a memory value is returned in.
    pub returned: Option<LocalId>,
    /// Where it is defined.
    pub site: SiteId,
    /// The code.
    pub func: Func,
}

/// A variable of the kernel of which each CPU has its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its symbol.
    pub name: String,
    /// Its type.
    pub ty: CType,
}

/// A map of the script.
#[derive(Debug, Clone)]
pub struct Map {
    /// Without the sigil; empty for `@`.
    pub name: String,
    /// `None` for a scalar map; several keys are one tuple.
    pub key: Option<TypeId>,
    /// Plain value, or an aggregation.
    pub value: TypeId,
    /// Number of keys it can hold.
    pub max_entries: u32,
    /// The script says so itself.
    pub declared: bool,
    /// When it is full, the key that was used least recently makes room.
    pub evicts: bool,
}

/// Something that is sent to user space.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What happens there; map and site ids are the arenas' indices.
    pub action: image::Action,
    /// Types of the values that travel with it.
    pub fields: Vec<TypeId>,
    /// Index in [`Program::probes`] of the program that sends it.
    pub probe: usize,
}

/// A program for one attach point.
#[derive(Debug, Clone)]
pub struct Probe {
    /// `kprobe:do_sys_openat2`, `kprobe:vfs_*`
    pub label: String,
    /// Where it is attached; what [`Expr::Row`] chooses by.
    pub points: Vec<image::Point>,
    /// How.
    pub plan: Plan,
    /// How the kernel runs it.
    pub program: ProgramType,
    /// Index in [`Program::probes`] of the probe of the same functions' returns: one program carries out both.
    pub returns: Option<usize>,
    /// Its program may also carry out another probe, or be carried out by another's.
    pub joins: bool,
    /// What it calls may come to where it is attached: then, and where others like it are, none of them runs.
    pub guarded: bool,
    /// The attach point.
    pub site: SiteId,
    /// The code.
    pub func: Func,
}

/// How the kernel runs a program: decides section, context and what may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProgramType {
    /// Section `kprobe`: kernel and user functions; the context is `struct pt_regs`.
    Kprobe,
    /// Section `tracepoint`: the context is the tracepoint's record.
    Tracepoint,
    /// Section `perf_event`: timers; the context is `struct bpf_perf_event_data`.
    PerfEvent,
    /// Section `tp_btf`: events of the kernel; the context is the event's arguments, 8 bytes each, and the kernel knows
    /// their types.
    TypedEvent,
    /// Section `fentry`: functions of the kernel, when they are entered; the context is their arguments, 8 bytes each,
    /// and the kernel knows their types.
    FunctionEntry,
    /// Section `fexit`: the same when they return; behind the arguments is the result.
    FunctionExit,
    /// Section `iter`: objects of the kernel, one after the other; the context holds addresses whose types the kernel
    /// knows. What is sent is written for whoever reads the iterator.
    Iterator,
    /// The same where nobody but people will read it: what is sent is written as text.
    TextIterator,
    /// Section `raw_tp`, run by hand for `begin` and `end`; nothing in the context.
    RawTracepoint,
}

impl ProgramType {
    /// Whether a program can be attached to several places at a time.
    pub fn is_shared(self) -> bool {
        match self {
            ProgramType::Kprobe | ProgramType::Tracepoint | ProgramType::PerfEvent => true,
            ProgramType::TypedEvent
            | ProgramType::FunctionEntry
            | ProgramType::FunctionExit
            | ProgramType::Iterator
            | ProgramType::TextIterator
            | ProgramType::RawTracepoint => false,
        }
    }

    /// Whether the kernel's verifier knows the types of what the context holds.
    pub fn has_typed_context(self) -> bool {
        matches!(
            self,
            ProgramType::TypedEvent | ProgramType::FunctionEntry | ProgramType::FunctionExit
        ) || self.is_iterator()
    }

    /// Whether it goes through objects of the kernel, once, and is done.
    pub fn is_iterator(self) -> bool {
        matches!(self, ProgramType::Iterator | ProgramType::TextIterator)
    }
}

/// The code of a program.
#[derive(Debug, Clone, Default)]
pub struct Func {
    /// Values without effect.
    pub exprs: Arena<Expr>,
    /// Type of each expression.
    pub types: ArenaMap<ExprId, TypeId>,
    /// Place of each expression.
    pub spans: ArenaMap<ExprId, Span>,
    /// Results of statements.
    pub values: Arena<Value>,
    /// Variables and buffers.
    pub locals: Arena<Local>,
    /// What it does.
    pub body: Block,
    /// What it returns when it falls off the end or meets [`StmtKind::Return`].
    pub returns: i32,
}

/// A scalar that a statement produced; assigned once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// A scalar type.
    pub ty: TypeId,
}

/// A variable of the script or a buffer of the compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// `$x`, or what the buffer is for (`key`, `str`, `comm`).
    pub name: String,
    /// Any type with a size.
    pub ty: TypeId,
}
