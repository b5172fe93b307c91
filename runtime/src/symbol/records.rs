//! What the kernel tells about processes: which were started, what they run, which code they have in memory.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::mappings::{Change, Mapping};
use crate::perf::Event;

/// Pages of a CPU's buffer, a power of two.
const PAGES: usize = 32;
/// Where `struct perf_event_mmap_page` says how far was written and read.
const HEAD_AT: usize = 1024;
const TAIL_AT: usize = 1032;

// From linux/perf_event.h.
const COMM: u32 = 3;
const EXIT: u32 = 4;
const FORK: u32 = 7;
const MMAP2: u32 = 10;
/// The name changed because another program is run.
const EXEC: u16 = 1 << 13;
/// Code, in the rights of a mapping.
const EXECUTABLE: u32 = 4;

/// The buffers of all CPUs.
#[derive(Debug)]
pub(crate) struct Records(Vec<Buffer>);

/// The buffer of one CPU.
#[derive(Debug)]
struct Buffer {
    start: NonNull<u8>,
    page: usize,
    /// Without it nothing more is written.
    _event: Event,
}

/// What a process did, and when.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    time: u64,
    pub(crate) pid: u32,
    pub(crate) change: Change,
}

impl Records {
    /// Begins to listen on these CPUs.
    pub(crate) fn listen(cpus: &[u32]) -> io::Result<Self> {
        cpus.iter().map(|cpu| Buffer::open(*cpu)).collect::<io::Result<_>>().map(Self)
    }

    /// What was told since the last time, in order.
    pub(crate) fn take(&mut self) -> Vec<Told> {
        let mut all = Vec::new();
        self.0.iter_mut().for_each(|buffer| buffer.take(&mut all));
        all.sort_by_key(|told| told.time);
        all
    }
}

impl Buffer {
    fn open(cpu: u32) -> io::Result<Self> {
        let event = Event::processes(cpu)?;
        let page = rustix::param::page_size();
        let (rights, length) = (ProtFlags::READ | ProtFlags::WRITE, (1 + PAGES) * page);
        // SAFETY: without a fixed address a new mapping touches no memory that is in use.
        let start =
            unsafe { mmap(ptr::null_mut(), length, rights, MapFlags::SHARED, event.as_fd(), 0)? };
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, page, _event: event })
    }

    fn position(&self, at: usize) -> &AtomicU64 {
        // SAFETY: the first page has these two numbers there, which the kernel reads and writes as a whole.
        unsafe { AtomicU64::from_ptr(self.start.add(at).cast().as_ptr()) }
    }

    fn take(&mut self, all: &mut Vec<Told>) {
        let head = self.position(HEAD_AT).load(Ordering::Acquire);
        let mut tail = self.position(TAIL_AT).load(Ordering::Relaxed);
        while tail < head {
            let header = self.copy(tail, 8);
            let size = usize::from(u16::from_ne_bytes([header[6], header[7]]));
            // The kernel writes no such thing; without this a damaged buffer would hold us up.
            if size < 8 {
                break;
            }
            all.extend(told(&self.copy(tail, size)));
            tail += size as u64;
        }
        self.position(TAIL_AT).store(head, Ordering::Release);
    }

    /// Bytes from a position on; the buffer goes on at its start.
    fn copy(&self, from: u64, size: usize) -> Vec<u8> {
        let length = PAGES * self.page;
        let begin = from as usize % length;
        let first = size.min(length - begin);
        let mut bytes = vec![0; size];
        // SAFETY: both stretches are within the pages behind the first, and the kernel has written them before it moved
        // the head past them. `size` is a `u16`, so less than the whole.
        unsafe {
            let data = self.start.as_ptr().add(self.page);
            ptr::copy_nonoverlapping(data.add(begin), bytes.as_mut_ptr(), first);
            ptr::copy_nonoverlapping(data, bytes.as_mut_ptr().add(first), size - first);
        }
        bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the range is the one that was mapped, and no reference to it outlives `self`.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), (1 + PAGES) * self.page) };
    }
}

/// The meaning of a record, if it has one here. Each ends with its time.
fn told(record: &[u8]) -> Option<Told> {
    let half = |at: usize| record.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    let word = |at: usize| record.get(at..at + 8)?.try_into().ok().map(u64::from_ne_bytes);
    let (kind, misc) = (half(0)?, u16::from_ne_bytes(record.get(4..6)?.try_into().ok()?));
    let (pid, second) = (half(8)?, half(12)?);
    let change = match kind {
        COMM if misc & EXEC != 0 => Change::Begins,
        FORK => {
            // Threads have what their process has.
            let same = pid == second;
            (!same).then_some(Change::Forked(second))?
        }
        EXIT => (pid == half(16)?).then_some(Change::Ended)?,
        MMAP2 => Change::Maps(mapping(record)?),
        _ => return None,
    };
    Some(Told { time: word(record.len().checked_sub(8)?)?, pid, change })
}

/// `pid tid addr len pgoff maj min ino ino_generation prot flags filename`
fn mapping(record: &[u8]) -> Option<Mapping> {
    let half = |at: usize| record.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    let word = |at: usize| record.get(at..at + 8)?.try_into().ok().map(u64::from_ne_bytes);
    let (from, length, offset) = (word(16)?, word(24)?, word(32)?);
    let path = record.get(72..)?.split(|byte| *byte == 0).next()?;
    if half(64)? & EXECUTABLE == 0 || !path.starts_with(b"/") {
        return None;
    }
    Some(Mapping {
        from,
        to: from.saturating_add(length),
        offset,
        path: Rc::from(Path::new(OsStr::from_bytes(path))),
        inode: word(48)?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn what_is_cut_short_means_nothing() {
        let mut record = Vec::new();
        for half in [MMAP2, 104 << 16, 7, 7] {
            record.extend(u32::to_ne_bytes(half));
        }
        for word in [0x1000u64, 0x500, 0x2000, 1 << 32 | 8, 42, 0, 5] {
            record.extend(u64::to_ne_bytes(word));
        }
        record.extend(*b"/lib/a.so\0\0\0\0\0\0\0");
        record.extend(u64::to_ne_bytes(99));
        let found = told(&record).unwrap();
        let Change::Maps(mapping) = found.change else { panic!() };
        assert_eq!((found.time, found.pid, mapping.from, mapping.to), (99, 7, 0x1000, 0x1500));
        assert_eq!((&*mapping.path, mapping.inode), (Path::new("/lib/a.so"), 42));
        for end in 0..80 {
            let _ = told(&record[..end]);
        }
    }

    #[test]
    fn programs_that_are_run_are_told() {
        // Who may not listen hears nothing.
        let Ok(mut records) = Records::listen(&crate::kernel::online_cpus().unwrap()) else {
            return;
        };
        let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
        child.wait().unwrap();
        let (mut told, begin) = (Vec::new(), Instant::now());
        let ended = |told: &[Told]| {
            told.iter().any(|told| told.pid == child.id() && told.change == Change::Ended)
        };
        while !ended(&told) && begin.elapsed() < Duration::from_secs(5) {
            told.extend(records.take());
        }
        let own = told.iter().filter(|told| told.pid == child.id());
        let changes: Vec<&Change> = own.map(|told| &told.change).collect();
        assert!(changes.contains(&&Change::Begins), "{changes:?}");
        assert!(
            changes.iter().any(
                |change| matches!(change, Change::Maps(mapping) if mapping.path.ends_with("true"))
            ),
            "{changes:?}"
        );
        assert_eq!(changes.last(), Some(&&Change::Ended));
    }
}
