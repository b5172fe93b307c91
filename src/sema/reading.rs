//! Reading what is at an address, and saying where that failed, for those who ask (`-k`).

use ebtrace_image::{Action, Failure};

use super::Lower;
use crate::ir::build::image_site;
use crate::ir::{BinaryOp, Block, ExprId, Helper, StmtKind, ValueId};
use crate::types::{Space, TypeId};

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// So many bytes.
    Bytes,
    /// Text up to its NUL, so many bytes at most.
    Text,
}

impl Lower<'_> {
    /// Reads up to `size` bytes from an address `from` of a space to another of the program's own; zeros where that fails.
    pub fn read_at(
        &mut self,
        reading: Reading,
        (into, size, from): (ExprId, ExprId, ExprId),
        space: Space,
    ) {
        let (helper, name) = match (reading, space) {
            (Reading::Bytes, Space::User) => (Helper::ProbeReadUser, "probe_read_user"),
            (Reading::Text, Space::User) => (Helper::ProbeReadUserStr, "probe_read_user_str"),
            (Reading::Bytes, Space::Unset) => (Helper::ProbeRead, "probe_read"),
            (Reading::Text, Space::Unset) => (Helper::ProbeReadStr, "probe_read_str"),
            (Reading::Bytes, _) => (Helper::ProbeReadKernel, "probe_read_kernel"),
            (Reading::Text, _) => (Helper::ProbeReadKernelStr, "probe_read_kernel_str"),
        };
        if space == Space::Unset {
            self.warn_unset();
        }
        let args = vec![into, size, from];
        if !self.options.tells_failed_reads {
            return self.b.call_void(helper, args);
        }
        let result = self.b.call(helper, args, TypeId::I64);
        let result = self.b.name(result);
        let zero = self.b.int(0, TypeId::I64);
        let failed = self.b.binary(BinaryOp::Less, result, zero);
        self.fail_if(failed, Failure::Read { helper: name.to_owned() }, vec![result]);
    }

    /// Says that a key was not there, for those who ask.
    pub(super) fn tell_missing_key(&mut self, found: ValueId) {
        self.tell_missing(found, Failure::NoKey);
    }

    /// Says that there was nothing to delete, for those who ask.
    pub fn tell_nothing_deleted(&mut self, found: ValueId) {
        if self.options.tells_failed_reads {
            self.tell_missing(found, Failure::NothingDeleted);
        }
    }

    fn tell_missing(&mut self, found: ValueId, failure: Failure) {
        let there = self.result(found).expr;
        let no = self.b.int(0, TypeId::BOOL);
        let missing = self.b.binary(BinaryOp::Equal, there, no);
        self.fail_if(missing, failure, Vec::new());
    }

    fn fail_if(&mut self, condition: ExprId, failure: Failure, args: Vec<ExprId>) {
        let span = self.b.span();
        let site = image_site(self.b.site(span));
        self.b.begin();
        self.b.emit(Action::Fail { site, failure }, args);
        let then = self.b.end();
        self.b.stmt(StmtKind::If { condition, then, otherwise: Block::default() });
    }
}
