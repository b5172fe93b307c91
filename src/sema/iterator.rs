//! Iterators: alone in their script, and done where the kernel has no further object.

use ebtrace_image::{self as image, Attach};

use super::Lower;
use super::probe::Walk;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::text::{self, Beyond};
use crate::ir::{BinaryOp, Block, Expr, Probe, ProgramType, StmtKind, blocks_of, layout};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::{Type, TypeId, catalog};

/// The part of the context that is not the object.
const META: &str = "meta";

impl Walk<'_> {
    /// A script goes through objects of the kernel, or waits for events.
    pub(super) fn check_iterators(&mut self, script: &ast::Script) {
        let iterators = self.program.probes.iter().filter(|probe| probe.program.is_iterator());
        let Some(probe) = iterators.into_iter().next() else { return };
        let site = self.program.sites[probe.site];
        let is_of_processes = probe.points.iter().any(|point| {
            matches!(point.attach, Attach::Iterator { walk: image::Walk::Processes, .. })
        });
        if self.options.pid.is_some() && !is_of_processes {
            self.diagnostics.push(
                Diagnostic::error(
                    Code::NotHere,
                    format!("`{}` cannot be restricted to a process", probe.label),
                )
                .label(site, "what it goes through belongs to no process")
                .help("leave out `-p`"),
            );
        }
        let probes = script.items.iter().filter_map(|item| match item {
            ast::Item::Probe(probe) => Some(&probe.points),
            _ => None,
        });
        let mut points = probes.flatten().map(|point| point.span);
        let Some(other) = points.find(|span| *span != site && !self.options.at_prompt) else {
            return;
        };
        self.diagnostics.push(
            Diagnostic::error(Code::NotAlone, "an iterator is the only probe of its script")
                .label(site, "runs once, and the script ends with it")
                .label(other, "another probe")
                .help("give each of them a script of its own"),
        );
    }
}

impl Walk<'_> {
    /// The kernel writes the text of an iterator that stays there, and it can write less than a runtime.
    pub(super) fn check_texts(&mut self) {
        let stays = |probe: &Probe| probe.program == ProgramType::TextIterator;
        if !self.program.probes.iter().any(stays) {
            return;
        }
        let mut found = Vec::new();
        let functions = self.program.functions.iter().map(|(_, function)| &function.func);
        for func in self.program.probes.iter().map(|probe| &probe.func).chain(functions) {
            self.texts_in(&func.body, &mut found);
        }
        for (span, what) in found {
            self.diagnostics.push(
                Diagnostic::error(
                    Code::NotHere,
                    format!("an iterator that stays in the kernel cannot show {what}"),
                )
                .label(span, "the kernel writes this text by itself, and knows only some formats")
                .help(
                    "leave out the last part of the attach point, and ebtrace reads the iterator",
                ),
            );
        }
    }

    fn texts_in(&self, block: &Block, found: &mut Vec<(Span, Beyond)>) {
        for stmt in &block.stmts {
            if let StmtKind::Emit { event, .. } = &stmt.kind {
                let event = &self.program.events[*event];
                let shape = |ty: &TypeId| layout::shape(&self.program.types, *ty);
                let shapes: Vec<_> = event.fields.iter().map(shape).collect();
                found.extend(text::of(&event.action, &shapes).err().map(|what| (stmt.span, what)));
            }
            blocks_of(&stmt.kind).into_iter().for_each(|inner| self.texts_in(inner, found));
        }
    }
}

impl Lower<'_> {
    /// After the last object the kernel runs the program once more, with none.
    pub(super) fn leave_without_object(&mut self) {
        let Some(record) = self.args_type() else { return };
        let Type::Struct(id) = *self.b.types().get(record) else { return };
        let host = self.host;
        let fields = catalog::fields(self.b.types(), host, id);
        let object = fields.iter().find(|field| {
            field.name != META && matches!(self.b.types().get(field.ty), Type::Pointer { .. })
        });
        let Some(offset) = object.map(|field| field.offset) else { return };
        let object = self.b.add(Expr::Context(offset), TypeId::U64);
        let none = self.b.int(0, TypeId::U64);
        let condition = self.b.binary(BinaryOp::Equal, object, none);
        self.b.begin();
        self.b.stmt(StmtKind::Return(None));
        let then = self.b.end();
        self.b.stmt(StmtKind::If { condition, then, otherwise: Block::default() });
    }
}
