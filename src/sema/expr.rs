//! Expressions.

use super::join::{Joined, join};
use super::{Literal, Lower, Operand, Placed, error};
use crate::builtin::{self, Call, Lowering};
use crate::diagnostic::{Code, Diagnostic};
use crate::expand::stdlib;
use crate::ir::{Expr, ExprId, StmtKind};
use crate::options;
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};
use crate::types::{Type, TypeId};

impl Lower<'_> {
    /// Lowers an expression that designates no memory; see [`Lower::expr`].
    pub(super) fn expr_kind(&mut self, expr: &ast::Expr) -> Operand {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Int(number) => self.number(i128::from(*number)),
            ExprKind::Str(text) => self.string(text, span),
            ExprKind::Bool(value) => self.boolean(*value),
            ExprKind::Positional(index) => self.positional(*index, span),
            ExprKind::PositionalCount => self.number(self.options.params.len() as i128),
            ExprKind::Ident(name) => match self.define(name, span) {
                Some(operand) => operand,
                None => self.call(name, span, None, span),
            },
            ExprKind::Call { name, name_span, args } => {
                self.call(name, *name_span, Some(args), span)
            }
            ExprKind::Variable(name) => self.read_named(name, span),
            ExprKind::Map { name, key } => match self.element(name, key.as_deref(), span) {
                Some(element) => self.read_element(name, &element, span),
                None => self.poison(),
            },
            ExprKind::Typeof(_) => {
                self.complain(error::loose_type(span));
                self.poison()
            }
            ExprKind::Tuple(elements) => self.tuple(elements, span),
            ExprKind::Record(fields) => self.record(fields, span),
            ExprKind::Element { base, index, index_span } => {
                self.element_at(base, *index, *index_span)
            }
            ExprKind::Cast { ty, operand } => self.cast(ty, operand, span),
            ExprKind::Sizeof(of) => self.size_of(of, span),
            ExprKind::Typeinfo(of) => self.type_info(of, span),
            ExprKind::Offsetof { of, path } => self.offset_of(of, path, span),
            ExprKind::Comptime(inner) => self.comptime(inner, span),
            ExprKind::If(branch) => self.if_value(branch, span),
            ExprKind::Block(block) => self.block_value(block, span),
            ExprKind::Field { .. }
            | ExprKind::Index { .. }
            | ExprKind::Unary { op: ast::UnaryOp::Dereference, .. } => self.expr(expr),
            ExprKind::Unary { op: ast::UnaryOp::AddressOf, operand } => {
                self.address_of_place(operand, span)
            }
            ExprKind::Unary { op, operand } => self.unary(*op, operand, span),
            ExprKind::Binary { op: ast::BinaryOp::And, left, right, .. } => {
                self.logical(left, right, true)
            }
            ExprKind::Binary { op: ast::BinaryOp::Or, left, right, .. } => {
                self.logical(left, right, false)
            }
            ExprKind::Binary { op, op_span, left, right } => {
                let [left, right] = self.operand_pair(left, right);
                self.binary(*op, *op_span, left, right)
            }
            ExprKind::Ternary { condition, then, otherwise } => {
                self.ternary(condition, then.as_deref(), otherwise)
            }
            ExprKind::Step { target, op, prefix } => self.step(target, *op, *prefix, span),
        }
    }

    /// Text that is known now and may be too long.
    pub(super) fn string(&mut self, text: &[u8], span: Span) -> Operand {
        let most = self.max_strlen() as usize;
        if text.len() + 1 > most {
            let mut diagnostic = Diagnostic::error(
                Code::StringTooLong,
                format!("a string has at most {} bytes", most - 1),
            )
            .label(span, format!("this one has {}", text.len()))
            .help("cut it into several, or print it with a `printf` format, which may be longer");
            let wanted = text.len() + 1;
            if wanted <= options::LONGEST_STRING as usize {
                diagnostic = diagnostic
                    .help(format!("`config = {{ max_strlen = {wanted} }}` allows longer ones"));
            }
            self.complain(diagnostic);
            return self.poison();
        }
        self.text(text)
    }

    /// A builtin, with or without parentheses.
    fn call(
        &mut self,
        name: &str,
        name_span: Span,
        args: Option<&Vec<ast::Expr>>,
        span: Span,
    ) -> Operand {
        let Some(builtin) = builtin::find(name) else {
            if let Some(args) = args
                && let Some(result) = self.call_own(name, args, span)
            {
                return result;
            }
            if let Some((object, function)) = self.external(name) {
                return self.call_external(object, function, args, span);
            }
            if let Some(constant) = self.constant(name).filter(|_| args.is_none()) {
                return constant;
            }
            if let Some(diagnostic) = self.used_with_arguments(name, name_span, args.is_some()) {
                self.complain(diagnostic);
                return self.poison();
            }
            let context = self.context();
            let known = builtin::all()
                .filter(|builtin| builtin.allowed_in(context))
                .map(|builtin| builtin.name)
                .chain(stdlib::names());
            let named: Vec<String> = match args {
                None => self.named_numbers(),
                Some(_) => Vec::new(),
            };
            let known = known.chain(named.iter().map(String::as_str));
            let known = known.chain(self.externals());
            let known = known.chain(self.functions.keys().map(String::as_str));
            let diagnostic = error::unknown_name(name_span, name, args.is_some(), known);
            self.complain(diagnostic);
            for arg in args.into_iter().flatten() {
                self.expr(arg);
            }
            return self.poison();
        };
        if !self.may_call(builtin, (name, name_span), args.is_some()) {
            return self.poison();
        }
        let args = args.map_or(&[][..], |args| args);
        let (least, most) = builtin.arity();
        if args.len() < least || most.is_some_and(|most| args.len() > most) {
            self.complain(error::call_arity(span, builtin, args.len()));
            return self.poison();
        }
        match builtin.lower {
            Lowering::Value(lower) => lower(self, &Call { builtin, name, span, name_span, args }),
            Lowering::Aggregate(_) => {
                self.complain(
                    Diagnostic::error(
                        Code::LooseAggregate,
                        format!("`{name}()` can only be assigned to a map"),
                    )
                    .label(span, "not an assignment to a map")
                    .help(format!("write it as `@ = {};`", builtin.signature())),
                );
                self.poison()
            }
        }
    }

    /// Whether a builtin may be used here in this form.
    fn may_call(
        &mut self,
        builtin: &'static builtin::Builtin,
        (name, span): (&str, Span),
        called: bool,
    ) -> bool {
        if !builtin.allowed_in(self.context()) {
            self.complain(error::not_here(span, name, builtin, self.kind));
            return false;
        }
        if !called && !builtin.bare {
            self.complain(
                Diagnostic::error(Code::UnknownName, format!("`{}` is a function", builtin.name))
                    .label(span, "it is not called here")
                    .help(format!("write it as `{}`", builtin.signature())),
            );
            return false;
        }
        self.permits(builtin.permit, &format!("`{name}`"), span)
    }

    /// An operand as a condition: a bool.
    pub(super) fn condition(&mut self, operand: &Operand, span: Span) -> ExprId {
        if let Some(Literal::Str(text)) = &operand.literal {
            return self.b.int(u64::from(!text.is_empty()), TypeId::BOOL);
        }
        let ty = self.aggregate_of(operand).unwrap_or(operand.ty);
        match self.b.types().get(ty) {
            Type::Unknown => self.b.int(1, TypeId::BOOL),
            Type::Bool => operand.expr,
            Type::Int { .. } | Type::Pointer { .. } | Type::Enum { .. } => {
                match operand.literal_int() {
                    Some(number) => self.b.int(u64::from(number != 0), TypeId::BOOL),
                    None => self.b.convert(operand.expr, TypeId::BOOL),
                }
            }
            _ => {
                let found = self.type_name(ty);
                self.complain(error::bad_condition(span, &found));
                self.b.int(1, TypeId::BOOL)
            }
        }
    }

    /// `a && b`, `a || b`: the right side is only evaluated where it matters.
    fn logical(&mut self, left: &ast::Expr, right: &ast::Expr, and: bool) -> Operand {
        let operand = self.expr(left);
        let first = self.condition(&operand, left.span);
        self.b.begin();
        let operand = self.expr(right);
        let second = self.condition(&operand, right.span);
        let mut block = self.b.end();
        let known = self.b.int(u64::from(!and), TypeId::BOOL);
        let known_second = self.known_bool(second).is_some() && is_idle(&block);
        if block.stmts.is_empty() || known_second {
            let value = match (self.known_bool(first), self.known_bool(second)) {
                (Some(first), _) if first != and => return self.boolean(first),
                (Some(_), Some(second)) => return self.boolean(second),
                _ if and => self.b.select(first, second, known),
                _ => self.b.select(first, known, second),
            };
            return self.operand(value);
        }
        let result = self.b.local("logical", TypeId::BOOL);
        let span = self.b.span();
        let store =
            |value| crate::ir::Stmt { kind: StmtKind::Store { local: result, value }, span };
        block.stmts.push(store(second));
        let shortcut = crate::ir::Block { stmts: vec![store(known)] };
        let (then, otherwise) = if and { (block, shortcut) } else { (shortcut, block) };
        self.b.stmt(StmtKind::If { condition: first, then, otherwise });
        self.local_operand(result)
    }

    fn known_bool(&self, expr: ExprId) -> Option<bool> {
        match self.b.expr(expr) {
            Expr::Int(value) => Some(*value != 0),
            _ => None,
        }
    }

    /// `a ? b : c`; without the middle, `a` itself is the value where it is true.
    fn ternary(
        &mut self,
        condition: &ast::Expr,
        then: Option<&ast::Expr>,
        otherwise: &ast::Expr,
    ) -> Operand {
        let mut tested = self.expr(condition);
        if then.is_none() && self.b.types().is_scalar(tested.ty) {
            tested.expr = self.b.name(tested.expr);
        }
        let test = self.condition(&tested, condition.span);
        self.b.begin();
        let first = match then {
            Some(then) => (self.choice(then), then.span),
            None => (tested, condition.span),
        };
        let first_block = self.b.end();
        self.b.begin();
        let second = (self.choice(otherwise), otherwise.span);
        let second_block = self.b.end();
        if let Some(known) = self
            .known_bool(test)
            .filter(|_| first_block.stmts.is_empty() && second_block.stmts.is_empty())
        {
            return if known { first.0 } else { second.0 };
        }
        self.merge("?:", test, (first, first_block), (second, second_block))
    }

    /// A side of `?:`, which may have only an effect.
    fn choice(&mut self, side: &ast::Expr) -> Operand {
        match &side.kind {
            ExprKind::Block(block) if block.value.is_none() => {
                self.block_in_place(block);
                self.void()
            }
            _ => self.expr(side),
        }
    }

    /// Runs one of two blocks and yields its operand; `word` is what chooses.
    pub(super) fn merge(
        &mut self,
        word: &str,
        test: ExprId,
        (first, first_block): (Placed, crate::ir::Block),
        (second, second_block): (Placed, crate::ir::Block),
    ) -> Operand {
        let sides = [(first.0.ty, first.0.flexible()), (second.0.ty, second.0.flexible())];
        let ty = match join(self.b.types(), sides[0], sides[1]) {
            Joined::Fits { ty, .. } | Joined::Mixed { ty } => ty,
            Joined::Clash => {
                let names = [self.type_name(first.0.ty), self.type_name(second.0.ty)];
                self.complain(
                    Diagnostic::error(
                        Code::TypeClash,
                        format!("`{word}` cannot choose between `{}` and `{}`", names[0], names[1]),
                    )
                    .label(second.1, format!("this is `{}`", names[1]))
                    .label(first.1, format!("this is `{}`", names[0]))
                    .help(format!("both sides of `{word}` need the same type")),
                );
                return self.poison();
            }
        };
        let result =
            (ty != TypeId::VOID && ty != TypeId::UNKNOWN).then(|| self.b.local("choice", ty));
        let sides = [(&first.0, first_block), (&second.0, second_block)];
        let [then, otherwise] = sides.map(|(operand, block)| {
            let Some(local) = result.filter(|_| operand.ty != TypeId::VOID) else { return block };
            self.b.resume(block);
            let value = self.coerce(operand, ty);
            self.b.store(local, value);
            self.b.end()
        });
        self.b.stmt(StmtKind::If { condition: test, then, otherwise });
        match result {
            Some(local) => {
                let choice = self.local_operand(local);
                self.same_clocks(choice.expr, &[first.0.expr, second.0.expr]);
                choice
            }
            None if ty == TypeId::VOID => self.void(),
            None => self.poison(),
        }
    }
}

/// Whether a block does nothing but put values together, as that of a macro which asks only about types. Variables are
/// assigned as a whole, so none of them is among what it puts together.
fn is_idle(block: &crate::ir::Block) -> bool {
    block.stmts.iter().all(|stmt| match &stmt.kind {
        StmtKind::Block(inner) => is_idle(inner),
        StmtKind::Zero { .. } | StmtKind::StorePart { .. } => true,
        _ => false,
    })
}
