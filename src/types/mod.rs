//! The types of the language, interned: equal types have equal ids.
//!
//! Sizes and alignments are computed here and nowhere else.

pub mod c;
pub mod catalog;
pub mod format;
pub mod gfp;
mod kernel;
pub mod name;
pub mod program;
mod record;
mod table;
pub mod traced;
mod value;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;

use ebtrace_image::StackMode;

use crate::host::btf::Btf;
pub use ebtrace_image::Aggregate;
use indexmap::{IndexMap, IndexSet};
pub(crate) use kernel::blob;
pub use record::{Access, Enum, EnumId, Field, Origin, Struct, StructId};

/// Index of a [`Type`] in [`Types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(u32);

/// Which memory a pointer points into, and so which helper reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Space {
    /// Kernel memory.
    Kernel,
    /// Memory of the current process.
    User,
    /// The program's context: read directly.
    Context,
    /// Not known: told by the address itself when it is read.
    Unset,
}

/// A type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// Not known (yet): every operation on it is fine and yields it again.
    Unknown,
    /// No value.
    Void,
    /// `true` or `false`: one byte.
    Bool,
    /// 8, 16, 32 or 64 bits.
    Int {
        /// Width.
        bits: u8,
        /// Two's complement.
        signed: bool,
    },
    /// Text in a buffer of so many bytes, its NUL and zeros after it included.
    Str(u32),
    /// An address.
    Pointer {
        /// What stands there.
        to: TypeId,
        /// Where.
        space: Space,
    },
    /// Elements side by side.
    Array {
        /// Of this type.
        of: TypeId,
        /// How many.
        len: u32,
    },
    /// A struct or union with named fields at given offsets; its definition is in [`Types::record`].
    Struct(StructId),
    /// One of several named numbers.
    Enum {
        /// Its definition.
        id: EnumId,
        /// Bytes: as its C type says in a struct or array, 8 in values of the script.
        size: u8,
        /// Two's complement.
        signed: bool,
    },
    /// Values side by side, laid out as C does.
    Tuple(Vec<TypeId>),
    /// Values side by side with names, laid out as C does.
    Record(Vec<(String, TypeId)>),
    /// Bytes: a `u32` with their number, then room for so many.
    Buffer(u32),
    /// A C function, only ever behind a pointer.
    Function,
    /// A C type that is declared and not defined, with its tag: `struct foo`. Only ever behind a pointer.
    Opaque(String),
    /// A call stack of at most so many frames.
    Stack {
        /// User space instead of the kernel's.
        user: bool,
        /// Room for this many frames.
        frames: u32,
        /// How it is shown, and what a frame is.
        mode: StackMode,
    },
    /// A code address to be shown as a symbol.
    Symbol {
        /// User space instead of the kernel.
        user: bool,
    },
    /// What is put into words when it is shown.
    Worded(Worded),
    /// A per-CPU aggregation; only maps hold it.
    Aggregate(Aggregate),
}

/// What is put into words when it is shown; how its bytes lie, `ebtrace_image::Shape` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Worded {
    /// A user.
    User,
    /// An address of network hardware.
    Mac,
    /// An address of the internet protocols.
    Inet,
    /// A time in a format; the number of the format is among [`Types::texts`].
    Time,
    /// A control group; the number of the pattern that chooses hierarchies is among [`Types::texts`].
    CgroupPath,
}

impl Worded {
    /// All of them.
    pub const ALL: [Worded; 5] =
        [Worded::User, Worded::Mac, Worded::Inet, Worded::Time, Worded::CgroupPath];

    /// As scripts and messages call the type.
    pub fn name(self) -> &'static str {
        match self {
            Worded::User => "username_t",
            Worded::Mac => "macaddr_t",
            Worded::Inet => "inet",
            Worded::Time => "timestamp",
            Worded::CgroupPath => "cgroup_path_t",
        }
    }

    /// Size and alignment in bytes.
    fn layout(self) -> (u32, u32) {
        match self {
            Worded::User => (8, 8),
            Worded::Mac => (6, 1),
            Worded::Inet => (24, 8),
            Worded::Time | Worded::CgroupPath => (16, 8),
        }
    }
}

impl TypeId {
    /// [`Type::Unknown`]
    pub const UNKNOWN: TypeId = TypeId(0);
    /// [`Type::Void`]
    pub const VOID: TypeId = TypeId(1);
    /// [`Type::Bool`]
    pub const BOOL: TypeId = TypeId(2);
    /// Signed, 8 bits.
    pub const I8: TypeId = TypeId(3);
    /// Signed, 16 bits.
    pub const I16: TypeId = TypeId(4);
    /// Signed, 32 bits.
    pub const I32: TypeId = TypeId(5);
    /// Signed, 64 bits.
    pub const I64: TypeId = TypeId(6);
    /// Unsigned, 8 bits.
    pub const U8: TypeId = TypeId(7);
    /// Unsigned, 16 bits.
    pub const U16: TypeId = TypeId(8);
    /// Unsigned, 32 bits.
    pub const U32: TypeId = TypeId(9);
    /// Unsigned, 64 bits.
    pub const U64: TypeId = TypeId(10);

    /// The integer type of 8, 16, 32 or 64 bits; other widths are rounded up.
    pub fn int(bits: u8, signed: bool) -> TypeId {
        let rank = match bits {
            0..=8 => 0,
            9..=16 => 1,
            17..=32 => 2,
            _ => 3,
        };
        TypeId(rank + if signed { 3 } else { 7 })
    }
}

/// The interner.
#[derive(Debug, Clone)]
pub struct Types {
    set: IndexSet<Type>,
    structs: Vec<Struct>,
    /// Structs by name; patterns stand for tens of thousands of functions, whose arguments are one each.
    by_name: HashMap<String, Vec<StructId>>,
    enums: Vec<Enum>,
    /// C types by their names: `struct pair`, `enum state`, and typedefs by the bare name.
    names: IndexMap<String, TypeId>,
    /// Structs and enums of the kernel by their place in its BTF, since their parts may not be known yet.
    kernel: HashMap<Origin, TypeId>,
    /// Types of the script that stand where the kernel has one of the same name, and which.
    replaced: IndexSet<(TypeId, Origin)>,
    /// What headers define.
    headers: Option<Rc<Btf>>,
    /// The program that the probe at hand is attached to.
    program: Option<PathBuf>,
    /// Names of numbers, with the enum that has them.
    constants: IndexMap<String, (TypeId, i128)>,
    /// Texts that values of [`Type::Worded`] refer to by number.
    texts: IndexSet<String>,
}

impl Default for Types {
    fn default() -> Types {
        Types::new()
    }
}

impl Types {
    /// Holds the types that [`TypeId`] has constants for.
    pub fn new() -> Types {
        let mut set = IndexSet::from([Type::Unknown, Type::Void, Type::Bool]);
        for signed in [true, false] {
            set.extend([8, 16, 32, 64].map(|bits| Type::Int { bits, signed }));
        }
        Types {
            set,
            structs: Vec::new(),
            by_name: HashMap::new(),
            enums: Vec::new(),
            names: IndexMap::new(),
            kernel: HashMap::new(),
            replaced: IndexSet::new(),
            headers: None,
            program: None,
            constants: IndexMap::new(),
            texts: IndexSet::new(),
        }
    }

    /// The id of a type.
    pub fn intern(&mut self, ty: Type) -> TypeId {
        TypeId(self.set.insert_full(ty).0 as u32)
    }

    /// The type behind an id.
    pub fn get(&self, id: TypeId) -> &Type {
        &self.set[id.0 as usize]
    }

    /// `Type::Str` of this size.
    pub fn string(&mut self, size: u32) -> TypeId {
        self.intern(Type::Str(size))
    }

    /// `Type::Pointer`
    pub fn pointer(&mut self, to: TypeId, space: Space) -> TypeId {
        self.intern(Type::Pointer { to, space })
    }

    /// Size in bytes of a value in memory. Aggregations have the size of one CPU's part.
    pub fn size(&self, id: TypeId) -> u32 {
        self.room(id).0
    }

    /// Alignment in bytes of a value in memory.
    pub fn align(&self, id: TypeId) -> u32 {
        self.room(id).1
    }

    /// Size and alignment, found together: a tuple asks each element for both, and would otherwise ask the innermost
    /// of a deep one as often as there are levels, squared.
    fn room(&self, id: TypeId) -> (u32, u32) {
        let alike = |size: u32| (size, size);
        match self.get(id) {
            Type::Unknown | Type::Void | Type::Function | Type::Opaque(_) => (0, 1),
            Type::Bool => alike(1),
            Type::Int { bits, .. } => alike(u32::from(bits / 8)),
            Type::Enum { size, .. } => alike(u32::from(*size)),
            Type::Pointer { .. } => alike(8),
            Type::Str(size) => (*size, 1),
            Type::Buffer(room) => (4 + room, 4),
            Type::Worded(worded) => worded.layout(),
            Type::Array { of, len } => {
                let (size, align) = self.room(*of);
                (size * len, align)
            }
            Type::Struct(id) => {
                let record = self.record(*id);
                (record.size, record.align)
            }
            Type::Tuple(elements) => self.tuple_room(elements).1,
            Type::Record(fields) => self.tuple_room(&types_of(fields)).1,
            Type::Stack { frames, mode, .. } => (16 + mode.frame_size() * frames, 8),
            Type::Symbol { .. } => (16, 8),
            Type::Aggregate(aggregate) => (aggregate.words() * 8, 8),
        }
    }

    /// Offsets of a tuple's elements, and its size with the padding at the end.
    pub fn tuple_layout(&self, elements: &[TypeId]) -> (Vec<u32>, u32) {
        let (offsets, (size, _)) = self.tuple_room(elements);
        (offsets, size)
    }

    fn tuple_room(&self, elements: &[TypeId]) -> (Vec<u32>, (u32, u32)) {
        let mut at = 0u32;
        let mut most = 1;
        let mut offsets = Vec::with_capacity(elements.len());
        for &element in elements {
            let (size, align) = self.room(element);
            most = most.max(align);
            at = at.next_multiple_of(align);
            offsets.push(at);
            at += size;
        }
        (offsets, (at.next_multiple_of(most), most))
    }

    /// Whether values live in registers; all others live in memory.
    pub fn is_scalar(&self, id: TypeId) -> bool {
        matches!(
            self.get(id),
            Type::Bool | Type::Int { .. } | Type::Enum { .. } | Type::Pointer { .. }
        )
    }

    /// Whether it is an integer of any width.
    pub fn is_int(&self, id: TypeId) -> bool {
        matches!(self.get(id), Type::Int { .. })
    }

    /// Whether it is a signed integer.
    pub fn is_signed(&self, id: TypeId) -> bool {
        matches!(self.get(id), Type::Int { signed: true, .. })
    }

    /// Whether values can be stored, printed and used as keys.
    pub fn is_value(&self, id: TypeId) -> bool {
        match self.get(id) {
            Type::Void | Type::Aggregate(_) | Type::Function | Type::Opaque(_) => false,
            Type::Pointer { space, .. } => *space != Space::Context,
            _ => true,
        }
    }

    /// The low bits of an integer constant of a type, extended to 64 by its sign.
    pub fn extend(&self, value: u64, id: TypeId) -> u64 {
        let (bits, signed) = match *self.get(id) {
            Type::Int { bits, signed } => (bits, signed),
            Type::Enum { size, signed, .. } => (size * 8, signed),
            _ => return value,
        };
        let unused = 64 - u32::from(bits);
        if signed { ((value << unused) as i64 >> unused) as u64 } else { value << unused >> unused }
    }

    /// As messages spell it.
    pub fn name(&self, id: TypeId) -> TypeName<'_> {
        TypeName { types: self, id }
    }
}

/// The types of a record's fields.
pub fn types_of(fields: &[(String, TypeId)]) -> Vec<TypeId> {
    fields.iter().map(|(_, ty)| *ty).collect()
}

/// The function that makes an aggregation.
pub fn aggregating_function(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Count => "count",
        Aggregate::Sum { .. } => "sum",
        Aggregate::Min { .. } => "min",
        Aggregate::Max { .. } => "max",
        Aggregate::Avg { .. } => "avg",
        Aggregate::Stats { .. } => "stats",
        Aggregate::Hist { .. } => "hist",
        Aggregate::Lhist { .. } => "lhist",
        Aggregate::Series { .. } => "tseries",
    }
}

/// Shows a type as messages spell it: `uint64`, `string[16]`, `count_t`.
#[derive(Clone, Copy)]
pub struct TypeName<'a> {
    types: &'a Types,
    id: TypeId,
}

impl fmt::Display for TypeName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |id: TypeId| TypeName { types: self.types, id };
        match self.types.get(self.id) {
            Type::Unknown => f.write_str("unknown"),
            Type::Void => f.write_str("void"),
            Type::Bool => f.write_str("bool"),
            Type::Int { bits, signed } => write!(f, "{}int{bits}", if *signed { "" } else { "u" }),
            Type::Str(size) => write!(f, "string[{size}]"),
            Type::Pointer { to, .. } => write!(f, "{} *", of(*to)),
            Type::Array { .. } => {
                // As C writes it: the outermost length first.
                let (mut element, mut lengths) = (self.id, String::new());
                while let Type::Array { of, len } = self.types.get(element) {
                    lengths.push_str(&format!("[{len}]"));
                    element = *of;
                }
                write!(f, "{}{lengths}", of(element))
            }
            Type::Struct(id) => f.write_str(&self.types.record(*id).name),
            Type::Enum { id, .. } => f.write_str(&self.types.named_numbers(*id).name),
            Type::Opaque(name) => f.write_str(name),
            Type::Function => f.write_str("function"),
            Type::Buffer(room) => write!(f, "buffer[{room}]"),
            Type::Record(fields) => {
                f.write_str("record { ")?;
                for (index, (name, field)) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}.{name} = {}", of(*field))?;
                }
                f.write_str(" }")
            }
            Type::Tuple(elements) => {
                f.write_str("(")?;
                for (index, &element) in elements.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { "," }, of(element))?;
                }
                f.write_str(")")
            }
            Type::Stack { user, frames, mode } => {
                let mode = name::stack_mode(*mode);
                write!(f, "{}stack_{mode}_{frames}", if *user { "u" } else { "k" })
            }
            Type::Symbol { user } => f.write_str(if *user { "usym_t" } else { "ksym_t" }),
            Type::Worded(worded) => f.write_str(worded.name()),
            Type::Aggregate(aggregate) => {
                let unsigned = match aggregate {
                    Aggregate::Sum { signed }
                    | Aggregate::Min { signed }
                    | Aggregate::Max { signed }
                    | Aggregate::Avg { signed }
                    | Aggregate::Stats { signed } => !signed,
                    _ => false,
                };
                write!(
                    f,
                    "{}{}_t",
                    if unsigned { "u" } else { "" },
                    aggregating_function(*aggregate)
                )
            }
        }
    }
}
