//! What can be wrong with the text of a script; `wording` says it.

use super::literal::{EscapeError, IntegerError};
use super::shape::Shape;
use crate::source::Span;

/// What opens something that must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    /// `{`
    Brace,
    /// `<` around a probe's body.
    Angle,
    /// `(`
    Paren,
    /// `[`
    Bracket,
    /// `/` before a predicate.
    Predicate,
}

impl Opener {
    /// As the script writes it.
    pub fn opening(self) -> &'static str {
        match self {
            Opener::Brace => "{",
            Opener::Angle => "<",
            Opener::Paren => "(",
            Opener::Bracket => "[",
            Opener::Predicate => "/",
        }
    }

    /// As the script writes its counterpart.
    pub fn closing(self) -> &'static str {
        match self {
            Opener::Brace => "}",
            Opener::Angle => ">",
            Opener::Paren => ")",
            Opener::Bracket => "]",
            Opener::Predicate => "/",
        }
    }

    /// Whether statements or a predicate stand inside, and not a part of an expression.
    pub(super) fn is_block(self) -> bool {
        matches!(self, Opener::Brace | Opener::Angle | Opener::Predicate)
    }
}

/// What is wrong with a literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiteralError {
    /// An integer.
    Integer(IntegerError),
    /// An escape in a string.
    Escape(EscapeError),
}

/// Everything that the lexer, the parser and the reader of attach points complain of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyntaxError {
    /// `` ` ``, `§`
    UnknownCharacter {
        /// Its place.
        span: Span,
        /// The character.
        character: char,
        /// What looks like it and means something.
        meant: Option<&'static str>,
    },
    /// `'text'`, `“text”`
    ForeignQuotes {
        /// Quotes included.
        span: Span,
        /// Without the quotes.
        inside: String,
    },
    /// `:=`, `&&&`, `and`
    ForeignOperator {
        /// Its place.
        span: Span,
        /// As written.
        written: String,
        /// What ebtrace calls it.
        meant: &'static str,
        /// What the operator does, as a verb.
        role: &'static str,
    },
    /// `12abc`, `"\q"`
    Literal {
        /// The integer, or the escape in the string.
        span: Span,
        /// Why.
        error: LiteralError,
    },
    /// `$0`, `$1x`
    Positional {
        /// Its place.
        span: Span,
    },
    /// `"abc` up to the end of the line.
    UnclosedString {
        /// From the quote to the end of the line.
        span: Span,
    },
    /// `/*` without `*/`.
    UnclosedComment {
        /// The `/*`.
        open: Span,
    },
    /// `{`, `<`, `(`, `[` or `/` without counterpart.
    Unclosed {
        /// Which.
        opener: Opener,
        /// Its place.
        open: Span,
        /// What is open around it and not closed either.
        around: Vec<Span>,
        /// What stands where the counterpart is missed; nothing at the end of the script.
        at: Option<Span>,
        /// A pair of braces inside that are not indented alike, so that one may not belong to the other.
        askew: Option<(Span, Span)>,
    },
    /// `/pid == 1 {`
    UnclosedPredicate {
        /// The first slash.
        open: Span,
        /// The body's opening.
        at: Span,
    },
    /// `}` where nothing is open.
    Surplus {
        /// Its place.
        span: Span,
        /// As written.
        closer: String,
    },
    /// `(a]`
    Mismatched {
        /// The opening bracket.
        open: Span,
        /// The closing bracket.
        close: Span,
        /// What should close it.
        wanted: &'static str,
    },
    /// More than [`super::MAX_NESTING`] levels.
    TooDeep {
        /// The first level too many.
        span: Span,
    },
    /// More than [`super::MAX_OPERATORS`] in one expression.
    TooManyOperators {
        /// The first one too many.
        span: Span,
    },
    /// `pid = 1`, `5++`
    BadTarget {
        /// The left side, or the operand.
        span: Span,
        /// The name, where a `$` may be missing.
        name: Option<String>,
        /// A field or an element.
        part: bool,
        /// `=`, `+=`, `++`
        operator: String,
    },
    /// `&5`
    NoAddress {
        /// The operand.
        span: Span,
    },
    /// `(a = 1, a = 2)`
    DoubleField {
        /// The field's first name.
        first: Span,
        /// The second.
        again: Span,
        /// What they say.
        name: String,
    },
    /// `$x == 1;`
    ValueAsStatement {
        /// The expression.
        span: Span,
        /// The `==`, where `=` may have been meant.
        equal: Option<Span>,
    },
    /// `$x = 1` and the next statement on the next line.
    MissingSemicolon {
        /// The end of the statement.
        at: Span,
        /// What begins the next.
        next: Span,
    },
    /// `;;`
    EmptyStatement {
        /// The semicolon.
        span: Span,
    },
    /// `if ($x = 1)`, `f($x = 1)`
    AssignInExpression {
        /// The operator.
        span: Span,
        /// In a condition or a predicate.
        condition: bool,
    },
    /// `if (a) && (b) {`, `if pid == 1 {`
    BareCondition {
        /// `if`, `unroll`
        keyword: String,
        /// From the condition's start to what does not belong to a bare one.
        span: Span,
    },
    /// `if (a) f();`
    MissingBraces {
        /// `if`, `else`, `unroll`
        keyword: String,
        /// The keyword's place.
        after: Span,
        /// What stands where the brace should.
        span: Span,
    },
    /// `else (a) {`
    ElseWithCondition {
        /// The `else`.
        span: Span,
        /// The condition's start.
        at: Span,
    },
    /// `else` after no `if`.
    StrayElse {
        /// Its place.
        span: Span,
    },
    /// `f() {`
    UnknownBlock {
        /// The word that begins the statement.
        word: Span,
        /// The brace.
        span: Span,
    },
    /// A construct that is written otherwise than it must be.
    Misshapen {
        /// What does not fit.
        span: Span,
        /// The construct.
        shape: Shape,
    },
    /// `print "x"`
    CallWithoutParens {
        /// The function's name and its argument.
        span: Span,
        /// The name.
        name: String,
    },
    /// `1.5`
    Fraction {
        /// The dot and what follows.
        span: Span,
    },
    /// `begin # words`
    Directive {
        /// The line.
        span: Span,
    },
    /// A statement between bodies.
    StatementOutside {
        /// Its first word.
        span: Span,
    },
    /// `{ … }` with nothing before it.
    NoAttachPoint {
        /// The body's opening.
        span: Span,
    },
    /// An attach point with nothing after it.
    NoBody {
        /// Where the body is missed.
        at: Span,
    },
    /// `kprobe:f kprobe:g {`
    MissingComma {
        /// The end of the first.
        at: Span,
        /// The second.
        next: Span,
    },
    /// `kprobe:f/pid==1/ {`, `kprobe:f<print(1)>`
    Glued {
        /// From the `/` or `<` on.
        span: Span,
        /// What it was meant to open.
        opener: Opener,
    },
    /// Anything else.
    Unexpected {
        /// Its place.
        span: Span,
        /// What it is.
        found: String,
        /// What could stand there, in words.
        expected: Vec<&'static str>,
    },
}
