//! Programs that the tracer runs itself, because nothing in the kernel triggers them.

use std::ffi::OsStr;

use ebtrace_image::{Attach, Probe};
use libbpf_rs::ProgramInput;

use crate::{Core, Error, LoadError, map};

impl Core {
    /// Runs the programs of one kind, in order; one that ends the script is the last, except at the end.
    pub(crate) fn run_programs(&self, when: &Attach) -> Result<(), Error> {
        for probe in self.image.probes.iter().filter(|probe| probe.is_run(when)) {
            self.run_program(probe)?;
            if *when != Attach::End && self.actions.borrow().is_over() {
                break;
            }
        }
        Ok(())
    }

    /// Runs a program, carries out its events, and returns what it returned.
    fn run_program(&self, probe: &Probe) -> Result<i32, Error> {
        let name = OsStr::new(&probe.program);
        let program = self.object.progs_mut().find(|program| program.name() == name);
        let program =
            program.ok_or_else(|| LoadError::Missing(format!("program `{}`", probe.program)))?;
        let output = program.test_run(ProgramInput::default()).map_err(|error| Error::Run {
            probe: probe.label.clone(),
            error: map::io_error(error),
        })?;
        self.drain()?;
        Ok(output.return_value.cast_signed())
    }
}
