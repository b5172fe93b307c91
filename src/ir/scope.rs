//! Which block each local belongs to, which locals need memory, and what loop bodies share with what is around them.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use super::{Block, Expr, ExprId, Func, LocalId, LoopKind, Part, StmtKind, ValueId};
use crate::types::Types;

/// The blocks of a function in order of the text, numbered from 0 (its body), and the homes of its locals.
#[derive(Default)]
pub(super) struct Homes {
    /// The block around each block; `None` for the body. A parent's number is less than its children's.
    pub(super) parents: Vec<Option<usize>>,
    homes: HashMap<LocalId, usize>,
    /// The region of each block: the body is region 0, and each loop's body is one of its own.
    regions: Vec<usize>,
    regions_made: usize,
    /// The outermost block around each that runs whenever it is reached: one that is no branch and no loop's body runs
    /// with what is around it.
    runs_with: Vec<usize>,
    /// The block that mentions a local first, if it does so by assigning to it.
    assigned: HashMap<LocalId, Option<usize>>,
    /// The first region that mentions a local, and the locals that several do.
    mentioned: HashMap<LocalId, usize>,
    shared: HashSet<LocalId>,
    /// Locals that are read at computed distances.
    indexed: HashSet<LocalId>,
    /// The region that defines a value, and the values that others use, each with the block of its definition.
    defined: HashMap<ValueId, (usize, usize)>,
    pub(super) captured: IndexMap<ValueId, usize>,
    /// Whether a loop's body returns.
    pub(super) returns_in_loop: bool,
    /// How many loops there are.
    pub(super) loops: u32,
    /// The most loops that are around one place.
    pub(super) depth: u32,
}

impl Homes {
    /// The innermost block that contains all mentions of a local; `None` where it is never mentioned.
    pub(super) fn of(&self, local: LocalId) -> Option<usize> {
        self.homes.get(&local).copied()
    }

    /// Whether several regions mention a local.
    pub(super) fn is_shared(&self, local: LocalId) -> bool {
        self.shared.contains(&local)
    }

    /// Whether a local is read at a computed distance from its start.
    pub(super) fn is_indexed(&self, local: LocalId) -> bool {
        self.indexed.contains(&local)
    }

    /// Locals that are assigned to before all else that mentions them: nobody reads what was there before.
    pub(super) fn assigned_first(&self) -> HashSet<LocalId> {
        let with = |block: Option<usize>| block.map(|block| self.runs_with[block]);
        let found = self
            .assigned
            .iter()
            .filter(|(local, block)| block.is_some() && with(**block) == with(self.of(**local)));
        found.map(|(local, _)| *local).collect()
    }

    fn assign(&mut self, local: LocalId, block: usize) {
        self.assigned.entry(local).or_insert(Some(block));
        self.mention(local, block);
    }

    fn mention(&mut self, local: LocalId, block: usize) {
        self.assigned.entry(local).or_insert(None);
        let region = self.regions[block];
        if *self.mentioned.entry(local).or_insert(region) != region {
            self.shared.insert(local);
        }
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
    let mut homes = Homes { regions_made: 1, ..Homes::default() };
    visit(func, &func.body, Around { parent: None, region: 0, depth: 0, runs: false }, &mut homes);
    homes
}

/// What a block is in.
#[derive(Clone, Copy)]
struct Around {
    parent: Option<usize>,
    region: usize,
    /// Loops.
    depth: u32,
    /// Whether the block runs whenever its parent does and gets there.
    runs: bool,
}

fn visit(func: &Func, block: &Block, around: Around, homes: &mut Homes) {
    let Around { parent, region, depth, runs } = around;
    let number = homes.parents.len();
    let runs_with = parent.filter(|_| runs).map_or(number, |parent| homes.runs_with[parent]);
    homes.runs_with.push(runs_with);
    homes.parents.push(parent);
    homes.regions.push(region);
    homes.depth = homes.depth.max(depth);
    for stmt in &block.stmts {
        for expr in exprs_of(&stmt.kind) {
            mention_in(func, expr, number, homes);
        }
        match stmt.kind {
            StmtKind::Store { local, .. } => homes.assign(local, number),
            ref other => {
                locals_of(other).into_iter().for_each(|local| homes.mention(local, number))
            }
        }
        if let StmtKind::LoadPart { part: Part { local, further: Some(_), .. }, .. } = &stmt.kind {
            homes.indexed.insert(*local);
        }
        if let Some(result) = stmt.kind.result() {
            homes.defined.insert(result, (number, region));
        }
        homes.returns_in_loop |= depth > 0 && matches!(stmt.kind, StmtKind::Return(_));
        match &stmt.kind {
            StmtKind::Loop { kind, body } => {
                homes.loops += 1;
                let (inner, region) = (homes.parents.len(), homes.regions_made);
                homes.regions_made += 1;
                let around = Around { parent: Some(number), region, depth: depth + 1, runs: false };
                visit(func, body, around, homes);
                // What a loop assigns in each round belongs to its body.
                kind.locals().into_iter().for_each(|local| homes.mention(local, inner));
                // It counts from its first number.
                if let LoopKind::Range { from, .. } = kind {
                    mention_in(func, *from, inner, homes);
                }
            }
            other => {
                let runs = matches!(other, StmtKind::Block(_));
                for inner in blocks_of(other) {
                    visit(func, inner, Around { parent: Some(number), region, depth, runs }, homes);
                }
            }
        }
    }
}

fn mention_in(func: &Func, expr: ExprId, block: usize, homes: &mut Homes) {
    match &func.exprs[expr] {
        Expr::Local(local) | Expr::Address(local, _) => homes.mention(*local, block),
        Expr::Value(value) => {
            if let Some(&(definition, region)) = homes.defined.get(value)
                && region != homes.regions[block]
            {
                homes.captured.entry(*value).or_insert(definition);
            }
        }
        Expr::Part(part) => {
            homes.mention(part.local, block);
            homes.indexed.extend(part.further.map(|_| part.local));
            part.further.iter().for_each(|(expr, _)| mention_in(func, *expr, block, homes));
        }
        Expr::Binary { left, right, .. } => {
            mention_in(func, *left, block, homes);
            mention_in(func, *right, block, homes);
        }
        Expr::Convert(operand)
        | Expr::Log2(operand)
        | Expr::Bounded(operand, _)
        | Expr::Row { index: operand, .. } => mention_in(func, *operand, block, homes),
        Expr::Select { condition, then, otherwise } => {
            for part in [condition, then, otherwise] {
                mention_in(func, *part, block, homes);
            }
        }
        Expr::Int(_)
        | Expr::Bytes(_)
        | Expr::Context(_)
        | Expr::Object(_)
        | Expr::ContextAddress(_)
        | Expr::MapAddress(_)
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
        | StmtKind::TaskName { into: local, .. }
        | StmtKind::MapGet { into: local, .. } => vec![*local],
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
        | StmtKind::CallExternal { args, .. }
        | StmtKind::Emit { args, .. } => args.clone(),
        StmtKind::MapGet { key, .. } | StmtKind::MapDelete { key, .. } => {
            key.iter().copied().collect()
        }
        StmtKind::PerCpu { cpu, .. } => cpu.iter().copied().collect(),
        StmtKind::TaskName { pid, .. } => vec![*pid],
        StmtKind::SendPacket { args, packet, length, .. } => {
            args.iter().chain([packet, length]).copied().collect()
        }
        StmtKind::MapHas { key, .. } => vec![*key],
        StmtKind::MapPut { key, value, .. } => key.iter().chain([value]).copied().collect(),
        StmtKind::MapAdd { key, value, time, .. } => {
            key.iter().chain(value).chain(time).copied().collect()
        }
        StmtKind::If { condition, .. } => vec![*condition],
    }
}

/// The blocks inside a statement.
pub fn blocks_of(stmt: &StmtKind) -> Vec<&Block> {
    match stmt {
        StmtKind::If { then, otherwise, .. } => vec![then, otherwise],
        StmtKind::Block(block) | StmtKind::Loop { body: block, .. } => vec![block],
        _ => Vec::new(),
    }
}
