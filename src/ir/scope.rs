//! Which block each local belongs to, and which locals need memory.

use std::collections::{HashMap, HashSet};

use super::{Block, Expr, ExprId, Func, LocalId, LoopKind, Part, StmtKind};
use crate::types::Types;

/// The blocks of a function in order of the text, numbered from 0 (its body), and the homes of its locals.
pub(super) struct Homes {
    /// The block around each block; `None` for the body. A parent's number is less than its children's.
    pub(super) parents: Vec<Option<usize>>,
    homes: HashMap<LocalId, usize>,
}

impl Homes {
    /// The innermost block that contains all mentions of a local; `None` where it is never mentioned.
    pub(super) fn of(&self, local: LocalId) -> Option<usize> {
        self.homes.get(&local).copied()
    }

    fn mention(&mut self, local: LocalId, block: usize) {
        let home = self.homes.get(&local).map_or(block, |&home| self.common(home, block));
        self.homes.insert(local, home);
    }

    /// The innermost block around both: numbers grow inwards, so the larger of two different ones can go outwards.
    fn common(&self, mut a: usize, mut b: usize) -> usize {
        while a != b {
            let outer = if a > b { &mut a } else { &mut b };
            *outer = self.parents[*outer].unwrap_or(0);
        }
        a
    }
}

/// Finds the homes of all locals.
pub(super) fn homes(func: &Func) -> Homes {
    let mut homes = Homes { parents: Vec::new(), homes: HashMap::new() };
    visit(func, &func.body, None, &mut homes);
    homes
}

fn visit(func: &Func, block: &Block, parent: Option<usize>, homes: &mut Homes) {
    let number = homes.parents.len();
    homes.parents.push(parent);
    for stmt in &block.stmts {
        for local in locals_of(&stmt.kind) {
            homes.mention(local, number);
        }
        for expr in exprs_of(&stmt.kind) {
            mention_in(func, expr, number, homes);
        }
        for inner in blocks_of(&stmt.kind) {
            visit(func, inner, Some(number), homes);
        }
    }
}

fn mention_in(func: &Func, expr: ExprId, block: usize, homes: &mut Homes) {
    match &func.exprs[expr] {
        Expr::Local(local) | Expr::Address(local, _) => homes.mention(*local, block),
        Expr::Part(part) => {
            homes.mention(part.local, block);
            part.further.iter().for_each(|(expr, _)| mention_in(func, *expr, block, homes));
        }
        Expr::Binary { left, right, .. } => {
            mention_in(func, *left, block, homes);
            mention_in(func, *right, block, homes);
        }
        Expr::Convert(operand) | Expr::Log2(operand) | Expr::Bounded(operand, _) => {
            mention_in(func, *operand, block, homes)
        }
        Expr::Select { condition, then, otherwise } => {
            for part in [condition, then, otherwise] {
                mention_in(func, *part, block, homes);
            }
        }
        Expr::Int(_)
        | Expr::Bytes(_)
        | Expr::Value(_)
        | Expr::Context(_)
        | Expr::ContextAddress(_)
        | Expr::Global(_) => {}
    }
}

/// Locals that cannot be registers: memory values, and scalars whose address is taken.
pub(super) fn in_memory(types: &Types, func: &Func) -> HashSet<LocalId> {
    let addressed = func.exprs.iter().filter_map(|(_, expr)| match expr {
        Expr::Address(local, _) => Some(*local),
        _ => None,
    });
    let large =
        func.locals.iter().filter(|(_, local)| !types.is_scalar(local.ty)).map(|(id, _)| id);
    addressed.chain(large).collect()
}

/// The locals that a statement itself names.
pub(super) fn locals_of(stmt: &StmtKind) -> Vec<LocalId> {
    match stmt {
        StmtKind::Load { local, .. }
        | StmtKind::Store { local, .. }
        | StmtKind::StorePart { local, .. }
        | StmtKind::Zero { local }
        | StmtKind::LoadPart { part: Part { local, .. }, .. }
        | StmtKind::CallFunction { into: Some(local), .. }
        | StmtKind::MapGet { into: local, .. } => vec![*local],
        StmtKind::Loop { kind: LoopKind::Range { index, .. }, .. } => vec![*index],
        StmtKind::Loop { kind: LoopKind::Map { key, value, .. }, .. } => {
            key.iter().chain(value).copied().collect()
        }
        _ => Vec::new(),
    }
}

/// The expressions that a statement itself evaluates.
pub(super) fn exprs_of(stmt: &StmtKind) -> Vec<ExprId> {
    match stmt {
        StmtKind::Load { .. }
        | StmtKind::Zero { .. }
        | StmtKind::Block(_)
        | StmtKind::Break
        | StmtKind::Continue => Vec::new(),
        StmtKind::Return(value) => value.iter().copied().collect(),
        StmtKind::LoadPart { part, .. } => part.further.iter().map(|(expr, _)| *expr).collect(),
        StmtKind::Loop { kind: LoopKind::Range { from, to, .. }, .. } => vec![*from, *to],
        StmtKind::Loop { .. } => Vec::new(),
        StmtKind::Let { value, .. }
        | StmtKind::Store { value, .. }
        | StmtKind::StorePart { value, .. } => vec![*value],
        StmtKind::StrEqual { left, right, .. } | StmtKind::BytesEqual { left, right, .. } => {
            vec![*left, *right]
        }
        StmtKind::Call { args, .. }
        | StmtKind::CallFunction { args, .. }
        | StmtKind::Emit { args, .. } => args.clone(),
        StmtKind::MapGet { key, .. } | StmtKind::MapDelete { key, .. } => {
            key.iter().copied().collect()
        }
        StmtKind::MapHas { key, .. } => vec![*key],
        StmtKind::MapPut { key, value, .. } => key.iter().chain([value]).copied().collect(),
        StmtKind::MapAdd { key, value, .. } => key.iter().chain(value).copied().collect(),
        StmtKind::If { condition, .. } => vec![*condition],
    }
}

/// The blocks inside a statement.
pub(super) fn blocks_of(stmt: &StmtKind) -> Vec<&Block> {
    match stmt {
        StmtKind::If { then, otherwise, .. } => vec![then, otherwise],
        StmtKind::Block(block) | StmtKind::Loop { body: block, .. } => vec![block],
        _ => Vec::new(),
    }
}
