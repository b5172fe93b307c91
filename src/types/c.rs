//! C in a script: definitions of structs, unions, enums and typedefs, and the preprocessor's lines.
//!
//! Layouts are those of gcc and clang on 64-bit Linux. No compiler is needed for this; only a script that includes a
//! header takes libclang's help.

mod declaration;
mod declarator;
mod error;
mod expression;
mod layout;
mod macros;
mod specifier;
mod token;

use std::collections::{HashMap, HashSet};

pub use macros::{Macro, Macros};

use self::declaration::Reader;
use self::expression::Cursor;
use self::macros::Preprocessor;
use self::token::{Kind, Token};
use super::Types;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::host::{Arch, Feature, Host};
use crate::source::Span;
use crate::syntax::ast::{CText, Item, Script};

/// What the C of a script says, beside the types.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// Its `#define`s.
    pub macros: Macros,
    /// Where types are defined, by their names as in [`Types::named`].
    pub places: HashMap<String, Span>,
}

/// Reads the C of a script into the tables of types.
pub fn declare(script: &Script, host: &dyn Host, types: &mut Types) -> (Declared, Diagnostics) {
    let pieces: Vec<&CText> = script
        .items
        .iter()
        .filter_map(|item| match item {
            Item::C(piece) => Some(piece),
            _ => None,
        })
        .collect();
    let Some(last) = pieces.last() else { return (Declared::default(), Diagnostics::new()) };
    let mut preprocessor = Preprocessor::new(&predefined(host));
    for piece in &pieces {
        preprocessor.piece(&piece.text, piece.span);
    }
    preprocessor.finish();
    let mut reader = Reader {
        types,
        host,
        diagnostics: std::mem::take(&mut preprocessor.diagnostics),
        upcoming: upcoming(&preprocessor.tokens),
        typedef_alignments: HashMap::new(),
        places: HashMap::new(),
    };
    let end = Span { start: last.span.end.saturating_sub(1), ..last.span };
    reader.all(&mut Cursor::new(&preprocessor.tokens, end));
    let (mut diagnostics, places) = (reader.diagnostics, reader.places);
    for include in &preprocessor.includes {
        diagnostics.push(
            Diagnostic::error(Code::BadInclude, format!("{} cannot be read", include.name))
                .label(include.span, "no compiler to read it"),
        );
    }
    (Declared { macros: preprocessor.macros, places }, diagnostics)
}

/// What is defined before the first line.
fn predefined(host: &dyn Host) -> Vec<&'static str> {
    let mut names = vec!["__linux__", "__LP64__"];
    names.push(match host.arch() {
        Arch::X86_64 => "__x86_64__",
        Arch::Aarch64 => "__aarch64__",
    });
    if host.has(Feature::Btf) {
        names.extend(["BPFTRACE_HAVE_BTF", "_LINUX_TYPES_H"]);
    }
    names
}

/// `struct pair` and its like that have a body.
fn upcoming(tokens: &[Token]) -> HashSet<String> {
    let tagged = tokens.windows(3).filter(|three| {
        matches!(three[0].text, "struct" | "union" | "enum")
            && three[1].kind == Kind::Word
            && (three[2].is("{") || three[2].is("__attribute__"))
    });
    tagged.map(|three| format!("{} {}", three[0].text, three[1].text)).collect()
}
