//! The types of the programs and how they are found: the rules of the language once more, written from its
//! description and not from the compiler.

use std::fmt;

use crate::random::program::{Binary, Expr, Program, Unary};

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Int(Int),
    Bool,
    Str,
    Tuple(Vec<Type>),
}

/// An integer type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Int {
    pub(super) bits: u32,
    pub(super) signed: bool,
}

pub(super) const I64: Int = Int { bits: 64, signed: true };
pub(super) const U64: Int = Int { bits: 64, signed: false };

impl Int {
    /// The number that the low bits of another stand for.
    pub(super) fn wrap(self, number: i128) -> i128 {
        let low = number & ((1 << self.bits) - 1);
        let negative = self.signed && low >> (self.bits - 1) & 1 == 1;
        if negative { low - (1 << self.bits) } else { low }
    }

    /// Whether a number is one of this type.
    pub(super) fn holds(self, number: i128) -> bool {
        self.wrap(number) == number
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Int(Int { bits, signed }) => {
                write!(f, "{}int{bits}", if *signed { "" } else { "u" })
            }
            Type::Bool => f.write_str("bool"),
            Type::Str => f.write_str("string"),
            Type::Tuple(_) => Err(fmt::Error),
        }
    }
}

/// The type of a literal: the smallest signed one.
fn of_literal(number: i128) -> Int {
    let bits = [8, 16, 32, 64].into_iter().find(|&bits| Int { bits, signed: true }.holds(number));
    bits.map_or(U64, |bits| Int { bits, signed: true })
}

/// A literal without a minus takes on the sign of what it meets.
fn is_flexible(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(number) if *number >= 0)
}

/// As an operand of arithmetic, a bool is the number 0 or 1.
fn as_int(ty: &Type) -> Int {
    match ty {
        Type::Int(int) => *int,
        _ => Int { bits: 8, signed: false },
    }
}

/// The type that both operands of arithmetic or a comparison are taken in.
pub(super) fn common(program: &Program, left: &Expr, right: &Expr) -> Int {
    let signed = |expr: &Expr| as_int(&of(program, expr)).signed && !is_flexible(expr);
    if signed(left) || signed(right) { I64 } else { U64 }
}

/// The type of a value that is one of two.
pub(super) fn join(program: &Program, left: &Expr, right: &Expr) -> Type {
    match (of(program, left), of(program, right)) {
        (Type::Int(a), Type::Int(b)) => {
            let bits = a.bits.max(b.bits);
            let int = match (is_flexible(left), is_flexible(right)) {
                _ if a.signed == b.signed => Int { bits, signed: a.signed },
                (true, _) => Int { bits, signed: b.signed },
                (_, true) => Int { bits, signed: a.signed },
                _ => {
                    let (signed, unsigned) = if a.signed { (a, b) } else { (b, a) };
                    let bits = match signed.bits > unsigned.bits {
                        true => signed.bits,
                        false => (unsigned.bits * 2).min(64),
                    };
                    Int { bits, signed: true }
                }
            };
            Type::Int(int)
        }
        (other, _) => other,
    }
}

/// The type of an expression.
pub(super) fn of(program: &Program, expr: &Expr) -> Type {
    match expr {
        Expr::Literal(number) => Type::Int(of_literal(*number)),
        Expr::Bool(_) => Type::Bool,
        Expr::Str(_) => Type::Str,
        Expr::Variable(index) => program.variables[*index].clone(),
        Expr::Counter(_) | Expr::Step { .. } => Type::Int(I64),
        Expr::Map { map, .. } => Type::Int(program.maps[*map].value),
        Expr::Unary { op, operand } => match op {
            Unary::Not => Type::Bool,
            Unary::Negate | Unary::Complement => {
                Type::Int(Int { bits: 64, signed: as_int(&of(program, operand)).signed })
            }
        },
        Expr::Binary { op, left, right } => match op {
            op if op.is_comparison() || op.is_logical() => Type::Bool,
            Binary::Subtract => Type::Int(I64),
            _ => Type::Int(common(program, left, right)),
        },
        Expr::Cast { to, .. } => to.clone(),
        Expr::Choice { then, otherwise, .. } => join(program, then, otherwise),
        Expr::Tuple(elements) => {
            Type::Tuple(elements.iter().map(|element| of(program, element)).collect())
        }
        Expr::Element { tuple, index } => match of(program, tuple) {
            Type::Tuple(elements) => elements[*index].clone(),
            other => other,
        },
        Expr::Letter { .. } => Type::Int(Int { bits: 8, signed: true }),
        Expr::Call { .. } => Type::Int(I64),
    }
}
