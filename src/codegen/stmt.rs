//! Effects, in order.

use super::context::Int;
use super::expr::index;
use super::helper;
use super::memory;
use super::probe::Function;
use super::{Invariant, Lowered};
use crate::ir::{Block, ExprId, Stmt, StmtKind, ValueId};

impl<'a, 'ctx> Function<'a, 'ctx> {
    /// Lowers the statements of a block; says whether control comes out at its end.
    pub(super) fn block(&mut self, block: &'a Block) -> Lowered<bool> {
        self.scopes.push(Vec::new());
        let mut goes_on = true;
        for stmt in &block.stmts {
            goes_on = self.stmt(stmt)?;
            self.release_temporaries();
            if !goes_on {
                break;
            }
        }
        for id in self.scopes.pop().unwrap_or_default() {
            self.evaluated[index(id)] = None;
        }
        Ok(goes_on)
    }

    fn stmt(&mut self, stmt: &'a Stmt) -> Lowered<bool> {
        self.span = stmt.span;
        self.unit.debug.at(&mut self.lines, stmt.span);
        match &stmt.kind {
            StmtKind::If { condition, then, otherwise } => {
                return self.branch(*condition, then, otherwise);
            }
            StmtKind::Block(inner) => return self.block(inner),
            StmtKind::Return(value) => {
                self.give_back(*value)?;
                return Ok(false);
            }
            StmtKind::Break | StmtKind::Continue => {
                self.end_round(stmt.kind == StmtKind::Continue);
                return Ok(false);
            }
            StmtKind::Loop { kind, body } => return self.repeat(kind, body),
            StmtKind::LoadPart { result, part } => {
                let (pointer, ty) = (self.part(part)?, self.func.values[*result].ty);
                let align = self.align_of_part(part, ty).min(self.size(ty));
                let value = self.emitter.load(pointer, self.size(ty) * 8, align);
                self.define(*result, self.scalar_of(value, ty));
            }
            StmtKind::CallFunction { function, args, result, into } => {
                let value = self.call_function(*function, args, *into)?;
                if let Some(result) = result {
                    let bits = self.bits(self.func.values[*result].ty)?;
                    self.define(*result, self.emitter.resize(value, bits, false));
                }
            }
            StmtKind::CallExternal { external, args, result } => {
                self.call_external(*external, args, *result)?
            }
            StmtKind::SendPacket { event, args, packet, length, result } => {
                let args =
                    args.iter().map(|&arg| self.operand(arg)).collect::<Lowered<Vec<_>>>()?;
                let packet = (self.scalar(*packet)?, self.scalar(*length)?);
                let sent = self.send_packet(*event, &args, packet)?;
                self.define(*result, sent);
            }
            StmtKind::TaskName { pid, offset, into, found } => {
                let there = self.task_name(*pid, *offset, *into)?;
                self.define(*found, there);
            }
            StmtKind::PerCpu { variable, cpu, result } => {
                let address = self.per_cpu(*variable, *cpu)?;
                self.define(*result, address);
            }
            StmtKind::Let { result, value } => {
                let value = self.scalar(*value)?;
                self.define(*result, value);
            }
            StmtKind::Load { result, local } => {
                let ty = self.func.locals[*local].ty;
                let value = self.emitter.load(self.local(*local), self.size(ty) * 8, self.size(ty));
                self.define(*result, self.scalar_of(value, ty));
            }
            StmtKind::Store { local, value } => {
                let (value, room) = (self.operand(*value)?, self.size(self.func.locals[*local].ty));
                self.put(self.local(*local), 0, room, value)?;
            }
            StmtKind::StorePart { local, offset, ty, value } => {
                let value = self.operand(*value)?;
                self.put(self.local(*local), *offset, self.size(*ty), value)?;
            }
            StmtKind::Zero { local } => {
                let size = self.size(self.func.locals[*local].ty);
                memory::zero(self.emitter, self.local(*local), 0..size, 8);
            }
            StmtKind::StrEqual { result, left, right }
            | StmtKind::BytesEqual { result, left, right } => {
                let equal = self.bytes_equal(*left, *right)?;
                self.define(*result, equal);
            }
            StmtKind::Call { helper, args, result } => self.helper(*helper, args, *result)?,
            StmtKind::MapGet { map, key, into, found } => {
                let there = self.map_get(*map, *key, *into)?;
                found.iter().for_each(|&found| self.define(found, there));
            }
            StmtKind::MapPut { map, key, value, full } => {
                self.map_put(*map, *key, *value, *full)?
            }
            StmtKind::MapAdd { map, key, value, time, full } => {
                self.map_add((*map, *key), (*value, *time), *full)?
            }
            StmtKind::MapHas { map, key, found } => {
                let there = self.map_has(*map, *key)?;
                self.define(*found, there);
            }
            StmtKind::MapDelete { map, key, found } => {
                let there = self.map_delete(*map, *key)?;
                found.iter().for_each(|&found| self.define(found, there));
            }
            StmtKind::Emit { event, args } => {
                let args =
                    args.iter().map(|&arg| self.operand(arg)).collect::<Lowered<Vec<_>>>()?;
                self.emit(*event, &args)?;
            }
        }
        Ok(true)
    }

    /// Names a statement's result, and keeps it where the loops that use it can find it.
    pub(super) fn define(&mut self, result: ValueId, value: Int<'ctx>) {
        self.values[result.into_raw().into_u32() as usize] = Some(value);
        if let Some(slot) = self.captured(result) {
            self.emitter.store(slot, self.emitter.resize(value, 64, false), 8);
        }
    }

    /// What a statement produced: here, or in a region around this one.
    pub(super) fn value(&mut self, value: ValueId) -> Lowered<Int<'ctx>> {
        if let Some(known) = self.values[value.into_raw().into_u32() as usize] {
            return Ok(known);
        }
        let slot = self.captured(value).ok_or_else(|| {
            Invariant(format!("%{} is used before it is known", value.into_raw()))
        })?;
        let bits = self.bits(self.func.values[value].ty)?;
        Ok(self.emitter.resize(self.emitter.load(slot, 64, 8), bits, false))
    }

    fn branch(
        &mut self,
        condition: ExprId,
        then: &'a Block,
        otherwise: &'a Block,
    ) -> Lowered<bool> {
        let condition = self.scalar(condition)?;
        let (if_true, if_false) = (self.emitter.label(), self.emitter.label());
        self.emitter.branch(condition, if_true, if_false);
        let mut ends = Vec::with_capacity(2);
        for (label, block) in [(if_true, then), (if_false, otherwise)] {
            self.emitter.enter(label);
            if self.block(block)? {
                ends.push(self.emitter.here());
            }
        }
        if ends.is_empty() {
            return Ok(false);
        }
        let after = self.emitter.label();
        for end in ends {
            self.emitter.enter(end);
            self.emitter.jump(after);
        }
        self.emitter.enter(after);
        Ok(true)
    }

    fn helper(
        &mut self,
        helper: crate::ir::Helper,
        args: &[ExprId],
        result: Option<ValueId>,
    ) -> Lowered<()> {
        let args = args.iter().map(|&arg| self.argument(arg)).collect::<Lowered<Vec<_>>>()?;
        let value = match helper::of(helper) {
            Some(helper) => self.unit.call(helper, &args)?,
            None => self.unit.unwind(&args, self.span)?,
        };
        let Some(result) = result else { return Ok(()) };
        let bits = self.bits(self.func.values[result].ty)?;
        if bits == 1 {
            return Err(Invariant("a helper's result is no bool".to_owned()));
        }
        self.define(result, self.emitter.resize(value, bits, false));
        Ok(())
    }
}
