//! Debug information of programs (DWARF): what their functions take, what their types are, where their lines are.

mod blocks;
mod lines;
mod passing;
mod types;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use ebtrace::host::btf::{Btf, Named};
use ebtrace::host::program::{Debug, Parameter, Signature, SourceFile};
use gimli::{
    AttributeValue, DebuggingInformationEntry, DwAt, Dwarf, EndianRcSlice, Reader as _,
    RunTimeEndian, constants as dw,
};
use object::{Object, ObjectSection};

use blocks::Blocks;
use types::Describer;

type Slice = EndianRcSlice<RunTimeEndian>;
type Unit = gimli::Unit<Slice>;
type Entry = DebuggingInformationEntry<Slice>;

/// An entry: the number of its unit, and its offset there.
type Place = (usize, gimli::UnitOffset);

/// Entries that one refers to for what it does not say itself.
const MOST_STEPS: usize = 8;

/// The debug information of a program.
#[derive(Debug)]
pub(super) struct Information {
    dwarf: Dwarf<Slice>,
    units: Vec<Unit>,
    index: Index,
    describer: RefCell<Describer>,
    /// The number of the blob that describes the types.
    blob: u32,
}

/// Where entries are.
#[derive(Debug, Default)]
struct Index {
    /// Functions by the address of their code.
    functions: HashMap<u64, Place>,
    /// Definitions of types by kind and whole name.
    types: HashMap<(Kind, String), Place>,
    /// Whole names of those that are within something.
    names: HashMap<Place, String>,
    /// Code of functions and of what is inlined in them.
    blocks: Blocks,
}

/// Kinds of types that have names of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Struct,
    Union,
    Enum,
    Plain,
}

impl Information {
    /// Reads the debug information of an ELF file, if it has some; types get the blob of this number.
    pub(super) fn read(bytes: &[u8], blob: u32) -> Option<Self> {
        let file = object::File::parse(bytes).ok()?;
        file.section_by_name(".debug_info")?;
        let endian =
            if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let section = |id: gimli::SectionId| -> Result<Slice, gimli::Error> {
            let section = file.section_by_name(id.name());
            let data = section.and_then(|section| section.uncompressed_data().ok());
            Ok(Slice::new(Rc::from(&*data.unwrap_or_default()), endian))
        };
        let dwarf = Dwarf::load(section).ok()?;
        let mut units = Vec::new();
        let mut headers = dwarf.units();
        // What follows a damaged unit cannot be found.
        while let Ok(Some(header)) = headers.next() {
            units.extend(dwarf.unit(header).ok());
        }
        let mut information =
            Self { dwarf, units, index: Index::default(), describer: RefCell::default(), blob };
        let mut index = Index::default();
        for number in 0..information.units.len() {
            // A damaged unit has fewer entries.
            let _ = information.index_unit(number, &mut index);
        }
        index.blocks.sort();
        information.index = index;
        Some(information)
    }

    fn index_unit(&self, number: usize, index: &mut Index) -> gimli::Result<()> {
        let unit = &self.units[number];
        let mut scopes: Vec<(isize, String)> = Vec::new();
        let mut entries = unit.entries_raw(None)?;
        let mut entry = Entry::null();
        while !entries.is_empty() {
            if !entries.read_entry(&mut entry)? {
                continue;
            }
            let (depth, tag) = (entry.depth(), entry.tag());
            while scopes.last().is_some_and(|(outer, _)| *outer >= depth) {
                scopes.pop();
            }
            if matches!(tag, dw::DW_TAG_subprogram | dw::DW_TAG_inlined_subroutine) {
                self.index_code(number, &entry, index)?;
            }
            let named = kind_of(tag);
            if named.is_none() && tag != dw::DW_TAG_namespace {
                continue;
            }
            let Some(name) = self.text(unit, &entry, dw::DW_AT_name) else { continue };
            let place = (number, entry.offset());
            let name = match scopes.last() {
                Some((_, outer)) => {
                    let name = format!("{outer}::{name}");
                    index.names.insert(place, name.clone());
                    name
                }
                None => name,
            };
            if entry.has_children() && tag != dw::DW_TAG_enumeration_type {
                scopes.push((depth, name.clone()));
            }
            let declared = entry.has_attr(dw::DW_AT_declaration);
            if let Some(kind) = named.filter(|_| !declared) {
                index.types.entry((kind, name)).or_insert(place);
            }
        }
        Ok(())
    }

    fn index_code(&self, number: usize, entry: &Entry, index: &mut Index) -> gimli::Result<()> {
        let unit = &self.units[number];
        let mut ranges = self.dwarf.die_ranges(unit, entry)?;
        while let Some(range) = ranges.next()? {
            if range.begin < range.end && !unit.header.is_tombstone_address(range.begin) {
                index.blocks.add(range.begin, range.end);
            }
        }
        if entry.tag() == dw::DW_TAG_subprogram
            && let Some(low) = entry.attr_value(dw::DW_AT_low_pc)
            && let Some(address) = self.dwarf.attr_address(unit, low)?
        {
            index.functions.insert(address, (number, entry.offset()));
        }
        Ok(())
    }

    fn entry(&self, (unit, offset): Place) -> Option<Entry> {
        self.units.get(unit)?.entry(offset).ok()
    }

    fn text(&self, unit: &Unit, entry: &Entry, attribute: DwAt) -> Option<String> {
        let value = entry.attr_value(attribute)?;
        let text = self.dwarf.attr_string(unit, value).ok()?;
        text.to_string_lossy().ok().map(|text| text.into_owned())
    }

    /// The entry that an attribute refers to.
    fn referred(&self, unit: usize, entry: &Entry, attribute: DwAt) -> Option<Place> {
        match entry.attr_value(attribute)? {
            AttributeValue::UnitRef(offset) => Some((unit, offset)),
            AttributeValue::DebugInfoRef(offset) => {
                let whole = |unit: &Unit| unit.header.debug_info_offset();
                let after = self.units.partition_point(|unit| whole(unit) <= Some(offset));
                let number = after.checked_sub(1)?;
                Some((number, offset.to_unit_offset(&self.units[number].header)?))
            }
            _ => None,
        }
    }

    /// What an entry says, or one that it refers to for what it does not say itself.
    fn found<T>(&self, place: Place, find: impl Fn(usize, &Entry) -> Option<T>) -> Option<T> {
        let mut place = place;
        for _ in 0..MOST_STEPS {
            let entry = self.entry(place)?;
            if let Some(found) = find(place.0, &entry) {
                return Some(found);
            }
            let origins = [dw::DW_AT_abstract_origin, dw::DW_AT_specification];
            place = origins.iter().find_map(|origin| self.referred(place.0, &entry, *origin))?;
        }
        None
    }

    fn name_of(&self, place: Place) -> Option<String> {
        self.found(place, |unit, entry| self.text(&self.units[unit], entry, dw::DW_AT_name))
    }

    fn type_of(&self, place: Place) -> Option<Place> {
        self.found(place, |unit, entry| self.referred(unit, entry, dw::DW_AT_type))
    }

    /// The entries directly within another.
    fn children(&self, (unit, offset): Place) -> Vec<(Place, gimli::DwTag)> {
        let mut children = Vec::new();
        let Some(Ok(mut cursor)) = self.units.get(unit).map(|unit| unit.entries_at_offset(offset))
        else {
            return children;
        };
        if !matches!(cursor.next_dfs(), Ok(Some(entry)) if entry.has_children())
            || !matches!(cursor.next_entry(), Ok(true))
        {
            return children;
        }
        let mut child = cursor.current().map(|entry| (entry.offset(), entry.tag()));
        while let Some((offset, tag)) = child {
            children.push(((unit, offset), tag));
            child = match cursor.next_sibling() {
                Ok(Some(entry)) => Some((entry.offset(), entry.tag())),
                _ => None,
            };
        }
        children
    }

    /// The types that were described so far.
    pub(super) fn btf(&self) -> Option<Rc<Btf>> {
        self.describer.borrow_mut().btf()
    }
}

impl Debug for Information {
    fn blob(&self) -> u32 {
        self.blob
    }

    fn signature(&self, address: u64) -> Option<Signature> {
        let function = *self.index.functions.get(&address)?;
        let mut describer = self.describer.borrow_mut();
        let children = self.children(function).into_iter();
        let parameters = children.filter(|(_, tag)| *tag == dw::DW_TAG_formal_parameter);
        let parameters = parameters.map(|(place, _)| {
            let ty = self.type_of(place);
            Parameter {
                name: self.name_of(place).unwrap_or_default(),
                ty: describer.passed(self, ty),
                words: self.passing(ty),
            }
        });
        let parameters = parameters.collect();
        let result = self.type_of(function);
        let result_in_memory = result.is_some() && self.passing(result).is_none();
        Some(Signature { parameters, result_in_memory })
    }

    fn find_type(&self, kind: Named, name: &str) -> Option<u32> {
        let kind = match kind {
            Named::Struct => Kind::Struct,
            Named::Union => Kind::Union,
            Named::Enum => Kind::Enum,
            Named::Plain => Kind::Plain,
            Named::Function | Named::Variable | Named::Tag | Named::Section => return None,
        };
        let place = *self.index.types.get(&(kind, name.to_owned()))?;
        Some(self.describer.borrow_mut().whole(self, place))
    }

    fn source_files(&self, end: &str) -> Vec<SourceFile> {
        self.lines(end)
    }
}

fn kind_of(tag: gimli::DwTag) -> Option<Kind> {
    match tag {
        dw::DW_TAG_structure_type | dw::DW_TAG_class_type => Some(Kind::Struct),
        dw::DW_TAG_union_type => Some(Kind::Union),
        dw::DW_TAG_enumeration_type => Some(Kind::Enum),
        dw::DW_TAG_typedef | dw::DW_TAG_base_type => Some(Kind::Plain),
        _ => None,
    }
}
