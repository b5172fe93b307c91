//! The names that the language itself has for types. Those of C are in [`super::catalog`].

use super::{Aggregate, Type, TypeId, Types};

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
    /// An aggregation, which only maps hold.
    Aggregate(Aggregate),
}

/// All of them. Aggregations have two names: that of the function, and the one that messages use.
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
    ("count", Named::Aggregate(Aggregate::Count)),
    ("count_t", Named::Aggregate(Aggregate::Count)),
    ("sum", Named::Aggregate(Aggregate::Sum { signed: true })),
    ("sum_t", Named::Aggregate(Aggregate::Sum { signed: true })),
    ("usum_t", Named::Aggregate(Aggregate::Sum { signed: false })),
    ("min", Named::Aggregate(Aggregate::Min { signed: true })),
    ("min_t", Named::Aggregate(Aggregate::Min { signed: true })),
    ("umin_t", Named::Aggregate(Aggregate::Min { signed: false })),
    ("max", Named::Aggregate(Aggregate::Max { signed: true })),
    ("max_t", Named::Aggregate(Aggregate::Max { signed: true })),
    ("umax_t", Named::Aggregate(Aggregate::Max { signed: false })),
    ("avg", Named::Aggregate(Aggregate::Avg { signed: true })),
    ("avg_t", Named::Aggregate(Aggregate::Avg { signed: true })),
    ("uavg_t", Named::Aggregate(Aggregate::Avg { signed: false })),
    ("hist", Named::Aggregate(Aggregate::Hist { bits: 0 })),
    ("hist_t", Named::Aggregate(Aggregate::Hist { bits: 0 })),
    ("lhist", Named::Aggregate(Aggregate::Lhist { min: 0, max: 1, step: 1 })),
    ("lhist_t", Named::Aggregate(Aggregate::Lhist { min: 0, max: 1, step: 1 })),
];

/// What a name stands for, if the language has it.
pub fn find(name: &str) -> Option<Named> {
    NAMES.iter().find(|(known, _)| *known == name).map(|&(_, named)| named)
}

/// All names that a variable's type can have.
pub fn all() -> impl Iterator<Item = &'static str> {
    let usable = NAMES
        .iter()
        .filter(|(_, named)| !matches!(named, Named::Aggregate(_) | Named::Plain(TypeId::VOID)));
    usable.map(|(name, _)| *name)
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
            Named::Aggregate(aggregate) => self.intern(Type::Aggregate(aggregate)),
        }
    }
}

impl Type {
    /// The family that it belongs to, in one word.
    pub fn family(&self) -> &'static str {
        match self {
            Type::Unknown | Type::Void => "void",
            Type::Bool => "bool",
            Type::Int { .. } => "int",
            Type::Str(_) => "string",
            Type::Pointer { .. } => "pointer",
            Type::Array { .. } => "array",
            Type::Struct(_) | Type::Opaque(_) => "struct",
            Type::Enum { .. } => "enum",
            Type::Tuple(_) => "tuple",
            Type::Record(_) => "record",
            Type::Buffer(_) => "buffer",
            Type::Function => "function",
            Type::Stack { user: false, .. } => "kstack",
            Type::Stack { user: true, .. } => "ustack",
            Type::Symbol { user: false } => "ksym",
            Type::Symbol { user: true } => "usym",
            Type::Aggregate(aggregate) => super::aggregating_function(*aggregate),
        }
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
            let same = spelt == *name
                || spelt == format!("{name}[0]")
                || spelt.trim_start_matches('u') == format!("{name}_t");
            assert!(same, "`{name}` is spelt `{spelt}`");
        }
    }

    #[test]
    fn a_length_is_the_size_of_text() {
        let mut types = Types::new();
        let named = find("string").expect("a name of the language");
        assert_eq!(types.of_name(named, 16), types.string(16));
        assert_eq!(find("task_struct"), None);
    }
}
