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
pub mod fold;
pub mod layout;
pub mod print;
mod scope;
pub mod verify;

#[cfg(feature = "codegen")]
pub(crate) use scope::blocks_of;

use ebtrace_image as image;
use la_arena::{Arena, ArenaMap, Idx};

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
    /// `kprobe:do_sys_openat2`
    pub label: String,
    /// Where it is attached.
    pub attach: image::Attach,
    /// How the kernel runs it.
    pub program: ProgramType,
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
    /// Section `raw_tp`, run by hand for `begin` and `end`; nothing in the context.
    RawTracepoint,
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

/// A value without effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expr {
    /// A constant of any scalar type; the low bits count.
    Int(u64),
    /// A constant string: as many bytes as its type has, zeros at the end.
    Bytes(Vec<u8>),
    /// A memory value in a local. Scalars in locals are read by [`StmtKind::Load`].
    Local(LocalId),
    /// A memory value that is a part of one in a local. Scalar parts are read by [`StmtKind::LoadPart`].
    Part(Part),
    /// What a statement produced.
    Value(ValueId),
    /// A scalar at so many bytes in the context.
    Context(u32),
    /// The address so many bytes into the context, as an untyped pointer or integer.
    ContextAddress(u32),
    /// Address of a local, for helpers that write there; at so many bytes from its start.
    Address(LocalId, u32),
    /// Address of a map, for functions that take one.
    MapAddress(MapId),
    /// Known when the program is loaded.
    Global(Global),
    /// Both operands have the same type, which decides about signedness; comparisons yield bool, everything else
    /// that type. Division and remainder by zero yield 0; shift counts are taken modulo 64.
    Binary {
        /// Which.
        op: BinaryOp,
        /// Left operand.
        left: ExprId,
        /// Right operand.
        right: ExprId,
    },
    /// The value in another scalar type: integers are extended by the sign of their old type or cut; anything is
    /// true as bool if it is not zero.
    Convert(ExprId),
    /// Position of the highest bit that is set in a `u64`, from 0; 0 where none is: a `u64`.
    Log2(ExprId),
    /// The lesser of a `u64` and a constant, so that the kernel's verifier sees that it is no greater.
    Bounded(ExprId, u64),
    /// One of two scalars of the same type; both are evaluated.
    Select {
        /// A bool.
        condition: ExprId,
        /// Where it is true.
        then: ExprId,
        /// Where it is false.
        otherwise: ExprId,
    },
}

/// A part of a memory value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    /// The memory value.
    pub local: LocalId,
    /// Bytes from its start.
    pub offset: u32,
    /// Bytes further, as a `u64`, and the greatest number of them that keeps the part within the local: a greater
    /// one is replaced by it.
    pub further: Option<(ExprId, u32)>,
}

/// What is known when the program is loaded: fields of [`image::Globals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Global {
    /// [`image::Globals::start_ns`]
    StartNs,
    /// [`image::Globals::child_pid`]
    ChildPid,
}

/// Operations on two scalars of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the name is the operation's")]
pub enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
    Equal,
    NotEqual,
    Less,
    LessEqual,
}

/// Statements in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// In order.
    pub stmts: Vec<Stmt>,
}

/// A statement and the place of the script that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stmt {
    /// Which.
    pub kind: StmtKind,
    /// Becomes line information of the object.
    pub span: Span,
}

/// An effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StmtKind {
    /// Names a scalar that is used more than once. Expressions are trees: what is shared has a name.
    Let {
        /// Its name.
        result: ValueId,
        /// What it is.
        value: ExprId,
    },
    /// Reads a scalar local.
    Load {
        /// What it holds now.
        result: ValueId,
        /// Which.
        local: LocalId,
    },
    /// Assigns to a local. A scalar has the local's type. A memory value has it too, or is a shorter string, and
    /// is copied; the rest of a longer string is zeroed.
    Store {
        /// Which.
        local: LocalId,
        /// What.
        value: ExprId,
    },
    /// Assigns to a part of a memory value; a string there may be shorter than the room it has.
    StorePart {
        /// A memory value.
        local: LocalId,
        /// Bytes from its start.
        offset: u32,
        /// Type of the part.
        ty: TypeId,
        /// What.
        value: ExprId,
    },
    /// Reads a scalar that is a part of a memory value.
    LoadPart {
        /// What stands there.
        result: ValueId,
        /// Where.
        part: Part,
    },
    /// Compares two memory values of one type byte by byte.
    BytesEqual {
        /// Whether they are equal: a bool.
        result: ValueId,
        /// A memory value.
        left: ExprId,
        /// Another.
        right: ExprId,
    },
    /// Compares two strings of any sizes up to their NULs.
    StrEqual {
        /// Whether they are equal: a bool.
        result: ValueId,
        /// A string.
        left: ExprId,
        /// Another.
        right: ExprId,
    },
    /// Makes all bytes of a local zero.
    Zero {
        /// Which.
        local: LocalId,
    },
    /// Calls a BPF helper.
    Call {
        /// Which.
        helper: Helper,
        /// As many as the helper takes; scalars, addresses, or memory values (passed by address).
        args: Vec<ExprId>,
        /// What it returned, as `i64` or `u64`.
        result: Option<ValueId>,
    },
    /// Reads the value of a key; zeros where there is none. Reading an aggregation merges all CPUs' parts into one
    /// number (`count`, `sum`, `min`, `max`, `avg`).
    MapGet {
        /// Which.
        map: MapId,
        /// The key; `None` for a scalar map.
        key: Option<ExprId>,
        /// Where to; of the map's value type, or 64 bits for an aggregation.
        into: LocalId,
        /// Whether there was one: a bool.
        found: Option<ValueId>,
    },
    /// Assigns a plain value.
    MapPut {
        /// Which.
        map: MapId,
        /// The key; `None` for a scalar map.
        key: Option<ExprId>,
        /// Of the map's value type.
        value: ExprId,
        /// Sent when there is no room: an event whose one field is the helper's result (`i64`).
        full: EventId,
    },
    /// Adds to an aggregation on this CPU.
    MapAdd {
        /// Which.
        map: MapId,
        /// The key; `None` for a scalar map.
        key: Option<ExprId>,
        /// The number (64 bits), or for histograms the index of the bucket (`u64`); `None` for `count`.
        value: Option<ExprId>,
        /// As for [`StmtKind::MapPut`].
        full: EventId,
    },
    /// Looks whether a map that is not scalar has a key.
    MapHas {
        /// Which.
        map: MapId,
        /// The key.
        key: ExprId,
        /// Whether it is there: a bool.
        found: ValueId,
    },
    /// Removes a key, or makes a scalar map unset.
    MapDelete {
        /// Which.
        map: MapId,
        /// The key; `None` for a scalar map.
        key: Option<ExprId>,
        /// Whether there was one: a bool.
        found: Option<ValueId>,
    },
    /// Sends an event with its values; counted as lost when the ring buffer is full.
    Emit {
        /// Which.
        event: EventId,
        /// Of the event's field types; strings may be shorter.
        args: Vec<ExprId>,
    },
    /// Runs one of two blocks.
    If {
        /// A bool.
        condition: ExprId,
        /// Where it is true.
        then: Block,
        /// Where it is false.
        otherwise: Block,
    },
    /// A scope of its own.
    Block(Block),
    /// Repeats a block. All that the block mentions from around it is there as it is, also where the block becomes a
    /// function of its own.
    Loop {
        /// How often.
        kind: LoopKind,
        /// What.
        body: Block,
    },
    /// Leaves the innermost loop.
    Break,
    /// Begins the next round of the innermost loop.
    Continue,
    /// Calls a function of the script.
    CallFunction {
        /// Which.
        function: FunctionId,
        /// Of its parameters' types; strings may be shorter.
        args: Vec<ExprId>,
        /// What it returned, if that is a scalar.
        result: Option<ValueId>,
        /// Where a memory value that it returned is put.
        into: Option<LocalId>,
    },
    /// Ends the program or function, from within any number of loops: with this scalar (`i64` for a program), or with
    /// [`Func::returns`].
    Return(Option<ExprId>),
}

impl StmtKind {
    /// The value that it names.
    pub fn result(&self) -> Option<ValueId> {
        match self {
            StmtKind::Let { result, .. }
            | StmtKind::Load { result, .. }
            | StmtKind::LoadPart { result, .. }
            | StmtKind::BytesEqual { result, .. }
            | StmtKind::StrEqual { result, .. } => Some(*result),
            StmtKind::Call { result, .. } | StmtKind::CallFunction { result, .. } => *result,
            StmtKind::MapHas { found, .. } => Some(*found),
            StmtKind::MapGet { found, .. } | StmtKind::MapDelete { found, .. } => *found,
            _ => None,
        }
    }
}

impl LoopKind {
    /// What it assigns in each round.
    pub fn locals(&self) -> Vec<LocalId> {
        match self {
            LoopKind::Endless { .. } => Vec::new(),
            LoopKind::Range { index, .. } => vec![*index],
            LoopKind::Map { key, value, .. } => key.iter().chain(value).copied().collect(),
        }
    }
}

/// How often a loop repeats its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoopKind {
    /// Until [`StmtKind::Break`] or [`StmtKind::Return`], at most [`MOST_ROUNDS`] times; then `endless` is sent, an
    /// event without fields.
    Endless {
        /// Says that the loop did not end.
        endless: EventId,
    },
    /// Once for each number from the first to the one before the second, both `i64` and evaluated once; at most
    /// [`MOST_ROUNDS`] times, then `endless` is sent.
    Range {
        /// The first.
        from: ExprId,
        /// One past the last.
        to: ExprId,
        /// Is assigned the number: an `i64`.
        index: LocalId,
        /// Says that the loop did not end.
        endless: EventId,
    },
    /// Once for each key of a map.
    Map {
        /// Which; not a scalar one.
        map: MapId,
        /// Is assigned the key.
        key: Option<LocalId>,
        /// Is assigned the value, of the map's type, or 64 bits for an aggregation, merged over all CPUs.
        value: Option<LocalId>,
    },
}

/// What a loop repeats at most: the kernel's own limit (`BPF_MAX_LOOPS`).
pub const MOST_ROUNDS: u64 = 1 << 23;

/// The BPF helpers that statements call by name; `codegen::helper` has their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Helper {
    /// `u64 bpf_ktime_get_boot_ns()`
    KtimeGetBootNs,
    /// `u64 bpf_get_current_pid_tgid()`
    GetCurrentPidTgid,
    /// `u64 bpf_get_current_uid_gid()`
    GetCurrentUidGid,
    /// `long bpf_get_current_comm(void *buffer, u32 size)`
    GetCurrentComm,
    /// `u64 bpf_get_current_task()`
    GetCurrentTask,
    /// `u32 bpf_get_smp_processor_id()`
    GetSmpProcessorId,
    /// `long bpf_probe_read_kernel(void *into, u32 size, const void *from)`
    ProbeReadKernel,
    /// `long bpf_probe_read_user(void *into, u32 size, const void *from)`
    ProbeReadUser,
    /// `long bpf_probe_read_kernel_str(void *into, u32 size, const void *from)`
    ProbeReadKernelStr,
    /// `long bpf_probe_read_user_str(void *into, u32 size, const void *from)`
    ProbeReadUserStr,
    /// `long bpf_probe_read(void *into, u32 size, const void *from)`: of either memory, told by the address.
    ProbeRead,
    /// `long bpf_probe_read_str(void *into, u32 size, const void *from)`: likewise.
    ProbeReadStr,
    /// `long bpf_get_stack(void *context, void *into, u32 size, u64 flags)`: bytes written, or negative.
    GetStack,
    /// `u64 bpf_get_func_ip(void *context)`
    GetFuncIp,
}
