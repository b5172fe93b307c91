//! Makes programs from seeds.
//!
//! What the compiler may compute itself (literals alone) is left out, because it is held to other rules there; and so
//! are divisions and shifts whose sides disagree about signs, whose result is a matter of taste.

use super::numbers::Random;
use super::program::{Binary, Expr, Map, Program, Stmt, Unary};
use super::types::{self, I64, Int, Type, U64};

const TEXTS: [&str; 6] = ["", "a", "cpu", "hello", "longer text", "the longest of these texts"];

struct Generator {
    random: Random,
    program: Program,
    /// Counters of the loops around the statement at hand.
    counters: Vec<usize>,
    counters_made: usize,
    /// Within the body of a function: only its parameters are there.
    function: Option<[usize; 2]>,
}

/// The program of a seed.
pub(super) fn program(seed: u64) -> Program {
    let mut generator = Generator {
        random: Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0xeb),
        program: Program::default(),
        counters: Vec::new(),
        counters_made: 0,
        function: None,
    };
    generator.variables();
    generator.maps();
    generator.functions();
    let count = 3 + generator.random.below(8);
    let body = generator.block(count, 3);
    generator.program.body.extend(body);
    generator.program
}

impl Generator {
    fn int_type(&mut self) -> Int {
        Int { bits: self.random.pick(&[8, 16, 32, 64]), signed: self.random.one_in(2) }
    }

    fn variables(&mut self) {
        self.program.variables = vec![Type::Int(I64), Type::Str, Type::Bool];
        for _ in 0..2 + self.random.below(4) {
            let ty = match self.random.below(6) {
                0 => Type::Bool,
                1 => Type::Str,
                2 => Type::Tuple(vec![Type::Int(self.int_type()), Type::Str, Type::Int(I64)]),
                3 => Type::Int(I64),
                _ => Type::Int(self.int_type()),
            };
            self.program.variables.push(ty);
        }
        for ty in self.program.variables.clone() {
            let value = self.constant(&ty);
            self.program.initial.push(value);
        }
    }

    /// A value of a type, of literals alone.
    fn constant(&mut self, ty: &Type) -> Expr {
        match ty {
            Type::Int(int) => Expr::Literal(self.literal_of(*int)),
            Type::Bool => Expr::Bool(self.random.one_in(2)),
            Type::Str => Expr::Str(self.random.pick(&TEXTS).to_owned()),
            Type::Tuple(elements) => Expr::Tuple(
                elements
                    .iter()
                    .map(|element| match element {
                        Type::Int(_) => self.cast(element, seed_of(element)),
                        other => self.constant(other),
                    })
                    .collect(),
            ),
        }
    }

    /// A number of a type: often a small one, or one at the edge.
    fn literal_of(&mut self, int: Int) -> i128 {
        let number = match self.random.below(5) {
            0 => self.random.below(10) as i128,
            1 => -(self.random.below(10) as i128),
            2 => (1 << (int.bits - 1)) - self.random.below(2) as i128,
            3 => i128::from(self.random.next()),
            _ => self.random.below(300) as i128,
        };
        int.wrap(number)
    }

    fn literal(&mut self) -> Expr {
        let int =
            if self.random.one_in(4) { self.int_type() } else { Int { bits: 16, signed: true } };
        Expr::Literal(self.literal_of(int))
    }

    fn maps(&mut self) {
        for map in 0..1 + self.random.below(3) {
            let key = if self.random.one_in(3) { None } else { Some(self.int_type()) };
            let value = self.int_type();
            self.program.maps.push(Map { value, key });
            // Something has to say what the map holds before it is read.
            let ty = Type::Int(value);
            let number = Expr::Literal(self.literal_of(value));
            let key = key.map(|key| self.cast(&Type::Int(key), Expr::Literal(1)));
            let value = self.cast(&ty, number);
            self.program.body.push(Stmt::Put { map, key, value });
        }
    }

    fn functions(&mut self) {
        if !self.random.one_in(3) {
            return;
        }
        let first = self.program.variables.len();
        self.program.variables.extend([Type::Int(I64), Type::Int(I64)]);
        self.program.initial.extend([Expr::Literal(0), Expr::Literal(0)]);
        self.function = Some([first, first + 1]);
        for _ in 0..1 + self.random.below(2) {
            let result = self.int(3);
            let result = self.cast(&Type::Int(I64), result);
            self.program.functions.push(result);
        }
        self.function = None;
    }

    // Statements.

    fn block(&mut self, count: usize, depth: usize) -> Vec<Stmt> {
        (0..count).map(|_| self.stmt(depth)).collect()
    }

    fn inner(&mut self, depth: usize) -> Vec<Stmt> {
        let count = 1 + self.random.below(3);
        self.block(count, depth - 1)
    }

    fn stmt(&mut self, depth: usize) -> Stmt {
        match self.random.below(if depth == 0 { 9 } else { 13 }) {
            0..=1 => self.assignment(),
            2 => self.update(),
            3 => {
                let map = self.random.below(self.program.maps.len());
                self.put(map, 2)
            }
            4 => {
                let map = self.random.below(self.program.maps.len());
                Stmt::Delete { map, key: self.map_key(map, 1) }
            }
            5 => {
                let count = 1 + self.random.below(3);
                Stmt::Printf((0..count).map(|_| self.int(3)).collect())
            }
            6 if self.random.one_in(3) => Stmt::Return { condition: self.condition(2) },
            6..=8 => {
                // `print(@x)` prints the map, as it is when the event arrives.
                let value = self.value(3);
                let whole = matches!(value, Expr::Map { .. });
                Stmt::Print(if whole { self.cast(&Type::Int(I64), value) } else { value })
            }
            9..=10 => {
                let condition = self.condition(3);
                let then = self.inner(depth);
                let otherwise = if self.random.one_in(2) { self.inner(depth) } else { Vec::new() };
                Stmt::If { condition, then, otherwise }
            }
            11 => {
                Stmt::Unroll { times: 1 + self.random.below(3) as u32, body: self.unrolled(depth) }
            }
            _ => self.repeat(depth),
        }
    }

    /// `break` and `continue` do not belong to `unroll`.
    fn unrolled(&mut self, depth: usize) -> Vec<Stmt> {
        let counters = std::mem::take(&mut self.counters);
        let body = self.inner(depth.min(1));
        self.counters = counters;
        body
    }

    fn repeat(&mut self, depth: usize) -> Stmt {
        let counter = self.counters_made;
        self.counters_made += 1;
        let range = self.random.one_in(2).then(|| {
            let from = Expr::Literal(self.random.below(6) as i128 - 3);
            let to = match self.random.one_in(2) {
                true => Expr::Literal(self.random.below(8) as i128),
                false => {
                    let number = self.int(2);
                    let number = self.cast(&Type::Int(Int { bits: 8, signed: false }), number);
                    binary(Binary::Remainder, number, Expr::Literal(7))
                }
            };
            (from, to)
        });
        self.counters.push(counter);
        let mut body = self.inner(depth);
        if self.random.one_in(2) {
            let leave =
                Stmt::Leave { condition: self.condition(2), goes_on: self.random.one_in(2) };
            let at = self.random.below(body.len() + 1);
            body.insert(at, leave);
        }
        self.counters.pop();
        match range {
            Some((from, to)) => Stmt::For { counter, from, to, body },
            None => Stmt::While { counter, rounds: 1 + self.random.below(5) as u32, body },
        }
    }

    fn own_variables(&self) -> usize {
        self.program.variables.len() - if self.program.functions.is_empty() { 0 } else { 2 }
    }

    fn assignment(&mut self) -> Stmt {
        let variable = self.random.below(self.own_variables());
        let value = match self.program.variables[variable].clone() {
            Type::Int(int) => {
                let value = self.int(4);
                let fits = match &value {
                    Expr::Binary { .. } => true,
                    Expr::Literal(number) => int.holds(*number),
                    _ => types::of(&self.program, &value) == Type::Int(int),
                };
                if fits { value } else { self.cast(&Type::Int(int), value) }
            }
            Type::Bool => self.bool(3),
            Type::Str => self.text(2),
            Type::Tuple(elements) => self.tuple(&elements),
        };
        Stmt::Assign { variable, value }
    }

    fn update(&mut self) -> Stmt {
        let variable = self.variable(|ty| *ty == Type::Int(I64) || *ty == Type::Int(U64));
        let ops =
            [Binary::Add, Binary::Subtract, Binary::Multiply, Binary::And, Binary::Or, Binary::Xor];
        Stmt::Update { variable, op: self.random.pick(&ops), value: self.int(3) }
    }

    /// Keys and values are cast, so that the map's types are these and no others.
    fn put(&mut self, map: usize, depth: usize) -> Stmt {
        let value = self.int(depth);
        let value = self.cast(&Type::Int(self.program.maps[map].value), value);
        Stmt::Put { map, key: self.map_key(map, depth), value }
    }

    fn map_key(&mut self, map: usize, depth: usize) -> Option<Expr> {
        let int = self.program.maps[map].key?;
        let key = match self.random.one_in(2) {
            true => Expr::Literal(self.random.below(3) as i128),
            false => self.int(depth),
        };
        Some(self.cast(&Type::Int(int), key))
    }

    // Expressions.

    fn cast(&self, to: &Type, operand: Expr) -> Expr {
        Expr::Cast { to: to.clone(), operand: Box::new(operand) }
    }

    /// A variable that is there, with a type of this kind; the first always is an `int64`.
    fn variable(&mut self, wanted: impl Fn(&Type) -> bool) -> usize {
        if let Some(params) = self.function {
            return self.random.pick(&params);
        }
        let fitting: Vec<usize> = (0..self.own_variables())
            .filter(|&index| wanted(&self.program.variables[index]))
            .collect();
        self.random.pick(&fitting)
    }

    /// Something that is not known before the program runs.
    fn unknown(&mut self) -> Expr {
        Expr::Variable(self.variable(|ty| matches!(ty, Type::Int(_))))
    }

    fn value(&mut self, depth: usize) -> Expr {
        match self.random.below(6) {
            0 => self.bool(depth),
            1 => self.text(depth),
            2 => {
                let elements = [Type::Int(I64), Type::Bool, Type::Str, Type::Int(U64)];
                let count = 1 + self.random.below(elements.len());
                self.tuple(&elements[..count])
            }
            _ => self.int(depth),
        }
    }

    fn tuple(&mut self, elements: &[Type]) -> Expr {
        let parts = elements.iter().map(|element| match element {
            Type::Int(_) => {
                let number = self.int(1);
                self.cast(element, number)
            }
            Type::Bool => self.bool(1),
            _ => self.text(1),
        });
        Expr::Tuple(parts.collect())
    }

    fn text(&mut self, depth: usize) -> Expr {
        match self.random.below(if depth == 0 { 2 } else { 3 }) {
            0 => Expr::Str(self.random.pick(&TEXTS).to_owned()),
            1 => Expr::Variable(self.variable(|ty| *ty == Type::Str)),
            _ => Expr::Choice {
                condition: Box::new(self.condition(1)),
                then: Box::new(self.text(depth - 1)),
                otherwise: Box::new(self.text(depth - 1)),
                spelt: self.random.one_in(2),
            },
        }
    }

    /// A condition that is not known before the program runs.
    fn condition(&mut self, depth: usize) -> Expr {
        match self.random.below(4) {
            0 => self.unknown(),
            _ => self.bool(depth.max(1)),
        }
    }

    fn bool(&mut self, depth: usize) -> Expr {
        let plain = self.function.is_none();
        match self.random.below(if depth == 0 { 2 } else { 8 }) {
            0 if plain => Expr::Variable(self.variable(|ty| *ty == Type::Bool)),
            0 | 1 => {
                let operand = self.unknown();
                self.cast(&Type::Bool, operand)
            }
            2 => Expr::Unary { op: Unary::Not, operand: Box::new(self.bool(depth - 1)) },
            3..=4 => {
                let op = self.random.pick(&[Binary::Both, Binary::Either]);
                binary(op, self.bool(depth - 1), self.condition(depth - 1))
            }
            5 if plain => {
                let op = self.random.pick(&[Binary::Equal, Binary::NotEqual]);
                let variable = Expr::Variable(self.variable(|ty| *ty == Type::Str));
                binary(op, variable, self.text(1))
            }
            _ => {
                let op = self.random.pick(&Binary::COMPARISONS);
                let (left, right) = self.sides(depth - 1);
                binary(op, left, right)
            }
        }
    }

    /// Two integers, of which not both are literals.
    fn sides(&mut self, depth: usize) -> (Expr, Expr) {
        let left = self.int(depth);
        let right = self.int(depth);
        match is_constant(&left) && is_constant(&right) {
            true => (self.unknown(), right),
            false => (left, right),
        }
    }

    fn int(&mut self, depth: usize) -> Expr {
        let plain = self.function.is_none();
        match self.random.below(if depth == 0 { 4 } else { 16 }) {
            0 => self.literal(),
            1 if plain && !self.counters.is_empty() => {
                Expr::Counter(self.random.pick(&self.counters.clone()))
            }
            2 if plain && !self.program.maps.is_empty() => {
                let map = self.random.below(self.program.maps.len());
                Expr::Map { map, key: self.map_key(map, 0).map(Box::new) }
            }
            1..=3 => self.unknown(),
            4 => {
                let op = self.random.pick(&[Unary::Negate, Unary::Complement]);
                let operand = self.int(depth - 1);
                let operand = if is_constant(&operand) { self.unknown() } else { operand };
                Expr::Unary { op, operand: Box::new(operand) }
            }
            5 => {
                let to = Type::Int(self.int_type());
                let operand =
                    if self.random.one_in(4) { self.bool(1) } else { self.int(depth - 1) };
                self.cast(&to, operand)
            }
            6 => self.choice(depth),
            7 if plain => Expr::Step {
                variable: self.variable(|ty| *ty == Type::Int(I64)),
                up: self.random.one_in(2),
                prefix: self.random.one_in(2),
            },
            8 if plain => self.part(),
            9 if plain && !self.program.functions.is_empty() => {
                let args = [self.int(1), self.int(1)];
                let args = Box::new(args.map(|arg| self.cast(&Type::Int(I64), arg)));
                Expr::Call { function: self.random.below(self.program.functions.len()), args }
            }
            _ => self.arithmetic(depth),
        }
    }

    /// Two literals would have a sign of their own where they meet.
    fn choice(&mut self, depth: usize) -> Expr {
        let (then, otherwise) = self.sides(depth - 1);
        Expr::Choice {
            condition: Box::new(self.condition(2)),
            then: Box::new(then),
            otherwise: Box::new(otherwise),
            spelt: self.random.one_in(2),
        }
    }

    /// An element of a tuple, or a letter of a text.
    fn part(&mut self) -> Expr {
        let tuples: Vec<usize> = (0..self.own_variables())
            .filter(|&index| matches!(self.program.variables[index], Type::Tuple(_)))
            .collect();
        if tuples.is_empty() {
            let variable = self.variable(|ty| *ty == Type::Str);
            return Expr::Letter { variable, index: 0 };
        }
        let tuple = Box::new(Expr::Variable(self.random.pick(&tuples)));
        Expr::Element { tuple, index: self.random.pick(&[0, 2]) }
    }

    fn arithmetic(&mut self, depth: usize) -> Expr {
        let op = self.random.pick(&Binary::ARITHMETIC);
        let (mut left, mut right) = self.sides(depth - 1);
        let signed = |expr: &Expr, program: &Program| match types::of(program, expr) {
            Type::Int(int) => int.signed,
            _ => false,
        };
        let by_sign = matches!(
            op,
            Binary::Divide | Binary::Remainder | Binary::ShiftLeft | Binary::ShiftRight
        );
        if by_sign {
            if matches!(left, Expr::Literal(_)) {
                left = self.unknown();
            }
            if signed(&left, &self.program) != signed(&right, &self.program) {
                let to = if signed(&left, &self.program) { I64 } else { U64 };
                right = self.cast(&Type::Int(to), right);
            }
            // A literal divisor of 0 is an error, and so is a literal count beyond the width.
            let shifts = matches!(op, Binary::ShiftLeft | Binary::ShiftRight);
            if is_constant(&right) {
                let number = 1 + self.random.below(if shifts { 63 } else { 100 });
                right = Expr::Literal(number as i128);
            }
        }
        binary(op, left, right)
    }
}

/// A number that any integer type of its sign holds.
fn seed_of(ty: &Type) -> Expr {
    match ty {
        Type::Int(int) if int.signed => Expr::Literal(-3),
        _ => Expr::Literal(7),
    }
}

fn binary(op: Binary, left: Expr, right: Expr) -> Expr {
    Expr::Binary { op, left: Box::new(left), right: Box::new(right) }
}

/// Whether the compiler may know the value.
fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(_) | Expr::Bool(_) | Expr::Str(_) => true,
        Expr::Unary { operand, .. } | Expr::Cast { operand, .. } => is_constant(operand),
        Expr::Binary { left, right, .. } => is_constant(left) && is_constant(right),
        Expr::Tuple(elements) => elements.iter().all(is_constant),
        _ => false,
    }
}
