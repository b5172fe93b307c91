//! Memory that the processor watches: `watchpoint`.

use std::collections::BTreeSet;

use ebtrace_image::{Attach, Watchpoint};

use super::list;
use super::{Context, Field, Kind, Part, Point, ProbeError, Search, Target, Targets};
use super::{nothing_else, parse_number};
use crate::host::{Arch, Feature, Host};
use crate::ir::ProgramType;
use crate::types::{Space, Types};

const SHAPE: &[Field] = &[
    Field { name: "address", optional: false },
    Field { name: "length", optional: false },
    Field { name: "mode", optional: false },
];

pub(super) const ALL: &[Kind] = &[Kind {
    name: "watchpoint",
    aliases: &["w"],
    shape: SHAPE,
    search: Search::Named,
    list: list::NOTHING,
    context: Context::Sample,
    program: ProgramType::PerfEvent,
    space: Space::Unset,
    needs: Some(Feature::Breakpoints),
    instead: nothing_else,
    resolve: watchpoint,
    summary: "Fires when memory is read, written or executed.",
    details: "The length is 1, 2, 4 or 8 bytes, and the address a multiple of it. The mode is `w` (writes), `rw` (reads and \
              writes) or `x` (execution, whatever the length); on arm64 `r` (reads) too. An address of the kernel is \
              watched on all CPUs; with `-c` or `-p`, an address is that of the process. Processors watch a few places at a time: \
              four on x86_64.",
    examples: &["watchpoint:0x10000000:8:rw { printf(\"%s\\n\", comm); }"],
}];

/// Names of probe types that there are no more, and what does their job.
pub(super) const REMOVED: &[(&str, &str)] = &[("asyncwatchpoint", INSTEAD), ("aw", INSTEAD)];

const INSTEAD: &str = "to watch an address: `watchpoint:0x10000000:8:w`";

/// What the registers of a processor can watch.
fn modes(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::X86_64 => &["w", "rw", "x"],
        Arch::Aarch64 => &["r", "w", "rw", "x"],
    }
}

fn watchpoint(point: &Point, host: &dyn Host, _: &mut Types) -> Targets {
    let [address, length, mode] = [0, 1, 2].map(|index| point.part(index));
    for (part, field) in [&address, &length, &mode].into_iter().zip(SHAPE) {
        if part.text.is_empty() {
            return Err(ProbeError::Empty {
                span: point.span,
                kind: point.kind,
                field: field.name,
            });
        }
    }
    let start = parse_number(&address.text).filter(|&start| start > 0);
    let start = start
        .ok_or_else(|| ProbeError::Address { span: address.span, text: address.text.clone() })?;
    let bytes = parse_number(&length.text).filter(|bytes| [1, 2, 4, 8].contains(bytes));
    let bytes =
        bytes.ok_or_else(|| ProbeError::Length { span: length.span, text: length.text.clone() })?;
    let (name, access) = access(&mode, host.arch())?;
    let executes = access & EXECUTES != 0;
    let length = bytes as u32;
    if !executes && start % bytes != 0 {
        return Err(ProbeError::Unaligned { span: address.span, address: start, length });
    }
    let label = format!("{}:{start:#x}:{length}:{name}", point.kind.name);
    let attach = Attach::Watchpoint(Watchpoint { address: start, length, access });
    Ok(vec![Target::new(point.kind, label, attach)])
}

const EXECUTES: u32 = 4;

/// The letters of a mode, sorted, and what they mean to the kernel.
fn access(mode: &Part, arch: Arch) -> Result<(String, u32), ProbeError> {
    let letters: BTreeSet<char> = mode.text.chars().collect();
    let name: String = letters.into_iter().collect();
    let modes = modes(arch);
    if !modes.contains(&name.as_str()) {
        return Err(ProbeError::Access { span: mode.span, text: mode.text.clone(), modes });
    }
    let bit = |letter| match letter {
        'r' => 1,
        'w' => 2,
        _ => EXECUTES,
    };
    let access = name.chars().map(bit).sum();
    Ok((name, access))
}
