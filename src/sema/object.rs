//! Objects of the kernel that its own functions are given: their verifier has to see where an address comes from.

use super::Lower;
use super::lvalue::Lvalue;
use crate::builtin::Call;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{BinaryOp, Block, Expr, ExprId, StmtKind};
use crate::types::{Type, TypeId};

/// The address of an object: so many bytes from one that the program was passed.
#[derive(Debug, Clone, Copy)]
pub struct Object {
    /// What the program was passed.
    pub base: ExprId,
    /// Bytes from there.
    pub offset: u64,
}

impl Lower<'_> {
    /// An argument that is a struct of the kernel, or a pointer to one, which the probe's own arguments lead to.
    pub fn object_arg(&mut self, call: &Call<'_>, index: usize, name: &str) -> Option<Object> {
        let arg = call.args.get(index)?;
        let before = self.b.at(arg.span);
        let place = self.locate(arg);
        self.b.at(before);
        let address = match &place {
            Lvalue::Memory(memory) if self.type_name(memory.ty) == name => self.address_in(memory),
            _ => {
                let operand = self.fetch(place);
                if operand.ty == TypeId::UNKNOWN {
                    return None;
                }
                let to = match *self.b.types().get(operand.ty) {
                    Type::Pointer { to, .. } => self.type_name(to),
                    _ => String::new(),
                };
                if to != name {
                    self.complain_type(call, index, &format!("a `{name}`"), &operand);
                    return None;
                }
                operand.expr
            }
        };
        let object = self.object_at(address);
        if object.is_none() {
            let headline =
                format!("`{}()` takes what an argument of the probe points to", call.name);
            self.complain(
                Diagnostic::error(Code::BadArgument, headline)
                    .label(arg.span, "the kernel cannot see where this comes from")
                    .help("write a field of `args` or `ctx` here, or a part of what it points to"),
            );
        }
        object
    }

    /// An address as a distance from what the program was passed.
    fn object_at(&mut self, address: ExprId) -> Option<Object> {
        match *self.b.expr(address) {
            Expr::Context(offset) => {
                let base = self.b.add(Expr::Object(offset), TypeId::U64);
                Some(Object { base: self.b.name(base), offset: 0 })
            }
            Expr::Convert(of) => self.object_at(of),
            Expr::Binary { op: BinaryOp::Add, left, right } => {
                let Expr::Int(more) = *self.b.expr(right) else { return None };
                let object = self.object_at(left)?;
                Some(Object { offset: object.offset + more, ..object })
            }
            _ => None,
        }
    }

    /// Does something with an object if there is one, and nothing else.
    pub fn with_object(&mut self, object: Object, work: impl FnOnce(&mut Self, ExprId)) {
        let nothing = self.b.int(0, TypeId::U64);
        let condition = self.b.binary(BinaryOp::NotEqual, object.base, nothing);
        self.b.begin();
        let address = match object.offset {
            0 => object.base,
            offset => self.b.binary_int(BinaryOp::Add, object.base, offset),
        };
        work(self, address);
        let then = self.b.end();
        self.b.stmt(StmtKind::If { condition, then, otherwise: Block::default() });
    }

    /// Both numbers of the current thread: of its process in the upper half. Either as the first processes of the machine
    /// know them, or as ebtrace itself does.
    pub fn thread_ids(&mut self, of_machine: bool) -> ExprId {
        self.thread_ids_in(self.host.pid_namespace().filter(|_| !of_machine))
    }

    /// As [`Lower::thread_ids`], as `/proc` knows them.
    pub fn shown_thread_ids(&mut self) -> ExprId {
        self.thread_ids_in(self.host.shown_pid_namespace())
    }

    fn thread_ids_in(&mut self, namespace: Option<(u64, u64)>) -> ExprId {
        let Some((device, inode)) = namespace else {
            return self.b.call(crate::ir::Helper::GetCurrentPidTgid, Vec::new(), TypeId::U64);
        };
        let ids = self.b.local("ids", TypeId::U64);
        let nothing = self.b.int(0, TypeId::U64);
        self.b.store(ids, nothing);
        let args = vec![
            self.b.int(device, TypeId::U64),
            self.b.int(inode, TypeId::U64),
            self.b.address(ids, 0),
            self.b.int(8, TypeId::U64),
        ];
        self.b.call_void(crate::ir::Helper::GetNsCurrentPidTgid, args);
        self.b.read(ids)
    }

    /// Warns of what slows the machine down.
    pub fn warn_of_debugging(&mut self, call: &Call<'_>) {
        self.complain(
            Diagnostic::warning(Code::ForDebugging, format!("`{}()` is for debugging", call.name))
                .label(call.span, "all that use the kernel's trace buffer share it, and it is slow")
                .help("`printf()` prints what the script has to say"),
        );
    }
}
