//! Attach points: what each stands for on this machine.

use std::collections::HashSet;

use ebtrace_image::MissingProbes;

use super::param;
use super::probe::Walk;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::host::Feature;
use crate::probe::{self, Kind, Part, Point, ProbeError, Target};
use crate::source::Span;
use crate::syntax::{ast, attach};

/// An attach point of the script.
#[derive(Clone, Copy)]
pub(super) struct Site {
    /// Number of its probe.
    pub(super) probe: usize,
    /// Its own number.
    pub(super) point: usize,
    /// Its place.
    pub(super) span: Span,
}

/// Why an attach point becomes no program.
struct Refusal {
    diagnostic: Diagnostic,
    /// What it names is not there.
    missing: bool,
    /// It stands for whatever is there.
    pattern: bool,
}

/// The attach points that a probe may do without, and the probes that have others.
#[derive(Default)]
pub(super) struct Unmatched {
    refusals: Vec<(usize, Refusal)>,
    placed: HashSet<usize>,
}

/// An attach point of one type, and what it stands for.
type Found = (Point, Vec<Target>);

impl Walk<'_> {
    /// An attach point becomes the programs of all that it stands for.
    pub(super) fn point(
        &mut self,
        (number, index): (usize, usize),
        probe: &ast::Probe,
        point: &ast::AttachPoint,
    ) {
        for index in attach::missing(point, &self.options.params) {
            self.diagnostics.push(param::missing(
                self.options,
                point.span,
                index,
                "so nothing stands in its place",
            ));
        }
        let site = Site { probe: number, point: index, span: point.span };
        match self.resolve(point) {
            Ok(mut found) => {
                self.unmatched.placed.insert(number);
                self.filter(&mut found);
                let typed = self.known.typed.contains(&index);
                self.found.typed.extend(typed.then_some(index));
                found.iter().for_each(|(point, targets)| {
                    self.programs(site, probe, (point, targets), typed)
                });
            }
            Err(refusal) if refusal.missing && refusal.pattern => {
                self.unmatched.refusals.push((number, *refusal));
            }
            Err(refusal) => self.refuse(*refusal),
        }
    }

    /// A pattern that fits nothing is no mistake beside attach points of the same probe that are there: scripts that are
    /// to run on several kernels are written so.
    pub(super) fn settle_unmatched(&mut self) {
        let Unmatched { refusals, placed } = std::mem::take(&mut self.unmatched);
        for (probe, refusal) in refusals {
            let beside = placed.contains(&probe);
            if beside && self.options.settings.missing_probes == MissingProbes::Error {
                self.warn_missing(refusal.diagnostic);
            } else {
                self.refuse(refusal);
            }
        }
    }

    fn warn_missing(&mut self, diagnostic: Diagnostic) {
        let mut diagnostic = diagnostic.note("the script runs without this probe");
        diagnostic.severity = Severity::Warning;
        diagnostic.code = Code::MissingProbe;
        self.diagnostics.push(diagnostic);
    }

    /// Leaves out what is not wanted.
    fn filter(&mut self, found: &mut Vec<Found>) {
        let Some(filter) = &self.options.probe_filter else { return };
        for (_, targets) in found.iter_mut() {
            targets.retain(|target| target.is_once() || filter.wants(&target.label));
        }
        found.retain(|(_, targets)| !targets.is_empty());
    }

    /// One program for all targets, or one each if their code depends on their types.
    fn programs(
        &mut self,
        site: Site,
        probe: &ast::Probe,
        (pattern, targets): (&Point, &[Target]),
        typed: bool,
    ) {
        self.check_kernel(site.span, pattern.kind, &targets[0]);
        let warnings = targets.iter().flat_map(|target| &target.warnings).cloned();
        warnings.for_each(|warning| self.diagnostics.push(warning));
        let shared = targets[0].program.is_shared() && !typed;
        let most = if shared { targets.len() } else { 1 };
        for targets in targets.chunks(most) {
            let plan = probe::plan(targets, self.host);
            let plan = if self.known.registers.contains(&site.point) { plan.apart() } else { plan };
            if self.has_room(site.span, plan.attachments(targets)) {
                self.lower(site, probe, pattern, (targets, plan));
            }
        }
    }

    /// A probe that does not exist is left out where the script asks for that; anything else is its mistake.
    fn refuse(&mut self, refusal: Refusal) {
        let Refusal { diagnostic, missing, .. } = refusal;
        match self.options.settings.missing_probes {
            MissingProbes::Ignore if missing => {}
            MissingProbes::Warn if missing => self.warn_missing(diagnostic),
            _ => {
                self.found.unread = true;
                self.diagnostics.push(diagnostic);
            }
        }
    }

    /// What the kernel lacks is no reason to leave out what else is wrong with the probe.
    fn check_kernel(&mut self, span: Span, kind: &'static probe::Kind, target: &Target) {
        let lacks = |feature: &Feature| !self.host.has(*feature) && !target.is_substituted();
        if let Some(feature) = kind.needs.filter(lacks) {
            let instead = (kind.instead)(target, self.host);
            self.diagnostics.push(ProbeError::Lacks { span, kind, feature, instead });
        }
    }

    /// What an attach point stands for, by type.
    fn resolve(&mut self, point: &ast::AttachPoint) -> Result<Vec<Found>, Box<Refusal>> {
        let mut parts = attach::split(point, &self.options.params)
            .map_err(|error| {
                Box::new(Refusal { diagnostic: error.into(), missing: false, pattern: false })
            })?
            .into_iter()
            .map(|part| Part { text: part.text, quoted: part.quoted, span: part.span });
        let empty = Part { text: String::new(), quoted: false, span: point.span };
        let name = parts.next().unwrap_or(empty);
        let parts: Vec<Part> = parts.collect();
        if !name.is_pattern() {
            let kind = probe::find(&name.text).ok_or_else(|| {
                refusal(ProbeError::UnknownKind { span: name.span, name: name.text.clone() })
            })?;
            return Ok(vec![self.of_kind(kind, parts, point.span)?]);
        }
        let in_files = parts.first().is_some_and(|part| part.text.contains('/'));
        let mut found = Vec::new();
        let mut missing = None;
        for kind in probe::matching(&name, in_files) {
            let (least, most) = kind.arity();
            let lacking = kind.needs.is_some_and(|feature| !self.host.has(feature));
            if lacking || parts.len() < least || parts.len() > most {
                continue;
            }
            match self.of_kind(kind, parts.clone(), point.span) {
                Ok(one) => found.push(one),
                Err(refusal) => {
                    missing.get_or_insert(refusal);
                }
            }
        }
        if found.is_empty() {
            let unknown = ProbeError::UnknownKind { span: name.span, name: name.text };
            return Err(missing.unwrap_or_else(|| refusal(unknown)));
        }
        Ok(found)
    }

    fn of_kind(
        &mut self,
        kind: &'static Kind,
        parts: Vec<Part>,
        span: Span,
    ) -> Result<Found, Box<Refusal>> {
        let (least, most) = kind.arity();
        if parts.len() < least || parts.len() > most {
            return Err(refusal(ProbeError::Arity { span, kind, found: parts.len() }));
        }
        let (unsafe_mode, most) = (self.options.unsafe_mode, usize::MAX);
        let mut point = Point { kind, parts, span, unsafe_mode, most };
        if self.is_hopeless(&point) {
            point.most = 1;
        }
        let types = &mut self.program.types;
        let pattern = point.parts.iter().any(Part::is_pattern);
        let targets = (kind.resolve)(&point, self.host, types)
            .map_err(|error| Box::new(Refusal { pattern, ..*refusal(error) }))?;
        Ok((point, probe::substitute(targets, self.host, types)))
    }
}

impl Walk<'_> {
    /// Whether the script is refused for a pattern, however well most of what it stands for can be probed: then one of
    /// them is enough to find what else is wrong.
    fn is_hopeless(&mut self, point: &Point) -> bool {
        let Some(count) = probe::programs(point, self.host) else { return false };
        if self.options.probe_filter.is_some() {
            return false;
        }
        let has = |feature| self.host.has(feature);
        match (has(Feature::Trampolines), has(Feature::Kprobes)) {
            (true, _) => self.is_beyond_reach(point.span, count),
            // What stands in for them needs one program.
            (false, instead) => !instead,
        }
    }
}

fn refusal(error: ProbeError) -> Box<Refusal> {
    let missing = error.is_missing();
    Box::new(Refusal { diagnostic: error.into(), missing, pattern: false })
}
