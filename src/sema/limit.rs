//! How many programs and attachments a script can have.

use super::probe::Walk;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// What a script has of what is limited.
#[derive(Debug, Default)]
pub(super) struct Count {
    programs: usize,
    attachments: usize,
    /// What was not even looked at.
    passed_over: usize,
    /// The attach point that goes beyond a limit.
    beyond: Option<Span>,
}

/// A number that a script cannot go beyond.
struct Limit {
    option: &'static str,
    most: u32,
    of: &'static str,
}

impl Walk<'_> {
    /// Whether another program that is attached so often still fits. It is counted even if it does not.
    pub(super) fn has_room(&mut self, span: Span, attachments: usize) -> bool {
        self.count.programs += 1;
        self.count.attachments += attachments;
        if self.reached().is_some() {
            self.count.beyond.get_or_insert(span);
        }
        self.count.beyond.is_none()
    }

    /// Whether a script that has so many more programs is beyond a limit for certain. Looking at one of them is then enough:
    /// tens of thousands take seconds. The others count as if they had been.
    pub(super) fn is_beyond_reach(&mut self, span: Span, programs: usize) -> bool {
        let others = programs.saturating_sub(1);
        self.count.passed_over += others;
        let is_beyond = self.reached().is_some();
        if is_beyond {
            self.count.beyond.get_or_insert(span);
        } else {
            self.count.passed_over -= others;
        }
        is_beyond
    }

    /// Complains if the script is beyond a limit.
    pub(super) fn check_limits(&mut self) {
        if let (Some(span), Some((count, limit))) = (self.count.beyond, self.reached()) {
            self.diagnostics.push(too_many(span, count, limit));
        }
    }

    /// The limit that the script is beyond, and by how much.
    fn reached(&self) -> Option<(usize, Limit)> {
        let (max_probes, max_programs) = (self.options.max_probes, self.options.max_bpf_progs);
        let attachments = Limit { option: "max_probes", most: max_probes, of: "attach point" };
        let programs = Limit { option: "max_bpf_progs", most: max_programs, of: "program" };
        let Count { programs: own, attachments: places, passed_over, .. } = self.count;
        let mut limits =
            [(places + passed_over, attachments), (own + passed_over, programs)].into_iter();
        limits.find(|(count, limit)| *count > limit.most as usize)
    }
}

fn too_many(span: Span, count: usize, limit: Limit) -> Diagnostic {
    let Limit { option, most, of } = limit;
    let plural = if most == 1 { "" } else { "s" };
    let over = count - most as usize;
    let label = if over == 1 { "one too many".to_owned() } else { format!("{over} too many") };
    Diagnostic::error(Code::TooManyProbes, format!("a script has at most {most} {of}{plural}"))
        .label(span, label)
        .help(format!("to allow more, write `config = {{ {option} = {count} }}` above the probes"))
}
