//! Builds a function: typed expressions and statements in order.
//!
//! The checker and every builtin's lowering write IR through [`Builder`] alone. It types what it builds; that the
//! operands fit is the caller's duty, and [`super::verify`] checks it.

use ebtrace_image::Action;

use super::*;
use crate::types::{Space, Type};

/// Builds one function.
#[derive(Debug)]
pub struct Builder<'p> {
    /// What is shared by all functions: types, maps, events, sites.
    pub program: &'p mut Program,
    func: Func,
    open: Vec<Block>,
    span: Span,
    statements: usize,
}

impl<'p> Builder<'p> {
    /// An empty function whose programs return `returns`.
    pub fn new(program: &'p mut Program, returns: i32) -> Builder<'p> {
        Builder {
            program,
            func: Func { returns, ..Func::default() },
            open: vec![Block::default()],
            span: Span::default(),
            statements: 0,
        }
    }

    /// The finished function.
    pub fn finish(mut self) -> Func {
        while self.open.len() > 1 {
            let inner = self.end();
            self.stmt(StmtKind::Block(inner));
        }
        self.func.body = self.open.pop().unwrap_or_default();
        self.func
    }

    /// From now on, what is built comes from this place. Returns the place before.
    pub fn at(&mut self, span: Span) -> Span {
        std::mem::replace(&mut self.span, span)
    }

    /// The current place.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Number of statements so far, those in inner blocks included.
    pub fn statements(&self) -> usize {
        self.statements
    }

    /// Opens a block; statements go there until [`Builder::end`].
    pub fn begin(&mut self) {
        self.open.push(Block::default());
    }

    /// Opens a block that was closed, to go on with it.
    pub fn resume(&mut self, block: Block) {
        self.open.push(block);
    }

    /// Closes the innermost block and hands it over.
    pub fn end(&mut self) -> Block {
        self.open.pop().unwrap_or_default()
    }

    /// Adds a statement.
    pub fn stmt(&mut self, kind: StmtKind) {
        let span = self.span;
        self.statements += 1;
        if let Some(block) = self.open.last_mut() {
            block.stmts.push(Stmt { kind, span });
        }
    }

    /// The types.
    pub fn types(&mut self) -> &mut Types {
        &mut self.program.types
    }

    /// Type of an expression.
    pub fn ty(&self, expr: ExprId) -> TypeId {
        self.func.types.get(expr).copied().unwrap_or(TypeId::UNKNOWN)
    }

    /// The expression itself.
    pub fn expr(&self, expr: ExprId) -> &Expr {
        &self.func.exprs[expr]
    }

    /// Adds an expression.
    pub fn add(&mut self, expr: Expr, ty: TypeId) -> ExprId {
        let id = self.func.exprs.alloc(expr);
        self.func.types.insert(id, ty);
        self.func.spans.insert(id, self.span);
        id
    }

    /// An integer constant.
    pub fn int(&mut self, value: u64, ty: TypeId) -> ExprId {
        self.add(Expr::Int(value), ty)
    }

    /// A string constant in a buffer just large enough for it and its NUL.
    pub fn bytes(&mut self, text: &[u8]) -> ExprId {
        let mut bytes = text.to_vec();
        bytes.push(0);
        let ty = self.program.types.string(bytes.len() as u32);
        self.add(Expr::Bytes(bytes), ty)
    }

    /// One of several strings, chosen by a `u64`.
    pub fn row(&mut self, texts: &[&[u8]], index: ExprId) -> ExprId {
        let size = texts.iter().map(|text| text.len()).max().unwrap_or(0) + 1;
        let mut rows = Vec::with_capacity(size * texts.len());
        for (number, text) in texts.iter().enumerate() {
            rows.extend_from_slice(text);
            rows.resize(size * (number + 1), 0);
        }
        let ty = self.program.types.string(size as u32);
        self.add(Expr::Row { rows, index }, ty)
    }

    /// A new local.
    pub fn local(&mut self, name: &str, ty: TypeId) -> LocalId {
        self.func.locals.alloc(Local { name: name.to_owned(), ty })
    }

    /// Type of a local.
    pub fn local_type(&self, local: LocalId) -> TypeId {
        self.func.locals[local].ty
    }

    /// What a local holds now: a scalar is read, a memory value stands for its place.
    pub fn read(&mut self, local: LocalId) -> ExprId {
        let ty = self.local_type(local);
        if !self.program.types.is_scalar(ty) {
            return self.add(Expr::Local(local), ty);
        }
        let result = self.value(ty);
        self.stmt(StmtKind::Load { result, local });
        self.add(Expr::Value(result), ty)
    }

    /// Assigns to a local.
    pub fn store(&mut self, local: LocalId, value: ExprId) {
        self.stmt(StmtKind::Store { local, value });
    }

    /// Makes a local all zeros.
    pub fn zero(&mut self, local: LocalId) {
        self.stmt(StmtKind::Zero { local });
    }

    /// Assigns to a part of a local.
    pub fn store_part(&mut self, local: LocalId, offset: u32, ty: TypeId, value: ExprId) {
        self.stmt(StmtKind::StorePart { local, offset, ty, value });
    }

    /// The address of a local, or of a part of it.
    pub fn address(&mut self, local: LocalId, offset: u32) -> ExprId {
        let ty = self.program.types.pointer(TypeId::U8, Space::Kernel);
        self.add(Expr::Address(local, offset), ty)
    }

    /// A new name for the result of a statement.
    pub fn value(&mut self, ty: TypeId) -> ValueId {
        self.func.values.alloc(Value { ty })
    }

    /// Calls a helper for its result.
    pub fn call(&mut self, helper: Helper, args: Vec<ExprId>, ty: TypeId) -> ExprId {
        let result = self.value(ty);
        self.stmt(StmtKind::Call { helper, args, result: Some(result) });
        self.add(Expr::Value(result), ty)
    }

    /// Calls a helper for its effect.
    pub fn call_void(&mut self, helper: Helper, args: Vec<ExprId>) {
        self.stmt(StmtKind::Call { helper, args, result: None });
    }

    /// The same scalar in a form that may be used more than once.
    pub fn name(&mut self, expr: ExprId) -> ExprId {
        if matches!(
            self.expr(expr),
            Expr::Int(_) | Expr::Value(_) | Expr::Context(_) | Expr::Global(_)
        ) {
            return expr;
        }
        let ty = self.ty(expr);
        let result = self.value(ty);
        self.stmt(StmtKind::Let { result, value: expr });
        self.add(Expr::Value(result), ty)
    }

    /// Two operands of one type.
    pub fn binary(&mut self, op: BinaryOp, left: ExprId, right: ExprId) -> ExprId {
        let ty = match op {
            BinaryOp::Equal | BinaryOp::NotEqual | BinaryOp::Less | BinaryOp::LessEqual => {
                TypeId::BOOL
            }
            _ => self.ty(left),
        };
        self.add(Expr::Binary { op, left, right }, ty)
    }

    /// A binary operation with a constant on the right.
    pub fn binary_int(&mut self, op: BinaryOp, left: ExprId, right: u64) -> ExprId {
        let ty = self.ty(left);
        let right = self.int(right, ty);
        self.binary(op, left, right)
    }

    /// A function in C; each is in the program once.
    pub fn external(&mut self, prototype: &Prototype) -> ExternalId {
        let externals = &mut self.program.externals;
        let known = externals.iter().find(|(_, known)| known.name == prototype.name);
        match known.map(|(id, _)| id) {
            Some(id) => id,
            None => externals.alloc(prototype.clone()),
        }
    }

    /// A variable of the kernel; each is in the program once.
    pub fn variable(&mut self, name: &str, ty: CType) -> VariableId {
        let variables = &mut self.program.variables;
        let known = variables.iter().find(|(_, known)| known.name == name);
        match known.map(|(id, _)| id) {
            Some(id) => id,
            None => variables.alloc(Variable { name: name.to_owned(), ty }),
        }
    }

    /// The same value in another scalar type; itself if it has that type already.
    pub fn convert(&mut self, operand: ExprId, ty: TypeId) -> ExprId {
        if self.ty(operand) == ty {
            return operand;
        }
        if let (Expr::Int(value), Type::Int { bits, .. }) =
            (self.expr(operand), self.program.types.get(ty))
        {
            let (value, bits) = (*value, *bits);
            let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
            let extended = self.program.types.extend(value, self.ty(operand));
            return self.int(extended & mask, ty);
        }
        self.add(Expr::Convert(operand), ty)
    }

    /// One of two scalars.
    pub fn select(&mut self, condition: ExprId, then: ExprId, otherwise: ExprId) -> ExprId {
        let ty = self.ty(then);
        self.add(Expr::Select { condition, then, otherwise }, ty)
    }

    /// `if`: the closures fill the two blocks.
    pub fn if_else(
        &mut self,
        condition: ExprId,
        then: impl FnOnce(&mut Builder<'p>),
        otherwise: impl FnOnce(&mut Builder<'p>),
    ) {
        self.begin();
        then(self);
        let then = self.end();
        self.begin();
        otherwise(self);
        let otherwise = self.end();
        self.stmt(StmtKind::If { condition, then, otherwise });
    }

    /// Registers a place that can report something at run time.
    pub fn site(&mut self, span: Span) -> SiteId {
        self.program.sites.alloc(span)
    }

    /// Registers a kind of event.
    pub fn event(&mut self, action: Action, fields: Vec<TypeId>) -> EventId {
        let probe = self.program.probes.len();
        self.program.events.alloc(Event { action, fields, probe })
    }

    /// Sends an event with so many bytes of a packet, for a file: 0, or a negative number of an error.
    pub fn send_packet(
        &mut self,
        path: String,
        args: Vec<ExprId>,
        (packet, length): (ExprId, ExprId),
    ) -> ExprId {
        let fields = args.iter().map(|&arg| self.ty(arg)).collect();
        let event = self.event(Action::Packet { path }, fields);
        let result = self.value(TypeId::I64);
        self.stmt(StmtKind::SendPacket { event, args, packet, length, result });
        self.add(Expr::Value(result), TypeId::I64)
    }

    /// Sends an event.
    pub fn emit(&mut self, action: Action, args: Vec<ExprId>) {
        let fields = args.iter().map(|&arg| self.ty(arg)).collect();
        let event = self.event(action, fields);
        self.stmt(StmtKind::Emit { event, args });
    }
}

/// Index of a place as the image has it.
pub fn image_site(site: SiteId) -> ebtrace_image::SiteId {
    ebtrace_image::SiteId(site.into_raw().into_u32())
}

/// Index of a map as the image has it.
pub fn image_map(map: MapId) -> ebtrace_image::MapId {
    ebtrace_image::MapId(map.into_raw().into_u32())
}
