//! What can be wrong with an attach point, and how it is said.

use crate::diagnostic::{Code, Diagnostic};
use crate::host::{Feature, HostError};
use crate::source::Span;

use super::{Kind, kinds, parse_number, removed};

/// What is wrong with an attach point.
#[derive(Debug, Clone)]
#[allow(
    missing_docs,
    reason = "the fields are what their names say: the place, and what stands or is wanted there"
)]
pub enum ProbeError {
    /// No probe type has this name.
    UnknownKind { span: Span, name: String },
    /// Too few or too many parts.
    Arity { span: Span, kind: &'static Kind, found: usize },
    /// A part is empty.
    Empty { span: Span, kind: &'static Kind, field: &'static str },
    /// What follows `+` is no number.
    BadOffset { span: Span, text: String },
    /// The function is not that long.
    OffsetBeyond { span: Span, function: String, offset: u64, size: u64 },
    /// Functions of a pattern are probed at their start.
    PatternOffset { span: Span },
    /// Only who runs the script can allow an address.
    AddressIsUnsafe { span: Span },
    /// Returns have no offset.
    ReturnOffset { span: Span, kind: &'static Kind },
    /// The machine has no such function, tracepoint, file or symbol.
    NotFound { span: Span, what: String, near: Option<String>, help: Option<String> },
    /// The kernel lacks the facility.
    Lacks { span: Span, kind: &'static Kind, feature: Feature, instead: Option<String> },
    /// The machine could not say.
    Host { span: Span, what: String, error: HostError },
    /// No such unit of time.
    Unit { span: Span, text: String },
    /// The count is no positive number.
    Count { span: Span, text: String, kind: &'static Kind, wants: &'static str },
    /// The count of an event is no positive number.
    Every { span: Span, text: String, event: String, period: u64 },
    /// The machine counts nothing.
    NoCounters { span: Span, kind: &'static Kind },
    /// No address that can be watched.
    Address { span: Span, text: String },
    /// No length that can be watched.
    Length { span: Span, text: String },
    /// No way of access that can be watched.
    Access { span: Span, text: String, modes: &'static [&'static str] },
    /// The processor watches only whole multiples.
    Unaligned { span: Span, address: u64, length: u32 },
    /// A pattern where one name is needed.
    Pattern { span: Span, text: String },
    /// What only some probe types know of.
    Said(Box<Diagnostic>),
}

impl ProbeError {
    /// Whether what the attach point names is not there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(
            self,
            ProbeError::NotFound { .. }
                | ProbeError::NoCounters { .. }
                | ProbeError::Host { error: HostError::NotFound, .. }
        )
    }
}

impl From<ProbeError> for Diagnostic {
    fn from(error: ProbeError) -> Diagnostic {
        match error {
            ProbeError::Said(diagnostic) => *diagnostic,
            ProbeError::UnknownKind { span, name } if removed(&name).is_some() => {
                let instead = removed(&name).unwrap_or_default();
                Diagnostic::error(Code::UnknownProbe, format!("there is no probe type `{name}` any more"))
                    .label(span, "no longer a probe type")
                    .help(instead)
            }
            ProbeError::UnknownKind { span, name } => {
                let known = kinds().flat_map(|kind| [kind.name].into_iter().chain(kind.aliases.iter().copied()));
                let names: Vec<&str> = kinds().map(|kind| kind.name).collect();
                Diagnostic::error(Code::UnknownProbe, format!("there is no probe type `{name}`"))
                    .label(span, "not a probe type")
                    .suggest_nearest(span, &name, known)
                    .help(format!("probe types are {}", names.join(", ")))
            }
            ProbeError::Arity { span, kind, found } => {
                let (least, most) = kind.arity();
                let wants = match (least, most) {
                    (0, 0) => "nothing after its name".to_owned(),
                    (least, most) if least == most => format!("{least} part{}", if least == 1 { "" } else { "s" }),
                    (least, most) => format!("{least} to {most} parts"),
                };
                Diagnostic::error(Code::ProbeArity, format!("`{}` takes {wants}, not {found}", kind.name))
                    .label(span, format!("{found} after `{}`", kind.name))
                    .help(format!("write it as `{}`, for example `{}`", kind.usage(), example(kind)))
            }
            ProbeError::Empty { span, kind, field } => {
                Diagnostic::error(Code::ProbeArity, format!("`{}` wants {} {field}, and it is empty", kind.name, article(field)))
                    .label(span, format!("no {field} here"))
                    .help(format!("write it as `{}`, for example `{}`", kind.usage(), example(kind)))
            }
            ProbeError::BadOffset { span, text } => {
                Diagnostic::error(Code::BadOffset, format!("`{text}` is not an offset"))
                    .label(span, "a number of bytes is needed after `+`")
                    .help("offsets are decimal, 0x hexadecimal or 0 octal: `+0x10`")
            }
            ProbeError::OffsetBeyond { span, function, offset, size } => {
                Diagnostic::error(Code::BadOffset, format!("the offset is beyond the end of `{function}`"))
                    .label(span, format!("{offset} bytes from its start, and it has {size}"))
                    .help(format!("write `{function}` to probe its beginning; a disassembly of the kernel shows where instructions begin"))
            }
            ProbeError::PatternOffset { span } => {
                Diagnostic::error(Code::BadOffset, "a pattern has no offset")
                    .label(span, "`*` here stands for several functions, each with other instructions")
                    .help("name one function: `kprobe:vfs_read+4`")
            }
            ProbeError::AddressIsUnsafe { span } => {
                Diagnostic::error(Code::Unsafe, "a probe by address can change what it probes")
                    .label(span, "nothing says whether an instruction begins here")
                    .help("name the function, `kprobe:vfs_read+4`; where the address is meant, run the script with `--unsafe`")
            }
            ProbeError::ReturnOffset { span, kind } => {
                let entry = kind.name.replace("ret", "");
                Diagnostic::error(Code::BadOffset, format!("`{}` fires at the return, which has no offset", kind.name))
                    .label(span, "remove the offset")
                    .help(format!("to probe an instruction within the function, use `{entry}`"))
            }
            ProbeError::NotFound { span, what, near, help } => {
                let mut diagnostic =
                    Diagnostic::error(Code::NotFound, format!("{what} does not exist")).label(span, "not found");
                if let Some(near) = near {
                    diagnostic = diagnostic.suggest(span, near);
                }
                help.into_iter().fold(diagnostic, Diagnostic::help)
            }
            ProbeError::Lacks { span, kind, feature, instead } => {
                let diagnostic =
                    Diagnostic::error(Code::KernelLacks, format!("this kernel has no {}", feature.title()))
                        .label(span, format!("`{}` needs {}", kind.name, feature.pronoun()))
                        .note(feature.reason())
                        .lacks(feature);
                instead.into_iter().fold(diagnostic, |diagnostic, point| {
                    diagnostic.help(format!("the same job is done here by `{point}`"))
                })
            }
            ProbeError::Host { span, what, error } => host(span, &what, &error),
            ProbeError::Unit { span, text } => {
                Diagnostic::error(Code::BadPeriod, format!("`{text}` is not a unit of time"))
                    .label(span, "not a unit")
                    .help("units are `s`, `ms`, `us` and `hz`: `interval:s:1`, `profile:hz:99`, or `interval:1s`")
            }
            ProbeError::Count { span, text, kind, wants } => {
                Diagnostic::error(Code::BadPeriod, format!("`{text}` is not a period that a timer can have"))
                    .label(span, wants)
                    .help(format!("for example `{}`", example(kind)))
            }
            ProbeError::Every { span, text, event, period } => {
                let headline = if text.is_empty() {
                    format!("`{event}:` ends where a count should follow")
                } else {
                    format!("`{text}` is not a count of events")
                };
                let label = match parse_number(&text) {
                    Some(number) if number > 0 => "more than the kernel counts",
                    _ => "a positive whole number is needed: the probe fires each time so many have happened",
                };
                Diagnostic::error(Code::BadPeriod, headline)
                    .label(span, label)
                    .help(format!("`{event}` without a count is `{event}:{period}`"))
            }
            ProbeError::NoCounters { span, kind } => {
                Diagnostic::error(Code::MachineLacks, "this machine has no hardware counters")
                    .label(span, format!("`{}` needs them", kind.name))
                    .note("the processor has none, or this is a virtual machine whose host keeps them to itself")
                    .help("`profile:hz:99` samples what the CPUs run, by time")
            }
            ProbeError::Address { span, text } => {
                Diagnostic::error(Code::BadWatchpoint, format!("`{text}` is not an address"))
                    .label(span, "a number other than 0 is needed: `0xffffffff81000000`")
                    .help("a symbol's address is in /proc/kallsyms, or in what `nm` prints of a program without PIE")
                    .help("an argument of a function cannot be watched; probe the functions that change what it points to")
            }
            ProbeError::Length { span, text } => {
                Diagnostic::error(Code::BadWatchpoint, format!("`{text}` is not a length that can be watched"))
                    .label(span, "the processor watches 1, 2, 4 or 8 bytes")
                    .help("several watchpoints, separated by commas, watch more")
            }
            ProbeError::Access { span, text, modes } => {
                let modes: Vec<String> = modes.iter().map(|mode| format!("`{mode}`")).collect();
                Diagnostic::error(Code::BadWatchpoint, format!("`{text}` is not an access that can be watched"))
                    .label(span, format!("this processor watches {}", modes.join(", ")))
                    .help("`r` is a read, `w` a write and `x` execution")
            }
            ProbeError::Unaligned { span, address, length } => {
                let near = address - address % u64::from(length);
                Diagnostic::error(Code::BadWatchpoint, format!("{address:#x} is no multiple of {length}"))
                    .label(span, format!("the processor watches {length} bytes only from a multiple of {length}"))
                    .help(format!("watch from {near:#x}, or fewer bytes"))
            }
            ProbeError::Pattern { span, text } => {
                Diagnostic::error(Code::NotFound, format!("`{text}` is a pattern, and one name is needed here"))
                    .label(span, "`*` and `?` mean nothing here")
                    .help("write one name; several attach points are separated by commas")
            }
        }
    }
}

/// What a host's error means for an attach point.
fn host(span: Span, what: &str, error: &HostError) -> Diagnostic {
    match error {
        HostError::NotFound => Diagnostic::error(Code::NotFound, format!("{what} does not exist"))
            .label(span, "not found"),
        HostError::Lacks(feature) => Diagnostic::error(Code::KernelLacks, error.to_string())
            .label(span, format!("{what} needs it"))
            .note(format!("it was built without {}", feature.config()))
            .lacks(*feature),
        HostError::Unreadable(reason) => {
            Diagnostic::error(Code::Unreadable, format!("{what} cannot be read: {reason}"))
                .label(span, "needed for this probe")
        }
    }
}

fn article(word: &str) -> &'static str {
    // As it is spoken: a unit.
    if word.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }
}

fn example(kind: &Kind) -> String {
    let script = kind.examples.first().copied().unwrap_or(kind.name);
    script.split(" {").next().unwrap_or(script).to_owned()
}
