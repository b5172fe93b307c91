//! `==` and `!=` of values that do not fit a register.

use super::join::{self, Joined};
use super::{Lower, Operand, Placed, error};
use crate::ir::{BinaryOp, Expr, StmtKind, ValueId};
use crate::syntax::ast;
use crate::types::{Type, TypeId};

impl Lower<'_> {
    /// Compares tuples, records, arrays, text and bytes; `None` where the types or the operator do not allow it.
    pub(super) fn compare_memory(
        &mut self,
        op: ast::BinaryOp,
        left: &Placed,
        right: &Placed,
    ) -> Option<Operand> {
        let negated = match op {
            ast::BinaryOp::Equal => false,
            ast::BinaryOp::NotEqual => true,
            _ => return None,
        };
        let equal = match [left.0.ty, right.0.ty].map(|ty| self.b.types().get(ty).clone()) {
            [Type::Str(_), Type::Str(_)] => self.texts_equal(&left.0, &right.0),
            [Type::Str(_), Type::Array { of: TypeId::I8, .. }] => {
                let right = self.as_text(&right.0);
                self.texts_equal(&left.0, &right)
            }
            [Type::Array { of: TypeId::I8, .. }, Type::Str(_)] => {
                let left = self.as_text(&left.0);
                self.texts_equal(&left, &right.0)
            }
            _ => self.bytes_equal(left, right)?,
        };
        let equal = self.b.add(Expr::Value(equal), TypeId::BOOL);
        let value = if negated {
            let no = self.b.int(0, TypeId::BOOL);
            self.b.binary(BinaryOp::Equal, equal, no)
        } else {
            equal
        };
        Some(self.operand(value))
    }

    fn texts_equal(&mut self, left: &Operand, right: &Operand) -> ValueId {
        let result = self.b.value(TypeId::BOOL);
        self.b.stmt(StmtKind::StrEqual { result, left: left.expr, right: right.expr });
        result
    }

    /// Characters with a NUL after them, whether there is one among them or not.
    pub(super) fn as_text(&mut self, array: &Operand) -> Operand {
        let size = self.b.types().size(array.ty);
        let ty = self.b.types().string(size + 1);
        let local = self.b.local("text", ty);
        self.b.zero(local);
        self.b.store_part(local, 0, array.ty, array.expr);
        self.local_operand(local)
    }

    fn bytes_equal(&mut self, left: &Placed, right: &Placed) -> Option<ValueId> {
        if !self.is_comparable(left.0.ty) || !self.is_comparable(right.0.ty) {
            return None;
        }
        let types = [left, right].map(|side| self.offer(&side.0, side.1));
        let [a, b] = types.map(|offer| (offer.ty, offer.flexible));
        let ty = match join::join(self.b.types(), a, b) {
            Joined::Fits { ty, .. } => ty,
            Joined::Mixed { ty } => {
                let names = [left.0.ty, right.0.ty, ty].map(|ty| self.type_name(ty));
                self.complain(error::mixed_signs(
                    (&names[0], left.1),
                    (&names[1], right.1),
                    &names[2],
                ));
                ty
            }
            Joined::Clash => return None,
        };
        let (left, right) = (self.exact(&left.0, ty, "left"), self.exact(&right.0, ty, "right"));
        let result = self.b.value(TypeId::BOOL);
        self.b.stmt(StmtKind::BytesEqual { result, left, right });
        Some(result)
    }

    /// Whether equal values have equal bytes: not those of C structs, which may have anything between their fields.
    fn is_comparable(&mut self, ty: TypeId) -> bool {
        match self.b.types().get(ty).clone() {
            Type::Array { of, .. } => self.is_comparable(of),
            Type::Tuple(parts) => parts.into_iter().all(|part| self.is_comparable(part)),
            Type::Record(fields) => fields.into_iter().all(|(_, part)| self.is_comparable(part)),
            Type::Bool
            | Type::Int { .. }
            | Type::Enum { .. }
            | Type::Pointer { .. }
            | Type::Str(_)
            | Type::Buffer(_)
            | Type::Stack { .. }
            | Type::Symbol { .. }
            | Type::Worded(_) => true,
            _ => false,
        }
    }
}
