//! Registers of what a probe interrupted, and whether that was a program.

use ebtrace_image::Attach;

use super::{Builtin, Call, one};
use crate::ir::{BinaryOp, Expr};
use crate::probe::{Context, registers};
use crate::sema::{Lower, Operand};
use crate::types::TypeId;

/// The probes that have registers.
const WITH_REGISTERS: &[Context] =
    &[Context::Entry, Context::Return, Context::UserEntry, Context::Mark, Context::Sample];

pub(super) const ALL: &[Builtin] = &[
    Builtin::function("reg", &[one("name")], "A register of the processor, where the probe fired.", reg)
        .returning("uint64")
        .details("On x86_64 they are `ax`, `bx`, `cx`, `dx`, `si`, `di`, `bp`, `sp`, `r8` to `r15`, `ip` (or `pc`), `flags`, \
                  `cs`, `ss` and `orig_rax`; on arm64 `r0` to `r30`, `sp`, `pc` and `pstate`. A probe on many functions \
                  is attached to each of them by itself where registers other than those of arguments, results, `ip` and \
                  `sp` are read.")
        .only_in(WITH_REGISTERS, "`fentry`, `fexit` and tracepoints have no registers")
        .examples(&["profile:hz:99 { @[reg(\"ip\")] = count(); }"]),
    Builtin::variable("usermode", "uint8", "Whether the probe fired in a program (1) or in the kernel (0).", usermode)
        .details("`profile`, `interval`, `software`, `hardware` and `watchpoint` interrupt either. `begin`, `end`, `test` and \
                  their like run in ebtrace itself, which is a program.")
        .examples(&["profile:hz:99 { @[usermode ? \"program\" : \"kernel\"] = count(); }"]),
];

fn reg(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(name) = lower.literal_text(call, 0) else { return lower.poison() };
    let name = String::from_utf8_lossy(&name).into_owned();
    let arch = lower.arch();
    let Some(offset) = registers::whole(arch, &name) else {
        return lower.complain_register(call, &name);
    };
    if lower.is_substituted() {
        return lower.complain_limit(
            call,
            "without kprobes, this kernel has the arguments of a function but no registers"
                .to_owned(),
        );
    }
    if !registers::is_everywhere(arch, offset) {
        lower.needs_registers();
    }
    context(lower, offset)
}

fn context(lower: &mut Lower<'_>, offset: u32) -> Operand {
    let register = lower.b.add(Expr::Context(offset), TypeId::U64);
    lower.operand(register)
}

fn usermode(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    if lower.is_in_function() {
        let limit = "a function does not know which probe calls it: pass `usermode` as an argument";
        return lower.complain_limit(call, limit.to_owned());
    }
    let known = match lower.probe_context() {
        Context::Sample => None,
        Context::UserEntry | Context::Mark => Some(true),
        Context::Return => {
            Some(lower.is_attached(|attach| matches!(attach, Attach::Uprobe { .. })))
        }
        Context::Nothing => Some(true),
        _ => Some(false),
    };
    if let Some(known) = known {
        return lower.number_of_type(known.into(), TypeId::U8);
    }
    let mode = registers::mode(lower.arch());
    let register = context(lower, mode.offset);
    let level = lower.b.binary_int(BinaryOp::And, register.expr, mode.mask);
    let user = lower.b.binary_int(BinaryOp::Equal, level, mode.user);
    let user = lower.b.convert(user, TypeId::U8);
    lower.operand(user)
}
