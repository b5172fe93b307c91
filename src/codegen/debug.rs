//! Debug information, from which LLVM makes BTF: what maps, programs and the script's lines are.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use ebtrace_image as image;
use inkwell::AddressSpace;
use inkwell::debug_info::{
    AsDIScope, DICompileUnit, DIFile, DIFlags, DIFlagsConstants, DIScope, DISubprogram, DIType,
    DWARFEmissionKind, DWARFSourceLanguage, DebugInfoBuilder, debug_metadata_version,
};
use inkwell::module::FlagBehavior;
use inkwell::types::AnyTypeEnum;
use inkwell::values::GlobalValue;

use super::Invariant;
use super::context::Emitter;
use crate::source::{FileId, Sources, Span};

/// BTF has 10 bits for a column and 22 for a line.
const MAX_COLUMN: u32 = (1 << 10) - 1;
const MAX_LINE: u32 = (1 << 22) - 1;

/// LLVM opens the files it hears of and copies their lines, which is not its business: scripts may be pipes or
/// no files at all. Below this directory it finds none; [`super::lines`] puts the right names and lines in.
pub(super) const NO_DIRECTORY: &str = "/dev/null/";

const SIGNED: u32 = 5;
const UNSIGNED: u32 = 7;
const BOOLEAN: u32 = 2;
const CHARACTER: u32 = 6;
const COMPLEX: u32 = 3;

/// Debug information of the module.
pub(super) struct Debug<'a, 'ctx> {
    sources: &'a Sources,
    emitter: &'a Emitter<'ctx>,
    builder: DebugInfoBuilder<'ctx>,
    unit: DICompileUnit<'ctx>,
    files: RefCell<HashMap<FileId, DIFile<'ctx>>>,
    /// Names of the globals that are described.
    globals: RefCell<HashSet<String>>,
}

/// The lines of one program.
pub(super) struct Lines<'ctx> {
    file: FileId,
    subprogram: DISubprogram<'ctx>,
    /// A scope for each other text that its statements come from.
    others: HashMap<FileId, DIScope<'ctx>>,
}

impl<'a, 'ctx> Debug<'a, 'ctx> {
    pub(super) fn new(emitter: &'a Emitter<'ctx>, sources: &'a Sources) -> Debug<'a, 'ctx> {
        let version =
            emitter.context().i32_type().const_int(u64::from(debug_metadata_version()), false);
        emitter.module.add_basic_value_flag("Debug Info Version", FlagBehavior::Warning, version);
        let (builder, unit) = emitter.module.create_debug_info_builder(
            false,
            DWARFSourceLanguage::C,
            "ebtrace",
            NO_DIRECTORY,
            "ebtrace",
            true,
            "",
            0,
            "",
            DWARFEmissionKind::Full,
            0,
            false,
            false,
            "",
            "",
        );
        Debug {
            sources,
            emitter,
            builder,
            unit,
            files: RefCell::default(),
            globals: RefCell::default(),
        }
    }

    /// Completes what was described; to be called before LLVM runs.
    pub(super) fn finish(&self) {
        self.builder.finalize();
    }

    // Lines.

    /// Describes the program `int name(unsigned long long *ctx)` of an attach point.
    pub(super) fn program(&self, name: &str, site: Span) -> Result<Lines<'ctx>, Invariant> {
        let context = self.pointer(self.int(8, false)?);
        self.function(name, &[("ctx", context)], self.int(4, true)?, site, false)
    }

    /// Describes a function that comes from a place in the script; the kernel checks local ones with their callers.
    pub(super) fn function(
        &self,
        name: &str,
        params: &[(&str, DIType<'ctx>)],
        returns: DIType<'ctx>,
        site: Span,
        local: bool,
    ) -> Result<Lines<'ctx>, Invariant> {
        let (builder, none) = (&self.builder, DIFlags::ZERO);
        let (file, line) = (self.file(site.file), self.position(site).0);
        let types: Vec<DIType> = params.iter().map(|&(_, ty)| ty).collect();
        let ty = builder.create_subroutine_type(file, Some(returns), &types, none);
        let scope = self.unit.as_debug_info_scope();
        let subprogram = builder
            .create_function(scope, name, None, file, line, ty, local, true, line, none, true);
        // The kernel wants a name for each parameter of a function.
        let within = subprogram.as_debug_info_scope();
        for (number, &(name, ty)) in (1..).zip(params) {
            builder.create_parameter_variable(within, name, number, file, line, ty, true, none);
        }
        Ok(Lines { file: site.file, subprogram, others: HashMap::new() })
    }

    /// Describes a function that is defined elsewhere.
    pub(super) fn declaration(
        &self,
        name: &str,
        params: &[DIType<'ctx>],
        returns: Option<DIType<'ctx>>,
    ) -> DISubprogram<'ctx> {
        let (file, none) = (self.unit.get_file(), DIFlags::ZERO);
        let ty = self.builder.create_subroutine_type(file, returns, params, none);
        let scope = self.unit.as_debug_info_scope();
        self.builder.create_function(scope, name, None, file, 0, ty, false, false, 0, none, true)
    }

    /// From now on, what is emitted comes from this place.
    pub(super) fn at(&self, lines: &mut Lines<'ctx>, span: Span) {
        let span = self.sources.written(span);
        let (line, column) = self.position(span);
        let own = lines.subprogram.as_debug_info_scope();
        let scope = if span.file == lines.file {
            own
        } else {
            let open = || {
                let file = self.file(span.file);
                self.builder.create_lexical_block(own, file, line, column).as_debug_info_scope()
            };
            *lines.others.entry(span.file).or_insert_with(open)
        };
        let context = self.emitter.context();
        self.emitter
            .set_location(self.builder.create_debug_location(context, line, column, scope, None));
    }

    fn file(&self, id: FileId) -> DIFile<'ctx> {
        let create = || {
            let name = self.sources.get(id).name.trim_start_matches('/');
            self.builder.create_file(name, &format!("{NO_DIRECTORY}{}", id.0))
        };
        *self.files.borrow_mut().entry(id).or_insert_with(create)
    }

    fn position(&self, span: Span) -> (u32, u32) {
        let at = self.sources.get(span.file).position(span.start);
        (at.line.min(MAX_LINE), at.column.min(MAX_COLUMN))
    }

    // Variables and types.

    /// Describes a global.
    pub(super) fn global(&self, global: GlobalValue<'ctx>, name: &str, ty: DIType<'ctx>) {
        self.globals.borrow_mut().insert(name.to_owned());
        let scope = self.unit.as_debug_info_scope();
        let file = self.unit.get_file();
        let variable = self
            .builder
            .create_global_variable_expression(scope, name, "", file, 0, ty, false, None, None, 64)
            .as_metadata_value(self.emitter.context());
        global.set_metadata(variable, self.emitter.context().get_kind_id("dbg"));
    }

    /// Describes the globals that nothing else describes, as bytes: the linker wants to know all of them.
    pub(super) fn describe_globals(&self) -> Result<(), Invariant> {
        let byte = self.int(1, false)?;
        for global in self.emitter.module.get_globals() {
            let name = global.get_name().to_string_lossy().into_owned();
            if let AnyTypeEnum::ArrayType(bytes) = global.get_value_type()
                && !self.globals.borrow().contains(&name)
            {
                self.global(global, &name, self.array(byte, 1, bytes.len()));
            }
        }
        Ok(())
    }

    /// `void` behind a pointer: to BTF, what has an encoding that it does not know is nothing.
    pub(super) fn void(&self) -> Result<DIType<'ctx>, Invariant> {
        self.basic("void", 1, COMPLEX)
    }

    /// An enum without its constants.
    pub(super) fn enumeration(&self, name: &str, size: u32) -> Result<DIType<'ctx>, Invariant> {
        let (scope, file) = (self.unit.as_debug_info_scope(), self.unit.get_file());
        let (bits, of) = (u64::from(size) * 8, self.int(size, false)?);
        let ty = self.builder.create_enumeration_type(scope, name, file, 0, bits, 8, &[], of);
        Ok(ty.as_type())
    }

    /// A struct or union without its members.
    pub(super) fn record(&self, name: &str, union: bool) -> DIType<'ctx> {
        let (scope, file) = (self.unit.as_debug_info_scope(), self.unit.get_file());
        let (builder, none) = (&self.builder, DIFlags::ZERO);
        let ty = if union {
            builder.create_union_type(scope, name, file, 0, 8, 8, none, &[], 0, "")
        } else {
            builder.create_struct_type(scope, name, file, 0, 8, 8, none, None, &[], 0, None, "")
        };
        ty.as_type()
    }

    pub(super) fn int(&self, size: u32, signed: bool) -> Result<DIType<'ctx>, Invariant> {
        let name = match (size, signed) {
            (1, true) => "signed char",
            (1, false) => "unsigned char",
            (2, true) => "short",
            (2, false) => "unsigned short",
            (4, true) => "int",
            (4, false) => "unsigned int",
            (_, true) => "long long",
            (_, false) => "unsigned long long",
        };
        self.basic(name, size, if signed { SIGNED } else { UNSIGNED })
    }

    fn basic(&self, name: &str, size: u32, encoding: u32) -> Result<DIType<'ctx>, Invariant> {
        let ty = self.builder.create_basic_type(name, u64::from(size) * 8, encoding, DIFlags::ZERO);
        ty.map(|ty| ty.as_type()).map_err(|error| Invariant(format!("type {name}: {error}")))
    }

    pub(super) fn pointer(&self, to: DIType<'ctx>) -> DIType<'ctx> {
        self.builder.create_pointer_type("", to, 64, 64, AddressSpace::default()).as_type()
    }

    pub(super) fn array(&self, of: DIType<'ctx>, element_size: u32, len: u32) -> DIType<'ctx> {
        let bits = u64::from(element_size) * u64::from(len) * 8;
        let range = 0..i64::from(len);
        self.builder.create_array_type(of, bits, 8, std::slice::from_ref(&range)).as_type()
    }

    /// A struct without a name; its members are names, offsets, sizes and types.
    pub(super) fn structure(
        &self,
        size: u32,
        members: &[(&str, u32, u32, DIType<'ctx>)],
    ) -> DIType<'ctx> {
        let (scope, file) = (self.unit.as_debug_info_scope(), self.unit.get_file());
        let members: Vec<DIType> = members
            .iter()
            .map(|&(name, offset, size, ty)| {
                let (size, offset) = (u64::from(size) * 8, u64::from(offset) * 8);
                self.builder
                    .create_member_type(scope, name, file, 0, size, 8, offset, DIFlags::ZERO, ty)
                    .as_type()
            })
            .collect();
        let bits = u64::from(size) * 8;
        self.builder
            .create_struct_type(
                scope,
                "",
                file,
                0,
                bits,
                8,
                DIFlags::ZERO,
                None,
                &members,
                0,
                None,
                "",
            )
            .as_type()
    }

    /// The C type of what has this shape.
    pub(super) fn shape(&self, shape: &image::Shape) -> Result<DIType<'ctx>, Invariant> {
        let (half, word) = (self.int(4, false)?, self.int(8, false)?);
        Ok(match shape {
            image::Shape::Int { size, signed } => self.int(u32::from(*size), *signed)?,
            image::Shape::Bool => self.basic("_Bool", 1, BOOLEAN)?,
            image::Shape::Pointer => word,
            image::Shape::Str { size } => self.array(self.basic("char", 1, CHARACTER)?, 1, *size),
            image::Shape::Tuple(record) => {
                let names: Vec<String> =
                    (0..record.fields.len()).map(|index| format!("_{index}")).collect();
                self.members(record, &names)?
            }
            image::Shape::Record(record, names) => self.members(record, names)?,
            image::Shape::Array { of, stride, len } => self.array(self.shape(of)?, *stride, *len),
            image::Shape::Enum { size, signed, .. } => self.int(u32::from(*size), *signed)?,
            image::Shape::Bits { size, .. } if size.is_power_of_two() => {
                self.int(u32::from(*size), false)?
            }
            image::Shape::Bits { size, .. } => self.array(self.int(1, false)?, 1, (*size).into()),
            image::Shape::Buffer { size } => {
                let bytes = self.array(self.int(1, false)?, 1, *size);
                self.structure(4 + size, &[("length", 0, 4, half), ("bytes", 4, *size, bytes)])
            }
            image::Shape::Stack { frames, mode, .. } => {
                let size = mode.frame_size() * frames;
                let frames_type = self.array(word, 8, size / 8);
                let members =
                    [("pid", 0, 4, half), ("count", 8, 8, word), ("frames", 16, size, frames_type)];
                self.structure(shape.size(), &members)
            }
            image::Shape::Symbol { .. } => {
                self.structure(16, &[("address", 0, 8, word), ("pid", 8, 4, half)])
            }
            image::Shape::User => word,
            image::Shape::Foreign { size } => self.array(self.int(1, false)?, 1, *size),
            image::Shape::Mac => self.array(self.int(1, false)?, 1, 6),
            image::Shape::Inet => {
                let bytes = self.array(self.int(1, false)?, 1, 16);
                self.structure(24, &[("family", 0, 8, word), ("address", 8, 16, bytes)])
            }
            image::Shape::Time { .. } => {
                let members = [("format", 0, 4, half), ("clock", 4, 4, half), ("ns", 8, 8, word)];
                self.structure(16, &members)
            }
            image::Shape::CgroupPath { .. } => {
                self.structure(16, &[("filter", 0, 8, word), ("id", 8, 8, word)])
            }
            image::Shape::Aggregate(aggregate) => self.array(word, 8, aggregate.words()),
        })
    }

    fn members(&self, record: &image::Record, names: &[String]) -> Result<DIType<'ctx>, Invariant> {
        let mut members = Vec::with_capacity(names.len());
        for (name, slot) in names.iter().zip(&record.fields) {
            let size = slot.shape.size();
            members.push((name.as_str(), slot.offset, size, self.shape(&slot.shape)?));
        }
        // The kernel wants them in order, which those of unions are not.
        members.sort_by_key(|&(_, offset, ..)| offset);
        Ok(self.structure(record.size, &members))
    }
}

impl<'ctx> Lines<'ctx> {
    /// To be attached to the function.
    pub(super) fn subprogram(&self) -> DISubprogram<'ctx> {
        self.subprogram
    }
}
