//! Values: expressions are evaluated where they are first needed and kept for the rest of the block.

use ebtrace_image::Globals;

use super::arithmetic;
use super::context::{Argument, Int, Pointer};
use super::memory::{self, Bytes};
use super::probe::Function;
use super::{Invariant, Lowered};
use crate::ir::{Expr, ExprId, Global, Part, ProgramType};
use crate::types::{Type, TypeId};

/// A value on its way into memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operand<'a, 'ctx> {
    /// In a register.
    Scalar(Int<'ctx>),
    /// In memory, or constant.
    Bytes(Bytes<'a, 'ctx>),
}

impl<'a, 'ctx> Function<'a, 'ctx> {
    /// The value of an expression of scalar type. Works without recursion, so that no expression is too deep.
    pub(super) fn scalar(&mut self, root: ExprId) -> Lowered<Int<'ctx>> {
        let mut pending = vec![root];
        while let Some(&id) = pending.last() {
            if self.evaluated[index(id)].is_none() {
                let waiting = pending.len();
                pending.extend(
                    operands(&self.func.exprs[id])
                        .filter(|&part| self.evaluated[index(part)].is_none()),
                );
                if pending.len() > waiting {
                    continue;
                }
                self.evaluated[index(id)] = Some(self.evaluate(id)?);
                self.scopes.iter_mut().last().into_iter().for_each(|scope| scope.push(id));
            }
            pending.pop();
        }
        self.known(root)
    }

    fn known(&self, id: ExprId) -> Lowered<Int<'ctx>> {
        self.evaluated[index(id)]
            .ok_or_else(|| Invariant("an operand was not evaluated".to_owned()))
    }

    /// Evaluates an expression whose operands are known.
    fn evaluate(&mut self, id: ExprId) -> Lowered<Int<'ctx>> {
        let emitter = self.emitter;
        let ty = self.func.types[id];
        Ok(match &self.func.exprs[id] {
            Expr::Int(value) => {
                emitter.int(self.bits(ty)?, *value & (u64::MAX >> (64 - self.bits(ty)?)))
            }
            Expr::Value(value) => self.value(*value)?,
            Expr::Context(offset) => {
                let (pointer, size) = (emitter.at(self.context, *offset), self.size(ty));
                let align = memory::align_of(*offset).min(size);
                let value = emitter.load_volatile(pointer, size * 8, align);
                let value = if size == 8 { self.untyped(value) } else { value };
                self.scalar_of(value, ty)
            }
            Expr::Object(offset) => emitter.load_volatile(emitter.at(self.context, *offset), 64, 8),
            // Not the address of a part of the context, which LLVM might share with a read from there: the verifier
            // wants to see the offset in the read itself.
            Expr::ContextAddress(offset) => {
                emitter.add(emitter.number(self.context), emitter.word(u64::from(*offset)))
            }
            Expr::MapAddress(map) => emitter.number(self.unit.map(map.into_raw().into_u32())?.1),
            Expr::Address(local, offset) => emitter.number(emitter.at(self.local(*local), *offset)),
            Expr::Global(global) => {
                let offset = match global {
                    Global::StartNs => std::mem::offset_of!(Globals, start_ns),
                    Global::ChildPid => std::mem::offset_of!(Globals, child_pid),
                    Global::TaiOffsetNs => std::mem::offset_of!(Globals, tai_offset_ns),
                    Global::UtcOffsetNs => std::mem::offset_of!(Globals, utc_offset_ns),
                    Global::Parameter(at) | Global::ParameterAddress(at) => {
                        size_of::<Globals>() + *at as usize
                    }
                };
                let place = emitter.at(self.globals()?, offset as u32);
                if matches!(global, Global::ParameterAddress(_)) {
                    return Ok(emitter.number(place));
                }
                let value = emitter.load_volatile(place, 64, 8);
                emitter.resize(value, self.bits(ty)?, false)
            }
            Expr::Binary { op, left, right } => {
                let signed = self.signed(*left);
                arithmetic::binary(emitter, *op, self.known(*left)?, self.known(*right)?, signed)
            }
            Expr::Convert(operand) if ty == TypeId::BOOL => {
                emitter.is_not_zero(self.known(*operand)?)
            }
            Expr::Convert(operand) => {
                emitter.resize(self.known(*operand)?, self.bits(ty)?, self.signed(*operand))
            }
            Expr::Bounded(operand, most) => self.bounded(self.known(*operand)?, *most),
            Expr::Log2(operand) => arithmetic::log2(emitter, self.known(*operand)?),
            Expr::Select { condition, then, otherwise } => {
                emitter.select(self.known(*condition)?, self.known(*then)?, self.known(*otherwise)?)
            }
            Expr::Local(_) | Expr::Part(_) | Expr::Bytes(_) | Expr::Row { .. } => {
                return Err(self.unexpected("a scalar", id));
            }
        })
    }

    /// A word of the context as a number.
    fn untyped(&self, word: Int<'ctx>) -> Int<'ctx> {
        let typed = self.program_type().is_some_and(ProgramType::has_typed_context);
        if typed { self.plain_number(word) } else { word }
    }

    /// What may be an address to the verifier as a number. It follows an address whose type it knows, and forbids most of
    /// what can be done with numbers; of what was negated it knows nothing.
    pub(super) fn plain_number(&self, word: Int<'ctx>) -> Int<'ctx> {
        let negated = self.emitter.opaque(self.emitter.negate(word));
        self.emitter.negate(negated)
    }

    fn signed(&self, id: ExprId) -> bool {
        self.unit.program.types.is_signed(self.func.types[id])
    }

    fn unexpected(&self, wanted: &str, id: ExprId) -> Invariant {
        let ty = self.unit.program.types.name(self.func.types[id]);
        Invariant(format!("{wanted} is needed, not {:?} of type {ty}", self.func.exprs[id]))
    }

    /// Width in a register.
    pub(super) fn bits(&self, ty: TypeId) -> Lowered<u32> {
        match self.unit.program.types.get(ty) {
            Type::Bool => Ok(1),
            Type::Int { bits, .. } => Ok(u32::from(*bits)),
            Type::Enum { size, .. } => Ok(u32::from(*size) * 8),
            Type::Pointer { .. } => Ok(64),
            _ => Err(Invariant(format!("{} is no scalar", self.unit.program.types.name(ty)))),
        }
    }

    /// What was read from memory as a scalar of a type: a bool has a byte there.
    pub(super) fn scalar_of(&self, value: Int<'ctx>, ty: TypeId) -> Int<'ctx> {
        if ty == TypeId::BOOL { self.emitter.is_not_zero(value) } else { value }
    }

    /// The bytes of a memory value.
    pub(super) fn bytes(&mut self, id: ExprId) -> Lowered<Bytes<'a, 'ctx>> {
        let ty = self.func.types[id];
        match &self.func.exprs[id] {
            Expr::Local(local) => {
                Ok(Bytes::At { pointer: self.local(*local), size: self.size(ty), align: 8 })
            }
            Expr::Part(part) => {
                let pointer = self.part(part)?;
                Ok(Bytes::At { pointer, size: self.size(ty), align: self.align_of_part(part, ty) })
            }
            Expr::Bytes(bytes) => Ok(Bytes::Constant(bytes)),
            Expr::Row { rows, index } => {
                let size = self.size(ty);
                let last = (rows.len() as u32 / size.max(1)).saturating_sub(1);
                let index = self.scalar(*index)?;
                let row = self.bounded(index, u64::from(last));
                let distance = self.emitter.mul(row, self.emitter.word(u64::from(size)));
                let pointer = self.emitter.offset(self.emitter.constant(rows), distance);
                Ok(Bytes::At { pointer, size, align: 1 })
            }
            _ => Err(self.unexpected("a memory value", id)),
        }
    }

    /// The address of a part.
    pub(super) fn part(&mut self, part: &Part) -> Lowered<Pointer<'ctx>> {
        let start = self.emitter.at(self.local(part.local), part.offset);
        let Some((further, most)) = part.further else { return Ok(start) };
        let distance = self.scalar(further)?;
        Ok(self.emitter.offset(start, self.bounded(distance, u64::from(most))))
    }

    /// The lesser of the two. LLVM must not know more about the value than the verifier, or it drops the comparison.
    fn bounded(&self, value: Int<'ctx>, most: u64) -> Int<'ctx> {
        let emitter = self.emitter;
        let (value, most) = (emitter.opaque(value), emitter.word(most));
        emitter.select(emitter.less(value, most, false), value, most)
    }

    /// What the address of a part is a multiple of: a computed distance is a multiple of the type's alignment.
    pub(super) fn align_of_part(&self, part: &Part, ty: TypeId) -> u32 {
        let align = memory::align_of(part.offset);
        match part.further {
            None => align,
            Some(_) => align.min(self.unit.program.types.align(ty)),
        }
    }

    /// A value of any type.
    pub(super) fn operand(&mut self, id: ExprId) -> Lowered<Operand<'a, 'ctx>> {
        if self.unit.program.types.is_scalar(self.func.types[id]) {
            self.scalar(id).map(Operand::Scalar)
        } else {
            self.bytes(id).map(Operand::Bytes)
        }
    }

    /// Puts a value where there are `room` bytes at an offset from an address aligned to 8, and zeroes the rest.
    pub(super) fn put(
        &self,
        to: Pointer<'ctx>,
        offset: u32,
        room: u32,
        operand: Operand<'_, 'ctx>,
    ) -> Lowered<()> {
        let (to, align) = (self.emitter.at(to, offset), memory::align_of(offset));
        let bytes = match operand {
            Operand::Scalar(value) => {
                let bits = value.get_type().get_bit_width().next_multiple_of(8);
                self.emitter.store(
                    to,
                    self.emitter.resize(value, bits, false),
                    align.min(bits / 8),
                );
                return Ok(());
            }
            // The zeros at the end of a constant are not copied but made.
            Operand::Bytes(Bytes::Constant(all)) => {
                let used = all.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                match all.get(..used) {
                    Some(short) if used <= memory::BY_HAND as usize => Bytes::Constant(short),
                    _ => Bytes::At {
                        pointer: self.emitter.constant(all),
                        size: all.len() as u32,
                        align: 8,
                    },
                }
            }
            Operand::Bytes(bytes) => bytes,
        };
        if bytes.size() > room {
            return Err(Invariant(format!("{} bytes do not fit {room}", bytes.size())));
        }
        memory::copy(self.emitter, to, bytes, align);
        memory::zero(self.emitter, to, bytes.size()..room, align);
        Ok(())
    }

    /// A value as a helper takes it: memory values and addresses as addresses, numbers as 64 bits.
    pub(super) fn argument(&mut self, id: ExprId) -> Lowered<Argument<'ctx>> {
        Ok(match &self.func.exprs[id] {
            Expr::Address(local, offset) => self.emitter.at(self.local(*local), *offset).into(),
            Expr::ContextAddress(0) => self.context.into(),
            Expr::MapAddress(map) => self.unit.map(map.into_raw().into_u32())?.1.into(),
            Expr::Local(_) | Expr::Part(_) | Expr::Bytes(_) | Expr::Row { .. } => {
                let bytes = self.bytes(id)?;
                self.readable(bytes).into()
            }
            _ => {
                let signed = self.signed(id);
                self.emitter.resize(self.scalar(id)?, 64, signed).into()
            }
        })
    }
}

/// Position of an expression in tables by number.
pub(super) fn index(id: ExprId) -> usize {
    id.into_raw().into_u32() as usize
}

/// The expressions that one is made of.
fn operands(expr: &Expr) -> impl Iterator<Item = ExprId> + use<> {
    let parts = match expr {
        Expr::Binary { left, right, .. } => [Some(*left), Some(*right), None],
        Expr::Convert(operand) | Expr::Log2(operand) | Expr::Bounded(operand, _) => {
            [Some(*operand), None, None]
        }
        Expr::Select { condition, then, otherwise } => {
            [Some(*condition), Some(*then), Some(*otherwise)]
        }
        _ => [None; 3],
    };
    parts.into_iter().flatten()
}
