//! The script as it was written, before anything is known about its names and types.
//!
//! A tree without types: the grammar builds it through the constructors here, [`super::print`] turns it back into
//! a script, and the checker lowers it into IR. Nothing in it changes after parsing.

mod operator;
pub mod walk;

pub use operator::{BinaryOp, StepOp, UnaryOp};

use crate::source::{Span, Spanned};

/// A whole script.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Script {
    /// The items in order.
    pub items: Vec<Item>,
}

impl Script {
    /// The probes in order.
    pub fn probes(&self) -> impl Iterator<Item = &Probe> {
        self.items.iter().filter_map(|item| match item {
            Item::Probe(probe) => Some(probe),
            _ => None,
        })
    }

    /// The same without all probes but the one whose first attach point stands at a place.
    pub fn with_probe(&self, at: Span) -> Script {
        let stays = |item: &&Item| match item {
            Item::Probe(probe) => probe.points.first().is_some_and(|point| point.span == at),
            _ => true,
        };
        Script { items: self.items.iter().filter(stays).cloned().collect() }
    }
}

/// A thing at the top level of a script.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// `kprobe:f /pid == 1/ { … }`
    Probe(Probe),
    /// `macro add($x, @m, y) { … }`
    Macro(Macro),
    /// `fn twice($x : int64) : int64 { … }`
    Function(Function),
    /// `let @a = lruhash(100);`
    MapDecl(MapDecl),
    /// `config = { max_strlen = 64 }`
    Config(Config),
    /// `import "lib.bt";`
    Import(Import),
    /// A preprocessor line, or a definition of a struct, union, enum or typedef: C, read by `types::c`.
    C(CText),
}

/// A piece of C as written.
#[derive(Debug, Clone, PartialEq)]
pub struct CText {
    /// `struct pair { int a; int b; };`, `#define N 3`, lines that `\` continues included.
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// A name and its place.
pub type Name = Spanned<String>;

/// `config = { … }`
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// In order.
    pub entries: Vec<ConfigEntry>,
    /// The word `config`.
    pub span: Span,
}

/// `key = value` in a `config` block.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigEntry {
    /// As written.
    pub key: Name,
    /// As written, without quotes: `64`, `true`, `warn`.
    pub value: Name,
}

/// `import "path";`
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// Without the quotes, escapes resolved.
    pub path: Name,
}

/// `let @a = lruhash(100);`
#[derive(Debug, Clone, PartialEq)]
pub struct MapDecl {
    /// Without the sigil.
    pub name: Name,
    /// `hash`, `lruhash`, `percpuhash`, `percpulruhash`, or what else stands there.
    pub kind: Name,
    /// Number of keys: a literal, which the checker demands.
    pub entries: Expr,
}

/// `macro name(params) { … }`
#[derive(Debug, Clone, PartialEq)]
pub struct Macro {
    /// As it is called.
    pub name: Name,
    /// In order.
    pub params: Vec<MacroParam>,
    /// What a call stands for.
    pub body: Block,
}

/// A parameter of a macro.
#[derive(Debug, Clone, PartialEq)]
pub struct MacroParam {
    /// What it takes.
    pub kind: MacroParamKind,
    /// Without sigil.
    pub name: Name,
}

/// What a parameter of a macro takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MacroParamKind {
    /// `$x`: a variable, which the body may change.
    Variable,
    /// `@x`: a map.
    Map,
    /// `x`: any expression, or a type.
    Expr,
}

/// `fn name($a : type) : type { … }`
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// As it is called.
    pub name: Name,
    /// Variables without sigil, and their types.
    pub params: Vec<(Name, TypeExpr)>,
    /// What it returns.
    pub result: TypeExpr,
    /// The code.
    pub body: Block,
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
    /// The expression at the end that no semicolon follows: the block's value where it has one, elsewhere a statement
    /// like the others.
    pub value: Option<Box<Expr>>,
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
    /// `_ = f();`: the value is dropped on purpose.
    Discard(Expr),
    /// `let $x : int64 = 5;`
    Let {
        /// Without the sigil.
        name: Name,
        /// After the colon.
        ty: Option<TypeExpr>,
        /// After the `=`.
        value: Option<Expr>,
    },
    /// `unroll (3) { … }`
    Unroll {
        /// How often.
        count: Expr,
        /// What.
        body: Block,
    },
    /// `while ($x > 0) { … }`
    While {
        /// Tested before each round.
        condition: Expr,
        /// What.
        body: Block,
    },
    /// `for ($i : 0..10) { … }`, `for ($kv : @m) { … }`
    For {
        /// The variable, without its sigil.
        name: Name,
        /// Over what.
        over: Iterable,
        /// What.
        body: Block,
    },
    /// `break;`
    Break,
    /// `continue;`
    Continue,
    /// `return;`, `return 1;`
    Return(Option<Expr>),
    /// `import "lib.bpf.c";`
    Import(Import),
}

/// What `for` goes over.
#[derive(Debug, Clone, PartialEq)]
pub enum Iterable {
    /// `a..b`, without `b`.
    Range(Expr, Expr),
    /// Anything else; the checker demands a map.
    Map(Expr),
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
    /// `typeof(T)` as an argument of a macro.
    Typeof(TypeOrExpr),
    /// `(1, "a")`, `(1,)`, `()`
    Tuple(Vec<Expr>),
    /// `(a = 1, b = "x")`
    Record(Vec<(Name, Expr)>),
    /// `$a[1]`; of maps only what follows their key.
    Index {
        /// Left of the bracket.
        base: Box<Expr>,
        /// Within the brackets.
        index: Box<Expr>,
    },
    /// `$t.0`
    Element {
        /// Left of the dot.
        base: Box<Expr>,
        /// Which, from 0.
        index: u64,
        /// Place of the number.
        index_span: Span,
    },
    /// `(uint8)$x`
    Cast {
        /// In the parentheses.
        ty: TypeExpr,
        /// After them.
        operand: Box<Expr>,
    },
    /// `sizeof(T)`, `sizeof(expr)`
    Sizeof(TypeOrExpr),
    /// `typeinfo(T)`, `typeinfo(expr)`
    Typeinfo(TypeOrExpr),
    /// `offsetof(struct s, a.b)`
    Offsetof {
        /// The type, or a value of it.
        of: TypeOrExpr,
        /// Field, its field, and so on.
        path: Vec<Name>,
    },
    /// `comptime e`
    Comptime(Box<Expr>),
    /// `if (a) { … } else { … }`, also where it stands as a statement.
    If(Box<If>),
    /// `{ …; e }`, also where it stands as a statement.
    Block(Block),
    /// `args.filename`, `args->filename`
    Field {
        /// Left of the dot.
        base: Box<Expr>,
        /// Right of it.
        name: String,
        /// Place of the name.
        name_span: Span,
    },
    /// `-x`, `!x`, `~x`, `*x`, `&x`
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

/// A type as written.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeExpr {
    /// Which.
    pub kind: TypeExprKind,
    /// Its place.
    pub span: Span,
}

/// The kinds of written type.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeExprKind {
    /// `int64`, `string`, `struct task_struct`
    Name {
        /// `struct`, `union` or `enum` in front of the name.
        tag: Option<Tag>,
        /// The name.
        name: String,
    },
    /// `T *`
    Pointer(Box<TypeExpr>),
    /// `T[4]`; `T[]` takes its length from the value.
    Array(Box<TypeExpr>, Option<u64>),
    /// `typeof(e)`
    Typeof(Box<TypeOrExpr>),
}

/// The word in front of the name of a C type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    /// `struct`
    Struct,
    /// `union`
    Union,
    /// `enum`
    Enum,
}

impl Tag {
    /// As the script writes it.
    pub fn word(self) -> &'static str {
        match self {
            Tag::Struct => "struct",
            Tag::Union => "union",
            Tag::Enum => "enum",
        }
    }
}

/// What `sizeof` and the like take.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeOrExpr {
    /// A type; a bare name is always read as one.
    Type(TypeExpr),
    /// A value, of which only the type matters.
    Expr(Box<Expr>),
}
