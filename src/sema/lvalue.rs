//! What expressions designate: a value, or memory that is read only where its value is needed.
//!
//! `p->a.b.c` is located first and read once: one address is computed, and just the bytes of `c` are copied. The
//! same holds for `*p`, for elements of arrays, and for the fields of the program's context.

use super::reading::Reading;
use super::{Lower, Operand};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{BinaryOp, Expr, ExprId, LocalId, ProgramType};
use crate::syntax::ast::{self, ExprKind, UnaryOp};
use crate::types::{Access, Space, StructId, Type, TypeId};

/// What an expression designates.
#[derive(Debug, Clone)]
pub(super) enum Lvalue {
    /// A value that is at hand.
    Value(Operand),
    /// A place in memory that is laid out as in C.
    Memory(Memory),
}

/// A place in memory.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    pub(super) base: Base,
    /// Bytes from there.
    pub(super) offset: u32,
    /// What stands there.
    pub(super) ty: TypeId,
    /// Where it is.
    pub(super) space: Space,
    /// Where pointers that stand there point, unless their type says so.
    pub(super) points: Space,
    pub(super) access: Access,
}

/// What a place in memory is a part of.
#[derive(Debug, Clone)]
pub(super) enum Base {
    /// The program's context.
    Context,
    /// What is at this address, a `u64`.
    Address(ExprId),
    /// A memory value of the program itself.
    Held(Operand),
}

impl Memory {
    /// The whole of what stands somewhere; pointers in it point into the same memory.
    pub(super) fn new(base: Base, ty: TypeId, space: Space) -> Memory {
        Memory { base, offset: 0, ty, space, points: space, access: Access::Plain }
    }

    /// A part of it, so many bytes further.
    pub(super) fn part(&self, offset: u32, ty: TypeId, access: Access) -> Memory {
        Memory { base: self.base.clone(), offset: self.offset + offset, ty, access, ..*self }
    }
}

impl Lower<'_> {
    /// Lowers an expression.
    pub(super) fn expr(&mut self, expr: &ast::Expr) -> Operand {
        let before = self.b.at(expr.span);
        let lvalue = self.locate(expr);
        let operand = self.fetch(lvalue);
        self.b.at(before);
        if !matches!(expr.kind, ExprKind::Int(_) | ExprKind::Str(_) | ExprKind::Bool(_)) {
            self.b.program.typed.push((expr.span, operand.ty));
        }
        operand
    }

    /// Finds out what an expression designates, and reads what is necessary for that.
    pub(super) fn locate(&mut self, expr: &ast::Expr) -> Lvalue {
        let before = self.b.at(expr.span);
        let lvalue = match &expr.kind {
            ExprKind::Field { base, name, name_span } => self.locate_field(base, name, *name_span),
            ExprKind::Index { base, index } => self.locate_element(base, index),
            ExprKind::Unary { op: UnaryOp::Dereference, operand } => self.locate_pointee(operand),
            _ => {
                let operand = self.expr_kind(expr);
                self.designated(operand)
            }
        };
        self.b.at(before);
        lvalue
    }

    /// Structs and arrays are read part by part.
    pub(super) fn designated(&mut self, operand: Operand) -> Lvalue {
        let ty = operand.ty;
        if !matches!(self.b.types().get(ty), Type::Struct(_)) {
            return Lvalue::Value(operand);
        }
        let base = match self.b.expr(operand.expr) {
            Expr::ContextAddress(0) => Base::Context,
            _ => Base::Held(operand),
        };
        Lvalue::Memory(self.own_memory(base, ty))
    }

    /// Memory of the program itself, which is the kernel's; pointers in it are what the probe deals with.
    pub(super) fn own_memory(&mut self, base: Base, ty: TypeId) -> Memory {
        Memory { points: self.space(), ..Memory::new(base, ty, Space::Kernel) }
    }

    /// What stands so many bytes into the program's context.
    pub fn context_value(&mut self, offset: u32, ty: TypeId) -> Operand {
        let memory = Memory { offset, ..self.own_memory(Base::Context, ty) };
        self.fetch_memory(&memory)
    }

    /// The value of what an expression designates.
    pub(super) fn fetch(&mut self, lvalue: Lvalue) -> Operand {
        match lvalue {
            Lvalue::Value(operand) => operand,
            Lvalue::Memory(memory) => self.fetch_memory(&memory),
        }
    }

    /// The type that [`Lower::fetch`] gives the value; nothing is read.
    pub(super) fn fetched_type(&mut self, lvalue: &Lvalue) -> TypeId {
        let memory = match lvalue {
            Lvalue::Value(operand) => return operand.ty,
            Lvalue::Memory(memory) => memory,
        };
        match (&memory.base, self.b.types().get(memory.ty).clone()) {
            (_, Type::Array { of, len: 0 }) => self.b.types().pointer(of, memory.space),
            (_, Type::Array { of: TypeId::I8, len }) => self.b.types().string(len),
            (_, Type::Enum { .. }) => self.b.types().widened(memory.ty),
            (Base::Context, Type::Struct(id)) => {
                let parts = self
                    .members(memory, id)
                    .into_iter()
                    .map(|(name, part)| (name, self.fetched_type(&Lvalue::Memory(part))));
                let parts = parts.collect();
                self.b.types().intern(Type::Record(parts))
            }
            (Base::Address(_), _) => self.b.types().respaced(memory.ty, memory.points),
            _ => self.b.types().respaced_if_unset(memory.ty, memory.points),
        }
    }

    fn fetch_memory(&mut self, memory: &Memory) -> Operand {
        let ty = self.fetched_type(&Lvalue::Memory(memory.clone()));
        match (memory.access, self.b.types().get(memory.ty).clone()) {
            (Access::Bits { bytes, from, width }, _) => {
                let (raw, from) = self.bits(memory, bytes, from);
                self.masked(raw, (from, width), ty)
            }
            (Access::DataLoc, _) => self.data_location(memory, 0),
            (Access::RelLoc, _) => self.data_location(memory, memory.offset + 4),
            (_, Type::Bool | Type::Int { .. } | Type::Pointer { .. }) => self.load(memory, ty),
            (_, Type::Enum { size, signed, .. }) => {
                let raw = self.load(memory, TypeId::int(size * 8, signed));
                let value = self.b.convert(raw.expr, ty);
                self.operand(value)
            }
            (_, Type::Array { len: 0, .. }) => {
                let address = self.address_in(memory);
                let address = self.b.convert(address, ty);
                self.operand(address)
            }
            (_, Type::Array { of: TypeId::I8, len }) => self.text_in(memory, len),
            (_, Type::Struct(id)) if matches!(memory.base, Base::Context) => {
                self.context_record(memory, id, ty)
            }
            (_, Type::Struct(_)) if self.b.types().is_foreign(memory.ty) => {
                self.complain_foreign(memory.ty)
            }
            (_, Type::Struct(id)) => {
                self.complete(id);
                self.copy(memory, ty)
            }
            (
                _,
                Type::Void | Type::Unknown | Type::Function | Type::Opaque(_) | Type::Aggregate(_),
            ) => self.complain_incomplete(memory.ty),
            _ => self.copy(memory, ty),
        }
    }

    /// Reads a scalar as it stands in memory.
    fn load(&mut self, memory: &Memory, ty: TypeId) -> Operand {
        match &memory.base {
            // There, whole words alone are let through.
            Base::Context if self.program_type() == ProgramType::PerfEvent => {
                let (word, within) = (memory.offset & !7, memory.offset & 7);
                let word = self.b.add(Expr::Context(word), TypeId::U64);
                let part = self.b.binary_int(BinaryOp::ShiftRight, word, u64::from(within) * 8);
                let part = self.b.convert(part, ty);
                self.operand(part)
            }
            Base::Context => {
                let expr = self.b.add(Expr::Context(memory.offset), ty);
                self.operand(expr)
            }
            Base::Address(_) => self.copy(memory, ty),
            Base::Held(value) => self.part(value, memory.offset, None, ty),
        }
    }

    /// Reads bytes as they stand in memory; those that cannot be read are zeros.
    fn copy(&mut self, memory: &Memory, ty: TypeId) -> Operand {
        if let Base::Held(value) = &memory.base {
            return match memory.offset == 0 && value.ty == ty {
                true => value.clone(),
                false => self.part(value, memory.offset, None, ty),
            };
        }
        let local = self.b.local("read", ty);
        if self.b.types().size(ty) == 0 {
            return self.local_operand(local);
        }
        let from = self.address_in(memory);
        self.read_into(local, from, memory.space);
        self.local_operand(local)
    }

    /// Fills a local with the bytes at an address.
    pub fn read_into(&mut self, local: LocalId, from: ExprId, space: Space) {
        let ty = self.b.local_type(local);
        let size = u64::from(self.b.types().size(ty));
        let (into, size) = (self.b.address(local, 0), self.b.int(size, TypeId::U64));
        self.read_at(Reading::Bytes, (into, size, from), space);
    }

    /// Text in an array of `char`. It is read as text, since what follows its NUL may be left over from before.
    fn text_in(&mut self, memory: &Memory, len: u32) -> Operand {
        let ty = self.b.types().string(len);
        let local = self.b.local("text", ty);
        self.b.zero(local);
        let (into, size) = (self.b.address(local, 0), self.b.int(u64::from(len), TypeId::U64));
        let from = self.address_in(memory);
        let space = match memory.base {
            Base::Address(_) => memory.space,
            _ => Space::Kernel,
        };
        self.read_at(Reading::Text, (into, size, from), space);
        self.local_operand(local)
    }

    /// A `u64` that holds some bits of these bytes, and the number that their lowest has there.
    fn bits(&mut self, memory: &Memory, bytes: u8, from: u8) -> (ExprId, u8) {
        if matches!(bytes, 1 | 2 | 4 | 8) {
            let raw = self.load(memory, TypeId::int(bytes * 8, false));
            return (self.b.convert(raw.expr, TypeId::U64), from);
        }
        // No integer within the struct has them all.
        let len = u32::from(bytes);
        let whole = self.b.types().intern(Type::Array { of: TypeId::U8, len });
        let memory = match memory.base {
            Base::Address(_) => {
                let base = Base::Held(self.copy(memory, whole));
                Memory { base, offset: 0, ..memory.clone() }
            }
            _ => memory.clone(),
        };
        let mut all = self.b.int(0, TypeId::U64);
        for index in 0..len {
            let byte = memory.part(index, TypeId::U8, Access::Plain);
            let byte = self.load(&byte, TypeId::U8);
            let byte = self.b.convert(byte.expr, TypeId::U64);
            let (at, from) = (u64::from(index) * 8, u64::from(from));
            let byte = match at.checked_sub(from) {
                Some(up) => self.b.binary_int(BinaryOp::ShiftLeft, byte, up),
                None => self.b.binary_int(BinaryOp::ShiftRight, byte, from - at),
            };
            all = self.b.binary(BinaryOp::Or, all, byte);
        }
        (all, 0)
    }

    /// Some bits of a `u64` as a number, which has no sign of its own.
    fn masked(&mut self, raw: ExprId, (from, width): (u8, u8), ty: TypeId) -> Operand {
        let value = self.b.binary_int(BinaryOp::ShiftRight, raw, from.into());
        let value = self.b.binary_int(BinaryOp::And, value, u64::MAX >> (64 - width));
        let value = self.b.convert(value, ty);
        self.operand(value)
    }

    /// The address of what stands elsewhere in a tracepoint's record, so many bytes from its `from`.
    fn data_location(&mut self, memory: &Memory, from: u32) -> Operand {
        let location = self.load(memory, TypeId::U32);
        let location = self.b.convert(location.expr, TypeId::U64);
        let distance = self.b.binary_int(BinaryOp::And, location, 0xffff);
        let base = self.b.add(Expr::ContextAddress(from), TypeId::U64);
        let address = self.b.binary(BinaryOp::Add, base, distance);
        let address = self.b.convert(address, memory.ty);
        self.operand(address)
    }

    /// The context as a value: a record of all that its fields give one by one.
    fn context_record(&mut self, memory: &Memory, id: StructId, ty: TypeId) -> Operand {
        let values: Vec<Operand> =
            self.members(memory, id).iter().map(|(_, part)| self.fetch_memory(part)).collect();
        let types: Vec<TypeId> = values.iter().map(|value| value.ty).collect();
        let (offsets, _) = self.b.types().tuple_layout(&types);
        let local = self.b.local("record", ty);
        self.b.zero(local);
        for (value, offset) in values.iter().zip(offsets) {
            self.b.store_part(local, offset, value.ty, value.expr);
        }
        self.local_operand(local)
    }

    /// The address of a place, as a `u64`.
    pub(super) fn address_in(&mut self, memory: &Memory) -> ExprId {
        match &memory.base {
            Base::Context => self.b.add(Expr::ContextAddress(memory.offset), TypeId::U64),
            Base::Address(address) if memory.offset == 0 => *address,
            Base::Address(address) => {
                self.b.binary_int(BinaryOp::Add, *address, u64::from(memory.offset))
            }
            Base::Held(value) => {
                let part = self.part(value, memory.offset, None, memory.ty);
                self.address_of_part(&part)
            }
        }
    }

    /// The address of a memory value of the program, as a `u64`.
    fn address_of_part(&mut self, value: &Operand) -> ExprId {
        let Expr::Part(part) = *self.b.expr(value.expr) else {
            let local = self.held(value);
            return self.b.add(Expr::Address(local, 0), TypeId::U64);
        };
        let start = self.b.add(Expr::Address(part.local, part.offset), TypeId::U64);
        match part.further {
            None => start,
            Some((further, most)) => {
                let further = self.b.add(Expr::Bounded(further, u64::from(most)), TypeId::U64);
                self.b.binary(BinaryOp::Add, start, further)
            }
        }
    }

    /// Warns of a read of an address of which nobody has said whose it is.
    pub fn warn_unset(&mut self) {
        let span = self.b.span();
        self.complain(
            Diagnostic::warning(
                Code::AddressSpace,
                "whether this address is the kernel's or the process's is not known",
            )
            .label(span, "it is read from either, whichever has it")
            .help("say which: `kptr(…)` for the kernel's memory, `uptr(…)` for the process's"),
        );
    }

    fn complain_incomplete(&mut self, ty: TypeId) -> Operand {
        let found = self.type_name(ty);
        let span = self.b.span();
        let diagnostic = Diagnostic::error(
            Code::BadPointer,
            format!("there is nothing to read in a `{found}`: its size is not known"),
        )
        .label(span, format!("this is `{found}`"));
        let diagnostic = match self.b.types().get(ty) {
            Type::Void => diagnostic
                .help("say what stands there with a cast: `*(uint64 *)p`, `((struct s *)p)->x`"),
            Type::Opaque(_) => diagnostic
                .help("define it above the probes, or `#include` the header that defines it"),
            _ => diagnostic.help("a function's address can be printed, stored and compared"),
        };
        self.complain(diagnostic);
        self.poison()
    }

    fn complain_foreign(&mut self, ty: TypeId) -> Operand {
        let (found, size) = (self.type_name(ty), self.b.types().size(ty));
        let span = self.b.span();
        self.complain(
            Diagnostic::error(Code::BadPointer, format!("a `{found}` cannot be read"))
                .label(span, format!("this is `{found}`"))
                .help(format!("scripts compute with integers only; it has {size} bytes")),
        );
        self.poison()
    }
}
