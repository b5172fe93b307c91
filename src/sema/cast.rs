//! Casts: `(uint8)$x`.

use super::{Literal, Lower, Operand, Placed};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{BinaryOp, Expr};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};
use crate::types::{EnumId, Space, Type, TypeId, Worded};

/// Bytes that an integer is widened to where an array wants them.
const WIDEST: u32 = 8;

impl Lower<'_> {
    /// `(type)operand`
    pub(super) fn cast(&mut self, ty: &ast::TypeExpr, operand: &ast::Expr, span: Span) -> Operand {
        let target = self.resolve_type(ty);
        let value = self.expr(operand);
        let types = self.b.types();
        if value.ty == TypeId::UNKNOWN
            && types.is_scalar(target)
            && types.space_of(target).is_none()
        {
            // Whatever it will turn out to be, this is what it becomes; but an address takes its memory from it.
            let expr = self.b.int(0, target);
            return self.operand(expr);
        }
        if target == TypeId::UNKNOWN || value.ty == TypeId::UNKNOWN {
            return self.poison();
        }
        let value = match &operand.kind {
            // Here bytes are meant, those after a NUL too.
            ExprKind::Str(text) if text.contains(&0) => {
                let bytes = self.b.bytes(text);
                self.operand(bytes)
            }
            _ => value,
        };
        let target = self.completed(target, &value);
        if value.ty == target && self.aggregate_of(&value).is_none() {
            let found = self.type_name(target);
            self.complain(
                Diagnostic::warning(Code::Unneeded, format!("this is `{found}` without the cast"))
                    .label(ty.span, "has no effect")
                    .help("leave the cast out"),
            );
            return value;
        }
        let value = (value, operand.span);
        match self.cast_to(&value, target, span) {
            Some(cast) => cast,
            None => {
                self.complain_cast(&value, (target, ty.span));
                self.poison()
            }
        }
    }

    /// What the written type leaves open is taken from the value: the length of an array or string, and which memory
    /// an address is of.
    fn completed(&mut self, target: TypeId, value: &Operand) -> TypeId {
        let (from, space) = (value.ty, self.space());
        let of_kernel = self.of_kernel.contains(&value.expr);
        let types = self.b.types();
        let size = types.size(from);
        match (types.get(target).clone(), types.get(from).clone()) {
            (Type::Array { of, len: 0 }, Type::Int { .. } | Type::Str(_) | Type::Array { .. })
                if types.size(of) > 0 =>
            {
                let len = size.div_ceil(types.size(of));
                types.intern(Type::Array { of, len })
            }
            (Type::Str(0), Type::Str(_)) => types.string(size),
            (Type::Str(0), Type::Array { .. }) => types.string(size + 1),
            (Type::Pointer { .. }, Type::Pointer { space, .. }) => types.respaced(target, space),
            (Type::Pointer { .. }, _) if of_kernel => types.respaced(target, Space::Kernel),
            (Type::Pointer { space: Space::Unset, .. }, _) => types.respaced(target, space),
            _ => target,
        }
    }

    /// `None` where there is no such cast.
    fn cast_to(&mut self, value: &Placed, target: TypeId, span: Span) -> Option<Operand> {
        let types = self.b.types();
        let (from, to) = (types.get(value.0.ty).clone(), types.get(target).clone());
        let (size, room) = (types.size(value.0.ty), types.size(target));
        Some(match (from, to) {
            (Type::Int { .. } | Type::Bool | Type::Enum { .. }, Type::Enum { id, .. }) => {
                self.check_variant(value, id)?;
                self.converted(&value.0, target)
            }
            (
                Type::Int { .. } | Type::Bool | Type::Enum { .. } | Type::Pointer { .. },
                Type::Int { .. } | Type::Bool,
            )
            | (Type::Int { .. } | Type::Enum { .. } | Type::Pointer { .. }, Type::Pointer { .. }) => {
                self.converted(&value.0, target)
            }
            (Type::Int { .. }, Type::Worded(Worded::User)) => {
                let id = self.b.convert(value.0.expr, TypeId::U64);
                self.worded(Worded::User, &[(0, id)])
            }
            (Type::Str(_), Type::Bool) => self.is_not_empty(&value.0),
            (Type::Str(_), Type::Str(_)) if size <= room => {
                let expr = self.exact(&value.0, target, "text");
                self.operand(expr)
            }
            (Type::Str(_), Type::Array { of: TypeId::I8 | TypeId::U8, .. }) if size == room => {
                self.with_type(&value.0, target)
            }
            (Type::Array { of: TypeId::I8 | TypeId::U8, .. }, Type::Str(_)) if size <= room => {
                self.text_of(&value.0, target, span)
            }
            (Type::Int { .. }, Type::Array { of, .. })
                if size == room || (size < room && room <= WIDEST) =>
            {
                self.int_as_array(&value.0, (target, of))?
            }
            (Type::Array { of, .. }, Type::Int { .. })
                if size == room && (self.b.types().is_int(of) || of == TypeId::BOOL) =>
            {
                self.part(&value.0, 0, None, target)
            }
            _ => return None,
        })
    }

    fn converted(&mut self, value: &Operand, target: TypeId) -> Operand {
        let expr = self.b.convert(value.expr, target);
        self.operand(expr)
    }

    /// Whether a literal is one of the numbers that an enum names; any number may be one at run time.
    fn check_variant(&mut self, value: &Placed, id: EnumId) -> Option<()> {
        let Some(number) = value.0.literal_int() else { return Some(()) };
        let named = self.b.types().named_numbers(id).clone();
        if named.variants.iter().any(|(_, variant)| *variant == number) {
            return Some(());
        }
        let variants: Vec<String> = named
            .variants
            .iter()
            .take(8)
            .map(|(name, number)| format!("{name} = {number}"))
            .collect();
        let more = if named.variants.len() > variants.len() { ", …" } else { "" };
        self.complain(
            Diagnostic::error(Code::BadCast, format!("`{}` has no {number}", named.name))
                .label(value.1, "none of its numbers")
                .help(format!("it has {}{more}", variants.join(", "))),
        );
        Some(())
    }

    fn is_not_empty(&mut self, text: &Operand) -> Operand {
        if let Some(Literal::Str(text)) = &text.literal {
            return self.boolean(!text.is_empty());
        }
        let first = self.part(text, 0, None, TypeId::I8);
        self.converted(&first, TypeId::BOOL)
    }

    /// The same bytes as a memory value of another type and the same size.
    fn with_type(&mut self, value: &Operand, target: TypeId) -> Operand {
        let whole = self.part(value, 0, None, target);
        let local = self.b.local("bytes", target);
        self.b.store(local, whole.expr);
        self.local_operand(local)
    }

    /// Characters up to the first NUL; what follows it becomes zero, as in every string.
    fn text_of(&mut self, array: &Operand, target: TypeId, span: Span) -> Operand {
        let before = self.b.at(span);
        let text = self.as_text(array);
        let address = self.address_of(&text);
        let size = self.b.types().size(target);
        let local = self.b.local("text", target);
        self.b.zero(local);
        let (into, size) = (self.b.address(local, 0), self.b.int(size.into(), TypeId::U64));
        self.b.call_void(crate::ir::Helper::ProbeReadKernelStr, vec![into, size, address]);
        self.b.at(before);
        self.local_operand(local)
    }

    /// The bytes of an integer in the order of memory; of an array of bools, each is one.
    fn int_as_array(&mut self, value: &Operand, (target, of): (TypeId, TypeId)) -> Option<Operand> {
        let types = self.b.types();
        if !types.is_int(of) && of != TypeId::BOOL {
            return None;
        }
        let (size, signed) = (types.size(target), types.is_signed(value.ty));
        if !matches!(size, 1 | 2 | 4 | 8) {
            return None;
        }
        let wide = TypeId::int(size as u8 * 8, signed);
        let number = self.b.convert(value.expr, wide);
        let local = self.b.local("bytes", target);
        self.b.zero(local);
        if of == TypeId::BOOL {
            let number = self.b.convert(number, TypeId::U64);
            let number = self.b.name(number);
            for index in 0..size {
                let byte = self.b.binary_int(BinaryOp::ShiftRight, number, u64::from(index) * 8);
                let byte = self.b.binary_int(BinaryOp::And, byte, 0xff);
                let truth = self.b.convert(byte, TypeId::BOOL);
                self.b.store_part(local, index, TypeId::BOOL, truth);
            }
        } else {
            self.b.store_part(local, 0, wide, number);
        }
        let expr = self.b.add(Expr::Local(local), target);
        Some(self.operand(expr))
    }

    fn complain_cast(&mut self, (value, span): &Placed, (target, target_span): (TypeId, Span)) {
        let from = self.aggregate_of(value).unwrap_or(value.ty);
        let mut names = [from, target].map(|ty| self.type_name(ty));
        if *self.b.types().get(target) == Type::Str(0) {
            names[1] = "string".to_owned();
        }
        let types = self.b.types();
        let (size, room) = (types.size(value.ty), types.size(target));
        let help = match (types.get(value.ty).clone(), types.get(target).clone()) {
            (_, Type::Struct(_)) => {
                format!("cast an address and read there: `*({} *)…`", names[1])
            }
            (Type::Int { .. } | Type::Pointer { .. }, Type::Str(_)) => {
                "the text at an address is `str(…)`".to_owned()
            }
            (Type::Str(_) | Type::Array { .. }, Type::Str(_)) => {
                format!("a string of at least {size} bytes takes it: `(string[{size}])…`")
            }
            (Type::Int { .. }, Type::Array { .. }) => {
                format!("{size} to {WIDEST} bytes take it, not {room}: `(uint8[{WIDEST}])…`")
            }
            (Type::Str(_), Type::Array { .. }) => {
                format!("it has {size} bytes, its NUL included: `(int8[{size}])…`")
            }
            (Type::Array { .. }, Type::Int { .. }) => match size {
                1 | 2 | 4 | 8 => format!("it has {size} bytes: `(uint{})…`", size * 8),
                _ => format!("it has {size} bytes; take an element instead: `[0]`"),
            },
            (Type::Tuple(_) | Type::Record(_), _) => "cast its parts one by one".to_owned(),
            (Type::Struct(_), _) => "cast one of its fields".to_owned(),
            _ => "casts are for integers, bools, enums, addresses, and their bytes".to_owned(),
        };
        self.complain(
            Diagnostic::error(
                Code::BadCast,
                format!("`{}` cannot be cast to `{}`", names[0], names[1]),
            )
            .label(target_span, format!("to `{}`", names[1]))
            .label(*span, format!("this is `{}`", names[0]))
            .help(help),
        );
    }
}
