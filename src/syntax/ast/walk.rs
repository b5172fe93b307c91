//! A way through the tree that may change it on the way.

use super::*;

/// What is done at the nodes of a tree. Each function goes on to what is within, unless it is replaced.
pub trait Walk {
    /// Any place, whatever is there.
    fn span(&mut self, _span: &mut Span) {}

    /// A variable that begins to exist, without its sigil.
    fn declared(&mut self, name: &mut Name) {
        self.span(&mut name.span);
    }

    /// A block.
    fn block(&mut self, block: &mut Block) {
        walk_block(self, block);
    }

    /// A statement.
    fn stmt(&mut self, stmt: &mut Stmt) {
        walk_stmt(self, stmt);
    }

    /// An expression.
    fn expr(&mut self, expr: &mut Expr) {
        walk_expr(self, expr);
    }

    /// A type.
    fn ty(&mut self, ty: &mut TypeExpr) {
        walk_type(self, ty);
    }

    /// A type or an expression where either can stand.
    fn type_or_expr(&mut self, of: &mut TypeOrExpr) {
        walk_type_or_expr(self, of);
    }
}

/// What is in a block.
pub fn walk_block<W: Walk + ?Sized>(walk: &mut W, block: &mut Block) {
    walk.span(&mut block.span);
    block.stmts.iter_mut().for_each(|stmt| walk.stmt(stmt));
    block.value.iter_mut().for_each(|value| walk.expr(value));
}

/// What is in a statement.
pub fn walk_stmt<W: Walk + ?Sized>(walk: &mut W, stmt: &mut Stmt) {
    walk.span(&mut stmt.span);
    match &mut stmt.kind {
        StmtKind::Expr(expr) | StmtKind::Discard(expr) => walk.expr(expr),
        StmtKind::Assign { target, value, .. } => {
            walk.expr(target);
            walk.expr(value);
        }
        StmtKind::Let { name, ty, value } => {
            ty.iter_mut().for_each(|ty| walk.ty(ty));
            value.iter_mut().for_each(|value| walk.expr(value));
            walk.declared(name);
        }
        StmtKind::Unroll { count: head, body } | StmtKind::While { condition: head, body } => {
            walk.expr(head);
            walk.block(body);
        }
        StmtKind::For { name, over, body } => {
            match over {
                Iterable::Range(from, to) => {
                    walk.expr(from);
                    walk.expr(to);
                }
                Iterable::Map(map) => walk.expr(map),
            }
            walk.declared(name);
            walk.block(body);
        }
        StmtKind::Return(value) => value.iter_mut().for_each(|value| walk.expr(value)),
        StmtKind::Import(import) => walk.span(&mut import.path.span),
        StmtKind::Break | StmtKind::Continue => {}
    }
}

/// What is in an expression.
pub fn walk_expr<W: Walk + ?Sized>(walk: &mut W, expr: &mut Expr) {
    walk.span(&mut expr.span);
    match &mut expr.kind {
        ExprKind::Int(_)
        | ExprKind::Str(_)
        | ExprKind::Bool(_)
        | ExprKind::Positional(_)
        | ExprKind::PositionalCount
        | ExprKind::Ident(_)
        | ExprKind::Variable(_) => {}
        ExprKind::Map { key, .. } => {
            key.iter_mut().flatten().for_each(|key| walk.expr(key));
        }
        ExprKind::Call { name_span, args, .. } => {
            walk.span(name_span);
            args.iter_mut().for_each(|arg| walk.expr(arg));
        }
        ExprKind::Typeof(of) | ExprKind::Sizeof(of) | ExprKind::Typeinfo(of) => {
            walk.type_or_expr(of);
        }
        ExprKind::Offsetof { of, path } => {
            walk.type_or_expr(of);
            path.iter_mut().for_each(|name| walk.span(&mut name.span));
        }
        ExprKind::Tuple(elements) => elements.iter_mut().for_each(|element| walk.expr(element)),
        ExprKind::Record(fields) => fields.iter_mut().for_each(|(name, value)| {
            walk.span(&mut name.span);
            walk.expr(value);
        }),
        ExprKind::Index { base, index } => {
            walk.expr(base);
            walk.expr(index);
        }
        ExprKind::Element { base, index_span: span, .. }
        | ExprKind::Field { base, name_span: span, .. } => {
            walk.expr(base);
            walk.span(span);
        }
        ExprKind::Cast { ty, operand } => {
            walk.ty(ty);
            walk.expr(operand);
        }
        ExprKind::Comptime(inner)
        | ExprKind::Unary { operand: inner, .. }
        | ExprKind::Step { target: inner, .. } => walk.expr(inner),
        ExprKind::If(branch) => walk_if(walk, branch),
        ExprKind::Block(block) => walk.block(block),
        ExprKind::Binary { op_span, left, right, .. } => {
            walk.expr(left);
            walk.span(op_span);
            walk.expr(right);
        }
        ExprKind::Ternary { condition, then, otherwise } => {
            walk.expr(condition);
            then.iter_mut().for_each(|then| walk.expr(then));
            walk.expr(otherwise);
        }
    }
}

fn walk_if<W: Walk + ?Sized>(walk: &mut W, branch: &mut If) {
    let mut next = Some(branch);
    while let Some(branch) = next.take() {
        walk.expr(&mut branch.condition);
        walk.block(&mut branch.then);
        match &mut branch.otherwise {
            Some(Else::If(inner)) => next = Some(inner),
            Some(Else::Block(block)) => walk.block(block),
            None => {}
        }
    }
}

/// What is in a type.
pub fn walk_type<W: Walk + ?Sized>(walk: &mut W, ty: &mut TypeExpr) {
    walk.span(&mut ty.span);
    match &mut ty.kind {
        TypeExprKind::Name { .. } => {}
        TypeExprKind::Pointer(of) | TypeExprKind::Array(of, _) => walk.ty(of),
        TypeExprKind::Typeof(of) => walk.type_or_expr(of),
    }
}

/// The type or the expression.
pub fn walk_type_or_expr<W: Walk + ?Sized>(walk: &mut W, of: &mut TypeOrExpr) {
    match of {
        TypeOrExpr::Type(ty) => walk.ty(ty),
        TypeOrExpr::Expr(expr) => walk.expr(expr),
    }
}
