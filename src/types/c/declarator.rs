//! What stands after the type: `*name[4]`; and the names in constant expressions, which declarations define.

use super::declaration::Reader;
use super::error::{Outcome, wrong};
use super::expression::{Cursor, Names, Number, expression};
use super::layout::MOST_BYTES;
use super::token::{Kind, Token};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::source::Span;
use crate::types::{Space, Type, TypeId, catalog};

/// What a declarator makes of a type.
pub(super) enum Step {
    Pointer {
        user: bool,
    },
    /// `None` for `[]`.
    Array(Option<u32>, Span),
    Function,
}

/// A name, and what it makes of the type in front of it, in the order in which it is done.
pub(super) struct Declarator<'s> {
    pub(super) name: Option<Token<'s>>,
    pub(super) steps: Vec<Step>,
}

impl<'s> Reader<'_, 's> {
    /// Reads `*name[4]`, `(*name)(int)`, or the same without a name.
    pub(super) fn declarator(
        &mut self,
        at: &mut Cursor<'s>,
        mut user: bool,
    ) -> Outcome<Declarator<'s>> {
        at.deeper()?;
        let mut steps = Vec::new();
        while let Some(token) = at.peek() {
            match token.text {
                "*" => steps.push(Step::Pointer { user: std::mem::take(&mut user) }),
                "__user" => user = true,
                "const" | "volatile" | "restrict" | "__restrict" | "__restrict__" | "__rcu"
                | "__percpu" | "__iomem" | "__force" => {}
                _ => break,
            }
            at.next();
        }
        self.attribute_list(at)?;
        let inner = match at.peek() {
            Some(token) if token.is("(") && self.nests(at) => {
                at.next();
                let inner = self.declarator(at, user)?;
                at.expect(")", "`)`")?;
                inner
            }
            Some(token) if token.kind == Kind::Word => {
                at.next();
                Declarator { name: Some(token), steps: Vec::new() }
            }
            _ => Declarator { name: None, steps: Vec::new() },
        };
        let mut suffixes = Vec::new();
        loop {
            if at.is("[") {
                suffixes.push(self.length(at)?);
            } else if at.is("(") {
                at.skip_brackets("(", ")");
                suffixes.push(Step::Function);
            } else {
                break;
            }
        }
        steps.extend(suffixes.into_iter().rev());
        steps.extend(inner.steps);
        at.nested -= 1;
        Ok(Declarator { name: inner.name, steps })
    }

    /// Whether `(` opens a declarator and not the parameters of a function.
    fn nests(&self, at: &Cursor<'s>) -> bool {
        at.after(1).is_some_and(|next| {
            next.is("*") || next.is("(") || (next.kind == Kind::Word && !self.is_type(&next))
        })
    }

    fn length(&mut self, at: &mut Cursor<'s>) -> Outcome<Step> {
        let open = at.expect("[", "`[`")?;
        if let Some(close) = at.eat("]") {
            return Ok(Step::Array(None, open.span.to(close.span)));
        }
        let start = at.peek().map_or(at.end, |token| token.span);
        let value = expression(at, self)?.value;
        let span = start.to(at.end);
        at.expect("]", "`]` after the length")?;
        let len = u32::try_from(value).ok().filter(|len| u64::from(*len) <= MOST_BYTES);
        let len = len.ok_or_else(|| {
            let rule = format!("the length of an array is 0 to {MOST_BYTES}");
            wrong(rule, span, format!("this is {value}"))
        })?;
        Ok(Step::Array(Some(len), span))
    }

    pub(super) fn apply(&mut self, mut ty: TypeId, steps: Vec<Step>) -> Outcome<TypeId> {
        for step in steps {
            ty = match step {
                Step::Pointer { user } => {
                    self.types.pointer(ty, if user { Space::User } else { Space::Unset })
                }
                Step::Function => self.types.intern(Type::Function),
                Step::Array(len, span) => {
                    self.check_complete(ty, span, "an element of an array")?;
                    let len = len.unwrap_or(0);
                    if u64::from(self.types.size(ty)) * u64::from(len) > MOST_BYTES {
                        let rule = format!("an array has at most {} MiB", MOST_BYTES >> 20);
                        return Err(wrong(rule, span, "this one is larger"));
                    }
                    self.types.intern(Type::Array { of: ty, len })
                }
            };
        }
        Ok(ty)
    }
}

impl<'s> Names<'s> for Reader<'_, 's> {
    fn number(&mut self, word: Token<'s>) -> Outcome<Number> {
        if let Some((ty, value)) = catalog::constant(self.types, self.host, word.text) {
            let wide = self.types.size(ty) == 8 && i32::try_from(value).is_err();
            let signed = value <= i128::from(i64::MAX);
            return Ok(Number::new(value, if wide { 64 } else { 32 }, signed));
        }
        let rule = format!("there is no constant `{}`", word.text);
        let diagnostic = Diagnostic::error(Code::BadC, rule).label(word.span, "unknown name");
        let constants = self.types.constants();
        let named = constants.chain(self.defines.iter().map(String::as_str));
        let near = nearest(word.text, named).map(str::to_owned);
        Err(Box::new(match near {
            Some(near) => diagnostic.suggest(word.span, near),
            None => diagnostic.help("constants are numbers, `#define`s and the names of enums"),
        }))
    }

    fn starts_type(&self, token: &Token<'s>) -> bool {
        self.is_type(token)
    }

    fn size(&mut self, at: &mut Cursor<'s>) -> Outcome<(u32, Option<(u8, bool)>)> {
        let start = at.peek().map_or(at.end, |token| token.span);
        let specifiers = self.specifiers(at)?;
        let declarator = self.declarator(at, specifiers.user)?;
        let ty = self.apply(specifiers.ty, declarator.steps)?;
        self.check_complete(ty, start.to(at.end), "`sizeof`")?;
        let integer = match *self.types.get(ty) {
            Type::Int { bits, signed } => Some((bits, signed)),
            Type::Enum { size, signed, .. } => Some((size * 8, signed)),
            Type::Bool => Some((8, false)),
            _ => None,
        };
        Ok((self.types.size(ty), integer))
    }
}
