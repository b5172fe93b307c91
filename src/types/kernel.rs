//! The kernel's types, from its BTF.

use std::collections::HashMap;
use std::rc::Rc;

use super::{Access, Enum, Field, Origin, Space, Struct, StructId, Type, TypeId, Types};
use crate::host::Host;
use crate::host::btf::{Btf, Described, Member, Named};
use crate::host::program::FIRST_BLOB;

/// Typedefs, arrays and the like that a type goes through at most; only a damaged blob has more.
const MOST_STEPS: u32 = 64;

/// A blob of BTF and its number.
#[derive(Clone)]
pub(super) struct Blob {
    pub(super) number: u32,
    pub(super) btf: Rc<Btf>,
}

/// The number of the blob that describes what headers define.
const HEADERS: u32 = u32::MAX;

/// All blobs, each read when its turn comes: what headers define, `vmlinux`, then the modules.
pub(super) fn all_blobs(types: &Types, host: &dyn Host) -> impl Iterator<Item = Blob> {
    let headers = types.headers().map(|btf| Blob { number: HEADERS, btf });
    headers.into_iter().chain(blobs(host))
}

/// What describes the types of a number.
pub(crate) fn blob(types: &Types, host: &dyn Host, number: u32) -> Option<Rc<Btf>> {
    if number == HEADERS { types.headers() } else { host.btf(number).ok() }
}

fn numbered(types: &Types, host: &dyn Host, number: u32) -> Option<Blob> {
    blob(types, host, number).map(|btf| Blob { number, btf })
}

/// Those of the kernel.
pub(super) fn blobs(host: &dyn Host) -> impl Iterator<Item = Blob> {
    // The modules are only counted once the search goes beyond vmlinux.
    let first = std::iter::once(0);
    let modules = std::iter::once_with(|| 1..host.btf_count()).flatten();
    first.chain(modules).filter_map(|number| Some(Blob { number, btf: host.btf(number).ok()? }))
}

/// The type of this name in the first blob that has one.
pub(super) fn find(types: &mut Types, host: &dyn Host, kind: Named, name: &str) -> Option<TypeId> {
    let found = |blob: Blob| blob.btf.find(kind, name).map(|id| (blob, id));
    let (blob, id) = all_blobs(types, host).find_map(found)?;
    Some(Reader::new(types, blob).convert(id))
}

/// Turns the types of one blob into those of the language.
pub(super) struct Reader<'a> {
    types: &'a mut Types,
    blob: Blob,
    /// Alignments of structs that were looked at.
    alignments: HashMap<u32, u32>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(types: &'a mut Types, blob: Blob) -> Reader<'a> {
        Reader { types, blob, alignments: HashMap::new() }
    }

    /// The type of an id; of a struct only its name and size.
    pub(super) fn convert(&mut self, id: u32) -> TypeId {
        self.convert_named(id, None, 0)
    }

    /// The same, behind a typedef whose name is that of what has none.
    fn convert_named(&mut self, id: u32, alias: Option<&str>, step: u32) -> TypeId {
        let btf = self.blob.btf.clone();
        let described = if step < MOST_STEPS { btf.get(id) } else { None };
        let Some(described) = described else { return self.opaque("damaged".to_owned()) };
        match described {
            Described::Void => TypeId::VOID,
            Described::Int { boolean: true, .. } => TypeId::BOOL,
            Described::Int { name: "char", .. } => TypeId::I8,
            Described::Int { name, size, .. } | Described::Float { name, size } if size > 8 => {
                self.types.opaque_value(name, size)
            }
            Described::Float { name, size } => self.types.opaque_value(name, size),
            Described::Int { size, signed, .. } => TypeId::int((size * 8) as u8, signed),
            Described::Pointer(to) => self.pointer(to, step),
            Described::Array { of, len } => {
                let of = self.convert_named(of, None, step + 1);
                let fits = u64::from(self.types.size(of)) * u64::from(len) <= u64::from(u32::MAX);
                self.types.intern(Type::Array { of, len: if fits { len } else { 0 } })
            }
            Described::Struct { name, size, union, ref members } => {
                let tag = if union { "union" } else { "struct" };
                self.known(id, tag, name).unwrap_or_else(|| {
                    let align = self.struct_alignment(id, size, members, step);
                    let name = spelt(tag, name, alias);
                    let origin = self.origin(id);
                    self.types.new_struct(Struct { name, size, align, fields: None, origin }).0
                })
            }
            Described::Enum { name, size, ref variants } => {
                let known = self.known(id, "enum", name);
                known.unwrap_or_else(|| self.enumeration(id, (name, alias), size, variants))
            }
            Described::Forward { name, union } => {
                let name = spelt(if union { "union" } else { "struct" }, name, None);
                self.types.named(&name).unwrap_or_else(|| self.opaque(name))
            }
            Described::Typedef { name, of } => {
                self.convert_named(of, alias.or(Some(name)), step + 1)
            }
            Described::Qualified(of, _) | Described::Tagged { of, .. } => {
                self.convert_named(of, alias, step + 1)
            }
            Described::Variable { of, .. } => self.convert_named(of, None, step + 1),
            Described::Function { .. } | Described::Prototype { .. } => {
                self.types.intern(Type::Function)
            }
            Described::Section(_) | Described::Other => TypeId::VOID,
        }
    }

    fn opaque(&mut self, name: String) -> TypeId {
        self.types.intern(Type::Opaque(name))
    }

    /// A module shares the types of the kernel proper.
    fn origin(&self, id: u32) -> Origin {
        let blob = if self.blob.btf.owns(id) { self.blob.number } else { 0 };
        Origin::Kernel { blob, id }
    }

    /// What a struct or enum became already, or the script's own type of this name.
    fn known(&mut self, id: u32, tag: &str, name: &str) -> Option<TypeId> {
        let origin = self.origin(id);
        if let Some(own) = self.types.named(&format!("{tag} {name}")).filter(|_| !name.is_empty())
            && self.types.origin(own) == Some(Origin::Script)
        {
            if self.blob.number < FIRST_BLOB {
                self.types.set_replaced(own, origin);
            }
            return Some(own);
        }
        self.types.kernel_type(origin)
    }

    /// Tags of the pointee say which memory it is in.
    fn pointer(&mut self, to: u32, step: u32) -> TypeId {
        let btf = self.blob.btf.clone();
        let space = match self.blob.number {
            HEADERS => Space::Unset,
            FIRST_BLOB.. => Space::User,
            _ => Space::Kernel,
        };
        let (mut space, mut per_cpu, mut next) = (space, false, to);
        for _ in 0..MOST_STEPS {
            match btf.get(next) {
                Some(Described::Tagged { tag, of }) => {
                    if tag == "user" {
                        space = Space::User;
                    }
                    per_cpu |= tag == "percpu";
                    next = of;
                }
                Some(Described::Qualified(of, _)) => next = of,
                _ => break,
            }
        }
        let mut to = self.convert_named(to, None, step + 1);
        if per_cpu {
            // The number is no address: each CPU adds its own distance to it.
            let name = format!("__percpu {}", self.types.name(to));
            to = self.opaque(name);
        }
        self.types.pointer(to, space)
    }

    fn enumeration(
        &mut self,
        id: u32,
        (name, alias): (&str, Option<&str>),
        size: u32,
        variants: &[(&str, i128)],
    ) -> TypeId {
        let origin = self.origin(id);
        let signed = variants.iter().any(|(_, value)| *value < 0);
        let variants = variants.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let id = self.types.add_enum(Enum { name: spelt("enum", name, alias), variants, origin });
        let size = if matches!(size, 1 | 2 | 4 | 8) { size as u8 } else { 4 };
        let ty = self.types.intern(Type::Enum { id, size, signed });
        self.types.set_kernel_type(origin, ty);
        ty
    }

    /// The fields of a struct of this blob.
    pub(super) fn fields(&mut self, id: u32) -> Vec<Field> {
        let btf = self.blob.btf.clone();
        let Some(Described::Struct { members, size, .. }) = btf.get(id) else { return Vec::new() };
        members.iter().map(|member| self.field(member, size)).collect()
    }

    fn field(&mut self, member: &Member, size: u32) -> Field {
        let ty = self.convert(member.ty);
        let (from, width) = match (member.width, self.narrow(member.ty)) {
            (0, Some((shift, width))) => (member.offset + u32::from(shift), width),
            (width, _) => (member.offset, width),
        };
        let name = member.name.to_owned();
        match width {
            0 => Field { name, ty, offset: from / 8, access: Access::Plain },
            _ => self.types.bit_field(name, ty, (from, width), size),
        }
    }

    /// Where in an integer the bits that count begin and how many they are, if not all do.
    fn narrow(&self, mut id: u32) -> Option<(u8, u8)> {
        for _ in 0..MOST_STEPS {
            match self.blob.btf.get(id)? {
                Described::Typedef { of, .. }
                | Described::Qualified(of, _)
                | Described::Tagged { of, .. } => id = of,
                Described::Int { size, bits: (width, shift), .. } => {
                    return (u32::from(width) < size * 8).then_some((shift, width));
                }
                _ => return None,
            }
        }
        None
    }

    /// Alignment of a type in memory, which BTF does not state.
    fn alignment(&mut self, id: u32, step: u32) -> u32 {
        let btf = self.blob.btf.clone();
        let described = if step < MOST_STEPS { btf.get(id) } else { None };
        match described {
            Some(Described::Int { size, .. } | Described::Float { size, .. }) => size.clamp(1, 16),
            Some(Described::Enum { size, .. }) => size.clamp(1, 8),
            Some(Described::Pointer(_)) => 8,
            Some(Described::Array { of, .. } | Described::Typedef { of, .. }) => {
                self.alignment(of, step + 1)
            }
            Some(Described::Qualified(of, _) | Described::Tagged { of, .. }) => {
                self.alignment(of, step + 1)
            }
            Some(Described::Struct { size, members, .. }) => {
                self.struct_alignment(id, size, &members, step)
            }
            _ => 1,
        }
    }

    /// That of its most aligned member, unless members do not keep theirs: then it is packed.
    fn struct_alignment(&mut self, id: u32, size: u32, members: &[Member], step: u32) -> u32 {
        if let Some(&known) = self.alignments.get(&id) {
            return known;
        }
        let mut most = 1;
        let mut packed = false;
        for member in members {
            let align = self.alignment(member.ty, step + 1).next_power_of_two();
            packed |= member.width == 0
                && self.narrow(member.ty).is_none()
                && !member.offset.is_multiple_of(align * 8);
            most = most.max(align);
        }
        let align = if packed || !size.is_multiple_of(most) { 1 } else { most };
        self.alignments.insert(id, align);
        align
    }

    /// What a function takes and returns, or a pointer to one that has a name.
    pub(super) fn prototype(&mut self, id: u32) -> Option<Prototype> {
        let btf = self.blob.btf.clone();
        let Shape { params, result, .. } = shape(&btf, id)?;
        let params = params.iter().map(|(name, ty)| ((*name).to_owned(), self.convert(*ty)));
        let params = params.collect();
        Some(Prototype { params, result: self.convert(result) })
    }
}

/// What a function takes and returns.
pub(super) struct Prototype {
    /// Names and types in order; a name may be empty.
    pub(super) params: Vec<(String, TypeId)>,
    /// [`TypeId::VOID`] where there is none.
    pub(super) result: TypeId,
}

/// The same by its places in BTF, before any type is read.
pub(super) struct Shape<'a> {
    pub(super) params: Vec<(&'a str, u32)>,
    /// It ends with `...`.
    pub(super) open: bool,
    pub(super) result: u32,
}

/// What a function takes and returns, or a pointer to one that has a name.
pub(super) fn shape(btf: &Btf, id: u32) -> Option<Shape<'_>> {
    let mut next = id;
    for _ in 0..MOST_STEPS {
        next = match btf.get(next)? {
            Described::Function { prototype: of, .. }
            | Described::Typedef { of, .. }
            | Described::Pointer(of)
            | Described::Qualified(of, _) => of,
            Described::Prototype { result, mut params } => {
                let open = params.pop_if(|(name, ty)| *ty == 0 && name.is_empty()).is_some();
                return Some(Shape { params, open, result });
            }
            _ => return None,
        };
    }
    None
}

/// How many bytes a value has that is passed to a function or returned by one, if programs can have it: structs only as
/// arguments.
pub(super) fn passed(btf: &Btf, mut id: u32, structs: bool) -> Option<u32> {
    for _ in 0..MOST_STEPS {
        match btf.get(id)? {
            Described::Typedef { of, .. }
            | Described::Qualified(of, _)
            | Described::Tagged { of, .. } => id = of,
            Described::Struct { union, size, .. } => return (structs && !union).then_some(size),
            Described::Float { .. } => return None,
            Described::Int { size, .. } | Described::Enum { size, .. } => return Some(size),
            Described::Void => return Some(0),
            _ => return Some(8),
        }
    }
    None
}

/// `struct pair`; the name of the typedef for what has no name of its own; `struct ` alone for what has neither.
fn spelt(tag: &str, name: &str, alias: Option<&str>) -> String {
    match alias {
        Some(alias) if name.is_empty() => alias.to_owned(),
        _ => format!("{tag} {name}"),
    }
}

/// Reads the fields of a struct of the kernel that has none.
pub(super) fn complete(types: &mut Types, host: &dyn Host, id: StructId) {
    let record = types.record(id);
    let (None, Origin::Kernel { blob: number, id: place }) = (&record.fields, record.origin) else {
        return;
    };
    let fields = match numbered(types, host, number) {
        Some(blob) => Reader::new(types, blob).fields(place),
        None => Vec::new(),
    };
    types.record_mut(id).fields = Some(fields);
}

/// What is different in the script's own version of a kernel type, for a label at it.
pub(super) fn difference(
    types: &mut Types,
    host: &dyn Host,
    own: TypeId,
    origin: Origin,
) -> Option<String> {
    let Origin::Kernel { blob: number, id } = origin else { return None };
    let blob = Blob { number, btf: host.btf(number).ok()? };
    let (kernel_size, mut kernel_fields) = match blob.btf.get(id)? {
        Described::Struct { size, .. } => (size, Reader::new(types, blob.clone()).fields(id)),
        Described::Enum { size, .. } => (size, Vec::new()),
        _ => return None,
    };
    kernel_fields.retain(|field| !field.name.is_empty());
    let own_fields = match *types.get(own) {
        Type::Struct(id) => types.record(id).fields.clone().unwrap_or_default(),
        _ => Vec::new(),
    };
    for field in own_fields.iter().filter(|field| !field.name.is_empty()) {
        let name = &field.name;
        match kernel_fields.iter().find(|known| known.name == *name) {
            Some(known) if known.offset != field.offset => {
                let (here, there) = (field.offset, known.offset);
                return Some(format!("here `{name}` is at byte {here}, in the kernel at {there}"));
            }
            Some(_) => {}
            None => return Some(format!("the kernel's has no field `{name}`")),
        }
    }
    let size = types.size(own);
    (size != kernel_size)
        .then(|| format!("this one has {size} bytes, the kernel's has {kernel_size}"))
}
