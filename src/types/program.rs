//! Types of programs, from their debug information: those of the program that the probe at hand is attached to.

use std::path::PathBuf;

use super::kernel::{Blob, Reader};
use super::{TypeId, Types};
use crate::host::Host;
use crate::host::btf::Named;
use crate::host::program::Debug;

impl Types {
    /// From now on names also mean types of this program.
    pub(crate) fn set_program(&mut self, path: Option<PathBuf>) {
        self.program = path;
    }
}

/// The type of this name in the program at hand.
pub(super) fn find(types: &mut Types, host: &dyn Host, kind: Named, name: &str) -> Option<TypeId> {
    let path = types.program.clone()?;
    let program = host.program(&path).ok()?;
    let debug = program.debug()?;
    let id = debug.find_type(kind, name)?;
    convert(types, host, debug, id)
}

/// The type of this number in a program's debug information.
pub fn convert(types: &mut Types, host: &dyn Host, debug: &dyn Debug, id: u32) -> Option<TypeId> {
    if id == 0 {
        return Some(TypeId::VOID);
    }
    let number = debug.blob();
    let blob = Blob { number, btf: host.btf(number).ok()? };
    Some(Reader::new(types, blob).convert(id))
}
