//! How syntax errors are said: what rule is broken, what stands at the place, what to type instead.

use super::error::{LiteralError, Opener, SyntaxError};
use super::frames::{MAX_NESTING, MAX_OPERATORS};
use super::literal::{EscapeError, IntegerError};
use crate::diagnostic::{Code, Diagnostic, Edit};
use crate::source::Span;

fn error(code: Code, headline: impl Into<String>) -> Diagnostic {
    Diagnostic::error(code, headline)
}

/// Offers to put in what is missing.
fn insert(mut wrong: Diagnostic, span: Span, text: &str) -> Diagnostic {
    wrong.suggestion = Some(Edit { span, text: text.to_owned() });
    wrong.help(format!("write `{text}` there"))
}

impl From<SyntaxError> for Diagnostic {
    fn from(from: SyntaxError) -> Diagnostic {
        use SyntaxError::*;
        match from {
            UnknownCharacter { span, character, meant } => {
                unknown_character(span, character, meant)
            }
            ForeignQuotes { span, inside } => {
                error(Code::BadToken, "strings stand between double quotes")
                    .label(span, "other quotes mean nothing")
                    .suggest(span, format!("\"{inside}\""))
            }
            ForeignOperator { span, written, meant, role } => {
                error(Code::BadToken, format!("`{written}` is not an operator"))
                    .label(span, format!("`{meant}` {role}"))
                    .suggest(span, meant)
            }
            SyntaxError::Literal { span, error: LiteralError::Integer(wrong) } => {
                integer(span, wrong)
            }
            SyntaxError::Literal { span, error: LiteralError::Escape(wrong) } => {
                escape(span, wrong)
            }
            Positional { span } => error(
                Code::BadPositional,
                "positional parameters are `$1`, `$2` and so on, up to 2^63-1",
            )
            .label(span, "not a number in that range")
            .help("`$#` is how many there are; a variable's name begins with a letter: `$x1`"),
            UnclosedString { span } => error(Code::Unclosed, "this string is not closed")
                .label(span, "the line ends first")
                .help("write `\"` at its end, or `\\n` where it should go on in the next line"),
            UnclosedComment { open } => error(Code::Unclosed, "this comment is not closed")
                .label(open, "opened here")
                .help("write `*/` at its end; comments do not nest"),
            Unclosed { opener, open, around, at, askew } => {
                unclosed(opener, open, &around, at, askew)
            }
            UnclosedPredicate { open, at } => error(Code::Unclosed, "this predicate is not closed")
                .label(open, "opened here")
                .label(at, "the body begins before its second `/`")
                .help("write `/` between the predicate and the body"),
            Surplus { span, closer } => surplus(span, &closer),
            Mismatched { open, close, wanted } => {
                error(Code::Unclosed, format!("expected `{wanted}`"))
                    .label(close, "does not close what is open")
                    .label(open, "opened here")
                    .suggest(close, wanted)
            }
            TooDeep { span } => {
                error(Code::TooDeep, format!("nested more than {MAX_NESTING} levels deep"))
                    .label(span, "one level too many")
                    .note("blocks, brackets and the links of an `else if` chain count")
                    .help("move the inner parts out, into variables or statements of their own")
            }
            TooManyOperators { span } => {
                error(Code::TooDeep, format!("an expression has at most {MAX_OPERATORS} operators"))
                    .label(span, "one operator too many")
                    .help("use variables for parts of it")
            }
            BadTarget { span, part: true, .. } => {
                error(Code::BadTarget, "parts of values do not change")
                    .label(span, "a field or an element")
                    .help(
                        "make a new value and assign it to the variable or map: `$x = (1, $x.1);`",
                    )
            }
            BadTarget { span, name, operator, .. } => bad_target(span, name, &operator),
            ValueAsStatement { span, equal } => value_as_statement(span, equal),
            NoAddress { span } => {
                error(Code::BadTarget, "`&` takes the address of a variable or a map")
                    .label(span, "this is neither")
                    .help("put the value into a variable first: `$x = …; &$x`")
            }
            DoubleField { first, again, name } => {
                error(Code::BadTarget, format!("a record has one field `{name}`"))
                    .label(again, "a second one")
                    .label(first, "the first one")
                    .help("give them different names")
            }
            other => other.misplaced(),
        }
    }
}

impl SyntaxError {
    /// Wording of what the grammar does not have at its place.
    fn misplaced(self) -> Diagnostic {
        use SyntaxError::*;
        match self {
            MissingSemicolon { at, next } => {
                let wrong = error(Code::Unexpected, "a statement ends in `;`").label(at, "expected `;` here");
                insert(wrong.label(next, "the next statement begins here"), at, ";")
            }
            EmptyStatement { span } => error(Code::Unexpected, "there is no empty statement")
                .label(span, "nothing stands before this `;`")
                .help("remove it"),
            AssignInExpression { span, condition: true } => error(Code::Unexpected, "`=` assigns and does not compare")
                .label(span, "a condition stands here")
                .suggest(span, "=="),
            AssignInExpression { span, .. } => error(Code::Unexpected, "an assignment is a statement of its own")
                .label(span, "a value stands here")
                .help("assign in a statement before this one; to compare, write `==`"),
            BareCondition { keyword, span } => {
                error(Code::Unexpected, format!("what follows `{keyword}` is one value or stands in parentheses"))
                    .label(span, "this is more than one value")
                    .help(format!("put all of it in parentheses: `{keyword} (…) {{ … }}`"))
            }
            MissingBraces { keyword, after, span } => {
                error(Code::Unexpected, format!("the statements of `{keyword}` stand in braces"))
                    .label(span, "expected `{` here")
                    .label(after, format!("this `{keyword}`"))
                    .help("write `{` before them and `}` after them")
            }
            ElseWithCondition { span, at } => error(Code::Unexpected, "`else` has no condition")
                .label(at, "expected `{` or `if` here")
                .suggest(span, "else if"),
            StrayElse { span } => error(Code::Unexpected, "this `else` belongs to no `if`")
                .label(span, "no `if` ends right before it")
                .help("`else` follows the closing brace of `if (…) { … }`, without a `;` between them"),
            UnknownBlock { word, span } => error(Code::Unexpected, "no statement of this kind has a block")
                .label(span, "expected `;` here")
                .label(word, "this begins the statement")
                .help("blocks follow `if`, `else`, `for`, `while` and `unroll`; probes do not nest"),
            Misshapen { span, shape } => {
                let [rule, label, help] = shape.words();
                error(Code::Unexpected, rule).label(span, label).help(help)
            }
            CallWithoutParens { span, name } => error(Code::Unexpected, "arguments stand in parentheses")
                .label(span, "this is a call")
                .help(format!("write `{name}(…)`")),
            Fraction { span } => error(Code::Unexpected, "numbers are integers")
                .label(span, "there are no fractions")
                .help("scale instead: `1500us` for 1.5 ms"),
            other => other.between_bodies(),
        }
    }

    /// Wording of what stands wrongly between bodies, and of the rest.
    fn between_bodies(self) -> Diagnostic {
        use SyntaxError::*;
        match self {
            Directive { span } => {
                error(Code::Unexpected, "`#` begins a line of C, above all probes")
                    .label(span, "not between attach point and body")
                    .help("comments begin with `//`")
            }
            StatementOutside { span } => {
                error(Code::Unexpected, "statements stand in the body of a probe")
                    .label(span, "expected an attach point here")
                    .help("write `begin { … }` around what should run once at the start")
            }
            NoAttachPoint { span } => error(Code::Unexpected, "this body has no probe")
                .label(span, "expected an attach point before it")
                .help("write one, such as `kprobe:vfs_read` or `begin`"),
            NoBody { at } => error(Code::Unexpected, "this probe has no body")
                .label(at, "expected `{` here")
                .help("write what it should do: `{ print(comm); }`"),
            MissingComma { at, next } => {
                let wrong = error(Code::Unexpected, "a comma stands between attach points")
                    .label(at, "expected `,`, a predicate or `{` here");
                insert(wrong.label(next, "this would be another attach point"), at, ",")
            }
            Glued { span, opener: Opener::Predicate } => {
                error(Code::Unexpected, "a space stands between attach point and predicate")
                    .label(span, "read as a part of the attach point")
                    .help("write a space before the `/`")
            }
            Glued { span, .. } => {
                error(Code::Unexpected, "a space stands between attach point and body")
                    .label(span, "read as a part of the attach point")
                    .help("write a space before the `<`")
            }
            Unexpected { span, found, expected } => {
                error(Code::Unexpected, format!("expected {}", one_of(&expected)))
                    .label(span, format!("found {found}"))
            }
            _ => error(Code::Unexpected, "this does not follow the grammar"),
        }
    }
}

fn unknown_character(span: Span, character: char, meant: Option<&'static str>) -> Diagnostic {
    let shown = match character {
        '!'..='~' | '\u{a1}'.. => format!("`{character}`"),
        _ => format!("the character U+{:04X}", u32::from(character)),
    };
    let wrong = error(Code::BadToken, format!("{shown} means nothing here"));
    match (character, meant) {
        (_, Some(" ")) => wrong.label(span, "a no-break space").help("write an ordinary space"),
        (_, Some(meant)) => wrong.label(span, format!("looks like `{meant}`")).suggest(span, meant),
        ('$', _) => wrong
            .label(span, "a variable's name follows directly")
            .help("write `$x`, or `$1` for a parameter"),
        ('\'' | '`', _) => {
            wrong.label(span, "not closed on this line").help("strings stand between double quotes")
        }
        ('#', _) => wrong.label(span, "does not begin a comment").help("comments begin with `//`"),
        _ => wrong.label(span, "only strings and comments may hold it"),
    }
}

fn integer(span: Span, wrong: IntegerError) -> Diagnostic {
    let bad = |headline: String| error(Code::BadInteger, headline);
    match wrong {
        IntegerError::TrailingUnderscore => {
            bad("`_` stands between digits".to_owned()).label(span, "ends in `_`").help("remove the last `_`")
        }
        IntegerError::NoDigits => bad("digits follow `0x` and `0b`".to_owned()).label(span, "has none"),
        IntegerError::Digit(digit, kind) => bad(format!("`{digit}` is not a digit of {kind} number"))
            .label(span, "the prefix makes it one")
            .help("numbers that begin with `0` are octal, with `0x` hexadecimal, with `0b` binary"),
        IntegerError::Suffix(suffix) => bad(format!("`{suffix}` is not a suffix of integers"))
            .label(span, "digits, then letters")
            .help("durations end in `ns`, `us`, `ms`, `s`, `m`, `h` or `d`, types in `u`, `ul`, `ull`, `l` or `ll`"),
        IntegerError::Coefficient => bad("one digit from 1 to 9 stands before the exponent".to_owned())
            .label(span, "has another coefficient")
            .help("write `1e6`, or all digits: `1_500_000`"),
        IntegerError::Exponent => bad("the exponent is a number that does not begin with 0".to_owned())
            .label(span, "has another exponent")
            .help("write `1e6`"),
        IntegerError::TooLarge(largest) => {
            bad("this integer is too large".to_owned()).label(span, format!("the largest possible is {largest}"))
        }
    }
}

fn escape(span: Span, wrong: EscapeError) -> Diagnostic {
    let bad = |headline: String| error(Code::BadEscape, headline);
    match wrong {
        EscapeError::Unknown(letter) => bad(format!("`\\{letter}` is not an escape"))
            .label(span, "in this string")
            .help("the escapes are `\\n`, `\\t`, `\\r`, `\\\"`, `\\\\`, `\\0` to `\\377` and `\\xHH`; a backslash is `\\\\`"),
        EscapeError::NoHexDigits => bad("one or two hexadecimal digits follow `\\x`".to_owned())
            .label(span, "has none")
            .help("write `\\x41`, or `\\\\x` for a backslash and an x"),
        EscapeError::OctalTooLarge => bad("an octal escape is at most `\\377`".to_owned())
            .label(span, "does not fit in a byte")
            .help("bytes go up to 255, which is `\\377` or `\\xff`"),
    }
}

fn unclosed(
    opener: Opener,
    open: Span,
    around: &[Span],
    at: Option<Span>,
    askew: Option<(Span, Span)>,
) -> Diagnostic {
    let (opening, closing) = (opener.opening(), opener.closing());
    let headline = match opener {
        Opener::Predicate => "this predicate is not closed".to_owned(),
        Opener::Angle => "this body is not closed: `>` is missing".to_owned(),
        _ => format!("this `{opening}` is not closed: `{closing}` is missing"),
    };
    let mut wrong = error(Code::Unclosed, headline).label(open, "opened here");
    if let Some(at) = at {
        wrong = wrong.label(at, format!("expected `{closing}` before this"));
    }
    for span in around {
        wrong = wrong.label(*span, "not closed either");
    }
    if let Some((open, close)) = askew {
        wrong = wrong
            .label(open, "perhaps this one lacks its `}`")
            .label(close, "closes that one, indented otherwise");
    }
    match opener {
        Opener::Angle => {
            wrong.help("write `>` at the end of the body; inside parentheses `>` compares")
        }
        Opener::Predicate => wrong.help("write `/` between the predicate and the body"),
        _ => wrong.help(format!("write `{closing}` where it should end")),
    }
}

fn surplus(span: Span, closer: &str) -> Diagnostic {
    match closer {
        ";" => error(Code::Unexpected, "no `;` stands between probes")
            .label(span, "nothing ends here")
            .help("remove it"),
        _ => error(Code::Unclosed, format!("this `{closer}` closes nothing"))
            .label(span, "nothing that it could close is open")
            .help("remove it, or write its counterpart before it"),
    }
}

fn bad_target(span: Span, name: Option<String>, operator: &str) -> Diagnostic {
    let verb = if matches!(operator, "++" | "--") { "changes" } else { "assigns to" };
    let wrong = error(Code::BadTarget, format!("`{operator}` {verb} a variable or a map"))
        .label(span, "this is neither");
    match name {
        Some(name) if name == "_" => wrong.help("`_` takes any value, and only by `_ = …;`"),
        Some(name) => wrong.suggest(span, format!("${name}")),
        None => wrong.help("variables are written `$x`, maps `@x` or `@x[key]`"),
    }
}

fn value_as_statement(span: Span, equal: Option<Span>) -> Diagnostic {
    let wrong =
        error(Code::BadTarget, "a statement that begins with a variable or a map changes it")
            .label(span, "only computes a value");
    match equal {
        Some(equal) => wrong.suggest(equal, "="),
        None => wrong.help("put the statement in parentheses if it is meant as it stands"),
    }
}

/// `a`, `a or b`, `a, b or c`.
fn one_of(words: &[&str]) -> String {
    match words {
        [] => "something else".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
