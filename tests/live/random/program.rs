//! The programs: a small tree of the language, and its text.

use std::fmt;

use super::types::{Int, Type};

/// A script of one `begin` probe.
#[derive(Debug, Clone, Default)]
pub(super) struct Program {
    /// `$v0`, `$v1` …: declared with these types at the start.
    pub(super) variables: Vec<Type>,
    /// What each of them holds at first.
    pub(super) initial: Vec<Expr>,
    /// `@m0`, `@m1` …
    pub(super) maps: Vec<Map>,
    /// `f0`, `f1` …: what they return for `$a` and `$b`, which are the variables that come after the others.
    pub(super) functions: Vec<Expr>,
    /// What the probe does.
    pub(super) body: Vec<Stmt>,
}

/// A map of integers.
#[derive(Debug, Clone)]
pub(super) struct Map {
    pub(super) value: Int,
    /// Of its keys; `None` for a scalar map.
    pub(super) key: Option<Int>,
}

#[derive(Debug, Clone)]
pub(super) enum Stmt {
    Assign {
        variable: usize,
        value: Expr,
    },
    /// `$v0 = ($v0 + 1, …)` and the like are `Assign`; this is `$v0 += e`.
    Update {
        variable: usize,
        op: Binary,
        value: Expr,
    },
    Put {
        map: usize,
        key: Option<Expr>,
        value: Expr,
    },
    Print(Expr),
    /// `printf("%lld %s\n", …)`
    Printf(Vec<Expr>),
    If {
        condition: Expr,
        then: Vec<Stmt>,
        otherwise: Vec<Stmt>,
    },
    /// `for ($iN : from..to)`
    For {
        counter: usize,
        from: Expr,
        to: Expr,
        body: Vec<Stmt>,
    },
    /// `$iN = 0; while ($iN < rounds) { $iN++; … }`
    While {
        counter: usize,
        rounds: u32,
        body: Vec<Stmt>,
    },
    Unroll {
        times: u32,
        body: Vec<Stmt>,
    },
    /// `if (condition) { break; }`, or `continue`.
    Leave {
        condition: Expr,
        goes_on: bool,
    },
    /// `if (condition) { return; }`
    Return {
        condition: Expr,
    },
    Delete {
        map: usize,
        key: Option<Expr>,
    },
}

#[derive(Debug, Clone)]
pub(super) enum Expr {
    Literal(i128),
    Bool(bool),
    Str(String),
    Variable(usize),
    /// `$iN`, the counter of a loop.
    Counter(usize),
    Map {
        map: usize,
        key: Option<Box<Expr>>,
    },
    Unary {
        op: Unary,
        operand: Box<Expr>,
    },
    Binary {
        op: Binary,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Cast {
        to: Type,
        operand: Box<Expr>,
    },
    /// `c ? a : b`, or as `if`.
    Choice {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
        spelt: bool,
    },
    /// `$v0++` of an `int64`.
    Step {
        variable: usize,
        up: bool,
        prefix: bool,
    },
    Tuple(Vec<Expr>),
    Element {
        tuple: Box<Expr>,
        index: usize,
    },
    /// `$v0[1]` of a string.
    Letter {
        variable: usize,
        index: usize,
    },
    Call {
        function: usize,
        args: Box<[Expr; 2]>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unary {
    Negate,
    Complement,
    Not,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
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
    Greater,
    GreaterEqual,
    Both,
    Either,
}

impl Binary {
    pub(super) const ARITHMETIC: [Binary; 10] = [
        Binary::Add,
        Binary::Subtract,
        Binary::Multiply,
        Binary::Divide,
        Binary::Remainder,
        Binary::And,
        Binary::Or,
        Binary::Xor,
        Binary::ShiftLeft,
        Binary::ShiftRight,
    ];
    pub(super) const COMPARISONS: [Binary; 6] = [
        Binary::Equal,
        Binary::NotEqual,
        Binary::Less,
        Binary::LessEqual,
        Binary::Greater,
        Binary::GreaterEqual,
    ];

    pub(super) fn is_comparison(self) -> bool {
        Binary::COMPARISONS.contains(&self)
    }

    pub(super) fn is_logical(self) -> bool {
        matches!(self, Binary::Both | Binary::Either)
    }

    fn symbol(self) -> &'static str {
        match self {
            Binary::Add => "+",
            Binary::Subtract => "-",
            Binary::Multiply => "*",
            Binary::Divide => "/",
            Binary::Remainder => "%",
            Binary::And => "&",
            Binary::Or => "|",
            Binary::Xor => "^",
            Binary::ShiftLeft => "<<",
            Binary::ShiftRight => ">>",
            Binary::Equal => "==",
            Binary::NotEqual => "!=",
            Binary::Less => "<",
            Binary::LessEqual => "<=",
            Binary::Greater => ">",
            Binary::GreaterEqual => ">=",
            Binary::Both => "&&",
            Binary::Either => "||",
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, result) in self.functions.iter().enumerate() {
            let [a, b] = [0, 1].map(|param| self.variables.len() - 2 + param);
            writeln!(f, "fn f{index}($v{a} : int64, $v{b} : int64) : int64 {{")?;
            writeln!(f, "    return {};\n}}", Shown(result))?;
        }
        writeln!(f, "begin {{")?;
        let own = self.variables.len() - if self.functions.is_empty() { 0 } else { 2 };
        for (index, (ty, value)) in self.variables.iter().zip(&self.initial).take(own).enumerate() {
            match ty {
                Type::Tuple(_) | Type::Str => writeln!(f, "    let $v{index} = {};", Shown(value))?,
                _ => writeln!(f, "    let $v{index} : {ty} = {};", Shown(value))?,
            }
        }
        block(f, &self.body, 1)?;
        writeln!(f, "    exit();\n}}")
    }
}

fn block(f: &mut fmt::Formatter<'_>, stmts: &[Stmt], depth: usize) -> fmt::Result {
    let indent = "    ".repeat(depth);
    let inner = |f: &mut fmt::Formatter<'_>, body: &[Stmt]| {
        block(f, body, depth + 1)?;
        write!(f, "{indent}}}")
    };
    for stmt in stmts {
        write!(f, "{indent}")?;
        match stmt {
            Stmt::Assign { variable, value } => write!(f, "$v{variable} = {};", Shown(value))?,
            Stmt::Update { variable, op, value } => {
                write!(f, "$v{variable} {}= {};", op.symbol(), Shown(value))?
            }
            Stmt::Put { map, key, value } => {
                write!(f, "@m{map}{} = {};", Key(key.as_ref()), Shown(value))?
            }
            Stmt::Delete { map, key: None } => write!(f, "_ = delete(@m{map});")?,
            Stmt::Delete { map, key: Some(key) } => {
                write!(f, "_ = delete(@m{map}, {});", Shown(key))?
            }
            Stmt::Print(value) => write!(f, "print({});", Shown(value))?,
            Stmt::Printf(values) => {
                let format: String = values.iter().map(|_| "<%lld>").collect();
                write!(f, "printf(\"{format}\\n\"")?;
                values.iter().try_for_each(|value| write!(f, ", {}", Shown(value)))?;
                write!(f, ");")?;
            }
            Stmt::If { condition, then, otherwise } => {
                writeln!(f, "if ({}) {{", Shown(condition))?;
                inner(f, then)?;
                if !otherwise.is_empty() {
                    writeln!(f, " else {{")?;
                    inner(f, otherwise)?;
                }
            }
            Stmt::For { counter, from, to, body } => {
                writeln!(f, "for ($i{counter} : ({})..({})) {{", Shown(from), Shown(to))?;
                inner(f, body)?;
            }
            Stmt::While { counter, rounds, body } => {
                writeln!(f, "let $i{counter} : int64 = 0;")?;
                writeln!(f, "{indent}while ($i{counter} < {rounds}) {{")?;
                writeln!(f, "{indent}    $i{counter}++;")?;
                inner(f, body)?;
            }
            Stmt::Unroll { times, body } => {
                writeln!(f, "unroll ({times}) {{")?;
                inner(f, body)?;
            }
            Stmt::Leave { condition, goes_on } => {
                let word = if *goes_on { "continue" } else { "break" };
                write!(f, "if ({}) {{ {word}; }}", Shown(condition))?;
            }
            Stmt::Return { condition } => {
                write!(f, "if ({}) {{ exit(); }}", Shown(condition))?;
            }
        }
        writeln!(f)?;
    }
    Ok(())
}

struct Key<'a>(Option<&'a Expr>);

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |key| write!(f, "[{}]", Shown(key)))
    }
}

/// An expression with parentheses around everything that has parts.
struct Shown<'a>(&'a Expr);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expr::Literal(number) => write!(f, "{number}"),
            Expr::Bool(value) => write!(f, "{value}"),
            Expr::Str(text) => write!(f, "\"{text}\""),
            Expr::Variable(index) => write!(f, "$v{index}"),
            Expr::Counter(index) => write!(f, "$i{index}"),
            Expr::Map { map, key } => write!(f, "@m{map}{}", Key(key.as_deref())),
            Expr::Unary { op, operand } => {
                let symbol = match op {
                    Unary::Negate => "-",
                    Unary::Complement => "~",
                    Unary::Not => "!",
                };
                write!(f, "({symbol}({}))", Shown(operand))
            }
            Expr::Binary { op, left, right } => {
                write!(f, "({} {} {})", Shown(left), op.symbol(), Shown(right))
            }
            Expr::Cast { to, operand } => write!(f, "(({to})({}))", Shown(operand)),
            Expr::Choice { condition, then, otherwise, spelt } => {
                let [condition, then, otherwise] =
                    [condition, then, otherwise].map(|part| Shown(part));
                match spelt {
                    true => write!(f, "(if ({condition}) {{ {then} }} else {{ {otherwise} }})"),
                    false => write!(f, "(({condition}) ? {then} : {otherwise})"),
                }
            }
            Expr::Step { variable, up, prefix } => {
                let symbol = if *up { "++" } else { "--" };
                match prefix {
                    true => write!(f, "({symbol}$v{variable})"),
                    false => write!(f, "($v{variable}{symbol})"),
                }
            }
            Expr::Tuple(elements) => {
                write!(f, "(")?;
                for element in elements {
                    write!(f, "{}, ", Shown(element))?;
                }
                write!(f, ")")
            }
            Expr::Element { tuple, index } => write!(f, "({}.{index})", Shown(tuple)),
            Expr::Letter { variable, index } => write!(f, "$v{variable}[{index}]"),
            Expr::Call { function, args } => {
                write!(f, "f{function}({}, {})", Shown(&args[0]), Shown(&args[1]))
            }
        }
    }
}
