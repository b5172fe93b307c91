//! What a program prints, found by walking its tree.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::program::{Binary, Expr, Program, Stmt, Unary};
use super::types::{self, I64, Type};

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Int(i128),
    Bool(bool),
    Str(String),
    Tuple(Vec<Value>),
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
    Exit,
}

struct Machine<'a> {
    program: &'a Program,
    variables: Vec<Value>,
    counters: BTreeMap<usize, i128>,
    /// By key; the one of a scalar map is 0.
    maps: Vec<BTreeMap<i128, i128>>,
    out: String,
}

/// The standard output of a program.
pub(super) fn output(program: &Program) -> String {
    let mut machine = Machine {
        program,
        variables: vec![Value::Int(0); program.variables.len()],
        counters: BTreeMap::new(),
        maps: vec![BTreeMap::new(); program.maps.len()],
        out: String::new(),
    };
    for (index, value) in program.initial.iter().enumerate() {
        let value = machine.expr(value);
        machine.assign(index, value);
    }
    machine.block(&program.body);
    machine.out
}

impl Machine<'_> {
    fn block(&mut self, stmts: &[Stmt]) -> Flow {
        for stmt in stmts {
            let flow = self.stmt(stmt);
            if flow != Flow::Next {
                return flow;
            }
        }
        Flow::Next
    }

    fn stmt(&mut self, stmt: &Stmt) -> Flow {
        match stmt {
            Stmt::Assign { variable, value } => {
                let value = self.expr(value);
                self.assign(*variable, value);
            }
            Stmt::Update { variable, op, value } => {
                let left = Expr::Variable(*variable);
                let value = self.binary(*op, &left, value);
                self.assign(*variable, value);
            }
            Stmt::Put { map, key, value } => {
                let key = self.key(key.as_ref());
                let value = self.int(value);
                self.maps[*map].insert(key, self.program.maps[*map].value.wrap(value));
            }
            Stmt::Delete { map, key } => {
                let key = self.key(key.as_ref());
                self.maps[*map].remove(&key);
            }
            Stmt::Print(value) => {
                let value = self.expr(value);
                let _ = writeln!(self.out, "{}", shown(&value));
            }
            Stmt::Printf(values) => {
                let numbers: Vec<i128> = values.iter().map(|value| self.int(value)).collect();
                for number in numbers {
                    let _ = write!(self.out, "<{}>", I64.wrap(number));
                }
                self.out.push('\n');
            }
            Stmt::If { condition, then, otherwise } => {
                let branch = if self.truth(condition) { then } else { otherwise };
                return self.block(branch);
            }
            Stmt::For { counter, from, to, body } => {
                let (from, to) = (self.int(from), self.int(to));
                for number in I64.wrap(from)..I64.wrap(to) {
                    self.counters.insert(*counter, number);
                    match self.block(body) {
                        Flow::Next | Flow::Continue => {}
                        Flow::Break => break,
                        Flow::Exit => return Flow::Exit,
                    }
                }
            }
            Stmt::While { counter, rounds, body } => {
                for number in 1..=i128::from(*rounds) {
                    self.counters.insert(*counter, number);
                    match self.block(body) {
                        Flow::Next | Flow::Continue => {}
                        Flow::Break => break,
                        Flow::Exit => return Flow::Exit,
                    }
                }
            }
            Stmt::Unroll { times, body } => {
                for _ in 0..*times {
                    let flow = self.block(body);
                    if flow != Flow::Next {
                        return flow;
                    }
                }
            }
            Stmt::Leave { condition, goes_on } => {
                if self.truth(condition) {
                    return if *goes_on { Flow::Continue } else { Flow::Break };
                }
            }
            Stmt::Return { condition } => {
                if self.truth(condition) {
                    return Flow::Exit;
                }
            }
        }
        Flow::Next
    }

    /// A declared variable keeps its type.
    fn assign(&mut self, variable: usize, value: Value) {
        self.variables[variable] = match (&self.program.variables[variable], value) {
            (Type::Int(int), Value::Int(number)) => Value::Int(int.wrap(number)),
            (_, value) => value,
        };
    }

    fn key(&mut self, key: Option<&Expr>) -> i128 {
        key.map_or(0, |key| self.int(key))
    }

    fn int(&mut self, expr: &Expr) -> i128 {
        match self.expr(expr) {
            Value::Int(number) => number,
            Value::Bool(value) => i128::from(value),
            other => panic!("{other:?} is no number"),
        }
    }

    fn truth(&mut self, expr: &Expr) -> bool {
        self.int(expr) != 0
    }

    fn expr(&mut self, expr: &Expr) -> Value {
        match expr {
            Expr::Literal(number) => Value::Int(*number),
            Expr::Bool(value) => Value::Bool(*value),
            Expr::Str(text) => Value::Str(text.clone()),
            Expr::Variable(index) => self.variables[*index].clone(),
            Expr::Counter(index) => Value::Int(self.counters.get(index).copied().unwrap_or(0)),
            Expr::Map { map, key } => {
                let key = self.key(key.as_deref());
                Value::Int(self.maps[*map].get(&key).copied().unwrap_or(0))
            }
            Expr::Unary { op: Unary::Not, operand } => Value::Bool(!self.truth(operand)),
            Expr::Unary { op, operand } => {
                let Type::Int(int) = types::of(self.program, expr) else {
                    panic!("{op:?} yields a number")
                };
                let number = self.int(operand);
                let result = if *op == Unary::Negate { -number } else { !number };
                Value::Int(int.wrap(result))
            }
            Expr::Binary { op, left, right } => self.binary(*op, left, right),
            Expr::Cast { to: Type::Int(int), operand } => {
                let number = self.int(operand);
                Value::Int(int.wrap(number))
            }
            Expr::Cast { operand, .. } => Value::Bool(self.truth(operand)),
            Expr::Choice { condition, then, otherwise, .. } => {
                let chosen = if self.truth(condition) { then } else { otherwise };
                match (types::of(self.program, expr), self.expr(chosen)) {
                    (Type::Int(int), Value::Int(number)) => Value::Int(int.wrap(number)),
                    (_, value) => value,
                }
            }
            Expr::Step { variable, up, prefix } => {
                let before = self.int(&Expr::Variable(*variable));
                let after = I64.wrap(if *up { before + 1 } else { before - 1 });
                self.variables[*variable] = Value::Int(after);
                Value::Int(if *prefix { after } else { before })
            }
            Expr::Tuple(elements) => {
                Value::Tuple(elements.iter().map(|element| self.expr(element)).collect())
            }
            Expr::Element { tuple, index } => match self.expr(tuple) {
                Value::Tuple(mut elements) => elements.swap_remove(*index),
                other => panic!("{other:?} has no elements"),
            },
            Expr::Letter { variable, index } => match &self.variables[*variable] {
                Value::Str(text) => {
                    Value::Int(text.as_bytes().get(*index).map_or(0, |&byte| byte.into()))
                }
                other => panic!("{other:?} has no letters"),
            },
            Expr::Call { function, args } => {
                let args = [0, 1].map(|index| self.int(&args[index]));
                let first = self.variables.len() - 2;
                for (index, number) in args.into_iter().enumerate() {
                    self.variables[first + index] = Value::Int(I64.wrap(number));
                }
                let result = self.int(&self.program.functions[*function]);
                Value::Int(I64.wrap(result))
            }
        }
    }

    fn binary(&mut self, op: Binary, left: &Expr, right: &Expr) -> Value {
        if op.is_logical() {
            let first = self.truth(left);
            let settled = first == (op == Binary::Either);
            return Value::Bool(if settled { first } else { self.truth(right) });
        }
        let (a, b) = (self.expr(left), self.expr(right));
        let (a, b) = match (a, b) {
            (a @ (Value::Str(_) | Value::Tuple(_)), b) => {
                return Value::Bool((a == b) == (op == Binary::Equal));
            }
            (a, b) => (number(&a), number(&b)),
        };
        let common = types::common(self.program, left, right);
        let (x, y) = (common.wrap(a), common.wrap(b));
        let truth = match op {
            Binary::Equal => x == y,
            Binary::NotEqual => x != y,
            Binary::Less => x < y,
            Binary::LessEqual => x <= y,
            Binary::Greater => x > y,
            Binary::GreaterEqual => x >= y,
            Binary::Subtract => return Value::Int(I64.wrap(x - y)),
            _ => return Value::Int(common.wrap(arithmetic(op, x, y, (a, b)))),
        };
        Value::Bool(truth)
    }
}

/// In the common type, but for shifts, which look at both operands as they are.
fn arithmetic(op: Binary, x: i128, y: i128, (value, count): (i128, i128)) -> i128 {
    let far = !(0..64).contains(&count);
    match op {
        Binary::Add => x + y,
        Binary::Multiply => x.wrapping_mul(y),
        Binary::Divide | Binary::Remainder if y == 0 => 1,
        Binary::Divide => x / y,
        Binary::Remainder => x % y,
        Binary::And => x & y,
        Binary::Or => x | y,
        Binary::Xor => x ^ y,
        Binary::ShiftLeft if far => 0,
        Binary::ShiftLeft => x << count,
        _ if far => {
            if value < 0 {
                -1
            } else {
                0
            }
        }
        _ => value >> count,
    }
}

fn number(value: &Value) -> i128 {
    match value {
        Value::Int(number) => *number,
        Value::Bool(value) => i128::from(*value),
        other => panic!("{other:?} is no number"),
    }
}

/// As `print()` writes it.
fn shown(value: &Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Str(text) => text.clone(),
        Value::Tuple(elements) => {
            format!("({})", elements.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
    }
}
