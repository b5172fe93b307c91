//! Loops, jumps, and blocks that have a value.

use ebtrace_image::{Action, Failure};

use super::facts::{Slot, Timed};
use super::{Literal, Lower, Operand, Placed, error};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::build::image_site;
use crate::ir::{Block, EventId, Expr, LoopKind, MOST_ROUNDS, StmtKind};
use crate::source::Span;
use crate::syntax::ast::{self, Else, ExprKind};
use crate::types::{Type, TypeId};

/// The kernel calls the body of each loop, and no more than eight functions deep.
const MOST_LOOPS: u32 = 5;

impl Lower<'_> {
    // Values.

    /// `if (a) { 1 } else { 2 }` where a value is needed.
    pub(super) fn if_value(&mut self, branch: &ast::If, span: Span) -> Operand {
        if let Some(chosen) = self.chosen(branch) {
            return match chosen {
                Some(Else::Block(block)) => self.block_value(&block, span),
                Some(Else::If(inner)) => self.if_value(&inner, span),
                None => self.void(),
            };
        }
        let operand = self.expr(&branch.condition);
        let test = self.condition(&operand, branch.condition.span);
        let Some(otherwise) = &branch.otherwise else {
            self.b.begin();
            self.block_operand(&branch.then);
            self.b.end();
            self.complain(
                Diagnostic::error(Code::NoValue, "an `if` without `else` has no value")
                    .label(span, "a value is needed here")
                    .help("add `else { … }` with the value for the other case"),
            );
            return self.poison();
        };
        self.b.begin();
        let first = (self.block_operand(&branch.then), end_of(&branch.then));
        let first_block = self.b.end();
        self.b.begin();
        let second = match otherwise {
            Else::Block(block) => (self.block_operand(block), end_of(block)),
            Else::If(inner) => (self.if_value(inner, span), span),
        };
        let second_block = self.b.end();
        self.merge("if", test, (first, first_block), (second, second_block))
    }

    /// `{ …; e }` where a value is needed.
    pub(super) fn block_value(&mut self, block: &ast::Block, _span: Span) -> Operand {
        self.b.begin();
        let operand = self.block_operand(block);
        if operand.literal.is_some() || operand.ty == TypeId::VOID || operand.ty == TypeId::UNKNOWN
        {
            let inner = self.b.end();
            self.b.stmt(StmtKind::Block(inner));
            return operand;
        }
        // What the block names does not outlive it.
        let result = self.b.local("result", operand.ty);
        self.b.store(result, operand.expr);
        let inner = self.b.end();
        self.b.stmt(StmtKind::Block(inner));
        let result = self.local_operand(result);
        self.same_clocks(result.expr, &[operand.expr]);
        result
    }

    /// The statements of a block, and its value.
    fn block_operand(&mut self, block: &ast::Block) -> Operand {
        let ended = std::mem::replace(&mut self.ended, false);
        self.enter_scope();
        self.statements(&block.stmts);
        let operand = match &block.value {
            Some(value) => self.expr(value),
            None if self.ended => self.void(),
            None => {
                let end = Span { start: block.span.end.saturating_sub(1), ..block.span };
                self.complain(
                    Diagnostic::error(Code::NoValue, "this block has no value")
                        .label(end, "it ends without an expression")
                        .help("leave out the semicolon after the last expression, or end with one: `{ …; $x }`"),
                );
                self.poison()
            }
        };
        self.leave_scope();
        self.ended = ended;
        operand
    }

    /// Checks and lowers a block whose value does not matter.
    pub(super) fn block_in_place(&mut self, block: &ast::Block) {
        let inner = self.block(block);
        self.b.stmt(StmtKind::Block(inner));
    }

    /// `comptime e`
    pub(super) fn comptime(&mut self, inner: &ast::Expr, span: Span) -> Operand {
        self.b.begin();
        let operand = self.expr(inner);
        let block = self.b.end();
        if operand.ty == TypeId::UNKNOWN {
            return operand;
        }
        if let Some(literal) = operand.literal.as_ref().filter(|literal| literal.is_whole()) {
            if matches!(literal, Literal::Tuple(_)) {
                self.b.stmt(StmtKind::Block(block));
            }
            return operand;
        }
        let found = self.type_name(operand.ty);
        self.complain(
            Diagnostic::error(Code::NotComptime, "this is not known before the script runs")
                .label(inner.span, format!("only the running script has this `{found}`"))
                .label(span, "must be known when the script is compiled")
                .help("leave out `comptime`, or use literals, types, sizes and parameters only"),
        );
        self.poison()
    }

    /// The branch that a condition after `comptime` leaves, if it is one and known: `Some(None)` for none.
    pub(super) fn chosen(&mut self, branch: &ast::If) -> Option<Option<Else>> {
        let ExprKind::Comptime(_) = branch.condition.kind else { return None };
        let operand = self.expr(&branch.condition);
        if operand.ty == TypeId::UNKNOWN {
            return Some(None);
        }
        let test = self.condition(&operand, branch.condition.span);
        match *self.b.expr(test) {
            Expr::Int(0) => Some(branch.otherwise.clone()),
            Expr::Int(_) => Some(Some(Else::Block(branch.then.clone()))),
            _ => None,
        }
    }

    // Loops.

    /// `while (condition) { … }`
    pub(super) fn repeat_while(&mut self, condition: &ast::Expr, body: &ast::Block, span: Span) {
        let word = span.part(0, "while".len());
        self.complain(
            Diagnostic::warning(Code::Deprecated, "`while` has a better successor")
                .label(word, "may be gone in a later version of the language")
                .help("count with `for ($i : 0..10) { … }`, and leave early with `break`"),
        );
        let endless = self.endless(word);
        self.b.begin();
        let operand = self.expr(condition);
        let test = self.condition(&operand, condition.span);
        let leave =
            Block { stmts: vec![crate::ir::Stmt { kind: StmtKind::Break, span: condition.span }] };
        self.b.stmt(StmtKind::If { condition: test, then: Block::default(), otherwise: leave });
        self.loop_body(body, span);
        let body = self.b.end();
        self.b.stmt(StmtKind::Loop { kind: LoopKind::Endless { endless }, body });
    }

    /// `for ($x : …) { … }`
    pub(super) fn repeat_for(
        &mut self,
        name: &ast::Name,
        over: &ast::Iterable,
        body: &ast::Block,
        span: Span,
    ) {
        match over {
            ast::Iterable::Range(from, to) => self.for_range(name, (from, to), body, span),
            ast::Iterable::Map(map) => self.for_map(name, map, body, span),
        }
    }

    fn for_range(
        &mut self,
        name: &ast::Name,
        (from, to): (&ast::Expr, &ast::Expr),
        body: &ast::Block,
        span: Span,
    ) {
        let bounds = [from, to].map(|bound| {
            let operand = self.expr(bound);
            let number = self.b.types().is_int(operand.ty) || operand.ty == TypeId::BOOL;
            if !number && operand.ty != TypeId::UNKNOWN {
                let found = self.type_name(operand.ty);
                self.complain(
                    Diagnostic::error(Code::BadLoop, "a range goes from one integer to another")
                        .label(bound.span, format!("this is `{found}`"))
                        .help("write it as `for ($i : 0..10) { … }`"),
                );
            }
            if !number {
                return self.b.int(0, TypeId::I64);
            }
            let number = self.b.convert(operand.expr, TypeId::I64);
            self.b.name(number)
        });
        let endless = self.endless(name.span);
        self.b.begin();
        self.enter_scope();
        let shadows = self.complain_shadow(name);
        let index = self.new_variable(name, Some(Slot::fixed(TypeId::I64, name.span)));
        self.assigned.insert((self.probe, name.span));
        if !shadows {
            self.loop_body(body, span);
        }
        self.leave_scope();
        let body = self.b.end();
        let [from, to] = bounds;
        self.b.stmt(StmtKind::Loop { kind: LoopKind::Range { from, to, index, endless }, body });
    }

    fn for_map(&mut self, name: &ast::Name, map: &ast::Expr, body: &ast::Block, span: Span) {
        let ExprKind::Map { name: map_name, key: None } = &map.kind else {
            self.expr(map);
            self.complain(
                Diagnostic::error(Code::BadLoop, "`for` goes over a range or a whole map")
                    .label(map.span, "this is neither")
                    .help("write it as `for ($i : 0..10) { … }` or `for ($kv : @map) { … }`"),
            );
            return;
        };
        self.b.begin();
        self.enter_scope();
        let shadows = self.complain_shadow(name);
        let element = self.loop_element(map_name, map.span);
        let slot = element.as_ref().map(|(_, _, _, pair)| Slot::fixed(*pair, name.span));
        let pair = self.new_variable(name, slot);
        self.assigned.insert((self.probe, name.span));
        self.learn_pair_clocks(map_name, Timed::Variable((self.probe, name.span)));
        let kind = element.map(|(map, key_type, value_type, pair_type)| {
            let (key, value) = (self.b.local("key", key_type), self.b.local("value", value_type));
            let (offsets, _) = self.b.types().tuple_layout(&[key_type, value_type]);
            self.b.zero(pair);
            for (offset, (local, ty)) in
                offsets.into_iter().zip([(key, key_type), (value, value_type)])
            {
                let part = self.b.read(local);
                self.b.store_part(pair, offset, ty, part);
            }
            let _ = pair_type;
            LoopKind::Map { map, key: Some(key), value: Some(value) }
        });
        if !shadows {
            self.loop_body(body, span);
        }
        self.leave_scope();
        let body = self.b.end();
        if let Some(kind) = kind {
            self.b.stmt(StmtKind::Loop { kind, body });
        }
    }

    /// The map, and the types of its keys, its values as they are read, and both together.
    fn loop_element(
        &mut self,
        name: &str,
        span: Span,
    ) -> Option<(crate::ir::MapId, TypeId, TypeId, TypeId)> {
        let scalar =
            self.known.maps.get(name).filter(|fact| fact.key.is_none()).map(|fact| fact.span);
        if let Some(first) = scalar {
            self.complain(
                Diagnostic::error(Code::BadLoop, format!("`@{name}` has no keys to go through"))
                    .label(span, "a map with keys is needed")
                    .label(first, "used without a key here")
                    .help(format!("read it as it is: `@{name}`")),
            );
            return None;
        }
        let map = self.map_named(name, span)?;
        let (key, value) = (self.b.program.maps[map].key?, self.b.program.maps[map].value);
        let value = match *self.b.types().get(value) {
            Type::Aggregate(aggregate) => match self.merged_type(aggregate) {
                Some(ty) => ty,
                None => {
                    let found = self.type_name(value);
                    self.complain(
                        error::bad_value(span, &found, "read value by value")
                            .help(format!("print the whole map: `print(@{name})`")),
                    );
                    return None;
                }
            },
            _ => value,
        };
        let pair = self.b.types().intern(Type::Tuple(vec![key, value]));
        Some((map, key, value, pair))
    }

    fn loop_body(&mut self, body: &ast::Block, span: Span) {
        self.loops += 1;
        if self.loops == MOST_LOOPS + 1 {
            self.complain(
                Diagnostic::error(Code::TooDeep, format!("at most {MOST_LOOPS} loops stand within each other"))
                    .label(span.part(0, "for".len()), "one too many")
                    .help("the kernel calls the body of each loop, and nests calls no deeper; use `unroll` inside"),
            );
        }
        let inner = self.block(body);
        self.b.stmt(StmtKind::Block(inner));
        self.loops -= 1;
    }

    /// The event of a loop that does not end.
    fn endless(&mut self, span: Span) -> EventId {
        let site = image_site(self.b.site(span));
        let failure = Failure::EndlessLoop { rounds: MOST_ROUNDS };
        self.b.event(Action::Fail { site, failure }, Vec::new())
    }

    // Jumps.

    /// `break`, `continue`
    pub(super) fn jump(&mut self, jump: StmtKind, span: Span) {
        if self.loops == 0 {
            let word = if jump == StmtKind::Break { "break" } else { "continue" };
            self.complain(
                Diagnostic::error(Code::NotInLoop, format!("`{word}` stands in no loop"))
                    .label(span, "there is no `for` or `while` around this")
                    .help("`return` leaves the whole probe or function"),
            );
            return;
        }
        self.b.stmt(jump);
        self.ended = true;
    }

    /// `return`, `return value`
    pub(super) fn give_back(&mut self, value: Option<&ast::Expr>, span: Span) {
        let value = value.map(|value| (self.expr(value), value.span));
        match &self.function {
            Some(_) => self.return_from_function(value, span),
            None => self.return_from_probe(value),
        }
        self.ended = true;
    }

    fn return_from_probe(&mut self, value: Option<Placed>) {
        let value = match value {
            Some((operand, _))
                if self.b.types().is_int(operand.ty) || operand.ty == TypeId::BOOL =>
            {
                Some(self.b.convert(operand.expr, TypeId::I64))
            }
            Some((operand, span)) => {
                if operand.ty != TypeId::UNKNOWN {
                    let found = self.type_name(operand.ty);
                    self.complain(
                        Diagnostic::error(Code::BadReturn, "a probe returns an integer or nothing")
                            .label(span, format!("this is `{found}`"))
                            .help("write `return;`, or print the value before"),
                    );
                }
                None
            }
            None => None,
        };
        self.b.stmt(StmtKind::Return(value));
    }
}

/// Where the value of a block stands.
fn end_of(block: &ast::Block) -> Span {
    block.value.as_ref().map_or(block.span, |value| value.span)
}
