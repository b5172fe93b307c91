//! Tokens: the two modes of the lexer as logos enums, and what both have in common.
//!
//! [`Head`] reads what stands between probe bodies, where an attach point is one raw token; [`Tok`] reads bodies and
//! predicates, and is also what the grammar consumes. Which mode applies where is decided in [`super::lexer`].

use logos::{Lexer, Logos, Skip};

use super::error::{LiteralError, Opener, SyntaxError};
use super::literal;
use crate::source::{FileId, Span};

/// Of the brackets around one that is not closed, this many are shown if they are not closed either.
const MAX_AROUND: usize = 3;

/// What both modes carry along: the text they read, and what they found wrong and mended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    pub(super) file: FileId,
    pub(super) errors: Vec<SyntaxError>,
    /// The tokens may no longer say what was meant, so that later complaints may be only consequences.
    pub(super) damaged: bool,
    /// A string or comment without end may hold the closing brackets that are missing.
    swallowed: bool,
}

impl Notes {
    pub(super) fn new(file: FileId) -> Notes {
        Notes { file, ..Notes::default() }
    }

    /// Notes an error that leaves in doubt what was meant.
    pub(super) fn damage(&mut self, error: SyntaxError) {
        self.errors.push(error);
        self.damaged = true;
    }

    /// Notes a string or comment without end.
    fn swallow(&mut self, error: SyntaxError) {
        self.damage(error);
        self.swallowed = true;
    }

    /// Notes what is still open, innermost first.
    pub(super) fn unclosed(
        &mut self,
        open: &[(Opener, Span)],
        at: Option<Span>,
        askew: Option<(Span, Span)>,
    ) {
        if let Some((&(opener, span), around)) = open.split_first().filter(|_| !self.swallowed) {
            let around = around.iter().take(MAX_AROUND).map(|(_, span)| *span).collect();
            self.damage(SyntaxError::Unclosed { opener, open: span, around, at, askew });
        }
    }
}

/// Between bodies.
#[derive(Logos, Debug, Clone, Copy, PartialEq, Eq)]
#[logos(extras = Notes)]
#[logos(skip r"[ \t\r\n\x0b\f]+")]
#[logos(skip(r"//[^\n]*", allow_greedy = true))]
pub(super) enum Head {
    #[token("/*", comment)]
    Comment,
    /// An attach point ends at white space, `,` and `{`; before its first colon also at a predicate or angle body.
    #[regex(r#"([^ \t\r\n\x0b\f,{}<>/:;"]|"([^"\\\n]|\\[^\n])*")+(:([^ \t\r\n\x0b\f,{"]|"([^"\\\n]|\\[^\n])*")*)?"#)]
    #[regex(r#":([^ \t\r\n\x0b\f,{"]|"([^"\\\n]|\\[^\n])*")*"#)]
    Point,
    #[regex(r"#[^\n]*", allow_greedy = true, priority = 100)]
    Directive,
    #[token(",")]
    Comma,
    #[token("/")]
    Slash,
    #[token("{")]
    Brace,
    #[token("<")]
    Angle,
    #[token("}")]
    #[token(">")]
    #[token(";")]
    Stray,
    #[token("\"", unclosed_in_point)]
    Quote,
}

/// In bodies and predicates; the variants without a pattern come from head mode, the lexer or the layout.
#[derive(Logos, Debug, Clone, PartialEq)]
#[logos(extras = Notes)]
#[logos(skip r"[ \t\r\n\x0b\f]+")]
#[logos(skip(r"//[^\n]*", allow_greedy = true))]
pub(crate) enum Tok<'s> {
    /// An attach point as written.
    Point(&'s str),
    /// What cannot stand between bodies: a `#` line, a semicolon, a closing brace.
    Outside,
    /// `/` before a predicate.
    PredicateOpen,
    /// `/` after it.
    PredicateClose,
    /// `<` around a probe's body.
    AngleOpen,
    /// `>` around a probe's body.
    AngleClose,
    /// The end of a statement that needs no semicolon.
    VirtualSemi,
    /// A comment that does not end; the others are skipped.
    #[token("/*", comment)]
    Comment,

    #[regex("[A-Za-z_][A-Za-z0-9_]*", |lex| lex.slice())]
    Ident(&'s str),
    #[regex(r"\$[A-Za-z_][A-Za-z0-9_]*", |lex| &lex.slice()[1..])]
    Variable(&'s str),
    #[regex("@([A-Za-z_][A-Za-z0-9_]*)?", |lex| &lex.slice()[1..])]
    Map(&'s str),
    #[regex(r"\$[0-9][A-Za-z0-9_]*", positional)]
    Positional(u64),
    #[token("$#")]
    PositionalCount,
    #[regex("[0-9][A-Za-z0-9_]*", integer)]
    Int(u64),
    #[token("\"", string)]
    Str(Vec<u8>),

    /// A piece of C as written.
    C(&'s str),
    /// `(` around the type of a cast, or of `sizeof` and the like.
    TypeOpen,
    /// `macro`, `fn` and `config` mean something at the start of an item only.
    Macro,
    Fn,
    Config,

    #[token("let")]
    Let,
    #[token("for")]
    For,
    #[token("while")]
    While,
    #[token("break")]
    Break,
    #[token("continue")]
    Continue,
    #[token("return")]
    Return,
    #[token("import")]
    Import,
    #[token("sizeof")]
    Sizeof,
    #[token("offsetof")]
    Offsetof,
    #[token("typeof")]
    Typeof,
    #[token("typeinfo")]
    Typeinfo,
    #[token("comptime")]
    Comptime,
    #[token("struct")]
    Struct,
    #[token("union")]
    Union,
    #[token("enum")]
    Enum,
    #[token("if")]
    If,
    #[token("else")]
    Else,
    #[token("unroll")]
    Unroll,
    #[token("true")]
    True,
    #[token("false")]
    False,

    #[token("{")]
    BraceOpen,
    #[token("}")]
    BraceClose,
    #[token("(")]
    ParenOpen,
    #[token(")")]
    ParenClose,
    #[token("[")]
    BracketOpen,
    #[token("]")]
    BracketClose,
    #[token(",")]
    Comma,
    #[token(";")]
    Semi,
    #[token("?")]
    Question,
    #[token(":")]
    Colon,
    #[token(".")]
    Dot,
    #[token("..")]
    Range,
    #[token("->")]
    Arrow,

    #[token("=")]
    #[token(":=", |lex| slip(lex, "=", "assigns"))]
    Assign,
    #[token("+=")]
    AddAssign,
    #[token("-=")]
    SubtractAssign,
    #[token("*=")]
    MultiplyAssign,
    #[token("/=")]
    DivideAssign,
    #[token("%=")]
    RemainderAssign,
    #[token("&=")]
    AndAssign,
    #[token("|=")]
    OrAssign,
    #[token("^=")]
    XorAssign,
    #[token("<<=")]
    ShiftLeftAssign,
    #[token(">>=")]
    ShiftRightAssign,

    #[token("++")]
    Increment,
    #[token("--")]
    Decrement,
    #[token("!")]
    Not,
    #[token("~")]
    Complement,
    #[token("*")]
    Multiply,
    #[token("/")]
    Divide,
    #[token("%")]
    Remainder,
    #[token("+")]
    Add,
    #[token("-")]
    Subtract,
    #[token("<<")]
    ShiftLeft,
    #[token(">>")]
    ShiftRight,
    #[token("<")]
    Less,
    #[token(">")]
    Greater,
    #[token("<=")]
    LessEqual,
    #[token(">=")]
    GreaterEqual,
    #[token("==")]
    #[token("===", |lex| slip(lex, "==", "compares"))]
    Equal,
    #[token("!=")]
    #[token("!==", |lex| slip(lex, "!=", "compares"))]
    NotEqual,
    #[token("&")]
    BitAnd,
    #[token("^")]
    BitXor,
    #[token("|")]
    BitOr,
    #[token("&&")]
    #[token("&&&", |lex| slip(lex, "&&", "means `and`"))]
    And,
    #[token("||")]
    #[token("|||", |lex| slip(lex, "||", "means `or`"))]
    Or,
}

impl Tok<'_> {
    /// Whether each of these makes the tree of an expression one level deeper.
    pub(super) fn is_operator(&self) -> bool {
        use Tok::*;
        let unary = matches!(
            self,
            Dot | Arrow | Increment | Decrement | Not | Complement | TypeOpen | Comptime
        );
        let arithmetic =
            matches!(self, Multiply | Divide | Remainder | Add | Subtract | ShiftLeft | ShiftRight);
        let comparison =
            matches!(self, Less | Greater | LessEqual | GreaterEqual | Equal | NotEqual);
        let logic = matches!(self, BitAnd | BitXor | BitOr | And | Or | Question);
        unary || arithmetic || comparison || logic
    }

    /// Whether a statement can begin with it.
    pub(super) fn starts_statement(&self) -> bool {
        use Tok::*;
        matches!(
            self,
            Ident(_)
                | Variable(_)
                | Map(_)
                | If
                | Unroll
                | For
                | While
                | Let
                | Break
                | Continue
                | Return
                | Increment
                | Decrement
        )
    }

    /// Whether it is a value by itself or the start of one, and not an operator.
    pub(super) fn starts_value(&self) -> bool {
        use Tok::*;
        matches!(
            self,
            Ident(_)
                | Variable(_)
                | Map(_)
                | Positional(_)
                | PositionalCount
                | Int(_)
                | Str(_)
                | True
                | False
                | Sizeof
                | Offsetof
                | Typeof
                | Typeinfo
                | Comptime
        )
    }
}

/// A place that both modes can name while they read.
pub(super) fn span_of<'s, T: Logos<'s, Extras = Notes>>(lex: &Lexer<'s, T>) -> Span {
    Span::new(lex.extras.file, lex.span().start, lex.span().end)
}

/// Skips a block comment whose opening was just read.
fn comment<'s, T>(lex: &mut Lexer<'s, T>) -> Skip
where
    T: Logos<'s, Extras = Notes, Source = str>,
{
    match lex.remainder().find("*/") {
        Some(length) => lex.bump(length + 2),
        None => {
            let open = span_of(lex);
            lex.extras.swallow(SyntaxError::UnclosedComment { open });
            lex.bump(lex.remainder().len());
        }
    }
    Skip
}

/// Skips the rest of the line after a quote that nothing answers.
fn unclosed_in_point<'s>(lex: &mut Lexer<'s, Head>) -> Skip {
    unclosed_string(lex);
    Skip
}

fn unclosed_string<'s, T>(lex: &mut Lexer<'s, T>)
where
    T: Logos<'s, Extras = Notes, Source = str>,
{
    let rest = lex.remainder();
    lex.bump(rest.find('\n').unwrap_or(rest.len()));
    let span = span_of(lex);
    lex.extras.swallow(SyntaxError::UnclosedString { span });
}

/// Reads a string whose opening quote was just read.
fn string<'s>(lex: &mut Lexer<'s, Tok<'s>>) -> Vec<u8> {
    let Some(length) = literal::closing_quote(lex.remainder()) else {
        unclosed_string(lex);
        return Vec::new();
    };
    let inside = &lex.remainder()[..length];
    lex.bump(length + 1);
    literal::unescape(inside).unwrap_or_else(|error| {
        let span = span_of(lex).part(1 + error.start, 1 + error.end);
        lex.extras
            .errors
            .push(SyntaxError::Literal { span, error: LiteralError::Escape(error.kind) });
        Vec::new()
    })
}

fn integer<'s>(lex: &mut Lexer<'s, Tok<'s>>) -> u64 {
    literal::integer(lex.slice()).unwrap_or_else(|error| {
        let span = span_of(lex);
        lex.extras.errors.push(SyntaxError::Literal { span, error: LiteralError::Integer(error) });
        0
    })
}

/// Positional parameters count from 1 to the largest signed integer.
fn positional<'s>(lex: &mut Lexer<'s, Tok<'s>>) -> u64 {
    match lex.slice()[1..].parse() {
        Ok(number) if (1..=i64::MAX as u64).contains(&number) => number,
        _ => {
            let span = span_of(lex);
            lex.extras.errors.push(SyntaxError::Positional { span });
            1
        }
    }
}

/// Takes an operator of another language for the one that was meant.
fn slip<'s>(lex: &mut Lexer<'s, Tok<'s>>, meant: &'static str, role: &'static str) {
    let span = span_of(lex);
    lex.extras.errors.push(SyntaxError::ForeignOperator {
        span,
        written: lex.slice().to_owned(),
        meant,
        role,
    });
}

/// Signs that are mistaken for those of the language, mostly by word processors.
const LOOK_ALIKES: [(char, &str); 13] = [
    ('\u{2013}', "-"),
    ('\u{2014}', "-"),
    ('\u{2212}', "-"),
    ('\u{d7}', "*"),
    ('\u{f7}', "/"),
    ('\u{2260}', "!="),
    ('\u{2264}', "<="),
    ('\u{2265}', ">="),
    ('\u{ff1b}', ";"),
    ('\u{ff0c}', ","),
    ('\u{ff08}', "("),
    ('\u{ff09}', ")"),
    ('\u{a0}', " "),
];

/// Explains a character that no token begins with, and gives the token that was meant where that is clear.
pub(super) fn mend<'s>(lex: &mut Lexer<'s, Tok<'s>>) -> Option<Tok<'s>> {
    let span = span_of(lex);
    let character = lex.slice().chars().next()?;
    if let Some(closing) = closing_quotes(character) {
        let rest = lex.remainder();
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        if let Some(length) = line.find(closing) {
            let inside = &line[..length];
            lex.bump(length + line[length..].chars().next().map_or(0, char::len_utf8));
            let span = span_of(lex);
            lex.extras.errors.push(SyntaxError::ForeignQuotes { span, inside: inside.to_owned() });
            return Some(Tok::Str(inside.into()));
        }
    }
    let meant = LOOK_ALIKES.iter().find(|(alike, _)| *alike == character).map(|(_, meant)| *meant);
    lex.extras.damage(SyntaxError::UnknownCharacter { span, character, meant });
    None
}

/// The quotes that may answer one that does not belong to the language.
fn closing_quotes(character: char) -> Option<&'static [char]> {
    match character {
        '\'' => Some(&['\'']),
        '`' => Some(&['`']),
        '\u{201c}' | '\u{201d}' | '\u{201e}' => Some(&['\u{201c}', '\u{201d}', '"']),
        '\u{2018}' | '\u{2019}' => Some(&['\u{2018}', '\u{2019}', '\'']),
        _ => None,
    }
}

/// The tokens of a piece of text by themselves, as far as it has any, and where they stand.
pub(crate) fn words(text: &str) -> impl Iterator<Item = (Tok<'_>, std::ops::Range<usize>)> {
    Tok::lexer(text).spanned().filter_map(|(token, place)| Some((token.ok()?, place)))
}
