//! Elements of maps: their keys, and what is read there.

use super::args::MapElement;
use super::error;
use super::facts::{MapFact, Offer, Slot, Timed};
use super::join::{self, Flex};
use super::{Lower, Operand, Placed};
use crate::builtin::Call;
use crate::diagnostic::{Code, Diagnostic};
use crate::host::Version;
use crate::ir::{BinaryOp, Block, Expr, ExprId, LoopKind, MapId, StmtKind};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};
use crate::types::{Aggregate, Type, TypeId, Types, aggregating_function};

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
    /// Evaluates a map's key and learns the map's key type. A tuple that is written out is the same as several keys.
    pub(super) fn element(
        &mut self,
        name: &str,
        key: Option<&[ast::Expr]>,
        span: Span,
    ) -> Option<Element> {
        let keys = key.map(|exprs| match exprs {
            [ast::Expr { kind: ExprKind::Tuple(parts), .. }] if parts.len() > 1 => {
                self.operands(parts)
            }
            exprs => self.operands(exprs),
        });
        self.element_of(name, keys, span)
    }

    /// The same with a key that is evaluated already.
    pub(super) fn element_of(
        &mut self,
        name: &str,
        keys: Option<Vec<Placed>>,
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
        self.learn_key_clocks(name, keys.as_deref().unwrap_or_default());
        let fact = self.known.maps.get(name);
        let value = fact.and_then(|fact| fact.value(self.b.types()));
        let value = value.map_or(TypeId::UNKNOWN, |slot| slot.ty);
        let map = self.maps.get(name).copied();
        let key = match (map.and_then(|map| self.b.program.maps[map].key), keys) {
            (Some(ty), Some(keys)) => Some(self.key(ty, &keys)),
            _ => None,
        };
        Some(Element { map, key, value })
    }

    fn learn_key(&mut self, name: &str, keys: Option<&[Placed]>, span: Span) -> Option<()> {
        let before = self.found.maps.get(name).cloned();
        let count = keys.map(|keys| match keys {
            [(only, _)] => self.key_count(only.ty),
            keys => Some(keys.len()),
        });
        let Some(before) = before else {
            let key = keys.map(|keys| self.learn_keys(name, None, keys, span));
            self.found
                .maps
                .insert(name.to_owned(), MapFact { key, span, assigned: None, stepped: None });
            return Some(());
        };
        let known = before.key.map(|slot| self.key_count(slot.ty));
        let clash = match (known, count) {
            (Some(Some(known)), Some(Some(count))) => known != count,
            (known, count) => known.is_some() != count.is_some(),
        };
        if clash {
            let number = |count: Option<Option<usize>>| count.map(|count| count.unwrap_or(1));
            self.complain(error::key_clash(
                name,
                (number(known), before.span),
                (number(count), span),
            ));
            return None;
        }
        let key = keys.map(|keys| self.learn_keys(name, before.key, keys, span));
        self.found.maps.insert(name.to_owned(), MapFact { key, ..before });
        Some(())
    }

    /// How many keys a key of this type is; not known of what is unknown itself.
    fn key_count(&mut self, ty: TypeId) -> Option<usize> {
        match self.b.types().get(ty) {
            Type::Unknown => None,
            Type::Tuple(parts) => Some(parts.len()),
            _ => Some(1),
        }
    }

    /// Several keys are learnt one by one, so that messages name the one that is wrong.
    fn learn_keys(
        &mut self,
        name: &str,
        before: Option<Slot>,
        keys: &[Placed],
        span: Span,
    ) -> Slot {
        let before = before.filter(|slot| slot.ty != TypeId::UNKNOWN);
        let unknown = Slot { ty: TypeId::UNKNOWN, flexible: Flex::default(), span, fixed: false };
        let learn = |lower: &mut Self, slot: Option<Slot>, (key, span): &Placed| {
            let offer = lower.offer(key, *span);
            let offer = lower.widened(offer);
            lower.learn(slot, offer, |old, new| error::key_type_clash(name, old, new))
        };
        if let [only] = keys {
            return learn(self, before, only).unwrap_or(unknown);
        }
        let parts: Vec<Option<Slot>> = match before {
            None => vec![None; keys.len()],
            Some(slot) => {
                let types = self.b.types();
                let Type::Tuple(parts) = types.get(slot.ty).clone() else { return slot };
                let sides = join::sides(types, &parts, slot.flexible);
                sides
                    .into_iter()
                    .map(|(ty, flexible)| Some(Slot { ty, flexible, ..slot }))
                    .collect()
            }
        };
        let mut learnt = Vec::with_capacity(keys.len());
        for (part, key) in parts.into_iter().zip(keys) {
            let Some(slot) = learn(self, part, key) else { return before.unwrap_or(unknown) };
            learnt.push(slot);
        }
        let types = self.b.types();
        let flexible = learnt.iter().map(|slot| (slot.flexible, join::leaves(types, slot.ty)));
        let flexible = Flex::of_parts(flexible.collect::<Vec<_>>());
        let ty = types.intern(Type::Tuple(learnt.iter().map(|slot| slot.ty).collect()));
        let first = before.unwrap_or(unknown);
        Slot { ty, flexible, ..first }
    }

    /// Learns the type of a map's values.
    pub(super) fn learn_value(&mut self, name: &str, value: impl Into<Offer>) {
        let Some(before) = self.found.maps.get(name).map(|fact| fact.assigned) else { return };
        let full_name = format!("@{name}");
        let value = self.widened(value.into());
        let slot = self.learn(before, value, |old, new| error::type_clash(&full_name, old, new));
        if let Some(fact) = self.found.maps.get_mut(name) {
            fact.assigned = slot;
        }
    }

    /// The same value where integers in maps take 64 bits.
    fn widened(&mut self, value: Offer) -> Offer {
        match self.options.at_prompt {
            true => Offer { ty: wide(self.b.types(), value.ty), ..value },
            false => value,
        }
    }

    /// Puts the operands of a key together.
    fn key(&mut self, ty: TypeId, keys: &[Placed]) -> ExprId {
        if let [(only, _)] = keys {
            return self.exact(only, ty, "key");
        }
        let Type::Tuple(parts) = self.b.types().get(ty).clone() else {
            return self.poison().expr;
        };
        let local = self.b.local("key", ty);
        self.b.zero(local);
        let (offsets, _) = self.b.types().tuple_layout(&parts);
        for ((&offset, &part), (key, _)) in offsets.iter().zip(&parts).zip(keys) {
            self.put_part(local, offset, part, key);
        }
        self.b.add(Expr::Local(local), ty)
    }

    /// What a map holds for a key.
    pub(super) fn read_element(&mut self, name: &str, element: &Element, span: Span) -> Operand {
        self.look_up(name, element, span, self.options.tells_failed_reads)
    }

    /// The same, and whether it is told that there is nothing for the key.
    pub(super) fn look_up(
        &mut self,
        name: &str,
        element: &Element,
        span: Span,
        tells: bool,
    ) -> Operand {
        let Some(map) = element.map else {
            return self.unknown_map(name, span);
        };
        let Some(ty) = self.readable(name, element.value, span) else { return self.poison() };
        let into = self.b.local("value", ty);
        let found = tells.then(|| self.b.value(TypeId::BOOL));
        self.b.stmt(StmtKind::MapGet { map, key: element.key, into, found });
        if let Some(found) = found {
            self.tell_missing_key(found);
        }
        let operand = self.local_operand(into);
        if ty != element.value {
            self.aggregates.insert(operand.expr, element.value);
        }
        self.recall_clock(Timed::Map(name.to_owned()), &operand);
        operand
    }

    /// The type that values of a map are read as; complains where they cannot be.
    fn readable(&mut self, name: &str, value: TypeId, span: Span) -> Option<TypeId> {
        let aggregate = match *self.b.types().get(value) {
            Type::Unknown => {
                self.unknown_map(name, span);
                return None;
            }
            Type::Aggregate(aggregate) => aggregate,
            _ => return Some(value),
        };
        if self.host.version() < READS_ALL_CPUS {
            self.old_kernel(aggregate, span);
            return None;
        }
        let number = self.merged_type(aggregate);
        if number.is_none() {
            let found = self.type_name(value);
            self.complain(
                error::bad_value(span, &found, "used in an expression")
                    .help(format!("print the whole map: `print(@{name})`")),
            );
        }
        number
    }

    /// Assigns what a map holds for a key to a variable, if there is such a key: `find(@m, key, $x)`. Yields whether
    /// there is.
    pub fn find_into(&mut self, call: &Call<'_>, element: MapElement, key: ExprId) -> Operand {
        let target = &call.args[2];
        let ExprKind::Variable(variable) = &target.kind else {
            self.complain(
                Diagnostic::error(
                    Code::BadArgument,
                    format!("`{}()` assigns to a variable", call.builtin.name),
                )
                .label(target.span, "this is not a variable")
                .help(format!(
                    "give it one that was assigned before: `$v = 0; {}(@x, 1, $v)`",
                    call.builtin.name
                )),
            );
            return self.poison();
        };
        let name = self.b.program.maps[element.map].name.clone();
        let Some(ty) = self.readable(&name, element.value, call.args[0].span) else {
            return self.poison();
        };
        if self.variable(variable).is_none() {
            return self.missing_variable(variable, target.span);
        }
        let (into, found) = (self.b.local("value", ty), self.b.value(TypeId::BOOL));
        let (map, key) = (element.map, Some(key));
        self.b.stmt(StmtKind::MapGet { map, key, into, found: Some(found) });
        let found = self.result(found);
        self.b.begin();
        let value = self.local_operand(into);
        self.store_variable(variable, target.span, value, call.args[0].span);
        let then = self.b.end();
        self.b.stmt(StmtKind::If { condition: found.expr, then, otherwise: Block::default() });
        found
    }

    /// The number of keys that a map has now.
    pub fn count_keys(&mut self, call: &Call<'_>, map: MapId) -> Operand {
        if self.host.version() < WALKS_MAPS {
            let (major, minor, _) = WALKS_MAPS;
            let lack = format!("counting the keys of a map needs Linux {major}.{minor} or newer");
            self.complain(
                Diagnostic::error(Code::KernelLacks, lack)
                    .label(call.span, "this goes through all keys")
                    .help("count them as they come: `@n = @n + 1`"),
            );
            return self.poison();
        }
        let count = self.b.local("keys", TypeId::I64);
        let zero = self.b.int(0, TypeId::I64);
        self.b.store(count, zero);
        self.b.begin();
        let before = self.b.read(count);
        let after = self.b.binary_int(BinaryOp::Add, before, 1);
        self.b.store(count, after);
        let body = self.b.end();
        let kind = LoopKind::Map { map, key: None, value: None };
        self.b.stmt(StmtKind::Loop { kind, body });
        self.local_operand(count)
    }

    /// The type of the aggregation that an operand is the number of, if it is just that.
    pub(super) fn aggregate_of(&self, operand: &Operand) -> Option<TypeId> {
        self.aggregates.get(&operand.expr).copied()
    }

    /// The type that an aggregation can be read as: a number, or what `stats` knows as a record.
    pub(super) fn merged_type(&mut self, aggregate: Aggregate) -> Option<TypeId> {
        match aggregate {
            Aggregate::Count => Some(TypeId::U64),
            Aggregate::Sum { signed }
            | Aggregate::Min { signed }
            | Aggregate::Max { signed }
            | Aggregate::Avg { signed } => Some(TypeId::int(64, signed)),
            Aggregate::Stats { signed } => {
                let number = TypeId::int(64, signed);
                let fields = ebtrace_image::STATS.into_iter().zip([TypeId::U64, number, number]);
                let fields = fields.map(|(name, ty)| (name.to_owned(), ty)).collect();
                Some(self.b.types().intern(Type::Record(fields)))
            }
            Aggregate::Hist { .. } | Aggregate::Lhist { .. } | Aggregate::Series { .. } => None,
        }
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
        if self.known.unread {
            return self.poison();
        }
        let known: Vec<String> = self
            .known
            .maps
            .iter()
            .filter(|(_, fact)| fact.assigned.is_some() || fact.stepped.is_some())
            .map(|(name, _)| name.clone())
            .collect();
        let near = known.iter().map(String::as_str).filter(|known| !known.is_empty());
        self.complain(error::unknown_map(span, name, near));
        self.poison()
    }
}

/// The first kernel whose programs can read what other CPUs counted.
const READS_ALL_CPUS: Version = (5, 19, 0);
/// The first kernel whose programs can go through a map.
const WALKS_MAPS: Version = (5, 13, 0);

/// Room that a string has at least where longer ones may come, in bytes.
const WIDE_STRING: u32 = 64;

/// A type whose integers take 64 bits, and whose strings have some room.
fn wide(types: &mut Types, ty: TypeId) -> TypeId {
    match types.get(ty).clone() {
        Type::Int { signed, .. } => TypeId::int(64, signed),
        Type::Str(size) => types.string(size.max(WIDE_STRING)),
        Type::Tuple(parts) => {
            let parts = parts.into_iter().map(|part| wide(types, part)).collect();
            types.intern(Type::Tuple(parts))
        }
        Type::Record(fields) => {
            let fields = fields.into_iter().map(|(name, ty)| (name, wide(types, ty))).collect();
            types.intern(Type::Record(fields))
        }
        _ => ty,
    }
}
