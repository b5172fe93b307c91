//! Expressions: values without effect.

use super::{ExprId, LocalId, MapId, ValueId};

/// A value without effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expr {
    /// A constant of any scalar type; the low bits count.
    Int(u64),
    /// A constant string: as many bytes as its type has, zeros at the end.
    Bytes(Vec<u8>),
    /// One of several constant strings of this type, which lie one after another.
    Row {
        /// Their bytes.
        rows: Vec<u8>,
        /// Which, as a `u64`; a number beyond the last means the last.
        index: ExprId,
    },
    /// A memory value in a local. Scalars in locals are read by [`super::StmtKind::Load`].
    Local(LocalId),
    /// A memory value that is a part of one in a local. Scalar parts are read by [`super::StmtKind::LoadPart`].
    Part(Part),
    /// What a statement produced.
    Value(ValueId),
    /// A scalar at so many bytes in the context.
    Context(u32),
    /// An address at so many bytes in the context that the kernel's verifier knows as an object's: for helpers alone.
    Object(u32),
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

/// What is known when the program is loaded: fields of [`ebtrace_image::Globals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Global {
    /// [`ebtrace_image::Globals::start_ns`]
    StartNs,
    /// [`ebtrace_image::Globals::child_pid`]
    ChildPid,
    /// [`ebtrace_image::Globals::tai_offset_ns`]
    TaiOffsetNs,
    /// [`ebtrace_image::Globals::utc_offset_ns`]
    UtcOffsetNs,
    /// The value of a parameter, so many bytes behind all of these.
    Parameter(u32),
    /// The address of one.
    ParameterAddress(u32),
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
