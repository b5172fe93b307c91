//! Programs that may come to their own place, or to that of another like them: one of them at a time runs on a CPU.
//!
//! The kernel sees to it that no program interrupts itself. But two can keep each other going, or one can wait for a
//! lock that the other holds.

use inkwell::values::FunctionValue;

use super::Invariant;
use super::Lowered;
use super::context::{Label, Pointer};
use super::helper;
use super::probe::{Outer, Unit};
use crate::source::Span;

impl<'a, 'ctx> Unit<'a, 'ctx> {
    /// Makes a program out of the function that `inner` makes, which has its signature and does its work.
    pub(super) fn guarded(
        &'a self,
        name: &str,
        outer: Outer<'ctx>,
        site: Span,
        inner: impl FnOnce() -> Lowered<FunctionValue<'ctx>>,
    ) -> Lowered<()> {
        let map = self.maps.guard.ok_or_else(|| Invariant("no map of guards".to_owned()))?;
        let emitter = self.emitter;
        let body = self.enter_outer(name, &outer, site)?;
        let Outer { entry, context, .. } = outer;
        let work = emitter.aside(inner)?;
        let flag = self.flag(map)?;
        let (look, run, leave) = (emitter.label(), emitter.label(), emitter.label());
        emitter.branch(emitter.is_null(flag), leave, look);
        emitter.enter(look);
        emitter.branch(emitter.is_not_zero(emitter.load_volatile(flag, 64, 8)), leave, run);
        emitter.enter(run);
        emitter.store_volatile(flag, emitter.word(1), 8);
        emitter.call_own(work, &[context.into()]);
        emitter.store_volatile(flag, emitter.word(0), 8);
        emitter.jump(leave);
        emitter.enter(leave);
        emitter.ret(0);
        emitter.close(entry, body);
        Ok(())
    }

    /// Begins the body of a program that calls others for its work.
    pub(super) fn enter_outer(
        &'a self,
        name: &str,
        outer: &Outer<'ctx>,
        site: Span,
    ) -> Lowered<Label<'ctx>> {
        let mut lines = self.debug.program(name, site)?;
        outer.function.set_subprogram(lines.subprogram());
        self.debug.at(&mut lines, site);
        let body = self.emitter.label();
        self.emitter.enter(body);
        Ok(body)
    }

    fn flag(&self, map: Pointer<'ctx>) -> Lowered<Pointer<'ctx>> {
        let key = self.emitter.momentary(8);
        self.emitter.store(key, self.emitter.int(32, 0), 4);
        self.call_pointer(&helper::MAP_LOOKUP_ELEM, &[map.into(), key.into()])
    }
}
