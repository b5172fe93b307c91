//! Names of functions as the source of a program has them.

use cpp_demangle::{DemangleOptions, Symbol};

/// A language whose names are not what stands in the symbol table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// C++
    Cpp,
    /// Rust
    Rust,
}

/// A name in two forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Demangled {
    /// Without the types of the parameters.
    pub(super) plain: String,
    /// With them; the same where the language has one function for a name.
    pub(super) whole: String,
}

impl Language {
    /// All of them, with the words for them in attach points.
    pub(super) const ALL: [(&'static str, Language); 2] =
        [("cpp", Language::Cpp), ("rust", Language::Rust)];

    /// As attach points call it.
    pub(super) fn word(self) -> &'static str {
        Language::ALL.iter().find(|(_, language)| *language == self).map_or("", |(word, _)| word)
    }

    /// The name in the source, if it is one of this language.
    pub(super) fn demangle(self, symbol: &str) -> Option<Demangled> {
        match self {
            Language::Cpp => cpp(symbol),
            Language::Rust => rust(symbol),
        }
    }
}

fn cpp(symbol: &str) -> Option<Demangled> {
    // Rust's older names look like those of C++.
    if !symbol.starts_with("_Z") || rust(symbol).is_some() {
        return None;
    }
    let name = Symbol::new(symbol).ok()?;
    let options = DemangleOptions::new().no_return_type();
    let whole = name.demangle_with_options(&options).ok()?;
    let plain = name.demangle_with_options(&options.no_params()).ok()?;
    Some(Demangled { plain, whole })
}

fn rust(symbol: &str) -> Option<Demangled> {
    let name = rustc_demangle::try_demangle(symbol).ok()?;
    // Names of C++ end in no hash.
    let (short, long) = (format!("{name:#}"), name.to_string());
    let rust = symbol.starts_with("_R") || short != long;
    rust.then_some(Demangled { plain: short.clone(), whole: short })
}

/// The name in the source of any language, or the symbol itself.
pub(super) fn any(symbol: &str) -> Option<(Language, Demangled)> {
    let mut all = Language::ALL.into_iter();
    all.find_map(|(_, language)| Some((language, language.demangle(symbol)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_cpp_have_parameters() {
        let name = Language::Cpp.demangle("_ZN5store3getEPKc").expect("a name");
        assert_eq!(
            (name.plain.as_str(), name.whole.as_str()),
            ("store::get", "store::get(char const*)")
        );
        let name = Language::Cpp.demangle("_ZN2ns1fIiEEiT_").expect("a name");
        assert_eq!((name.plain.as_str(), name.whole.as_str()), ("ns::f<int>", "ns::f<int>(int)"));
        assert_eq!(Language::Cpp.demangle("main"), None);
    }

    #[test]
    fn names_of_rust_lose_their_hash() {
        let older = "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE";
        assert_eq!(
            Language::Rust.demangle(older).expect("a name").plain,
            "core::fmt::Formatter::pad"
        );
        assert_eq!(Language::Cpp.demangle(older), None);
        let newer = "_RNvCskwGfYPst2Cb_3foo16example_function";
        assert_eq!(any(newer).expect("a name").1.plain, "foo::example_function");
        assert_eq!(Language::Rust.demangle("_ZN5store3getEPKc"), None);
    }
}
