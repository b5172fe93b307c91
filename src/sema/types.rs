//! Written types.

use super::lvalue::Lvalue;
use super::{Literal, Lower, Operand};
use crate::builtin;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{self, Tag, TypeExprKind};
use crate::types::name::{self, Named};
use crate::types::{Type, TypeId, catalog};

/// The largest type that can be written, in bytes: more than any value may have, and enough for every struct.
const MOST_BYTES: u64 = 1 << 24;

impl Lower<'_> {
    /// The type of the values that a script writes a type for; complains of one that does not exist and yields
    /// [`TypeId::UNKNOWN`]. An array or string whose length is left open has the length 0.
    pub(super) fn resolve_type(&mut self, ty: &ast::TypeExpr) -> TypeId {
        let ty = self.resolve_c_type(ty);
        self.b.types().widened(ty)
    }

    /// The same as it is in memory, where an enum may be smaller than its values are in scripts.
    pub(super) fn resolve_c_type(&mut self, ty: &ast::TypeExpr) -> TypeId {
        match &ty.kind {
            TypeExprKind::Name { tag, name } => self.named_type(*tag, name, ty.span),
            TypeExprKind::Pointer(to) => {
                let space = self.space();
                match self.resolve_c_type(to) {
                    TypeId::UNKNOWN => TypeId::UNKNOWN,
                    to => self.b.types().pointer(to, space),
                }
            }
            TypeExprKind::Array(..) => self.array_type(ty),
            TypeExprKind::Typeof(of) => self.type_of(of),
        }
    }

    fn named_type(&mut self, tag: Option<Tag>, name: &str, span: Span) -> TypeId {
        if let Some(named) = name::find(name).filter(|_| tag.is_none()) {
            return self.b.types().of_name(named, 0);
        }
        let host = self.host;
        match catalog::resolve_name(self.b.types(), host, tag, name) {
            Some(ty) => ty,
            None => {
                let diagnostic = self.unknown_type(tag, name, span);
                self.complain(diagnostic);
                TypeId::UNKNOWN
            }
        }
    }

    fn unknown_type(&mut self, tag: Option<Tag>, name: &str, span: Span) -> Diagnostic {
        let spelt = match tag {
            Some(tag) => format!("{} {name}", tag.word()),
            None => name.to_owned(),
        };
        let diagnostic =
            Diagnostic::error(Code::UnknownType, format!("there is no type `{spelt}`"))
                .label(span, "unknown type");
        let host = self.host;
        for other in [Tag::Struct, Tag::Union, Tag::Enum].into_iter().filter(|_| tag.is_none()) {
            if catalog::resolve_name(self.b.types(), host, Some(other), name).is_some() {
                return diagnostic.suggest(span, format!("{} {name}", other.word()));
            }
        }
        let builtin = tag.is_none() && builtin::find(name).is_some();
        if builtin {
            return diagnostic.help(format!("for the type of the value `{name}` write `({name})`"));
        }
        let near = crate::diagnostic::nearest(&spelt, name::all()).map(str::to_owned);
        let near = near.or_else(|| catalog::similar(self.b.types(), host, tag, name));
        match near {
            Some(near) => diagnostic.suggest(span, near),
            None => diagnostic.help(
                "define it above the probes, or `#include` the header that defines it; the running kernel's own \
                 types are known",
            ),
        }
    }

    /// `T[2][3]`: as in C, two arrays of three elements each; the first number after `string` is its size.
    fn array_type(&mut self, ty: &ast::TypeExpr) -> TypeId {
        let (mut inner, mut lens) = (ty, Vec::new());
        while let TypeExprKind::Array(of, len) = &inner.kind {
            lens.push(*len);
            inner = of;
        }
        if lens.contains(&Some(0)) {
            return self.bad_length(ty.span, "a length is at least 1");
        }
        let mut of = match &inner.kind {
            TypeExprKind::Name { tag: None, name } => match name::find(name) {
                Some(named @ (Named::Text | Named::Buffer)) => {
                    let len = lens.pop().flatten().unwrap_or(0);
                    if len > MOST_BYTES {
                        return self.too_large(ty.span);
                    }
                    self.b.types().of_name(named, len as u32)
                }
                _ => self.resolve_c_type(inner),
            },
            _ => self.resolve_c_type(inner),
        };
        if of == TypeId::UNKNOWN {
            return of;
        }
        if !self.has_size(of) || matches!(self.b.types().get(of), Type::Aggregate(_)) {
            let found = self.type_name(of);
            let headline = format!("there are no arrays of `{found}`");
            return self.bad_length(inner.span, &headline);
        }
        let outermost = lens.len().saturating_sub(1);
        for (index, len) in lens.into_iter().enumerate() {
            if len.is_none() && index != outermost {
                return self
                    .bad_length(ty.span, "only the first length of an array can be left open");
            }
            let len = len.unwrap_or(0);
            let size = u64::from(self.b.types().size(of));
            if len > MOST_BYTES || size.max(1).saturating_mul(len) > MOST_BYTES {
                return self.too_large(ty.span);
            }
            of = self.b.types().intern(Type::Array { of, len: len as u32 });
        }
        of
    }

    fn too_large(&mut self, span: Span) -> TypeId {
        self.bad_length(span, &format!("a type has at most {MOST_BYTES} bytes"))
    }

    fn bad_length(&mut self, span: Span, headline: &str) -> TypeId {
        self.complain(
            Diagnostic::error(Code::BadType, headline)
                .label(span, "this type cannot be")
                .help("arrays are written as in C: `int32[4]`, `struct s[2][3]`, `int8[]`"),
        );
        TypeId::UNKNOWN
    }

    /// The type that is written, or that of an expression, which is not evaluated.
    pub(super) fn type_of(&mut self, of: &ast::TypeOrExpr) -> TypeId {
        match of {
            ast::TypeOrExpr::Type(ty) => self.resolve_type(ty),
            ast::TypeOrExpr::Expr(expr) => {
                let lvalue = self.unevaluated(|lower| lower.locate(expr));
                self.fetched_type(&lvalue)
            }
        }
    }

    /// The number that the name of an enum's constant stands for.
    pub(super) fn constant(&mut self, name: &str) -> Option<Operand> {
        let host = self.host;
        let (ty, number) = catalog::constant(self.b.types(), host, name)?;
        let expr = self.b.int(number as u64, ty);
        Some(Operand { expr, ty, literal: Some(Literal::Int(number)) })
    }

    /// The same as it stands in memory: of the program's context, whose value is a record, it is the struct.
    pub(super) fn designated_type(&mut self, of: &ast::TypeOrExpr) -> TypeId {
        match of {
            ast::TypeOrExpr::Type(ty) => self.resolve_c_type(ty),
            ast::TypeOrExpr::Expr(expr) => match self.unevaluated(|lower| lower.locate(expr)) {
                Lvalue::Memory(memory) => memory.ty,
                Lvalue::Value(value) => value.ty,
            },
        }
    }

    /// Finds out what something is without making code of it, or saying what is doubtful in it.
    pub(super) fn unevaluated(&mut self, find: impl FnOnce(&mut Self) -> Lvalue) -> Lvalue {
        self.b.begin();
        let before = (std::mem::replace(&mut self.quiet, true), self.ended);
        let lvalue = find(self);
        (self.quiet, self.ended) = before;
        self.b.end();
        lvalue
    }
}
