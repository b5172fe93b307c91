//! The table of builtins: variables such as `pid` and functions such as `printf()`.
//!
//! An entry says what a builtin is called, what it takes, where it means something, and how it becomes IR; name
//! resolution, checks, messages, the reference and its tests read nothing else. Families are files; to add a
//! builtin made of existing IR operations is to add an entry to one of them.

mod aggregate;
mod cgroup;
mod check;
mod context;
mod effect;
mod machine;
mod map;
mod message;
mod name;
mod network;
mod object;
mod output;
mod param;
mod pointer;
mod process;
mod register;
mod series;
mod stack;
mod string;
mod time;
mod variable;

pub(crate) use context::{ARGUMENTS, RESULT};
pub use effect::SIGNALS;
pub(crate) use param::SETTINGS;
pub use time::Clock;

use crate::ir::ExprId;
use crate::options::Unstable;
use crate::probe::Context;
use crate::sema::{Lower, Operand};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::Aggregate;

/// A builtin variable or function.
#[derive(Debug)]
pub struct Builtin {
    /// As scripts write it; `arg` stands for `arg0`, `arg1` and so on.
    pub name: &'static str,
    /// Whether it can be written without parentheses.
    pub bare: bool,
    /// Whether no macro and no parameter of one can have its name.
    pub reserved: bool,
    /// Its arguments.
    pub params: &'static [Param],
    /// Its type, as the reference shows it; empty where it has no value.
    pub result: &'static str,
    /// Whether it is called for what it does, although it has a value too.
    pub acts: bool,
    /// Where it means something; `None` everywhere.
    contexts: Option<&'static [Context]>,
    /// What to write where it does not.
    pub instead: &'static str,
    /// What has to be said before it can be used.
    pub permit: Permit,
    /// One line for the reference.
    pub summary: &'static str,
    /// More for the reference.
    pub details: &'static str,
    /// Scripts that show it.
    pub examples: &'static [&'static str],
    /// How it becomes IR.
    pub lower: Lowering,
}

/// What has to be said before something can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// Nothing.
    Free,
    /// `--unsafe` on the command line: it does more than look.
    Unsafe,
    /// An option of the `config` block: it may still change.
    Unstable(Unstable),
}

/// An argument of a builtin.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// As signatures show it.
    pub name: &'static str,
    /// How often it can stand there.
    pub count: Count,
}

/// How often an argument can stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Once.
    One,
    /// Once or not at all.
    Optional,
    /// As often as one likes; only the last.
    Many,
}

/// How a builtin becomes IR.
#[derive(Debug, Clone, Copy)]
pub enum Lowering {
    /// An expression; of type void where it only has an effect.
    Value(fn(&mut Lower<'_>, &Call<'_>) -> Operand),
    /// The right side of an assignment to a map.
    Aggregate(fn(&mut Lower<'_>, &Call<'_>) -> Option<Addition>),
}

/// What an aggregation adds to its map.
#[derive(Debug, Clone, Copy)]
pub struct Addition {
    /// Which aggregation.
    pub aggregate: Aggregate,
    /// The number in 64 bits, or the index of a bucket; `None` counts.
    pub value: Option<ExprId>,
    /// The time of day that it belongs to, in nanoseconds, for what is kept by time.
    pub time: Option<ExprId>,
}

/// A use of a builtin.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Its entry.
    pub builtin: &'static Builtin,
    /// As the script writes it.
    pub name: &'a str,
    /// The whole call.
    pub span: Span,
    /// The name.
    pub name_span: Span,
    /// Its arguments.
    pub args: &'a [ast::Expr],
}

impl Builtin {
    /// Something that is written without parentheses.
    const fn variable(
        name: &'static str,
        result: &'static str,
        summary: &'static str,
        lower: fn(&mut Lower<'_>, &Call<'_>) -> Operand,
    ) -> Builtin {
        Builtin { bare: true, result, ..Builtin::new(name, summary, Lowering::Value(lower)) }
    }

    /// Something that is called.
    const fn function(
        name: &'static str,
        params: &'static [Param],
        summary: &'static str,
        lower: fn(&mut Lower<'_>, &Call<'_>) -> Operand,
    ) -> Builtin {
        Builtin { params, ..Builtin::new(name, summary, Lowering::Value(lower)) }
    }

    /// Something that is assigned to a map.
    const fn aggregate(
        name: &'static str,
        params: &'static [Param],
        summary: &'static str,
        lower: fn(&mut Lower<'_>, &Call<'_>) -> Option<Addition>,
    ) -> Builtin {
        Builtin { params, ..Builtin::new(name, summary, Lowering::Aggregate(lower)) }
    }

    const fn new(name: &'static str, summary: &'static str, lower: Lowering) -> Builtin {
        Builtin {
            name,
            bare: false,
            reserved: false,
            params: &[],
            result: "",
            acts: false,
            contexts: None,
            instead: "",
            permit: Permit::Free,
            summary,
            details: "",
            examples: &[],
            lower,
        }
    }

    /// Takes arguments although it can be written without.
    const fn taking(self, params: &'static [Param]) -> Builtin {
        Builtin { params, ..self }
    }

    /// Does something, and its value may be dropped.
    const fn acting(self) -> Builtin {
        Builtin { acts: true, ..self }
    }

    /// Keeps its name for itself.
    const fn reserved(self) -> Builtin {
        Builtin { reserved: true, ..self }
    }

    /// Has a value of this type.
    const fn returning(self, result: &'static str) -> Builtin {
        Builtin { result, ..self }
    }

    /// Means something in these probes only; elsewhere the hint helps, if there is one.
    const fn only_in(self, contexts: &'static [Context], instead: &'static str) -> Builtin {
        Builtin { contexts: Some(contexts), instead, ..self }
    }

    /// Asks for a permit.
    const fn permitted_by(self, permit: Permit) -> Builtin {
        Builtin { permit, ..self }
    }

    /// More for the reference.
    const fn details(self, details: &'static str) -> Builtin {
        Builtin { details, ..self }
    }

    /// Scripts that show it.
    const fn examples(self, examples: &'static [&'static str]) -> Builtin {
        Builtin { examples, ..self }
    }

    /// Whether it means something where a program can read this.
    pub fn allowed_in(&self, context: Context) -> bool {
        self.contexts.is_none_or(|contexts| contexts.contains(&context))
    }

    /// Least and greatest number of arguments; `None` for any number.
    pub fn arity(&self) -> (usize, Option<usize>) {
        let least = self.params.iter().filter(|param| param.count == Count::One).count();
        let endless = self.params.iter().any(|param| param.count == Count::Many);
        (least, (!endless).then_some(self.params.len()))
    }

    /// How it is written: `str(address[, length])`.
    pub fn signature(&self) -> String {
        if self.params.is_empty() && self.bare {
            return self.name.to_owned();
        }
        let mut list = String::new();
        for (index, param) in self.params.iter().enumerate() {
            let comma = if list.is_empty() || list.ends_with(", ]") { "" } else { ", " };
            let next = self.params.get(index + 1).map(|next| next.count);
            match param.count {
                Count::One => list.push_str(&format!("{comma}{}", param.name)),
                // The first of two may be what can be left out.
                Count::Optional if next == Some(Count::One) => {
                    list.push_str(&format!("[{comma}{}, ]", param.name));
                }
                Count::Optional => list.push_str(&format!("[{comma}{}]", param.name)),
                Count::Many => list.push_str(&format!("{comma}{}, …", param.name)),
            }
        }
        format!("{}({list})", self.name)
    }

    /// Whether it adds to a map.
    pub fn is_aggregate(&self) -> bool {
        matches!(self.lower, Lowering::Aggregate(_))
    }
}

/// An argument that must be there.
const fn one(name: &'static str) -> Param {
    Param { name, count: Count::One }
}

/// An argument that can be left out.
const fn optional(name: &'static str) -> Param {
    Param { name, count: Count::Optional }
}

/// Any number of arguments.
const fn many(name: &'static str) -> Param {
    Param { name, count: Count::Many }
}

/// All builtins, by family.
pub const FAMILIES: &[&[Builtin]] = &[
    process::ALL,
    machine::ALL,
    cgroup::ALL,
    time::ALL,
    context::ALL,
    register::ALL,
    stack::ALL,
    string::ALL,
    name::ALL,
    network::ALL,
    pointer::ALL,
    object::ALL,
    aggregate::ALL,
    series::ALL,
    map::ALL,
    output::ALL,
    message::ALL,
    effect::ALL,
    check::ALL,
    param::ALL,
    variable::ALL,
];

/// All entries of the table.
pub fn all() -> impl Iterator<Item = &'static Builtin> {
    FAMILIES.iter().copied().flatten()
}

/// The builtin of this name.
pub fn find(name: &str) -> Option<&'static Builtin> {
    all().find(|builtin| builtin.name == context::family_name(name))
}
