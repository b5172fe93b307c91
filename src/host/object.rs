//! Objects of BPF code whose functions scripts call.

use object::elf::{STB_GLOBAL, STB_WEAK, STT_FUNC};
use object::read::elf::ElfFile64;
use object::{Architecture, Endianness, Object as _, ObjectSection as _, ObjectSymbol as _};

use super::btf::{Btf, Described, Named};

/// The section of functions that are no programs.
const FUNCTIONS: &str = ".text";
/// The section that says under which licence the code is.
const LICENSE: &str = "license";
/// Registers that the kernel's machine passes arguments in.
pub const MOST_ARGUMENTS: usize = 5;
/// The most types that are followed to the one that is meant.
const MOST_STEPS: u32 = 32;

/// What scripts see of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Functions that others may call.
    pub functions: Vec<Prototype>,
    /// Names of all that no other object may define too.
    pub defined: Vec<String>,
    /// What it says about its licence, if it does.
    pub license: Option<String>,
}

/// A function: what it takes and returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prototype {
    /// Its name.
    pub name: String,
    /// Names and types; a name can be empty.
    pub params: Vec<(String, CType)>,
    /// What it returns.
    pub result: CType,
}

/// A type in C, as far as those who call a function need to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CType {
    /// `void`
    Void,
    /// A number.
    Int {
        /// Bytes.
        size: u32,
        /// Two's complement.
        signed: bool,
    },
    /// `_Bool`
    Bool,
    /// `enum name`
    Enum {
        /// Without its tag; empty if it has none.
        name: String,
        /// Bytes.
        size: u32,
        /// Has negative constants.
        signed: bool,
    },
    /// `T *`
    Pointer(Box<CType>),
    /// A struct or union.
    Record {
        /// Without its tag; empty if it has none.
        name: String,
        /// All members at the same place.
        union: bool,
        /// Bytes; 0 where it is only declared.
        size: u32,
    },
    /// `T[len]`
    Array(Box<CType>, u32),
    /// What scripts cannot pass on: a function, a number with a fraction.
    Other,
}

/// Why an object cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// It is no file that a compiler made for BPF.
    NotBpf,
    /// It does not describe its functions.
    NoBtf,
}

/// Reads an object.
///
/// # Errors
/// Where it is none, or says nothing of its functions.
pub fn read(bytes: &[u8]) -> Result<Contents, Unusable> {
    let file = ElfFile64::<Endianness>::parse(bytes).map_err(|_| Unusable::NotBpf)?;
    if file.architecture() != Architecture::Bpf || !file.is_little_endian() {
        return Err(Unusable::NotBpf);
    }
    let section = |name| file.section_by_name(name).and_then(|section| section.data().ok());
    let blob = section(".BTF").ok_or(Unusable::NoBtf)?;
    let btf = Btf::new("object", Box::new(blob.to_vec()), None).ok_or(Unusable::NoBtf)?;
    let (mut functions, mut defined) = (Vec::new(), Vec::new());
    for symbol in file.symbols() {
        let entry = symbol.elf_symbol();
        let within = symbol.section_index().and_then(|index| file.section_by_index(index).ok());
        let within = within.as_ref().and_then(|section| section.name().ok());
        let (Ok(name), Some(within)) = (symbol.name(), within) else { continue };
        let function = entry.st_type() == STT_FUNC && within == FUNCTIONS;
        if function && matches!(entry.st_bind(), STB_GLOBAL | STB_WEAK) {
            functions.extend(prototype(&btf, name));
        }
        if entry.st_bind() == STB_GLOBAL && within != LICENSE {
            defined.push(name.to_owned());
        }
    }
    let license = section(LICENSE).map(|text| {
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    });
    Ok(Contents { functions, defined, license })
}

/// The type of a variable of the kernel that each CPU has its own of.
pub fn variable(btf: &Btf, name: &str) -> Option<CType> {
    let id = btf.find_all(Named::Variable, name).find(|id| btf.per_cpu().contains(id))?;
    let Described::Variable { of, .. } = btf.get(id)? else { return None };
    Some(c_type(btf, of, 0))
}

fn prototype(btf: &Btf, name: &str) -> Option<Prototype> {
    let id = btf.find(Named::Function, name)?;
    let Described::Function { prototype, .. } = btf.get(id)? else { return None };
    let Described::Prototype { result, params } = btf.get(prototype)? else { return None };
    let params = params.into_iter().map(|(param, ty)| match (param, ty) {
        // `...`
        ("", 0) => (String::new(), CType::Other),
        _ => (param.to_owned(), c_type(btf, ty, 0)),
    });
    let params = params.collect();
    Some(Prototype { name: name.to_owned(), params, result: c_type(btf, result, 0) })
}

fn c_type(btf: &Btf, id: u32, step: u32) -> CType {
    let Some(described) = btf.get(id).filter(|_| step < MOST_STEPS) else { return CType::Other };
    match described {
        Described::Void => CType::Void,
        Described::Int { boolean: true, .. } => CType::Bool,
        Described::Int { size, signed, .. } if matches!(size, 1 | 2 | 4 | 8) => {
            CType::Int { size, signed }
        }
        Described::Enum { name, size, variants } => {
            let signed = variants.iter().any(|(_, number)| *number < 0);
            CType::Enum { name: name.to_owned(), size, signed }
        }
        Described::Pointer(to) => CType::Pointer(Box::new(c_type(btf, to, step + 1))),
        Described::Array { of, len } => CType::Array(Box::new(c_type(btf, of, step + 1)), len),
        Described::Struct { name, union, size, .. } => {
            CType::Record { name: name.to_owned(), union, size }
        }
        Described::Forward { name, union } => {
            CType::Record { name: name.to_owned(), union, size: 0 }
        }
        Described::Typedef { of, .. }
        | Described::Qualified(of, _)
        | Described::Tagged { of, .. } => c_type(btf, of, step + 1),
        _ => CType::Other,
    }
}

impl CType {
    /// How many bytes of a register a value takes; none where it is not passed in one, or where what it points to
    /// cannot be described.
    pub fn register(&self) -> Option<u32> {
        match self {
            CType::Void | CType::Record { .. } | CType::Array(..) | CType::Other => None,
            CType::Int { size, .. } | CType::Enum { size, .. } => Some(*size),
            CType::Bool => Some(1),
            CType::Pointer(to) => to.is_plain().then_some(8),
        }
    }

    /// Bytes, where that is known; else 0.
    pub fn size(&self) -> u32 {
        match self {
            CType::Record { size, .. } => *size,
            CType::Array(of, len) => of.size().saturating_mul(*len),
            other => other.register().unwrap_or(0),
        }
    }

    /// Whether it can be described to the kernel in full.
    pub fn is_described(&self) -> bool {
        match self {
            CType::Other => false,
            CType::Pointer(of) | CType::Array(of, _) => of.is_described(),
            _ => true,
        }
    }

    /// Whether all of it is known, and it is no array.
    fn is_plain(&self) -> bool {
        match self {
            CType::Other | CType::Array(..) => false,
            CType::Pointer(to) => to.is_plain(),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &[u8] = include_bytes!("../../tests/golden/imports/objects/functions.bpf.o");

    #[test]
    fn functions_have_their_types() {
        let contents = read(OBJECT).expect("an object");
        let names: Vec<&str> = contents.functions.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["add", "is_first", "store", "second", "strange"]);
        let int = CType::Int { size: 4, signed: true };
        assert_eq!(contents.functions[0].params[1], ("b".to_owned(), int.clone()));
        assert_eq!(contents.functions[0].result, int);
        assert_eq!(contents.functions[1].result, CType::Bool);
        let pair = CType::Record { name: "pair".to_owned(), union: false, size: 16 };
        assert_eq!(contents.functions[3].params[0].1, CType::Pointer(Box::new(pair)));
        assert_eq!(contents.functions[4].params[0].1.register(), None);
        assert!(contents.defined.contains(&"seen".to_owned()));
        assert_eq!(contents.license, None);
    }

    #[test]
    fn a_damaged_object_never_panics() {
        for end in 0..OBJECT.len() {
            let _ = read(&OBJECT[..end]);
        }
        let mut damaged = OBJECT.to_vec();
        for at in 0..damaged.len() {
            for value in [0, 1, 0x7f, 0xff] {
                damaged[at] = value;
                let _ = read(&damaged);
            }
            damaged[at] = OBJECT[at];
        }
    }
}
