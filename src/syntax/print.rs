//! The tree as a script again, in one canonical form.
//!
//! Reading the result gives the same tree: parentheses stand exactly where the tree needs them, numbers are decimal,
//! bodies are in braces.

mod item;

use std::fmt::Write as _;

use super::ast::{
    BinaryOp, Block, Else, Expr, ExprKind, If, Iterable, Name, Script, Stmt, StmtKind, TypeExpr,
    TypeExprKind, TypeOrExpr,
};
use super::build::leftmost;

/// The script that a tree stands for.
pub fn script(script: &Script) -> String {
    let mut printer = Printer { out: String::new(), depth: 0 };
    for (index, item) in script.items.iter().enumerate() {
        if index > 0 {
            printer.out.push('\n');
        }
        printer.item(item);
    }
    // The first line would be for the system, and a mark at the very start would be dropped.
    if printer.out.starts_with("#!") || printer.out.starts_with('\u{feff}') {
        printer.out.insert(0, '\n');
    }
    printer.out
}

/// How tightly the surroundings bind: an expression that binds less needs parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Any,
    /// An operand of the binary operators of a level, loosest first.
    Binary(u8),
    Prefix,
    Postfix,
}

struct Printer {
    out: String,
    depth: usize,
}

impl Printer {
    fn ty(&mut self, ty: &TypeExpr) {
        match &ty.kind {
            TypeExprKind::Name { tag, name } => {
                let tag = tag.map_or(String::new(), |tag| format!("{} ", tag.word()));
                let _ = write!(self.out, "{tag}{name}");
            }
            TypeExprKind::Pointer(to) => {
                self.ty(to);
                self.out.push_str(" *");
            }
            TypeExprKind::Array(of, len) => {
                self.ty(of);
                let len = len.map_or(String::new(), |len| len.to_string());
                let _ = write!(self.out, "[{len}]");
            }
            TypeExprKind::Typeof(of) => {
                self.out.push_str("typeof");
                self.type_or_expr(of);
            }
        }
    }

    /// In its parentheses.
    fn type_or_expr(&mut self, of: &TypeOrExpr) {
        match of {
            TypeOrExpr::Expr(expr) => self.expr_in_type_parens(expr),
            TypeOrExpr::Type(ty) => {
                self.out.push('(');
                self.ty(ty);
                self.out.push(')');
            }
        }
    }

    /// A bare name would be read as a type.
    fn expr_in_type_parens(&mut self, expr: &Expr) {
        if is_read_as_a_type(expr) {
            self.out.push('(');
            self.parens(expr);
            self.out.push(')');
        } else {
            self.parens(expr);
        }
    }

    fn block(&mut self, block: &Block) {
        self.out.push_str("{\n");
        self.depth += 1;
        for stmt in &block.stmts {
            self.indent();
            self.stmt(stmt);
            self.out.push('\n');
        }
        if let Some(value) = &block.value {
            self.indent();
            self.value_statement(value);
            self.out.push('\n');
        }
        self.depth -= 1;
        self.indent();
        self.out.push('}');
    }

    fn indent(&mut self) {
        self.out.extend(std::iter::repeat_n("    ", self.depth));
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Expr(value) => {
                self.value_statement(value);
                self.out.push(';');
            }
            StmtKind::Discard(value) => {
                self.out.push_str("_ = ");
                self.expr(value, Level::Any);
                self.out.push(';');
            }
            StmtKind::Let { name, ty, value } => {
                let _ = write!(self.out, "let ${}", name.node);
                if let Some(ty) = ty {
                    self.out.push_str(" : ");
                    self.ty(ty);
                }
                if let Some(value) = value {
                    self.out.push_str(" = ");
                    self.expr(value, Level::Any);
                }
                self.out.push(';');
            }
            StmtKind::While { condition, body } => {
                self.out.push_str("while ");
                self.parens(condition);
                self.out.push(' ');
                self.block(body);
            }
            StmtKind::For { name, over, body } => {
                let _ = write!(self.out, "for (${} : ", name.node);
                match over {
                    Iterable::Range(from, to) => {
                        self.expr(from, Level::Prefix);
                        self.out.push_str("..");
                        self.expr(to, Level::Prefix);
                    }
                    Iterable::Map(map) => self.expr(map, Level::Prefix),
                }
                self.out.push_str(") ");
                self.block(body);
            }
            StmtKind::Break => self.out.push_str("break;"),
            StmtKind::Continue => self.out.push_str("continue;"),
            StmtKind::Return(value) => {
                self.out.push_str("return");
                if let Some(value) = value {
                    self.out.push(' ');
                    self.expr(value, Level::Any);
                }
                self.out.push(';');
            }
            StmtKind::Import(import) => {
                let _ = write!(self.out, "import \"{}\";", escaped(import.path.node.as_bytes()));
            }
            StmtKind::Assign { target, op, value } => {
                self.expr(target, Level::Postfix);
                let _ = write!(self.out, " {}= ", op.map_or("", BinaryOp::symbol));
                self.expr(value, Level::Any);
                self.out.push(';');
            }
            StmtKind::Unroll { count, body } => {
                self.out.push_str("unroll ");
                self.parens(count);
                self.out.push(' ');
                self.block(body);
            }
        }
    }

    fn value_statement(&mut self, value: &Expr) {
        match begins_like_another_statement(value) {
            true => self.parens(value),
            false => self.expr(value, Level::Any),
        }
    }

    fn branch(&mut self, branch: &If) {
        self.out.push_str("if ");
        self.parens(&branch.condition);
        self.out.push(' ');
        self.block(&branch.then);
        match &branch.otherwise {
            None => {}
            Some(Else::If(next)) => {
                self.out.push_str(" else ");
                self.branch(next);
            }
            Some(Else::Block(block)) => {
                self.out.push_str(" else ");
                self.block(block);
            }
        }
    }

    fn parens(&mut self, expr: &Expr) {
        self.out.push('(');
        self.expr(expr, Level::Any);
        self.out.push(')');
    }

    fn list(&mut self, exprs: &[Expr]) {
        for (index, expr) in exprs.iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            self.expr(expr, Level::Any);
        }
    }

    fn expr(&mut self, expr: &Expr, around: Level) {
        if level(&expr.kind) < around {
            return self.parens(expr);
        }
        match &expr.kind {
            ExprKind::Unary { op, operand } => {
                self.out.push_str(op.symbol());
                // `--x` would decrement.
                let negative = op.symbol() == "-" && self.begins_with_minus(operand);
                if negative { self.parens(operand) } else { self.expr(operand, Level::Prefix) }
            }
            ExprKind::Binary { op, left, right, .. } => {
                let own = precedence(*op);
                self.expr(left, Level::Binary(own));
                let _ = write!(self.out, " {} ", op.symbol());
                self.expr(right, Level::Binary(own + 1));
            }
            ExprKind::Ternary { condition, then, otherwise } => {
                self.expr(condition, Level::Binary(0));
                match then {
                    Some(then) => {
                        self.out.push_str(" ? ");
                        self.expr(then, Level::Any);
                        self.out.push_str(" : ");
                    }
                    None => self.out.push_str(" ?: "),
                }
                self.expr(otherwise, Level::Any);
            }
            ExprKind::Step { target, op, prefix: true } => {
                self.out.push_str(op.symbol());
                self.expr(target, Level::Prefix);
            }
            ExprKind::Step { target, op, prefix: false } => {
                self.expr(target, Level::Postfix);
                self.out.push_str(op.symbol());
            }
            ExprKind::Field { base, name, .. } => {
                self.expr(base, Level::Postfix);
                let _ = write!(self.out, ".{name}");
            }
            ExprKind::Cast { ty, operand } => {
                self.out.push('(');
                self.ty(ty);
                self.out.push(')');
                // These would not be read as the operand of a cast.
                let unlike = matches!(
                    operand.kind,
                    ExprKind::Step { prefix: true, .. } | ExprKind::If(_) | ExprKind::Block(_)
                );
                if unlike { self.parens(operand) } else { self.expr(operand, Level::Prefix) }
            }
            ExprKind::Comptime(operand) => {
                self.out.push_str("comptime ");
                self.expr(operand, Level::Prefix);
            }
            ExprKind::Index { base, index } => {
                // The first brackets after a map would be its key.
                match base.kind {
                    ExprKind::Map { key: None, .. } => self.parens(base),
                    _ => self.expr(base, Level::Postfix),
                }
                self.out.push('[');
                self.expr(index, Level::Any);
                self.out.push(']');
            }
            ExprKind::Element { base, index, .. } => {
                self.expr(base, Level::Postfix);
                let _ = write!(self.out, ".{index}");
            }
            ExprKind::Tuple(elements) => {
                self.out.push('(');
                self.list(elements);
                self.out.push_str(if elements.len() == 1 { ",)" } else { ")" });
            }
            ExprKind::Record(fields) => {
                self.out.push('(');
                for (index, (name, value)) in fields.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    let _ = write!(self.out, "{comma}{} = ", name.node);
                    self.expr(value, Level::Any);
                }
                self.out.push(')');
            }
            ExprKind::Sizeof(of) => self.introspection("sizeof", of),
            ExprKind::Typeinfo(of) => self.introspection("typeinfo", of),
            ExprKind::Typeof(of) => self.introspection("typeof", of),
            ExprKind::Offsetof { of, path } => {
                self.out.push_str("offsetof(");
                match of {
                    TypeOrExpr::Type(ty) => self.ty(ty),
                    TypeOrExpr::Expr(expr) => self.parens(expr),
                }
                let path: Vec<&str> = path.iter().map(|name: &Name| name.node.as_str()).collect();
                let _ = write!(self.out, ", {})", path.join("."));
            }
            ExprKind::Block(block) => self.block(block),
            ExprKind::If(branch) => self.branch(branch),
            atom => self.atom(atom),
        }
    }

    fn introspection(&mut self, word: &str, of: &TypeOrExpr) {
        self.out.push_str(word);
        self.type_or_expr(of);
    }

    fn begins_with_minus(&self, operand: &Expr) -> bool {
        match &operand.kind {
            ExprKind::Unary { op, .. } => op.symbol() == "-",
            ExprKind::Step { op, prefix: true, .. } => op.symbol() == "--",
            _ => false,
        }
    }

    fn atom(&mut self, kind: &ExprKind) {
        let _ = match kind {
            ExprKind::Int(value) => write!(self.out, "{value}"),
            ExprKind::Bool(value) => write!(self.out, "{value}"),
            ExprKind::Positional(number) => write!(self.out, "${number}"),
            ExprKind::Ident(name) => write!(self.out, "{name}"),
            ExprKind::Variable(name) => write!(self.out, "${name}"),
            ExprKind::Map { name, .. } => write!(self.out, "@{name}"),
            ExprKind::Call { name, .. } => write!(self.out, "{name}"),
            ExprKind::PositionalCount => write!(self.out, "$#"),
            ExprKind::Str(bytes) => write!(self.out, "\"{}\"", escaped(bytes)),
            _ => Ok(()),
        };
        match kind {
            ExprKind::Map { key: Some(key), .. } => {
                self.out.push('[');
                self.list(key);
                self.out.push(']');
            }
            ExprKind::Call { args, .. } => {
                self.out.push('(');
                self.list(args);
                self.out.push(')');
            }
            _ => {}
        }
    }
}

/// Whether an expression in the parentheses of `sizeof` and the like would be taken for a type.
pub(crate) fn is_read_as_a_type(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Index { base, .. } => matches!(base.kind, ExprKind::Ident(_)),
        kind => matches!(kind, ExprKind::Ident(_)),
    }
}

/// Whether the parser would insist on an assignment, or take the beginning for a statement of its own.
pub(crate) fn begins_like_another_statement(expr: &Expr) -> bool {
    let first = leftmost(expr);
    let computes = matches!(expr.kind, ExprKind::Binary { .. } | ExprKind::Ternary { .. });
    match first.kind {
        ExprKind::Variable(_) | ExprKind::Map { .. } => computes,
        ExprKind::If(_) | ExprKind::Block(_) => !std::ptr::eq(first, expr),
        _ => false,
    }
}

pub(crate) fn level(kind: &ExprKind) -> Level {
    match kind {
        ExprKind::Ternary { .. } => Level::Any,
        ExprKind::Binary { op, .. } => Level::Binary(precedence(*op)),
        ExprKind::Unary { .. }
        | ExprKind::Cast { .. }
        | ExprKind::Comptime(_)
        | ExprKind::Step { prefix: true, .. } => Level::Prefix,
        _ => Level::Postfix,
    }
}

/// Level of a binary operator, loosest 0.
pub(crate) fn precedence(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 0,
        BinaryOp::And => 1,
        BinaryOp::BitOr => 2,
        BinaryOp::BitXor => 3,
        BinaryOp::BitAnd => 4,
        BinaryOp::Equal | BinaryOp::NotEqual => 5,
        BinaryOp::Less | BinaryOp::Greater | BinaryOp::LessEqual | BinaryOp::GreaterEqual => 6,
        BinaryOp::ShiftLeft | BinaryOp::ShiftRight => 7,
        BinaryOp::Add | BinaryOp::Subtract => 8,
        BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Remainder => 9,
    }
}

/// The inside of a string literal that stands for these bytes.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                _ if letter.is_ascii_control() => {
                    let _ = write!(out, "\\x{:02x}", u32::from(letter));
                }
                _ => out.push(letter),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}
