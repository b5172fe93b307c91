//! Probes: attach points become programs.

use std::collections::{HashMap, HashSet};

use super::Lower;
use super::facts::Facts;
use super::function::{self, Calls, Signature};
use super::limit::Count;
use super::point::{Site, Unmatched};
use super::{trial, user};
use ebtrace_image as image;

use crate::builtin;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::expand::object::Object;
use crate::host::Host;
use crate::ir::build::Builder;
use crate::ir::{BinaryOp, FunctionId, MapId, Probe, Program, ProgramType, StmtKind};
use crate::options::Options;
use crate::probe::{self, Plan, Point, Target};
use crate::source::{FileId, Span};
use crate::syntax::ast;
use crate::types::{TypeId, Types, c};

/// One walk over the script with the facts of the walk before.
pub(super) fn walk(
    script: &ast::Script,
    (declared, objects): (&c::Declared, &[Object]),
    host: &dyn Host,
    options: &Options,
    types: Types,
    known: &Facts,
) -> (Program, Diagnostics, Facts) {
    let mut walk = Walk {
        declared,
        objects,
        host,
        options,
        known,
        found: Facts { asked: known.asked.clone(), ..Facts::default() },
        program: Program { types, ..Program::default() },
        maps: HashMap::new(),
        functions: HashMap::new(),
        diagnostics: Diagnostics::new(),
        count: Count::default(),
        unmatched: Unmatched::default(),
    };
    walk.declare_maps(script);
    walk.define_functions(script);
    let points = script
        .probes()
        .enumerate()
        .flat_map(|(number, probe)| probe.points.iter().map(move |point| (number, probe, point)));
    for (index, (number, probe, point)) in points.enumerate() {
        walk.point((number, index), probe, point);
    }
    walk.settle_unmatched();
    probe::join_returns(&mut walk.program.probes, host);
    walk.check_limits();
    walk.check_declared_maps(script);
    walk.check_probes(script);
    walk.check_trials();
    walk.check_iterators(script);
    walk.check_texts();
    (walk.program, walk.diagnostics, walk.found)
}

pub(super) struct Walk<'a> {
    pub(super) declared: &'a c::Declared,
    objects: &'a [Object],
    pub(super) host: &'a dyn Host,
    pub(super) options: &'a Options,
    pub(super) known: &'a Facts,
    pub(super) found: Facts,
    pub(super) program: Program,
    pub(super) maps: HashMap<String, MapId>,
    functions: HashMap<String, Signature>,
    pub(super) diagnostics: Diagnostics,
    pub(super) count: Count,
    pub(super) unmatched: Unmatched,
}

impl Walk<'_> {
    /// A script without probes does nothing.
    fn check_probes(&mut self, script: &ast::Script) {
        let first = script.probes().find_map(|probe| probe.points.first());
        let diagnostic = match first {
            None => Diagnostic::error(Code::NoProbes, "the script has no probe")
                .label(Span::new(FileId::default(), 0, 0), "expected an attach point and a block")
                .help("for example `kprobe:vfs_read { @[comm] = count(); }`"),
            Some(_) if !self.program.probes.is_empty() || self.diagnostics.has_errors() => return,
            Some(first) if self.options.probe_filter.is_some() => {
                Diagnostic::error(Code::NotFound, "none of the script's probes matches `--probe-filter`")
                    .label(first.span, "the first of them")
                    .help("the whole name of a probe counts, as `ebtrace -l FILE` shows it; leave the filter out to run all")
            }
            Some(first) => {
                Diagnostic::error(Code::NotFound, "none of the script's probes exists")
                    .label(first.span, "the first of them")
                    .note("the option `missing_probes` says that a script runs without those that do not exist")
            }
        };
        self.diagnostics.push(diagnostic);
    }

    pub(super) fn lower(
        &mut self,
        place: Site,
        probe: &ast::Probe,
        pattern: &Point,
        (targets, plan): (&[Target], Plan),
    ) {
        let (program, guarded) = (targets[0].program, targets[0].dangerous);
        // The kernel drops an event of a tracepoint whose program returns 0 before others get it.
        let returns = i32::from(program == ProgramType::Tracepoint);
        self.program.types.set_program(user::program(&targets[0]));
        let mut lower = self.lowering(pattern.kind, targets, (place.probe, place.point), returns);
        if program.is_iterator() {
            lower.leave_without_object();
        }
        lower.body(probe);
        let mut func = lower.b.finish();
        self.program.types.set_program(None);
        let site = self.program.sites.alloc(place.span);
        if trial::is_measured(&targets[0].attach) {
            func = self.repeated(func, site);
        }
        let label = pattern.label_of(targets);
        let points = targets.iter().map(|target| image::Point {
            label: target.label.clone(),
            attach: target.attach.clone(),
        });
        let points = points.collect();
        let returns = None;
        // A link for both has not all registers.
        let joins = !guarded
            && !targets[0].is_substituted()
            && !self.known.registers.contains(&place.point);
        let probe = Probe { label, points, plan, program, returns, joins, guarded, site, func };
        self.program.probes.push(probe);
    }
}

impl Walk<'_> {
    /// The walk through one probe or function.
    fn lowering<'w>(
        &'w mut self,
        kind: &'static probe::Kind,
        targets: &'w [Target],
        (number, point): (usize, usize),
        returns: i32,
    ) -> Lower<'w> {
        Lower {
            b: Builder::new(&mut self.program, returns),
            host: self.host,
            options: self.options,
            declared: self.declared,
            objects: self.objects,
            defines: Vec::new(),
            kind,
            targets,
            point,
            probe: number,
            known: self.known,
            found: &mut self.found,
            maps: &self.maps,
            diagnostics: &mut self.diagnostics,
            scopes: Vec::new(),
            gone: HashMap::new(),
            aggregates: HashMap::new(),
            of_kernel: HashSet::new(),
            clocks: HashMap::new(),
            ended: false,
            quiet: false,
            loops: 0,
            assigned: HashSet::new(),
            warned: HashSet::new(),
            function: None,
            functions: &self.functions,
            calls: Vec::new(),
        }
    }

    /// Functions come before the probes that call them.
    fn define_functions(&mut self, script: &ast::Script) {
        let functions: Vec<&ast::Function> = script
            .items
            .iter()
            .filter_map(|item| match item {
                ast::Item::Function(function) => Some(function),
                _ => None,
            })
            .collect();
        if functions.is_empty() {
            return;
        }
        let target = [probe::function_target()];
        let mut names = HashMap::new();
        for &function in &functions {
            self.declare_function(function, &target, &mut names);
        }
        let mut calls = Calls::new();
        for function in functions {
            let Some(signature) = self.functions.get(&function.name.node).cloned() else {
                continue;
            };
            if signature.span != function.name.span {
                continue;
            }
            let mut lower = self.lowering(&probe::FUNCTION, &target, (usize::MAX, usize::MAX), 0);
            let (params, returned) = lower.function_body(function, &signature);
            calls.insert(signature.id, std::mem::take(&mut lower.calls));
            let func = lower.b.finish();
            let made = &mut self.program.functions[signature.id];
            (made.func, made.params, made.returned) = (func, params, returned);
        }
        function::recursion(&calls, &names).into_iter().for_each(|one| self.diagnostics.push(one));
    }

    fn declare_function(
        &mut self,
        function: &ast::Function,
        target: &[Target],
        names: &mut HashMap<FunctionId, (String, Span)>,
    ) {
        let name = &function.name;
        if let Some(first) = self.functions.get(&name.node) {
            self.diagnostics.push(
                Diagnostic::error(Code::Shadowed, format!("`{}()` is defined twice", name.node))
                    .label(name.span, "defined again")
                    .label(first.span, "first here")
                    .help("give one of them another name"),
            );
            return;
        }
        if builtin::find(&name.node).is_some() {
            self.diagnostics.push(
                Diagnostic::error(Code::Shadowed, format!("`{}` is a builtin", name.node))
                    .label(name.span, "so no function can have this name")
                    .help("give it another name"),
            );
        }
        let site = self.program.sites.alloc(name.span);
        let id = self.program.functions.alloc(crate::ir::Function {
            name: name.node.clone(),
            params: Vec::new(),
            result: TypeId::VOID,
            returned: None,
            site,
            func: crate::ir::Func::default(),
        });
        let signature = self
            .lowering(&probe::FUNCTION, target, (usize::MAX, usize::MAX), 0)
            .signature(function, id);
        self.program.functions[id].result = signature.result;
        names.insert(id, (name.node.clone(), name.span));
        self.functions.insert(name.node.clone(), signature);
    }
}

impl Lower<'_> {
    /// Predicate and body, for the process that alone is traced if the program has to look for itself.
    fn body(&mut self, probe: &ast::Probe) {
        let pid = self.options.pid.filter(|_| self.targets[0].sees_all_processes());
        let Some(pid) = pid else { return self.predicated(probe) };
        self.enter();
        let id = self.thread_ids(false);
        let own = self.b.binary_int(BinaryOp::ShiftRight, id, 32);
        let traced = self.b.int(pid.into(), TypeId::U64);
        let condition = self.b.binary(BinaryOp::Equal, own, traced);
        self.enter();
        self.predicated(probe);
        let then = self.leave();
        self.b.stmt(StmtKind::If { condition, then, otherwise: crate::ir::Block::default() });
        let block = self.leave();
        self.b.stmt(StmtKind::Block(block));
    }

    fn predicated(&mut self, probe: &ast::Probe) {
        let Some(predicate) = &probe.predicate else {
            let body = self.block(&probe.body);
            self.b.stmt(StmtKind::Block(body));
            return;
        };
        self.enter();
        self.b.at(predicate.span);
        let operand = self.expr(predicate);
        let condition = self.condition(&operand, predicate.span);
        let then = self.block(&probe.body);
        self.b.stmt(StmtKind::If { condition, then, otherwise: crate::ir::Block::default() });
        let block = self.leave();
        self.b.stmt(StmtKind::Block(block));
    }
}
