//! Assignments.

use ebtrace_image::{Action, Failure};

use super::element::Element;
use super::facts::Timed;
use super::part::assigns;
use super::{Lower, Operand, error, facts};
use crate::builtin::{self, Addition, Call, Lowering};
use crate::ir::build::{image_map, image_site};
use crate::ir::{BinaryOp, EventId, MapId, StmtKind};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};
use crate::types::{Type, TypeId, aggregating_function};

/// The helper that fails when a map has no room.
const UPDATE: &str = "map_update_elem";

impl Lower<'_> {
    /// `target = value`, `target += value`
    pub(super) fn assign(
        &mut self,
        target: &ast::Expr,
        op: Option<ast::BinaryOp>,
        value: &ast::Expr,
        span: Span,
    ) {
        match &target.kind {
            ExprKind::Variable(name) => self.assign_to_variable(name, target.span, op, value),
            ExprKind::Map { name, key } => match op {
                None if aggregates(value) => {
                    let element = self.element_before(name, key.as_deref(), target.span, value);
                    self.assign_aggregate(name, element, value);
                }
                _ => self.assign_to_map(name, key.as_deref(), target.span, op, value, span),
            },
            _ => {}
        }
    }

    /// The element that is assigned to. Its key is copied where the value may change what it stands for.
    fn element_before(
        &mut self,
        name: &str,
        key: Option<&[ast::Expr]>,
        span: Span,
        value: &ast::Expr,
    ) -> Option<Element> {
        let mut element = self.element(name, key, span)?;
        if assigns(value)
            && let Some(key) = element.key
        {
            let mut key = self.operand(key);
            self.keep(&mut key);
            element.key = Some(key.expr);
        }
        Some(element)
    }

    /// `@x[key] = count()`; also where the call is the value of a block.
    fn assign_aggregate(&mut self, name: &str, element: Option<Element>, value: &ast::Expr) {
        match &value.kind {
            ExprKind::Block(block) => {
                self.enter();
                self.statements(&block.stmts);
                if let Some(tail) = &block.value {
                    self.assign_aggregate(name, element, tail);
                }
                let inner = self.leave();
                self.b.stmt(StmtKind::Block(inner));
            }
            ExprKind::Call { name: function, name_span, args } => {
                let Some(builtin) = builtin::find(function) else { return };
                let (span, name_span) = (value.span, *name_span);
                let call = Call { builtin, name: function, span, name_span, args };
                self.aggregate(name, element, &call);
            }
            _ => {}
        }
    }

    fn assign_to_variable(
        &mut self,
        name: &str,
        span: Span,
        op: Option<ast::BinaryOp>,
        value: &ast::Expr,
    ) {
        let operand = match op {
            None => self.expr(value),
            Some(op) => {
                let Some(local) = self.variable(name) else {
                    self.missing_variable(name, span);
                    return;
                };
                let old = self.read_variable(local);
                let operand = self.expr(value);
                self.binary(op, span.to(value.span), (old, span), (operand, value.span))
            }
        };
        self.store_variable(name, span, operand, value.span);
    }

    fn read_variable(&mut self, local: crate::ir::LocalId) -> Operand {
        if self.b.local_type(local) == TypeId::UNKNOWN {
            self.poison()
        } else {
            self.local_operand(local)
        }
    }

    /// Assigns to a variable, which is made in the innermost block if there is none of the name.
    pub(super) fn store_variable(
        &mut self,
        name: &str,
        span: Span,
        operand: Operand,
        value_span: Span,
    ) {
        if !self.b.types().is_value(operand.ty) {
            let found = self.type_name(operand.ty);
            self.complain(error::bad_value(value_span, &found, "assigned to a variable"));
            return;
        }
        let offer = self.offer(&operand, value_span);
        let Some(local) = self.assign_variable(name, span, offer) else { return };
        if let Some(variable) = self.lookup(name) {
            self.learn_clock(Timed::Variable(variable.key), &operand);
        }
        let ty = self.b.local_type(local);
        if ty != TypeId::UNKNOWN && operand.ty != TypeId::UNKNOWN {
            let value = self.coerce(&operand, ty);
            self.b.store(local, value);
        }
    }

    fn assign_to_map(
        &mut self,
        name: &str,
        key: Option<&[ast::Expr]>,
        target: Span,
        op: Option<ast::BinaryOp>,
        value: &ast::Expr,
        span: Span,
    ) {
        let Some(element) = self.element_before(name, key, target, value) else {
            self.expr(value);
            return;
        };
        let operand = match op {
            None => {
                let operand = self.expr(value);
                if let Some(ty) = self.aggregate_of(&operand) {
                    self.complain_copy(name, ty, value);
                    return;
                }
                operand
            }
            Some(op) => {
                let old = self.old_number(name, &element, target);
                let operand = self.expr(value);
                self.binary(op, span, (old, target), (operand, value.span))
            }
        };
        self.store_element(name, &element, operand, value.span, span);
    }

    /// What a map holds before it is added to. One that nothing else is assigned to starts as the number 0.
    fn old_number(&mut self, name: &str, element: &Element, span: Span) -> Operand {
        if element.value == TypeId::UNKNOWN {
            return self.number(0);
        }
        // A number that is not there yet begins at 0, which is what is meant.
        self.look_up(name, element, span, false)
    }

    fn store_element(
        &mut self,
        name: &str,
        element: &Element,
        operand: Operand,
        value_span: Span,
        span: Span,
    ) {
        if !self.b.types().is_value(operand.ty) {
            let found = self.type_name(operand.ty);
            self.complain(error::bad_value(value_span, &found, "assigned to a map"));
            return;
        }
        let offer = self.offer(&operand, value_span);
        self.learn_value(name, offer);
        self.learn_clock(Timed::Map(name.to_owned()), &operand);
        self.put_element(element, &operand, span);
    }

    /// Assigns a value of a type that was learnt.
    fn put_element(&mut self, element: &Element, operand: &Operand, span: Span) {
        let Some(map) = element.map.filter(|_| operand.ty != TypeId::UNKNOWN) else { return };
        if matches!(self.b.types().get(element.value), Type::Aggregate(_)) {
            return;
        }
        let value = self.exact(operand, element.value, "value");
        let full = self.full(map, span);
        self.b.stmt(StmtKind::MapPut { map, key: element.key, value, full });
    }

    /// What all CPUs counted is a number; only the function adds to another map.
    fn complain_copy(&mut self, name: &str, ty: TypeId, value: &ast::Expr) {
        let Type::Aggregate(aggregate) = *self.b.types().get(ty) else { return };
        let found = self.type_name(ty);
        let function = aggregating_function(aggregate);
        let call = builtin::find(function).map_or(String::new(), |builtin| builtin.signature());
        let number = self.merged_type(aggregate).map(|ty| self.type_name(ty)).unwrap_or_default();
        let source = match &value.kind {
            ExprKind::Map { name, key: None } => format!("@{name}"),
            ExprKind::Map { name, key: Some(_) } => format!("@{name}[…]"),
            _ => "…".to_owned(),
        };
        self.complain(
            error::bad_value(value.span, &found, "assigned from one map to another").help(format!(
                "assign the number that it is now, `@{name} = ({number}){source};`, or add to both \
                 maps: `@{name} = {call};`"
            )),
        );
    }

    /// The event for a map that has no room.
    fn full(&mut self, map: MapId, span: Span) -> EventId {
        let site = image_site(self.b.site(span));
        let failure = Failure::MapFull { map: image_map(map), helper: UPDATE.to_owned() };
        self.b.event(Action::Fail { site, failure }, vec![TypeId::I64])
    }

    /// `@x[key] = count()`
    fn aggregate(&mut self, name: &str, element: Option<Element>, call: &Call<'_>) {
        let (least, most) = call.builtin.arity();
        if call.args.len() < least || most.is_some_and(|most| call.args.len() > most) {
            self.complain(error::call_arity(call.span, call.builtin, call.args.len()));
            return;
        }
        let Lowering::Aggregate(lower) = call.builtin.lower else { return };
        if !self.permits(call.builtin.permit, &format!("`{}`", call.name), call.name_span) {
            return;
        }
        let before = self.b.at(call.span);
        let addition = lower(self, call);
        self.b.at(before);
        if let (Some(element), Some(addition)) = (element, addition) {
            self.add(name, &element, addition, call.span);
        }
    }

    fn add(&mut self, name: &str, element: &Element, addition: Addition, span: Span) {
        let ty = self.b.types().intern(Type::Aggregate(addition.aggregate));
        self.learn_value(name, (ty, false, span));
        let Some(map) = element.map else { return };
        let full = self.full(map, span);
        let Addition { value, time, .. } = addition;
        self.b.stmt(StmtKind::MapAdd { map, key: element.key, value, time, full });
    }

    /// `x++`, `--@a[1]`: the value before, or with a prefix after.
    pub(super) fn step(
        &mut self,
        target: &ast::Expr,
        op: ast::StepOp,
        prefix: bool,
        span: Span,
    ) -> Operand {
        let (old, element) = match &target.kind {
            ExprKind::Variable(name) => match self.variable(name) {
                Some(local) => (self.read_variable(local), None),
                None => return self.missing_variable(name, target.span),
            },
            ExprKind::Map { name, key } => match self.element(name, key.as_deref(), target.span) {
                Some(element) => (self.old_number(name, &element, target.span), Some(element)),
                None => return self.poison(),
            },
            _ => return self.poison(),
        };
        let declared = old.ty;
        let Some((old, mut new)) = self.stepped(&old, op, target.span, span) else {
            return self.poison();
        };
        match (&target.kind, element) {
            (ExprKind::Map { name, .. }, Some(element)) if self.b.types().is_int(new.ty) => {
                if let Some(fact) = self.found.maps.get_mut(name) {
                    fact.stepped.get_or_insert(target.span);
                }
                self.put_element(&element, &new, span);
            }
            (ExprKind::Map { name, .. }, Some(element)) => {
                self.store_element(name, &element, new.clone(), target.span, span);
            }
            (ExprKind::Variable(name), _) => {
                if self.is_fixed(name) {
                    let cut = self.b.convert(new.expr, declared);
                    new = self.operand(cut);
                }
                self.store_variable(name, target.span, new.clone(), target.span)
            }
            _ => {}
        }
        if prefix { new } else { old }
    }

    /// Whether the type of a variable was declared.
    fn is_fixed(&self, name: &str) -> bool {
        let slot = self.lookup(name).and_then(|variable| self.known.variables.get(&variable.key));
        slot.is_some_and(|slot| slot.fixed)
    }

    /// What counts up or down is a number of 64 bits, signed unless only an unsigned one holds it; an address moves by
    /// an element. Returns what it was and what it becomes, both fit to be used more than once.
    fn stepped(
        &mut self,
        old: &Operand,
        op: ast::StepOp,
        target: Span,
        span: Span,
    ) -> Option<(Operand, Operand)> {
        let ty = self.aggregate_of(old).unwrap_or(old.ty);
        let types = self.b.types();
        let wide = match (types.get(ty), facts::stepped(types, ty)) {
            (Type::Unknown, _) => return None,
            (Type::Pointer { .. }, _) => ty,
            (_, Some(wide)) => wide,
            _ => {
                self.bad_operand(op.symbol(), target, ty);
                return None;
            }
        };
        let value = self.b.convert(old.expr, wide);
        let value = self.b.name(value);
        let old = self.operand(value);
        let new = if self.b.types().is_int(wide) {
            let step = match op {
                ast::StepOp::Increment => 1,
                ast::StepOp::Decrement => u64::MAX,
            };
            let new = self.b.binary_int(BinaryOp::Add, old.expr, step);
            self.operand(new)
        } else {
            let one = self.number(1);
            let op = match op {
                ast::StepOp::Increment => ast::BinaryOp::Add,
                ast::StepOp::Decrement => ast::BinaryOp::Subtract,
            };
            self.binary(op, span, (old.clone(), target), (one, span))
        };
        let named = self.b.name(new.expr);
        let new = self.operand(named);
        (new.ty != TypeId::UNKNOWN).then_some((old, new))
    }
}

/// Whether a value is the call of an aggregation, or a block that ends in one.
fn aggregates(value: &ast::Expr) -> bool {
    match &value.kind {
        ExprKind::Call { name, .. } => {
            builtin::find(name).is_some_and(|found| found.is_aggregate())
        }
        ExprKind::Block(block) => block.value.as_deref().is_some_and(aggregates),
        _ => false,
    }
}
