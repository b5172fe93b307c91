//! Tuples, records and arrays: making them, and taking them apart.

use super::lvalue::Base;
use super::{Literal, Lower, Operand, Placed, error, join};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};
use crate::types::{Type, TypeId};

/// The most values in a tuple or record, those in inner ones included.
const MOST_PARTS: u32 = 255;
/// The largest tuple or record in bytes: no program has room for more.
const MOST_BYTES: u64 = 32 * 1024;

impl Lower<'_> {
    /// `(1, "a")`
    pub(super) fn tuple(&mut self, elements: &[ast::Expr], span: Span) -> Operand {
        if elements.is_empty() {
            self.complain(
                Diagnostic::error(Code::BadValue, "a tuple without elements has no value")
                    .label(span, "nothing in it")
                    .help("put at least one value in it: `(1,)`"),
            );
            return self.poison();
        }
        let parts = self.operands(elements);
        self.tuple_of(&parts, span)
    }

    /// A tuple of values.
    pub(super) fn tuple_of(&mut self, parts: &[Placed], span: Span) -> Operand {
        self.put_together(parts, span, "a tuple", Type::Tuple)
    }

    /// `(a = 1, b = "x")`
    pub(super) fn record(&mut self, fields: &[(ast::Name, ast::Expr)], span: Span) -> Operand {
        let values: Vec<&ast::Expr> = fields.iter().map(|(_, value)| value).collect();
        let parts = self.operands(values);
        let names = fields.iter().map(|(name, _)| name.node.clone()).collect();
        self.record_of(names, &parts, span)
    }

    /// A record of values.
    pub(super) fn record_of(
        &mut self,
        names: Vec<String>,
        parts: &[Placed],
        span: Span,
    ) -> Operand {
        self.put_together(parts, span, "a record", |types| {
            Type::Record(names.into_iter().zip(types).collect())
        })
    }

    fn put_together(
        &mut self,
        parts: &[Placed],
        span: Span,
        what: &str,
        whole: impl FnOnce(Vec<TypeId>) -> Type,
    ) -> Operand {
        for (part, span) in parts {
            if !self.b.types().is_value(part.ty) {
                let found = self.type_name(part.ty);
                self.complain(error::bad_value(*span, &found, &format!("a part of {what}")));
                return self.poison();
            }
        }
        let types = parts.iter().map(|(part, _)| part.ty).collect::<Vec<_>>();
        if types.contains(&TypeId::UNKNOWN) || !self.fits_a_tuple(&types, span, what) {
            return self.poison();
        }
        let ty = self.b.types().intern(whole(types));
        let local = self.b.local("tuple", ty);
        self.b.zero(local);
        for ((offset, ty), (part, _)) in self.parts(ty).unwrap_or_default().into_iter().zip(parts) {
            self.put_part(local, offset, ty, part);
        }
        let literals: Vec<Option<Literal>> =
            parts.iter().map(|(part, _)| part.literal.clone()).collect();
        let literal = literals.iter().any(Option::is_some).then_some(Literal::Tuple(literals));
        let whole = self.local_operand(local);
        self.join_clocks(whole.expr, parts.iter().map(|(part, _)| part));
        Operand { literal, ..whole }
    }

    /// Also keeps maps whose values contain each other's from growing without end.
    fn fits_a_tuple(&mut self, parts: &[TypeId], span: Span, what: &str) -> bool {
        let types = self.b.types();
        let leaves: u32 = parts.iter().map(|&part| join::leaves(types, part)).sum();
        let bytes: u64 = parts.iter().map(|&part| u64::from(types.size(part))).sum();
        if leaves > MOST_PARTS {
            self.complain(
                Diagnostic::error(
                    Code::TooLarge,
                    format!("{what} has at most {MOST_PARTS} values, not {leaves}"),
                )
                .label(span, "all values in inner ones count")
                .help("keep the inner ones in variables or maps of their own"),
            );
        } else if bytes > MOST_BYTES {
            self.complain(
                Diagnostic::error(
                    Code::TooLarge,
                    format!("{what} has at most {MOST_BYTES} bytes, not {bytes}"),
                )
                .label(span, "more than a program has room for")
                .help("leave out what is large, or read shorter strings: `str(…, 64)`"),
            );
        } else {
            return true;
        }
        false
    }

    /// `base.0`
    pub(super) fn element_at(&mut self, base: &ast::Expr, index: u64, index_span: Span) -> Operand {
        let operand = self.expr(base);
        match self.b.types().get(operand.ty).clone() {
            Type::Unknown => self.poison(),
            Type::Tuple(parts) => {
                let base = (operand, base.span);
                self.tuple_element(&base, &parts, (i128::from(index), index_span))
            }
            Type::Record(fields) => {
                let found = self.type_name(operand.ty);
                let help = match fields.get(index as usize) {
                    Some((name, _)) => format!("write `.{name}`"),
                    None => "name the field: `.x`".to_owned(),
                };
                let headline = "the fields of a record have names, not numbers";
                self.complain(
                    Diagnostic::error(Code::BadIndex, headline)
                        .label(index_span, "a number")
                        .label(base.span, format!("this is `{found}`"))
                        .help(help),
                );
                self.poison()
            }
            _ => self.no_elements(&(operand, base.span), index_span),
        }
    }

    fn tuple_element(
        &mut self,
        (base, base_span): &Placed,
        parts: &[TypeId],
        (index, index_span): (i128, Span),
    ) -> Operand {
        let Some(&ty) = usize::try_from(index).ok().and_then(|index| parts.get(index)) else {
            let found = self.type_name(base.ty);
            self.complain(outside(
                (index, index_span),
                ("a tuple", parts.len() as u64),
                (&found, *base_span),
            ));
            return self.poison();
        };
        let (offsets, _) = self.b.types().tuple_layout(parts);
        self.known_part(base, index as usize, offsets[index as usize], ty)
    }

    /// A part of a tuple or record; one of a literal is a literal itself.
    pub(super) fn known_part(
        &mut self,
        base: &Operand,
        index: usize,
        offset: u32,
        ty: TypeId,
    ) -> Operand {
        let literal = match &base.literal {
            Some(Literal::Tuple(parts)) => parts.get(index).cloned().flatten(),
            _ => None,
        };
        let number = match literal {
            Some(Literal::Int(number)) => number as u64,
            Some(Literal::Bool(value)) => u64::from(value),
            Some(Literal::Str(text)) => return self.text(&text),
            _ => {
                let part = self.part(base, offset, None, ty);
                self.part_clocks(base, index, part.expr);
                return Operand { literal, ..part };
            }
        };
        let bits = self.b.types().size(ty) * 8;
        let low = number & (u64::MAX >> (64 - bits));
        Operand { expr: self.b.int(low, ty), ty, literal }
    }

    /// `base[index]` of strings, tuples and the like; arrays and pointers are in `subscript.rs`.
    pub(super) fn index_value(&mut self, base: Placed, index: &ast::Expr) -> Operand {
        match self.b.types().get(base.0.ty).clone() {
            Type::Tuple(parts) => {
                let number = self.expr(index);
                match number.literal_int() {
                    Some(number) => self.tuple_element(&base, &parts, (number, index.span)),
                    None if number.ty == TypeId::UNKNOWN => number,
                    None => self.bad_index((number, index.span)),
                }
            }
            Type::Str(size) => {
                if let (Some(Literal::Str(text)), ExprKind::Int(at)) =
                    (&base.0.literal, &index.kind)
                    && *at < u64::from(size)
                {
                    let byte = text.get(*at as usize).copied().unwrap_or(0);
                    return self.number(i128::from(byte as i8));
                }
                let ty = self.b.types().intern(Type::Array { of: TypeId::I8, len: size });
                let memory = self.own_memory(Base::Held(base.0), ty);
                let element = self.array_element(&memory, index);
                self.fetch(element)
            }
            _ => {
                self.expr(index);
                self.no_elements(&base, index.span)
            }
        }
    }

    fn no_elements(&mut self, (base, base_span): &Placed, index_span: Span) -> Operand {
        let found = self.type_name(base.ty);
        let mut diagnostic =
            Diagnostic::error(Code::BadIndex, format!("`{found}` has no elements"))
                .label(*base_span, format!("this is `{found}`"))
                .label(index_span, "so there is none to take");
        if matches!(self.b.types().get(base.ty), Type::Record(_) | Type::Struct(_)) {
            diagnostic = diagnostic.help("name a field instead: `.x`");
        } else {
            diagnostic = diagnostic
                .help("elements are taken from arrays, tuples, strings and addresses: `$x[0]`");
        }
        self.complain(diagnostic);
        self.poison()
    }

    fn bad_index(&mut self, (index, span): Placed) -> Operand {
        let found = self.type_name(index.ty);
        self.complain(
            Diagnostic::error(
                Code::BadIndex,
                "an element of a tuple is chosen by a literal number",
            )
            .label(span, format!("this is `{found}`"))
            .help("each element has a type of its own: write `.0`, or choose with `?:`"),
        );
        self.poison()
    }
}

/// A number that no element has.
fn outside(
    (index, index_span): (i128, Span),
    (what, len): (&str, u64),
    (found, base_span): (&str, Span),
) -> Diagnostic {
    let elements = if len == 1 { "1 element".to_owned() } else { format!("{len} elements") };
    let diagnostic =
        Diagnostic::error(Code::BadIndex, format!("{what} has {elements}, and none at {index}"))
            .label(index_span, "out of bounds")
            .label(base_span, format!("this is `{found}`"));
    match len {
        0 => diagnostic,
        1 => diagnostic.help("the only one is at 0"),
        _ => diagnostic.help(format!("they are counted from 0 to {}", len - 1)),
    }
}
