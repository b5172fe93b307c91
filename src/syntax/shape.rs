//! Constructs that have a shape of their own, and what to say where one is written otherwise.

use super::error::SyntaxError;
use super::explain::Place;
use super::token::Tok;
use crate::source::Span;

/// What is shaped otherwise than it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `fn f(a) : int64 { … }`
    Parameter,
    /// `fn f() { … }`
    Result,
    /// `fn f() : int64;`
    FunctionBody,
    /// `macro f($a : int64) { … }`
    MacroParameter,
    /// `macro f;`
    MacroBody,
    /// `function f() { … }`
    Function,
    /// `begin { fn f() : int64 { … } }`
    Nested,
    /// `let a = 5;` in a body.
    Let,
    /// `let $a, $b;`
    SeveralLet,
    /// `let $x = 1;` outside of bodies.
    RootLet,
    /// `let @x = 5;` in a body.
    InnerMap,
    /// `let @x;`
    MapDecl,
    /// `let $x : (int8, int8);`
    NamelessType,
    /// `let $x : unsigned long;`
    LongType,
    /// `int x = 5;`
    TypeFirst,
    /// `config = { max_strlen : 5 }`
    Option,
    /// `import stdlib;`
    Import,
    /// `for ($i = 0; $i < 5; $i++) { … }`
    Loop,
    /// `for ($i : 0..$n + 1) { … }`
    Bound,
    /// `if { … }`
    NoCondition,
    /// `(a = 1, 2)`
    Record,
    /// `sizeof int32`
    Sizeof,
    /// `offsetof(struct s)`
    Offsetof,
    /// `+5`
    Plus,
    /// `$x.`
    Member,
}

impl Shape {
    /// The rule, what is at the place, and what to type.
    pub(super) fn words(self) -> [&'static str; 3] {
        match self {
            Shape::Parameter => [
                "a parameter of a function is a variable and its type",
                "expected as in `$a : int64`",
                "write it as `fn f($a : int64, $b : string[16]) : int64 { … }`",
            ],
            Shape::Result => [
                "a function says what it returns",
                "expected `:` and a type before this",
                "write it as `fn f($a : int64) : int64 { … }`; one that returns nothing is `: void`",
            ],
            Shape::FunctionBody => [
                "a function has a body",
                "expected `{` here",
                "write it as `fn f($a : int64) : int64 { return $a; }`",
            ],
            Shape::MacroParameter => [
                "a parameter of a macro is a name, with `$` for a variable and `@` for a map",
                "this is none",
                "write it as `macro f($variable, @map, value) { … }`; types are not declared",
            ],
            Shape::MacroBody => [
                "a macro has a body",
                "expected `{` here",
                "write it as `macro double(x) { x * 2 }`",
            ],
            Shape::Function => [
                "functions and macros begin with `fn` and `macro`",
                "read as an attach point",
                "write `fn f($a : int64) : int64 { … }` or `macro f(a) { … }`",
            ],
            Shape::Nested => [
                "functions and macros stand outside of all bodies",
                "not within this one",
                "move it before the probe",
            ],
            Shape::Let => [
                "`let` declares a variable",
                "this is none",
                "variables begin with `$`: `let $x = 5;`",
            ],
            Shape::SeveralLet => [
                "a `let` declares one variable",
                "another one would follow",
                "write a `let` for each: `let $a; let $b;`",
            ],
            Shape::RootLet => [
                "outside of bodies `let` declares a map",
                "this is a variable",
                "declare a map, `let @x = hash(100);`, or move this into the body of a probe",
            ],
            Shape::InnerMap => [
                "maps are declared outside of all bodies",
                "within a body",
                "write `let @x = hash(100);` before the probes, or only assign here: `@x = …;`",
            ],
            Shape::MapDecl => [
                "a map is declared with its kind and the number of its keys",
                "this does not fit",
                "write it as `let @x = hash(1000);`; the kinds are hash, lruhash, percpuhash and percpulruhash",
            ],
            Shape::NamelessType => [
                "only types that have a name can be declared",
                "no name",
                "leave the type out, as in `let $x = (1, 2);`, and it is that of the value",
            ],
            Shape::LongType => [
                "the name of a type is one word",
                "a second word",
                "write for example `uint64` for `unsigned long`, `int8` for `signed char`",
            ],
            Shape::TypeFirst => [
                "the type of a variable stands after its name",
                "this is written as in C",
                "write it as `let $x : int32 = 5;`, or leave the type out: `$x = 5;`",
            ],
            Shape::Option => [
                "options are set one by one, each to one value",
                "this does not fit",
                "write it as `config = { max_strlen = 64; print_maps_on_exit = false }`",
            ],
            Shape::Import => [
                "an import names a file or folder in quotes",
                "no quotes",
                "write it as `import \"lib/tasks.bt\";`",
            ],
            Shape::Loop => [
                "`for` goes over a range or a map",
                "this does not fit",
                "write `for ($i : 0..10) { … }` or `for ($kv : @map) { … }`",
            ],
            Shape::Bound => [
                "the bounds of a range are single values",
                "goes on with an operator",
                "put the bound in parentheses: `0..($n + 1)`",
            ],
            Shape::NoCondition => [
                "a condition, or a number of times, stands before the block",
                "there is none",
                "write it as `if ($x > 1) { … }`, `while ($x) { … }`, `unroll (5) { … }`",
            ],
            Shape::Record => [
                "in a record every value has a name",
                "no name and `=` here",
                "write it as `(a = 1, b = 2)`, without a comma at the end; a tuple is `(1, 2)`",
            ],
            Shape::Sizeof => [
                "what is asked about stands in parentheses",
                "expected a type or a value in parentheses",
                "write `sizeof(int32)` for a type, `sizeof($x)` for a value",
            ],
            Shape::Offsetof => [
                "`offsetof` takes a type and a field of it",
                "expected a comma and the name of a field",
                "write it as `offsetof(struct task_struct, pid)`",
            ],
            Shape::Plus => ["a number has no sign `+`", "nothing to add to", "remove it"],
            Shape::Member => [
                "the name of a field, or the number of an element, stands after `.`",
                "expected it before this",
                "write for example `$task.pid` or `$tuple.0`",
            ],
        }
    }
}

impl Place<'_, '_> {
    /// What is wrong with the construct at the place, if it has a shape.
    pub(super) fn misshapen(&self) -> Option<SyntaxError> {
        let shape = self.item().or_else(|| self.statement_shape()).or_else(|| self.value())?;
        let span = match shape {
            Shape::NoCondition => self.span_of(self.statement() + 1),
            _ => self.found_span(),
        };
        Some(SyntaxError::Misshapen { span, shape })
    }

    /// An attach point that begins otherwise.
    pub(super) fn item_word(&self, word: &str, next: Span) -> Option<SyntaxError> {
        let (shape, span) = match word {
            "let" => (Shape::MapDecl, next),
            "import" => (Shape::Import, next),
            "function" | "def" | "void" | "static" => (Shape::Function, self.span_of(0)),
            _ => return None,
        };
        Some(SyntaxError::Misshapen { span, shape })
    }

    /// At the head of what stands between probes.
    fn item(&self) -> Option<Shape> {
        let enclosing = self.enclosing();
        let within = enclosing.is_some_and(|open| self.token(open) == Some(&Tok::ParenOpen));
        if enclosing.is_some() && !within && self.token(0) != Some(&Tok::Config) {
            return None;
        }
        let ends = |terminal: &str| self.expects(terminal) && self.expected_count() == 1;
        Some(match self.token(0)? {
            Tok::Fn if within => Shape::Parameter,
            Tok::Fn if ends(":") => Shape::Result,
            Tok::Fn if ends("(") => Shape::Parameter,
            Tok::Fn if self.expects("{") => Shape::FunctionBody,
            Tok::Macro if within => Shape::MacroParameter,
            Tok::Macro if self.expects("{") => Shape::MacroBody,
            Tok::Config => Shape::Option,
            Tok::Let if matches!(self.token(1), Some(Tok::Variable(_))) => Shape::RootLet,
            Tok::Let if !self.expects(";") => Shape::MapDecl,
            _ => return None,
        })
    }

    /// In a statement that begins with a keyword, or looks like one.
    fn statement_shape(&self) -> Option<Shape> {
        let begin = self.statement();
        let in_body = begin > 0;
        match (self.token(begin)?, self.token(begin + 1)?) {
            (Tok::Let, Tok::Map(_)) if in_body => Some(Shape::InnerMap),
            (Tok::Let, Tok::Variable(_)) => self.declaration(begin),
            (Tok::Let, _) if self.at == begin + 1 => Some(Shape::Let),
            (Tok::For, _) => self.loop_shape(begin),
            (Tok::If | Tok::While | Tok::Unroll, Tok::BraceOpen) if self.expects("{") => {
                Some(Shape::NoCondition)
            }
            (Tok::Ident("macro" | "fn"), Tok::Ident(_)) if self.at == begin + 1 => {
                Some(Shape::Nested)
            }
            (Tok::Ident(_), Tok::Ident(_))
                if self.at == begin + 1
                    && self.token(begin + 2) == Some(&Tok::Assign)
                    && !self.slice(self.span_of(begin).to(self.found_span())).contains('\n') =>
            {
                Some(Shape::TypeFirst)
            }
            (Tok::Struct | Tok::Union | Tok::Enum, _) if in_body && self.at == begin => {
                Some(Shape::TypeFirst)
            }
            _ => None,
        }
    }

    fn declaration(&self, begin: usize) -> Option<Shape> {
        let typed = matches!(self.token(begin + 2), Some(Tok::Colon));
        match (self.previous()?, self.found()?) {
            (_, Tok::Comma) if self.enclosing().is_none_or(|open| open < begin) => {
                Some(Shape::SeveralLet)
            }
            (Tok::Colon, _) if typed && self.at == begin + 3 => Some(Shape::NamelessType),
            (Tok::Ident(_), Tok::Ident(_)) if typed && self.at == begin + 4 => {
                Some(Shape::LongType)
            }
            _ => None,
        }
    }

    fn loop_shape(&self, begin: usize) -> Option<Shape> {
        let head = self.enclosing().is_none_or(|open| open <= begin + 1);
        let range = (begin..self.at).any(|index| self.token(index) == Some(&Tok::Range));
        let operator = self.found().is_some_and(|found| found.is_operator() && *found != Tok::Dot);
        match (head, range && operator) {
            (true, true) => Some(Shape::Bound),
            (true, false) if !self.expects("{") || self.expects("integer") => Some(Shape::Loop),
            _ => None,
        }
    }

    /// Within an expression.
    fn value(&self) -> Option<Shape> {
        let value = self.expects("integer") && self.expects("-");
        if let Some(open) = self.enclosing()
            && matches!(self.previous(), Some(Tok::Comma))
            && matches!(self.token(open), Some(Tok::ParenOpen))
            && matches!(self.token(open + 2), Some(Tok::Assign))
        {
            return Some(Shape::Record);
        }
        match (self.previous()?, self.found()?) {
            (_, Tok::Add) if value => Some(Shape::Plus),
            (Tok::Dot | Tok::Arrow, _) => Some(Shape::Member),
            (Tok::Sizeof | Tok::Typeof | Tok::Typeinfo, _) => Some(Shape::Sizeof),
            (Tok::Offsetof, _) => Some(Shape::Offsetof),
            (previous, _) => {
                let open = self.enclosing()?.checked_sub(1)?;
                match self.token(open)? {
                    Tok::Offsetof => Some(Shape::Offsetof),
                    Tok::Sizeof | Tok::Typeof | Tok::Typeinfo if *previous == Tok::ParenOpen => {
                        Some(Shape::Sizeof)
                    }
                    _ => None,
                }
            }
        }
    }
}
