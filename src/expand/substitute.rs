//! What becomes of each node.

use std::rc::Rc;

use super::definition::Definition;
use super::size::{Depth, measure, measure_type};
use super::{Binding, Expander, Frame, call, error, stdlib};
use crate::builtin;
use crate::diagnostic::nearest;
use crate::source::{FileId, LOCAL, Span};
use crate::syntax::ast::walk::{self, Walk};
use crate::syntax::ast::{
    Block, Expr, ExprKind, MacroParamKind, Name, Stmt, TypeExpr, TypeExprKind, TypeOrExpr,
};

impl Walk for Expander<'_> {
    fn span(&mut self, span: &mut Span) {
        if let Some(frame) = self.frames.last() {
            span.file = frame.file;
        }
    }

    fn declared(&mut self, name: &mut Name) {
        self.span(&mut name.span);
        self.rename_variable(&mut name.node);
    }

    fn block(&mut self, block: &mut Block) {
        let before = self.depth;
        self.depth.nesting += 1;
        if self.make(0, Depth::default()) {
            walk::walk_block(self, block);
        }
        self.depth = before;
    }

    fn stmt(&mut self, stmt: &mut Stmt) {
        if !self.stopped && self.make(1, Depth::default()) {
            walk::walk_stmt(self, stmt);
        }
    }

    fn expr(&mut self, expr: &mut Expr) {
        let own = Depth::of(&expr.kind);
        if self.stopped || !self.make(1, own) {
            return;
        }
        if self.substitute(expr) {
            return;
        }
        match &mut expr.kind {
            ExprKind::Ident(name) => {
                let name = name.clone();
                let definitions = self.definitions(&name);
                if takes(&name, &definitions, &[]) {
                    let span = expr.span;
                    return self.use_macro(expr, (&name, span), &definitions, Vec::new());
                }
            }
            ExprKind::Call { name, name_span, args } => {
                let (name, name_span) = (name.clone(), *name_span);
                let definitions = self.definitions(&name);
                if takes(&name, &definitions, args) {
                    let args = std::mem::take(args);
                    return self.use_macro(expr, (&name, name_span), &definitions, args);
                }
                self.check_name(&name, name_span);
                return self.arguments_of_others(expr);
            }
            ExprKind::Variable(name) => {
                let mut new = std::mem::take(name);
                self.rename_variable(&mut new);
                *name = new;
            }
            ExprKind::Map { name, .. } => self.rename_map(name),
            ExprKind::Offsetof { path, .. } => self.substitute_path(path),
            ExprKind::Cast { ty, operand } => self.check_cast(ty, operand),
            _ => {}
        }
        let before = self.depth;
        self.depth = before.plus(own);
        walk::walk_expr(self, expr);
        self.depth = before;
    }

    fn ty(&mut self, ty: &mut TypeExpr) {
        let Some(binding) = self.parameter_of_type(ty) else { return walk::walk_type(self, ty) };
        let (new, size) = match binding {
            Binding::Type(new, size) => (new.clone(), *size),
            Binding::Expr(value, size) => {
                let of = Box::new(TypeOrExpr::Expr(Box::new(value.clone())));
                (TypeExpr { kind: TypeExprKind::Typeof(of), span: value.span }, *size)
            }
            _ => return,
        };
        if self.make(size.nodes, size.depth) {
            *ty = new;
        }
    }

    fn type_or_expr(&mut self, of: &mut TypeOrExpr) {
        let TypeOrExpr::Type(ty) = of else { return walk::walk_type_or_expr(self, of) };
        let (name, index) = match &mut ty.kind {
            TypeExprKind::Array(inner, Some(index)) => (&**inner, Some(*index)),
            _ => (&*ty, None),
        };
        let Some(Binding::Expr(value, size)) = self.parameter_of_type(name) else {
            return walk::walk_type_or_expr(self, of);
        };
        let (mut value, size, mut span) = (value.clone(), *size, ty.span);
        if !self.make(size.nodes, size.depth) {
            return;
        }
        self.move_argument(&mut value, span);
        self.span(&mut span);
        if let Some(index) = index {
            let index = Box::new(Expr { kind: ExprKind::Int(index), span });
            value = Expr { kind: ExprKind::Index { base: Box::new(value), index }, span };
        }
        *of = TypeOrExpr::Expr(Box::new(value));
    }
}

impl Expander<'_> {
    /// Replaces the name of a parameter by what it stands for.
    fn substitute(&mut self, expr: &mut Expr) -> bool {
        let ExprKind::Ident(name) = &expr.kind else { return false };
        let (mut new, size) = match self.parameter(name) {
            Some(Binding::Expr(value, size)) => (value.clone(), *size),
            Some(Binding::Type(ty, size)) => {
                let kind = ExprKind::Typeof(TypeOrExpr::Type(ty.clone()));
                (Expr { kind, span: ty.span }, *size)
            }
            _ => return false,
        };
        if self.make(size.nodes, size.depth) {
            self.move_argument(&mut new, expr.span);
            *expr = new;
        }
        true
    }

    /// Makes an argument's places those of this use of its parameter.
    fn move_argument(&mut self, argument: &mut Expr, mut place: Span) {
        let name = self.sources.written(place);
        self.span(&mut place);
        let from = argument.span.file;
        let to = self.sources.add_argument(argument.span, name, place);
        Move { from, to }.expr(argument);
    }

    /// `offsetof(t, member)` where the member is a parameter: it stands for a name, or for several with dots.
    fn substitute_path(&mut self, path: &mut Vec<Name>) {
        let Some(first) = path.first() else { return };
        let Some(Binding::Expr(value, _)) = self.parameter(&first.node) else { return };
        if let Some(names) = member_path(value) {
            path.splice(..1, names);
        }
    }

    fn parameter_of_type(&self, ty: &TypeExpr) -> Option<&Binding> {
        match &ty.kind {
            TypeExprKind::Name { tag: None, name } => self.parameter(name),
            _ => None,
        }
    }

    /// `(x) * y` reads as a cast, which nobody wants where `x` is a value.
    fn check_cast(&mut self, ty: &TypeExpr, operand: &Expr) {
        let mut inner = ty;
        while let TypeExprKind::Pointer(of) | TypeExprKind::Array(of, _) = &inner.kind {
            inner = of;
        }
        if let (Some(Binding::Expr(..)), TypeExprKind::Name { name, .. }) =
            (self.parameter_of_type(inner), &inner.kind)
        {
            let (name, mut span) = (name.clone(), ty.span);
            self.span(&mut span);
            let sign = match operand.kind {
                ExprKind::Unary { op, .. } => op.symbol(),
                _ => "*",
            };
            self.complain(error::cast_to_value(&name, sign, span));
        }
    }

    fn rename_variable(&self, name: &mut String) {
        let Some(frame) = self.frames.last() else { return };
        let params = frame.definition.item.params.iter().zip(&frame.bindings);
        for (param, binding) in params {
            if let (MacroParamKind::Variable, Binding::Variable(variable)) = (param.kind, binding)
                && param.name.node == *name
            {
                name.clone_from(variable);
                return;
            }
        }
        name.push_str(&format!("{LOCAL}{}", frame.file.0));
    }

    fn rename_map(&self, name: &mut String) {
        let Some(frame) = self.frames.last() else { return };
        let params = frame.definition.item.params.iter().zip(&frame.bindings);
        for (param, binding) in params {
            if let (MacroParamKind::Map, Binding::Map(map)) = (param.kind, binding)
                && param.name.node == *name
            {
                name.clone_from(map);
                return;
            }
        }
    }

    // Calls.

    /// Complains of a name that nothing has, where a macro's is near. The others are left to the checker, which knows more
    /// names, but no macros.
    fn check_name(&mut self, name: &str, mut span: Span) {
        if builtin::find(name).is_some() || self.functions.contains(name) {
            return;
        }
        let known = self.table.all().chain(self.functions.iter().map(String::as_str));
        let known = known.chain(stdlib::names()).chain(builtin::all().map(|builtin| builtin.name));
        if let Some(near) = nearest(name, known).filter(|near| !self.table.named(near).is_empty()) {
            let near = near.to_owned();
            self.span(&mut span);
            self.complain(error::unknown(name, span, &near));
        }
    }

    /// Arguments of what is no macro: a parameter stands for a value there, which nothing can change.
    fn arguments_of_others(&mut self, expr: &mut Expr) {
        self.span(&mut expr.span);
        let own = Depth::of(&expr.kind);
        let before = self.depth;
        self.depth = before.plus(own);
        if let ExprKind::Call { name_span, args, .. } = &mut expr.kind {
            self.span(name_span);
            for arg in args {
                let named = matches!(arg.kind, ExprKind::Ident(_));
                let mut span = arg.span;
                self.expr(arg);
                if named && matches!(arg.kind, ExprKind::Variable(_) | ExprKind::Map { .. }) {
                    self.span(&mut span);
                    let value = std::mem::replace(arg, nothing(span));
                    let block = Block { stmts: Vec::new(), value: Some(Box::new(value)), span };
                    *arg = Expr { kind: ExprKind::Block(block), span };
                }
            }
        }
        self.depth = before;
    }

    /// Replaces a call by the macro's body.
    fn use_macro(
        &mut self,
        expr: &mut Expr,
        (name, name_span): (&str, Span),
        definitions: &[Rc<Definition>],
        mut args: Vec<Expr>,
    ) {
        let mut call = expr.span;
        self.span(&mut call);
        let Some(definition) = call::choose(definitions, &args).map(Rc::clone) else {
            let mut place = if args.is_empty() { name_span } else { call };
            self.span(&mut place);
            args.iter_mut().for_each(|arg| self.span(&mut arg.span));
            let sorted = call::by_closeness(definitions, &args);
            if let Some((closest, others)) = sorted.split_first() {
                let diagnostic = error::no_match(name, place, &args, closest, others);
                self.complain(diagnostic);
            }
            return;
        };
        if self.complain_recursion(&definition, call) {
            return;
        }
        let bindings = self.bind(&definition, args);
        let file = self.sources.add_use(definition.item.name.span, call);
        let mut body = definition.item.body.clone();
        self.frames.push(Frame { definition, bindings, file, call });
        self.block(&mut body);
        self.frames.pop();
        *expr = match body.value.take() {
            Some(value) if body.stmts.is_empty() => *value,
            value => {
                let span = value.as_ref().map_or(body.span, |value| value.span);
                Expr { kind: ExprKind::Block(Block { value, ..body }), span }
            }
        };
    }

    /// What the parameters stand for; arguments are the caller's, and are expanded as such.
    fn bind(&mut self, definition: &Definition, args: Vec<Expr>) -> Vec<Binding> {
        let mut bindings = Vec::with_capacity(args.len());
        for (param, mut arg) in definition.item.params.iter().zip(args) {
            self.expr(&mut arg);
            bindings.push(match (param.kind, arg.kind) {
                (MacroParamKind::Variable, ExprKind::Variable(name)) => Binding::Variable(name),
                (MacroParamKind::Map, ExprKind::Map { name, .. }) => Binding::Map(name),
                (_, ExprKind::Typeof(TypeOrExpr::Type(mut ty))) => {
                    let size = measure_type(&mut ty);
                    Binding::Type(ty, size)
                }
                (_, ExprKind::Typeof(of)) => {
                    let kind = TypeExprKind::Typeof(Box::new(of));
                    let mut ty = TypeExpr { kind, span: arg.span };
                    let size = measure_type(&mut ty);
                    Binding::Type(ty, size)
                }
                (_, kind) => {
                    let mut value = Expr { kind, span: arg.span };
                    let size = measure(&mut value);
                    Binding::Expr(value, size)
                }
            });
        }
        bindings
    }

    fn complain_recursion(&mut self, definition: &Rc<Definition>, call: Span) -> bool {
        let within = |frame: &Frame| Rc::ptr_eq(&frame.definition, definition);
        let Some(first) = self.frames.iter().position(within) else { return false };
        let frames = self.frames[first..].iter().map(|frame| &frame.definition);
        let chain: Vec<&str> = frames
            .chain([definition])
            .map(|definition| definition.item.name.node.as_str())
            .collect();
        let diagnostic = error::recursion(&chain, call, definition.item.name.span);
        self.complain(diagnostic);
        true
    }
}

/// Whether a use is a macro's: what no macro takes may be for a builtin of the same name.
fn takes(name: &str, definitions: &[Rc<Definition>], args: &[Expr]) -> bool {
    match builtin::find(name) {
        Some(_) => call::choose(definitions, args).is_some(),
        None => !definitions.is_empty(),
    }
}

/// Moves places from one text to another name of it.
struct Move {
    from: FileId,
    to: FileId,
}

impl Walk for Move {
    fn span(&mut self, span: &mut Span) {
        if span.file == self.from {
            span.file = self.to;
        }
    }
}

/// Stands in for an expression that is being moved.
fn nothing(span: Span) -> Expr {
    Expr { kind: ExprKind::Bool(false), span }
}

/// `a.b.c` as names.
fn member_path(expr: &Expr) -> Option<Vec<Name>> {
    match &expr.kind {
        ExprKind::Ident(name) => Some(vec![Name { node: name.clone(), span: expr.span }]),
        ExprKind::Field { base, name, name_span } => {
            let mut path = member_path(base)?;
            path.push(Name { node: name.clone(), span: *name_span });
            Some(path)
        }
        _ => None,
    }
}
