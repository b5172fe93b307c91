//! The wording of what the checker complains of.

use crate::builtin::Builtin;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// With a number after it, what an argument on the stack was called once.
const STACK_ARGUMENT: &str = "sarg";

/// A name that is no builtin.
pub(crate) fn unknown_name<'a>(
    span: Span,
    name: &str,
    called: bool,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let what = if called { "function" } else { "builtin" };
    let parentheses = if called { "()" } else { "" };
    let diagnostic =
        Diagnostic::error(Code::UnknownName, format!("there is no {what} `{name}{parentheses}`"))
            .label(span, "unknown name")
            .suggest_nearest(span, name, candidates);
    if name.strip_prefix(STACK_ARGUMENT).is_some_and(|rest| rest.parse::<u32>().is_ok()) {
        return diagnostic
            .note("the language no longer has names for the arguments on the stack")
            .help("those in registers are `arg0` to `arg5`");
    }
    if diagnostic.suggestion.is_some() || called {
        return diagnostic;
    }
    if crate::types::name::all().any(|known| known == name) {
        return diagnostic.help(format!(
            "`{name}` is a type: its size is `sizeof({name})`, and `({name})$x` is a cast to it"
        ));
    }
    diagnostic
        .help(format!("for a variable write `${name}`, for a map `@{name}`, for text `\"{name}\"`"))
}

/// A variable that does not exist here; `known` are those that do.
pub(crate) fn unknown_variable<'a>(
    span: Span,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    elsewhere: Option<Span>,
) -> Diagnostic {
    let mut diagnostic =
        Diagnostic::error(Code::UnknownVariable, format!("`${name}` is not assigned before this"))
            .label(span, "nothing was assigned to it here");
    if let Some(elsewhere) = elsewhere {
        return diagnostic
            .label(elsewhere, "this one ends with its block")
            .help(format!("assign `${name}` before that block to use it here too"));
    }
    let dollar = crate::diagnostic::nearest(name, known).map(|near| format!("${near}"));
    diagnostic = match dollar {
        Some(near) => diagnostic.suggest(span, near),
        None => diagnostic
            .help(format!("assign it first, as in `${name} = 0;`, or keep it in a map: `@{name}`")),
    };
    diagnostic
}

/// A map that is read and never written.
pub(crate) fn unknown_map<'a>(
    span: Span,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(Code::UnknownMap, format!("nothing is ever assigned to `@{name}`"))
            .label(span, "so it has no type");
    match crate::diagnostic::nearest(name, known) {
        Some(near) => diagnostic.suggest(span, format!("@{near}")),
        None => diagnostic.help(format!("assign to it in some probe, as in `@{name} = count();`")),
    }
}

/// A place that holds one type and is given another.
pub(crate) fn type_clash(name: &str, old: (&str, Span), new: (&str, Span)) -> Diagnostic {
    let second = if name.starts_with('@') { "map" } else { "variable" };
    if old.0 == new.0 {
        return Diagnostic::error(
            Code::TypeClash,
            format!(
                "all that is added to `{name}` must have the same arguments but for the number"
            ),
        )
        .label(new.1, "this differs")
        .label(old.1, "from this")
        .help(format!("use a second {second}, or make both the same"));
    }
    Diagnostic::error(
        Code::TypeClash,
        format!("`{name}` holds `{}`, so it cannot take `{}`", old.0, new.0),
    )
    .label(new.1, format!("this is `{}`", new.0))
    .label(old.1, format!("`{name}` became `{}` here", old.0))
    .help(format!("use a second {second}, or make both the same type"))
}

/// Integers of two signs in one place.
pub(crate) fn mixed_signs(old: (&str, Span), new: (&str, Span), wide: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::MixedSigns,
        format!("`{}` and `{}` meet here and become `{wide}`", old.0, new.0),
    )
    .label(new.1, format!("this is `{}`", new.0))
    .label(old.1, format!("this is `{}`", old.0))
    .help("cast one of them to say what is meant, as in `(int64)…`; a very large `uint64` becomes negative")
}

/// A number that is cut to a declared type at run time.
pub(crate) fn cut(place: (&str, Span), value: (&str, Span)) -> Diagnostic {
    Diagnostic::warning(Code::Narrowed, format!("`{}` does not hold every `{}`", place.0, value.0))
        .label(value.1, format!("this is `{}`", value.0))
        .label(place.1, format!("`{}` here", place.0))
        .help(format!("write `({})` before the value to say that it is meant", place.0))
}

/// A literal that a declared type does not hold.
pub(crate) fn does_not_fit(place: (&str, Span), value: (i128, Span)) -> Diagnostic {
    Diagnostic::error(Code::TypeClash, format!("`{}` does not hold {}", place.0, value.0))
        .label(value.1, "this number")
        .label(place.1, format!("`{}` here", place.0))
        .help("declare a wider type, or cast the number to say which bits are meant")
}

/// A key of another type than the map's.
pub(crate) fn key_type_clash(name: &str, old: (&str, Span), new: (&str, Span)) -> Diagnostic {
    Diagnostic::error(
        Code::TypeClash,
        format!("the key of `@{name}` is `{}`, so it cannot be `{}`", old.0, new.0),
    )
    .label(new.1, format!("this is `{}`", new.0))
    .label(old.1, format!("the key became `{}` here", old.0))
    .help("use a second map, or the same kind of key in both places")
}

/// A map used with different numbers of keys.
pub(crate) fn key_clash(
    name: &str,
    old: (Option<usize>, Span),
    new: (Option<usize>, Span),
) -> Diagnostic {
    let describe = |keys: Option<usize>| match keys {
        None => "no key".to_owned(),
        Some(1) => "one key".to_owned(),
        Some(keys) => format!("{keys} keys"),
    };
    let (old_keys, new_keys) = (describe(old.0), describe(new.0));
    Diagnostic::error(
        Code::KeyClash,
        format!("`@{name}` has {old_keys}, so it cannot be used with {new_keys}"),
    )
    .label(new.1, format!("{new_keys} here"))
    .label(old.1, format!("{old_keys} here"))
    .help(match (old.0, new.0) {
        (Some(_), None) => format!("name the key, as in `@{name}[comm]`, or use a second map"),
        _ => "use the same keys everywhere, or a second map".to_owned(),
    })
}

/// An operator that does not apply to these types.
pub(crate) fn bad_operands(
    op: &str,
    op_span: Span,
    left: (&str, Span),
    right: (&str, Span),
) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        Code::BadOperand,
        format!("`{op}` does not apply to `{}` and `{}`", left.0, right.0),
    )
    .label(op_span, "these cannot be combined")
    .label(left.1, format!("`{}`", left.0))
    .label(right.1, format!("`{}`", right.0));
    let strings = left.0.starts_with("string") && right.0.starts_with("string");
    let one_string = left.0.starts_with("string") != right.0.starts_with("string");
    if strings {
        return diagnostic.help(
            "strings can be compared with `==` and `!=`; only literals can be joined with `+`",
        );
    }
    if one_string && matches!(op, "==" | "!=") {
        return diagnostic.help("compare text with text: an address is read as text by `str(…)`");
    }
    let either = |test: fn(&str) -> bool| test(left.0) || test(right.0);
    diagnostic.help(if either(|name| name.starts_with("struct ") || name.starts_with("union ")) {
        "compare or add fields of it: `.x`"
    } else if either(|name| name.starts_with("record ")) {
        "records with the same fields can be compared with `==` and `!=`"
    } else if either(|name| name.starts_with('(')) {
        "tuples with the same number of elements of the same kinds can be compared with `==` and `!=`"
    } else if either(|name| name.ends_with(']') && !name.starts_with("string")) {
        "arrays of the same length can be compared with `==` and `!=`"
    } else {
        "arithmetic and comparison are for integers; addresses take an integer on the right"
    })
}

/// An operator with one operand of a type that it does not apply to.
pub(crate) fn bad_operand(op: &str, span: Span, found: &str) -> Diagnostic {
    let help = match (op, found) {
        (_, "bool") => "a bool is a number after a cast: `(int64)…`".to_owned(),
        ("!", _) if found.starts_with("string") => {
            "to ask whether text is empty, compare it: `$s == \"\"`".to_owned()
        }
        ("!", _) if found.ends_with('*') => "compare the address: `p == 0`".to_owned(),
        _ if found.ends_with('*') => {
            format!("to compute with the number of an address, cast it: `{op}(uint64)p`")
        }
        ("++" | "--", _) if found.ends_with("_t") => {
            "only the function that made it adds to it; use a second map".to_owned()
        }
        _ if found.ends_with("_t") => "cast it to the number that it is now: `(int64)…`".to_owned(),
        _ => "it applies to integers".to_owned(),
    };
    Diagnostic::error(Code::BadOperand, format!("`{op}` does not apply to `{found}`"))
        .label(span, format!("this is `{found}`"))
        .help(help)
}

/// Something that is no condition.
pub(crate) fn bad_condition(span: Span, found: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code::BadCondition, format!("`{found}` is not a condition"))
        .label(span, format!("this is `{found}`"));
    if found.starts_with("string") {
        return diagnostic.help("compare it with something: `comm == \"bash\"`");
    }
    diagnostic
        .help("a condition is a bool, an integer or an address; compare anything else: `@x > 0`")
}

/// A value where there is none, or one that cannot be used so.
pub(crate) fn bad_value(span: Span, found: &str, use_: &str) -> Diagnostic {
    if found == "void" {
        return Diagnostic::error(Code::BadValue, format!("what has no value cannot be {use_}"))
            .label(span, "this only does something");
    }
    Diagnostic::error(Code::BadValue, format!("`{found}` cannot be {use_}"))
        .label(span, format!("this is `{found}`"))
}

/// So many arguments.
pub(crate) fn counted(arguments: usize) -> String {
    match arguments {
        0 => "no arguments".to_owned(),
        1 => "1 argument".to_owned(),
        more => format!("{more} arguments"),
    }
}

/// The wrong number of arguments.
pub(crate) fn call_arity(span: Span, builtin: &Builtin, found: usize) -> Diagnostic {
    let (least, most) = builtin.arity();
    let plural = counted;
    let wants = match most {
        Some(most) if most == least => plural(least),
        Some(most) => format!("{least} to {}", plural(most)),
        None => format!("at least {}", plural(least)),
    };
    Diagnostic::error(Code::CallArity, format!("`{}()` takes {wants}, not {found}", builtin.name))
        .label(span, format!("{} here", plural(found)))
        .help(format!("it is called as `{}`", builtin.signature()))
}

/// An argument of the wrong kind.
pub(crate) fn bad_argument(span: Span, builtin: &Builtin, wants: &str, found: &str) -> Diagnostic {
    Diagnostic::error(
        Code::BadArgument,
        format!("`{}()` wants {wants} here, not {found}", builtin.name),
    )
    .label(span, format!("this is {found}"))
    .help(format!("it is called as `{}`", builtin.signature()))
}

/// A builtin that means nothing in this probe.
pub(crate) fn not_here(
    span: Span,
    name: &str,
    builtin: &Builtin,
    kind: &crate::probe::Kind,
) -> Diagnostic {
    let kinds: Vec<&str> = crate::probe::kinds()
        .filter(|kind| builtin.allowed_in(kind.context))
        .map(|kind| kind.name)
        .collect();
    let (place, none) = match crate::probe::find(kind.name) {
        Some(_) => {
            let article = if kind.name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
            let probe = format!("{article} `{}` probe", kind.name);
            let none = match builtin.result {
                "" => "not possible here".to_owned(),
                _ => format!("{probe} has none"),
            };
            (probe, none)
        }
        None => ("a function".to_owned(), "pass it as an argument".to_owned()),
    };
    let diagnostic = Diagnostic::error(Code::NotHere, format!("`{name}` means nothing in {place}"))
        .label(span, none)
        .help(format!("it can be used in {} probes", kinds.join(", ")));
    if builtin.instead.is_empty() { diagnostic } else { diagnostic.help(builtin.instead) }
}

pub(super) fn loose_type(span: Span) -> Diagnostic {
    Diagnostic::error(Code::TypeArgument, "a type can be passed to macros only")
        .label(span, "a value is needed here")
        .help("for its size write `sizeof(…)`; for a value of the type, a cast: `(uint32)$x`")
}
