//! Fields: `p->f`, `s.f`, `args.f`, `r.f`.

use super::lvalue::{Base, Lvalue, Memory};
use super::{Lower, Operand};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::{Field, Space, StructId, Type, TypeId, catalog, types_of};

impl Lower<'_> {
    /// `base.name`; any number of pointers on the way is followed.
    pub(super) fn locate_field(&mut self, base: &ast::Expr, name: &str, name_span: Span) -> Lvalue {
        let is_asked = self.found.asked.as_ref().is_some_and(|asked| asked.name == name);
        if !is_asked && let Some(setting) = self.one_setting(base, name, name_span) {
            return Lvalue::Value(setting);
        }
        let mut lvalue = self.locate(base);
        while let Some(pointee) = self.behind(&lvalue) {
            lvalue = pointee;
        }
        let memory = match lvalue {
            Lvalue::Value(operand) => {
                return self.field_of_value(&operand, base.span, name, name_span);
            }
            Lvalue::Memory(memory) => memory,
        };
        self.answer(memory.ty, name);
        match self.b.types().get(memory.ty).clone() {
            Type::Struct(id) => match self.field_named(id, name, name_span) {
                Some(field) => Lvalue::Memory(self.member(&memory, &field)),
                None => Lvalue::Value(self.poison()),
            },
            Type::Record(_) => {
                let operand = self.fetch(Lvalue::Memory(memory));
                self.field_of_value(&operand, base.span, name, name_span)
            }
            _ => self.complain_no_fields(memory.ty, base.span, name_span),
        }
    }

    /// Tells whoever asks by a field's name the type of what has it.
    fn answer(&mut self, ty: TypeId, name: &str) {
        let label = &self.targets[0].label;
        if let Some(asked) = self.found.asked.as_mut().filter(|asked| asked.name == name)
            && ty != TypeId::UNKNOWN
        {
            asked.answer = Some((ty, label.clone()));
        }
    }

    /// What a pointer that was located points to; `None` for anything else.
    fn behind(&mut self, lvalue: &Lvalue) -> Option<Lvalue> {
        let ty = self.fetched_type(lvalue);
        if !matches!(self.b.types().get(ty), Type::Pointer { .. }) {
            return None;
        }
        let pointer = self.fetch(lvalue.clone());
        Some(self.pointee(&pointer))
    }

    /// The field of a struct that stands in memory. What it points to is in the same memory, unless the struct says
    /// that it is the process's.
    fn member(&mut self, memory: &Memory, field: &Field) -> Memory {
        let mut part = memory.part(field.offset, field.ty, field.access);
        let is_struct = matches!(self.b.types().get(field.ty), Type::Struct(_));
        if is_struct && matches!(part.base, Base::Context) && self.has_typed_context() {
            // The kernel's verifier allows reads of whole arguments only.
            let address = self.address_in(&part);
            part = Memory {
                points: part.points,
                ..Memory::new(Base::Address(address), field.ty, Space::Kernel)
            };
        }
        if self.b.types().space_of(field.ty) == Some(Space::User) {
            part.points = Space::User;
        }
        part
    }

    fn has_typed_context(&self) -> bool {
        self.kind.program.has_typed_context()
    }

    /// All fields of a struct that stands in memory.
    pub(super) fn members(&mut self, memory: &Memory, id: StructId) -> Vec<(String, Memory)> {
        let host = self.host;
        let fields = catalog::fields(self.b.types(), host, id);
        let member = |field: &Field| (field.name.clone(), self.member(memory, field));
        fields.iter().map(member).collect()
    }

    /// A field of a value: of a record, or what is wrong with it.
    fn field_of_value(
        &mut self,
        value: &Operand,
        span: Span,
        name: &str,
        name_span: Span,
    ) -> Lvalue {
        self.answer(value.ty, name);
        let fields = match self.b.types().get(value.ty).clone() {
            Type::Unknown => return Lvalue::Value(self.poison()),
            Type::Record(fields) => fields,
            _ => return self.complain_no_fields(value.ty, span, name_span),
        };
        let Some(index) = fields.iter().position(|(known, _)| known == name) else {
            let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
            let found = self.type_name(value.ty);
            self.complain(unknown_field(&found, name, name_span, &names));
            return Lvalue::Value(self.poison());
        };
        let (offsets, _) = self.b.types().tuple_layout(&types_of(&fields));
        Lvalue::Value(self.known_part(value, index, offsets[index], fields[index].1))
    }

    fn complain_no_fields(&mut self, ty: TypeId, span: Span, name_span: Span) -> Lvalue {
        if ty != TypeId::UNKNOWN {
            let found = self.type_name(ty);
            let diagnostic =
                Diagnostic::error(Code::UnknownField, format!("`{found}` has no fields"))
                    .label(span, format!("this is `{found}`"))
                    .label(name_span, "so there is no such field");
            let diagnostic = match self.b.types().get(ty) {
                Type::Int { bits: 64, .. } => diagnostic.help(
                    "if it is the address of a struct, say of which: `((struct task_struct *)x)->pid`",
                ),
                Type::Opaque(name) => {
                    let help = format!(
                        "define `{name}` above the probes, or `#include` the header that defines it"
                    );
                    diagnostic.help(help)
                }
                _ => diagnostic,
            };
            self.complain(diagnostic);
        }
        Lvalue::Value(self.poison())
    }

    /// The field of this name, those of members without a name included, at its offset from the whole struct;
    /// complains where there is none.
    pub(super) fn field_named(&mut self, id: StructId, name: &str, span: Span) -> Option<Field> {
        let host = self.host;
        let all = catalog::fields(self.b.types(), host, id);
        if let Some(field) = all.iter().find(|field| field.name == name) {
            return Some(field.clone());
        }
        let names: Vec<&str> = all.iter().map(|field| field.name.as_str()).collect();
        let whole = self.b.types().record(id).name.clone();
        let diagnostic = unknown_field(&whole, name, span, &names);
        let elsewhere = self.argument_elsewhere(id, name);
        self.complain(elsewhere.into_iter().fold(diagnostic, Diagnostic::note));
        None
    }

    /// The fields of a struct as they are declared.
    pub(super) fn fields_of(&mut self, id: StructId) -> Vec<Field> {
        let host = self.host;
        catalog::complete(self.b.types(), host, id);
        self.b.types().record(id).fields.clone().unwrap_or_default()
    }

    /// Learns the fields of a struct and of the structs in it, so that it can be a value.
    pub(super) fn complete(&mut self, id: StructId) {
        for field in self.fields_of(id) {
            let mut ty = field.ty;
            while let Type::Array { of, .. } = *self.b.types().get(ty) {
                ty = of;
            }
            if let Type::Struct(inner) = *self.b.types().get(ty) {
                self.complete(inner);
            }
        }
    }
}

/// The most fields that a message lists.
const MOST_NAMES: usize = 40;

/// A field that does not exist, with those that do.
fn unknown_field(whole: &str, name: &str, span: Span, names: &[&str]) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(Code::UnknownField, format!("`{whole}` has no field `{name}`"))
            .label(span, "no such field")
            .suggest_nearest(span, name, names.iter().copied());
    let (shown, left) = names.split_at(names.len().min(MOST_NAMES));
    match (shown, left.len()) {
        ([], _) => diagnostic.help("it has no fields at all"),
        (_, 0) => diagnostic.help(format!("its fields are {}", shown.join(", "))),
        (_, left) => {
            diagnostic.help(format!("its fields are {} and {left} more", shown.join(", ")))
        }
    }
}
