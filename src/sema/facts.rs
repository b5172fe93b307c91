//! What is known about the types of variables and maps.
//!
//! The checker walks the whole script with the facts of its last walk and collects new ones, until nothing changes:
//! so a map can be read above the place where it is written. Types only ever widen, so this ends.

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::source::Span;
use crate::types::{Aggregate, Type, TypeId, Types};

/// The type of a place that values are put into, and the first value's place in the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Joined over all values.
    pub(crate) ty: TypeId,
    /// Only non-negative integer literals so far: takes on the sign of the first other value.
    pub(crate) flexible: bool,
    /// Where the first value stands.
    pub(crate) span: Span,
}

/// What is known about a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MapFact {
    /// `Some(None)` for a scalar map.
    pub(crate) key: Option<Vec<Slot>>,
    /// Where it was first used.
    pub(crate) span: Span,
    /// `None` until something is assigned.
    pub(crate) value: Option<Slot>,
}

/// Identifies a variable: the probe, and where the script first assigns it.
pub(crate) type VariableKey = (usize, Span);

/// All that is known after a walk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// By name without sigil, in order of appearance.
    pub(crate) maps: IndexMap<String, MapFact>,
    /// Variables that were assigned.
    pub(crate) variables: HashMap<VariableKey, Slot>,
}

/// How two types that meet in one place are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joined {
    /// Both fit this type.
    Fits { ty: TypeId, flexible: bool },
    /// Both fit this type unless they are very large or negative.
    Mixed { ty: TypeId },
    /// No type holds both.
    Clash,
}

/// Joins two types; a flexible one is that of a non-negative literal.
pub(crate) fn join(types: &mut Types, a: (TypeId, bool), b: (TypeId, bool)) -> Joined {
    let fits = |ty, flexible| Joined::Fits { ty, flexible };
    if a.0 == b.0 {
        return fits(a.0, a.1 && b.1);
    }
    match (types.get(a.0).clone(), types.get(b.0).clone()) {
        (Type::Unknown, _) => fits(b.0, b.1),
        (_, Type::Unknown) => fits(a.0, a.1),
        (
            Type::Int { bits: bits_a, signed: signed_a },
            Type::Int { bits: bits_b, signed: signed_b },
        ) => {
            let bits = bits_a.max(bits_b);
            match (a.1, b.1) {
                _ if signed_a == signed_b => fits(TypeId::int(bits, signed_a), a.1 && b.1),
                (true, _) => fits(TypeId::int(bits, signed_b), false),
                (_, true) => fits(TypeId::int(bits, signed_a), false),
                _ => join_signs(if signed_a { (bits_a, bits_b) } else { (bits_b, bits_a) }),
            }
        }
        (Type::Str(size_a), Type::Str(size_b)) => fits(types.string(size_a.max(size_b)), false),
        (Type::Tuple(left), Type::Tuple(right)) if left.len() == right.len() => {
            let mut elements = Vec::with_capacity(left.len());
            for (&left, &right) in left.iter().zip(&right) {
                match join(types, (left, false), (right, false)) {
                    Joined::Fits { ty, .. } | Joined::Mixed { ty } => elements.push(ty),
                    Joined::Clash => return Joined::Clash,
                }
            }
            fits(types.intern(Type::Tuple(elements)), false)
        }
        (Type::Aggregate(left), Type::Aggregate(right)) => match join_aggregates(left, right) {
            Some(both) => fits(types.intern(Type::Aggregate(both)), false),
            None => Joined::Clash,
        },
        _ => Joined::Clash,
    }
}

/// The aggregation that takes the numbers of both, if one can: signs may differ, parameters may not.
fn join_aggregates(a: Aggregate, b: Aggregate) -> Option<Aggregate> {
    use Aggregate as Agg;
    match (a, b) {
        (Agg::Sum { signed: a }, Agg::Sum { signed: b }) => Some(Agg::Sum { signed: a || b }),
        (Agg::Min { signed: a }, Agg::Min { signed: b }) => Some(Agg::Min { signed: a || b }),
        (Agg::Max { signed: a }, Agg::Max { signed: b }) => Some(Agg::Max { signed: a || b }),
        (Agg::Avg { signed: a }, Agg::Avg { signed: b }) => Some(Agg::Avg { signed: a || b }),
        _ => (a == b).then_some(a),
    }
}

/// A signed and an unsigned integer: the signed one where it is wider, else the next wider signed one.
fn join_signs((signed, unsigned): (u8, u8)) -> Joined {
    if signed > unsigned {
        return Joined::Fits { ty: TypeId::int(signed, true), flexible: false };
    }
    Joined::Mixed { ty: TypeId::int(unsigned.saturating_mul(2).min(64), true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(a: (TypeId, bool), b: (TypeId, bool)) -> Joined {
        join(&mut Types::new(), a, b)
    }

    #[test]
    fn literals_take_the_other_sign() {
        let fits = |ty| Joined::Fits { ty, flexible: false };
        assert_eq!(joined((TypeId::I8, true), (TypeId::U64, false)), fits(TypeId::U64));
        assert_eq!(joined((TypeId::I16, true), (TypeId::U8, false)), fits(TypeId::U16));
        assert_eq!(
            joined((TypeId::I8, true), (TypeId::I32, true)),
            Joined::Fits { ty: TypeId::I32, flexible: true }
        );
    }

    #[test]
    fn mixed_signs_widen_up_to_64_bits() {
        assert_eq!(
            joined((TypeId::I64, false), (TypeId::U32, false)),
            Joined::Fits { ty: TypeId::I64, flexible: false }
        );
        assert_eq!(
            joined((TypeId::I8, false), (TypeId::U32, false)),
            Joined::Mixed { ty: TypeId::I64 }
        );
        assert_eq!(
            joined((TypeId::I8, false), (TypeId::U64, false)),
            Joined::Mixed { ty: TypeId::I64 }
        );
        assert_eq!(joined((TypeId::BOOL, false), (TypeId::U8, false)), Joined::Clash);
    }
}
