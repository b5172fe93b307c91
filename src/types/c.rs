//! C in a script: definitions of structs, unions, enums and typedefs, and the preprocessor's lines.
//!
//! Layouts are those of gcc and clang on 64-bit Linux. No compiler is needed for this; only a script that includes a
//! header takes libclang's help.

mod declaration;
mod declarator;
mod error;
mod expression;
mod include;
mod layout;
mod macros;
mod specifier;
mod token;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

pub use include::{Included, include};
pub use macros::{Macro, Macros};

use self::declaration::Reader;
use self::expression::Cursor;
use self::macros::Preprocessor;
use self::token::{Kind, Token};
use super::Types;
use crate::diagnostic::Diagnostics;
use crate::host::{Arch, Feature, Host};
use crate::source::{FileId, Span};
use crate::syntax::ast::{CText, Item, Script};

/// What the C of a script says, beside the types.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// Its `#define`s, those of headers among them.
    pub macros: Macros,
    /// The text of those that headers define.
    pub headers: Option<FileId>,
    /// Where types are defined, by their names as in [`Types::named`].
    pub places: HashMap<String, Span>,
}

/// Reads the C of a script into the tables of types; headers were read before.
pub fn declare(
    script: &Script,
    included: Option<&Included>,
    host: &dyn Host,
    types: &mut Types,
) -> (Declared, Diagnostics) {
    let pieces = pieces(script);
    let mut preprocessor = Preprocessor::new(&predefined(host));
    if let Some(included) = included {
        types.set_headers(Rc::clone(&included.types));
        preprocessor.piece(&included.text, included.span);
    }
    for piece in &pieces {
        preprocessor.piece(&piece.text, piece.span);
    }
    preprocessor.finish();
    let headers = included.map(|included| included.span.file);
    let Some(last) = pieces.last() else {
        let macros = preprocessor.macros;
        return (Declared { macros, headers, places: HashMap::new() }, preprocessor.diagnostics);
    };
    let mut reader = Reader {
        types,
        host,
        diagnostics: std::mem::take(&mut preprocessor.diagnostics),
        upcoming: upcoming(&preprocessor.tokens),
        defines: preprocessor.macros.names().map(str::to_owned).collect(),
        typedef_alignments: HashMap::new(),
        places: HashMap::new(),
    };
    let end = Span { start: last.span.end.saturating_sub(1), ..last.span };
    reader.all(&mut Cursor::new(&preprocessor.tokens, end));
    let (diagnostics, places) = (reader.diagnostics, reader.places);
    (Declared { macros: preprocessor.macros, headers, places }, diagnostics)
}

fn pieces(script: &Script) -> Vec<&CText> {
    let pieces = script.items.iter().filter_map(|item| match item {
        Item::C(piece) => Some(piece),
        _ => None,
    });
    pieces.collect()
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
