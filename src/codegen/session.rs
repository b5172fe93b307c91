//! Programs that the kernel runs both when a function is entered and when it returns.

use inkwell::values::FunctionValue;

use super::Lowered;
use super::probe::{Outer, Unit};
use crate::source::Span;

/// The kernel's function that says which of the two it is.
const IS_RETURN: &str = "bpf_session_is_return";

impl<'a, 'ctx> Unit<'a, 'ctx> {
    /// Makes a program out of the functions for entry and return.
    pub(super) fn session(
        &'a self,
        name: &str,
        outer: Outer<'ctx>,
        site: Span,
        parts: impl FnOnce() -> Lowered<(FunctionValue<'ctx>, FunctionValue<'ctx>)>,
    ) -> Lowered<()> {
        let emitter = self.emitter;
        let body = self.enter_outer(name, &outer, site)?;
        let Outer { entry, context, .. } = outer;
        let (enters, returns) = emitter.aside(parts)?;
        let bool = Some(self.debug.int(1, false)?);
        let asked = self.kernel_function(IS_RETURN, &[], bool);
        // Its upper bytes mean nothing.
        let answer = emitter.resize(emitter.call_own(asked, &[]).into_int_value(), 8, false);
        let (at_entry, at_return, leave) = (emitter.label(), emitter.label(), emitter.label());
        emitter.branch(emitter.is_zero(answer), at_entry, at_return);
        for (label, work) in [(at_entry, enters), (at_return, returns)] {
            emitter.enter(label);
            emitter.call_own(work, &[context.into()]);
            emitter.jump(leave);
        }
        emitter.enter(leave);
        emitter.ret(0);
        emitter.close(entry, body);
        Ok(())
    }
}
