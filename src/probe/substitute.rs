//! Probes on kernel functions by another mechanism than their name says, where the kernel lacks theirs and the script
//! sees the same.

use ebtrace_image::Attach;

use super::kernel::KERNEL;
use super::{Context, Target, registers};
use crate::host::{Arch, Feature, Host};
use crate::ir::ProgramType;
use crate::types::traced::{self, Function};
use crate::types::{Access, Field, Origin, Struct, Type, TypeId, Types};

/// The same targets, as this kernel can attach to them. What cannot be carried out otherwise is left as it is.
pub fn substitute(targets: Vec<Target>, host: &dyn Host, types: &mut Types) -> Vec<Target> {
    let Some(first) = targets.first() else { return targets };
    let lacks = |feature| !host.has(feature);
    match &first.attach {
        Attach::Kprobe { .. } if lacks(Feature::Kprobes) && !lacks(Feature::Trampolines) => {
            all(targets, |target| by_trampoline(target, host, types))
        }
        Attach::Trampoline { .. } if lacks(Feature::Trampolines) && !lacks(Feature::Kprobes) => {
            all(targets, |target| by_kprobe(target, host.arch(), types))
        }
        _ => targets,
    }
}

fn all(targets: Vec<Target>, mut one: impl FnMut(&Target) -> Option<Target>) -> Vec<Target> {
    let replaced: Option<Vec<Target>> = targets.iter().map(&mut one).collect();
    replaced.unwrap_or(targets)
}

/// A function's entry or return, through what its type says: an argument's place is as good as its register.
fn by_trampoline(target: &Target, host: &dyn Host, types: &mut Types) -> Option<Target> {
    let Attach::Kprobe { function, offset: 0, ret } = &target.attach else { return None };
    let (module, name) = match function.split_once(':') {
        Some((module, name)) => (Some(module), name),
        None => (None, function.as_str()),
    };
    let wanted = |known: &str| module.is_none_or(|module| module == known);
    let [Function { traced, result, trouble: None }] =
        &traced::function(types, host, &wanted, name)[..]
    else {
        return None;
    };
    let attach = Attach::Trampoline {
        module: traced.module.clone(),
        function: traced.name.clone(),
        ret: *ret,
    };
    let args = traced::context(types, &traced.name, &traced.params);
    Some(Target {
        attach,
        args: Some(args),
        result: (*result != TypeId::VOID).then(|| (Some(types.size(args)), *result)),
        program: if *ret { ProgramType::FunctionExit } else { ProgramType::FunctionEntry },
        ..target.clone()
    })
}

/// A function's entry or return, through the registers that its type says its arguments are in.
fn by_kprobe(target: &Target, arch: Arch, types: &mut Types) -> Option<Target> {
    let Attach::Trampoline { module, function, ret } = &target.attach else { return None };
    let args = match target.args {
        Some(_) if *ret => None,
        Some(args) => Some(in_registers(args, arch, types)?),
        None => None,
    };
    let symbol = match module.as_str() {
        KERNEL => function.clone(),
        module => format!("{module}:{function}"),
    };
    let attach = Attach::Kprobe { function: symbol, offset: 0, ret: *ret };
    let result = target.result.map(|(_, ty)| (Some(registers::result(arch)), ty));
    Some(Target { attach, args, result, program: ProgramType::Kprobe, ..target.clone() })
}

/// The arguments of a function as registers hold them, if each fits one.
fn in_registers(args: TypeId, arch: Arch, types: &mut Types) -> Option<TypeId> {
    let Type::Struct(id) = *types.get(args) else { return None };
    let of = types.record(id);
    let name = of.name.clone();
    let fields = of.fields.clone()?;
    let fields: Option<Vec<Field>> = fields
        .into_iter()
        .enumerate()
        .map(|(index, field)| {
            let whole = types.size(field.ty) <= 8 && field.access == Access::Plain;
            let offset = registers::argument(arch, index).filter(|_| whole)?;
            Some(Field { offset, ..field })
        })
        .collect();
    let size = registers::size(arch);
    let origin = Origin::Script;
    Some(types.add_struct(Struct { name, size, align: 8, fields: Some(fields?), origin }))
}

impl Target {
    /// Whether it is carried out by another mechanism than its name says.
    pub fn is_substituted(&self) -> bool {
        match self.context {
            Context::Entry | Context::Return => {
                matches!(self.program, ProgramType::FunctionEntry | ProgramType::FunctionExit)
            }
            Context::Arguments | Context::Outcome => self.program == ProgramType::Kprobe,
            _ => false,
        }
    }
}
