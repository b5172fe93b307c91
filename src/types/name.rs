//! The names that the language itself has for types. Those of C are in [`super::catalog`].

use ebtrace_image::StackMode;

use super::{Aggregate, Type, TypeId, Types, Worded, aggregating_function};
use crate::options::STACKS;

/// What a name of the language stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// One type.
    Plain(TypeId),
    /// Text; a number in brackets after the name is its size.
    Text,
    /// Bytes; a number in brackets after the name is how many there is room for.
    Buffer,
    /// A code address.
    Symbol {
        /// User space instead of the kernel.
        user: bool,
    },
    /// What is put into words when it is shown.
    Worded(Worded),
    /// An aggregation, which only maps hold.
    Aggregate(Aggregate),
}

/// All of them but the aggregations.
const NAMES: &[(&str, Named)] = &[
    ("void", Named::Plain(TypeId::VOID)),
    ("bool", Named::Plain(TypeId::BOOL)),
    ("int8", Named::Plain(TypeId::I8)),
    ("int16", Named::Plain(TypeId::I16)),
    ("int32", Named::Plain(TypeId::I32)),
    ("int64", Named::Plain(TypeId::I64)),
    ("uint8", Named::Plain(TypeId::U8)),
    ("uint16", Named::Plain(TypeId::U16)),
    ("uint32", Named::Plain(TypeId::U32)),
    ("uint64", Named::Plain(TypeId::U64)),
    ("string", Named::Text),
    ("buffer", Named::Buffer),
    ("ksym_t", Named::Symbol { user: false }),
    ("usym_t", Named::Symbol { user: true }),
];

/// One aggregation of each kind; what else they differ in, no name says.
const AGGREGATES: [Aggregate; 13] = [
    Aggregate::Count,
    Aggregate::Sum { signed: true },
    Aggregate::Sum { signed: false },
    Aggregate::Min { signed: true },
    Aggregate::Min { signed: false },
    Aggregate::Max { signed: true },
    Aggregate::Max { signed: false },
    Aggregate::Avg { signed: true },
    Aggregate::Avg { signed: false },
    Aggregate::Stats { signed: true },
    Aggregate::Stats { signed: false },
    Aggregate::Hist { bits: 0 },
    Aggregate::Lhist { min: 0, max: 1, step: 1 },
];

/// All names that a variable's type can have.
pub fn all() -> impl Iterator<Item = &'static str> {
    let worded = Worded::ALL.into_iter().map(Worded::name);
    let plain = NAMES.iter().filter(|(_, named)| *named != Named::Plain(TypeId::VOID));
    plain.map(|(name, _)| *name).chain(worded)
}

/// What a name stands for, if the language has it. Aggregations have two names: that of the function, and the one
/// that messages use.
pub fn find(name: &str) -> Option<Named> {
    if let Some((_, named)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some(*named);
    }
    if let Some(worded) = Worded::ALL.into_iter().find(|worded| worded.name() == name) {
        return Some(Named::Worded(worded));
    }
    let mut types = Types::new();
    let mut is_called = |aggregate: &Aggregate| {
        let ty = types.intern(Type::Aggregate(*aggregate));
        aggregating_function(*aggregate) == name || types.name(ty).to_string() == name
    };
    AGGREGATES.into_iter().find(|aggregate| is_called(aggregate)).map(Named::Aggregate)
}

/// The word for a way to show stacks.
pub(super) fn stack_mode(mode: StackMode) -> &'static str {
    let known = STACKS.iter().find(|(_, known)| *known == mode);
    known.map_or("", |(name, _)| name)
}

impl Types {
    /// The type that a name stands for; a length that stands after it is part of the name's meaning only for text and
    /// bytes, and 0 where it is left open.
    pub fn of_name(&mut self, named: Named, len: u32) -> TypeId {
        match named {
            Named::Plain(ty) => ty,
            Named::Text => self.string(len),
            Named::Buffer => self.intern(Type::Buffer(len)),
            Named::Symbol { user } => self.intern(Type::Symbol { user }),
            Named::Worded(worded) => self.intern(Type::Worded(worded)),
            Named::Aggregate(aggregate) => self.intern(Type::Aggregate(aggregate)),
        }
    }

    /// The family that a type belongs to, in one word.
    pub fn family(&self, id: TypeId) -> String {
        let word = match self.get(id) {
            Type::Unknown | Type::Void => "void",
            Type::Int { .. } => "int",
            Type::Pointer { .. } => "pointer",
            Type::Array { .. } => "array",
            Type::Struct(_) | Type::Opaque(_) => "struct",
            Type::Enum { .. } => "enum",
            Type::Tuple(_) => "tuple",
            Type::Record(_) => "record",
            Type::Aggregate(aggregate) => aggregating_function(*aggregate),
            _ => {
                return self.name(id).to_string().split(['[', '_']).next().unwrap_or("").to_owned();
            }
        };
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_called_as_messages_spell_them() {
        let mut types = Types::new();
        for (name, named) in NAMES {
            let ty = types.of_name(*named, 0);
            let spelt = types.name(ty).to_string();
            assert!(spelt == *name || spelt == format!("{name}[0]"), "`{name}` is spelt `{spelt}`");
        }
    }

    #[test]
    fn aggregations_have_the_names_of_function_and_type() {
        let sum = Named::Aggregate(Aggregate::Sum { signed: true });
        assert_eq!((find("sum"), find("sum_t")), (Some(sum), Some(sum)));
        assert_eq!(find("usum_t"), Some(Named::Aggregate(Aggregate::Sum { signed: false })));
        let mut types = Types::new();
        let stack = types.intern(Type::Stack { user: true, frames: 3, mode: StackMode::Raw });
        assert_eq!(
            (types.family(stack), types.family(TypeId::BOOL)),
            ("ustack".into(), "bool".into())
        );
    }

    #[test]
    fn a_length_is_the_size_of_text() {
        let mut types = Types::new();
        let named = find("string").expect("a name of the language");
        assert_eq!(types.of_name(named, 16), types.string(16));
        assert_eq!(find("task_struct"), None);
    }
}
