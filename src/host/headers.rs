//! Headers that scripts include, as a C compiler reads them, and what it says of C that is wrong.

use std::path::PathBuf;
use std::rc::Rc;

use super::btf::Btf;

/// What is to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Lines of the preprocessor in their order.
    pub text: String,
    /// Where headers in quotation marks are looked for first.
    pub folder: PathBuf,
    /// Where else headers are looked for.
    pub folders: Vec<PathBuf>,
    /// Headers that are included before the text.
    pub first: Vec<String>,
    /// Names that are defined.
    pub defines: Vec<&'static str>,
}

/// What headers define.
#[derive(Debug, Clone)]
pub struct Headers {
    /// Structs, unions, enums and typedefs.
    pub types: Rc<Btf>,
    /// The `#define`s.
    pub macros: Vec<Define>,
}

/// A `#define` of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Define {
    /// Its name.
    pub name: String,
    /// What it stands for.
    pub text: String,
    /// Takes parameters.
    pub parameters: bool,
}

/// Why C could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// There is no compiler to read it: the reason, without a full stop.
    NoCompiler(String),
    /// The compiler refuses it.
    Wrong(Vec<Complaint>),
}

/// What the compiler says is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Its words.
    pub message: String,
    /// Line of the text that is wrong or includes what is, from 1; `None` for a header that is read first.
    pub line: Option<u32>,
    /// The place in another file: `linux/fs.h:12:3`.
    pub within: Option<String>,
}
