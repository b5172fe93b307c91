//! Constant expressions: lengths of arrays, widths of bit fields, values of enums, conditions of `#if`.

use super::error::{Outcome, expected, wrong};
use super::token::{self, Kind, Token};
use crate::source::Span;

/// Brackets in brackets: more than this is no script.
const MOST_NESTED: u32 = 100;

/// A place among tokens.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'s> {
    tokens: std::rc::Rc<[Token<'s>]>,
    pub(super) at: usize,
    /// Place of what ended last, for messages about what is missing.
    pub(super) end: Span,
    pub(super) nested: u32,
}

impl<'s> Cursor<'s> {
    pub(super) fn new(tokens: &[Token<'s>], end: Span) -> Cursor<'s> {
        Cursor { tokens: tokens.into(), at: 0, end, nested: 0 }
    }

    pub(super) fn peek(&self) -> Option<Token<'s>> {
        self.tokens.get(self.at).copied()
    }

    pub(super) fn after(&self, ahead: usize) -> Option<Token<'s>> {
        self.tokens.get(self.at + ahead).copied()
    }

    pub(super) fn next(&mut self) -> Option<Token<'s>> {
        let token = self.peek()?;
        self.at += 1;
        self.end = Span { start: token.span.end.saturating_sub(1), ..token.span };
        Some(token)
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.peek().is_some_and(|token| token.is(text))
    }

    /// Goes past a token if it is this one.
    pub(super) fn eat(&mut self, text: &str) -> Option<Token<'s>> {
        if self.is(text) { self.next() } else { None }
    }

    pub(super) fn expect(&mut self, text: &str, what: &str) -> Outcome<Token<'s>> {
        self.eat(text).ok_or_else(|| expected(what, self.peek().as_ref(), self.end))
    }

    pub(super) fn word(&mut self, what: &str) -> Outcome<Token<'s>> {
        match self.peek() {
            Some(token) if token.kind == Kind::Word => Ok(self.next().unwrap_or(token)),
            other => Err(expected(what, other.as_ref(), self.end)),
        }
    }

    /// Goes past what stands in brackets, the opening one included.
    pub(super) fn skip_brackets(&mut self, open: &str, close: &str) {
        let mut depth = 0;
        while let Some(token) = self.next() {
            depth += i32::from(token.is(open)) - i32::from(token.is(close));
            if depth <= 0 {
                return;
            }
        }
    }

    pub(super) fn deeper(&mut self) -> Outcome<()> {
        self.nested += 1;
        if self.nested > MOST_NESTED {
            let rule = format!("C nests at most {MOST_NESTED} levels deep");
            return Err(wrong(rule, self.end, "one too many"));
        }
        Ok(())
    }
}

/// A number with its C type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) value: i128,
    bits: u8,
    signed: bool,
}

impl Number {
    /// A number cut to a type.
    pub(super) fn new(value: i128, bits: u8, signed: bool) -> Number {
        let unused = 128 - u32::from(bits);
        let value = match signed {
            true => value << unused >> unused,
            false => ((value as u128) << unused >> unused) as i128,
        };
        Number { value, bits, signed }
    }

    fn truth(value: bool) -> Number {
        Number { value: i128::from(value), bits: 32, signed: true }
    }
}

/// What words mean in an expression.
pub(super) trait Names<'s> {
    /// The number of a word.
    fn number(&mut self, word: Token<'s>) -> Outcome<Number>;
    /// Whether a type starts here.
    fn starts_type(&self, token: &Token<'s>) -> bool;
    /// Reads a type: its size in bytes, and how many bits it has and its sign where it is an integer.
    fn size(&mut self, at: &mut Cursor<'s>) -> Outcome<(u32, Option<(u8, bool)>)>;
}

/// In `#if` what is not defined is 0, and nothing is a type.
struct Undefined;

impl<'s> Names<'s> for Undefined {
    fn number(&mut self, _: Token<'s>) -> Outcome<Number> {
        Ok(Number::new(0, 64, true))
    }

    fn starts_type(&self, _: &Token<'s>) -> bool {
        false
    }

    fn size(&mut self, at: &mut Cursor<'s>) -> Outcome<(u32, Option<(u8, bool)>)> {
        Err(expected("a number", at.peek().as_ref(), at.end))
    }
}

/// The condition of an `#if`.
pub(super) fn condition(tokens: &[Token], end: Span) -> Outcome<bool> {
    let mut at = Cursor::new(tokens, end);
    let value = expression(&mut at, &mut Undefined)?;
    match at.peek() {
        None => Ok(value.value != 0),
        Some(token) => Err(expected("the end of the condition", Some(&token), at.end)),
    }
}

/// Reads a constant expression.
pub(super) fn expression<'s>(at: &mut Cursor<'s>, names: &mut dyn Names<'s>) -> Outcome<Number> {
    at.deeper()?;
    let condition = binary(at, names, 0)?;
    let value = match at.eat("?") {
        Some(_) => {
            let then = expression(at, names)?;
            at.expect(":", "`:` and what holds otherwise")?;
            let otherwise = expression(at, names)?;
            if condition.value != 0 { then } else { otherwise }
        }
        None => condition,
    };
    at.nested -= 1;
    Ok(value)
}

/// Operators from loose to tight.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<", ">", "<=", ">="],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

fn binary<'s>(at: &mut Cursor<'s>, names: &mut dyn Names<'s>, level: usize) -> Outcome<Number> {
    let Some(operators) = LEVELS.get(level) else { return unary(at, names) };
    let mut left = binary(at, names, level + 1)?;
    while let Some(op) = at.peek().filter(|token| operators.iter().any(|op| token.is(op))) {
        at.next();
        let right = binary(at, names, level + 1)?;
        left = compute(op, left, right)?;
    }
    Ok(left)
}

/// C's usual conversions, then the operation.
fn compute(op: Token, left: Number, right: Number) -> Outcome<Number> {
    let bits = left.bits.max(right.bits).max(32);
    let signed = [left, right].iter().all(|side| side.signed || side.bits < bits);
    let [a, b] = [left, right].map(|side| Number::new(side.value, bits, signed).value);
    let value = match op.text {
        "||" => return Ok(Number::truth(a != 0 || b != 0)),
        "&&" => return Ok(Number::truth(a != 0 && b != 0)),
        "==" => return Ok(Number::truth(a == b)),
        "!=" => return Ok(Number::truth(a != b)),
        "<" => return Ok(Number::truth(a < b)),
        ">" => return Ok(Number::truth(a > b)),
        "<=" => return Ok(Number::truth(a <= b)),
        ">=" => return Ok(Number::truth(a >= b)),
        "<<" | ">>" => return shift(op, left, right.value),
        "|" => a | b,
        "^" => a ^ b,
        "&" => a & b,
        "+" => a + b,
        "-" => a - b,
        // Both have 64 bits at most.
        "*" => a.wrapping_mul(b),
        _ if b == 0 => {
            return Err(wrong("nothing can be divided by 0", op.span, "this divides by 0"));
        }
        "/" => a / b,
        _ => a % b,
    };
    Ok(Number::new(value, bits, signed))
}

fn shift(op: Token, left: Number, count: i128) -> Outcome<Number> {
    let bits = left.bits.max(32);
    let Some(count) = u32::try_from(count).ok().filter(|count| *count < u32::from(bits)) else {
        let rule = format!("a shift is by 0 to {} bits", bits - 1);
        return Err(wrong(rule, op.span, format!("this one is by {count}")));
    };
    let value = if op.is("<<") { left.value << count } else { left.value >> count };
    Ok(Number::new(value, bits, left.signed || left.bits < 32))
}

fn unary<'s>(at: &mut Cursor<'s>, names: &mut dyn Names<'s>) -> Outcome<Number> {
    at.deeper()?;
    let value = prefixed(at, names)?;
    at.nested -= 1;
    Ok(value)
}

fn prefixed<'s>(at: &mut Cursor<'s>, names: &mut dyn Names<'s>) -> Outcome<Number> {
    let Some(token) = at.peek() else {
        return Err(expected("a number", None, at.end));
    };
    match (token.kind, token.text) {
        (Kind::Symbol, "-" | "+" | "~" | "!") => {
            at.next();
            let number = unary(at, names)?;
            let bits = number.bits.max(32);
            let signed = number.signed || number.bits < 32;
            Ok(match token.text {
                "-" => Number::new(-number.value, bits, signed),
                "~" => Number::new(!number.value, bits, signed),
                "!" => Number::truth(number.value == 0),
                _ => Number::new(number.value, bits, signed),
            })
        }
        (Kind::Symbol, "(") => {
            at.next();
            let cast = at.peek().is_some_and(|next| names.starts_type(&next));
            if !cast {
                let number = expression(at, names)?;
                at.expect(")", "`)`")?;
                return Ok(number);
            }
            let start = token.span;
            let (_, integer) = names.size(at)?;
            let close = at.expect(")", "`)` after the type")?;
            let number = unary(at, names)?;
            let (bits, signed) = integer.ok_or_else(|| {
                wrong("constants are integers", start.to(close.span), "this is no integer type")
            })?;
            Ok(Number::new(number.value, bits, signed))
        }
        (Kind::Word, "sizeof") => {
            at.next();
            at.expect("(", "`(` and a type")?;
            let (size, _) = names.size(at)?;
            at.expect(")", "`)` after the type")?;
            Ok(Number::new(i128::from(size), 64, false))
        }
        (Kind::Number, text) => {
            at.next();
            let (value, bits, signed) = token::number(text).ok_or_else(|| {
                wrong("this is no integer", token.span, "C's integers are like `12`, `0x1f`, `4UL`")
            })?;
            Ok(Number::new(value, bits, signed))
        }
        (Kind::Character, text) => {
            at.next();
            let value = token::character(text).ok_or_else(|| {
                wrong("this is no character", token.span, "write one, as in `'a'`")
            })?;
            Ok(Number::new(value, 32, true))
        }
        (Kind::Word, _) => {
            at.next();
            names.number(token)
        }
        _ => Err(expected("a number", Some(&token), at.end)),
    }
}
