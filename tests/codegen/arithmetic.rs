//! What operations on numbers yield, for every integer type and for operands that the compiler cannot know.

use ebtrace::ir::build::Builder;
use ebtrace::ir::{BinaryOp, Expr, ExprId, StmtKind};
use ebtrace::types::TypeId;

use super::support::{Script, answer, can_load, number, word};

const TYPES: [(TypeId, u32, bool); 8] = [
    (TypeId::I8, 8, true),
    (TypeId::I16, 16, true),
    (TypeId::I32, 32, true),
    (TypeId::I64, 64, true),
    (TypeId::U8, 8, false),
    (TypeId::U16, 16, false),
    (TypeId::U32, 32, false),
    (TypeId::U64, 64, false),
];

const OPERATIONS: [BinaryOp; 14] = [
    BinaryOp::Add,
    BinaryOp::Subtract,
    BinaryOp::Multiply,
    BinaryOp::Divide,
    BinaryOp::Remainder,
    BinaryOp::And,
    BinaryOp::Or,
    BinaryOp::Xor,
    BinaryOp::ShiftLeft,
    BinaryOp::ShiftRight,
    BinaryOp::Equal,
    BinaryOp::NotEqual,
    BinaryOp::Less,
    BinaryOp::LessEqual,
];

/// Ends of all ranges, small numbers of both signs, and shift counts around the widths.
fn samples() -> Vec<u64> {
    let mut all: Vec<u64> =
        vec![0, 1, 2, 3, 7, 8, 10, 31, 32, 33, 63, 64, 65, 100, 12_345_678_901_234];
    for bits in [8, 16, 32, 64] {
        let least = 1u64 << (bits - 1);
        all.extend([least, least - 1, least + 1]);
    }
    let negated: Vec<u64> = all.iter().map(|value| value.wrapping_neg()).collect();
    all.extend(negated);
    all.sort_unstable();
    all.dedup();
    all
}

/// The value that the low bits stand for.
fn read(value: u64, bits: u32, signed: bool) -> i128 {
    let cut = i128::from(value) & ((1 << bits) - 1);
    if signed && cut >> (bits - 1) == 1 { cut - (1 << bits) } else { cut }
}

fn expected(op: BinaryOp, a: i128, b: i128, bits: u32) -> u64 {
    let count = (b & 63) as u32;
    let value = match op {
        BinaryOp::Add => a + b,
        BinaryOp::Subtract => a - b,
        BinaryOp::Multiply => a.wrapping_mul(b),
        BinaryOp::Divide => a.checked_div(b).unwrap_or(0),
        BinaryOp::Remainder => a.checked_rem(b).unwrap_or(0),
        BinaryOp::And => a & b,
        BinaryOp::Or => a | b,
        BinaryOp::Xor => a ^ b,
        BinaryOp::ShiftLeft => a << count,
        BinaryOp::ShiftRight => a >> count,
        BinaryOp::Equal => return u64::from(a == b),
        BinaryOp::NotEqual => return u64::from(a != b),
        BinaryOp::Less => return u64::from(a < b),
        BinaryOp::LessEqual => return u64::from(a <= b),
    };
    (value & ((1 << bits) - 1)) as u64
}

fn every_operation(builder: &mut Builder, a: ExprId, b: ExprId) {
    let results = OPERATIONS.map(|op| builder.binary(op, a, b));
    answer(builder, results.to_vec());
}

#[test]
fn operations_of_every_type() {
    if !can_load("operations_of_every_type") {
        return;
    }
    let mut script = Script::new();
    for (ty, ..) in TYPES {
        script.raw(|builder| {
            let (a, b) = (word(builder, 0), word(builder, 1));
            let (a, b) = (builder.convert(a, ty), builder.convert(b, ty));
            every_operation(builder, a, b);
        });
    }
    let mut loaded = script.load();
    for (probe, (_, bits, signed)) in TYPES.into_iter().enumerate() {
        for a in samples() {
            for b in samples() {
                let got = loaded.numbers(probe, &[a, b]);
                let (left, right) = (read(a, bits, signed), read(b, bits, signed));
                for (op, got) in OPERATIONS.into_iter().zip(got) {
                    let wanted = expected(op, left, right, bits);
                    assert_eq!(
                        got, wanted,
                        "{left} {op:?} {right} in {bits} bits, signed: {signed}"
                    );
                }
            }
        }
    }
}

/// LLVM treats constants otherwise than values that it does not know.
#[test]
fn operations_with_a_constant() {
    if !can_load("operations_with_a_constant") {
        return;
    }
    let constants = [0, 1, 3, 10, 64, u64::MAX, 1 << 63, 10u64.wrapping_neg()];
    let types = [(TypeId::I64, true), (TypeId::U64, false)];
    let mut script = Script::new();
    for (ty, _) in types {
        for constant in constants {
            script.raw(|builder| {
                let (a, b) = (word(builder, 0), builder.int(constant, ty));
                let a = builder.add(Expr::Convert(a), ty);
                every_operation(builder, a, b);
            });
        }
    }
    let mut loaded = script.load();
    for (kind, (_, signed)) in types.into_iter().enumerate() {
        for (index, constant) in constants.into_iter().enumerate() {
            for a in samples() {
                let got = loaded.numbers(kind * constants.len() + index, &[a]);
                let (left, right) = (read(a, 64, signed), read(constant, 64, signed));
                for (op, got) in OPERATIONS.into_iter().zip(got) {
                    assert_eq!(
                        got,
                        expected(op, left, right, 64),
                        "{left} {op:?} {right}, signed: {signed}"
                    );
                }
            }
        }
    }
}

#[test]
fn conversions_between_all_types() {
    if !can_load("conversions_between_all_types") {
        return;
    }
    let mut script = Script::new();
    for (from, ..) in TYPES {
        script.raw(|builder| {
            let value = word(builder, 0);
            let value = builder.convert(value, from);
            let mut results: Vec<ExprId> =
                TYPES.iter().map(|&(to, ..)| builder.convert(value, to)).collect();
            let truth = builder.convert(value, TypeId::BOOL);
            let back = builder.convert(truth, TypeId::I64);
            results.extend([truth, back]);
            answer(builder, results);
        });
    }
    let mut loaded = script.load();
    for (probe, (_, bits, signed)) in TYPES.into_iter().enumerate() {
        for value in samples() {
            let from = read(value, bits, signed);
            let got = loaded.numbers(probe, &[value]);
            for ((_, bits, _), got) in TYPES.into_iter().zip(&got) {
                assert_eq!(*got, (from & ((1 << bits) - 1)) as u64, "{from} to {bits} bits");
            }
            let truth = u64::from(from != 0);
            assert_eq!(got[TYPES.len()..], [truth, truth], "{from} to bool and back");
        }
    }
}

#[test]
fn logarithms_of_every_power() {
    if !can_load("logarithms_of_every_power") {
        return;
    }
    let mut script = Script::new();
    script.raw(|builder| {
        let value = word(builder, 0);
        let log = builder.add(Expr::Log2(value), TypeId::U64);
        answer(builder, vec![log]);
    });
    let mut loaded = script.load();
    for value in samples().into_iter().chain((0..64).map(|bit| 1 << bit)) {
        assert_eq!(
            loaded.numbers(0, &[value]),
            [u64::from(value.checked_ilog2().unwrap_or(0))],
            "{value}"
        );
    }
}

/// A value that a statement names is the same in the block around it and in those within.
#[test]
fn a_named_value_is_used_again() {
    if !can_load("a_named_value_is_used_again") {
        return;
    }
    let mut script = Script::new();
    script.raw(|builder| {
        let (a, b) = (word(builder, 0), word(builder, 1));
        let sum = builder.binary(BinaryOp::Add, a, b);
        let result = builder.value(TypeId::U64);
        builder.stmt(StmtKind::Let { result, value: sum });
        let named = |builder: &mut Builder| builder.add(Expr::Value(result), TypeId::U64);
        let condition = named(builder);
        let condition = builder.convert(condition, TypeId::BOOL);
        let square = |builder: &mut Builder| {
            let (a, b) = (named(builder), named(builder));
            let square = builder.binary(BinaryOp::Multiply, a, b);
            answer(builder, vec![square]);
        };
        builder.if_else(condition, square, |_| {});
        square(builder);
    });
    let mut loaded = script.load();
    loaded.run(0, &[3, 4]);
    let events: Vec<u64> = loaded.events().iter().map(|event| number(&event.1[0])).collect();
    assert_eq!(events, [49, 49]);
}

#[test]
fn a_selection_takes_one_side() {
    if !can_load("a_selection_takes_one_side") {
        return;
    }
    let mut script = Script::new();
    script.raw(|builder| {
        let (a, b) = (word(builder, 0), word(builder, 1));
        let less = builder.binary(BinaryOp::Less, a, b);
        let least = builder.select(less, a, b);
        answer(builder, vec![least]);
    });
    let mut loaded = script.load();
    assert_eq!(loaded.numbers(0, &[3, 5]), [3]);
    assert_eq!(loaded.numbers(0, &[9, 5]), [5]);
}
