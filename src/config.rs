//! The `config` block: options that a script sets for itself. What the environment sets counts more.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Edit, nearest};
use crate::options::{self, Entry, Named, Options, Renaming};
use crate::source::Span;
use crate::syntax::ast::{Config, ConfigEntry, Item, Script};

/// Sets the options of the script's `config` block, and says what is wrong with it.
pub fn apply(script: &Script, options: &mut Options) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let mut blocks = script.items.iter().filter_map(|item| match item {
        Item::Config(config) => Some(config),
        _ => None,
    });
    let Some(first) = blocks.next() else { return diagnostics };
    for second in blocks {
        diagnostics.push(
            Diagnostic::error(Code::OptionTwice, "a script has one `config` block")
                .label(second.span, "a second one")
                .label(first.span, "the first one")
                .help("move the entries of one into the other"),
        );
    }
    block(first, options, &mut diagnostics);
    diagnostics
}

fn block(config: &Config, options: &mut Options, diagnostics: &mut Diagnostics) {
    let mut seen: Vec<(String, Span)> = Vec::new();
    for entry in &config.entries {
        let name = current_name(&entry.key.node);
        match seen.iter().find(|(earlier, _)| *earlier == name) {
            Some((_, first)) => diagnostics.push(set_twice(entry, &name, *first)),
            None => seen.push((name, entry.key.span)),
        }
        set(entry, options, diagnostics);
    }
}

/// The name by which an option is known now.
fn current_name(written: &str) -> String {
    match options::find(written) {
        Some(Named::Option(entry)) => entry.name.to_owned(),
        Some(Named::Renamed(renaming)) => renaming.is.to_owned(),
        _ => options::plain_name(written),
    }
}

fn set_twice(entry: &ConfigEntry, name: &str, first: Span) -> Diagnostic {
    Diagnostic::error(Code::OptionTwice, format!("`{name}` is set twice"))
        .label(entry.key.span, "set again")
        .label(first, "first here")
        .help("remove one of them")
}

fn set(entry: &ConfigEntry, options: &mut Options, diagnostics: &mut Diagnostics) {
    let (key, value) = (&entry.key, &entry.value);
    match options::find(&key.node) {
        Some(Named::Option(option)) => assign(entry, option, &value.node, options, diagnostics),
        Some(Named::Renamed(renaming)) => {
            diagnostics.push(renamed(entry, renaming));
            let value = renaming.value(&value.node);
            assign(entry, renaming.entry(), value, options, diagnostics);
        }
        Some(Named::WithoutEffect) => {
            diagnostics.push(
                Diagnostic::warning(Code::OptionIgnored, format!("`{}` has no effect", key.node))
                    .label(key.span, "nothing depends on it")
                    .help("remove it"),
            );
        }
        Some(Named::EnvironmentOnly) => {
            let variable = options::variable(&options::plain_name(&key.node));
            let headline = format!("`{}` can only be set in the environment", key.node);
            diagnostics.push(
                Diagnostic::error(Code::UnknownOption, headline)
                    .label(key.span, "not an option of a script")
                    .help(format!("write `{variable}={} ebtrace …` in the shell", value.node)),
            );
        }
        None => diagnostics.push(unknown(&entry.key.node, entry.key.span)),
    }
}

/// An option that there is not.
pub(crate) fn unknown(name: &str, span: Span) -> Diagnostic {
    let known = || options::ENTRIES.iter().map(|option| option.name);
    let diagnostic = Diagnostic::error(Code::UnknownOption, format!("there is no option `{name}`"))
        .label(span, "unknown option");
    match nearest(&options::plain_name(name), known()) {
        Some(near) => diagnostic.suggest(span, near),
        None => {
            let known: Vec<&str> = known().collect();
            diagnostic.help(format!("options are {}", known.join(", ")))
        }
    }
}

/// Gives an option its value. One that the environment has set keeps what it has, but is checked all the same.
fn assign(
    entry: &ConfigEntry,
    option: &Entry,
    value: &str,
    options: &mut Options,
    diagnostics: &mut Diagnostics,
) {
    let result = match options.is_fixed(option) {
        true => options.clone().set(option, value),
        false => options.set(option, value),
    };
    if result.is_err() {
        diagnostics.push(bad_value(entry, option));
    }
}

fn bad_value(entry: &ConfigEntry, option: &Entry) -> Diagnostic {
    let value = &entry.value;
    let label = match option.words() {
        [] => "not such a number",
        _ => "none of these",
    };
    let diagnostic = Diagnostic::error(
        Code::BadOptionValue,
        format!("`{}` wants {}", option.name, option.wants()),
    )
    .label(value.span, label);
    match nearest(&value.node, option.words().iter().copied()) {
        Some(word) => diagnostic.suggest(value.span, written(word)),
        None => diagnostic.help(format!("without this entry it is `{}`", option.default)),
    }
}

/// A value as a `config` block has it.
fn written(word: &str) -> String {
    let bare = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if bare { word.to_owned() } else { format!("\"{word}\"") }
}

fn renamed(entry: &ConfigEntry, renaming: &Renaming) -> Diagnostic {
    let (was, is) = (&entry.key.node, renaming.is);
    let (headline, edit) = match renaming.inverted {
        false => (
            format!("`{was}` is called `{is}` now"),
            Edit { span: entry.key.span, text: is.to_owned() },
        ),
        true => (
            format!("`{was}` is called `{is}` now, and says the opposite"),
            Edit {
                span: entry.key.span.to(entry.value.span),
                text: format!("{is} = {}", renaming.value(&entry.value.node)),
            },
        ),
    };
    let mut diagnostic = Diagnostic::warning(Code::OptionRenamed, headline)
        .label(edit.span, format!("taken as `{}`", edit.text))
        .help(format!("write `{}`", edit.text));
    diagnostic.suggestion = Some(edit);
    diagnostic
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;
    use crate::syntax;

    fn applied(text: &str, options: &mut Options) -> Vec<Code> {
        let mut sources = Sources::new();
        let file = sources.add("x.bt", text.to_owned());
        let (script, found) = syntax::parse(&sources, file);
        assert!(!found.has_errors(), "{text}");
        apply(&script, options).iter().map(|diagnostic| diagnostic.code).collect()
    }

    #[test]
    fn a_script_sets_options() {
        let mut options = Options::default();
        let text = "config = { BPFTRACE_MAX_STRLEN = 0x40; print_maps_on_exit = off; license = \"Dual BSD/GPL\"; \
                    missing_probes = warn; str_trunc_trailer = \"…\" };";
        assert_eq!(applied(text, &mut options), []);
        assert_eq!((options.settings.max_strlen, options.settings.print_maps_on_exit), (64, false));
        assert_eq!(
            (options.license, options.settings.truncation_trailer.as_str()),
            ("Dual BSD/GPL", "…")
        );
    }

    #[test]
    fn the_environment_counts_more() {
        let mut options = Options::default();
        let entry = options::entry("max_strlen").expect("an option");
        options.fix(entry, "32").expect("a number");
        assert_eq!(applied("config = { max_strlen = 64 }", &mut options), []);
        assert_eq!(options.settings.max_strlen, 32);
        assert_eq!(applied("config = { max_strlen = a }", &mut options), [Code::BadOptionValue]);
    }

    #[test]
    fn the_opposite_of_what_was_said_is_what_was_meant() {
        let mut options = Options::default();
        assert_eq!(
            applied("config = { no_cpp_demangle = 1 }", &mut options),
            [Code::OptionRenamed]
        );
        assert!(!options.settings.symbols.demangle);
        applied("config = { no_cpp_demangle = false }", &mut options);
        assert!(options.settings.symbols.demangle);
    }
}
