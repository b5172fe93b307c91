//! How large a piece of the tree is, and how deep.

use crate::syntax::ast::walk::{self, Walk};
use crate::syntax::ast::{Block, Else, Expr, ExprKind, If, Stmt, TypeExpr};

/// What is open at a place, counted as the parser does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Depth {
    /// Brackets and blocks.
    pub(super) nesting: u32,
    /// Operators.
    pub(super) operators: u32,
}

impl Depth {
    /// What an expression adds for what is within it.
    pub(super) fn of(kind: &ExprKind) -> Depth {
        match kind {
            ExprKind::Unary { .. }
            | ExprKind::Binary { .. }
            | ExprKind::Ternary { .. }
            | ExprKind::Step { .. }
            | ExprKind::Cast { .. }
            | ExprKind::Field { .. }
            | ExprKind::Element { .. }
            | ExprKind::Index { .. }
            | ExprKind::Comptime(_) => Depth { nesting: 0, operators: 1 },
            ExprKind::If(branch) => Depth { nesting: chain(branch), operators: 0 },
            // Blocks are counted for themselves.
            ExprKind::Block(_)
            | ExprKind::Int(_)
            | ExprKind::Str(_)
            | ExprKind::Bool(_)
            | ExprKind::Positional(_)
            | ExprKind::PositionalCount
            | ExprKind::Ident(_)
            | ExprKind::Variable(_)
            | ExprKind::Map { key: None, .. } => Depth::default(),
            _ => Depth { nesting: 1, operators: 0 },
        }
    }

    pub(super) fn plus(self, other: Depth) -> Depth {
        Depth { nesting: self.nesting + other.nesting, operators: self.operators + other.operators }
    }

    fn most(self, other: Depth) -> Depth {
        Depth {
            nesting: self.nesting.max(other.nesting),
            operators: self.operators.max(other.operators),
        }
    }
}

/// The number of `else if`s.
fn chain(branch: &If) -> u32 {
    let (mut links, mut next) = (0, branch);
    while let Some(Else::If(inner)) = &next.otherwise {
        links += 1;
        next = inner;
    }
    links
}

/// Size and depth of a piece of the tree.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measure {
    /// Nodes in all.
    pub(super) nodes: usize,
    /// The deepest place.
    pub(super) depth: Depth,
    here: Depth,
}

/// Measures an expression, which stays as it is.
pub(super) fn measure(expr: &mut Expr) -> Measure {
    let mut measure = Measure::default();
    measure.expr(expr);
    measure
}

/// Measures a type, which stays as it is.
pub(super) fn measure_type(ty: &mut TypeExpr) -> Measure {
    let mut measure = Measure::default();
    measure.ty(ty);
    measure
}

impl Walk for Measure {
    fn block(&mut self, block: &mut Block) {
        let before = self.here;
        self.here.nesting += 1;
        self.depth = self.depth.most(self.here);
        walk::walk_block(self, block);
        self.here = before;
    }

    fn stmt(&mut self, stmt: &mut Stmt) {
        self.nodes += 1;
        walk::walk_stmt(self, stmt);
    }

    fn expr(&mut self, expr: &mut Expr) {
        self.nodes += 1;
        let before = self.here;
        self.here = before.plus(Depth::of(&expr.kind));
        self.depth = self.depth.most(self.here);
        walk::walk_expr(self, expr);
        self.here = before;
    }
}
