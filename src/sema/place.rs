//! Variables and maps: finding them, and learning their types.

use super::error;
use super::facts::{Joined, MapFact, Slot, VariableKey, join};
use super::{Lower, Operand, Variable};
use crate::diagnostic::{Code, Diagnostic};
use crate::host::Version;
use crate::ir::{Expr, ExprId, LocalId, MapId, StmtKind};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::{Aggregate, Type, TypeId, aggregating_function};

/// An element of a map, or a scalar map: its key is evaluated.
#[derive(Debug, Clone)]
pub(super) struct Element {
    /// `None` before the map's types are known.
    pub(super) map: Option<MapId>,
    /// `None` for a scalar map.
    pub(super) key: Option<ExprId>,
    /// The map's value type.
    pub(super) value: TypeId,
}

impl Lower<'_> {
    /// Joins a new value into a slot; complains where that is not possible. Returns the slot as it is then.
    fn learn(
        &mut self,
        slot: Option<Slot>,
        (ty, flexible, span): (TypeId, bool, Span),
        clash: impl FnOnce((&str, Span), (&str, Span)) -> Diagnostic,
    ) -> Option<Slot> {
        let Some(slot) = slot else {
            return (ty != TypeId::UNKNOWN).then_some(Slot { ty, flexible, span });
        };
        match join(self.b.types(), (slot.ty, slot.flexible), (ty, flexible)) {
            Joined::Fits { ty, flexible } => Some(Slot { ty, flexible, span: slot.span }),
            Joined::Mixed { ty: joined } => {
                let (old, new, wide) =
                    (self.type_name(slot.ty), self.type_name(ty), self.type_name(joined));
                self.complain(
                    Diagnostic::warning(
                        Code::MixedSigns,
                        format!("`{old}` and `{new}` meet here and become `{wide}`"),
                    )
                    .label(span, format!("this is `{new}`"))
                    .label(slot.span, format!("this is `{old}`"))
                    .help(
                        "very large or negative values change; keep both of one sign if it matters",
                    ),
                );
                Some(Slot { ty: joined, flexible: false, span: slot.span })
            }
            Joined::Clash => {
                let (old, new) = (self.type_name(slot.ty), self.type_name(ty));
                let diagnostic = clash((&old, slot.span), (&new, span));
                self.complain(diagnostic);
                Some(slot)
            }
        }
    }

    /// The variable of this name, if one exists here.
    pub(super) fn variable(&self, name: &str) -> Option<LocalId> {
        self.lookup(name).map(|variable| variable.local)
    }

    fn lookup(&self, name: &str) -> Option<Variable> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name)).copied()
    }

    /// The variable of this name, made in the innermost block if there is none, with the type that all that is
    /// assigned to it has; `None` before that is known.
    pub(super) fn assign_variable(
        &mut self,
        name: &str,
        span: Span,
        value: (TypeId, bool, Span),
    ) -> Option<LocalId> {
        let known = self.lookup(name);
        let key: VariableKey = known.map_or((self.probe, span), |variable| variable.key);
        let before = self.found.variables.get(&key).copied();
        let full_name = format!("${name}");
        let slot = self.learn(before, value, |old, new| error::type_clash(&full_name, old, new));
        if let Some(slot) = slot {
            self.found.variables.insert(key, slot);
        }
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
        self.scopes.push(Default::default());
        self.b.begin();
    }

    /// Closes it; its variables are gone.
    pub(super) fn leave(&mut self) -> crate::ir::Block {
        for (name, variable) in self.scopes.pop().unwrap_or_default() {
            self.gone.insert(name, variable.key.1);
        }
        self.b.end()
    }

    /// Evaluates a map's key and learns the map's key type.
    pub(super) fn element(
        &mut self,
        name: &str,
        key: Option<&[ast::Expr]>,
        span: Span,
    ) -> Option<Element> {
        let keys = match key {
            None => None,
            Some(exprs) => {
                let keys: Vec<(Operand, Span)> =
                    exprs.iter().map(|expr| (self.expr(expr), expr.span)).collect();
                Some(keys)
            }
        };
        self.element_of(name, keys, span)
    }

    /// The same with a key that is evaluated already.
    pub(super) fn element_of(
        &mut self,
        name: &str,
        keys: Option<Vec<(Operand, Span)>>,
        span: Span,
    ) -> Option<Element> {
        if let Some(bad) =
            keys.iter().flatten().find(|(key, _)| !self.b.types().is_value(key.ty)).cloned()
        {
            let found = self.type_name(bad.0.ty);
            self.complain(error::bad_value(bad.1, &found, "used as a key"));
            return None;
        }
        self.learn_key(name, keys.as_deref(), span)?;
        let fact = self.known.maps.get(name);
        let value = fact.and_then(|fact| fact.value).map_or(TypeId::UNKNOWN, |slot| slot.ty);
        let map = self.maps.get(name).copied();
        let key = match (map.and_then(|map| self.b.program.maps[map].key), keys) {
            (Some(ty), Some(keys)) => Some(self.key(ty, &keys)),
            _ => None,
        };
        Some(Element { map, key, value })
    }

    fn learn_key(
        &mut self,
        name: &str,
        keys: Option<&[(Operand, Span)]>,
        span: Span,
    ) -> Option<()> {
        let count = keys.map(<[_]>::len);
        let fact = self.found.maps.get(name).cloned();
        let mut fact = match fact {
            None => MapFact { key: None, span, value: None },
            Some(fact) => {
                let before = fact.key.as_ref().map(Vec::len);
                if before != count {
                    self.complain(error::key_clash(name, (before, fact.span), (count, span)));
                    return None;
                }
                fact
            }
        };
        if let Some(keys) = keys {
            let mut slots = Vec::with_capacity(keys.len());
            for (index, (key, span)) in keys.iter().enumerate() {
                let before = fact.key.as_ref().and_then(|slots| slots.get(index)).copied();
                let known = before.filter(|slot| slot.ty != TypeId::UNKNOWN);
                let learnt = self.learn(known, (key.ty, key.flexible(), *span), |old, new| {
                    error::key_type_clash(name, old, new)
                });
                let unknown = Slot { ty: TypeId::UNKNOWN, flexible: false, span: *span };
                slots.push(learnt.unwrap_or(unknown));
            }
            fact.key = Some(slots);
        }
        self.found.maps.insert(name.to_owned(), fact);
        Some(())
    }

    /// Learns the type of a map's values.
    pub(super) fn learn_value(&mut self, name: &str, value: (TypeId, bool, Span)) {
        let Some(before) = self.found.maps.get(name).map(|fact| fact.value) else { return };
        let full_name = format!("@{name}");
        let slot = self.learn(before, value, |old, new| error::type_clash(&full_name, old, new));
        if let Some(fact) = self.found.maps.get_mut(name) {
            fact.value = slot;
        }
    }

    /// Puts the operands of a key together.
    fn key(&mut self, ty: TypeId, keys: &[(Operand, Span)]) -> ExprId {
        if let [(only, _)] = keys {
            return self.exact(only, ty, "key");
        }
        let Type::Tuple(elements) = self.b.types().get(ty).clone() else {
            return self.poison().expr;
        };
        let (offsets, _) = self.b.types().tuple_layout(&elements);
        let values: Vec<ExprId> = keys
            .iter()
            .zip(&elements)
            .map(|((key, _), &element)| self.coerce(key, element))
            .collect();
        let local = self.b.local("key", ty);
        self.b.zero(local);
        for ((&offset, &element), value) in offsets.iter().zip(&elements).zip(values) {
            self.b.store_part(local, offset, element, value);
        }
        self.b.add(Expr::Local(local), ty)
    }

    /// An operand as a value of a type that it was joined into: integers are converted, shorter strings stay so.
    pub(super) fn coerce(&mut self, operand: &Operand, ty: TypeId) -> ExprId {
        if self.b.types().is_scalar(ty) && self.b.types().is_scalar(operand.ty) {
            return self.b.convert(operand.expr, ty);
        }
        operand.expr
    }

    /// The same with strings copied into a buffer of just this size, and scalars into memory.
    pub(super) fn exact(&mut self, operand: &Operand, ty: TypeId, what: &str) -> ExprId {
        let value = self.coerce(operand, ty);
        if self.b.types().is_scalar(ty) || self.b.ty(value) == ty {
            return value;
        }
        let local = self.b.local(what, ty);
        self.b.store(local, value);
        self.b.add(Expr::Local(local), ty)
    }

    /// What a map holds for a key.
    pub(super) fn read_element(&mut self, name: &str, element: &Element, span: Span) -> Operand {
        let Some(map) = element.map else {
            return self.unknown_map(name, span);
        };
        let ty = match *self.b.types().get(element.value) {
            Type::Unknown => return self.unknown_map(name, span),
            Type::Aggregate(aggregate) if self.host.version() < READS_ALL_CPUS => {
                return self.old_kernel(aggregate, span);
            }
            Type::Aggregate(aggregate) => match number_of(aggregate) {
                Some(ty) => ty,
                None => {
                    let found = self.type_name(element.value);
                    self.complain(
                        error::bad_value(span, &found, "used in an expression")
                            .help(format!("print the whole map: `print(@{name})`")),
                    );
                    return self.poison();
                }
            },
            _ => element.value,
        };
        let into = self.b.local("value", ty);
        self.b.stmt(StmtKind::MapGet { map, key: element.key, into, found: None });
        self.local_operand(into)
    }

    fn old_kernel(&mut self, aggregate: Aggregate, span: Span) -> Operand {
        let (major, minor, _) = READS_ALL_CPUS;
        let what = aggregating_function(aggregate);
        self.complain(
            Diagnostic::error(
                Code::KernelLacks,
                format!("reading a `{what}()` needs Linux {major}.{minor} or newer"),
            )
            .label(span, "this reads what all CPUs counted")
            .help("keep a number of your own beside it: `@n = @n + 1`"),
        );
        self.poison()
    }

    fn unknown_map(&mut self, name: &str, span: Span) -> Operand {
        let known: Vec<String> = self
            .known
            .maps
            .iter()
            .filter(|(_, fact)| fact.value.is_some())
            .map(|(name, _)| name.clone())
            .collect();
        let near = known.iter().map(String::as_str).filter(|known| !known.is_empty());
        self.complain(error::unknown_map(span, name, near));
        self.poison()
    }
}

/// The first kernel whose programs can read what other CPUs counted.
const READS_ALL_CPUS: Version = (5, 19, 0);

/// The type of the number that an aggregation can be read as.
fn number_of(aggregate: Aggregate) -> Option<TypeId> {
    match aggregate {
        Aggregate::Count => Some(TypeId::U64),
        Aggregate::Sum { signed }
        | Aggregate::Min { signed }
        | Aggregate::Max { signed }
        | Aggregate::Avg { signed } => Some(TypeId::int(64, signed)),
        Aggregate::Hist { .. } | Aggregate::Lhist { .. } => None,
    }
}
