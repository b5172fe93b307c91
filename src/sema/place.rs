//! Variables, and how the types of places are learnt.

use super::facts::{Offer, Slot, VariableKey};
use super::join::{self, Joined, Put};
use super::{Lower, Operand, Variable, error};
use crate::diagnostic::Diagnostic;
use crate::ir::LocalId;
use crate::source::Span;
use crate::types::TypeId;

impl Lower<'_> {
    /// Joins a new value into a slot; complains where that is not possible. Returns the slot as it is then.
    pub(super) fn learn(
        &mut self,
        slot: Option<Slot>,
        value: Offer,
        clash: impl FnOnce((&str, Span), (&str, Span)) -> Diagnostic,
    ) -> Option<Slot> {
        let Some(slot) = slot else {
            let Offer { ty, flexible, span, .. } = value;
            return (ty != TypeId::UNKNOWN).then_some(Slot { ty, flexible, span, fixed: false });
        };
        self.check_space((slot.ty, slot.span), (value.ty, value.span));
        if slot.fixed {
            self.check_fixed(&slot, value, clash);
            let ty = self.b.types().with_space_of(slot.ty, value.ty);
            return Some(Slot { ty, ..slot });
        }
        match join::join(self.b.types(), (slot.ty, slot.flexible), (value.ty, value.flexible)) {
            Joined::Fits { ty, flexible } => Some(Slot { ty, flexible, ..slot }),
            Joined::Mixed { ty } => {
                let names = [slot.ty, value.ty, ty].map(|ty| self.type_name(ty));
                self.complain(error::mixed_signs(
                    (&names[0], slot.span),
                    (&names[1], value.span),
                    &names[2],
                ));
                Some(Slot { ty, flexible: false.into(), ..slot })
            }
            Joined::Clash => {
                let (old, new) = (self.type_name(slot.ty), self.type_name(value.ty));
                let diagnostic = clash((&old, slot.span), (&new, value.span));
                self.complain(diagnostic);
                Some(slot)
            }
        }
    }

    /// A value for a place whose type does not change.
    fn check_fixed(
        &mut self,
        slot: &Slot,
        value: Offer,
        clash: impl FnOnce((&str, Span), (&str, Span)) -> Diagnostic,
    ) {
        let put = join::put(self.b.types(), value.ty, value.number, slot.ty);
        let (old, new) = (self.type_name(slot.ty), self.type_name(value.ty));
        match (put, value.number) {
            (Put::Fits, _) => {}
            (Put::Cut, _) => {
                self.complain(error::cut((&old, slot.span), (&new, value.span)));
            }
            (Put::Clash, Some(number)) if self.b.types().is_int(slot.ty) => {
                self.complain(error::does_not_fit((&old, slot.span), (number, value.span)));
            }
            (Put::Clash, _) => {
                let diagnostic = clash((&old, slot.span), (&new, value.span));
                self.complain(diagnostic);
            }
        }
    }

    /// The variable of this name, if one exists here.
    pub(super) fn variable(&self, name: &str) -> Option<LocalId> {
        self.lookup(name).map(|variable| variable.local)
    }

    pub(super) fn lookup(&self, name: &str) -> Option<Variable> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name)).copied()
    }

    /// The variable of this name, made in the innermost block if there is none, with the type that all that is
    /// assigned to it has; `None` before that is known.
    pub(super) fn assign_variable(
        &mut self,
        name: &str,
        span: Span,
        value: impl Into<Offer>,
    ) -> Option<LocalId> {
        let known = self.lookup(name);
        let key: VariableKey = known.map_or((self.probe, span), |variable| variable.key);
        let before = self.found.variables.get(&key).copied();
        let full_name = format!("${name}");
        let slot =
            self.learn(before, value.into(), |old, new| error::type_clash(&full_name, old, new));
        if let Some(slot) = slot {
            self.found.variables.insert(key, slot);
        }
        self.assigned.insert(key);
        if let Some(variable) = known {
            return Some(variable.local);
        }
        let ty = self.known.variables.get(&key).map_or(TypeId::UNKNOWN, |slot| slot.ty);
        let local = self.b.local(&full_name, ty);
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_owned(), Variable { local, key });
        }
        Some(local)
    }

    /// Complains of a variable that does not exist here.
    pub(super) fn missing_variable(&mut self, name: &str, span: Span) -> Operand {
        let known: Vec<String> =
            self.scopes.iter().flat_map(|scope| scope.keys().cloned()).collect();
        let elsewhere = self.gone.get(name).copied();
        let diagnostic =
            error::unknown_variable(span, name, known.iter().map(String::as_str), elsewhere);
        self.complain(diagnostic);
        self.poison()
    }

    /// Opens a block of the script.
    pub(super) fn enter(&mut self) {
        self.enter_scope();
        self.b.begin();
    }

    /// The same without a block of the IR.
    pub(super) fn enter_scope(&mut self) {
        self.scopes.push(Default::default());
    }

    /// Closes it; its variables are gone.
    pub(super) fn leave(&mut self) -> crate::ir::Block {
        self.leave_scope();
        self.b.end()
    }

    pub(super) fn leave_scope(&mut self) {
        let mut gone: Vec<_> = self.scopes.pop().unwrap_or_default().into_iter().collect();
        gone.sort_by_key(|(_, variable)| variable.key.1);
        for (name, variable) in gone {
            self.check_unassigned(&name, &variable);
            self.gone.insert(name, variable.key.1);
        }
    }
}
