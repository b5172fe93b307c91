//! Decides where everything is: the one place that chooses offsets.
//!
//! The code generator and the runtime both read what is decided here: the tables of the image, and for each program
//! which locals fit the BPF stack and which live in its per-CPU scratch area. The stack has 512 bytes; nothing
//! larger than the option `on_stack_limit` is ever put there, and a program's locals never fill more than
//! [`STACK_BUDGET`].

use std::collections::{HashMap, HashSet};

use ebtrace_image as image;

use super::{Event, Func, Function, LocalId, Map, Probe, Program, ValueId, scope};
use crate::options::Options;
use crate::source::{Sources, Span};
use crate::types::{Access, Struct, Type, TypeId, Types, Worded, types_of};

/// How much of the 512 bytes of stack a program's locals may fill; the rest is for what LLVM spills.
pub const STACK_BUDGET: u32 = 256;
/// The largest scratch area of one program in bytes: the kernel's limit for a per-CPU value.
pub const SCRATCH_LIMIT: u32 = 32 * 1024;

/// Sizes of the ring buffer in bytes where nobody chose one: some ten milliseconds of what one CPU can send, and room for
/// what is seldom said. The process has twice as much in its memory from the start.
const RING_BUFFER: u32 = 4 << 20;
const SMALL_RING_BUFFER: u32 = 256 << 10;

/// Where everything is.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// The tables for the runtime; its `object` is still empty.
    pub image: image::Image,
    /// In the order of [`Program::probes`].
    pub probes: Vec<FuncLayout>,
    /// In the order of [`Program::functions`].
    pub functions: Vec<FuncLayout>,
    /// Under which license the kernel gets the programs.
    pub license: &'static str,
}

/// Where the locals of a program or function are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FuncLayout {
    /// In the order of the function's locals.
    pub locals: Vec<Place>,
    /// Locals that are assigned to before anything else is done with them.
    pub assigned_first: HashSet<LocalId>,
    /// Values that are defined in one region (the function's own code, or a loop's body) and used in another: so many
    /// bytes into the scratch area; 8 bytes each.
    pub captured: HashMap<ValueId, u32>,
    /// Where a loop's body says that the function returns, a `u64`, and what: so many bytes into the scratch area.
    pub returned: Option<u32>,
    /// Whether there are loops, whose bodies are functions of their own.
    pub loops: bool,
    /// End of the scratch area in bytes, a multiple of 8; 0 where none is needed.
    pub scratch: u32,
}

/// Where a local is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the stack of the one region that mentions it, or in a register if it is a scalar whose address nobody takes.
    Stack,
    /// So many bytes into the program's scratch area; aligned to 8.
    Scratch(u32),
}

impl FuncLayout {
    /// Where a local is.
    pub fn place(&self, local: LocalId) -> Place {
        self.locals[local.into_raw().into_u32() as usize]
    }
}

/// A program that needs more scratch memory than the kernel gives one CPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oversize {
    /// Index in [`Program::probes`].
    pub probe: usize,
    /// Bytes it would need.
    pub needs: u32,
}

/// Lays out a checked program.
///
/// # Errors
/// The programs whose large values together exceed [`SCRATCH_LIMIT`].
pub fn lay_out(
    program: &Program,
    sources: &Sources,
    options: &Options,
) -> Result<Layout, Vec<Oversize>> {
    let types = &program.types;
    let mut functions: Vec<FuncLayout> = Vec::with_capacity(program.functions.len());
    let room = |start| Room { start, largest: options.on_stack_limit };
    // A function is always given the area, whether it has a use for it or not.
    let mut end = if program.functions.is_empty() { 0 } else { 8 };
    for (_, function) in program.functions.iter() {
        let layout = place_locals(types, &function.func, room(end), &handed_over(function));
        end = end.max(layout.scratch);
        functions.push(layout);
    }
    let probes: Vec<FuncLayout> = program
        .probes
        .iter()
        .map(|probe| place_locals(types, &probe.func, room(end), &HashSet::new()))
        .collect();
    let large = probes.iter().enumerate().filter(|(_, probe)| probe.scratch > SCRATCH_LIMIT);
    let oversize: Vec<Oversize> =
        large.map(|(probe, layout)| Oversize { probe, needs: layout.scratch }).collect();
    if !oversize.is_empty() {
        return Err(oversize);
    }
    let image = image::Image {
        object: Vec::new(),
        maps: program.maps.iter().map(|(_, map)| map_table(types, map)).collect(),
        events: program.events.iter().map(|(_, event)| event_table(types, event)).collect(),
        probes: program
            .probes
            .iter()
            .enumerate()
            .map(|(index, probe)| probe_table(index, probe))
            .collect(),
        sites: program.sites.iter().map(|(_, &span)| site(sources, span)).collect(),
        settings: settings(program, options),
        parameters: match options.ahead {
            true => super::places(&program.parameters, options.settings.max_strlen),
            false => Vec::new(),
        },
    };
    Ok(Layout { image, probes, functions, license: options.license })
}

fn settings(program: &Program, options: &Options) -> image::Settings {
    let mut settings = options.settings.clone();
    let is_seldom = |event: &Event| {
        use image::Action::{Clear, Exit, Fail, PrintMap, Zero};
        matches!(event.action, Clear(_) | Exit | Fail { .. } | PrintMap { .. } | Zero(_))
    };
    if settings.ring_buffer_bytes == 0 {
        let seldom = program.events.iter().all(|(_, event)| is_seldom(event));
        settings.ring_buffer_bytes = if seldom { SMALL_RING_BUFFER } else { RING_BUFFER };
    }
    settings
}

/// The locals of a function that its callers put arguments into, or take its result from.
fn handed_over(function: &Function) -> HashSet<LocalId> {
    function.params.iter().copied().chain(function.returned).collect()
}

/// Most bytes that the kernel's own maps have for a value on each CPU.
const LARGEST_PART: u32 = 32 << 10;

/// Bytes of a key from which on the kernel is given a digest of it: it goes through all bytes of a key several times.
const LONG_KEY: u32 = 96;

fn map_table(types: &Types, map: &Map) -> image::Map {
    let aggregate = matches!(types.get(map.value), Type::Aggregate(_));
    let storage = match (map.key.is_some(), aggregate) {
        (true, false) if map.evicts => image::Storage::LruHash,
        (true, true) if map.evicts => image::Storage::PerCpuLruHash,
        (true, false) => image::Storage::Hash,
        (true, true) => image::Storage::PerCpuHash,
        (false, false) => image::Storage::Array,
        (false, true) => image::Storage::PerCpuArray,
    };
    let offset = if map.key.is_some() { 0 } else { 8 };
    let value_size = offset + types.size(map.value);
    // What the kernel removes by itself would leave its name behind.
    let is_long = map.key.is_some_and(|key| types.size(key) >= LONG_KEY) && !map.evicts;
    image::Map {
        name: format!("@{}", map.name),
        symbol: format!("AT_{}", map.name),
        storage,
        key: map.key.map(|key| image::Slot { offset: 0, shape: shape(types, key) }),
        value: image::Slot { offset, shape: shape(types, map.value) },
        value_size,
        side_by_side: aggregate && value_size > LARGEST_PART,
        max_entries: map.max_entries,
        declared: map.declared,
        names: is_long.then(|| format!("OF_{}", map.name)),
    }
}

fn event_table(types: &Types, event: &Event) -> image::Event {
    let mut at = 8;
    let mut fields = Vec::with_capacity(event.fields.len());
    for &field in &event.fields {
        at = u32::next_multiple_of(at, types.align(field));
        fields.push(image::Slot { offset: at, shape: shape(types, field) });
        at += types.size(field);
    }
    image::Event {
        action: event.action.clone(),
        record: image::Record { size: at.next_multiple_of(8), fields },
        probe: event.probe as u32,
    }
}

fn probe_table(index: usize, probe: &Probe) -> image::Probe {
    let name: String =
        probe.label.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    image::Probe {
        program: format!("{name}_{index}"),
        label: probe.label.clone(),
        points: probe.points.clone(),
        together: probe.plan.together,
        returns: probe.returns.map(|index| index as u32),
        site: image::SiteId(probe.site.into_raw().into_u32()),
    }
}

/// A span as lines and columns.
pub fn site(sources: &Sources, span: Span) -> image::Site {
    let uses = sources.origins(span).into_iter().filter(|origin| !origin.argument);
    let uses = uses.map(|origin| plain_site(sources, origin.span)).collect();
    image::Site { uses, ..plain_site(sources, span) }
}

fn plain_site(sources: &Sources, span: Span) -> image::Site {
    let source = sources.get(span.file);
    let (start, end) = (source.position(span.start), source.position(span.end));
    image::Site {
        file: source.name.clone(),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        source: source.line(start.line).to_owned(),
        uses: Vec::new(),
    }
}

/// How the runtime reads a value of a type.
pub fn shape(types: &Types, id: TypeId) -> image::Shape {
    let record = |elements: &[TypeId]| {
        let (offsets, size) = types.tuple_layout(elements);
        let slots = offsets.iter().zip(elements);
        let fields =
            slots.map(|(&offset, &ty)| image::Slot { offset, shape: shape(types, ty) }).collect();
        image::Shape::Tuple(image::Record { size, fields })
    };
    match types.get(id) {
        Type::Unknown | Type::Void | Type::Function | Type::Opaque(_) => record(&[]),
        Type::Bool => image::Shape::Bool,
        Type::Int { bits, signed } => image::Shape::Int { size: bits / 8, signed: *signed },
        Type::Str(size) => image::Shape::Str { size: *size },
        Type::Pointer { .. } => image::Shape::Pointer,
        Type::Array { of, len } => image::Shape::Array {
            of: Box::new(shape(types, *of)),
            stride: types.size(*of),
            len: *len,
        },
        Type::Struct(id) => structure(types, types.record(*id)),
        Type::Record(fields) => match record(&types_of(fields)) {
            image::Shape::Tuple(record) => {
                image::Shape::Record(record, fields.iter().map(|(name, _)| name.clone()).collect())
            }
            other => other,
        },
        Type::Enum { id, size, signed } => image::Shape::Enum {
            size: *size,
            signed: *signed,
            names: types
                .named_numbers(*id)
                .variants
                .iter()
                .map(|(name, value)| (*value, name.clone()))
                .collect(),
        },
        Type::Buffer(size) => image::Shape::Buffer { size: *size },
        Type::Tuple(elements) => record(elements),
        Type::Stack { user, frames, mode } => {
            image::Shape::Stack { user: *user, frames: *frames, mode: *mode }
        }
        Type::Symbol { user } => image::Shape::Symbol { user: *user },
        Type::Worded(worded) => match worded {
            Worded::User => image::Shape::User,
            Worded::Mac => image::Shape::Mac,
            Worded::Inet => image::Shape::Inet,
            Worded::Time => image::Shape::Time { formats: types.texts() },
            Worded::CgroupPath => image::Shape::CgroupPath { filters: types.texts() },
        },
        Type::Aggregate(aggregate) => image::Shape::Aggregate(*aggregate),
    }
}

/// A struct or union by value; whoever made a value of it has asked for its fields.
fn structure(types: &Types, record: &Struct) -> image::Shape {
    let mut slots = Vec::new();
    let mut names = Vec::new();
    shown_fields(types, record, 0, &mut |name, slot| {
        names.push(name);
        slots.push(slot);
    });
    image::Shape::Record(image::Record { size: record.size, fields: slots }, names)
}

/// The fields of a struct, those of members without names included; what has no value is left out.
fn shown_fields(
    types: &Types,
    record: &Struct,
    start: u32,
    each: &mut dyn FnMut(String, image::Slot),
) {
    for field in record.fields.as_deref().unwrap_or_default() {
        let offset = start + field.offset;
        match (types.get(field.ty), field.access) {
            (Type::Struct(id), _) if field.name.is_empty() => {
                shown_fields(types, types.record(*id), offset, each);
            }
            (Type::Function | Type::Opaque(_) | Type::Void | Type::Unknown, _) => {}
            (_, Access::Bits { bytes: size, from, width }) => {
                let shape = image::Shape::Bits { size, from, width };
                each(field.name.clone(), image::Slot { offset, shape });
            }
            _ => {
                let shape = c_shape(types, field.ty);
                each(field.name.clone(), image::Slot { offset, shape });
            }
        }
    }
}

/// In C a `char` array holds text, and a truth value is a number.
fn c_shape(types: &Types, ty: TypeId) -> image::Shape {
    match *types.get(ty) {
        Type::Array { of: TypeId::I8, len } => image::Shape::Str { size: len },
        Type::Array { of, len } => {
            image::Shape::Array { of: Box::new(c_shape(types, of)), stride: types.size(of), len }
        }
        Type::Bool => image::Shape::Int { size: 1, signed: false },
        _ if types.is_foreign(ty) => image::Shape::Foreign { size: types.size(ty) },
        _ => shape(types, ty),
    }
}

/// What a program or function has for its locals.
#[derive(Debug, Clone, Copy)]
struct Room {
    /// Where its part of the scratch area begins.
    start: u32,
    /// The largest local in bytes that may stand on the stack; at 0 not even registers keep any, because LLVM spills
    /// them to the stack where they are many.
    largest: u32,
}

/// Chooses a place for each local. Small ones go on the stack until it is full; the others share the scratch area from
/// the start on, where those of blocks that do not overlap lie on top of each other. What several regions mention is
/// always there, because a loop's body is a function of its own, and because the kernel's verifier knows nothing of the
/// numbers that stand there and so need not follow them through the rounds.
fn place_locals(
    types: &Types,
    func: &Func,
    room: Room,
    handed_over: &HashSet<LocalId>,
) -> FuncLayout {
    let homes = scope::homes(func);
    let in_memory = scope::in_memory(types, func);
    let mut layout =
        FuncLayout { locals: vec![Place::Stack; func.locals.len()], ..FuncLayout::default() };
    // The stack is shared by all functions that are active at a time.
    let budget = STACK_BUDGET / (1 + homes.depth + u32::from(room.start > 0));
    let mut large: Vec<LocalId> = Vec::new();
    let mut stack = 0;
    for (id, local) in func.locals.iter() {
        let size = types.size(local.ty).next_multiple_of(8);
        if homes.is_shared(id) || handed_over.contains(&id) {
            large.push(id);
        } else if in_memory.contains(&id) || room.largest == 0 {
            // The verifier wants exact offsets into the stack.
            match size <= room.largest && stack + size <= budget && !homes.is_indexed(id) {
                true => stack += size,
                false => large.push(id),
            }
        }
    }
    layout.assigned_first = homes.assigned_first();
    layout.loops = homes.loops > 0;
    let mut own = room.start;
    if homes.returns_in_loop {
        layout.returned = Some(own);
        own += 16;
    }
    // A block's locals start where its parent's end; parents come before their children.
    let mut ends: Vec<u32> = Vec::with_capacity(homes.parents.len());
    let mut residents = vec![(Vec::new(), Vec::new()); homes.parents.len()];
    for local in large {
        residents[homes.of(local).unwrap_or(0)].0.push(local);
    }
    for (&value, &home) in &homes.captured {
        residents[home].1.push(value);
    }
    for (parent, (locals, values)) in homes.parents.iter().zip(residents) {
        let mut end = parent.map_or(own, |parent: usize| ends[parent]);
        for local in locals {
            layout.locals[local.into_raw().into_u32() as usize] = Place::Scratch(end);
            end += types.size(func.locals[local].ty).next_multiple_of(8);
        }
        for value in values {
            layout.captured.insert(value, end);
            end += 8;
        }
        layout.scratch = layout.scratch.max(end);
        ends.push(end);
    }
    layout
}
