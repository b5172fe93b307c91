//! Tables by which programs in the kernel walk the stacks of processes without frame pointers.
//!
//! For each process the code that it has in memory is looked up, and for each file of it the rows of its table
//! (`unwind/table.rs`); both go into maps of the kernel, which are replaced as a whole, so that no program sees half of
//! one. When the kernel tells that a process has new code, or runs another program, it is looked at again.

pub(crate) mod process;
mod table;

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use ebtrace_image::unwind::{MOST_TABLES, PROCESSES, Row, Stretch, TABLES};
use libbpf_rs::libbpf_sys::bpf_map_create_opts;
use libbpf_rs::{MapCore, MapFlags, MapHandle, MapType, Object};

use crate::load::{self, LoadError};
use crate::map::io_error;
use crate::symbol::{Change, Records};
use process::Origin;
use table::{Segment, Table, address_at};

/// `BPF_F_INNER_MAP`: arrays that take each other's place need not be equally long.
const INNER: u32 = 1 << 12;
const KEY_SIZE: u32 = 4;

/// What is known about processes, and in the kernel.
pub(crate) struct Unwinder {
    processes: MapHandle,
    tables: MapHandle,
    /// Those that can be unwound, with their code as the kernel has it.
    known: HashMap<u32, Vec<Stretch>>,
    files: HashMap<Origin, Rows>,
    next_table: u32,
    records: Option<Records>,
}

/// Where the rows of a file are.
#[derive(Debug, Clone, Default)]
struct Rows {
    segments: Vec<Segment>,
    table: u32,
    first: u32,
    count: u32,
}

impl Unwinder {
    /// That of an object, if its programs walk stacks.
    pub(crate) fn of(object: &Object) -> Result<Option<Self>, LoadError> {
        if !object.maps().any(|map| map.name() == PROCESSES) {
            return Ok(None);
        }
        // Who may not listen knows the code that processes have at the start.
        let records = crate::kernel::online_cpus().and_then(|cpus| Records::listen(&cpus)).ok();
        Ok(Some(Self {
            processes: load::map(object, PROCESSES)?,
            tables: load::map(object, TABLES)?,
            known: HashMap::new(),
            files: HashMap::new(),
            next_table: 0,
            records,
        }))
    }

    /// Makes a process one that can be unwound, or looks at it again.
    pub(crate) fn learn(&mut self, pid: u32) -> io::Result<()> {
        let code = process::code_of(pid)?;
        let mut fresh = Vec::new();
        let mut stretches = Vec::with_capacity(code.len() + 1);
        for code in &code {
            let file = code.file.as_ref();
            let known = file.and_then(|file| self.files.get(file)).cloned();
            let rows = known.unwrap_or_else(|| {
                let read = code.bytes(pid).map(|bytes| Table::read(&bytes)).unwrap_or_default();
                let rows = Rows {
                    segments: read.segments,
                    table: self.next_table,
                    first: fresh.len() as u32,
                    count: read.rows.len() as u32,
                };
                fresh.extend(read.rows);
                file.into_iter()
                    .for_each(|file| drop(self.files.insert(file.clone(), rows.clone())));
                rows
            });
            let address = address_at(&rows.segments, code.offset);
            stretches.push(Stretch {
                start: code.start,
                end: code.end,
                base: address.unwrap_or(0).wrapping_sub(code.start),
                table: rows.table,
                first: rows.first,
                count: address.map_or(0, |_| u64::from(rows.count)),
            });
        }
        if self.known.get(&pid) == Some(&stretches) {
            return Ok(());
        }
        self.add_table(&fresh)?;
        self.set(pid, stretches)
    }

    /// Makes a process one that can be unwound, but not before it runs its program.
    pub(crate) fn expect(&mut self, pid: u32) -> io::Result<()> {
        self.set(pid, Vec::new())
    }

    fn set(&mut self, pid: u32, stretches: Vec<Stretch>) -> io::Result<()> {
        let head = Stretch { end: stretches.len() as u64, ..Stretch::default() };
        let all: Vec<u8> = [&head].into_iter().chain(&stretches).flat_map(stretch_bytes).collect();
        put(&self.processes, pid, &array::<Stretch>("ebt_code", &all)?)?;
        self.known.insert(pid, stretches);
        Ok(())
    }

    fn add_table(&mut self, rows: &[Row]) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        if self.next_table >= MOST_TABLES {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let word = |row: &Row| [row.start, row.rule].map(u64::to_ne_bytes).concat();
        let bytes: Vec<u8> = rows.iter().flat_map(word).collect();
        put(&self.tables, self.next_table, &array::<Row>("ebt_rows", &bytes)?)?;
        self.next_table += 1;
        Ok(())
    }

    /// Looks again at processes that got new code.
    pub(crate) fn update(&mut self) {
        let told = self.records.as_mut().map(Records::take).unwrap_or_default();
        let changed = told.into_iter().filter(|told| {
            self.known.contains_key(&told.pid)
                && matches!(told.change, Change::Maps(_) | Change::Begins)
        });
        let changed: HashSet<u32> = changed.map(|told| told.pid).collect();
        for pid in changed {
            // Of a process that has ended meanwhile, nothing more will be asked.
            let _ = self.learn(pid);
        }
    }
}

/// Arrays like those that the maps of an object will hold; to be kept until it is loaded.
pub(crate) fn pattern(name: &str) -> Option<io::Result<MapHandle>> {
    match name {
        PROCESSES => Some(array::<Stretch>("ebt_code", &[0; size_of::<Stretch>()])),
        TABLES => Some(array::<Row>("ebt_rows", &[0; size_of::<Row>()])),
        _ => None,
    }
}

/// An array of the kernel with these elements, at least one.
fn array<T>(name: &str, bytes: &[u8]) -> io::Result<MapHandle> {
    let count = (bytes.len() / size_of::<T>()) as u32;
    let options = bpf_map_create_opts {
        sz: size_of::<bpf_map_create_opts>() as u64,
        map_flags: INNER,
        ..Default::default()
    };
    let kind = MapType::Array;
    let map = MapHandle::create(kind, Some(name), KEY_SIZE, size_of::<T>() as u32, count, &options)
        .map_err(io_error)?;
    let keys: Vec<u8> = (0..count).flat_map(u32::to_ne_bytes).collect();
    map.update_batch(&keys, bytes, count, MapFlags::ANY, MapFlags::ANY).map_err(io_error)?;
    Ok(map)
}

fn put(maps: &MapHandle, key: u32, map: &MapHandle) -> io::Result<()> {
    let descriptor = map.as_fd().as_raw_fd().to_ne_bytes();
    maps.update(&key.to_ne_bytes(), &descriptor, MapFlags::ANY).map_err(io_error)
}

fn stretch_bytes(stretch: &Stretch) -> Vec<u8> {
    let Stretch { start, end, base, table, first, count } = *stretch;
    let mut bytes = [start, end, base].map(u64::to_ne_bytes).concat();
    bytes.extend([table, first].map(u32::to_ne_bytes).concat());
    bytes.extend(count.to_ne_bytes());
    bytes
}
