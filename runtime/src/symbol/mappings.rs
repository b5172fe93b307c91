//! What code processes have in memory, so that their addresses mean something when they have ended.
//!
//! Those that run when tracing begins are asked once. What they map later, and what others do, the kernel tells
//! (`records.rs`).

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::rc::Rc;

use crate::binary::mapping::{self, Code};

/// Ended processes whose code is remembered.
const REMEMBERED: usize = 1 << 14;

/// A stretch of a file that a process has as code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(super) from: u64,
    pub(super) to: u64,
    /// What stands at its start, from that of the file.
    pub(super) offset: u64,
    pub(super) path: Rc<Path>,
    /// The file's number; that of its file system is another in other places of the kernel.
    pub(super) inode: u64,
}

/// What a process did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// It has code of a file.
    Maps(Mapping),
    /// It runs another program.
    Begins,
    /// It was started by another.
    Forked(u32),
    /// It has ended.
    Ended,
}

/// The code of all processes.
#[derive(Debug, Default)]
pub(super) struct Mappings {
    processes: HashMap<u32, Rc<Vec<Mapping>>>,
    ended: VecDeque<u32>,
}

impl Mappings {
    /// Asks all processes that run, or one.
    pub(super) fn ask(&mut self, process: Option<u32>) {
        let all: Vec<u32> = match process {
            Some(process) => vec![process],
            None => crate::binary::running().collect(),
        };
        for pid in all {
            let list = mapping::of(pid).unwrap_or_default();
            let code = mapping::code(&list).filter(Code::has_file).map(Mapping::from);
            self.processes.insert(pid, Rc::new(code.collect()));
        }
    }

    pub(super) fn change(&mut self, pid: u32, change: Change) {
        match change {
            Change::Maps(mapping) => {
                let mappings = Rc::make_mut(self.processes.entry(pid).or_default());
                // What was there before is there no more.
                mappings.retain(|old| old.to <= mapping.from || mapping.to <= old.from);
                mappings.push(mapping);
            }
            Change::Begins => {
                self.processes.insert(pid, Rc::default());
            }
            Change::Forked(parent) => {
                let same = self.processes.get(&parent).cloned().unwrap_or_default();
                self.processes.insert(pid, same);
            }
            Change::Ended => {
                self.ended.push_back(pid);
                if self.ended.len() > REMEMBERED
                    && let Some(oldest) = self.ended.pop_front()
                    // Its number may be another's by now.
                    && !Path::new(&format!("/proc/{oldest}")).exists()
                {
                    self.processes.remove(&oldest);
                }
            }
        }
    }

    /// All that is known, with the processes.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, &Mapping)> {
        let processes = self.processes.iter();
        processes.flat_map(|(pid, mappings)| mappings.iter().map(|mapping| (*pid, mapping)))
    }

    /// The code at an address of a process.
    pub(super) fn find(&self, pid: u32, address: u64) -> Option<&Mapping> {
        let mappings = self.processes.get(&pid)?;
        mappings.iter().find(|mapping| (mapping.from..mapping.to).contains(&address))
    }
}

impl From<Code<'_>> for Mapping {
    fn from(code: Code<'_>) -> Self {
        let Code { from, to, offset, inode, path, .. } = code;
        Self { from, to, offset, path: Rc::from(path), inode }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(from: u64, to: u64) -> Mapping {
        Mapping { from, to, offset: 0, path: Rc::from(Path::new("/lib/a.so")), inode: 42 }
    }

    #[test]
    fn children_have_what_their_parents_had() {
        let mut mappings = Mappings::default();
        mappings.change(1, Change::Maps(mapping(0x1000, 0x2000)));
        mappings.change(2, Change::Forked(1));
        mappings.change(2, Change::Maps(mapping(0x3000, 0x4000)));
        mappings.change(1, Change::Begins);
        assert_eq!(mappings.find(1, 0x1500), None);
        assert!(mappings.find(2, 0x1500).is_some() && mappings.find(2, 0x3fff).is_some());
        mappings.change(2, Change::Ended);
        assert!(mappings.find(2, 0x1500).is_some(), "the end of a process is no end of its code");
        mappings.change(2, Change::Maps(mapping(0x1800, 0x5000)));
        assert_eq!(mappings.find(2, 0x1500), None);
        assert!(mappings.find(2, 0x4500).is_some());
    }

    #[test]
    fn we_have_code_ourselves() {
        let mut mappings = Mappings::default();
        let own = std::process::id();
        mappings.ask(Some(own));
        let address = mapping as *const () as u64;
        let found = mappings.find(own, address).unwrap();
        assert_eq!(*found.path, *std::env::current_exe().unwrap());
    }

    #[test]
    fn not_all_that_ended_is_remembered() {
        let mut mappings = Mappings::default();
        for pid in 0..REMEMBERED as u32 + 10 {
            mappings.change(1 << 30 | pid, Change::Maps(mapping(0x1000, 0x2000)));
            mappings.change(1 << 30 | pid, Change::Ended);
        }
        assert!(mappings.find(1 << 30, 0x1000).is_none());
        assert_eq!(mappings.processes.len(), REMEMBERED);
    }
}
