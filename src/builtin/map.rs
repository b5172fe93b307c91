//! Functions on maps.

use ebtrace_image::Action;

use super::stack::COUNT_AT;
use super::{Builtin, Call, one, optional};
use crate::ir::StmtKind;
use crate::ir::build::image_map;
use crate::sema::{Lower, Operand};
use crate::types::TypeId;

pub(super) const ALL: &[Builtin] = &[
    Builtin::function("delete", &[one("map"), optional("key")], "Removes a key from a map.", delete)
        .returning("bool")
        .acting()
        .details("True if the key was there. A scalar map has no key and becomes unset: `delete(@x)`. Several keys \
                  are written in parentheses: `delete(@x, (pid, comm))`. The old form `delete(@x[key])` works too.")
        .examples(&["begin { @x[1] = 2; delete(@x, 1); exit(); }"]),
    Builtin::function("has_key", &[one("map"), one("key")], "Whether a map has a key.", has_key)
        .returning("bool")
        .details("Reading a key that is not there yields zeros; this tells the difference. Several keys are written in \
                  parentheses: `has_key(@x, (pid, comm))`.")
        .examples(&["kprobe:vfs_read { if (!has_key(@seen, pid)) { @seen[pid] = true; print(comm); } }"]),
    Builtin::function("find", &[one("map"), one("key"), one("variable")], "Reads a key if it is there.", find)
        .returning("bool")
        .acting()
        .details("Assigns the value to the variable, which must exist, and is true; where there is no such key, the \
                  variable stays as it is.")
        .examples(&["kprobe:vfs_read { @start[tid] = nsecs; } \
                     kretprobe:vfs_read { $t = (uint64)0; if (find(@start, tid, $t)) { @ns = hist(nsecs - $t); } }"]),
    Builtin::function("len", &[one("map")], "The number of keys of a map, or of frames of a stack.", len)
        .returning("int64")
        .examples(&[
            "begin { @x[1] = 2; @x[3] = 4; print(len(@x)); exit(); }",
            "profile:hz:99 { @depth = hist(len(kstack)); }",
        ]),
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
    lower.tell_nothing_deleted(found);
    lower.result(found)
}

fn has_key(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some((element, key)) = lower.keyed_element(call) else { return lower.poison() };
    let found = lower.b.value(TypeId::BOOL);
    lower.b.stmt(StmtKind::MapHas { map: element.map, key, found });
    lower.result(found)
}

fn find(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    match lower.keyed_element(call) {
        Some((element, key)) => lower.find_into(call, element, key),
        None => lower.poison(),
    }
}

fn len(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    if lower.is_whole_map(&call.args[0]) && !lower.holds_stack(&call.args[0]) {
        return match lower.keyed_map(call, 0) {
            Some(map) => lower.count_keys(call, map),
            None => lower.poison(),
        };
    }
    let Some(stack) = lower.arg(call, 0) else { return lower.poison() };
    match lower.frames_of(&stack, COUNT_AT) {
        Some(frames) => frames,
        None => lower.complain_type(call, 0, "a map or a stack", &stack),
    }
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
