//! The kernel's trace buffer, which programs can print into.

use std::time::{Duration, Instant};

use libbpf_rs::Object;

use crate::kernel::Tracefs;

/// Helpers that print, by number: `trace_printk` and `trace_vprintk`.
const PRINTING: [i32; 2] = [6, 177];
/// What instructions that call something begin with.
const CALL: u8 = 0x85;
/// How long the kernel may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Waits until the kernel takes what programs print, if any prints: it switches that on when it loads the first of them, but
/// behind its back, and until then drops what they print.
pub(super) fn await_switched_on(object: &Object) {
    if !object.progs().any(|program| program.insns().iter().any(|insn| prints(*insn))) {
        return;
    }
    let Ok(tracefs) = Tracefs::open() else { return };
    let deadline = Instant::now() + PATIENCE;
    while tracefs.is_enabled("bpf_trace", "bpf_trace_printk").is_ok_and(|enabled| !enabled)
        && Instant::now() < deadline
    {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn prints(insn: libbpf_rs::libbpf_sys::bpf_insn) -> bool {
    // The register numbers of a call of a helper are 0; those of other calls are not.
    insn.code == CALL && insn.src_reg() == 0 && PRINTING.contains(&insn.imm)
}
