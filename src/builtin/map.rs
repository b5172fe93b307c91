//! Functions on maps.

use ebtrace_image::Action;

use super::{Builtin, Call, one, optional};
use crate::ir::StmtKind;
use crate::ir::build::image_map;
use crate::sema::{Lower, Operand};
use crate::types::TypeId;

pub(super) const ALL: &[Builtin] = &[
    Builtin::function("delete", &[one("map"), optional("key")], "Removes a key from a map.", delete)
        .returning("bool")
        .details("True if the key was there. A scalar map has no key and becomes unset: `delete(@x)`. Several keys \
                  are written in parentheses: `delete(@x, (pid, comm))`. The old form `delete(@x[key])` works too.")
        .examples(&["begin { @x[1] = 2; delete(@x, 1); exit(); }"]),
    Builtin::function("clear", &[one("map")], "Removes all keys of a map.", clear)
        .details("It happens when user space gets to it, in the order of all output.")
        .examples(&["profile:hz:99 { @[comm] = count(); } interval:s:1 { print(@); clear(@); }"]),
    Builtin::function("zero", &[one("map")], "Sets all values of a map to zero and keeps its keys.", zero)
        .details("It happens when user space gets to it, in the order of all output.")
        .examples(&["profile:hz:99 { @[comm] = count(); } interval:s:1 { print(@); zero(@); }"]),
];

fn delete(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some((map, key)) = lower.map_element(call) else { return lower.poison() };
    let found = lower.b.value(TypeId::BOOL);
    lower.b.stmt(StmtKind::MapDelete { map, key, found: Some(found) });
    lower.result(found)
}

fn clear(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(map) = lower.map_arg(call, 0) else { return lower.poison() };
    lower.b.emit(Action::Clear(image_map(map)), Vec::new());
    lower.void()
}

fn zero(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(map) = lower.map_arg(call, 0) else { return lower.poison() };
    lower.b.emit(Action::Zero(image_map(map)), Vec::new());
    lower.void()
}
