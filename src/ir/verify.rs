//! The contract with the code generator: what holds here, it may rely on.

use std::collections::HashSet;

use super::scope::{blocks_of, exprs_of};
use super::*;
use crate::host::object::MOST_ARGUMENTS;
use crate::types::{Aggregate, Type};
use ebtrace_image::STATS;

/// Checks a whole program.
///
/// # Errors
/// The first thing that is wrong, with the function's IR: always a fault of the compiler, never of the script.
pub fn verify(program: &Program) -> Result<(), String> {
    for probe in &program.probes {
        func(program, &probe.label, &probe.func)?;
    }
    for (_, function) in program.functions.iter() {
        func(program, &function.name, &function.func)?;
    }
    Ok(())
}

fn func(program: &Program, name: &str, func: &Func) -> Result<(), String> {
    let mut verifier = Verifier { program, func, known: HashSet::new(), loops: 0 };
    verifier.block(&func.body).map_err(|what| {
        let text = print::func(program, func);
        format!("{name}: {what}\n{text}")
    })
}

struct Verifier<'a> {
    program: &'a Program,
    func: &'a Func,
    known: HashSet<ValueId>,
    /// Number of loops around the statement at hand.
    loops: u32,
}

impl Verifier<'_> {
    fn block(&mut self, block: &Block) -> Result<(), String> {
        let mut defined = Vec::new();
        for stmt in &block.stmts {
            for expr in exprs_of(&stmt.kind) {
                self.expr(expr)?;
            }
            self.stmt(&stmt.kind)?;
            let loops = u32::from(matches!(stmt.kind, StmtKind::Loop { .. }));
            self.loops += loops;
            for inner in blocks_of(&stmt.kind) {
                self.block(inner)?;
            }
            self.loops -= loops;
            if let Some(result) = stmt.kind.result() {
                if !self.known.insert(result) {
                    return Err(format!("%{} is assigned twice", result.into_raw()));
                }
                defined.push(result);
            }
        }
        for result in defined {
            self.known.remove(&result);
        }
        Ok(())
    }

    fn ty(&self, expr: ExprId) -> TypeId {
        self.func.types[expr]
    }

    fn scalar(&self, expr: ExprId) -> Result<TypeId, String> {
        let ty = self.ty(expr);
        self.require(self.program.types.is_scalar(ty), "a scalar is needed", expr)?;
        Ok(ty)
    }

    fn require(&self, holds: bool, what: &str, expr: ExprId) -> Result<(), String> {
        let ty = self.program.types.name(self.ty(expr));
        if holds {
            Ok(())
        } else {
            Err(format!("{what}, not {:?} of type {ty}", self.func.exprs[expr]))
        }
    }

    fn expr(&self, id: ExprId) -> Result<(), String> {
        let types = &self.program.types;
        match &self.func.exprs[id] {
            Expr::Int(_) | Expr::Context(_) | Expr::Object(_) | Expr::Global(_) => {
                self.scalar(id).map(|_| ())
            }
            Expr::Bytes(bytes) => self.require(
                types.size(self.ty(id)) as usize == bytes.len(),
                "a constant as long as its type",
                id,
            ),
            Expr::Row { rows, index } => {
                let size = types.size(self.ty(id)) as usize;
                let whole = size > 0 && !rows.is_empty() && rows.len().is_multiple_of(size);
                self.require(whole, "constants as long as their type", id)?;
                self.expr(*index)?;
                self.require(self.ty(*index) == TypeId::U64, "a uint64", *index)
            }
            Expr::Local(local) => {
                self.require(
                    !types.is_scalar(self.func.locals[*local].ty),
                    "a local in memory",
                    id,
                )?;
                self.require(self.func.locals[*local].ty == self.ty(id), "the local's type", id)
            }
            Expr::Part(part) => self.part(part, types.size(self.ty(id))),
            Expr::Value(value) => {
                self.require(self.known.contains(value), "a value that is in scope", id)?;
                self.require(self.func.values[*value].ty == self.ty(id), "the value's type", id)
            }
            Expr::ContextAddress(_) | Expr::Address(..) | Expr::MapAddress(_) => Ok(()),
            Expr::Binary { left, right, .. } => {
                self.expr(*left)?;
                self.expr(*right)?;
                let (left_type, right_type) = (self.scalar(*left)?, self.scalar(*right)?);
                self.require(left_type == right_type, "operands of one type", id)
            }
            Expr::Log2(operand) | Expr::Bounded(operand, _) => {
                self.expr(*operand)?;
                self.require(self.ty(*operand) == TypeId::U64, "a uint64", *operand)?;
                self.require(self.ty(id) == TypeId::U64, "a uint64", id)
            }
            Expr::Convert(operand) => {
                self.expr(*operand)?;
                self.scalar(*operand)?;
                self.scalar(id).map(|_| ())
            }
            Expr::Select { condition, then, otherwise } => {
                for part in [condition, then, otherwise] {
                    self.expr(*part)?;
                    self.scalar(*part)?;
                }
                self.require(self.ty(*condition) == TypeId::BOOL, "a bool", *condition)?;
                self.require(self.ty(*then) == self.ty(*otherwise), "branches of one type", id)
            }
        }
    }

    /// Whether a value may be put where a type is wanted: the same type, or a shorter string.
    fn fits(&self, value: ExprId, wanted: TypeId) -> Result<(), String> {
        let ty = self.ty(value);
        let fits = match (self.program.types.get(ty), self.program.types.get(wanted)) {
            (Type::Str(size), Type::Str(room)) => size <= room,
            _ => ty == wanted,
        };
        let wanted = self.program.types.name(wanted);
        self.require(fits, &format!("a value of type {wanted} is needed"), value)
    }

    fn key(&self, map: MapId, key: Option<ExprId>) -> Result<(), String> {
        match (self.program.maps[map].key, key) {
            (None, None) => Ok(()),
            (Some(wanted), Some(key)) => {
                self.require(self.ty(key) == wanted, "the map's key type", key)
            }
            _ => Err(format!("@{} has a key in one place only", self.program.maps[map].name)),
        }
    }

    fn stmt(&self, stmt: &StmtKind) -> Result<(), String> {
        let types = &self.program.types;
        match stmt {
            StmtKind::Store { local, value } => self.fits(*value, self.func.locals[*local].ty),
            StmtKind::StorePart { local, offset, ty, value } => {
                let room = types.size(self.func.locals[*local].ty);
                self.require(offset + types.size(*ty) <= room, "a part within the local", *value)?;
                self.fits(*value, *ty)
            }
            StmtKind::Let { result, value } => {
                let same = self.ty(*value) == self.func.values[*result].ty;
                self.require(
                    same && types.is_scalar(self.ty(*value)),
                    "a scalar of the name's type",
                    *value,
                )
            }
            StmtKind::StrEqual { left, right, .. } => {
                [left, right].into_iter().try_for_each(|side| {
                    self.require(
                        matches!(types.get(self.ty(*side)), Type::Str(_)),
                        "a string",
                        *side,
                    )
                })
            }
            StmtKind::MapGet { map, key, into, .. } => {
                let value = self.program.maps[*map].value;
                let read = self.func.locals[*into].ty;
                if !reads_as(types, value, read) {
                    return Err(format!(
                        "@{} read into another type",
                        self.program.maps[*map].name
                    ));
                }
                self.key(*map, *key)
            }
            StmtKind::MapPut { map, key, value, full } => {
                self.full(*full)?;
                self.require(
                    self.ty(*value) == self.program.maps[*map].value,
                    "the map's value type",
                    *value,
                )?;
                self.key(*map, *key)
            }
            StmtKind::MapAdd { map, key, value, time, full } => {
                self.full(*full)?;
                for number in value.iter().chain(time) {
                    let ty = self.scalar(*number)?;
                    self.require(types.size(ty) == 8, "64 bits", *number)?;
                }
                self.key(*map, *key)
            }
            StmtKind::MapDelete { map, key, .. } => self.key(*map, *key),
            StmtKind::MapHas { map, key, .. } => self.key(*map, Some(*key)),
            StmtKind::Emit { event, args } => {
                let fields = &self.program.events[*event].fields;
                if fields.len() != args.len() {
                    return Err(format!(
                        "event {} takes {} values",
                        event.into_raw(),
                        fields.len()
                    ));
                }
                args.iter().zip(fields).try_for_each(|(&arg, &field)| self.fits(arg, field))
            }
            StmtKind::If { condition, .. } => {
                self.require(self.ty(*condition) == TypeId::BOOL, "a bool", *condition)
            }
            StmtKind::Call { args, .. } if args.len() > 5 => {
                Err("a helper takes at most five arguments".to_owned())
            }
            StmtKind::Load { local, result } => {
                let same = self.func.locals[*local].ty == self.func.values[*result].ty;
                if same { Ok(()) } else { Err("a load of another type".to_owned()) }
            }
            StmtKind::Call { .. }
            | StmtKind::Zero { .. }
            | StmtKind::Block(_)
            | StmtKind::Return(None) => Ok(()),
            StmtKind::Return(Some(value)) => self.scalar(*value).map(|_| ()),
            StmtKind::LoadPart { part, result } => {
                self.part(part, types.size(self.func.values[*result].ty))
            }
            StmtKind::BytesEqual { left, right, .. } => {
                self.require(self.ty(*left) == self.ty(*right), "values of one type", *right)
            }
            StmtKind::Break | StmtKind::Continue if self.loops == 0 => {
                Err("a jump within no loop".to_owned())
            }
            StmtKind::Break | StmtKind::Continue => Ok(()),
            StmtKind::Loop { kind, .. } => self.loop_kind(kind),
            StmtKind::CallFunction { function, args, result, into } => {
                self.call(*function, args, *result, *into)
            }
            StmtKind::SendPacket { event, args, packet, length, result } => {
                let fields = &self.program.events[*event].fields;
                if fields.len() != args.len() || self.func.values[*result].ty != TypeId::I64 {
                    return Err("a packet with other values".to_owned());
                }
                args.iter().zip(fields).try_for_each(|(&arg, &field)| self.fits(arg, field))?;
                self.require(self.ty(*packet) == TypeId::U64, "an address", *packet)?;
                self.require(self.ty(*length) == TypeId::U64, "a uint64", *length)
            }
            StmtKind::TaskName { pid, into, found, .. } => {
                self.require(self.ty(*pid) == TypeId::I32, "an int32", *pid)?;
                let text = matches!(types.get(self.func.locals[*into].ty), Type::Str(16..));
                let fits = text && self.func.values[*found].ty == TypeId::BOOL;
                if fits { Ok(()) } else { Err("a name that is no text".to_owned()) }
            }
            StmtKind::PerCpu { cpu, result, .. } => {
                cpu.iter().try_for_each(|&cpu| {
                    self.require(self.ty(cpu) == TypeId::U64, "a uint64", cpu)
                })?;
                let fits = self.func.values[*result].ty == TypeId::U64;
                if fits { Ok(()) } else { Err("an address of another type than uint64".to_owned()) }
            }
            StmtKind::CallExternal { external, args, result } => {
                self.call_external(*external, args, *result)
            }
        }
    }

    fn part(&self, part: &Part, size: u32) -> Result<(), String> {
        let most = part.further.map_or(0, |(_, most)| most);
        let room = self.program.types.size(self.func.locals[part.local].ty);
        if let Some((further, _)) = part.further {
            self.require(self.ty(further) == TypeId::U64, "a uint64", further)?;
        }
        match part.offset + most + size <= room {
            true => Ok(()),
            false => Err(format!("{} has no such part", self.func.locals[part.local].name)),
        }
    }

    fn loop_kind(&self, kind: &LoopKind) -> Result<(), String> {
        let local = |id: &LocalId| self.func.locals[*id].ty;
        match kind {
            LoopKind::Endless { .. } => Ok(()),
            LoopKind::Range { from, to, index, .. } => {
                self.require(self.ty(*from) == TypeId::I64, "an int64", *from)?;
                self.require(self.ty(*to) == TypeId::I64, "an int64", *to)?;
                match local(index) == TypeId::I64 {
                    true => Ok(()),
                    false => Err("a loop counts in another type than int64".to_owned()),
                }
            }
            LoopKind::Map { map, key, value } => {
                let map = &self.program.maps[*map];
                let types = &self.program.types;
                let fits = value.iter().map(local).all(|ty| reads_as(types, map.value, ty));
                match key.iter().map(local).all(|ty| Some(ty) == map.key) && fits {
                    true => Ok(()),
                    false => Err(format!("a loop over @{} of other types", map.name)),
                }
            }
        }
    }

    fn call_external(
        &self,
        external: ExternalId,
        args: &[ExprId],
        result: Option<ValueId>,
    ) -> Result<(), String> {
        let Prototype { name, params, result: returned } = &self.program.externals[external];
        if args.len() != params.len() || args.len() > MOST_ARGUMENTS {
            return Err(format!("{name} with {} arguments", args.len()));
        }
        let size = |ty| Some(self.program.types.size(ty));
        for (&arg, (_, param)) in args.iter().zip(params) {
            self.scalar(arg)?;
            self.require(size(self.ty(arg)) == param.register(), "a value as wide", arg)?;
        }
        let fits = result.is_none_or(|id| size(self.func.values[id].ty) == returned.register());
        if fits { Ok(()) } else { Err(format!("a result of {name} of another size")) }
    }

    fn call(
        &self,
        function: FunctionId,
        args: &[ExprId],
        result: Option<ValueId>,
        into: Option<LocalId>,
    ) -> Result<(), String> {
        let function = &self.program.functions[function];
        if function.params.len() != args.len() {
            return Err(format!("{} takes {} values", function.name, function.params.len()));
        }
        let result = result.map(|result| self.func.values[result].ty);
        let into = into.map(|into| self.func.locals[into].ty);
        if result.or(into).is_some_and(|ty| ty != function.result) {
            return Err(format!("{} returns another type", function.name));
        }
        args.iter()
            .zip(&function.params)
            .try_for_each(|(&arg, &param)| self.fits(arg, function.func.locals[param].ty))
    }

    fn full(&self, event: EventId) -> Result<(), String> {
        let fields = &self.program.events[event].fields;
        if fields[..] == [TypeId::I64] {
            Ok(())
        } else {
            Err("a failure carries one int64".to_owned())
        }
    }
}

/// Whether what a map holds can be read as a type: aggregations as a number, or as the record of `stats`.
fn reads_as(types: &Types, value: TypeId, read: TypeId) -> bool {
    match types.get(value) {
        Type::Aggregate(Aggregate::Stats { .. }) => {
            matches!(types.get(read), Type::Record(fields) if fields.len() == STATS.len())
        }
        Type::Aggregate(_) => types.size(read) == 8 && types.is_int(read),
        _ => read == value,
    }
}
