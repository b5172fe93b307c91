//! The tables of structs, enums and names.

use std::rc::Rc;

use super::{Enum, EnumId, Origin, Struct, StructId, Type, TypeId, Types};
use crate::host::btf::Btf;

impl Types {
    /// The number of a text that values refer to.
    pub fn text(&mut self, text: &str) -> u32 {
        self.texts.insert_full(text.to_owned()).0 as u32
    }

    /// All texts that values refer to, by number.
    pub fn texts(&self) -> Vec<String> {
        self.texts.iter().cloned().collect()
    }

    /// Adds a struct or union; one that is there already, equal in all parts, is not added again.
    pub fn add_struct(&mut self, record: Struct) -> TypeId {
        let named = self.by_name.get(&record.name).map(Vec::as_slice).unwrap_or_default();
        match named.iter().find(|id| *self.record(**id) == record) {
            Some(id) => self.intern(Type::Struct(*id)),
            None => self.new_struct(record).0,
        }
    }

    /// Adds a struct or union whose parts are filled in later; equal ones are different types.
    pub fn new_struct(&mut self, record: Struct) -> (TypeId, StructId) {
        let (id, origin) = (StructId(self.structs.len() as u32), record.origin);
        self.by_name.entry(record.name.clone()).or_default().push(id);
        self.structs.push(record);
        let ty = self.intern(Type::Struct(id));
        self.set_kernel_type(origin, ty);
        (ty, id)
    }

    /// Notes which type a place in the kernel's BTF became.
    pub(crate) fn set_kernel_type(&mut self, origin: Origin, ty: TypeId) {
        if origin != Origin::Script {
            self.kernel.insert(origin, ty);
        }
    }

    /// The struct or enum that a place in the kernel's BTF became.
    pub(crate) fn kernel_type(&self, origin: Origin) -> Option<TypeId> {
        self.kernel.get(&origin).copied()
    }

    /// Where a struct or enum is from.
    pub(crate) fn origin(&self, ty: TypeId) -> Option<Origin> {
        match *self.get(ty) {
            Type::Struct(id) => Some(self.record(id).origin),
            Type::Enum { id, .. } => Some(self.named_numbers(id).origin),
            _ => None,
        }
    }

    /// Notes that a type of the script stands for one of the kernel's with the same name.
    pub(crate) fn set_replaced(&mut self, ty: TypeId, origin: Origin) {
        self.replaced.insert((ty, origin));
    }

    /// Types of the script that stand where the kernel has another of the same name, and which.
    pub(crate) fn replaced(&self) -> impl Iterator<Item = (TypeId, Origin)> {
        self.replaced.iter().copied()
    }

    /// What headers define; their names count before the kernel's.
    pub(crate) fn set_headers(&mut self, headers: Rc<Btf>) {
        self.headers = Some(headers);
    }

    /// The same.
    pub(super) fn headers(&self) -> Option<Rc<Btf>> {
        self.headers.clone()
    }

    /// The definition of a struct.
    pub fn record(&self, id: StructId) -> &Struct {
        &self.structs[id.0 as usize]
    }

    /// The same, to complete it.
    pub fn record_mut(&mut self, id: StructId) -> &mut Struct {
        &mut self.structs[id.0 as usize]
    }

    /// Adds an enum; one that is there already is not added again.
    pub fn add_enum(&mut self, named: Enum) -> EnumId {
        let known = self.enums.iter().position(|known| *known == named);
        EnumId(known.unwrap_or_else(|| {
            self.enums.push(named);
            self.enums.len() - 1
        }) as u32)
    }

    /// The definition of an enum.
    pub fn named_numbers(&self, id: EnumId) -> &Enum {
        &self.enums[id.0 as usize]
    }

    /// The C type of this name: `struct pair`, `enum state`, or a typedef's bare name.
    pub fn named(&self, name: &str) -> Option<TypeId> {
        self.names.get(name).copied()
    }

    /// Gives a C type a name; the first one stays.
    pub fn set_name(&mut self, name: String, ty: TypeId) {
        self.names.entry(name).or_insert(ty);
    }

    /// All names of C types so far, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// The number that a name of an enum stands for, and the enum, as wide as values of the script.
    pub fn constant(&self, name: &str) -> Option<(TypeId, i128)> {
        self.constants.get(name).copied()
    }

    /// Gives a number of an enum its name; the first one stays.
    pub fn set_constant(&mut self, name: String, ty: TypeId, number: i128) {
        self.constants.entry(name).or_insert((ty, number));
    }

    /// The same, whatever the name stood for before.
    pub(crate) fn replace_constant(&mut self, name: String, ty: TypeId, number: i128) {
        self.constants.insert(name, (ty, number));
    }

    /// All names of numbers so far, in order.
    pub fn constants(&self) -> impl Iterator<Item = &str> {
        self.constants.keys().map(String::as_str)
    }
}
