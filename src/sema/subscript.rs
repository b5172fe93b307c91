//! `a[i]` of arrays and pointers.

use ebtrace_image::{Action, Failure};

use super::lvalue::{Base, Lvalue, Memory};
use super::{Lower, Operand};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::build::image_site;
use crate::ir::{BinaryOp, Expr, ExprId, StmtKind};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::{Access, Type, TypeId};

impl Lower<'_> {
    /// `base[index]`
    pub(super) fn locate_element(&mut self, base: &ast::Expr, index: &ast::Expr) -> Lvalue {
        let value = match self.locate(base) {
            Lvalue::Memory(memory) if self.is_array(memory.ty) => {
                return self.array_element(&memory, index);
            }
            other => self.fetch(other),
        };
        match *self.b.types().get(value.ty) {
            Type::Unknown => {
                self.expr(index);
                Lvalue::Value(value)
            }
            Type::Pointer { .. } => match self.index_of(index) {
                Some(count) => {
                    let moved = self.moved(BinaryOp::Add, &(value, base.span), &count);
                    self.pointee(&moved)
                }
                None => Lvalue::Value(self.poison()),
            },
            Type::Array { .. } => {
                let ty = value.ty;
                let memory = self.own_memory(Base::Held(value), ty);
                self.array_element(&memory, index)
            }
            _ => Lvalue::Value(self.index_value((value, base.span), index)),
        }
    }

    fn is_array(&mut self, ty: TypeId) -> bool {
        matches!(self.b.types().get(ty), Type::Array { .. })
    }

    /// An index: an integer.
    fn index_of(&mut self, index: &ast::Expr) -> Option<Operand> {
        let operand = self.expr(index);
        if self.b.types().is_int(operand.ty) {
            return Some(operand);
        }
        if operand.ty != TypeId::UNKNOWN {
            let found = self.type_name(operand.ty);
            self.complain(bad_index(index.span, &found));
        }
        None
    }

    /// An element of an array in memory.
    pub(super) fn array_element(&mut self, memory: &Memory, index: &ast::Expr) -> Lvalue {
        let Type::Array { of, len } = *self.b.types().get(memory.ty) else {
            return Lvalue::Value(self.poison());
        };
        let Some(count) = self.index_of(index) else { return Lvalue::Value(self.poison()) };
        if let (Base::Held(_), 0) = (&memory.base, len) {
            self.complain(
                Diagnostic::error(
                    Code::BadIndex,
                    "an array without a length is not copied with its struct",
                )
                .label(index.span, "so there is no such element")
                .help(
                    "read it where the struct is, through a pointer: `$p->a[0]`, not `$copy.a[0]`",
                ),
            );
            return Lvalue::Value(self.poison());
        }
        let size = self.b.types().size(of);
        if let Some(number) = count.literal_int() {
            // An array without a length of its own goes on for as long as the reader knows.
            let inside = number >= 0 && (len == 0 || number < i128::from(len));
            let offset = u32::try_from(number)
                .ok()
                .and_then(|number| number.checked_mul(size))
                .filter(|offset| inside && memory.offset.checked_add(*offset).is_some());
            return match offset {
                Some(offset) => Lvalue::Memory(memory.part(offset, of, Access::Plain)),
                None => {
                    self.complain(out_of_bounds(index.span, number, len));
                    Lvalue::Value(self.poison())
                }
            };
        }
        let number = self.b.convert(count.expr, TypeId::U64);
        let number = self.b.name(number);
        self.element_at_run_time(memory, (of, len), number, index.span)
    }

    /// An element whose index is a `u64` that is known at run time. Beyond the end it is zero, and the place is
    /// reported.
    fn element_at_run_time(
        &mut self,
        memory: &Memory,
        (of, len): (TypeId, u32),
        number: ExprId,
        span: Span,
    ) -> Lvalue {
        let size = self.b.types().size(of);
        if let (Base::Held(value), 1..) = (&memory.base, len) {
            let most = len - 1;
            let bounded = self.b.add(Expr::Bounded(number, u64::from(most)), TypeId::U64);
            let distance = self.b.binary_int(BinaryOp::Multiply, bounded, u64::from(size));
            // A part is a memory value also where its only element is none.
            let one = self.b.types().intern(Type::Array { of, len: 1 });
            let local = self.b.local("element", one);
            self.b.zero(local);
            self.where_inside(number, len, span, |lower| {
                let part = lower.part(value, memory.offset, Some((distance, most * size)), one);
                lower.b.store(local, part.expr);
            });
            let base = Base::Held(self.local_operand(local));
            return Lvalue::Memory(Memory { base, offset: 0, ty: of, ..*memory });
        }
        let start = self.address_in(memory);
        let distance = self.b.binary_int(BinaryOp::Multiply, number, u64::from(size));
        let address = self.b.binary(BinaryOp::Add, start, distance);
        let address = match len {
            0 => address,
            _ => {
                let address = self.b.name(address);
                self.where_inside(number, len, span, |_| {});
                let inside = self.inside(number, len);
                let nowhere = self.b.int(NOWHERE, TypeId::U64);
                let address = self.b.select(inside, address, nowhere);
                self.b.name(address)
            }
        };
        let base = Base::Address(address);
        Lvalue::Memory(Memory { base, offset: 0, ty: of, ..*memory })
    }

    /// Whether an index is less than a length.
    fn inside(&mut self, number: ExprId, len: u32) -> ExprId {
        let len = self.b.int(len.into(), TypeId::U64);
        self.b.binary(BinaryOp::Less, number, len)
    }

    /// Does something where an index is less than a length, and reports one that is not.
    fn where_inside(&mut self, number: ExprId, len: u32, span: Span, then: impl FnOnce(&mut Self)) {
        let condition = self.inside(number, len);
        let site = image_site(self.b.site(span));
        self.b.begin();
        then(self);
        let then = self.b.end();
        self.b.begin();
        let len = self.b.int(len.into(), TypeId::U64);
        self.b.emit(Action::Fail { site, failure: Failure::OutOfBounds }, vec![number, len]);
        let otherwise = self.b.end();
        self.b.stmt(StmtKind::If { condition, then, otherwise });
    }
}

/// An address at which nobody has anything: what is read there is zeros.
const NOWHERE: u64 = 1 << 63;

/// An index that is no integer.
fn bad_index(span: Span, found: &str) -> Diagnostic {
    Diagnostic::error(Code::BadIndex, format!("an index is an integer, not `{found}`"))
        .label(span, format!("this is `{found}`"))
        .help("elements are counted from 0: `a[0]` is the first")
}

/// An index that an array does not have.
pub(super) fn out_of_bounds(span: Span, index: i128, len: u32) -> Diagnostic {
    let diagnostic = match index < 0 {
        true => Diagnostic::error(Code::BadIndex, "an array has no elements before its first"),
        false => Diagnostic::error(Code::BadIndex, format!("there is no element {index} here")),
    };
    let diagnostic = diagnostic.label(span, "this is out of bounds");
    match len {
        0 => diagnostic,
        1 => diagnostic.help("the array has 1 element: write 0"),
        _ => diagnostic.help(format!("the array has {len} elements: write 0 to {}", len - 1)),
    }
}
