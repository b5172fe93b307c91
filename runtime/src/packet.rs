//! Packets that scripts keep: files as tcpdump reads them, and the buffers that they come through.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::rc::Rc;

use ebtrace_image::{Action, Clock, Event, PACKETS};
use indexmap::IndexMap;
use libbpf_rs::{MapCore, Object, PerfBuffer, PerfBufferBuilder};

use crate::action::Actions;
use crate::clock::Clocks;
use crate::load::{self, LoadError};
use crate::map::io_error;

/// Begins a file whose times have nanoseconds; it says the order of bytes too.
const MAGIC: u32 = 0xa1b2_3c4d;
const VERSION: [u16; 2] = [2, 4];
/// `LINKTYPE_RAW`: packets begin with the header of an internet protocol.
const LINK_TYPE: u32 = 101;
/// The most bytes of a packet.
const MOST_BYTES: u32 = 1 << 18;
const SECOND: i128 = 1_000_000_000;
/// Pages of one CPU's buffer: the largest packet has to fit.
const LEAST_PAGES: usize = 32;
const PAGE: usize = 4096;

/// A packet that arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet<'a> {
    /// Nanoseconds since the machine was started.
    pub(crate) time: u64,
    /// How long it is, of which not all need be there.
    pub(crate) length: u64,
    /// Its bytes.
    pub(crate) bytes: &'a [u8],
}

/// The files of a script, by path.
#[derive(Debug)]
pub(crate) struct Files {
    files: IndexMap<String, BufWriter<File>>,
    clocks: Clocks,
}

impl Files {
    /// Makes the files that events go to; they are empty of packets, but can be read.
    ///
    /// # Errors
    /// The first that cannot be made.
    pub(crate) fn create(events: &[Event]) -> Result<Self, (String, io::Error)> {
        let mut files = IndexMap::new();
        for event in events {
            let Action::Packet { path } = &event.action else { continue };
            if !files.contains_key(path) {
                let file = begin(path).map_err(|error| (path.clone(), error))?;
                files.insert(path.clone(), file);
            }
        }
        Ok(Self { files, clocks: Clocks::now() })
    }

    /// Appends a packet.
    pub(crate) fn write(&mut self, path: &str, packet: Packet<'_>) -> io::Result<()> {
        let Some(file) = self.files.get_mut(path) else { return Ok(()) };
        let time = self.clocks.since_1970(Clock::Boot, packet.time).max(0);
        file.write_all(&head(time, packet.bytes.len() as u32, packet.length))?;
        file.write_all(packet.bytes)
    }

    /// Nothing more is written where something could not be.
    pub(crate) fn close(&mut self, path: &str) {
        self.files.shift_remove(path);
    }

    /// Lets others read what was written; says which files could not be.
    pub(crate) fn flush(&mut self) -> Vec<(String, io::Error)> {
        let files = self.files.iter_mut();
        let failed = files.filter_map(|(path, file)| Some((path.clone(), file.flush().err()?)));
        let failed: Vec<_> = failed.collect();
        failed.iter().for_each(|(path, _)| self.close(path));
        failed
    }
}

fn begin(path: &str) -> io::Result<BufWriter<File>> {
    let mut file = BufWriter::new(File::create(path)?);
    let [major, minor] = VERSION;
    file.write_all(&MAGIC.to_ne_bytes())?;
    file.write_all(&major.to_ne_bytes())?;
    file.write_all(&minor.to_ne_bytes())?;
    // Two numbers about the time zone that nobody uses stand before the other two.
    [0, 0, MOST_BYTES, LINK_TYPE]
        .iter()
        .try_for_each(|number| file.write_all(&number.to_ne_bytes()))?;
    file.flush()?;
    Ok(file)
}

/// What stands before the bytes of a packet.
fn head(time: i128, there: u32, length: u64) -> [u8; 16] {
    let numbers = [
        u32::try_from(time / SECOND).unwrap_or(u32::MAX),
        (time % SECOND) as u32,
        there,
        u32::try_from(length).unwrap_or(u32::MAX).max(there),
    ];
    let mut head = [0; 16];
    for (place, number) in head.chunks_exact_mut(4).zip(numbers) {
        place.copy_from_slice(&number.to_ne_bytes());
    }
    head
}

/// The buffers of all CPUs.
pub(crate) struct Buffers {
    buffers: PerfBuffer<'static>,
    taken: Rc<Cell<usize>>,
}

impl Buffers {
    /// Those of an object, if it has some: together of about so many bytes.
    pub(crate) fn open(
        object: &Object,
        actions: &Rc<RefCell<Actions>>,
        (bytes, cpus): (u32, usize),
    ) -> Result<Option<Self>, LoadError> {
        if !object.maps().any(|map| map.name() == std::ffi::OsStr::new(PACKETS)) {
            return Ok(None);
        }
        let map = load::map(object, PACKETS)?;
        let pages = (bytes as usize / PAGE / cpus.max(1)).max(LEAST_PAGES).next_power_of_two();
        let taken = Rc::new(Cell::new(0));
        let (count, actions) = (Rc::clone(&taken), Rc::clone(actions));
        let buffers = PerfBufferBuilder::new(&map)
            .pages(pages)
            .sample_cb(move |_, bytes: &[u8]| {
                count.set(count.get() + 1);
                actions.borrow_mut().packet(bytes);
            })
            // Programs count what they lose.
            .lost_cb(|_, _| ())
            .build();
        let buffers = buffers.map_err(|error| LoadError::Refused {
            reason: "the buffers for packets".to_owned(),
            error: io_error(error),
        })?;
        Ok(Some(Self { buffers, taken }))
    }

    /// Writes what has arrived, and returns how many packets that were.
    pub(crate) fn take(&self) -> io::Result<usize> {
        self.taken.set(0);
        self.buffers.consume().map_err(io_error)?;
        Ok(self.taken.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_keeps_its_length() {
        let head = head(3 * SECOND + 7, 4, 60);
        let numbers: Vec<u32> =
            head.chunks(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap())).collect();
        assert_eq!(numbers, [3, 7, 4, 60]);
    }
}
