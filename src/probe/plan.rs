//! How the targets of a probe are attached on this kernel.

use ebtrace_image::Attach;

use super::Target;
use super::pair::is_plain;
use crate::host::{Feature, Host};

/// How a program is attached to its targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// All by one link of BPF's own, for which the program is loaded; otherwise each by an event or link of its own.
    pub together: bool,
    /// In words, with the reason where there was a choice.
    pub reason: String,
}

impl Plan {
    /// The same for a program that reads registers which a link for many does not have.
    pub fn apart(self) -> Plan {
        if !self.together {
            return self;
        }
        let reason = "one for each, because it reads registers".to_owned();
        Plan { together: false, reason }
    }

    /// How often the kernel attaches.
    pub fn attachments(&self, targets: &[Target]) -> usize {
        if self.together { 1 } else { targets.len() }
    }
}

/// Chooses what this kernel does best, of what shows the script the same.
pub fn plan(targets: &[Target], host: &dyn Host) -> Plan {
    let alone = |reason: &str| Plan { together: false, reason: reason.to_owned() };
    let count = targets.len();
    match &targets[0].attach {
        Attach::Begin | Attach::End => alone("run by ebtrace itself"),
        Attach::Kprobe { .. } if targets[0].is_substituted() => {
            alone("by kprobe: this kernel has no trampolines on its functions")
        }
        Attach::Trampoline { .. } if targets[0].is_substituted() => {
            alone("by trampoline (fentry, fexit): this kernel has no kprobes")
        }
        Attach::Kprobe { .. } if count == 1 => alone("a kprobe of its own"),
        Attach::Kprobe { .. } if targets.iter().any(is_special) => alone(&format!(
            "{count} kprobes, one for each: a link for many finds functions by name alone"
        )),
        Attach::Kprobe { .. } => many(count, "kprobes", Feature::KprobeMulti, host),
        Attach::Uprobe { .. } => many(count, "uprobes", Feature::UprobeMulti, host),
        Attach::Trampoline { .. } => alone("the trampoline of the function"),
        Attach::Program { .. } => alone("the trampoline of the BPF function"),
        Attach::RawTracepoint { .. } => {
            alone("the tracepoint itself, by the types of its arguments")
        }
        Attach::Iterator { pin: Some(_), .. } => alone("an iterator that stays in the kernel"),
        Attach::Iterator { .. } => alone("an iterator, read to its end"),
        _ if count == 1 => alone("an event of its own"),
        _ => alone(&format!("{count} events with one program")),
    }
}

/// Whether a function has to be told from others of its name, or is probed within.
fn is_special(target: &Target) -> bool {
    match &target.attach {
        Attach::Kprobe { function, offset, .. } => *offset != 0 || !is_plain(function),
        _ => false,
    }
}

fn many(count: usize, what: &str, feature: Feature, host: &dyn Host) -> Plan {
    if host.has(feature) {
        let reason = format!("{count} {what} by one link");
        return Plan { together: true, reason };
    }
    let reason = format!("{count} {what}, one for each: there is no {}", feature.name());
    Plan { together: false, reason }
}
