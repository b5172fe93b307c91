//! Entry and return of the same kernel functions, by one program and one link (a "kprobe session").

use ebtrace_image::{Attach, Point};

use super::plan::Plan;
use crate::host::{Feature, Host};
use crate::ir::{Probe, ProgramType};

/// Where a script has one probe on entries and one on returns, both of the same functions, makes the one carry out the
/// other too: what is attached once is attached, and let go of, in half the time.
pub fn join_returns(probes: &mut [Probe], host: &dyn Host) {
    let (Some(entry), Some(exit)) = (only(probes, false), only(probes, true)) else { return };
    let same = functions(&probes[entry]).is_some_and(|own| functions(&probes[exit]) == Some(own));
    if !same || ![entry, exit].iter().all(|&index| probes[index].joins) {
        return;
    }
    if !host.has(Feature::KprobeMulti) || !host.has(Feature::KprobeSession) {
        return;
    }
    let number = match probes[entry].points.len() {
        1 => "the function".to_owned(),
        number => format!("{number} functions"),
    };
    let reason = format!("entry and return of {number} by one link");
    probes[entry].plan = Plan { together: true, reason };
    probes[entry].returns = Some(exit);
    let reason = format!("by the program and the link of {}", probes[entry].label);
    probes[exit].plan = Plan { together: true, reason };
}

/// The only probe of the script that is carried out by kprobes on entries, or on returns.
fn only(probes: &[Probe], returns: bool) -> Option<usize> {
    let mut found = probes.iter().enumerate().filter(|(_, probe)| {
        let of =
            |point: &Point| matches!(point.attach, Attach::Kprobe { ret, .. } if ret == returns);
        probe.program == ProgramType::Kprobe && probe.points.iter().any(of)
    });
    let (index, _) = found.next()?;
    found.next().is_none().then_some(index)
}

/// The functions that a probe is attached to, if such a link can be.
fn functions(probe: &Probe) -> Option<Vec<&str>> {
    let names = probe.points.iter().map(|point| match &point.attach {
        Attach::Kprobe { function, offset: 0, .. } if is_plain(function) => Some(function.as_str()),
        _ => None,
    });
    names.collect()
}

/// Whether a function is found by its name alone.
pub(super) fn is_plain(function: &str) -> bool {
    !function.is_empty() && !function.trim_start_matches(super::kernel::PREFIX).contains(':')
}
