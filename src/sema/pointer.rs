//! Pointers: what stands at an address, and computing with addresses.

use super::lvalue::{Base, Lvalue, Memory};
use super::operator::is_comparison;
use super::{Lower, Operand, Placed};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{BinaryOp, Expr, ExprId, LocalId};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};
use crate::types::{Space, Type, TypeId, Types, catalog};

impl Lower<'_> {
    /// `*operand`
    pub(super) fn locate_pointee(&mut self, operand: &ast::Expr) -> Lvalue {
        let pointer = self.expr(operand);
        match self.b.types().get(pointer.ty) {
            Type::Unknown => Lvalue::Value(self.poison()),
            Type::Pointer { .. } => self.pointee(&pointer),
            Type::Int { .. } => {
                let of_kernel = self.of_kernel.contains(&pointer.expr);
                let space = if of_kernel { Space::Kernel } else { self.space() };
                let base = Base::Address(self.b.convert(pointer.expr, TypeId::U64));
                Lvalue::Memory(Memory::new(base, TypeId::U64, space))
            }
            _ => {
                let found = self.type_name(pointer.ty);
                self.complain(
                    Diagnostic::error(Code::BadPointer, format!("`*` does not apply to `{found}`"))
                        .label(operand.span, format!("this is `{found}`"))
                        .help("it reads what stands at an address: a pointer, or an integer"),
                );
                Lvalue::Value(self.poison())
            }
        }
    }

    /// What a pointer points to.
    pub(super) fn pointee(&mut self, pointer: &Operand) -> Lvalue {
        let Type::Pointer { to: ty, space } = *self.b.types().get(pointer.ty) else {
            return Lvalue::Value(self.poison());
        };
        let base = match space {
            Space::Context if self.is_context(pointer.expr) => Base::Context,
            _ => Base::Address(self.b.convert(pointer.expr, TypeId::U64)),
        };
        let host = self.host;
        let ty = catalog::definition(self.b.types(), host, ty);
        Lvalue::Memory(match space {
            Space::Context => self.own_memory(base, ty),
            _ => Memory::new(base, ty, space),
        })
    }

    /// Whether an address is the context's, whatever it was cast to.
    fn is_context(&self, address: ExprId) -> bool {
        match *self.b.expr(address) {
            Expr::ContextAddress(offset) => offset == 0,
            Expr::Convert(of) => self.is_context(of),
            _ => false,
        }
    }

    /// `&$x`, `&@m`
    pub(super) fn address_of_place(&mut self, operand: &ast::Expr, span: Span) -> Operand {
        match &operand.kind {
            ExprKind::Variable(name) => match self.variable(name) {
                Some(local) if self.b.local_type(local) == TypeId::UNKNOWN => self.poison(),
                Some(local) => self.address_of_local(local),
                None => self.missing_variable(name, operand.span),
            },
            ExprKind::Map { name, key: None } => match self.map_named(name, operand.span) {
                Some(map) => {
                    // The kernel's verifier lets nobody look into it, so it has no fields.
                    let ty = self.b.types().pointer(TypeId::VOID, Space::Kernel);
                    let address = self.b.add(Expr::MapAddress(map), ty);
                    self.operand(address)
                }
                None => self.poison(),
            },
            _ => {
                self.complain(
                    Diagnostic::error(
                        Code::BadPointer,
                        "`&` takes the address of a variable or map",
                    )
                    .label(span, "this has no address")
                    .help("assign it to a variable first: `$x = …; $p = &$x;`"),
                );
                self.poison()
            }
        }
    }

    /// The kernel's verifier follows addresses of its own memory and forbids most of what can be done with numbers;
    /// what a helper copied is a number to it.
    fn address_of_local(&mut self, local: LocalId) -> Operand {
        let to = self.b.local_type(local);
        let ty = self.b.types().pointer(to, Space::Kernel);
        let (followed, plain) = (self.b.local("address", ty), self.b.local("address", ty));
        let address = self.b.add(Expr::Address(local, 0), ty);
        self.b.store(followed, address);
        let from = self.b.address(followed, 0);
        self.read_into(plain, from, Space::Kernel);
        self.local_operand(plain)
    }

    /// The address so many elements before or after one; complains where the size of an element is not known.
    pub(super) fn moved(&mut self, op: BinaryOp, base: &Placed, count: &Operand) -> Operand {
        let Type::Pointer { to, .. } = *self.b.types().get(base.0.ty) else { return self.poison() };
        if !self.has_size(to) {
            let (found, pointee) = (self.type_name(base.0.ty), self.type_name(to));
            self.complain(
                Diagnostic::error(
                    Code::BadPointer,
                    format!("the size of `{pointee}` is not known, so there is no next one"),
                )
                .label(base.1, format!("this is `{found}`"))
                .help("cast it to a pointer whose elements have a size: `(uint8 *)p`"),
            );
            return self.poison();
        }
        let size = u64::from(self.b.types().size(to));
        let address = self.b.convert(base.0.expr, TypeId::U64);
        let distance = match count.literal_int() {
            Some(count) => self.b.int((count as u64).wrapping_mul(size), TypeId::U64),
            None => {
                let count = self.b.convert(count.expr, TypeId::U64);
                self.b.binary_int(BinaryOp::Multiply, count, size)
            }
        };
        let address = self.b.binary(op, address, distance);
        let address = self.b.convert(address, base.0.ty);
        self.operand(address)
    }

    /// Whether it is known how many bytes a value of this type has.
    pub(super) fn has_size(&mut self, ty: TypeId) -> bool {
        match *self.b.types().get(ty) {
            Type::Void | Type::Function | Type::Opaque(_) | Type::Unknown => false,
            Type::Array { of, .. } => self.has_size(of),
            _ => true,
        }
    }

    /// Any operator with two operands one of which is a pointer.
    pub(super) fn pointers(
        &mut self,
        op: ast::BinaryOp,
        op_span: Span,
        left: Placed,
        right: Placed,
    ) -> Operand {
        let is_pointer = |types: &Types, ty| matches!(types.get(ty), Type::Pointer { .. });
        let is_int = |types: &Types, ty| types.is_int(ty) || ty == TypeId::BOOL;
        let types = self.b.types();
        let sides = (is_pointer(types, left.0.ty), is_pointer(types, right.0.ty));
        let ints = (is_int(types, left.0.ty), is_int(types, right.0.ty));
        match (op, sides, ints) {
            (op, (true, true), _) if is_comparison(op) => {
                self.compare_pointers(op, op_span, &left, &right)
            }
            (op, (true, _), (_, true)) | (op, (_, true), (true, _)) if is_comparison(op) => {
                self.compare_addresses(op, &left.0, &right.0)
            }
            (ast::BinaryOp::Add, (true, _), (_, true)) => {
                self.moved(BinaryOp::Add, &left, &right.0)
            }
            (ast::BinaryOp::Add, (_, true), (true, _)) => {
                self.moved(BinaryOp::Add, &right, &left.0)
            }
            (ast::BinaryOp::Subtract, (true, _), (_, true)) => {
                self.moved(BinaryOp::Subtract, &left, &right.0)
            }
            _ => {
                let names = [self.type_name(left.0.ty), self.type_name(right.0.ty)];
                let (left, right) = ((names[0].as_str(), left.1), (names[1].as_str(), right.1));
                self.complain(bad_operation(op, op_span, left, right, sides));
                self.poison()
            }
        }
    }

    fn compare_pointers(
        &mut self,
        op: ast::BinaryOp,
        op_span: Span,
        left: &Placed,
        right: &Placed,
    ) -> Operand {
        let types = self.b.types();
        let untyped = |ty| matches!(types.get(ty), Type::Pointer { to: TypeId::VOID, .. });
        let sides = [left.0.ty, right.0.ty];
        if !types.same_but_space(sides[0], sides[1]) && !sides.into_iter().any(untyped) {
            let names = [self.type_name(left.0.ty), self.type_name(right.0.ty)];
            self.complain(
                Diagnostic::warning(
                    Code::DistinctPointers,
                    format!("`{}` and `{}` are compared", names[0], names[1]),
                )
                .label(op_span, "addresses of different things")
                .label(left.1, format!("`{}`", names[0]))
                .label(right.1, format!("`{}`", names[1]))
                .help("if that is meant, cast one of them to the other's type"),
            );
        }
        self.compare_addresses(op, &left.0, &right.0)
    }

    /// Warns of an address that is put where addresses of other memory are.
    pub(super) fn check_space(&mut self, old: (TypeId, Span), new: (TypeId, Span)) {
        let spaces = [old.0, new.0].map(|ty| self.b.types().space_of(ty));
        let known = |space: Option<Space>| space.is_some_and(|space| space != Space::Unset);
        if spaces[0] == spaces[1] || !spaces.into_iter().all(known) {
            return;
        }
        let whose = |space| match space {
            Some(Space::User) => "an address of the process",
            _ => "an address of the kernel",
        };
        self.complain(
            Diagnostic::warning(
                Code::AddressSpace,
                "addresses of the kernel and of the process meet in one place",
            )
            .label(new.1, format!("this is {}", whose(spaces[1])))
            .label(old.1, format!("this is {}", whose(spaces[0])))
            .help("use two variables, or say which memory is meant with `kptr(…)` or `uptr(…)`"),
        );
    }

    fn compare_addresses(&mut self, op: ast::BinaryOp, left: &Operand, right: &Operand) -> Operand {
        let left = self.b.convert(left.expr, TypeId::U64);
        let right = self.b.convert(right.expr, TypeId::U64);
        self.compare(op, left, right)
    }
}

/// An operator that does not apply to addresses; `sides` says which of the two are pointers.
fn bad_operation(
    op: ast::BinaryOp,
    op_span: Span,
    left: (&str, Span),
    right: (&str, Span),
    sides: (bool, bool),
) -> Diagnostic {
    let symbol = op.symbol();
    let diagnostic = Diagnostic::error(
        Code::BadOperand,
        format!("`{symbol}` does not apply to `{}` and `{}`", left.0, right.0),
    )
    .label(op_span, "these cannot be combined")
    .label(left.1, format!("`{}`", left.0))
    .label(right.1, format!("`{}`", right.0));
    let text = left.0.starts_with("string") || right.0.starts_with("string");
    if text && is_comparison(op) {
        return diagnostic.help("compare text with text: an address is read as text by `str(…)`");
    }
    match (op, sides) {
        (ast::BinaryOp::Subtract, (true, true)) => {
            diagnostic.help("for the bytes between two addresses write `(uint64)p - (uint64)q`")
        }
        (ast::BinaryOp::Add | ast::BinaryOp::Subtract, _) => {
            diagnostic.help("an integer is added to an address or taken from it: `p + 1`, `p - 1`")
        }
        _ => diagnostic.help(format!(
            "to compute with the number of an address, cast it: `(uint64)p {symbol} …`"
        )),
    }
}
