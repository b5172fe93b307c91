//! The macros of a script, and what their definitions must keep to.

use std::rc::Rc;

use indexmap::IndexMap;

use super::error;
use crate::builtin;
use crate::diagnostic::Diagnostics;
use crate::source::Span;
use crate::syntax::ast::walk::{self, Walk};
use crate::syntax::ast::{
    Expr, ExprKind, Item, Macro, MacroParam, MacroParamKind, Name, Script, Stmt, StmtKind,
};
use crate::types;

/// A macro.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) item: Macro,
}

/// Macros by name.
#[derive(Debug, Default)]
pub(super) struct Table {
    by_name: IndexMap<String, Vec<Rc<Definition>>>,
}

impl Table {
    /// Takes the macros out of a script.
    pub(super) fn collect(script: &mut Script, diagnostics: &mut Diagnostics) -> Table {
        let mut table = Table::default();
        let items = std::mem::take(&mut script.items);
        for item in items {
            match item {
                Item::Macro(item) => table.define(item, diagnostics),
                item => script.items.push(item),
            }
        }
        for item in &script.items {
            if let Item::Function(function) = item
                && let Some(found) = table.named(&function.name.node).first()
            {
                diagnostics.push(error::function_too(&found.item, &function.name));
            }
        }
        table
    }

    fn define(&mut self, mut item: Macro, diagnostics: &mut Diagnostics) {
        check(&mut item, diagnostics);
        if builtin::find(&item.name.node).is_some_and(|builtin| builtin.reserved) {
            diagnostics.push(error::never_used(&item));
            return;
        }
        let known = self.by_name.entry(item.name.node.clone()).or_default();
        if let Some(first) = known.iter().find(|first| same_calls(&first.item, &item)) {
            diagnostics.push(error::redefined(&item, &first.item));
        }
        known.push(Rc::new(Definition { item }));
    }

    /// All names.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The macros of a name, in order.
    pub(super) fn named(&self, name: &str) -> &[Rc<Definition>] {
        self.by_name.get(name).map_or(&[], |found| found)
    }
}

/// Whether what can be passed to one can be passed to the other. A variable is an expression too.
pub(super) fn same_calls(one: &Macro, other: &Macro) -> bool {
    let maps = |item: &Macro| -> Vec<bool> {
        item.params.iter().map(|param| param.kind == MacroParamKind::Map).collect()
    };
    maps(one) == maps(other)
}

fn check(item: &mut Macro, diagnostics: &mut Diagnostics) {
    for (index, param) in item.params.iter().enumerate() {
        let same =
            |first: &&MacroParam| first.kind == param.kind && first.name.node == param.name.node;
        if let Some(first) = item.params[..index].iter().find(same) {
            diagnostics.push(error::double_parameter(param, first));
        }
        if param.kind == MacroParamKind::Expr {
            let name = param.name.node.as_str();
            let builtin = builtin::find(name).is_some_and(|builtin| builtin.reserved);
            if builtin || types::name::all().any(|known| known == name) {
                diagnostics.push(error::bad_parameter(param, builtin));
            }
        }
    }
    let mut body = item.body.clone();
    Hygiene { item, loops: 0, diagnostics }.block(&mut body);
}

/// What a macro's body may not do.
struct Hygiene<'a> {
    item: &'a Macro,
    loops: u32,
    diagnostics: &'a mut Diagnostics,
}

impl Hygiene<'_> {
    fn param(&self, kind: MacroParamKind, name: &str) -> Option<&MacroParam> {
        self.item.params.iter().find(|param| param.kind == kind && param.name.node == name)
    }

    fn jump(&mut self, word: &str, span: Span) {
        self.diagnostics.push(error::jump(self.item, word, span));
    }
}

impl Walk for Hygiene<'_> {
    fn declared(&mut self, name: &mut Name) {
        if let Some(param) = self.param(MacroParamKind::Variable, &name.node) {
            let diagnostic = error::shadowed(self.item, name, param);
            self.diagnostics.push(diagnostic);
        }
    }

    fn stmt(&mut self, stmt: &mut Stmt) {
        let span = stmt.span;
        match &stmt.kind {
            StmtKind::Break if self.loops == 0 => self.jump("break", span),
            StmtKind::Continue if self.loops == 0 => self.jump("continue", span),
            StmtKind::Return(_) => self.jump("return", span.part(0, "return".len())),
            _ => {}
        }
        let within = matches!(stmt.kind, StmtKind::While { .. } | StmtKind::For { .. });
        self.loops += u32::from(within);
        walk::walk_stmt(self, stmt);
        self.loops -= u32::from(within);
    }

    fn expr(&mut self, expr: &mut Expr) {
        if let ExprKind::Map { name, .. } = &expr.kind
            && self.param(MacroParamKind::Map, name).is_none()
        {
            self.diagnostics.push(error::foreign_map(self.item, name, expr.span));
        }
        walk::walk_expr(self, expr);
    }
}
