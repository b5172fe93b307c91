//! Declarations of C: structs, unions, enums and typedefs.

use std::collections::{HashMap, HashSet};

use super::declarator::{Declarator, Step};
use super::error::{Outcome, expected, wrong};
use super::expression::{Cursor, expression};
use super::layout::{self, Attributes, Member};
use super::specifier::Specifiers;
use super::token::Token;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::host::Host;
use crate::source::Span;
use crate::syntax::ast::Tag;
use crate::types::{Enum, Origin, Struct, Type, TypeId, Types, catalog};

/// Reads declarations into the tables of types.
pub(super) struct Reader<'a, 's> {
    pub(super) types: &'a mut Types,
    pub(super) host: &'a dyn Host,
    pub(super) diagnostics: Diagnostics,
    /// `struct pair` and its like that are defined somewhere.
    pub(super) upcoming: HashSet<String>,
    /// Names of `#define`s, for messages.
    pub(super) defines: Vec<String>,
    /// Alignments that typedefs demand.
    pub(super) typedef_alignments: HashMap<&'s str, u32>,
    /// Where types and constants are defined.
    pub(super) places: HashMap<String, Span>,
}

impl<'s> Reader<'_, 's> {
    /// Reads all declarations; what is wrong with one does not hide what is wrong with the next.
    pub(super) fn all(&mut self, at: &mut Cursor<'s>) {
        while at.peek().is_some() {
            at.nested = 0;
            if at.eat(";").is_some() {
                continue;
            }
            let start = at.at;
            if let Err(diagnostic) = self.declaration(at) {
                self.diagnostics.push(*diagnostic);
                let wrong = std::mem::replace(&mut at.at, start);
                skip(at, wrong);
            }
        }
    }

    fn declaration(&mut self, at: &mut Cursor<'s>) -> Outcome<()> {
        let specifiers = self.specifiers(at)?;
        // A definition that stands for itself needs no semicolon.
        let alone = at.peek().is_none_or(|token| token.first);
        if specifiers.defines && !specifiers.typedef && (alone || at.is(";")) {
            at.eat(";");
            return Ok(());
        }
        if !specifiers.defines && at.eat(";").is_some() {
            return Ok(());
        }
        loop {
            let declarator = self.declarator(at, specifiers.user)?;
            let attributes = specifiers.attributes.and(self.attribute_list(at)?);
            let function = matches!(declarator.steps.first(), Some(Step::Function));
            if specifiers.typedef {
                self.typedef(&specifiers, declarator, attributes, at.end)?;
            } else if function && at.is("{") {
                at.skip_brackets("{", "}");
                return Ok(());
            } else if at.is("=") {
                let here = "what is declared in C has no value in a script";
                return Err(wrong("expected `;`", at.end, here));
            }
            if at.eat(",").is_none() {
                break;
            }
        }
        at.expect(";", "`;` after the declaration")?;
        Ok(())
    }

    fn typedef(
        &mut self,
        specifiers: &Specifiers,
        declarator: Declarator<'s>,
        attributes: Attributes,
        end: Span,
    ) -> Outcome<()> {
        let Some(name) = declarator.name else {
            return Err(expected("a name for the new type", None, end));
        };
        let ty = self.apply(specifiers.ty, declarator.steps)?;
        self.name_anonymous(ty, name.text);
        if let Some(aligned) = attributes.aligned.or(specifiers.align) {
            self.typedef_alignments.insert(name.text, aligned);
        }
        if let (Some(known), Some(&place)) =
            (self.types.named(name.text), self.places.get(name.text))
        {
            if known == ty {
                return Ok(());
            }
            return Err(self.twice(name.text, name.span, place));
        }
        self.places.insert(name.text.to_owned(), name.span);
        self.types.set_name(name.text.to_owned(), ty);
        Ok(())
    }

    /// A struct without a name of its own is called after its typedef.
    fn name_anonymous(&mut self, ty: TypeId, name: &str) {
        if let Type::Struct(id) = *self.types.get(ty) {
            let record = self.types.record_mut(id);
            if record.name.ends_with(' ') {
                record.name = name.to_owned();
            }
        }
    }

    fn twice(&self, name: &str, span: Span, place: Span) -> Box<Diagnostic> {
        let rule = format!("`{name}` is defined twice");
        Box::new(
            Diagnostic::error(Code::BadC, rule)
                .label(span, "defined again here")
                .label(place, "first defined here")
                .help("remove one of them, or give it another name"),
        )
    }

    /// Makes a struct or union of the script known before its fields are.
    pub(super) fn announce(&mut self, tag: Tag, name: &str) -> Option<TypeId> {
        if tag == Tag::Enum {
            return None;
        }
        let spelt = format!("{} {name}", tag.word());
        let record =
            Struct { name: spelt.clone(), size: 0, align: 1, fields: None, origin: Origin::Script };
        let (ty, _) = self.types.new_struct(record);
        self.types.set_name(spelt, ty);
        Some(ty)
    }

    /// The body of a struct or union.
    pub(super) fn structure(
        &mut self,
        at: &mut Cursor<'s>,
        tag: Tag,
        name: Option<Token<'s>>,
        attributes: Attributes,
    ) -> Outcome<TypeId> {
        let open = at.expect("{", "`{`")?;
        let spelt = format!("{} {}", tag.word(), name.map_or("", |name| name.text));
        let mut announced = None;
        if let Some(name) = name {
            if let Some(&place) = self.places.get(&spelt) {
                return Err(self.twice(&spelt, name.span, place));
            }
            self.places.insert(spelt.clone(), name.span);
            announced = self.types.named(&spelt).or_else(|| self.announce(tag, name.text));
        }
        let mut members = Vec::new();
        while at.eat("}").is_none() {
            if at.peek().is_none() {
                let rule = format!("`{{` of `{}` needs its `}}`", spelt.trim_end());
                return Err(wrong(rule, open.span, "not closed"));
            }
            self.check_closed(at, open.span, spelt.trim_end())?;
            if at.eat(";").is_none() {
                self.members(at, &mut members)?;
            }
        }
        let attributes = attributes.and(self.attribute_list(at)?);
        self.check_names(&members)?;
        let union = tag == Tag::Union;
        let laid_out = layout::lay_out(self.types, self.host.arch(), union, attributes, &members)?;
        let record = Struct {
            name: spelt,
            size: laid_out.size,
            align: laid_out.align,
            fields: Some(laid_out.fields),
            origin: Origin::Script,
        };
        match announced.map(|ty| (ty, self.types.get(ty).clone())) {
            Some((ty, Type::Struct(id))) => {
                *self.types.record_mut(id) = record;
                Ok(ty)
            }
            _ => Ok(self.types.new_struct(record).0),
        }
    }

    /// A probe within a struct says that the struct was not closed before it.
    fn check_closed(&self, at: &Cursor<'s>, open: Span, name: &str) -> Outcome<()> {
        let follows = |text| at.after(1).is_some_and(|next: Token| next.is(text));
        match at.peek() {
            Some(token) if (follows("{") || follows(":")) && !self.is_type(&token) => {
                let diagnostic =
                    wrong(format!("`{{` of `{name}` needs its `}}`"), open, "not closed");
                Err(Box::new(diagnostic.label(token.span, "this begins something else")))
            }
            _ => Ok(()),
        }
    }

    /// The members of anonymous structs are members too.
    fn check_names(&mut self, members: &[Member]) -> Outcome<()> {
        let mut seen: HashMap<String, Span> = HashMap::new();
        for member in members {
            for name in self.names_of(&member.name, member.ty) {
                if let Some(earlier) = seen.insert(name.clone(), member.span) {
                    return Err(self.twice(&name, member.span, earlier));
                }
            }
        }
        Ok(())
    }

    fn names_of(&self, name: &str, ty: TypeId) -> Vec<String> {
        match self.types.get(ty) {
            _ if !name.is_empty() => vec![name.to_owned()],
            Type::Struct(id) => {
                let fields = self.types.record(*id).fields.as_deref().unwrap_or_default();
                fields.iter().flat_map(|field| self.names_of(&field.name, field.ty)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// `int a, *b, c[4];`
    fn members(&mut self, at: &mut Cursor<'s>, members: &mut Vec<Member>) -> Outcome<()> {
        let specifiers = self.specifiers(at)?;
        if at.is(";") {
            return self.unnamed_member(&specifiers, members);
        }
        loop {
            let declarator = match at.is(":") {
                true => Declarator { name: None, steps: Vec::new() },
                false => self.declarator(at, specifiers.user)?,
            };
            let plain = declarator.steps.is_empty();
            let ty = self.apply(specifiers.ty, declarator.steps)?;
            let span = declarator.name.map_or(specifiers.span, |name| name.span);
            let width = match at.eat(":") {
                Some(_) => Some(self.width(at, ty, declarator.name.is_some())?),
                None => None,
            };
            let attributes = specifiers.attributes.and(self.attribute_list(at)?);
            self.check_complete(ty, specifiers.span, "a member")?;
            members.push(Member {
                name: declarator.name.map_or(String::new(), |name| name.text.to_owned()),
                ty,
                align: specifiers.align.filter(|_| plain),
                attributes,
                width,
                span,
            });
            if at.eat(",").is_none() {
                break;
            }
        }
        at.expect(";", "`;` after the member")?;
        Ok(())
    }

    /// `struct { … };` within a struct.
    fn unnamed_member(
        &mut self,
        specifiers: &Specifiers,
        members: &mut Vec<Member>,
    ) -> Outcome<()> {
        let anonymous = match self.types.get(specifiers.ty) {
            Type::Struct(id) => self.types.record(*id).name.ends_with(' '),
            Type::Enum { .. } if specifiers.defines => return Ok(()),
            _ => false,
        };
        if !anonymous {
            let found = self.types.name(specifiers.ty).to_string();
            return Err(Box::new(
                Diagnostic::error(Code::BadC, "a member needs a name")
                    .label(specifiers.span, format!("this is only the type `{found}`"))
                    .help("write a name after the type; only a struct or union without a tag can do without one"),
            ));
        }
        members.push(Member {
            name: String::new(),
            ty: specifiers.ty,
            align: None,
            attributes: specifiers.attributes,
            width: None,
            span: specifiers.span,
        });
        Ok(())
    }

    fn width(&mut self, at: &mut Cursor<'s>, ty: TypeId, named: bool) -> Outcome<u8> {
        let start = at.peek().map_or(at.end, |token| token.span);
        let value = expression(at, self)?.value;
        let span = start.to(at.end);
        let most = match *self.types.get(ty) {
            Type::Bool => 1,
            Type::Int { bits, .. } => i128::from(bits),
            Type::Enum { size, .. } => i128::from(size) * 8,
            _ => {
                let found = self.types.name(ty).to_string();
                let here = format!("this is one of `{found}`");
                return Err(wrong("bit fields are integers", span, here));
            }
        };
        if !(i128::from(named)..=most).contains(&value) {
            let found = self.types.name(ty).to_string();
            let rule = format!("a bit field of `{found}` has {} to {most} bits", i128::from(named));
            return Err(wrong(rule, span, format!("this one has {value}")));
        }
        Ok(value as u8)
    }

    /// Whether values of a type have a size.
    pub(super) fn check_complete(&mut self, ty: TypeId, span: Span, what: &str) -> Outcome<()> {
        let spelt = self.types.name(ty).to_string();
        let below = match self.types.get(ty) {
            Type::Struct(id) => {
                let record = self.types.record(*id);
                if record.fields.is_some() || record.origin != Origin::Script {
                    return Ok(());
                }
                true
            }
            Type::Opaque(_) => false,
            Type::Function => {
                let rule = format!("{what} needs a size, which a function has not");
                let pointer = wrong(rule, span, "this is what it returns");
                return Err(Box::new(pointer.help("for a pointer to it write `int (*name)(int)`")));
            }
            Type::Void => {
                let here = format!("this is `{spelt}`");
                return Err(wrong(format!("{what} needs a size"), span, here));
            }
            _ => return Ok(()),
        };
        let mut diagnostic =
            Diagnostic::error(Code::BadC, format!("{what} needs a size, which `{spelt}` has not"));
        if below {
            diagnostic = diagnostic
                .label(span, "it is not complete here")
                .help("define it above this place, or use a pointer to it");
        } else {
            diagnostic = diagnostic.label(span, "its definition is not known");
            let (tag, name) = match spelt.split_once(' ') {
                Some(("struct", name)) => (Tag::Struct, name),
                Some((_, name)) => (Tag::Union, name),
                None => (Tag::Struct, spelt.as_str()),
            };
            if let Some(near) = catalog::similar(self.types, self.host, Some(tag), name) {
                diagnostic = diagnostic.suggest(span, near);
            }
        }
        Err(Box::new(diagnostic))
    }

    pub(super) fn unknown_type(&self, tag: Option<Tag>, name: &str, span: Span) -> Box<Diagnostic> {
        let spelt = tag.map_or(String::new(), |tag| format!("{} ", tag.word())) + name;
        let diagnostic =
            Diagnostic::error(Code::UnknownType, format!("there is no type `{spelt}`"))
                .label(span, "unknown type");
        Box::new(match catalog::similar(self.types, self.host, tag, name) {
            Some(near) => diagnostic.suggest(span, near),
            None => diagnostic.help("define it above this place, or include the header that does"),
        })
    }

    /// The body of an enum.
    pub(super) fn enumeration(
        &mut self,
        at: &mut Cursor<'s>,
        name: Option<Token<'s>>,
        attributes: Attributes,
    ) -> Outcome<TypeId> {
        let open = at.expect("{", "`{`")?;
        let spelt = format!("enum {}", name.map_or("", |name| name.text));
        if let Some((name, &place)) = name.zip(self.places.get(&spelt)) {
            return Err(self.twice(&spelt, name.span, place));
        }
        let mut variants: Vec<(String, i128)> = Vec::new();
        let mut next = 0;
        let (mut least, mut most) = ((0, open.span), (0, open.span));
        while at.eat("}").is_none() {
            if at.peek().is_none() {
                let rule = format!("`{{` of `{}` needs its `}}`", spelt.trim_end());
                return Err(wrong(rule, open.span, "not closed"));
            }
            let word = at.word("the name of a constant")?;
            if let Some(&place) = self.places.get(word.text) {
                return Err(self.twice(word.text, word.span, place));
            }
            self.places.insert(word.text.to_owned(), word.span);
            self.attribute_list(at)?;
            if at.eat("=").is_some() {
                next = expression(at, self)?.value;
            }
            check_range(&word, next)?;
            least = if next < least.0 { (next, word.span) } else { least };
            most = if next > most.0 { (next, word.span) } else { most };
            if least.0 < 0 && most.0 > i128::from(i64::MAX) {
                return Err(Box::new(
                    Diagnostic::error(
                        Code::BadC,
                        "no integer type holds all constants of this enum",
                    )
                    .label(most.1, format!("this is {}, which needs one without sign", most.0))
                    .label(least.1, format!("this is {}, which needs one with a sign", least.0))
                    .help("make two enums of them"),
                ));
            }
            variants.push((word.text.to_owned(), next));
            // Known to the constants that follow.
            self.types.set_constant(word.text.to_owned(), TypeId::I32, next);
            next += 1;
            if at.eat(",").is_none() && !at.is("}") {
                return Err(expected("`,` or `}`", at.peek().as_ref(), at.end));
            }
        }
        if variants.is_empty() {
            return Err(wrong("an enum needs at least one constant", open.span, "none is here"));
        }
        let packed = attributes.and(self.attribute_list(at)?).packed;
        let (size, signed) = width_of(&variants, packed);
        let names = variants.clone();
        let id =
            self.types.add_enum(Enum { name: spelt.clone(), variants, origin: Origin::Script });
        let in_script = self.types.intern(Type::Enum { id, size: 8, signed });
        for (constant, value) in names {
            self.types.replace_constant(constant, in_script, value);
        }
        let ty = self.types.intern(Type::Enum { id, size, signed });
        if let Some(name) = name {
            self.places.insert(spelt.clone(), name.span);
            self.types.set_name(spelt, ty);
        }
        Ok(ty)
    }
}

/// Size in bytes of an enum, and whether it is signed.
fn width_of(variants: &[(String, i128)], packed: bool) -> (u8, bool) {
    let least = variants.iter().map(|(_, value)| *value).min().unwrap_or(0);
    let most = variants.iter().map(|(_, value)| *value).max().unwrap_or(0);
    let signed = least < 0;
    let fits = |size: &u8| {
        let bits = size * 8 - u8::from(signed);
        most < 1 << bits && (!signed || least >= -(1 << bits))
    };
    let sizes: &[u8] = if packed { &[1, 2, 4] } else { &[4] };
    (sizes.iter().copied().find(fits).unwrap_or(8), signed)
}

/// Constants have at most 64 bits.
fn check_range(name: &Token, value: i128) -> Outcome<()> {
    if (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value) {
        return Ok(());
    }
    let rule = "the constant of an enum has at most 64 bits";
    Err(wrong(rule, name.span, format!("this one would be {value}")))
}

/// Goes from the start of a declaration that cannot be read to its end, which is behind what is wrong.
fn skip(at: &mut Cursor, wrong: usize) {
    let mut depth = 0;
    at.next();
    while let Some(token) = at.peek().filter(|token| !token.first) {
        at.next();
        depth += i32::from(token.is("{")) - i32::from(token.is("}"));
        if token.is(";") && depth <= 0 && at.at > wrong {
            return;
        }
    }
}
