//! What is known of a type: `sizeof`, `offsetof`, `typeinfo`.

use super::{Literal, Lower, Operand, Placed};
use crate::builtin::Permit;
use crate::diagnostic::{Code, Diagnostic};
use crate::options::Unstable;
use crate::source::Span;
use crate::syntax::ast;
use crate::types::{Access, Origin, Type, TypeId};

impl Lower<'_> {
    /// `sizeof(T)`
    pub(super) fn size_of(&mut self, of: &ast::TypeOrExpr, span: Span) -> Operand {
        let ty = match of {
            ast::TypeOrExpr::Type(ty) => self.resolve_c_type(ty),
            ast::TypeOrExpr::Expr(_) => self.type_of(of),
        };
        if ty == TypeId::UNKNOWN {
            return self.poison();
        }
        if !self.has_size(ty) {
            let found = self.type_name(ty);
            self.complain(
                Diagnostic::error(Code::BadType, format!("the size of `{found}` is not known"))
                    .label(span, format!("of `{found}`"))
                    .help("a pointer to it has 8 bytes"),
            );
            return self.poison();
        }
        let size = self.b.types().size(ty);
        self.constant_u64(u64::from(size))
    }

    /// `offsetof(T, a.b)`
    pub(super) fn offset_of(
        &mut self,
        of: &ast::TypeOrExpr,
        path: &[ast::Name],
        span: Span,
    ) -> Operand {
        let ty = self.designated_type(of);
        match self.offset_in(ty, path, span) {
            Some(offset) => self.constant_u64(u64::from(offset)),
            None => self.poison(),
        }
    }

    /// Where a field of a field of a type begins.
    pub(super) fn offset_in(&mut self, ty: TypeId, path: &[ast::Name], span: Span) -> Option<u32> {
        let (mut ty, mut offset, mut whole) = (ty, 0, span);
        for name in path {
            let id = match *self.b.types().get(ty) {
                Type::Struct(id) => id,
                Type::Unknown => return None,
                _ => {
                    self.complain_no_offset(ty, whole, name.span);
                    return None;
                }
            };
            let field = self.field_named(id, &name.node, name.span)?;
            if let Access::Bits { .. } = field.access {
                let (found, field) = (self.type_name(ty), &name.node);
                self.complain(
                    Diagnostic::error(
                        Code::UnknownField,
                        format!("`{field}` of `{found}` is a bit field, which is at no whole byte"),
                    )
                    .label(name.span, "this has no offset")
                    .help("ask for the field before it; the value itself can be read: `$p->field`"),
                );
                return None;
            }
            offset += field.offset;
            (ty, whole) = (field.ty, name.span);
        }
        Some(offset)
    }

    fn complain_no_offset(&mut self, ty: TypeId, whole: Span, name: Span) {
        let found = self.type_name(ty);
        let diagnostic = Diagnostic::error(Code::UnknownField, format!("`{found}` has no fields"))
            .label(name, "so this is at no offset in it")
            .label(whole, format!("this is `{found}`"));
        let diagnostic = match *self.b.types().get(ty) {
            Type::Pointer { to, .. } => {
                let to = self.type_name(to);
                diagnostic.help(format!("what it points to is somewhere else: ask `{to}` instead"))
            }
            _ => diagnostic.help("offsets are those of fields of a struct or union"),
        };
        self.complain(diagnostic);
    }

    /// `typeinfo(T)`
    pub(super) fn type_info(&mut self, of: &ast::TypeOrExpr, span: Span) -> Operand {
        let ty = self.type_of(of);
        let permit = Permit::Unstable(Unstable::Typeinfo);
        if !self.permits(permit, "`typeinfo`", span) || ty == TypeId::UNKNOWN {
            return self.poison();
        }
        let facts = self.facts_of(ty);
        let names = facts.iter().map(|(name, _)| (*name).to_owned()).collect();
        let parts: Vec<Placed> = facts.into_iter().map(|(_, value)| (value, span)).collect();
        self.record_of(names, &parts, span)
    }

    fn facts_of(&mut self, ty: TypeId) -> [(&'static str, Operand); 3] {
        let origin = match *self.b.types().get(ty) {
            Type::Struct(id) => Some(self.b.types().record(id).origin),
            Type::Enum { id, .. } => Some(self.b.types().named_numbers(id).origin),
            _ => None,
        };
        let id = match origin {
            Some(Origin::Kernel { id, .. }) => id,
            _ => 0,
        };
        let id = Operand {
            expr: self.b.int(u64::from(id), TypeId::U32),
            ty: TypeId::U32,
            literal: Some(Literal::Int(i128::from(id))),
        };
        let (kind, full) = (self.b.types().family(ty), self.type_name(ty));
        [
            ("btf_id", id),
            ("base_type", self.text(kind.as_bytes())),
            ("full_type", self.text(full.as_bytes())),
        ]
    }

    fn constant_u64(&mut self, value: u64) -> Operand {
        Operand {
            expr: self.b.int(value, TypeId::U64),
            ty: TypeId::U64,
            literal: Some(Literal::Int(i128::from(value))),
        }
    }
}
