//! The programs and libraries of an attach point.

use std::path::PathBuf;
use std::rc::Rc;

use super::error;
pub(in crate::probe) use super::error::said;
use crate::diagnostic::Diagnostic;
use crate::host::Host;
use crate::host::program::Program;
use crate::probe::{Part, ProbeError};

/// The files of an attach point.
pub(in crate::probe) struct Files {
    /// Those that can be read.
    pub(in crate::probe) all: Vec<(PathBuf, Rc<dyn Program>)>,
    /// What should be said of them.
    pub(in crate::probe) warning: Option<Diagnostic>,
}

impl Files {
    /// Opens what a part of an attach point means.
    pub(in crate::probe) fn open(file: &Part, host: &dyn Host) -> Result<Files, ProbeError> {
        let paths = host.binaries(&file.text).map_err(|error| error::missing_file(file, error))?;
        let pattern = !file.quoted && file.text.contains(['*', '?', '[']);
        let warning = (paths.len() > 1 && !pattern).then(|| error::several_files(file, &paths));
        let several = paths.len() > 1;
        let mut all = Vec::new();
        for path in paths {
            match host.program(&path) {
                Ok(program) => all.push((path, program)),
                // What fits a pattern need not be a program.
                Err(_) if several => {}
                Err(error) => return Err(error::unreadable_file(file, &path, error)),
            }
        }
        Ok(Files { all, warning })
    }

    /// As messages call them.
    pub(in crate::probe) fn name(&self) -> String {
        match &self.all[..] {
            [(path, _)] => path.display().to_string(),
            all => format!("any of {} files", all.len()),
        }
    }

    /// Borrowed.
    pub(super) fn borrowed(&self) -> Vec<(PathBuf, &dyn Program)> {
        self.all.iter().map(|(path, program)| (path.clone(), &**program)).collect()
    }
}
