//! The script's maps: reading, ordering, clearing, merging what the CPUs keep apart.

mod batch;
mod merge;
mod order;

pub use order::{divide, order};

use std::collections::HashMap;
use std::io;

use ebtrace_image::{Map, Storage};
use libbpf_rs::{MapCore, MapFlags, MapHandle};

use crate::decode::word;

/// The one key of a scalar map, which is an array of one element.
const ONLY: [u8; 4] = [0; 4];

/// The elements of a map as bytes, in the kernel's order; the values of all CPUs are already one.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    key_size: usize,
    value_size: usize,
    keys: Vec<u8>,
    values: Vec<u8>,
    len: usize,
}

impl Contents {
    /// No elements; sizes of a key (0 for a scalar map) and a value in bytes.
    pub fn new(key_size: usize, value_size: usize) -> Self {
        Self { key_size, value_size, ..Self::default() }
    }

    /// Adds an element; a key or value of the wrong size is cut or filled with zeros.
    pub fn push(&mut self, key: &[u8], value: &[u8]) {
        self.len += 1;
        append(&mut self.keys, key, self.key_size * self.len);
        append(&mut self.values, value, self.value_size * self.len);
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Key of the element at `index`; empty beyond the last.
    pub fn key(&self, index: usize) -> &[u8] {
        self.keys.get(index * self.key_size..(index + 1) * self.key_size).unwrap_or_default()
    }

    /// Value of the element at `index`; empty beyond the last.
    pub fn value(&self, index: usize) -> &[u8] {
        self.values.get(index * self.value_size..(index + 1) * self.value_size).unwrap_or_default()
    }

    /// Keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..self.len).map(|index| (self.key(index), self.value(index)))
    }

    /// Whether a scalar map was assigned: the flag in front of its value.
    pub fn is_assigned(&self) -> bool {
        word(self.value(0), 0) != 0
    }
}

fn append(bytes: &mut Vec<u8>, more: &[u8], size: usize) {
    bytes.extend_from_slice(more);
    bytes.resize(size, 0);
}

/// A map of the script that cannot be read or changed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} map {map}: {error}")]
pub struct MapError {
    /// The map as the script calls it.
    pub map: String,
    /// `read`, `clear` or `zero`.
    pub doing: &'static str,
    /// What the kernel said.
    #[source]
    pub error: io::Error,
}

/// The kernel's maps that one of the script is made of.
#[derive(Debug)]
pub(crate) struct Handles {
    /// The map itself.
    pub(crate) handle: MapHandle,
    /// The whole keys, where those of the map are digests.
    pub(crate) names: Option<MapHandle>,
}

impl Handles {
    /// The same again.
    pub(crate) fn share(&self) -> io::Result<Self> {
        let share = |handle: &MapHandle| MapHandle::try_from(handle).map_err(io_error);
        Ok(Self {
            handle: share(&self.handle)?,
            names: self.names.as_ref().map(share).transpose()?,
        })
    }
}

/// A map of the script in the kernel.
#[derive(Debug)]
pub(crate) struct LiveMap {
    info: Map,
    handle: MapHandle,
    /// The whole keys, where those of the map are digests.
    names: Option<MapHandle>,
    /// CPUs that have a value each in an element of a per-CPU map.
    cpus: usize,
}

impl LiveMap {
    pub(crate) fn new(info: Map, handles: Handles, cpus: usize) -> Self {
        let Handles { handle, names } = handles;
        Self { info, handle, names, cpus }
    }

    pub(crate) fn info(&self) -> &Map {
        &self.info
    }

    /// All elements; a scalar map has one even when it was never assigned.
    pub(crate) fn read(&self) -> Result<Contents, MapError> {
        self.try_read().map_err(|error| self.error("read", error))
    }

    /// Removes all keys; a scalar map is as if it was never assigned.
    pub(crate) fn clear(&self) -> Result<(), MapError> {
        let cleared = if let Some(names) = &self.names {
            self.clear_named(names)
        } else if self.info.key.is_some() {
            batch::for_each(&self.handle, self.stride(), batch::Access::Remove, |_, _| ())
        } else {
            self.write(&ONLY, &vec![0; self.stride()])
        };
        cleared.map_err(|error| self.error("clear", error))
    }

    /// Sets all values to zero; keys stay.
    pub(crate) fn zero(&self) -> Result<(), MapError> {
        self.try_zero().map_err(|error| self.error("zero", error))
    }

    fn error(&self, doing: &'static str, error: io::Error) -> MapError {
        MapError { map: self.info.name.clone(), doing, error }
    }

    fn try_read(&self) -> io::Result<Contents> {
        let value_size = if self.has_parts() { self.cpu_stride() } else { self.value_size() };
        let key_size = self.info.key.as_ref().map_or(0, |key| key.shape.size() as usize);
        let mut contents = Contents::new(key_size, value_size);
        let mut push = |key: &[u8], value: &[u8]| {
            if self.has_parts() {
                contents.push(key, &merge::merge(&self.info, value, self.cpu_stride()));
            } else {
                contents.push(key, value);
            }
        };
        match self.info.key {
            Some(_) => match &self.names {
                None => batch::for_each(&self.handle, self.stride(), batch::Access::Read, push)?,
                Some(names) => self.read_named(names, push)?,
            },
            None => push(&[], &self.only_value()?),
        }
        Ok(contents)
    }

    /// Elements of a map whose keys are digests. What is removed meanwhile has no whole key any more, and is left out.
    fn read_named(&self, names: &MapHandle, mut push: impl FnMut(&[u8], &[u8])) -> io::Result<()> {
        let mut elements = Vec::new();
        batch::for_each(&self.handle, self.stride(), batch::Access::Read, |digest, value| {
            elements.push((digest.to_vec(), value.to_vec()));
        })?;
        let mut whole = HashMap::with_capacity(elements.len());
        let size = names.value_size() as usize;
        batch::for_each(names, size, batch::Access::Read, |digest, key| {
            whole.insert(digest.to_vec(), key.to_vec());
        })?;
        for (digest, value) in elements {
            if let Some(key) = whole.get(&digest) {
                push(key, &value);
            }
        }
        Ok(())
    }

    /// Removes all whole keys, each before its digest, so that one that comes back at this moment is not without.
    fn clear_named(&self, names: &MapHandle) -> io::Result<()> {
        let mut digests = Vec::new();
        batch::for_each(&self.handle, self.stride(), batch::Access::Read, |digest, _| {
            digests.push(digest.to_vec());
        })?;
        for digest in digests {
            for map in [names, &self.handle] {
                match map.delete(&digest) {
                    Err(error) if error.kind() != libbpf_rs::ErrorKind::NotFound => {
                        return Err(io_error(error));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn try_zero(&self) -> io::Result<()> {
        if self.info.key.is_none() {
            let mut value = self.only_value()?;
            let stride = if self.has_parts() { self.cpu_stride() } else { value.len() };
            // The flag in front stays: the map was assigned before and still is.
            value
                .chunks_mut(stride.max(1))
                .for_each(|cpu| cpu.iter_mut().skip(8).for_each(|byte| *byte = 0));
            return self.write(&ONLY, &value);
        }
        let mut keys = Vec::new();
        batch::for_each(&self.handle, self.stride(), batch::Access::Read, |key, _| {
            keys.push(key.to_vec())
        })?;
        let zeros = vec![0; self.stride()];
        for key in keys {
            match self.write(&key, &zeros) {
                // A probe deleted the key meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => (),
                written => written?,
            }
        }
        Ok(())
    }

    fn only_value(&self) -> io::Result<Vec<u8>> {
        batch::lookup(&self.handle, &ONLY, self.stride())
    }

    /// Writes an element that exists; `value` holds the values of all CPUs.
    fn write(&self, key: &[u8], value: &[u8]) -> io::Result<()> {
        if !self.is_per_cpu() {
            return self.handle.update(key, value, MapFlags::EXIST).map_err(io_error);
        }
        let size = self.value_size();
        let cpus: Vec<Vec<u8>> =
            value.chunks_exact(self.cpu_stride()).map(|cpu| cpu[..size].to_vec()).collect();
        self.handle.update_percpu(key, &cpus, MapFlags::EXIST).map_err(io_error)
    }

    /// The kernel has a value for each CPU.
    fn is_per_cpu(&self) -> bool {
        self.has_parts() && !self.info.side_by_side
    }

    /// Each CPU has a part of its own.
    fn has_parts(&self) -> bool {
        matches!(
            self.info.storage,
            Storage::PerCpuHash | Storage::PerCpuLruHash | Storage::PerCpuArray
        )
    }

    fn value_size(&self) -> usize {
        self.handle.value_size() as usize
    }

    /// Bytes from one CPU's part to the next. The kernel rounds the values of per-CPU maps up to whole words.
    fn cpu_stride(&self) -> usize {
        if self.info.side_by_side {
            self.value_size() / self.cpus.max(1)
        } else {
            self.value_size().next_multiple_of(8)
        }
    }

    /// Bytes of one element's value as system calls hand it over.
    fn stride(&self) -> usize {
        if self.is_per_cpu() { self.cpu_stride() * self.cpus } else { self.value_size() }
    }
}

/// How often an event was not submitted, all CPUs together.
pub(crate) fn lost_of(lost: &MapHandle, event: u32) -> Option<u64> {
    let parts = lost.lookup_percpu(&event.to_ne_bytes(), MapFlags::ANY).ok()??;
    Some(parts.iter().map(|part| word(part, 0)).sum())
}

/// The same of all events, by index.
pub(crate) fn count_lost(lost: &MapHandle, cpus: usize) -> io::Result<Vec<u64>> {
    let mut counts = vec![0; lost.max_entries() as usize];
    batch::for_each(lost, 8 * cpus, batch::Access::Read, |key, values| {
        let index = key.try_into().map(u32::from_ne_bytes).unwrap_or(u32::MAX);
        if let Some(count) = counts.get_mut(index as usize) {
            *count = values.chunks_exact(8).map(|value| word(value, 0)).sum();
        }
    })?;
    Ok(counts)
}

/// The system's error inside one of libbpf-rs, which shows its number in words only.
pub(crate) fn io_error(error: libbpf_rs::Error) -> io::Error {
    let text = format!("{error:#}");
    let number = text
        .rsplit_once("(os error ")
        .and_then(|(_, rest)| rest.trim_end_matches(')').parse().ok());
    number.map_or_else(|| io::Error::other(text), io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_number_survives() {
        let error = io_error(libbpf_rs::Error::from_raw_os_error(libc::ENOENT));
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
    }

    #[test]
    fn elements_have_the_size_of_the_map() {
        let mut contents = Contents::new(2, 4);
        contents.push(b"abc", b"x");
        contents.push(b"d", b"1234");
        assert_eq!(
            contents.iter().collect::<Vec<_>>(),
            [(&b"ab"[..], &b"x\0\0\0"[..]), (&b"d\0"[..], &b"1234"[..])]
        );
        assert_eq!(contents.key(7), b"");
    }
}
