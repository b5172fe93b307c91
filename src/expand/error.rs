//! What is said of macros that are wrong.

pub(super) mod import;
pub(super) mod object;

use super::definition::Definition;
use super::size::Depth;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, Macro, MacroParam, MacroParamKind, Name};

/// How a macro is called: `swap($a, @m, x)`.
pub(super) fn signature(item: &Macro) -> String {
    let params: Vec<String> = item.params.iter().map(spelt).collect();
    format!("{}({})", item.name.node, params.join(", "))
}

fn spelt(param: &MacroParam) -> String {
    let sigil = match param.kind {
        MacroParamKind::Variable => "$",
        MacroParamKind::Map => "@",
        MacroParamKind::Expr => "",
    };
    format!("{sigil}{}", param.name.node)
}

fn takes(kind: MacroParamKind) -> &'static str {
    match kind {
        MacroParamKind::Variable => "takes a variable",
        MacroParamKind::Map => "takes a map",
        MacroParamKind::Expr => "takes any expression",
    }
}

fn given(arg: &Expr) -> &'static str {
    match &arg.kind {
        ExprKind::Variable(_) => "this is a variable",
        ExprKind::Map { key: None, .. } => "this is a map",
        ExprKind::Map { key: Some(_), .. } => "this is an element of a map",
        ExprKind::Typeof(_) => "this is a type",
        ExprKind::Ident(_) => "this is an expression, which cannot be changed",
        _ => "this is an expression",
    }
}

pub(super) fn redefined(again: &Macro, first: &Macro) -> Diagnostic {
    let name = &again.name.node;
    Diagnostic::error(
        Code::MacroRedefined,
        format!("`{name}` has two definitions that a call cannot tell apart"),
    )
    .label(again.name.span, format!("`{}` takes the same arguments", signature(again)))
    .label(first.name.span, format!("as `{}`", signature(first)))
    .help("give one of them another name, or another number of parameters")
}

pub(super) fn function_too(item: &Macro, function: &Name) -> Diagnostic {
    let name = &item.name.node;
    Diagnostic::error(Code::MacroRedefined, format!("`{name}` is both a macro and a function"))
        .label(item.name.span, "a macro here")
        .label(function.span, "a function here")
        .help("give one of them another name")
}

pub(super) fn never_used(item: &Macro) -> Diagnostic {
    let name = &item.name.node;
    Diagnostic::warning(
        Code::MacroUnused,
        format!("`{name}` always means the builtin, never this macro"),
    )
    .label(item.name.span, "not used")
    .help(format!("give it another name: `macro my_{}`", signature(item)))
}

pub(super) fn bad_parameter(param: &MacroParam, builtin: bool) -> Diagnostic {
    let name = &param.name.node;
    let what = if builtin { "a builtin" } else { "a type" };
    Diagnostic::error(
        Code::MacroParameter,
        format!("a parameter of a macro cannot be called like {what}"),
    )
    .label(param.name.span, format!("`{name}` is {what}"))
    .help(format!("give it another name: `the_{name}`"))
}

pub(super) fn double_parameter(again: &MacroParam, first: &MacroParam) -> Diagnostic {
    let name = spelt(again);
    Diagnostic::error(Code::MacroParameter, format!("two parameters are called `{name}`"))
        .label(again.name.span, "again here")
        .label(first.name.span, "first here")
        .help("give one of them another name")
}

pub(super) fn foreign_map(item: &Macro, map: &str, span: Span) -> Diagnostic {
    let name = &item.name.node;
    let with = match item.params.is_empty() {
        true => format!("macro {name}(@{map})"),
        false => format!("macro {}, @{map})", signature(item).trim_end_matches(')')),
    };
    Diagnostic::error(
        Code::MacroHygiene,
        format!("`@{map}` is no parameter of `{name}`, and a macro touches only what it is given"),
    )
    .label(span, "a map of the script")
    .label(item.name.span, "in this macro")
    .help(format!("pass the map: `{with} {{ … }}`"))
}

pub(super) fn shadowed(item: &Macro, name: &Name, param: &MacroParam) -> Diagnostic {
    let variable = &name.node;
    Diagnostic::error(
        Code::MacroHygiene,
        format!("`${variable}` is a parameter of `{}` already", item.name.node),
    )
    .label(name.span, "declared again")
    .label(param.name.span, "the parameter")
    .help(format!(
        "give one of them another name, or assign to the caller's variable: `${variable} = …`"
    ))
}

pub(super) fn jump(item: &Macro, word: &str, span: Span) -> Diagnostic {
    let name = &item.name.node;
    let diagnostic =
        Diagnostic::error(Code::MacroHygiene, format!("`{word}` cannot leave a macro"))
            .label(span, "this would end something of the caller's")
            .label(item.name.span, format!("in the macro `{name}`"));
    match word {
        "return" => diagnostic.help("the value of a macro is its last expression, without `return`: `{ …; $x }`"),
        _ => diagnostic.help(format!("`{word}` is for a loop within the macro; let the caller decide by the macro's value: `if ({name}()) {{ {word}; }}`")),
    }
}

pub(super) fn no_match(
    name: &str,
    span: Span,
    args: &[Expr],
    closest: &Definition,
    others: &[&Definition],
) -> Diagnostic {
    let item = &closest.item;
    let (wanted, found) = (item.params.len(), args.len());
    let mut diagnostic = if wanted == found {
        let wrong = item
            .params
            .iter()
            .zip(args)
            .find(|(param, arg)| !super::call::accepts(param.kind, arg));
        let headline = format!("`{name}` cannot take this argument");
        let diagnostic = Diagnostic::error(Code::MacroArguments, headline);
        match wrong {
            Some((param, arg)) => diagnostic
                .label(arg.span, given(arg))
                .label(param.name.span, format!("`{}` {}", spelt(param), takes(param.kind))),
            None => diagnostic.label(span, "called here"),
        }
    } else {
        let plural = if wanted == 1 { "" } else { "s" };
        let count = match found {
            0 => "none is given".to_owned(),
            1 => "1 is given".to_owned(),
            _ => format!("{found} are given"),
        };
        Diagnostic::error(Code::MacroArguments, format!("`{name}` takes {wanted} argument{plural}"))
            .label(span, count)
            .label(item.name.span, "defined here")
    };
    for other in others {
        diagnostic =
            diagnostic.note(format!("it can also be called as `{}`", signature(&other.item)));
    }
    diagnostic.help(format!("call it as `{}`", signature(item)))
}

pub(super) fn recursion(chain: &[&str], call: Span, definition: Span) -> Diagnostic {
    let name = chain.last().copied().unwrap_or_default();
    Diagnostic::error(Code::MacroRecursion, format!("the macro `{name}` leads back to itself"))
        .label(call, format!("the uses are {}", chain.join(" > ")))
        .label(definition, "defined here")
        .help("use a loop in the macro, or a function: `fn` has a stack of its own")
}

pub(super) fn too_large(call: Span, most: usize) -> Diagnostic {
    Diagnostic::error(
        Code::MacroTooLarge,
        format!("the script's macros expand to more than {most} expressions and statements"),
    )
    .label(call, "in this use")
    .note("an argument is put wherever its parameter stands, and macros in macros multiply")
    .help("keep an argument in a variable of the macro: `let $x = x;`, or use a function: `fn`")
}

pub(super) fn too_deep(call: Span, limits: Depth) -> Diagnostic {
    let Depth { nesting, operators } = limits;
    Diagnostic::error(Code::MacroTooLarge, "this expands to something too deeply nested")
        .label(call, "in this use")
        .note(format!(
            "brackets and blocks stand at most {nesting} deep within each other, and operators {operators}"
        ))
        .help("keep parts in variables: `let $x = …;`")
}

pub(super) fn cast_to_value(param: &str, sign: &str, span: Span) -> Diagnostic {
    Diagnostic::error(Code::MacroArguments, format!("`({param})` reads as a cast, and `{param}` is a value here"))
        .label(span, "a type is needed in a cast")
        .help(format!(
            "to compute with it, leave out the parentheses: `{param} {sign} …`; for its type write `(typeof({param}))…`; to pass a type, call the macro with `typeof(…)`"
        ))
}

pub(super) fn unknown(name: &str, span: Span, near: &str) -> Diagnostic {
    Diagnostic::error(Code::UnknownName, format!("there is no function or macro `{name}()`"))
        .label(span, "unknown name")
        .suggest(span, near)
}
