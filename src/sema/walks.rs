//! Walking through a script until the types of its variables and maps are known.

use super::facts::Facts;
use super::probe;
use crate::diagnostic::Diagnostics;
use crate::expand::object::Object;
use crate::host::Host;
use crate::ir::Program;
use crate::options::Options;
use crate::syntax::ast::Script;
use crate::types::{Types, c};

/// Walks after which the types no longer widen, whatever the script: each walk but the last widens at least one of
/// them, and a chain of assignments as long as this is no script.
const MOST_WALKS: usize = 256;

/// What all walks have.
pub(super) struct Walks<'a> {
    pub(super) declared: &'a c::Declared,
    pub(super) objects: &'a [Object],
    pub(super) host: &'a dyn Host,
    pub(super) options: &'a Options,
}

impl Walks<'_> {
    /// Walks until nothing new is learnt; what is given counts more, whatever the script says.
    pub(super) fn settle(
        &self,
        script: &Script,
        mut types: Types,
        mut facts: Facts,
        given: Option<&Facts>,
    ) -> (Program, Diagnostics, Facts) {
        let mut walks = 0;
        loop {
            let joined = given.map(|given| facts.clone().given(given));
            let known = joined.as_ref().unwrap_or(&facts);
            let context = (self.declared, self.objects);
            let (program, complaints, found) =
                probe::walk(script, context, self.host, self.options, types, known);
            walks += 1;
            if found == facts || walks > MOST_WALKS {
                return (program, complaints, found);
            }
            types = program.types;
            facts = found;
        }
    }
}
