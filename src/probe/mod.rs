//! The table of probe types.
//!
//! Everything that ebtrace knows about a probe type is its entry here: how an attach point is written, what the
//! program can read, how it is checked against the machine and attached.

mod error;
mod event;
mod kernel;
mod list;
mod names;
mod pair;
mod pattern;
mod perf;
mod plan;
pub mod registers;
mod session;
mod substitute;
mod tracepoint;
mod tracing;
mod trampoline;
pub mod usdt;
pub mod user;
mod watch;

pub use error::ProbeError;
pub use list::{List, Names, pattern_with_stars};
pub use names::{AllNames, Name};
pub use pair::join_returns;
pub use plan::{Plan, plan};
pub use substitute::substitute;

use ebtrace_image::Attach;

use crate::diagnostic::Diagnostic;
use crate::host::{Feature, Host};
use crate::ir::ProgramType;
use crate::source::Span;
use crate::types::{Space, TypeId, Types};

/// A probe type.
#[derive(Debug)]
pub struct Kind {
    /// `kprobe`; letter case does not matter in scripts.
    pub name: &'static str,
    /// Short forms, whose letter case matters.
    pub aliases: &'static [&'static str],
    /// What follows the name, separated by colons.
    pub shape: &'static [Field],
    /// Where a pattern in place of its name finds it.
    pub search: Search,
    /// Which of its probes there are.
    pub list: List,
    /// What its programs can read.
    pub context: Context,
    /// How the kernel runs its programs.
    pub program: ProgramType,
    /// Where the addresses in its arguments point.
    pub space: Space,
    /// Facility of the kernel that it needs.
    pub needs: Option<Feature>,
    /// Where the facility is missing: an attach point that does the same job.
    pub instead: fn(&Target, &dyn Host) -> Option<String>,
    /// Checks an attach point against the machine, and finds what a pattern stands for.
    pub resolve: fn(&Point, &dyn Host, &mut Types) -> Targets,
    /// One line for the reference.
    pub summary: &'static str,
    /// More for the reference.
    pub details: &'static str,
    /// Scripts that show it.
    pub examples: &'static [&'static str],
}

/// What an attach point stands for, one at least, or what is wrong with it.
pub type Targets = Result<Vec<Target>, ProbeError>;

/// Where a pattern in place of a probe type's name finds it, in attach points (`*point:sched:*`) and when probes are
/// listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Nowhere: its name has to be written.
    Named,
    /// Among the kernel's probes.
    Kernel,
    /// Among the probes of programs: where a file is named, or a process.
    Programs,
}

/// A part of an attach point.
#[derive(Debug)]
pub struct Field {
    /// As usage texts call it: `function`.
    pub name: &'static str,
    /// Whether it can be left out.
    pub optional: bool,
}

/// What a program of a probe type can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// Arguments of a function, in registers.
    Entry,
    /// Arguments of a marked place, wherever its note says.
    Mark,
    /// Arguments of a function of a program, in registers, and by name where its debug information knows them.
    UserEntry,
    /// Return value of a function, in a register.
    Return,
    /// A tracepoint's record.
    Record,
    /// The arguments of an event of the kernel, 8 bytes each.
    Event,
    /// The arguments of a function, 8 bytes each.
    Arguments,
    /// The same, and what it returned.
    Outcome,
    /// An object of the kernel that an iterator comes to.
    Object,
    /// What a timer interrupted, or another event of the CPU.
    Sample,
    /// Nothing.
    Nothing,
}

/// What functions of a script are lowered as: they can be called from any probe, and so know nothing of it.
pub(crate) const FUNCTION: Kind = Kind {
    name: "fn",
    aliases: &[],
    shape: &[],
    search: Search::Named,
    list: list::NOTHING,
    context: Context::Nothing,
    program: ProgramType::RawTracepoint,
    space: Space::Unset,
    needs: None,
    instead: nothing_else,
    resolve: |_, _, _| Ok(vec![function_target()]),
    summary: "",
    details: "",
    examples: &[],
};

/// What the body of a function is lowered for.
pub(crate) fn function_target() -> Target {
    Target::new(&FUNCTION, "fn".to_owned(), Attach::Begin)
}

/// An attach point, cut into its parts.
#[derive(Debug, Clone)]
pub struct Point {
    /// Its type.
    pub kind: &'static Kind,
    /// What follows the type's name.
    pub parts: Vec<Part>,
    /// The whole.
    pub span: Span,
    /// Whoever runs the script allows what can do harm.
    pub unsafe_mode: bool,
    /// As many of what it stands for are wanted.
    pub most: usize,
}

/// A part of an attach point: quotes removed, positional parameters filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its text.
    pub text: String,
    /// Some of it stood in quotes, so that it is one name.
    pub quoted: bool,
    /// Its place.
    pub span: Span,
}

impl Point {
    /// The n-th part, empty where it is missing.
    pub fn part(&self, index: usize) -> Part {
        self.parts.get(index).cloned().unwrap_or(Part {
            text: String::new(),
            quoted: false,
            span: self.span,
        })
    }

    /// What some of its targets are called together: `kprobe:vfs_*`, or the only one's name.
    pub fn label_of(&self, targets: &[Target]) -> String {
        if let [first, others @ ..] = targets
            && others.iter().all(|other| other.label == first.label)
        {
            return first.label.clone();
        }
        let parts = self.parts.iter().map(|part| part.text.as_str());
        [self.kind.name].into_iter().chain(parts).collect::<Vec<_>>().join(":")
    }
}

impl Part {
    /// Whether it stands for many names.
    pub fn is_pattern(&self) -> bool {
        let text = &self.text;
        !self.quoted && (text.contains('*') || (text.contains('[') && text.contains(']')))
    }
}

/// An attach point that exists on this machine.
#[derive(Debug, Clone)]
pub struct Target {
    /// The probe's full name: `uprobe:/lib/libc.so.6:malloc`.
    pub label: String,
    /// Where it is attached.
    pub attach: Attach,
    /// The function it probes, where it probes one.
    pub function: Option<String>,
    /// What `args` points to.
    pub args: Option<TypeId>,
    /// Where in the context `retval` is, if the kernel need not be asked, and its type, where that is known.
    pub result: Option<(Option<u32>, TypeId)>,
    /// What its program calls may come to it again.
    pub dangerous: bool,
    /// The address of the function that it is the beginning of, in a program.
    pub entry: Option<u64>,
    /// Where the arguments of a marked place are.
    pub arguments: Vec<usdt::argument::Argument>,
    /// What its program can read.
    pub context: Context,
    /// How the kernel runs its program.
    pub program: ProgramType,
    /// What should be said of it.
    pub warnings: Vec<Diagnostic>,
}

impl Target {
    /// Whether its program runs in all processes; others are attached to the one that is traced.
    pub fn sees_all_processes(&self) -> bool {
        match self.program {
            ProgramType::Kprobe => !matches!(self.attach, Attach::Uprobe { .. }),
            ProgramType::Tracepoint
            | ProgramType::TypedEvent
            | ProgramType::FunctionEntry
            | ProgramType::FunctionExit => true,
            ProgramType::PerfEvent
            | ProgramType::RawTracepoint
            | ProgramType::Iterator
            | ProgramType::TextIterator => false,
        }
    }

    /// Whether it is run once by ebtrace itself, at the beginning or the end.
    pub fn is_once(&self) -> bool {
        matches!(self.attach, Attach::Begin | Attach::End)
    }

    /// What any attach point of this kind has.
    fn new(kind: &Kind, label: String, attach: Attach) -> Target {
        let Kind { context, program, .. } = *kind;
        Target {
            label,
            attach,
            function: None,
            args: None,
            result: None,
            dangerous: false,
            entry: None,
            arguments: Vec::new(),
            context,
            program,
            warnings: Vec::new(),
        }
    }
}

/// All probe types.
pub const KINDS: [&[Kind]; 10] = [
    event::ALL,
    session::ALL,
    kernel::ALL,
    trampoline::ALL,
    tracepoint::ALL,
    tracing::ALL,
    perf::ALL,
    watch::ALL,
    user::ALL,
    usdt::ALL,
];

/// All entries of the table.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.into_iter().flatten()
}

/// The probe type with this name or alias.
pub fn find(name: &str) -> Option<&'static Kind> {
    kinds().find(|kind| kind.name.eq_ignore_ascii_case(name) || kind.aliases.contains(&name))
}

/// The probe types that a pattern in place of a name stands for; `in_files` if what follows it names a file.
pub fn matching(pattern: &Part, in_files: bool) -> Vec<&'static Kind> {
    let search = if in_files { Search::Programs } else { Search::Kernel };
    let pattern = pattern::Pattern::of(pattern);
    kinds().filter(|kind| kind.search == search && pattern.matches(kind.name)).collect()
}

/// How many programs a pattern needs at least, where that can be told before any of them is looked at.
pub fn programs(point: &Point, host: &dyn Host) -> Option<usize> {
    let typed =
        matches!(point.kind.program, ProgramType::FunctionEntry | ProgramType::FunctionExit);
    typed.then(|| trampoline::count(point, host)).flatten()
}

/// What takes the place of a probe type that there was once.
fn removed(name: &str) -> Option<&'static str> {
    watch::REMOVED
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, instead)| *instead)
}

/// Whether this is the name or an alias of a probe type.
pub fn is_kind(name: &str) -> bool {
    find(name).is_some()
}

impl Kind {
    /// How an attach point of this type is written: `kprobe:function[+offset]`.
    pub fn usage(&self) -> String {
        let mut usage = self.name.to_owned();
        for field in self.shape {
            let (open, close) = if field.optional { ("[", "]") } else { ("", "") };
            usage.push_str(&format!("{open}:{}{close}", field.name.to_uppercase()));
        }
        usage
    }

    /// What programs are told that they are.
    pub fn type_name(&self) -> &'static str {
        session::type_name(self.name).unwrap_or(self.name)
    }

    /// Least and greatest number of parts after the name.
    pub fn arity(&self) -> (usize, usize) {
        (self.shape.iter().filter(|field| !field.optional).count(), self.shape.len())
    }
}

/// For probe types that no other can stand in for.
fn nothing_else(_: &Target, _: &dyn Host) -> Option<String> {
    None
}

/// Cuts `function+offset`; the offset may be decimal, hexadecimal or octal.
fn split_offset(part: &Part) -> Result<(String, u64), ProbeError> {
    let Some((name, offset)) = part.text.split_once('+') else { return Ok((part.text.clone(), 0)) };
    let value = parse_number(offset.trim())
        .ok_or_else(|| ProbeError::BadOffset { span: part.span, text: offset.to_owned() })?;
    Ok((name.trim().to_owned(), value))
}

/// A number as attach points write it: decimal, `0x` hexadecimal or `0` octal.
fn parse_number(text: &str) -> Option<u64> {
    let digits = text.to_ascii_lowercase();
    if let Some(hex) = digits.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok();
    }
    match digits.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u64::from_str_radix(octal, 8).ok(),
        _ => digits.parse().ok(),
    }
}
