//! Functions in C that programs call: declared here, and defined in another object that the linker adds.

use inkwell::GlobalVisibility;
use inkwell::debug_info::DIType;
use inkwell::values::FunctionValue;

use super::debug::Debug;
use super::probe::{Function, Unit};
use super::{Invariant, Lowered};
use crate::host::object::CType;
use crate::ir::{ExprId, ExternalId, ValueId};

impl<'a, 'ctx> Function<'a, 'ctx> {
    /// Calls a function in C. Values go through whole registers: what calls extends them, as clang expects.
    pub(super) fn call_external(
        &mut self,
        id: ExternalId,
        args: &[ExprId],
        result: Option<ValueId>,
    ) -> Lowered<()> {
        let prototype = &self.unit.program.externals[id];
        let mut passed = Vec::with_capacity(args.len());
        for (&arg, (_, ty)) in args.iter().zip(&prototype.params) {
            let value = self.scalar(arg)?;
            passed.push(self.emitter.resize(value, 64, is_signed(ty)).into());
        }
        let function = self.unit.external(id)?;
        let value = self.emitter.call_own(function, &passed).into_int_value();
        if let Some(result) = result {
            let ty = self.func.values[result].ty;
            let value = self.emitter.resize(value, self.size(ty) * 8, false);
            self.define(result, self.scalar_of(value, ty));
        }
        Ok(())
    }
}

impl<'a, 'ctx> Unit<'a, 'ctx> {
    fn external(&self, id: ExternalId) -> Lowered<FunctionValue<'ctx>> {
        let prototype = &self.program.externals[id];
        if let Some(known) = self.emitter.module.get_function(&prototype.name) {
            return Ok(known);
        }
        let word = self.emitter.int_type(64);
        let function = word.fn_type(&vec![word.into(); prototype.params.len()], false);
        let function = self.emitter.module.add_function(&prototype.name, function, None);
        // The kernel checks hidden functions with each of their callers, others by their types alone: those could not
        // be given the address of a variable.
        function.as_global_value().set_visibility(GlobalVisibility::Hidden);
        let params = prototype.params.iter().map(|(_, ty)| describe(self.debug, ty));
        let params = params.collect::<Lowered<Vec<_>>>()?;
        let result = match &prototype.result {
            CType::Void => None,
            result => Some(describe(self.debug, result)?),
        };
        function.set_subprogram(self.debug.declaration(&prototype.name, &params, result));
        Ok(function)
    }
}

fn is_signed(ty: &CType) -> bool {
    matches!(ty, CType::Int { signed: true, .. } | CType::Enum { signed: true, .. })
}

/// A type that the linker takes for the same as the definition's: it compares kinds, sizes and tags.
pub(super) fn describe<'ctx>(debug: &Debug<'_, 'ctx>, ty: &CType) -> Lowered<DIType<'ctx>> {
    match ty {
        CType::Void => debug.void(),
        CType::Int { size, signed } => debug.int(*size, *signed),
        CType::Bool => debug.int(1, false),
        CType::Enum { name, size, .. } => debug.enumeration(name, *size),
        CType::Pointer(to) => Ok(debug.pointer(describe(debug, to)?)),
        CType::Record { name, union, .. } => Ok(debug.record(name, *union)),
        CType::Array(of, len) => Ok(debug.array(describe(debug, of)?, of.size(), *len)),
        CType::Other => Err(Invariant("a type that cannot be described".to_owned())),
    }
}
