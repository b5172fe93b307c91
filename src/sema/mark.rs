//! The arguments of marked places, each of which has them where its note says.

use super::{Lower, Operand};
use crate::builtin::Call;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{BinaryOp, Expr, ExprId, LocalId, StmtKind};
use crate::probe::registers::{self, Register};
use crate::probe::usdt::argument::{Argument, Source};
use crate::types::{Space, Type, TypeId};

impl Lower<'_> {
    /// An argument of the place, as a `u64`. Where one of several places has none, it is 0.
    pub fn mark_argument(&mut self, call: &Call<'_>, index: usize) -> Operand {
        let mut kinds: Vec<Option<Argument>> = Vec::new();
        let mut rows = Vec::new();
        for target in self.targets {
            let argument = target.arguments.get(index);
            let known = kinds.iter().position(|known| known.as_ref() == argument);
            let number = known.unwrap_or_else(|| {
                kinds.push(argument.cloned());
                kinds.len() - 1
            });
            rows.extend((number as u64).to_ne_bytes());
        }
        if !kinds.iter().flatten().any(|argument| argument.is_readable()) {
            return self.complain_mark(call, &kinds);
        }
        let result = self.b.local("argument", TypeId::U64);
        let zero = self.b.int(0, TypeId::U64);
        self.b.store(result, zero);
        if let [kind] = &kinds[..] {
            self.store_argument(result, kind.as_ref());
        } else {
            let number = self.number_of_kind(rows);
            self.choose(result, &kinds, number, 0);
        }
        self.local_operand(result)
    }

    /// Which of the kinds of arguments the place at hand has.
    fn number_of_kind(&mut self, rows: Vec<u8>) -> ExprId {
        let index = self.cookie();
        let ty = self.b.types().intern(Type::Array { of: TypeId::U8, len: 8 });
        let row = self.b.add(Expr::Row { rows, index }, ty);
        let row = self.operand(row);
        let number = self.part(&row, 0, None, TypeId::U64);
        self.b.name(number.expr)
    }

    /// Reads as the kind with this number says; `first` is the number of the first that is left.
    fn choose(&mut self, result: LocalId, kinds: &[Option<Argument>], number: ExprId, first: u64) {
        let Some((kind, rest)) = kinds.split_first() else { return };
        if rest.is_empty() {
            return self.store_argument(result, kind.as_ref());
        }
        let condition = {
            let first = self.b.int(first, TypeId::U64);
            self.b.binary(BinaryOp::Equal, number, first)
        };
        self.b.begin();
        self.store_argument(result, kind.as_ref());
        let then = self.b.end();
        self.b.begin();
        self.choose(result, rest, number, first + 1);
        let otherwise = self.b.end();
        self.b.stmt(StmtKind::If { condition, then, otherwise });
    }

    fn store_argument(&mut self, result: LocalId, argument: Option<&Argument>) {
        let Some(Argument { size, signed, source }) = argument else { return };
        let ty = TypeId::int(size * 8, *signed);
        let value = match source {
            Source::Constant(value) => self.b.int(value.cast_unsigned(), TypeId::U64),
            Source::Register(register) => self.register(*register),
            Source::Memory { base, index, further } => {
                let mut address = self.register(*base);
                if let Some((register, times)) = index {
                    let distance = self.register(*register);
                    let distance =
                        self.b.binary_int(BinaryOp::Multiply, distance, u64::from(*times));
                    address = self.b.binary(BinaryOp::Add, address, distance);
                }
                self.argument_at(address, *further, ty)
            }
            Source::Beside(further) => {
                let instruction = registers::instruction(self.arch());
                let address = self.b.add(Expr::Context(instruction), TypeId::U64);
                self.argument_at(address, *further, ty)
            }
            Source::Elsewhere(_) => return,
        };
        let narrow = self.b.convert(value, ty);
        let wide = self.b.convert(narrow, TypeId::U64);
        self.b.store(result, wide);
    }

    fn register(&mut self, register: Register) -> ExprId {
        let whole = self.b.add(Expr::Context(register.offset), TypeId::U64);
        match register.from {
            0 => whole,
            from => self.b.binary_int(BinaryOp::ShiftRight, whole, u64::from(from)),
        }
    }

    fn argument_at(&mut self, base: ExprId, further: i64, ty: TypeId) -> ExprId {
        let address = self.b.binary_int(BinaryOp::Add, base, further.cast_unsigned());
        let local = self.b.local("read", ty);
        self.read_into(local, address, Space::User);
        self.b.read(local)
    }

    fn complain_mark(&mut self, call: &Call<'_>, kinds: &[Option<Argument>]) -> Operand {
        let elsewhere = kinds.iter().flatten().find_map(|argument| match &argument.source {
            Source::Elsewhere(word) => Some(word.clone()),
            _ => None,
        });
        let Some(word) = elsewhere else {
            let most = self.targets.iter().map(|target| target.arguments.len()).max();
            let limit = match most.unwrap_or(0) {
                0 => "this marked place has no arguments".to_owned(),
                1 => "this marked place has `arg0` alone".to_owned(),
                most => format!("this marked place has only `arg0` to `arg{}`", most - 1),
            };
            return self.complain_limit(call, limit);
        };
        let headline = format!("`{}` is where no program of the kernel can look", call.name);
        self.complain(
            Diagnostic::error(Code::NotHere, headline)
                .label(call.span, format!("the program keeps it in `{word}`"))
                .note("that is so with numbers that have a fraction"),
        );
        self.poison()
    }
}
