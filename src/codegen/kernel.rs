//! What of the kernel programs mention by name: functions ("kfuncs") and variables.

use inkwell::debug_info::DIType;
use inkwell::values::FunctionValue;

use super::Lowered;
use super::context::{Int, Pointer};
use super::external::describe;
use super::helper;
use super::probe::{Function, Unit};
use crate::ir::{ExprId, LocalId, TASK_FROM_PID, VariableId};

/// Where libbpf looks for what the kernel has.
const SECTION: &str = ".ksyms";
/// Gives back what [`TASK_FROM_PID`] returned.
const TASK_RELEASE: &str = "bpf_task_release";
/// Size of the kernel's buffer for a thread's name, its NUL included.
const TASK_COMM_LEN: u64 = 16;

impl<'a, 'ctx> Unit<'a, 'ctx> {
    /// Declares a function of the kernel. Values go through whole registers.
    pub(super) fn kernel_function(
        &self,
        name: &str,
        params: &[DIType<'ctx>],
        result: Option<DIType<'ctx>>,
    ) -> FunctionValue<'ctx> {
        if let Some(known) = self.emitter.module.get_function(name) {
            return known;
        }
        let word = self.emitter.int_type(64);
        let function = word.fn_type(&vec![word.into(); params.len()], false);
        let function = self.emitter.module.add_function(name, function, None);
        function.set_section(Some(SECTION));
        function.set_subprogram(self.debug.declaration(name, params, result));
        function
    }

    /// A variable of the kernel, as helpers take it that find the one of a CPU.
    fn kernel_variable(&self, id: VariableId) -> Lowered<Pointer<'ctx>> {
        let variable = &self.program.variables[id];
        if let Some(known) = self.emitter.module.get_global(&variable.name) {
            return Ok(known.as_pointer_value());
        }
        let bytes = self.emitter.int_type(8).array_type(0);
        let global = self.emitter.module.add_global(bytes, None, &variable.name);
        global.set_section(Some(SECTION));
        self.debug.global(global, &variable.name, describe(self.debug, &variable.ty)?);
        Ok(global.as_pointer_value())
    }
}

impl<'ctx> Function<'_, 'ctx> {
    /// Where a variable is that each CPU has its own of; 0 where there is no such CPU.
    pub(super) fn per_cpu(&mut self, id: VariableId, cpu: Option<ExprId>) -> Lowered<Int<'ctx>> {
        let variable = self.unit.kernel_variable(id)?.into();
        let address = match cpu {
            None => self.unit.call(&helper::THIS_CPU_PTR, &[variable])?,
            Some(cpu) => {
                let cpu = self.scalar(cpu)?.into();
                self.unit.call(&helper::PER_CPU_PTR, &[variable, cpu])?
            }
        };
        Ok(self.plain_number(address))
    }

    /// Copies the name of a process or thread; returns whether there is one.
    pub(super) fn task_name(
        &mut self,
        pid: ExprId,
        offset: u32,
        into: LocalId,
    ) -> Lowered<Int<'ctx>> {
        let (emitter, unit, debug) = (self.emitter, self.unit, self.unit.debug);
        let task = debug.pointer(debug.record("task_struct", false));
        let find = unit.kernel_function(TASK_FROM_PID, &[debug.int(4, true)?], Some(task));
        let release = unit.kernel_function(TASK_RELEASE, &[task], None);
        let pid = emitter.resize(self.scalar(pid)?, 64, true);
        let task = emitter.call_own(find, &[pid.into()]).into_int_value();
        let (there, before, after) = (emitter.label(), emitter.here(), emitter.label());
        emitter.branch(emitter.is_zero(task), after, there);
        emitter.enter(there);
        let name = emitter.add(task, emitter.word(offset.into()));
        let args = [self.local(into).into(), emitter.word(TASK_COMM_LEN).into(), name.into()];
        unit.call(&helper::PROBE_READ_KERNEL_STR, &args)?;
        emitter.call_own(release, &[task.into()]);
        emitter.jump(after);
        emitter.enter(after);
        Ok(emitter.merge(&[(emitter.bool(false), before), (emitter.bool(true), there)]))
    }
}
