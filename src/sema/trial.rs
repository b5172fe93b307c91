//! Tests and benchmarks: what their names must be, and how code is repeated.

use std::collections::HashMap;

use ebtrace_image::{Action, Attach, Failure};

use super::probe::Walk;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::build::{Builder, image_site};
use crate::ir::{self, BinaryOp, Block, Expr, Func, LoopKind, SiteId, StmtKind};
use crate::source::Span;
use crate::types::TypeId;

impl Walk<'_> {
    /// Two tests cannot have one name, nor can two benchmarks.
    pub(super) fn check_trials(&mut self) {
        let mut first: HashMap<&str, Span> = HashMap::new();
        let points = self.program.probes.iter().flat_map(|probe| {
            let span = self.program.sites[probe.site];
            probe.points.iter().map(move |point| (point, span))
        });
        let trials = points.filter(|(point, _)| point.attach.is_trial());
        for (point, span) in trials {
            let label = point.label.as_str();
            if let Some(first) = first.get(label) {
                self.diagnostics.push(
                    Diagnostic::error(Code::Shadowed, format!("there are two `{label}`"))
                        .label(span, "and another here")
                        .label(*first, "one is here")
                        .help("give one of them another name"),
                );
            }
            first.entry(label).or_insert(span);
        }
    }

    /// A program that runs some code as often as the tracer says when it runs it, or until the code returns another
    /// number than 0, which it returns too.
    pub(super) fn repeated(&mut self, code: Func, site: SiteId) -> Func {
        let span = self.program.sites[site];
        let function = self.program.functions.alloc(ir::Function {
            name: "repeated".to_owned(),
            params: Vec::new(),
            result: TypeId::I64,
            returned: None,
            site,
            func: code,
        });
        let mut b = Builder::new(&mut self.program, 0);
        b.at(span);
        let (from, to) = (b.int(0, TypeId::I64), b.add(Expr::Context(0), TypeId::I64));
        let index = b.local("round", TypeId::I64);
        let failure = Failure::EndlessLoop { rounds: ir::MOST_ROUNDS };
        let endless = b.event(Action::Fail { site: image_site(site), failure }, Vec::new());
        b.begin();
        let result = b.value(TypeId::I64);
        let args = Vec::new();
        b.stmt(StmtKind::CallFunction { function, args, result: Some(result), into: None });
        let mut returned = || b.add(Expr::Value(result), TypeId::I64);
        let (compared, passed_on) = (returned(), returned());
        let condition = b.binary_int(BinaryOp::NotEqual, compared, 0);
        b.begin();
        b.stmt(StmtKind::Return(Some(passed_on)));
        let then = b.end();
        b.stmt(StmtKind::If { condition, then, otherwise: Block::default() });
        let body = b.end();
        b.stmt(StmtKind::Loop { kind: LoopKind::Range { from, to, index, endless }, body });
        b.finish()
    }
}

/// Whether the points are those of a benchmark.
pub(super) fn is_measured(attach: &Attach) -> bool {
    matches!(attach, Attach::Bench(_))
}
