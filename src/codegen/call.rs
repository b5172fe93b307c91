//! Functions of the script: each is a BPF function of its own, made when it is first called.
//!
//! A function gets the program's context and the address of the scratch area; its arguments stand there, where the
//! layout has room for them, and so does a result that is no scalar.

use inkwell::values::FunctionValue;

use super::context::{Int, Pointer};
use super::memory::{self, Bytes};
use super::probe::{Function, Place, Region, Unit};
use super::{Invariant, Lowered};
use crate::ir::layout::{FuncLayout, Place as Home};
use crate::ir::{ExprId, FunctionId, LocalId};

impl<'a, 'ctx> Function<'a, 'ctx> {
    /// Calls a function; returns what it returned in a register.
    pub(super) fn call_function(
        &mut self,
        id: FunctionId,
        args: &[ExprId],
        into: Option<LocalId>,
    ) -> Lowered<Int<'ctx>> {
        let unit = self.unit;
        let (callee, layout) = (&unit.program.functions[id], layout_of(unit, id)?);
        let area = self.area.ok_or_else(|| Invariant("a call without scratch area".to_owned()))?;
        for (&arg, &param) in args.iter().zip(&callee.params) {
            let value = self.operand(arg)?;
            let room = self.size(callee.func.locals[param].ty);
            self.put(handed_over(layout, param, area, self)?, 0, room, value)?;
        }
        let function = unit.function_of(id)?;
        let result =
            self.emitter.call_own(function, &[self.context.into(), area.into()]).into_int_value();
        if let (Some(into), Some(returned)) = (into, callee.returned) {
            let pointer = handed_over(layout, returned, area, self)?;
            let size = self.size(callee.func.locals[returned].ty);
            let bytes = Bytes::At { pointer, size, align: 8 };
            memory::copy(self.emitter, self.local(into), bytes, 8);
        }
        Ok(result)
    }
}

fn layout_of<'a>(unit: &Unit<'a, '_>, id: FunctionId) -> Lowered<&'a FuncLayout> {
    let index = id.into_raw().into_u32() as usize;
    unit.layout
        .functions
        .get(index)
        .ok_or_else(|| Invariant("the layout has another number of functions".to_owned()))
}

/// Where caller and function both find a local of the function.
fn handed_over<'ctx>(
    layout: &FuncLayout,
    local: LocalId,
    area: Pointer<'ctx>,
    caller: &Function<'_, 'ctx>,
) -> Lowered<Pointer<'ctx>> {
    match layout.place(local) {
        Home::Scratch(offset) => Ok(caller.emitter.at(area, offset)),
        Home::Stack => Err(Invariant("an argument on the stack of the function".to_owned())),
    }
}

impl<'a, 'ctx> Unit<'a, 'ctx> {
    /// The function of the object, made if it is not there yet.
    fn function_of(&'a self, id: FunctionId) -> Lowered<FunctionValue<'ctx>> {
        let number = id.into_raw().into_u32();
        let known = self.functions.borrow().get(&number).copied();
        match known {
            Some(function) => Ok(function),
            None => self.emitter.aside(|| self.make_function(id)),
        }
    }

    fn make_function(&'a self, id: FunctionId) -> Lowered<FunctionValue<'ctx>> {
        let (callee, layout) = (&self.program.functions[id], layout_of(self, id)?);
        let (emitter, number) = (self.emitter, id.into_raw().into_u32());
        let name = format!("ebt_fn_{}_{number}", callee.name);
        let pointer = emitter.pointer_type().into();
        let function = emitter.declare(&name, &[pointer; 2], emitter.int_type(64).into());
        self.functions.borrow_mut().insert(number, function);
        let site = self.program.sites[callee.site];
        let address = self.debug.pointer(self.debug.int(8, false)?);
        let params = [("ctx", address), ("area", address)];
        let mut lines =
            self.debug.function(&name, &params, self.debug.int(8, true)?, site, true)?;
        function.set_subprogram(lines.subprogram());
        let entry = emitter.body_of(function);
        let start = emitter.label();
        emitter.enter(start);
        self.debug.at(&mut lines, site);
        let [context, area] = [0, 1].map(|param| function.get_nth_param(param));
        let (Some(context), Some(area)) = (context, area) else {
            return Err(Invariant(format!("{name} has other parameters")));
        };
        let place = Place { func: &callee.func, layout, region: Region::Function };
        let context = (context.into_pointer_value(), lines);
        let mut inner = Function::new(self, place, 0, context)?;
        inner.span = site;
        inner.area = Some(area.into_pointer_value());
        inner.prepare_loops();
        if inner.block(&callee.func.body)? {
            emitter.ret_value(&emitter.word(0));
        }
        emitter.close(entry, start);
        Ok(function)
    }
}
