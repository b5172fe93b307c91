//! What of the kernel scripts mention by name: symbols, variables of each CPU, functions for programs.

use super::{Lower, Operand};
use crate::builtin::Call;
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::host::HostError;
use crate::host::btf::Btf;
use crate::host::object::{self, CType};
use crate::ir::{Expr, ExprId, LocalId, StmtKind};
use crate::source::Span;
use crate::types::{Type, TypeId, catalog};

/// The kernel's description of a process or thread.
const TASK: &str = "task_struct";

impl Lower<'_> {
    /// The address of a symbol of the kernel; complains where it is not known.
    pub fn symbol_address(&mut self, call: &Call<'_>, name: &str) -> Operand {
        let span = call.args.first().map_or(call.span, |arg| arg.span);
        let diagnostic = match self.host.symbol(name) {
            Ok(address) => {
                let address = self.number_of_type(address.into(), TypeId::U64);
                self.of_kernel.insert(address.expr);
                return address;
            }
            Err(HostError::NotFound) => {
                let rule = format!("the kernel has no symbol `{name}`");
                let diagnostic = Diagnostic::error(Code::NotFound, rule).label(span, "not found");
                let near = nearest(name, self.host.symbols()).map(str::to_owned);
                with_nearest(diagnostic, span, near)
                    .help("`/proc/kallsyms` lists the symbols of this kernel")
            }
            Err(error) => Diagnostic::error(
                Code::NotFound,
                "the addresses of the kernel's symbols are not known",
            )
            .label(span, error.to_string())
            .help("run ebtrace as root, or set `/proc/sys/kernel/kptr_restrict` to 0 or 1"),
        };
        self.complain(diagnostic);
        self.poison()
    }

    /// The address of a variable of the kernel that each CPU has its own of: on the CPU that the second argument says, or
    /// on the current one. Complains where there is none of this name.
    pub fn cpu_variable_address(&mut self, call: &Call<'_>, name: &str) -> Operand {
        let span = call.args.first().map_or(call.span, |arg| arg.span);
        let cpu = match call.args.get(1) {
            None => None,
            Some(_) => match self.int_arg(call, 1) {
                Some(cpu) => {
                    let number = self.coerce(&cpu, TypeId::U64);
                    // The kernel takes the lower half of the number.
                    Some(self.b.add(Expr::Bounded(number, u32::MAX.into()), TypeId::U64))
                }
                None => return self.poison(),
            },
        };
        let found = match self.cpu_variable(name) {
            // The kernel's verifier looks for it there too.
            Ok(_) if self.host.symbol(name) == Err(HostError::NotFound) => Err(nowhere(name, span)),
            Ok(ty) if ty.is_described() => Ok(ty),
            Ok(_) => Err(indescribable(name, span)),
            Err(error) => Err(self.no_cpu_variable(name, span, &error)),
        };
        let ty = match found {
            Ok(ty) => ty,
            Err(diagnostic) => {
                self.complain(diagnostic);
                return self.poison();
            }
        };
        let variable = self.b.variable(name, ty);
        let result = self.b.value(TypeId::U64);
        self.b.stmt(StmtKind::PerCpu { variable, cpu, result });
        let address = self.b.add(Expr::Value(result), TypeId::U64);
        self.of_kernel.insert(address);
        self.operand(address)
    }

    fn cpu_variable(&self, name: &str) -> Result<CType, HostError> {
        for blob in 0..self.host.btf_count() {
            let found = match self.host.btf(blob) {
                Ok(btf) => object::variable(&btf, name),
                Err(error) if blob == 0 => return Err(error),
                // The types of one module do not matter to others.
                Err(_) => None,
            };
            if let Some(ty) = found {
                return Ok(ty);
            }
        }
        Err(HostError::NotFound)
    }

    fn no_cpu_variable(&self, name: &str, span: Span, error: &HostError) -> Diagnostic {
        if *error != HostError::NotFound {
            let rule = "the kernel's variables are not known";
            return Diagnostic::error(Code::NotFound, rule)
                .label(span, error.to_string())
                .help("use a kernel that was built with CONFIG_DEBUG_INFO_BTF");
        }
        let rule = format!("the kernel has no variable `{name}` that each CPU has its own of");
        let diagnostic = Diagnostic::error(Code::NotFound, rule).label(span, "not found");
        if self.host.symbol(name).is_ok() {
            return diagnostic
                .help(format!("for the one that all CPUs share: `kaddr(\"{name}\")`"));
        }
        let blobs = (0..self.host.btf_count()).filter_map(|blob| self.host.btf(blob).ok());
        let near = blobs.filter_map(|btf| {
            let all = btf.per_cpu();
            nearest(name, all.iter().filter_map(|&id| variable_name(&btf, id))).map(str::to_owned)
        });
        let near: Vec<String> = near.collect();
        let near = nearest(name, near.iter().map(String::as_str)).map(str::to_owned);
        with_nearest(diagnostic, span, near).help(
            "`bpftool btf dump file /sys/kernel/btf/vmlinux` lists them, under `.data..percpu`",
        )
    }

    /// Copies the name of the process or thread of a number, which is a field of the kernel's description: whether there is
    /// one. Complains where the kernel does not say where that field is.
    pub fn name_of_task(
        &mut self,
        (call, field): (&Call<'_>, &str),
        pid: ExprId,
        into: LocalId,
    ) -> Option<ExprId> {
        let host = self.host;
        let task = catalog::kernel_struct(self.b.types(), host, TASK);
        let fields = match task.map(|task| self.b.types().get(task).clone()) {
            Some(Type::Struct(id)) => catalog::fields(self.b.types(), host, id),
            _ => Vec::new(),
        };
        let Some(name) = fields.iter().find(|known| known.name == field) else {
            let rule = format!("the kernel does not describe `struct {TASK}`");
            self.complain_kernel(
                call,
                rule,
                "use a kernel that was built with CONFIG_DEBUG_INFO_BTF",
            );
            return None;
        };
        let found = self.b.value(TypeId::BOOL);
        self.b.stmt(StmtKind::TaskName { pid, offset: name.offset, into, found });
        Some(self.b.add(Expr::Value(found), TypeId::BOOL))
    }

    /// Whether the kernel lets the probe's program call a function; complains where it is not known which probe that is.
    pub fn kernel_permits(&mut self, call: &Call<'_>, name: &str) -> Option<bool> {
        if self.is_in_function() {
            let limit = "a function does not know which probe calls it: ask in the probe";
            self.complain_limit(call, limit.to_owned());
            return None;
        }
        Some(self.host.permits_function(name, self.program_type()))
    }

    /// Complains of a kernel that has something, but not for this probe's programs.
    pub fn complain_not_permitted(&mut self, call: &Call<'_>, what: &str, help: &str) -> Operand {
        let probe = self.kind.name;
        let rule = format!("this kernel does not let `{probe}` probes {what}");
        let diagnostic =
            Diagnostic::error(Code::NotHere, rule).label(call.span, "not possible here").help(help);
        self.complain(diagnostic);
        self.poison()
    }

    /// Whether the kernel offers a function of this name to programs.
    pub fn offers(&self, name: &str) -> bool {
        self.host.offers_function(name)
    }
}

fn nowhere(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(Code::KernelLacks, "this kernel does not say where its variables are")
        .label(
            span,
            format!("`{name}` is there, but is none of the symbols that `/proc/kallsyms` lists"),
        )
        .help("use a kernel that was built with CONFIG_KALLSYMS_ALL")
}

fn indescribable(name: &str, span: Span) -> Diagnostic {
    let rule = format!("`{name}` is of a type that programs cannot mention");
    Diagnostic::error(Code::BadArgument, rule)
        .label(span, "it holds a function's type or a number with a fraction")
        .help("read it through a pointer that leads to it")
}

fn variable_name(btf: &Btf, id: u32) -> Option<&str> {
    match btf.get(id)? {
        crate::host::btf::Described::Variable { name, .. } => Some(name),
        _ => None,
    }
}

/// Offers a name in quotes.
pub(super) fn with_nearest(diagnostic: Diagnostic, span: Span, near: Option<String>) -> Diagnostic {
    match near {
        Some(near) => diagnostic.suggest(span, format!("\"{near}\"")),
        None => diagnostic,
    }
}
