//! Variables of programs.

use super::{Builtin, Call, one};
use crate::host::Version;
use crate::ir::{BinaryOp, Expr, ExprId, Helper};
use crate::probe::{Context, registers};
use crate::sema::{Lower, Operand};
use crate::types::{Space, TypeId};

/// The first kernel that says at a return which function has returned.
const KNOWS_RETURNS: Version = (6, 7, 0);

pub(super) const ALL: &[Builtin] = &[Builtin::function(
    "uaddr",
    &[one("name")],
    "The address of a variable or function of the probed program.",
    uaddr,
)
.returning("uint8 *, uint16 *, uint32 * or uint64 *")
.details(
    "It points to a number as large as the variable, or of 64 bits where that is not the size of a number or not known: \
     `*uaddr(\"counter\")` is its value. The file that the probe is in is searched, its debug symbols too. Where programs \
     are moved when they are loaded, as most are, `uretprobe` needs Linux 6.7.",
)
.only_in(
    &[Context::UserEntry, Context::Return, Context::Mark],
    "the probes of programs are `uprobe`, `uretprobe` and `usdt`",
)
.examples(&["uprobe:libc:malloc { @[*uaddr(\"limit\")] = count(); }"])];

fn uaddr(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(name) = lower.literal_text(call, 0) else { return lower.poison() };
    if lower.is_in_function() {
        let limit =
            "a function does not know which probe calls it: pass the address as an argument";
        return lower.complain_limit(call, limit.to_owned());
    }
    let name = String::from_utf8_lossy(&name).into_owned();
    let Some(placed) = lower.place_of(call, &name) else { return lower.poison() };
    let number = match placed.size {
        1 => TypeId::U8,
        2 => TypeId::U16,
        4 => TypeId::U32,
        _ => TypeId::U64,
    };
    let address = match placed.probe {
        None => lower.b.int(placed.address, TypeId::U64),
        // All of the program is moved by the same distance.
        Some(probe) => {
            let Some(here) = probed(lower, call) else { return lower.poison() };
            lower.b.binary_int(BinaryOp::Add, here, placed.address.wrapping_sub(probe))
        }
    };
    let ty = lower.b.types().pointer(number, Space::User);
    let address = lower.b.convert(address, ty);
    lower.operand(address)
}

/// The address of the probed instruction.
fn probed(lower: &mut Lower<'_>, call: &Call<'_>) -> Option<ExprId> {
    if lower.probe_context() != Context::Return {
        let instruction = registers::instruction(lower.arch());
        return Some(lower.b.add(Expr::Context(instruction), TypeId::U64));
    }
    if lower.kernel() < KNOWS_RETURNS {
        let headline = "where a function has returned from needs Linux 6.7 or newer".to_owned();
        lower.complain_kernel(call, headline, "use `uaddr` in a `uprobe` of the function");
        return None;
    }
    let context_type = lower.b.types().pointer(TypeId::VOID, Space::Context);
    let context = lower.b.add(Expr::ContextAddress(0), context_type);
    Some(lower.b.call(Helper::GetFuncIp, vec![context], TypeId::U64))
}
