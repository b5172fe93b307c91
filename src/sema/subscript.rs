//! `a[i]` of arrays and pointers.

use ebtrace_image::{Action, Failure};

use super::lvalue::{Base, Lvalue, Memory};
use super::{Lower, Operand};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::build::image_site;
use crate::ir::{BinaryOp, Expr, ExprId};
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

    /// An element whose index is a `u64` that is known at run time. Beyond the end it is the last one, and the place
    /// is reported.
    fn element_at_run_time(
        &mut self,
        memory: &Memory,
        (of, len): (TypeId, u32),
        number: ExprId,
        span: Span,
    ) -> Lvalue {
        let size = self.b.types().size(of);
        let (number, most) = match len {
            0 => (number, 0),
            _ => {
                self.check_index(number, u64::from(len), span);
                let most = len - 1;
                (self.b.add(Expr::Bounded(number, u64::from(most)), TypeId::U64), most)
            }
        };
        let distance = self.b.binary_int(BinaryOp::Multiply, number, u64::from(size));
        if let Base::Held(value) = &memory.base {
            let one = self.b.types().intern(Type::Array { of, len: 1 });
            let part = self.part(value, memory.offset, Some((distance, most * size)), one);
            let base = Base::Held(part);
            return Lvalue::Memory(Memory { base, offset: 0, ty: of, ..*memory });
        }
        let start = self.address_in(memory);
        let base = Base::Address(self.b.binary(BinaryOp::Add, start, distance));
        Lvalue::Memory(Memory { base, offset: 0, ty: of, ..*memory })
    }

    /// Reports an index that is not less than a length.
    pub(super) fn check_index(&mut self, number: ExprId, len: u64, span: Span) {
        let last = self.b.int(len - 1, TypeId::U64);
        let outside = self.b.binary(BinaryOp::Less, last, number);
        let len = self.b.int(len, TypeId::U64);
        let site = image_site(self.b.site(span));
        self.b.if_else(
            outside,
            |b| b.emit(Action::Fail { site, failure: Failure::OutOfBounds }, vec![number, len]),
            |_| {},
        );
    }
}

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
