//! Events that are sampled: on all CPUs, or in the threads of a process.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use libbpf_rs::ProgramMut;

use super::{AttachReason, Attacher, refused};
use crate::kernel;
use crate::perf::{Event, Scope};

impl Attacher {
    /// Runs a program whenever the event happens on any CPU, or in any thread of the process that is traced.
    pub(super) fn start_everywhere(
        &mut self,
        open: impl Fn(Scope) -> io::Result<Event>,
        program: &ProgramMut<'_>,
        cookie: u64,
        explain: fn(&io::Error) -> &'static str,
    ) -> Result<(), AttachReason> {
        let Some(process) = self.process else {
            return online_cpus()?
                .into_iter()
                .try_for_each(|cpu| self.start(open(Scope::Cpu(cpu)), program, cookie, explain));
        };
        let mut done = BTreeSet::new();
        // A thread that has no event yet may start others meanwhile.
        while let Some(thread) = threads(process)?.difference(&done).next().copied() {
            done.insert(thread);
            match open(Scope::Thread(thread)) {
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                event => self.start(event, program, cookie, explain)?,
            }
        }
        Ok(())
    }
}

/// The threads of a process; none if it has ended.
fn threads(process: u32) -> Result<BTreeSet<u32>, AttachReason> {
    let unreadable = |error| refused(error, |_| "the list of the process's threads cannot be read");
    match fs::read_dir(format!("/proc/{process}/task")) {
        Ok(entries) => {
            let names = entries.flatten().map(|entry| entry.file_name());
            Ok(names.filter_map(|name| name.to_str()?.parse().ok()).collect())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(unreadable(error)),
    }
}

/// The CPUs that are running.
pub(super) fn online_cpus() -> Result<Vec<u32>, AttachReason> {
    kernel::online_cpus().map_err(|error| refused(error, |_| "the list of CPUs cannot be read"))
}
