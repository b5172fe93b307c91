//! From the tree as it was written to a tree without imports and macros.
//!
//! A call of a macro becomes a copy of the macro's body, in which parameters are the arguments of the call. The
//! variables of the body get names that no script can write, so that they never meet the caller's. Each copy has
//! places in a text of its own ([`Sources::add_use`]), so that later stages tell the copies apart, and messages show
//! both where the macro stands and where it is used.

mod call;
mod definition;
mod error;
mod import;
pub mod object;
mod size;
pub mod stdlib;
mod substitute;

use std::collections::HashSet;
use std::rc::Rc;

use definition::{Definition, Table};
use object::Object;
use size::{Depth, Measure};
use stdlib::Library;

use crate::builtin;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::host::files::Files;
use crate::options::Options;
use crate::source::{FileId, Sources, Span};
use crate::syntax::ast::walk::Walk;
use crate::syntax::ast::{Expr, Item, Script, TypeExpr};
use crate::syntax::{MAX_NESTING, MAX_OPERATORS};

/// Statements and expressions that all macros of a script may make; the kernel takes a million instructions.
const MOST_NODES: usize = 100_000;

/// How deep what macros make may be: what a script itself may be, which every later stage's stack has room for.
const DEEPEST: Depth = Depth { nesting: MAX_NESTING, operators: MAX_OPERATORS };

/// Puts what a script imports in front of its own items; objects with BPF code come beside it.
pub fn import(
    script: Script,
    file: FileId,
    sources: &mut Sources,
    files: &dyn Files,
    options: &Options,
) -> (Script, Vec<Object>, Diagnostics) {
    import::resolve(script, file, sources, files, options)
}

/// Replaces all uses of macros. The tree is only meaningful where there are no errors.
pub fn expand(mut script: Script, sources: &mut Sources) -> (Script, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let table = Table::collect(&mut script, &mut diagnostics);
    let mut expander = Expander {
        sources,
        library: Library::default(),
        functions: functions(&script),
        table,
        diagnostics,
        frames: Vec::new(),
        nodes: 0,
        depth: Depth::default(),
        stopped: false,
    };
    for item in &mut script.items {
        match item {
            Item::Probe(probe) => {
                probe.predicate.iter_mut().for_each(|predicate| expander.expr(predicate));
                expander.block(&mut probe.body);
            }
            Item::Function(function) => {
                function.params.iter_mut().for_each(|(_, ty)| expander.ty(ty));
                expander.ty(&mut function.result);
                expander.block(&mut function.body);
            }
            Item::MapDecl(map) => expander.expr(&mut map.entries),
            Item::Macro(_) | Item::Config(_) | Item::Import(_) | Item::C(_) => {}
        }
    }
    (script, expander.diagnostics)
}

fn functions(script: &Script) -> HashSet<String> {
    let names = script.items.iter().filter_map(|item| match item {
        Item::Function(function) => Some(function.name.node.clone()),
        _ => None,
    });
    names.collect()
}

/// What a parameter stands for in one use.
#[derive(Debug)]
enum Binding {
    /// The caller's variable, without sigil.
    Variable(String),
    /// The caller's map, without sigil.
    Map(String),
    /// What is computed wherever the parameter stands.
    Expr(Expr, Measure),
    /// `typeof(T)`
    Type(TypeExpr, Measure),
}

/// A use of a macro that is being expanded.
#[derive(Debug)]
struct Frame {
    definition: Rc<Definition>,
    /// One for each parameter.
    bindings: Vec<Binding>,
    /// The text of this use.
    file: FileId,
    call: Span,
}

/// The walk through a script.
struct Expander<'a> {
    sources: &'a mut Sources,
    table: Table,
    library: Library,
    /// Names of the script's functions.
    functions: HashSet<String>,
    diagnostics: Diagnostics,
    /// Uses that the place at hand is in, outermost first.
    frames: Vec<Frame>,
    /// Made so far.
    nodes: usize,
    /// Of the place at hand.
    depth: Depth,
    /// Whether a limit was exceeded, after which nothing more is made.
    stopped: bool,
}

impl Expander<'_> {
    fn complain(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The macros that a name can mean here: the library knows only its own.
    fn definitions(&mut self, name: &str) -> Vec<Rc<Definition>> {
        let in_library = self.frames.last().is_some_and(|frame| frame.file.is_embedded());
        let own = if in_library { &[] } else { self.table.named(name) };
        if builtin::find(name).is_some() || (self.functions.contains(name) && !in_library) {
            return own.to_vec();
        }
        stdlib::beside(own, self.library.named(name, self.sources))
    }

    /// Counts what is made here, and how deep it reaches; false where that is too much.
    fn make(&mut self, nodes: usize, depth: Depth) -> bool {
        let Some(outermost) = self.frames.first() else { return true };
        let call = outermost.call;
        self.nodes += nodes;
        let depth = self.depth.plus(depth);
        let excess = if self.nodes > MOST_NODES {
            error::too_large(call, MOST_NODES)
        } else if depth.nesting > DEEPEST.nesting || depth.operators > DEEPEST.operators {
            error::too_deep(call, DEEPEST)
        } else {
            return true;
        };
        if !std::mem::replace(&mut self.stopped, true) {
            self.complain(excess);
        }
        false
    }

    /// The parameter of the macro at hand that has this name, if it takes any expression.
    fn parameter(&self, name: &str) -> Option<&Binding> {
        let frame = self.frames.last()?;
        let params = frame.definition.item.params.iter().zip(&frame.bindings);
        let mut values = params.filter(|(param, binding)| {
            param.name.node == name && matches!(binding, Binding::Expr(..) | Binding::Type(..))
        });
        values.next().map(|(_, binding)| binding)
    }
}
