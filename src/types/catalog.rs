//! Finds C types by name: those of the script first, then those that every C compiler knows, then the kernel's.
//!
//! The kernel's are read when they are asked for, one by one: a struct is known by its size until somebody wants its
//! fields ([`complete`]), and what its fields point to is not read with it.

use super::kernel::{self, Blob, Reader};
use super::program;
use super::{Field, Origin, StructId, Type, TypeId, Types};
use crate::host::Host;
use crate::host::btf::Named;
use crate::syntax::ast::Tag;

/// As the BTF of the kernel proper is called.
const KERNEL: &str = "vmlinux";

/// Names of numbers that need no declaration, with their width and whether they have a sign.
const INTEGERS: &[(&str, u8, bool)] = &[
    ("char", 8, true),
    ("short", 16, true),
    ("int", 32, true),
    ("long", 64, true),
    ("signed", 32, true),
    ("unsigned", 32, false),
    ("uchar", 8, false),
    ("ushort", 16, false),
    ("uint", 32, false),
    ("ulong", 64, false),
    ("s8", 8, true),
    ("s16", 16, true),
    ("s32", 32, true),
    ("s64", 64, true),
    ("u8", 8, false),
    ("u16", 16, false),
    ("u32", 32, false),
    ("u64", 64, false),
    ("__s8", 8, true),
    ("__s16", 16, true),
    ("__s32", 32, true),
    ("__s64", 64, true),
    ("__u8", 8, false),
    ("__u16", 16, false),
    ("__u32", 32, false),
    ("__u64", 64, false),
    ("int8", 8, true),
    ("int16", 16, true),
    ("int32", 32, true),
    ("int64", 64, true),
    ("uint8", 8, false),
    ("uint16", 16, false),
    ("uint32", 32, false),
    ("uint64", 64, false),
    ("int8_t", 8, true),
    ("int16_t", 16, true),
    ("int32_t", 32, true),
    ("int64_t", 64, true),
    ("uint8_t", 8, false),
    ("uint16_t", 16, false),
    ("uint32_t", 32, false),
    ("uint64_t", 64, false),
    ("__be16", 16, false),
    ("__be32", 32, false),
    ("__be64", 64, false),
    ("__le16", 16, false),
    ("__le32", 32, false),
    ("__le64", 64, false),
    ("size_t", 64, false),
    ("ssize_t", 64, true),
    ("ptrdiff_t", 64, true),
    ("intptr_t", 64, true),
    ("uintptr_t", 64, false),
    ("off_t", 64, true),
    ("loff_t", 64, true),
    ("time_t", 64, true),
    ("pid_t", 32, true),
    ("uid_t", 32, false),
    ("gid_t", 32, false),
    ("dev_t", 32, false),
    ("mode_t", 32, false),
    ("umode_t", 16, false),
];

/// Names of types that need no declaration.
pub fn plain_names() -> impl Iterator<Item = &'static str> {
    INTEGERS.iter().map(|(name, ..)| *name)
}

/// The type of this name: `struct task_struct` with the tag, a typedef or a number such as `size_t` without.
///
/// A struct of the kernel comes without its fields; see [`complete`].
pub fn resolve_name(
    types: &mut Types,
    host: &dyn Host,
    tag: Option<Tag>,
    name: &str,
) -> Option<TypeId> {
    let spelt = match tag {
        Some(tag) => format!("{} {name}", tag.word()),
        None => name.to_owned(),
    };
    let known = types.named(&spelt);
    if let Some(own) = known.filter(|known| types.origin(*known) == Some(Origin::Script)) {
        return Some(own);
    }
    let kind = match tag {
        Some(Tag::Struct) => Named::Struct,
        Some(Tag::Union) => Named::Union,
        Some(Tag::Enum) => Named::Enum,
        None => Named::Plain,
    };
    let common = if tag.is_none() { plain(name) } else { None };
    if common.is_none()
        && let Some(found) = program::find(types, host, kind, name)
    {
        return Some(found);
    }
    if known.is_some() {
        return known;
    }
    let found = common.or_else(|| kernel::find(types, host, kind, name))?;
    types.set_name(spelt, found);
    Some(found)
}

/// A struct of the kernel; the script's own where it defines one of this name.
pub fn kernel_struct(types: &mut Types, host: &dyn Host, name: &str) -> Option<TypeId> {
    let found = resolve_name(types, host, Some(Tag::Struct), name)?;
    if types.origin(found) == Some(Origin::Script) {
        // Whoever looks for it in the kernel's own types notes that.
        kernel::find(types, host, Named::Struct, name);
    }
    Some(found)
}

/// A type that every C compiler knows, or that is as good as known everywhere.
pub(super) fn plain(name: &str) -> Option<TypeId> {
    match name {
        "void" => Some(TypeId::VOID),
        "bool" | "_Bool" => Some(TypeId::BOOL),
        _ => INTEGERS
            .iter()
            .find(|(known, _, _)| *known == name)
            .map(|&(_, bits, signed)| TypeId::int(bits, signed)),
    }
}

/// Reads the fields of a kernel struct; a struct that has them stays as it is.
pub fn complete(types: &mut Types, host: &dyn Host, id: StructId) {
    kernel::complete(types, host, id);
}

/// The definition of what is only declared here (`struct sock;`), if the kernel or one of its modules has it; any
/// other type as it is.
pub fn definition(types: &mut Types, host: &dyn Host, ty: TypeId) -> TypeId {
    let Type::Opaque(name) = types.get(ty) else { return ty };
    let name = name.clone();
    let tag = [Tag::Struct, Tag::Union, Tag::Enum]
        .into_iter()
        .find_map(|tag| Some((tag, name.strip_prefix(tag.word())?.trim_start())));
    tag.and_then(|(tag, name)| resolve_name(types, host, Some(tag), name)).unwrap_or(ty)
}

/// The field of this name, also where it is inside anonymous structs and unions: its offset is from the start of
/// the struct that was asked.
pub fn find_field(types: &mut Types, host: &dyn Host, id: StructId, name: &str) -> Option<Field> {
    fields(types, host, id).into_iter().find(|field| field.name == name)
}

/// All fields that have a name, those of anonymous structs and unions among them, with offsets from the start of the
/// struct that was asked.
pub fn fields(types: &mut Types, host: &dyn Host, id: StructId) -> Vec<Field> {
    let mut found = Vec::new();
    collect(types, host, id, 0, &mut found);
    found
}

fn collect(types: &mut Types, host: &dyn Host, id: StructId, base: u32, found: &mut Vec<Field>) {
    complete(types, host, id);
    for field in types.record(id).fields.clone().unwrap_or_default() {
        let offset = base + field.offset;
        match *types.get(field.ty) {
            Type::Struct(inner) if field.name.is_empty() => {
                collect(types, host, inner, offset, found);
            }
            _ if field.name.is_empty() => {}
            _ => found.push(Field { offset, ..field }),
        }
    }
}

/// The number that the name of an enum's constant stands for, with the enum as values of the script hold it (8 bytes).
pub fn constant(types: &mut Types, host: &dyn Host, name: &str) -> Option<(TypeId, i128)> {
    if let Some(known) = types.constant(name) {
        return Some(known);
    }
    let found = |blob: Blob| blob.btf.find_constant(name).map(|found| (blob.clone(), found));
    let (blob, (id, number)) = kernel::all_blobs(types, host).find_map(found)?;
    let ty = Reader::new(types, blob).convert(id);
    let Type::Enum { id, signed, .. } = *types.get(ty) else { return None };
    let ty = types.intern(Type::Enum { id, size: 8, signed });
    types.set_constant(name.to_owned(), ty, number);
    Some((ty, number))
}

/// A function of the kernel as C declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prototype {
    /// `vmlinux`, or the module that has it.
    pub module: String,
    /// Names and types in order; a name may be empty.
    pub params: Vec<(String, TypeId)>,
    /// [`TypeId::VOID`] where there is none.
    pub result: TypeId,
}

/// The prototypes of the kernel's functions of this name: those of one module (or `vmlinux`) where one is named, else
/// those of `vmlinux`, and where that has none those of all modules.
pub fn functions(
    types: &mut Types,
    host: &dyn Host,
    module: Option<&str>,
    name: &str,
) -> Vec<Prototype> {
    let mut found: Vec<Prototype> = Vec::new();
    for blob in kernel::blobs(host) {
        if module.is_some_and(|module| module != blob.btf.name()) {
            continue;
        }
        if blob.number > 0 && found.first().is_some_and(|first| first.module == KERNEL) {
            break;
        }
        let ids: Vec<u32> = blob.btf.find_all(Named::Function, name).collect();
        let mut reader = Reader::new(types, blob.clone());
        for id in ids {
            let Some(kernel::Prototype { params, result, .. }) = reader.prototype(id) else {
                continue;
            };
            found.push(Prototype { module: blob.btf.name().to_owned(), params, result });
        }
    }
    found
}

/// The nearest name of a type, for a message about one that does not exist: as a script writes it, `struct pair`.
pub fn similar(types: &Types, host: &dyn Host, tag: Option<Tag>, name: &str) -> Option<String> {
    let spelt = match tag {
        Some(tag) => format!("{} {name}", tag.word()),
        None => name.to_owned(),
    };
    let plain = INTEGERS.iter().map(|(name, _, _)| *name);
    if let Some(near) = crate::diagnostic::nearest(&spelt, types.names().chain(plain)) {
        return Some(near.to_owned());
    }
    // A word that is missing, or the wrong one, is likelier than a slip.
    let btf = host.btf(0).ok()?;
    let kinds = [
        (Named::Struct, Some(Tag::Struct)),
        (Named::Union, Some(Tag::Union)),
        (Named::Enum, Some(Tag::Enum)),
        (Named::Plain, None),
    ];
    let write = |tag: Option<Tag>, name: &str| match tag {
        Some(tag) => format!("{} {name}", tag.word()),
        None => name.to_owned(),
    };
    let other = kinds.iter().find(|(kind, _)| btf.find(*kind, name).is_some());
    let kind = kinds.iter().find(|(_, word)| *word == tag)?.0;
    match other {
        Some((_, other)) => Some(write(*other, name)),
        None => crate::diagnostic::nearest(name, btf.names(kind)).map(|near| write(tag, near)),
    }
}

/// The types of the script that stand for types of the kernel of the same name and another layout, and what the first
/// difference is.
pub fn replaced(types: &Types, host: &dyn Host) -> Vec<(String, String)> {
    if types.replaced().next().is_none() {
        return Vec::new();
    }
    // What is read of the kernel's types for the comparison is no part of the program.
    let mut scratch = types.clone();
    let pairs: Vec<_> = types.replaced().collect();
    let differs = |(own, origin)| {
        let difference = kernel::difference(&mut scratch, host, own, origin)?;
        Some((types.name(own).to_string(), difference))
    };
    pairs.into_iter().filter_map(differs).collect()
}
