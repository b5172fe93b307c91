//! Asks once for what a program asks for again: who it runs for, and what a map holds at a key.
//!
//! `/@start[tid]/ { @ = hist(nsecs - @start[tid]); delete(@start, tid); }` calls for the thread three times and looks into
//! the map twice. LLVM cannot tell that a helper gives the same again, nor that nothing has changed the map in between.

use std::collections::HashMap;

use super::scope::blocks_of;
use super::*;

/// Removes what is asked again from all programs and functions.
#[must_use]
pub fn reuse(mut program: Program) -> Program {
    let probes = program.probes.iter_mut().map(|probe| &mut probe.func);
    let functions = program.functions.iter_mut().map(|(_, function)| &mut function.func);
    for func in probes.chain(functions) {
        let body = std::mem::take(&mut func.body);
        func.body = Reuse::of(func).block(body, &mut Known::default());
    }
    program
}

/// What is known at a place of a program.
#[derive(Default, Clone)]
struct Known {
    /// What helpers gave.
    helpers: Vec<(Helper, Vec<ExprId>, ValueId)>,
    /// What maps hold, as scalars.
    maps: Vec<Held>,
}

#[derive(Clone)]
struct Held {
    map: MapId,
    key: Option<ExprId>,
    value: ValueId,
}

struct Reuse<'a> {
    func: &'a mut Func,
    /// Where each value is mentioned.
    mentions: HashMap<ValueId, Vec<ExprId>>,
}

impl<'a> Reuse<'a> {
    fn of(func: &'a mut Func) -> Reuse<'a> {
        let mut mentions: HashMap<ValueId, Vec<ExprId>> = HashMap::new();
        for (id, expr) in func.exprs.iter() {
            if let Expr::Value(value) = expr {
                mentions.entry(*value).or_default().push(id);
            }
        }
        Reuse { func, mentions }
    }

    fn block(&mut self, block: Block, known: &mut Known) -> Block {
        let mut stmts: Vec<Stmt> = Vec::with_capacity(block.stmts.len());
        for stmt in block.stmts {
            let kind = match stmt.kind {
                StmtKind::Call { helper, args, result: Some(result) } if helper.is_constant() => {
                    match self.given(known, helper, &args) {
                        Some(before) if self.are_alike(before, result) => {
                            self.replace(result, before);
                            continue;
                        }
                        _ => known.helpers.push((helper, args.clone(), result)),
                    }
                    StmtKind::Call { helper, args, result: Some(result) }
                }
                StmtKind::MapGet { map, key, into, found: None } => {
                    match self.held(known, map, key) {
                        Some(value) if self.func.locals[into].ty == self.func.values[value].ty => {
                            StmtKind::Store { local: into, value: self.mention(value, stmt.span) }
                        }
                        _ => StmtKind::MapGet { map, key, into, found: None },
                    }
                }
                StmtKind::Load { result, local } => {
                    if let Some(StmtKind::MapGet { map, key, into, .. }) =
                        stmts.last().map(|last| &last.kind)
                        && *into == local
                    {
                        known.maps.push(Held { map: *map, key: *key, value: result });
                    }
                    StmtKind::Load { result, local }
                }
                other => self.nested(other, known),
            };
            stmts.push(Stmt { kind, span: stmt.span });
        }
        Block { stmts }
    }

    /// A statement with its blocks, and what is no longer known behind it.
    fn nested(&mut self, kind: StmtKind, known: &mut Known) -> StmtKind {
        let kind = match kind {
            StmtKind::Block(inner) => StmtKind::Block(self.block(inner, &mut known.clone())),
            StmtKind::If { condition, then, otherwise } => StmtKind::If {
                condition,
                then: self.block(then, &mut known.clone()),
                otherwise: self.block(otherwise, &mut known.clone()),
            },
            // A round sees what the one before has written.
            StmtKind::Loop { kind, body } => {
                known.maps.clear();
                StmtKind::Loop { kind, body: self.block(body, &mut known.clone()) }
            }
            other => other,
        };
        forget(known, &kind);
        kind
    }

    fn given(&self, known: &Known, helper: Helper, args: &[ExprId]) -> Option<ValueId> {
        known.helpers.iter().find_map(|(other, with, value)| {
            let same = *other == helper
                && args.len() == with.len()
                && args.iter().zip(with).all(|(&a, &b)| self.same(a, b));
            same.then_some(*value)
        })
    }

    fn held(&self, known: &Known, map: MapId, key: Option<ExprId>) -> Option<ValueId> {
        known.maps.iter().find_map(|held| {
            let same = held.map == map
                && match (held.key, key) {
                    (None, None) => true,
                    (Some(a), Some(b)) => self.same(a, b),
                    _ => false,
                };
            same.then_some(held.value)
        })
    }

    /// Whether two expressions give the same wherever both can be evaluated: those of values and what never changes.
    fn same(&self, a: ExprId, b: ExprId) -> bool {
        if self.func.types[a] != self.func.types[b] {
            return false;
        }
        match (&self.func.exprs[a], &self.func.exprs[b]) {
            (Expr::Binary { op, left, right }, Expr::Binary { op: other, left: l, right: r }) => {
                op == other && self.same(*left, *l) && self.same(*right, *r)
            }
            (Expr::Convert(a), Expr::Convert(b)) | (Expr::Log2(a), Expr::Log2(b)) => {
                self.same(*a, *b)
            }
            (Expr::Bounded(a, most), Expr::Bounded(b, other)) => most == other && self.same(*a, *b),
            (
                Expr::Int(_)
                | Expr::Value(_)
                | Expr::Context(_)
                | Expr::ContextAddress(_)
                | Expr::Global(_)
                | Expr::Bytes(_),
                other,
            ) => &self.func.exprs[a] == other,
            _ => false,
        }
    }

    fn are_alike(&self, a: ValueId, b: ValueId) -> bool {
        self.func.values[a].ty == self.func.values[b].ty
    }

    /// Mentions another value wherever one is mentioned.
    fn replace(&mut self, value: ValueId, other: ValueId) {
        let places = self.mentions.remove(&value).unwrap_or_default();
        for &place in &places {
            self.func.exprs[place] = Expr::Value(other);
        }
        self.mentions.entry(other).or_default().extend(places);
    }

    fn mention(&mut self, value: ValueId, span: Span) -> ExprId {
        let id = self.func.exprs.alloc(Expr::Value(value));
        self.func.types.insert(id, self.func.values[value].ty);
        self.func.spans.insert(id, span);
        self.mentions.entry(value).or_default().push(id);
        id
    }
}

/// Drops what is known of maps that a statement may write to.
fn forget(known: &mut Known, kind: &StmtKind) {
    match kind {
        StmtKind::MapPut { map, .. }
        | StmtKind::MapAdd { map, .. }
        | StmtKind::MapDelete { map, .. } => known.maps.retain(|held| held.map != *map),
        StmtKind::CallFunction { .. } | StmtKind::CallExternal { .. } => known.maps.clear(),
        other => {
            let inner = blocks_of(other).into_iter().flat_map(|block| &block.stmts);
            inner.for_each(|stmt| forget(known, &stmt.kind));
        }
    }
}
