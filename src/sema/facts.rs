//! What is known about the types of variables and maps.
//!
//! The checker walks the whole script with the facts of its last walk and collects new ones, until nothing changes:
//! so a map can be read above the place where it is written. Types only ever widen, so this ends.

use std::collections::{BTreeMap, HashMap, HashSet};

use indexmap::IndexMap;

use super::join::Flex;
use crate::builtin::Clock;
use crate::source::Span;
use crate::types::{Type, TypeId, Types};

/// The type of a place that values are put into, and the first value's place in the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Joined over all values.
    pub(crate) ty: TypeId,
    /// What takes on the sign of the first other value, because only non-negative integer literals were put there.
    pub(crate) flexible: Flex,
    /// Where the first value stands, or the declaration.
    pub(crate) span: Span,
    /// The type was declared, or something depends on it, and values no longer widen it.
    pub(crate) fixed: bool,
}

impl Slot {
    /// Of a declared type.
    pub(crate) fn fixed(ty: TypeId, span: Span) -> Slot {
        Slot { ty, flexible: Flex::default(), span, fixed: true }
    }
}

/// A value that is put into a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    /// Its type.
    pub(crate) ty: TypeId,
    /// Which of its integers are non-negative literals.
    pub(crate) flexible: Flex,
    /// The number, if it is a literal.
    pub(crate) number: Option<i128>,
    /// Its place in the script.
    pub(crate) span: Span,
}

impl<F: Into<Flex>> From<(TypeId, F, Span)> for Offer {
    fn from((ty, flexible, span): (TypeId, F, Span)) -> Offer {
        Offer { ty, flexible: flexible.into(), number: None, span }
    }
}

/// What is known about a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MapFact {
    /// `None` for a scalar map. Several keys are one tuple; unknown before a key's type is.
    pub(crate) key: Option<Slot>,
    /// Where it was first used.
    pub(crate) span: Span,
    /// What is assigned; `None` until something is.
    pub(crate) assigned: Option<Slot>,
    /// Where `++` or `--` counts in it, which takes 64 bits.
    pub(crate) stepped: Option<Span>,
}

impl MapFact {
    /// The type of its values.
    pub(crate) fn value(&self, types: &Types) -> Option<Slot> {
        let Some(span) = self.stepped else { return self.assigned };
        let Some(slot) = self.assigned else {
            return Some(Slot { ty: TypeId::I64, flexible: Flex::default(), span, fixed: false });
        };
        let ty = stepped(types, slot.ty).unwrap_or(slot.ty);
        Some(Slot { ty, flexible: Flex::default(), ..slot })
    }
}

/// What an integer becomes when it counts up or down: 64 bits, signed unless only an unsigned one holds it.
pub(crate) fn stepped(types: &Types, ty: TypeId) -> Option<TypeId> {
    match *types.get(ty) {
        Type::Int { bits: 64, signed } | Type::Enum { signed, .. } => Some(TypeId::int(64, signed)),
        Type::Int { .. } => Some(TypeId::I64),
        _ => None,
    }
}

/// Identifies a variable: the probe, and where the script first assigns it.
pub(crate) type VariableKey = (usize, Span);

/// A place that a time can be put into.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Timed {
    /// A variable.
    Variable(VariableKey),
    /// The values of a map, by its name without sigil.
    Map(String),
    /// Its keys.
    Key(String),
    /// A parameter of a function, by the function's name and its place among the parameters.
    Parameter(String, usize),
    /// What a function returns.
    Returned(String),
}

/// The clocks that times within a value were read from, by the numbers of elements that lead to them: none for a value
/// that is a time itself.
pub(crate) type Clocks = BTreeMap<Vec<usize>, Clock>;

/// The answer to somebody who asks for the type of what stands before the name of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The name, which no struct has.
    pub(crate) name: String,
    /// The type, and the probe that it was found in; `None` until it was.
    pub(crate) answer: Option<(TypeId, String)>,
}

/// All that is known after a walk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// By name without sigil, in order of appearance.
    pub(crate) maps: IndexMap<String, MapFact>,
    /// Variables that were assigned.
    pub(crate) variables: HashMap<VariableKey, Slot>,
    /// Places that times were put into, and the clocks that the first of them were read from.
    pub(crate) clocks: HashMap<Timed, Clocks>,
    /// Attach points, by number, whose code depends on the type of `args` of each of their targets.
    pub(crate) typed: HashSet<usize>,
    /// Attach points whose programs read registers other than those of arguments and results.
    pub(crate) registers: HashSet<usize>,
    /// There are probes whose bodies nobody read, because their attach points are wrong: what they assign is not known.
    pub(crate) unread: bool,
    /// What somebody wants to know.
    pub(crate) asked: Option<Asked>,
}

impl Facts {
    /// What is known of maps alone, which probes share.
    pub(super) fn of_maps(&self) -> Facts {
        let clocks = self.clocks.iter();
        let clocks = clocks.filter(|(timed, _)| matches!(timed, Timed::Map(_) | Timed::Key(_)));
        Facts {
            maps: self.maps.clone(),
            clocks: clocks.map(|(timed, clocks)| (timed.clone(), clocks.clone())).collect(),
            ..Facts::default()
        }
    }

    /// With what was given counting more.
    pub(super) fn given(mut self, given: &Facts) -> Facts {
        self.maps.extend(given.maps.iter().map(|(name, fact)| (name.clone(), fact.clone())));
        self.clocks
            .extend(given.clocks.iter().map(|(timed, clocks)| (timed.clone(), clocks.clone())));
        self
    }
}
