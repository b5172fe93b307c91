//! Map definitions, as libbpf reads them: BTF-described variables in section `.maps`.

use ebtrace_image as image;
use inkwell::debug_info::DIType;

use super::context::{Emitter, Pointer};
use super::debug::Debug;
use super::{Invariant, Target};

const HASH: u32 = 1;
const ARRAY: u32 = 2;
const PERF_EVENT_ARRAY: u32 = 4;
const PERCPU_HASH: u32 = 5;
const PERCPU_ARRAY: u32 = 6;
const LRU_HASH: u32 = 9;
const LRU_PERCPU_HASH: u32 = 10;
const ARRAY_OF_MAPS: u32 = 12;
const HASH_OF_MAPS: u32 = 13;
const RINGBUF: u32 = 27;

/// Elements of the map that old kernels go through for want of a helper that counts: so many rounds has a loop at most.
pub(super) const ROUNDS: u32 = 1 << 16;
const ROUNDS_MAP: &str = "ebt_rounds";

/// Of guarded programs.
const GUARD_MAP: &str = "ebt_guard";

/// Elements of a hash are allocated when they are needed, which saves milliseconds at the start.
const NO_PREALLOC: u32 = 1;
/// Before, hashes without preallocation were unsafe in programs that may interrupt the allocator.
const NO_PREALLOC_SINCE: (u32, u32) = (6, 1);
/// The kernel has enough of per-CPU memory at hand for values of so many bytes and some ten thousand new keys in a
/// moment; of larger ones, a burst of a hundred keys finds none.
const SMALL_PART: u32 = 64;
/// Of more keys than this, many may well be new in the same moment.
const MANY_KEYS: u32 = 1 << 14;
/// So many bytes for each CPU are set aside at most.
const MOST_PREALLOCATED: u64 = 8 << 20;

/// The maps of the object.
pub(super) struct Maps<'ctx> {
    /// In the order of the image.
    pub(super) script: Vec<Pointer<'ctx>>,
    /// The maps of their whole keys, where they have digests.
    pub(super) names: Vec<Option<Pointer<'ctx>>>,
    /// [`image::RING_BUFFER`]
    pub(super) events: Pointer<'ctx>,
    /// [`image::PACKETS`], where a program sends some.
    pub(super) packets: Option<Pointer<'ctx>>,
    /// [`image::LOST`]
    pub(super) lost: Pointer<'ctx>,
    /// [`image::SCRATCH`], where a program needs it.
    pub(super) scratch: Option<Pointer<'ctx>>,
    /// What loops go through where the kernel cannot count, where a program has one.
    pub(super) rounds: Option<Pointer<'ctx>>,
    /// Whether a guarded program runs on this CPU, where there is such a program.
    pub(super) guard: Option<Pointer<'ctx>>,
    /// [`image::unwind::PROCESSES`] and [`image::unwind::TABLES`], where a program walks stacks by them.
    pub(super) unwind: Option<(Pointer<'ctx>, Pointer<'ctx>)>,
}

/// A map definition.
struct Definition<'ctx> {
    kind: u32,
    entries: u32,
    flags: u32,
    types: Option<(DIType<'ctx>, DIType<'ctx>)>,
}

/// What the programs need besides the script's maps.
#[derive(Clone, Copy)]
pub(super) struct Needs {
    /// Size of the largest program's scratch area.
    pub(super) scratch: u32,
    /// Something to go through instead of counting.
    pub(super) rounds: bool,
    /// Something that says whether a guarded program runs.
    pub(super) guard: bool,
    /// Tables to walk stacks by.
    pub(super) unwinds: bool,
}

/// Defines all maps.
pub(super) fn define<'ctx>(
    emitter: &Emitter<'ctx>,
    debug: &Debug<'_, 'ctx>,
    image: &image::Image,
    needs: Needs,
    target: &Target,
) -> Result<Maps<'ctx>, Invariant> {
    let definer = Definer { emitter, debug, target };
    let (index, word) = (debug.int(4, false)?, debug.int(8, false)?);
    let array = |entries: usize, value| Definition {
        kind: PERCPU_ARRAY,
        entries: entries as u32,
        flags: 0,
        types: Some((index, value)),
    };
    let mut script = Vec::with_capacity(image.maps.len());
    let mut names = Vec::with_capacity(image.maps.len());
    for map in &image.maps {
        script.push(definer.define(&map.symbol, &definer.script_map(map)?)?);
        names.push(match &map.names {
            Some(symbol) => Some(definer.define(symbol, &definer.names_map(map)?)?),
            None => None,
        });
    }
    let bytes = image.settings.ring_buffer_bytes;
    let ring = Definition { kind: RINGBUF, entries: bytes, flags: 0, types: None };
    let events = definer.define(image::RING_BUFFER, &ring)?;
    let lost = definer.define(image::LOST, &array(image.events.len().max(1), word))?;
    let mut maps = Maps {
        script,
        names,
        events,
        packets: None,
        lost,
        scratch: None,
        rounds: None,
        guard: None,
        unwind: None,
    };
    let sends = |event: &image::Event| matches!(event.action, image::Action::Packet { .. });
    if image.events.iter().any(sends) {
        // libbpf makes it as large as there are CPUs.
        let packets = Definition {
            kind: PERF_EVENT_ARRAY,
            entries: 0,
            flags: 0,
            types: Some((index, index)),
        };
        maps.packets = Some(definer.define(image::PACKETS, &packets)?);
    }
    if needs.rounds {
        let types = Some((index, debug.int(1, false)?));
        let rounds = Definition { kind: ARRAY, entries: ROUNDS, flags: 0, types };
        maps.rounds = Some(definer.define(ROUNDS_MAP, &rounds)?);
    }
    if needs.guard {
        maps.guard = Some(definer.define(GUARD_MAP, &array(1, word))?);
    }
    if needs.unwinds {
        let of_maps =
            |kind, entries| Definition { kind, entries, flags: 0, types: Some((index, index)) };
        let processes = of_maps(HASH_OF_MAPS, image::unwind::MOST_PROCESSES);
        let tables = of_maps(ARRAY_OF_MAPS, image::unwind::MOST_TABLES);
        let processes = definer.define(image::unwind::PROCESSES, &processes)?;
        maps.unwind = Some((processes, definer.define(image::unwind::TABLES, &tables)?));
    }
    if needs.scratch > 0 {
        let area = debug.array(word, 8, needs.scratch.div_ceil(8));
        maps.scratch = Some(definer.define(image::SCRATCH, &array(image.probes.len(), area))?);
    }
    Ok(maps)
}

/// Whether allocating elements when they are needed would fail now and then.
fn wants_preallocation(map: &image::Map) -> bool {
    let all = u64::from(map.value_size) * u64::from(map.max_entries);
    map.storage == image::Storage::PerCpuHash
        && !map.side_by_side
        && (map.value_size > SMALL_PART || map.max_entries > MANY_KEYS)
        && all <= MOST_PREALLOCATED
}

struct Definer<'a, 'ctx> {
    emitter: &'a Emitter<'ctx>,
    debug: &'a Debug<'a, 'ctx>,
    target: &'a Target,
}

impl<'ctx> Definer<'_, 'ctx> {
    fn script_map(&self, map: &image::Map) -> Result<Definition<'ctx>, Invariant> {
        let kernel = self.target.version;
        let (kind, hash) = match map.storage {
            image::Storage::Hash => (HASH, true),
            image::Storage::LruHash => (LRU_HASH, true),
            image::Storage::PerCpuHash if map.side_by_side => (HASH, true),
            image::Storage::PerCpuLruHash if map.side_by_side => (LRU_HASH, true),
            image::Storage::PerCpuArray if map.side_by_side => (ARRAY, false),
            image::Storage::PerCpuHash => (PERCPU_HASH, true),
            image::Storage::PerCpuLruHash => (LRU_PERCPU_HASH, true),
            image::Storage::Array => (ARRAY, false),
            image::Storage::PerCpuArray => (PERCPU_ARRAY, false),
        };
        let evicts = matches!(kind, LRU_HASH | LRU_PERCPU_HASH);
        let lazy = hash
            && !evicts
            && (kernel.0, kernel.1) >= NO_PREALLOC_SINCE
            && !wants_preallocation(map);
        let key = match &map.key {
            Some(_) if map.names.is_some() => self.digest()?,
            Some(key) => self.debug.shape(&key.shape)?,
            None => self.debug.int(4, false)?,
        };
        let value = self.debug.shape(&map.value.shape)?;
        let value = if map.value.offset == 0 {
            value
        } else {
            let set = ("set", 0, 8, self.debug.int(8, false)?);
            self.debug.structure(
                map.value_size,
                &[set, ("value", map.value.offset, map.value.shape.size(), value)],
            )
        };
        let value = if map.side_by_side {
            self.debug.array(value, map.value_size, self.target.possible_cpus)
        } else {
            value
        };
        let entries = if hash { map.max_entries } else { 1 };
        Ok(Definition {
            kind,
            entries,
            flags: if lazy { NO_PREALLOC } else { 0 },
            types: Some((key, value)),
        })
    }

    fn digest(&self) -> Result<DIType<'ctx>, Invariant> {
        Ok(self.debug.array(self.debug.int(8, false)?, 8, image::DIGEST / 8))
    }

    /// The whole keys of a map by their digests.
    fn names_map(&self, map: &image::Map) -> Result<Definition<'ctx>, Invariant> {
        let kernel = self.target.version;
        let lazy = (kernel.0, kernel.1) >= NO_PREALLOC_SINCE;
        let key = map.key.as_ref().ok_or_else(|| Invariant(format!("{} has no keys", map.name)))?;
        Ok(Definition {
            kind: HASH,
            entries: map.max_entries,
            flags: if lazy { NO_PREALLOC } else { 0 },
            types: Some((self.digest()?, self.debug.shape(&key.shape)?)),
        })
    }

    /// libbpf reads the numbers from the lengths of arrays that the members point to.
    fn define(&self, name: &str, map: &Definition<'ctx>) -> Result<Pointer<'ctx>, Invariant> {
        let int = self.debug.int(4, true)?;
        let number = |n| self.debug.pointer(self.debug.array(int, 4, n));
        let mut members = vec![("type", number(map.kind)), ("max_entries", number(map.entries))];
        if map.flags != 0 {
            members.push(("map_flags", number(map.flags)));
        }
        if let Some((key, value)) = map.types {
            members
                .extend([("key", self.debug.pointer(key)), ("value", self.debug.pointer(value))]);
        }
        let size = members.len() as u32 * 8;
        let members: Vec<_> = (0..)
            .step_by(8)
            .zip(&members)
            .map(|(offset, &(name, ty))| (name, offset, 8, ty))
            .collect();
        let global = self.emitter.zeroed_global(name, ".maps", size);
        self.debug.global(global, name, self.debug.structure(size, &members));
        Ok(global.as_pointer_value())
    }
}
