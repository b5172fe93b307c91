//! Parts of memory values: elements of tuples and arrays, fields of structs.

use super::{Lower, Operand};
use crate::ir::{Expr, ExprId, LocalId, Part, StmtKind};
use crate::types::TypeId;

impl Lower<'_> {
    /// The part of a memory value that stands so many bytes from its start. `further` adds bytes that are computed
    /// (a `u64`), and the greatest number of them that keeps the part within the value.
    pub(super) fn part(
        &mut self,
        base: &Operand,
        offset: u32,
        further: Option<(ExprId, u32)>,
        ty: TypeId,
    ) -> Operand {
        let part = self.part_of(base, offset, further);
        if !self.b.types().is_scalar(ty) {
            let expr = self.b.add(Expr::Part(part), ty);
            return self.operand(expr);
        }
        let result = self.b.value(ty);
        self.b.stmt(StmtKind::LoadPart { result, part });
        let expr = self.b.add(Expr::Value(result), ty);
        self.operand(expr)
    }

    /// A part of what is itself a part, or of a constant, which is put into a local first.
    fn part_of(&mut self, base: &Operand, offset: u32, further: Option<(ExprId, u32)>) -> Part {
        match *self.b.expr(base.expr) {
            Expr::Local(local) => Part { local, offset, further },
            Expr::Part(part) if part.further.is_none() => {
                Part { offset: part.offset + offset, further, ..part }
            }
            Expr::Part(part) if further.is_none() => Part { offset: part.offset + offset, ..part },
            _ => Part { local: self.held(base), offset, further },
        }
    }

    /// A local that holds a memory value: its own, or a copy.
    pub(super) fn held(&mut self, operand: &Operand) -> LocalId {
        if let Expr::Local(local) = *self.b.expr(operand.expr) {
            return local;
        }
        let local = self.b.local("value", operand.ty);
        self.b.store(local, operand.expr);
        local
    }
}
