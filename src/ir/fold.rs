//! Removes what can never run: the dead branch of an `if` on a constant, and what follows a return.

use super::*;

/// Folds all functions.
#[must_use]
pub fn fold(mut program: Program) -> Program {
    for probe in &mut program.probes {
        let body = std::mem::take(&mut probe.func.body);
        probe.func.body = block(&probe.func, body);
    }
    program
}

fn block(func: &Func, block: Block) -> Block {
    let mut stmts = Vec::with_capacity(block.stmts.len());
    for Stmt { kind, span } in block.stmts {
        let returns = matches!(kind, StmtKind::Return(_) | StmtKind::Break | StmtKind::Continue);
        match stmt(func, kind) {
            StmtKind::Block(inner) if inner.stmts.is_empty() => {}
            kind => stmts.push(Stmt { kind, span }),
        }
        if returns {
            break;
        }
    }
    Block { stmts }
}

fn stmt(func: &Func, kind: StmtKind) -> StmtKind {
    match kind {
        StmtKind::Block(inner) => StmtKind::Block(block(func, inner)),
        StmtKind::If { condition, then, otherwise } => match func.exprs[condition] {
            Expr::Int(0) => StmtKind::Block(block(func, otherwise)),
            Expr::Int(_) => StmtKind::Block(block(func, then)),
            _ => StmtKind::If {
                condition,
                then: block(func, then),
                otherwise: block(func, otherwise),
            },
        },
        StmtKind::Loop { kind, body } => StmtKind::Loop { kind, body: block(func, body) },
        other => other,
    }
}
