//! The script as it was written, before anything is known about its names and types.
//!
//! A tree without types: the grammar builds it through the constructors here, [`super::print`] turns it back into
//! a script, and the checker lowers it into IR. Nothing in it changes after parsing.

use crate::source::Span;

/// A whole script.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Script {
    /// The items in order.
    pub items: Vec<Item>,
}

/// A thing at the top level of a script.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// `kprobe:f /pid == 1/ { … }`
    Probe(Probe),
}

/// Attach points, predicate and body.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// At least one.
    pub points: Vec<AttachPoint>,
    /// `/expr/`
    pub predicate: Option<Expr>,
    /// `{ … }`, or `< … >` around the same.
    pub body: Block,
}

/// An attach point as written; its inside is read by `syntax::attach` once the positional parameters are known.
#[derive(Debug, Clone, PartialEq)]
pub struct AttachPoint {
    /// `kprobe:vfs_read`
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// Statements in braces (or, around a probe's body only, in angle brackets).
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// In order.
    pub stmts: Vec<Stmt>,
    /// Delimiters included.
    pub span: Span,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Stmt {
    /// Which.
    pub kind: StmtKind,
    /// Its place, without the semicolon.
    pub span: Span,
}

/// The kinds of statement.
#[derive(Debug, Clone, PartialEq)]
pub enum StmtKind {
    /// `printf("hi")`, `@x++`
    Expr(Expr),
    /// `$x = 1`, `@a[1] += 2`
    Assign {
        /// [`ExprKind::Variable`] or [`ExprKind::Map`]; the parser lets nothing else through.
        target: Expr,
        /// The operator of a compound assignment.
        op: Option<BinaryOp>,
        /// The right side.
        value: Expr,
    },
    /// `if (a) { … } else { … }`
    If(If),
    /// `unroll (3) { … }`
    Unroll {
        /// How often.
        count: Expr,
        /// What.
        body: Block,
    },
}

/// `if`, with all of its `else if`s nested in [`If::otherwise`].
#[derive(Debug, Clone, PartialEq)]
pub struct If {
    /// Between `if` and the block.
    pub condition: Expr,
    /// Where it holds.
    pub then: Block,
    /// Where it does not.
    pub otherwise: Option<Else>,
}

/// What follows `else`.
#[derive(Debug, Clone, PartialEq)]
pub enum Else {
    /// `else if …`
    If(Box<If>),
    /// `else { … }`
    Block(Block),
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// Which.
    pub kind: ExprKind,
    /// Its place, outer parentheses not included.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `42`, `0x1f`, `5ms`: the value, durations in nanoseconds.
    Int(u64),
    /// `"text"`, escapes resolved; any bytes, NUL included.
    Str(Vec<u8>),
    /// `true`, `false`
    Bool(bool),
    /// `$1`
    Positional(u64),
    /// `$#`
    PositionalCount,
    /// `pid`, `args`: a builtin's name, until the checker has looked.
    Ident(String),
    /// `$x`, without the sigil.
    Variable(String),
    /// `@`, `@x`, `@x[1, 2]`
    Map {
        /// Without the sigil; empty for the anonymous map.
        name: String,
        /// The expressions in brackets; `None` without brackets.
        key: Option<Vec<Expr>>,
    },
    /// `count()`, `str(arg0, 16)`
    Call {
        /// The function's name.
        name: String,
        /// Place of the name.
        name_span: Span,
        /// In order.
        args: Vec<Expr>,
    },
    /// `args.filename`, `args->filename`
    Field {
        /// Left of the dot.
        base: Box<Expr>,
        /// Right of it.
        name: String,
        /// Place of the name.
        name_span: Span,
    },
    /// `-x`, `!x`, `~x`
    Unary {
        /// Which.
        op: UnaryOp,
        /// On what.
        operand: Box<Expr>,
    },
    /// `a + b`
    Binary {
        /// Which.
        op: BinaryOp,
        /// Place of the operator.
        op_span: Span,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `a ? b : c`; `a ?: c` has no middle.
    Ternary {
        /// Before the question mark.
        condition: Box<Expr>,
        /// Between question mark and colon.
        then: Option<Box<Expr>>,
        /// After the colon.
        otherwise: Box<Expr>,
    },
    /// `x++`, `--@a[1]`
    Step {
        /// [`ExprKind::Variable`] or [`ExprKind::Map`]; the parser lets nothing else through.
        target: Box<Expr>,
        /// `++` or `--`.
        op: StepOp,
        /// Before the operand instead of after it.
        prefix: bool,
    },
}

/// Operators with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-`
    Negate,
    /// `!`
    Not,
    /// `~`
    Complement,
}

/// `++` and `--`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepOp {
    /// `++`
    Increment,
    /// `--`
    Decrement,
}

/// Operators with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the name is the operator's")]
pub enum BinaryOp {
    Multiply,
    Divide,
    Remainder,
    Add,
    Subtract,
    ShiftLeft,
    ShiftRight,
    Less,
    Greater,
    LessEqual,
    GreaterEqual,
    Equal,
    NotEqual,
    BitAnd,
    BitXor,
    BitOr,
    And,
    Or,
}

impl BinaryOp {
    /// As the script writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::Remainder => "%",
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::ShiftLeft => "<<",
            BinaryOp::ShiftRight => ">>",
            BinaryOp::Less => "<",
            BinaryOp::Greater => ">",
            BinaryOp::LessEqual => "<=",
            BinaryOp::GreaterEqual => ">=",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::BitAnd => "&",
            BinaryOp::BitXor => "^",
            BinaryOp::BitOr => "|",
            BinaryOp::And => "&&",
            BinaryOp::Or => "||",
        }
    }
}

impl UnaryOp {
    /// As the script writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            UnaryOp::Negate => "-",
            UnaryOp::Not => "!",
            UnaryOp::Complement => "~",
        }
    }
}

impl StepOp {
    /// As the script writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            StepOp::Increment => "++",
            StepOp::Decrement => "--",
        }
    }
}
