//! Values that are put into words when they are shown.

use super::facts::{Clocks, Timed};
use super::lvalue::Lvalue;
use super::{Literal, Lower, Operand, Placed};
use crate::builtin::{Call, Clock};
use crate::ir::ExprId;
use crate::syntax::ast::ExprKind;
use crate::types::{Type, TypeId, Worded};

impl Lower<'_> {
    /// A value of such a type: its parts by their places. The rest is zero.
    pub fn worded(&mut self, worded: Worded, parts: &[(u32, ExprId)]) -> Operand {
        let ty = self.b.types().intern(Type::Worded(worded));
        let local = self.b.local("worded", ty);
        self.b.zero(local);
        for &(offset, value) in parts {
            let ty = self.b.ty(value);
            self.b.store_part(local, offset, ty, value);
        }
        self.local_operand(local)
    }

    /// An argument of any type. Characters in memory are taken as bytes, also those after a NUL.
    pub fn bytes_arg(&mut self, call: &Call<'_>, index: usize) -> Option<Operand> {
        let arg = call.args.get(index)?;
        if let ExprKind::Str(text) = &arg.kind
            && text.contains(&0)
        {
            let bytes = self.b.bytes(text);
            return Some(Operand {
                literal: Some(Literal::Str(text.clone())),
                ..self.operand(bytes)
            });
        }
        let mut place = self.locate(arg);
        if let Lvalue::Memory(memory) = &mut place
            && let Type::Array { of: TypeId::I8, len } = *self.b.types().get(memory.ty)
        {
            memory.ty = self.b.types().intern(Type::Array { of: TypeId::U8, len });
        }
        let operand = self.fetch(place);
        (operand.ty != TypeId::UNKNOWN).then_some(operand)
    }

    /// An argument that is text, or an array of characters.
    pub fn text_arg(&mut self, call: &Call<'_>, index: usize) -> Option<Operand> {
        let operand = self.arg(call, index)?;
        match self.b.types().get(operand.ty) {
            Type::Str(_) => Some(operand),
            Type::Array { of: TypeId::I8, .. } => Some(self.as_text(&operand)),
            _ => {
                self.complain_type(call, index, "text", &operand);
                None
            }
        }
    }

    /// The first so many bytes of an array, a text or what an address points to; `None` for what has none or fewer.
    pub fn first_bytes(&mut self, value: &Operand, count: u32) -> Option<ExprId> {
        let types = self.b.types();
        let array = types.intern(Type::Array { of: TypeId::U8, len: count });
        match *types.get(value.ty) {
            Type::Array { .. } | Type::Str(_) if types.size(value.ty) >= count => {
                Some(self.part(value, 0, None, array).expr)
            }
            Type::Pointer { space, .. } => {
                let local = self.b.local("bytes", array);
                self.b.zero(local);
                let address = self.b.convert(value.expr, TypeId::U64);
                self.read_into(local, address, space);
                Some(self.local_operand(local).expr)
            }
            _ => None,
        }
    }

    /// Bytes that are known now, as an array.
    pub fn array_of_bytes(&mut self, bytes: &[u8]) -> Operand {
        let ty = Type::Array { of: TypeId::U8, len: bytes.len() as u32 };
        let ty = self.b.types().intern(ty);
        let local = self.b.local("bytes", ty);
        for (offset, &byte) in (0..).zip(bytes) {
            let byte = self.b.int(byte.into(), TypeId::U8);
            self.b.store_part(local, offset, TypeId::U8, byte);
        }
        self.local_operand(local)
    }

    /// Notes the clock that a time was read from.
    pub fn set_clock(&mut self, time: ExprId, clock: Clock) {
        self.clocks.insert(time, Clocks::from([(Vec::new(), clock)]));
    }

    /// The clock that a time was read from, if it is one.
    pub fn clock_of(&self, time: &Operand) -> Option<Clock> {
        self.clocks.get(&time.expr)?.get(&[][..]).copied()
    }

    /// Notes the clocks of a value that is made of others.
    pub(super) fn join_clocks<'o>(
        &mut self,
        whole: ExprId,
        parts: impl IntoIterator<Item = &'o Operand>,
    ) {
        let mut all = Clocks::new();
        for (number, part) in parts.into_iter().enumerate() {
            for (path, clock) in self.clocks.get(&part.expr).into_iter().flatten() {
                all.insert([&[number], &path[..]].concat(), *clock);
            }
        }
        if !all.is_empty() {
            self.clocks.insert(whole, all);
        }
    }

    /// Notes the clocks of an element of a value.
    pub(super) fn part_clocks(&mut self, whole: &Operand, number: usize, part: ExprId) {
        let Some(all) = self.clocks.get(&whole.expr) else { return };
        let own = within(all, number);
        if !own.is_empty() {
            self.clocks.insert(part, own);
        }
    }

    /// Notes the clocks of one of several values.
    pub(super) fn same_clocks(&mut self, one: ExprId, of: &[ExprId]) {
        let known = of.iter().find_map(|other| self.clocks.get(other)).cloned();
        self.clocks.extend(known.map(|clocks| (one, clocks)));
    }

    /// Notes the clocks of a value that is put into a place.
    pub(super) fn learn_clock(&mut self, place: Timed, value: &Operand) {
        if let Some(clocks) = self.clocks.get(&value.expr).cloned() {
            self.learn_clocks(place, clocks);
        }
    }

    fn learn_clocks(&mut self, place: Timed, clocks: Clocks) {
        let known = self.found.clocks.entry(place).or_default();
        for (path, clock) in clocks {
            known.entry(path).or_insert(clock);
        }
    }

    /// Notes the clocks of several values that are put into a place side by side, or of one.
    pub(super) fn learn_key_clocks(&mut self, map: &str, keys: &[Placed]) {
        let all = match keys {
            [(only, _)] => self.clocks.get(&only.expr).cloned().unwrap_or_default(),
            keys => {
                let of = |(number, (key, _)): (usize, &Placed)| {
                    let own = self.clocks.get(&key.expr).into_iter().flatten();
                    let own = own.map(|(path, clock)| ([&[number], &path[..]].concat(), *clock));
                    own.collect::<Vec<_>>()
                };
                keys.iter().enumerate().flat_map(of).collect()
            }
        };
        if !all.is_empty() {
            self.learn_clocks(Timed::Key(map.to_owned()), all);
        }
    }

    /// What is known of a map's keys and values holds for a variable that has both.
    pub(super) fn learn_pair_clocks(&mut self, map: &str, pair: Timed) {
        let parts = [Timed::Key(map.to_owned()), Timed::Map(map.to_owned())];
        let mut all = Clocks::new();
        for (number, part) in parts.iter().enumerate() {
            for (path, clock) in self.known.clocks.get(part).into_iter().flatten() {
                all.insert([&[number], &path[..]].concat(), *clock);
            }
        }
        if !all.is_empty() {
            self.learn_clocks(pair, all);
        }
    }

    /// What is known of one place holds for another.
    pub(super) fn pass_clocks(&mut self, from: &Timed, to: Timed) {
        if let Some(clocks) = self.known.clocks.get(from).cloned() {
            self.learn_clocks(to, clocks);
        }
    }

    /// Notes the clocks of what is read from a place.
    pub(super) fn recall_clock(&mut self, place: Timed, value: &Operand) {
        if let Some(clocks) = self.known.clocks.get(&place) {
            self.clocks.insert(value.expr, clocks.clone());
        }
    }
}

/// The clocks of an element.
fn within(all: &Clocks, number: usize) -> Clocks {
    let own = all.iter().filter_map(|(path, clock)| {
        let (first, rest) = path.split_first()?;
        (*first == number).then(|| (rest.to_vec(), *clock))
    });
    own.collect()
}
