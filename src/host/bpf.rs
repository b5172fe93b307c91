//! What is known of BPF programs that are loaded.

use super::btf::{Btf, Described};

/// A function of a BPF program: where it begins, or one that it calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFunction {
    /// The program's number.
    pub program: u32,
    /// As its source calls it.
    pub name: String,
    /// What it returns, where that is a number.
    pub result: Option<Number>,
}

/// A number that a function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// 8, 16, 32 or 64.
    pub bits: u8,
    /// Two's complement.
    pub signed: bool,
}

/// Names for a number that a type goes through at most.
const MOST_STEPS: usize = 16;

/// The functions of a program, which have these numbers among its types.
pub fn functions(program: u32, types: Vec<u8>, numbers: &[u32]) -> Vec<ProgramFunction> {
    let Some(btf) = Btf::new("", Box::new(types), None) else { return Vec::new() };
    let function = |number: &u32| {
        let Described::Function { name, prototype } = btf.get(*number)? else { return None };
        let Described::Prototype { result, .. } = btf.get(prototype)? else { return None };
        Some(ProgramFunction { program, name: name.to_owned(), result: number_of(&btf, result) })
    };
    numbers.iter().filter_map(function).collect()
}

fn number_of(btf: &Btf, mut ty: u32) -> Option<Number> {
    for _ in 0..MOST_STEPS {
        match btf.get(ty)? {
            Described::Int { size, signed, .. } => {
                return Some(Number { bits: (size.min(8) * 8) as u8, signed });
            }
            Described::Enum { size, .. } => {
                return Some(Number { bits: (size.min(8) * 8) as u8, signed: false });
            }
            Described::Pointer(_) => return Some(Number { bits: 64, signed: false }),
            Described::Typedef { of, .. }
            | Described::Qualified(of, _)
            | Described::Tagged { of, .. } => ty = of,
            _ => return None,
        }
    }
    None
}
