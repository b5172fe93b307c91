//! The types that values have once they are read from memory.

use super::{Origin, Space, Type, TypeId, Types};

impl Types {
    /// The same type with all pointers in it into this memory.
    pub fn respaced(&mut self, id: TypeId, space: Space) -> TypeId {
        match *self.get(id) {
            Type::Pointer { to, .. } => {
                let to = self.respaced(to, space);
                self.pointer(to, space)
            }
            Type::Array { of, len } => {
                let of = self.respaced(of, space);
                self.intern(Type::Array { of, len })
            }
            _ => id,
        }
    }

    /// The same for pointers of which nobody has said where they point.
    pub fn respaced_if_unset(&mut self, id: TypeId, space: Space) -> TypeId {
        match *self.get(id) {
            Type::Pointer { space: Space::Unset, .. } => self.respaced(id, space),
            Type::Array { of, len } => {
                let of = self.respaced_if_unset(of, space);
                self.intern(Type::Array { of, len })
            }
            _ => id,
        }
    }

    /// Whether two types are the same but for where pointers point.
    pub fn same_but_space(&self, a: TypeId, b: TypeId) -> bool {
        match (self.get(a), self.get(b)) {
            (Type::Pointer { to, .. }, Type::Pointer { to: other, .. }) => {
                self.same_but_space(*to, *other)
            }
            (Type::Array { of, len }, Type::Array { of: other, len: others }) => {
                len == others && self.same_but_space(*of, *other)
            }
            _ => a == b,
        }
    }

    /// The memory that a pointer, or those in an array, point into.
    pub fn space_of(&self, id: TypeId) -> Option<Space> {
        match self.get(id) {
            Type::Pointer { space, .. } => Some(*space),
            Type::Array { of, .. } => self.space_of(*of),
            _ => None,
        }
    }

    /// A declared type of which only the place's first value says where pointers point.
    pub fn with_space_of(&self, declared: TypeId, value: TypeId) -> TypeId {
        match (self.space_of(declared), self.same_but_space(declared, value)) {
            (Some(Space::Unset), true) => value,
            _ => declared,
        }
    }

    /// Whether C has operations on it and the language none: `double`, `__int128`.
    pub fn is_foreign(&self, id: TypeId) -> bool {
        let Type::Struct(id) = self.get(id) else { return false };
        let record = self.record(*id);
        let tagged = ["struct ", "union "].iter().any(|tag| record.name.starts_with(tag));
        let parts = record.fields.as_ref().is_none_or(|fields| !fields.is_empty());
        record.origin == Origin::Script && record.size > 0 && !tagged && !parts
    }

    /// The type that values of an enum have in scripts, whatever its size in C.
    pub fn widened(&mut self, id: TypeId) -> TypeId {
        match *self.get(id) {
            Type::Enum { id, signed, .. } => self.intern(Type::Enum { id, size: 8, signed }),
            _ => id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_levels_of_a_pointer_get_the_space() {
        let mut types = Types::new();
        let inner = types.pointer(TypeId::I8, Space::Unset);
        let mixed = types.pointer(inner, Space::Kernel);
        let array = types.intern(Type::Array { of: mixed, len: 4 });
        let user = types.respaced(array, Space::User);
        let inner = types.pointer(TypeId::I8, Space::User);
        let of = types.pointer(inner, Space::User);
        assert_eq!(*types.get(user), Type::Array { of, len: 4 });
        assert_eq!(types.respaced(TypeId::U64, Space::User), TypeId::U64);
        assert!(types.same_but_space(user, array) && !types.same_but_space(user, of));
    }

    #[test]
    fn a_space_that_is_known_stays() {
        let mut types = Types::new();
        let known = types.pointer(TypeId::I8, Space::User);
        let unknown = types.pointer(TypeId::I8, Space::Unset);
        assert_eq!(types.respaced_if_unset(known, Space::Kernel), known);
        let kernel = types.pointer(TypeId::I8, Space::Kernel);
        assert_eq!(types.respaced_if_unset(unknown, Space::Kernel), kernel);
    }
}
