//! The programs and libraries of an attach point.

use std::path::PathBuf;
use std::rc::Rc;

use super::error;
pub(in crate::probe) use super::error::said;
use crate::diagnostic::{Code, Diagnostic};
use crate::host::Host;
use crate::host::program::{Debug, Instructions, Mark, Program, UserFunction};
use crate::probe::{Part, ProbeError};

/// A mark whose file is not known.
pub(in crate::probe) fn no_file(part: &Part) -> ProbeError {
    said(
        Diagnostic::error(Code::ProbeArity, "`usdt` wants a file and the name of a mark")
            .label(part.span, "one of the two is missing")
            .note("with `-p` the name alone is enough, which is then looked for in all that the process has loaded")
            .help("write it as `usdt:FILE:NAME`, for example `usdt:libc:setjmp`; the file `*` stands for all that processes have loaded"),
    )
}

/// What stands for the files of all processes, or of the one that is traced.
const ALL: &str = "*";

/// A file of which nothing is known.
#[derive(Debug)]
struct Flat;

impl Program for Flat {
    fn functions(&self) -> &[UserFunction] {
        &[]
    }

    fn offset(&self, _: u64) -> Option<u64> {
        None
    }

    fn code(&self, _: u64, _: u64) -> &[u8] {
        &[]
    }

    fn marks(&self) -> &[Mark] {
        &[]
    }

    fn address(&self, _: u64) -> Option<u64> {
        None
    }

    fn symbol(&self, _: &str) -> Option<(u64, u64)> {
        None
    }

    fn symbols(&self) -> Vec<String> {
        Vec::new()
    }

    fn moves(&self) -> bool {
        false
    }

    fn debug(&self) -> Option<&dyn Debug> {
        None
    }

    fn instructions(&self) -> Instructions {
        Instructions::Other
    }
}

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
        if file.text == ALL && !file.quoted {
            return Ok(Files::running(host, true));
        }
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

    /// The same; a file that is no program is code from its first byte to its last.
    fn open_flat(file: &Part, host: &dyn Host) -> Result<Files, ProbeError> {
        Files::open(file, host).or_else(|error| {
            let [path] = &host.binaries(&file.text).unwrap_or_default()[..] else {
                return Err(error);
            };
            let program: Rc<dyn Program> = Rc::new(Flat);
            Ok(Files { all: vec![(path.clone(), program)], warning: None })
        })
    }

    /// Opens what stands in front of a place; where it is an address, and all is allowed, any file will do.
    pub(super) fn of_place(file: &Part, host: &dyn Host, any: bool) -> Result<Files, ProbeError> {
        if any { Files::open_flat(file, host) } else { Files::open(file, host) }
    }

    /// The program that the process runs, or all files that it, or any process, has code of.
    pub(in crate::probe) fn running(host: &dyn Host, all: bool) -> Files {
        let paths = host.running(all).into_iter();
        // A process that has ended meanwhile has no files.
        let all = paths.filter_map(|path| host.program(&path).ok().map(|program| (path, program)));
        Files { all: all.collect(), warning: None }
    }

    /// As messages call them.
    pub(in crate::probe) fn name(&self) -> String {
        match &self.all[..] {
            [] => "the process".to_owned(),
            [(path, _)] => path.display().to_string(),
            all => format!("any of {} files", all.len()),
        }
    }

    /// Borrowed.
    pub(super) fn borrowed(&self) -> Vec<(PathBuf, &dyn Program)> {
        self.all.iter().map(|(path, program)| (path.clone(), &**program)).collect()
    }
}
