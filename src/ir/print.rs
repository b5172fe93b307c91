//! The IR as text: stable, so that tests can hold it against what was expected.

use std::fmt::Write as _;

use super::*;
use crate::types::Type;

/// The whole program.
pub fn program(program: &Program) -> String {
    let mut out = String::new();
    for (_, map) in program.maps.iter() {
        let key = map.key.map_or(String::new(), |key| format!("[{}]", program.types.name(key)));
        let _ = writeln!(out, "map @{}{key}: {}", map.name, program.types.name(map.value));
    }
    for (id, event) in program.events.iter() {
        let fields: Vec<String> =
            event.fields.iter().map(|&ty| program.types.name(ty).to_string()).collect();
        let _ =
            writeln!(out, "event {}: {:?} ({})", id.into_raw(), event.action, fields.join(", "));
    }
    for probe in &program.probes {
        let _ = writeln!(out, "\nprobe {} ({:?})", probe.label, probe.program);
        out.push_str(&func(program, &probe.func));
    }
    out
}

/// One function.
pub fn func(program: &Program, func: &Func) -> String {
    let mut printer = Printer { program, func, out: String::new() };
    for (id, local) in func.locals.iter() {
        let _ = writeln!(
            printer.out,
            "  local {}: {}",
            printer.local(id),
            program.types.name(local.ty)
        );
    }
    printer.block(&func.body, 1);
    printer.out
}

struct Printer<'a> {
    program: &'a Program,
    func: &'a Func,
    out: String,
}

impl Printer<'_> {
    fn block(&mut self, block: &Block, depth: usize) {
        for stmt in &block.stmts {
            self.stmt(&stmt.kind, depth);
        }
    }

    fn stmt(&mut self, stmt: &StmtKind, depth: usize) {
        let indent = "  ".repeat(depth);
        let line = match stmt {
            StmtKind::If { condition, then, otherwise } => {
                let _ = writeln!(self.out, "{indent}if {} {{", self.expr(*condition));
                self.block(then, depth + 1);
                if !otherwise.stmts.is_empty() {
                    let _ = writeln!(self.out, "{indent}}} else {{");
                    self.block(otherwise, depth + 1);
                }
                "}".to_owned()
            }
            StmtKind::Block(block) => {
                let _ = writeln!(self.out, "{indent}{{");
                self.block(block, depth + 1);
                "}".to_owned()
            }
            StmtKind::Loop { kind, body } => {
                let _ = writeln!(self.out, "{indent}{} {{", self.loop_head(kind));
                self.block(body, depth + 1);
                "}".to_owned()
            }
            simple => self.simple(simple),
        };
        let _ = writeln!(self.out, "{indent}{line}");
    }

    fn simple(&self, stmt: &StmtKind) -> String {
        match stmt {
            StmtKind::Let { result, value } => {
                format!("{} = {}", self.result(*result), self.expr(*value))
            }
            StmtKind::Load { result, local } => {
                format!("{} = load {}", self.result(*result), self.local(*local))
            }
            StmtKind::Store { local, value } => {
                format!("{} = {}", self.local(*local), self.expr(*value))
            }
            StmtKind::StorePart { local, offset, value, .. } => {
                format!("{}+{offset} = {}", self.local(*local), self.expr(*value))
            }
            StmtKind::StrEqual { result, left, right } => {
                format!(
                    "{} = str_equal {}, {}",
                    self.result(*result),
                    self.expr(*left),
                    self.expr(*right)
                )
            }
            StmtKind::Zero { local } => format!("zero {}", self.local(*local)),
            StmtKind::Call { helper, args, result } => {
                let call = format!("helper {helper:?}({})", self.exprs(args));
                result.map_or(call.clone(), |result| format!("{} = {call}", self.result(result)))
            }
            StmtKind::MapGet { map, key, into, found } => {
                let found =
                    found.map_or(String::new(), |found| format!("{}, ", self.result(found)));
                format!("{found}{} = get {}", self.local(*into), self.map(*map, *key))
            }
            StmtKind::MapPut { map, key, value, .. } => {
                format!("put {} = {}", self.map(*map, *key), self.expr(*value))
            }
            StmtKind::MapAdd { map, key, value, time, .. } => {
                let value = value.map_or("1".to_owned(), |value| self.expr(value));
                let time = time.map_or(String::new(), |time| format!(" at {}", self.expr(time)));
                format!("add {} {value}{time}", self.map(*map, *key))
            }
            StmtKind::MapHas { map, key, found } => {
                format!("{} = has {}", self.result(*found), self.map(*map, Some(*key)))
            }
            StmtKind::MapDelete { map, key, found } => {
                let found =
                    found.map_or(String::new(), |found| format!("{} = ", self.result(found)));
                format!("{found}delete {}", self.map(*map, *key))
            }
            StmtKind::Emit { event, args } => {
                format!("emit {}({})", event.into_raw(), self.exprs(args))
            }
            StmtKind::LoadPart { result, part } => {
                format!("{} = load {}", self.result(*result), self.part(part))
            }
            StmtKind::BytesEqual { result, left, right } => {
                format!(
                    "{} = bytes_equal {}, {}",
                    self.result(*result),
                    self.expr(*left),
                    self.expr(*right)
                )
            }
            StmtKind::CallFunction { function, args, result, into } => {
                let name = &self.program.functions[*function].name;
                let call = format!("call {name}({})", self.exprs(args));
                let into = into.map(|into| self.local(into));
                let into = result.map(|result| self.result(result)).or(into);
                into.map_or(call.clone(), |into| format!("{into} = {call}"))
            }
            StmtKind::CallExternal { external, args, result } => {
                let name = &self.program.externals[*external].name;
                let call = format!("call external {name}({})", self.exprs(args));
                result.map_or(call.clone(), |result| format!("{} = {call}", self.result(result)))
            }
            StmtKind::PerCpu { variable, cpu, result } => {
                let name = &self.program.variables[*variable].name;
                let cpu = cpu.map_or_else(|| "this".to_owned(), |cpu| self.expr(cpu));
                format!("{} = address of {name} on cpu {cpu}", self.result(*result))
            }
            StmtKind::SendPacket { event, args, packet, length, result } => {
                let (event, args) = (event.into_raw(), self.exprs(args));
                let (packet, length) = (self.expr(*packet), self.expr(*length));
                let result = self.result(*result);
                format!("{result} = send {event}({args}) with {length} bytes of packet {packet}")
            }
            StmtKind::TaskName { pid, into, found, .. } => {
                let (pid, into) = (self.expr(*pid), self.local(*into));
                format!("{} = name of task {pid} into {into}", self.result(*found))
            }
            StmtKind::Break => "break".to_owned(),
            StmtKind::Continue => "continue".to_owned(),
            StmtKind::Return(Some(value)) => format!("return {}", self.expr(*value)),
            StmtKind::Return(None) => format!("return {}", self.func.returns),
            StmtKind::If { .. } | StmtKind::Block(_) | StmtKind::Loop { .. } => String::new(),
        }
    }

    fn loop_head(&self, kind: &LoopKind) -> String {
        match kind {
            LoopKind::Endless { .. } => "loop".to_owned(),
            LoopKind::Range { from, to, index, .. } => {
                let (from, to) = (self.expr(*from), self.expr(*to));
                format!("for {} in {from}..{to}", self.local(*index))
            }
            LoopKind::Map { map, key, value } => {
                let name = |local: Option<LocalId>| {
                    local.map_or("_".to_owned(), |local| self.local(local))
                };
                format!("for {}, {} in {}", name(*key), name(*value), self.map(*map, None))
            }
        }
    }

    fn part(&self, part: &Part) -> String {
        let further = part
            .further
            .map_or(String::new(), |(expr, most)| format!("+min({}, {most})", self.expr(expr)));
        format!("{}+{}{further}", self.local(part.local), part.offset)
    }

    fn map(&self, map: MapId, key: Option<ExprId>) -> String {
        let key = key.map_or(String::new(), |key| format!("[{}]", self.expr(key)));
        format!("@{}{key}", self.program.maps[map].name)
    }

    fn local(&self, local: LocalId) -> String {
        format!("{}.{}", self.func.locals[local].name, local.into_raw())
    }

    fn result(&self, value: ValueId) -> String {
        format!("%{}:{}", value.into_raw(), self.program.types.name(self.func.values[value].ty))
    }

    fn exprs(&self, exprs: &[ExprId]) -> String {
        exprs.iter().map(|&expr| self.expr(expr)).collect::<Vec<_>>().join(", ")
    }

    fn expr(&self, id: ExprId) -> String {
        let ty = self.func.types[id];
        let named = |text: String| format!("{text}:{}", self.program.types.name(ty));
        match &self.func.exprs[id] {
            Expr::Int(value) => match self.program.types.get(ty) {
                Type::Bool => (*value != 0).to_string(),
                Type::Int { signed: true, .. } => {
                    named(format!("{}", self.program.types.extend(*value, ty) as i64))
                }
                _ => named(format!("{value}")),
            },
            Expr::Bytes(bytes) => {
                let text = bytes.strip_suffix(&[0]).unwrap_or(bytes);
                format!("\"{}\"", text.escape_ascii())
            }
            Expr::Row { rows, index } => {
                let size = self.program.types.size(ty).max(1) as usize;
                format!("row {} of {}", self.expr(*index), rows.len() / size)
            }
            Expr::Local(local) => self.local(*local),
            Expr::Part(part) => self.part(part),
            Expr::Value(value) => format!("%{}", value.into_raw()),
            Expr::Context(offset) => named(format!("ctx[{offset}]")),
            Expr::Object(offset) => format!("object[{offset}]"),
            Expr::ContextAddress(offset) => format!("&ctx[{offset}]"),
            Expr::MapAddress(map) => format!("&@{}", self.program.maps[*map].name),
            Expr::Address(local, 0) => format!("&{}", self.local(*local)),
            Expr::Address(local, offset) => format!("&{}+{offset}", self.local(*local)),
            Expr::Global(global) => format!("{global:?}"),
            Expr::Binary { op, left, right } => {
                format!("({} {} {})", self.expr(*left), symbol(*op), self.expr(*right))
            }
            Expr::Convert(operand) => named(self.expr(*operand)),
            Expr::Bounded(operand, most) => format!("min({}, {most})", self.expr(*operand)),
            Expr::Log2(operand) => format!("log2 {}", self.expr(*operand)),
            Expr::Select { condition, then, otherwise } => {
                format!(
                    "({} ? {} : {})",
                    self.expr(*condition),
                    self.expr(*then),
                    self.expr(*otherwise)
                )
            }
        }
    }
}

fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Subtract => "-",
        BinaryOp::Multiply => "*",
        BinaryOp::Divide => "/",
        BinaryOp::Remainder => "%",
        BinaryOp::And => "&",
        BinaryOp::Or => "|",
        BinaryOp::Xor => "^",
        BinaryOp::ShiftLeft => "<<",
        BinaryOp::ShiftRight => ">>",
        BinaryOp::Equal => "==",
        BinaryOp::NotEqual => "!=",
        BinaryOp::Less => "<",
        BinaryOp::LessEqual => "<=",
    }
}
