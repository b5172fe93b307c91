//! What builtins do with addresses.

use super::{Lower, Operand};
use crate::builtin::Call;
use crate::ir::BinaryOp;
use crate::source::Spanned;
use crate::syntax::ast::{self, ExprKind};
use crate::types::{Space, Type, TypeId, catalog};

impl Lower<'_> {
    /// The first argument, an address or integer, as an address in this memory.
    pub fn address_in_space(&mut self, call: &Call<'_>, space: Space) -> Operand {
        let Some(operand) = self.arg(call, 0) else { return self.poison() };
        let ty = match self.b.types().get(operand.ty) {
            Type::Pointer { .. } => self.b.types().respaced(operand.ty, space),
            Type::Int { .. } => self.b.types().pointer(TypeId::VOID, space),
            _ => return self.complain_type(call, 0, "an address or integer", &operand),
        };
        let address = self.b.convert(operand.expr, ty);
        self.operand(address)
    }

    /// The type of pointers to a struct of the kernel; to something unknown where the kernel does not describe it.
    pub fn kernel_pointer(&mut self, name: &str) -> TypeId {
        let host = self.host;
        let to = catalog::kernel_struct(self.b.types(), host, name);
        let to =
            to.unwrap_or_else(|| self.b.types().intern(Type::Opaque(format!("struct {name}"))));
        self.b.types().pointer(to, Space::Kernel)
    }

    /// `container_of(pointer, typeof(struct s), member)`
    pub fn container_of(&mut self, call: &Call<'_>) -> Operand {
        let Some(member) = self.arg(call, 0) else { return self.poison() };
        let Type::Pointer { space, .. } = *self.b.types().get(member.ty) else {
            return self.complain_type(call, 0, "a pointer", &member);
        };
        let ExprKind::Typeof(of) = &call.args[1].kind else {
            return self.complain_argument(call, 1, "`typeof(struct s)`", "a value");
        };
        let Some(path) = field_path(&call.args[2]) else {
            return self.complain_argument(call, 2, "the name of a field", "a value");
        };
        let whole = self.type_of(of);
        let Some(offset) = self.offset_in(whole, &path, call.args[1].span) else {
            return self.poison();
        };
        let address = self.b.convert(member.expr, TypeId::U64);
        let address = self.b.binary_int(BinaryOp::Subtract, address, u64::from(offset));
        let ty = self.b.types().pointer(whole, space);
        let address = self.b.convert(address, ty);
        self.operand(address)
    }
}

/// `a.b.c` as names.
fn field_path(expr: &ast::Expr) -> Option<Vec<ast::Name>> {
    match &expr.kind {
        ExprKind::Ident(name) => Some(vec![Spanned { node: name.clone(), span: expr.span }]),
        ExprKind::Field { base, name, name_span } => {
            let mut path = field_path(base)?;
            path.push(Spanned { node: name.clone(), span: *name_span });
            Some(path)
        }
        _ => None,
    }
}
