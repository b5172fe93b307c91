//! What a declaration begins with: words such as `const unsigned long` or `struct pair { … }`.

use super::declaration::Reader;
use super::error::{Outcome, expected, wrong};
use super::expression::{Cursor, expression};
use super::layout::Attributes;
use super::token::{Kind, Token};
use crate::source::Span;
use crate::syntax::ast::Tag;
use crate::types::{Type, TypeId, catalog};

/// Words that say nothing about the type.
const WITHOUT_MEANING: &[&str] = &[
    "const",
    "volatile",
    "restrict",
    "__restrict",
    "__restrict__",
    "__const",
    "__volatile__",
    "static",
    "extern",
    "inline",
    "__inline",
    "__inline__",
    "register",
    "auto",
    "__extension__",
    "_Noreturn",
    "__rcu",
    "__percpu",
    "__iomem",
    "__kernel",
    "__force",
    "__bitwise",
];

/// Words that make up the name of a number.
const NUMBERS: &[&str] = &[
    "signed",
    "unsigned",
    "__signed__",
    "short",
    "long",
    "int",
    "char",
    "void",
    "_Bool",
    "bool",
    "float",
    "double",
    "__int128",
    "_Float16",
    "__fp16",
];

/// Largest alignment that can be asked for, as compilers have it.
const MOST_ALIGNED: i128 = 1 << 28;

/// The alignment that `aligned` without a number asks for.
const BIGGEST_ALIGNMENT: u32 = 16;

/// What the words in front of a declarator say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Specifiers {
    pub(super) ty: TypeId,
    /// Alignment that a typedef demands.
    pub(super) align: Option<u32>,
    pub(super) attributes: Attributes,
    /// `__user`: the next pointer is to the memory of the process.
    pub(super) user: bool,
    pub(super) typedef: bool,
    /// Place of the type.
    pub(super) span: Span,
    /// A struct, union or enum with its body.
    pub(super) defines: bool,
}

impl<'s> Reader<'_, 's> {
    /// Whether a type can start with this token.
    pub(super) fn is_type(&self, token: &Token<'s>) -> bool {
        token.kind == Kind::Word
            && (WITHOUT_MEANING.contains(&token.text)
                || NUMBERS.contains(&token.text)
                || matches!(token.text, "struct" | "union" | "enum" | "__attribute__")
                || self.types.named(token.text).is_some()
                || catalog::plain(token.text).is_some())
    }

    /// Reads the words in front of a declarator.
    pub(super) fn specifiers(&mut self, at: &mut Cursor<'s>) -> Outcome<Specifiers> {
        let start = at.peek().map_or(at.end, |token| token.span);
        let mut words: Vec<&str> = Vec::new();
        let mut found: Option<Specifiers> = None;
        let mut rest = Specifiers {
            ty: TypeId::I32,
            align: None,
            attributes: Attributes::default(),
            user: false,
            typedef: false,
            span: start,
            defines: false,
        };
        while let Some(token) = at.peek().filter(|token| token.kind == Kind::Word) {
            match token.text {
                "typedef" => rest.typedef = true,
                "__user" => rest.user = true,
                "__attribute__" | "__attribute" | "_Alignas" | "alignas" => {
                    rest.attributes = rest.attributes.and(self.attributes(at)?);
                    continue;
                }
                word if WITHOUT_MEANING.contains(&word) => {}
                word if NUMBERS.contains(&word) && found.is_none() => words.push(word),
                "struct" | "union" | "enum" if found.is_none() && words.is_empty() => {
                    found = Some(self.tagged(at)?);
                    rest.span = start.to(at.end);
                    continue;
                }
                _ if found.is_none() && words.is_empty() => {
                    found = Some(Specifiers { ty: self.named(&token)?, ..rest });
                    if let Some(found) = &mut found {
                        found.align = self.typedef_alignments.get(token.text).copied();
                    }
                }
                _ => break,
            }
            rest.span = start.to(token.span);
            at.next();
        }
        let ty = match (found, &words[..]) {
            (Some(found), _) => {
                let attributes = found.attributes.and(rest.attributes);
                let Specifiers { ty, align, defines, .. } = found;
                return Ok(Specifiers { ty, align, defines, attributes, ..rest });
            }
            (None, []) => return Err(expected("a type", at.peek().as_ref(), at.end)),
            (None, words) => self.number_type(words, rest.span)?,
        };
        Ok(Specifiers { ty, ..rest })
    }

    /// `unsigned long int` and its like, whose words come in any order.
    fn number_type(&mut self, words: &[&str], span: Span) -> Outcome<TypeId> {
        let count = |wanted: &str| words.iter().filter(|word| **word == wanted).count();
        let unsigned = count("unsigned") > 0;
        let signs = count("signed") + count("__signed__") + count("unsigned");
        let (longs, others) = (count("long"), words.len() - signs - count("long") - count("int"));
        let kind = words
            .iter()
            .find(|word| !matches!(**word, "signed" | "__signed__" | "unsigned" | "long" | "int"));
        let fits = signs <= 1 && longs <= 2 && others <= 1 && count("int") <= 1;
        let ty = match kind.copied() {
            Some("char") if longs + count("int") == 0 => Some(TypeId::int(8, !unsigned)),
            Some("short") if longs == 0 => Some(TypeId::int(16, !unsigned)),
            Some("__int128") if longs + count("int") == 0 => {
                let name = if unsigned { "unsigned __int128" } else { "__int128" };
                Some(self.types.opaque_value(name, 16))
            }
            Some("double") if longs == 1 && signs + count("int") == 0 => {
                Some(self.types.opaque_value("long double", 16))
            }
            Some(other) if words.len() == 1 => Some(match other {
                "void" => TypeId::VOID,
                "bool" | "_Bool" => TypeId::BOOL,
                "float" => self.types.opaque_value("float", 4),
                "double" => self.types.opaque_value("double", 8),
                name => self.types.opaque_value(name, 2),
            }),
            Some(_) => None,
            None => Some(TypeId::int(if longs > 0 { 64 } else { 32 }, !unsigned)),
        };
        ty.filter(|_| fits).ok_or_else(|| {
            let name = words.join(" ");
            wrong(format!("there is no type `{name}`"), span, "these words do not go together")
        })
    }

    /// The type behind a name of one word.
    fn named(&mut self, token: &Token<'s>) -> Outcome<TypeId> {
        let known = catalog::resolve_name(self.types, self.host, None, token.text);
        known.ok_or_else(|| self.unknown_type(None, token.text, token.span))
    }

    /// The tags of the script are known before they are defined, by their names.
    pub(super) fn resolve_tag(&mut self, tag: Tag, name: &str) -> Option<TypeId> {
        let spelt = format!("{} {name}", tag.word());
        if self.types.named(&spelt).is_none() && self.upcoming.contains(spelt.as_str()) {
            return self.announce(tag, name);
        }
        catalog::resolve_name(self.types, self.host, Some(tag), name)
    }

    /// `struct pair`, `struct pair { … }`, `struct { … }`, and the same for unions and enums.
    fn tagged(&mut self, at: &mut Cursor<'s>) -> Outcome<Specifiers> {
        let Some(word) = at.next() else { return Err(expected("a type", None, at.end)) };
        let tag = match word.text {
            "struct" => Tag::Struct,
            "union" => Tag::Union,
            _ => Tag::Enum,
        };
        let mut attributes = self.attribute_list(at)?;
        let name = at.peek().filter(|token| token.kind == Kind::Word);
        if name.is_some() {
            at.next();
        }
        attributes = attributes.and(self.attribute_list(at)?);
        let found = |ty, defines| Specifiers {
            ty,
            align: None,
            attributes: Attributes::default(),
            user: false,
            typedef: false,
            span: word.span,
            defines,
        };
        if at.is("{") {
            at.deeper()?;
            let ty = match tag {
                Tag::Enum => self.enumeration(at, name, attributes)?,
                _ => self.structure(at, tag, name, attributes)?,
            };
            at.nested -= 1;
            return Ok(found(ty, true));
        }
        let Some(name) = name else {
            let what = format!("a name or `{{` after `{}`", word.text);
            return Err(expected(&what, at.peek().as_ref(), at.end));
        };
        let ty = match self.resolve_tag(tag, name.text) {
            Some(ty) => ty,
            None if tag == Tag::Enum => {
                return Err(self.unknown_type(Some(tag), name.text, word.span.to(name.span)));
            }
            None => self.types.intern(Type::Opaque(format!("{} {}", word.text, name.text))),
        };
        Ok(found(ty, false))
    }

    /// All `__attribute__((…))` that stand here.
    pub(super) fn attribute_list(&mut self, at: &mut Cursor<'s>) -> Outcome<Attributes> {
        let mut found = Attributes::default();
        while at.is("__attribute__") || at.is("__attribute") {
            found = found.and(self.attributes(at)?);
        }
        Ok(found)
    }

    /// `__attribute__((packed, aligned(8)))`, `_Alignas(8)`
    fn attributes(&mut self, at: &mut Cursor<'s>) -> Outcome<Attributes> {
        let word = at.next().map(|token| token.text);
        at.expect("(", "`(`")?;
        if matches!(word, Some("_Alignas" | "alignas")) {
            let aligned = Some(self.alignment(at)?);
            at.expect(")", "`)`")?;
            return Ok(Attributes { packed: false, aligned });
        }
        at.expect("(", "a second `(`, as in `__attribute__((packed))`")?;
        let mut found = Attributes::default();
        while let Some(name) = at.peek().filter(|token| token.kind == Kind::Word) {
            at.next();
            let arguments = at.is("(");
            match name.text.trim_matches('_') {
                "packed" => found.packed = true,
                "aligned" if arguments => {
                    at.next();
                    found.aligned = found.aligned.max(Some(self.alignment(at)?));
                    at.expect(")", "`)`")?;
                }
                "aligned" => found.aligned = found.aligned.max(Some(BIGGEST_ALIGNMENT)),
                "mode" | "vector_size" | "ms_struct" | "scalar_storage_order" => {
                    let rule = format!("the attribute `{}` is not known here", name.text);
                    return Err(wrong(rule, name.span, "it would change the layout"));
                }
                _ if arguments => at.skip_brackets("(", ")"),
                _ => {}
            }
            if at.eat(",").is_none() {
                break;
            }
        }
        at.expect(")", "`,` or `))`")?;
        at.expect(")", "`))`")?;
        Ok(found)
    }

    fn alignment(&mut self, at: &mut Cursor<'s>) -> Outcome<u32> {
        let start = at.peek().map_or(at.end, |token| token.span);
        let value = expression(at, self)?.value;
        let fits = (1..=MOST_ALIGNED).contains(&value) && value.count_ones() == 1;
        if !fits {
            let rule = "an alignment is a power of two: 1, 2, 4, 8 …";
            return Err(wrong(rule, start.to(at.end), format!("this is {value}")));
        }
        Ok(value as u32)
    }
}
