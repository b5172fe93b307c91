//! The type that holds the values of two types.

use crate::types::{Aggregate, Space, Type, TypeId, Types};

/// Arrays of more elements are not converted element by element.
pub(super) const MOST_CONVERTED: u32 = 64;

/// Which integers of a value are non-negative literals: these take on the sign of what they meet. Bit n stands for
/// the nth part that is neither tuple nor record, in order; of a tuple with more parts than bits the others are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flex(u64);

impl From<bool> for Flex {
    fn from(flexible: bool) -> Flex {
        Flex(u64::from(flexible))
    }
}

impl Flex {
    /// Of a whole that is put together from its parts, each with its number of leaves.
    pub(crate) fn of_parts(parts: impl IntoIterator<Item = (Flex, u32)>) -> Flex {
        let mut whole = 0;
        let mut at = 0u32;
        for (part, leaves) in parts {
            whole |= part.0.checked_shl(at).unwrap_or(0);
            at = at.saturating_add(leaves);
        }
        Flex(whole)
    }

    /// Of the part that starts after so many leaves.
    fn part(self, after: u32, leaves: u32) -> Flex {
        let mask = 1u64.checked_shl(leaves).map_or(u64::MAX, |bit| bit - 1);
        Flex(self.0.checked_shr(after).unwrap_or(0) & mask)
    }

    fn any(self) -> bool {
        self.0 != 0
    }
}

/// Number of parts of a value that are neither tuples nor records.
pub(crate) fn leaves(types: &Types, ty: TypeId) -> u32 {
    parts_of(types, ty)
        .map_or(1, |parts| parts.into_iter().map(|part| leaves(types, part)).sum::<u32>())
}

/// Types of a tuple's elements or a record's fields.
fn parts_of(types: &Types, ty: TypeId) -> Option<Vec<TypeId>> {
    match types.get(ty) {
        Type::Tuple(elements) => Some(elements.clone()),
        Type::Record(fields) => Some(crate::types::types_of(fields)),
        _ => None,
    }
}

/// How two types that meet in one place are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joined {
    /// Both fit this type.
    Fits { ty: TypeId, flexible: Flex },
    /// Both fit this type unless they are very large or negative.
    Mixed { ty: TypeId },
    /// No type holds both.
    Clash,
}

pub(super) type Side = (TypeId, Flex);

/// Joins two types, each with what in it is flexible. Where they are records, the first one's order of fields stays.
pub(crate) fn join(
    types: &mut Types,
    a: (TypeId, impl Into<Flex>),
    b: (TypeId, impl Into<Flex>),
) -> Joined {
    join_sides(types, (a.0, a.1.into()), (b.0, b.1.into()))
}

fn join_sides(types: &mut Types, a: Side, b: Side) -> Joined {
    let fits = |ty| Joined::Fits { ty, flexible: Flex::default() };
    if a.0 == b.0 {
        return Joined::Fits { ty: a.0, flexible: Flex(a.1.0 & b.1.0) };
    }
    match (types.get(a.0).clone(), types.get(b.0).clone()) {
        (Type::Unknown, _) => Joined::Fits { ty: b.0, flexible: b.1 },
        (_, Type::Unknown) => Joined::Fits { ty: a.0, flexible: a.1 },
        (Type::Int { .. } | Type::Enum { .. }, Type::Int { .. } | Type::Enum { .. }) => {
            join_ints(types, a, b)
        }
        (Type::Str(size_a), Type::Str(size_b)) => fits(types.string(size_a.max(size_b))),
        (Type::Buffer(room_a), Type::Buffer(room_b)) => {
            fits(types.intern(Type::Buffer(room_a.max(room_b))))
        }
        (Type::Pointer { .. }, Type::Pointer { .. }) if types.same_but_space(a.0, b.0) => {
            fits(types.respaced(a.0, Space::Unset))
        }
        (Type::Array { of: left, len }, Type::Array { of: right, len: other })
            if len == other && len <= MOST_CONVERTED =>
        {
            match join_sides(types, (left, Flex::default()), (right, Flex::default())) {
                Joined::Fits { ty: of, .. } => fits(types.intern(Type::Array { of, len })),
                Joined::Mixed { ty: of } => {
                    Joined::Mixed { ty: types.intern(Type::Array { of, len }) }
                }
                Joined::Clash => Joined::Clash,
            }
        }
        (Type::Tuple(left), Type::Tuple(right)) if left.len() == right.len() => {
            let pairs = sides(types, &left, a.1).into_iter().zip(sides(types, &right, b.1));
            join_parts(types, pairs.collect(), Type::Tuple)
        }
        (Type::Record(left), Type::Record(right)) if left.len() == right.len() => {
            let names: Vec<String> = left.iter().map(|(name, _)| name.clone()).collect();
            let left = sides(types, &crate::types::types_of(&left), a.1);
            let others = sides(types, &crate::types::types_of(&right), b.1);
            let other = |name: &String| right.iter().position(|(other, _)| other == name);
            let Some(order) = names.iter().map(other).collect::<Option<Vec<usize>>>() else {
                return Joined::Clash;
            };
            let right = order.into_iter().map(|index| others[index]);
            join_parts(types, left.into_iter().zip(right).collect(), |parts| {
                Type::Record(names.into_iter().zip(parts).collect())
            })
        }
        (Type::Aggregate(left), Type::Aggregate(right)) => match join_aggregates(left, right) {
            Some(both) => fits(types.intern(Type::Aggregate(both))),
            None => Joined::Clash,
        },
        _ => Joined::Clash,
    }
}

/// The parts of a tuple, each with what in them is flexible.
pub(super) fn sides(types: &Types, parts: &[TypeId], flexible: Flex) -> Vec<Side> {
    let mut after = 0u32;
    let side = |&part: &TypeId| {
        let leaves = leaves(types, part);
        let side = (part, flexible.part(after, leaves));
        after = after.saturating_add(leaves);
        side
    };
    parts.iter().map(side).collect()
}

fn join_parts(
    types: &mut Types,
    pairs: Vec<(Side, Side)>,
    whole: impl FnOnce(Vec<TypeId>) -> Type,
) -> Joined {
    let mut parts = Vec::with_capacity(pairs.len());
    let mut mixed = false;
    for (left, right) in pairs {
        match join_sides(types, left, right) {
            Joined::Fits { ty, flexible } => parts.push((ty, flexible)),
            Joined::Mixed { ty } => {
                mixed = true;
                parts.push((ty, Flex::default()));
            }
            Joined::Clash => return Joined::Clash,
        }
    }
    let flexible =
        Flex::of_parts(parts.iter().map(|&(ty, flexible)| (flexible, leaves(types, ty))));
    let ty = types.intern(whole(parts.into_iter().map(|(ty, _)| ty).collect()));
    if mixed { Joined::Mixed { ty } } else { Joined::Fits { ty, flexible } }
}

/// Width and sign as an integer; an enum that meets anything else counts as one of 64 bits.
fn as_int(types: &Types, ty: TypeId) -> (u8, bool) {
    match *types.get(ty) {
        Type::Int { bits, signed } => (bits, signed),
        Type::Enum { signed, .. } => (64, signed),
        _ => (64, false),
    }
}

fn join_ints(types: &mut Types, a: Side, b: Side) -> Joined {
    let ((bits_a, signed_a), (bits_b, signed_b)) = (as_int(types, a.0), as_int(types, b.0));
    if let (Type::Enum { id, .. }, Type::Enum { id: other, size, signed }) =
        (types.get(a.0), types.get(b.0))
        && id == other
    {
        let whole = Type::Enum { id: *id, size: 8.max(*size), signed: *signed };
        return Joined::Fits { ty: types.intern(whole), flexible: Flex::default() };
    }
    let bits = bits_a.max(bits_b);
    let fits = |signed, flexible: bool| Joined::Fits {
        ty: TypeId::int(bits, signed),
        flexible: flexible.into(),
    };
    match (a.1.any(), b.1.any()) {
        (flexible_a, flexible_b) if signed_a == signed_b => {
            fits(signed_a, flexible_a && flexible_b)
        }
        (true, _) => fits(signed_b, false),
        (_, true) => fits(signed_a, false),
        _ => join_signs(if signed_a { (bits_a, bits_b) } else { (bits_b, bits_a) }),
    }
}

/// A signed and an unsigned integer: the signed one where it is wider, else the next wider signed one.
fn join_signs((signed, unsigned): (u8, u8)) -> Joined {
    if signed > unsigned {
        return Joined::Fits { ty: TypeId::int(signed, true), flexible: Flex::default() };
    }
    Joined::Mixed { ty: TypeId::int(unsigned.saturating_mul(2).min(64), true) }
}

/// The aggregation that takes the numbers of both, if one can: signs may differ, parameters may not.
fn join_aggregates(a: Aggregate, b: Aggregate) -> Option<Aggregate> {
    use Aggregate as Agg;
    match (a, b) {
        (Agg::Sum { signed: a }, Agg::Sum { signed: b }) => Some(Agg::Sum { signed: a || b }),
        (Agg::Min { signed: a }, Agg::Min { signed: b }) => Some(Agg::Min { signed: a || b }),
        (Agg::Max { signed: a }, Agg::Max { signed: b }) => Some(Agg::Max { signed: a || b }),
        (Agg::Avg { signed: a }, Agg::Avg { signed: b }) => Some(Agg::Avg { signed: a || b }),
        (
            Agg::Series { interval, count, fold, signed: a },
            Agg::Series { interval: other_interval, count: other_count, fold: other, signed: b },
        ) if (interval, count, fold) == (other_interval, other_count, other) => {
            Some(Agg::Series { interval, count, fold, signed: a || b })
        }
        (Agg::Stats { signed: a }, Agg::Stats { signed: b }) => Some(Agg::Stats { signed: a || b }),
        _ => (a == b).then_some(a),
    }
}

/// Whether a value can be put into a place whose type does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Put {
    /// Every value of the type is one of the place's type.
    Fits,
    /// Values that are very large or negative change.
    Cut,
    /// It is something else, or too large.
    Clash,
}

/// Whether values of a type can be put into a place of another; of a literal the number counts.
pub(crate) fn put(types: &Types, ty: TypeId, number: Option<i128>, place: TypeId) -> Put {
    if ty == place {
        return Put::Fits;
    }
    let all = |fits| if fits { Put::Fits } else { Put::Clash };
    match (types.get(ty), types.get(place)) {
        (Type::Unknown, _) | (_, Type::Unknown) => Put::Fits,
        (Type::Int { .. } | Type::Enum { .. }, &Type::Int { bits, signed }) => match number {
            Some(number) => all(range(bits, signed).contains(&number)),
            None => put_int(as_int(types, ty), (bits, signed)),
        },
        (Type::Enum { id, .. }, Type::Enum { id: other, .. }) => all(id == other),
        (Type::Str(size), Type::Str(room)) | (Type::Buffer(size), Type::Buffer(room)) => {
            all(size <= room)
        }
        (Type::Pointer { .. }, Type::Pointer { .. }) => all(types.same_but_space(ty, place)),
        (Type::Array { of, len }, Type::Array { of: other, len: room })
            if len == room && *len <= MOST_CONVERTED =>
        {
            put(types, *of, None, *other)
        }
        (Type::Tuple(parts), Type::Tuple(places)) if parts.len() == places.len() => {
            let puts = parts.iter().zip(places).map(|(&part, &to)| put(types, part, None, to));
            puts.max().unwrap_or(Put::Fits)
        }
        (Type::Record(parts), Type::Record(places)) if parts.len() == places.len() => {
            let puts = places.iter().map(|(name, to)| {
                let part = parts.iter().find(|(other, _)| other == name);
                part.map_or(Put::Clash, |&(_, part)| put(types, part, None, *to))
            });
            puts.max().unwrap_or(Put::Fits)
        }
        _ => Put::Clash,
    }
}

fn put_int((bits, signed): (u8, bool), (room, place_signed): (u8, bool)) -> Put {
    let fits = if signed == place_signed { bits <= room } else { place_signed && bits < room };
    if fits { Put::Fits } else { Put::Cut }
}

/// The numbers that an integer type holds.
pub(crate) fn range(bits: u8, signed: bool) -> std::ops::RangeInclusive<i128> {
    if signed { -(1 << (bits - 1))..=(1 << (bits - 1)) - 1 } else { 0..=(1 << bits) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(a: (TypeId, bool), b: (TypeId, bool)) -> Joined {
        join(&mut Types::new(), a, b)
    }

    #[test]
    fn literals_take_the_other_sign() {
        let fits = |ty| Joined::Fits { ty, flexible: Flex::default() };
        assert_eq!(joined((TypeId::I8, true), (TypeId::U64, false)), fits(TypeId::U64));
        assert_eq!(joined((TypeId::I16, true), (TypeId::U8, false)), fits(TypeId::U16));
        assert_eq!(
            joined((TypeId::I8, true), (TypeId::I32, true)),
            Joined::Fits { ty: TypeId::I32, flexible: true.into() }
        );
    }

    #[test]
    fn mixed_signs_widen_up_to_64_bits() {
        assert_eq!(
            joined((TypeId::I64, false), (TypeId::U32, false)),
            Joined::Fits { ty: TypeId::I64, flexible: Flex::default() }
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

    #[test]
    fn tuples_join_part_by_part() {
        let mut types = Types::new();
        let text = [types.string(2), types.string(9)];
        let inner = types.intern(Type::Tuple(vec![TypeId::I8, text[0]]));
        let left = types.intern(Type::Tuple(vec![inner, TypeId::I8]));
        let inner = types.intern(Type::Tuple(vec![TypeId::U64, text[1]]));
        let right = types.intern(Type::Tuple(vec![inner, TypeId::I8]));
        // In `((1, "a"), -1)` the first number alone is flexible.
        let flexible = Flex::of_parts([(Flex::of_parts([(true.into(), 1)]), 2)]);
        let both = join(&mut types, (left, flexible), (right, Flex::default()));
        assert_eq!(both, Joined::Fits { ty: right, flexible: Flex::default() });
    }

    #[test]
    fn the_first_record_decides_about_the_order() {
        let mut types = Types::new();
        let record = |types: &mut Types, fields: [(&str, TypeId); 2]| {
            types.intern(Type::Record(fields.map(|(name, ty)| (name.to_owned(), ty)).into()))
        };
        let left = record(&mut types, [("a", TypeId::I8), ("b", TypeId::U64)]);
        let right = record(&mut types, [("b", TypeId::U8), ("a", TypeId::I32)]);
        let wide = record(&mut types, [("a", TypeId::I32), ("b", TypeId::U64)]);
        let both = join(&mut types, (left, false), (right, false));
        assert_eq!(both, Joined::Fits { ty: wide, flexible: Flex::default() });
        let other = record(&mut types, [("a", TypeId::I8), ("c", TypeId::U64)]);
        assert_eq!(join(&mut types, (left, false), (other, false)), Joined::Clash);
    }

    #[test]
    fn declared_places_take_what_fits() {
        let types = Types::new();
        assert_eq!(put(&types, TypeId::I16, Some(200), TypeId::U8), Put::Fits);
        assert_eq!(put(&types, TypeId::I16, Some(300), TypeId::U8), Put::Clash);
        assert_eq!(put(&types, TypeId::U64, None, TypeId::U8), Put::Cut);
        assert_eq!(put(&types, TypeId::U32, None, TypeId::I64), Put::Fits);
        assert_eq!(put(&types, TypeId::BOOL, None, TypeId::I64), Put::Clash);
    }
}
