//! Control groups.

use super::{Builtin, Call, one, optional};
use crate::host::HostError;
use crate::ir::Helper;
use crate::sema::{Lower, Operand};
use crate::types::{TypeId, Worded};

pub(super) const ALL: &[Builtin] = &[
    Builtin::variable("cgroup", "uint64", "Number of the current process's control group.", cgroup)
        .details("It is that of cgroup version 2; the number of a group by its folder is `cgroupid()`, and the folder by \
                  its number `cgroup_path()`.")
        .examples(&["tracepoint:syscalls:sys_enter_openat /cgroup == cgroupid(\"/sys/fs/cgroup/user.slice\")/ { @[comm] = count(); }"]),
    Builtin::function("cgroupid", &[one("path")], "Number of the control group whose folder this is.", cgroupid)
        .returning("uint64")
        .details("It is looked up before the script runs.")
        .examples(&["tracepoint:syscalls:sys_enter_openat /cgroup == cgroupid(\"/sys/fs/cgroup/user.slice\")/ { @[comm] = count(); }"]),
    Builtin::function("cgroup_path", &[one("id"), optional("filter")], "The folder of a control group, shown as text.", cgroup_path)
        .returning("cgroup_path_t")
        .details("It is looked up when it is shown, in all hierarchies of control groups that are mounted: \
                  `unified:/user.slice`. The filter is a pattern of their names; that of cgroup version 2 is `unified`, \
                  others are called as their folder. A group that is gone is shown as nothing.")
        .examples(&["tracepoint:syscalls:sys_enter_openat { @[cgroup_path(cgroup, \"unified\")] = count(); }"]),
];

fn cgroup(lower: &mut Lower<'_>, _: &Call<'_>) -> Operand {
    super::machine::asked(lower, Helper::GetCurrentCgroupId, TypeId::U64)
}

fn cgroupid(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(path) = lower.literal_text(call, 0) else { return lower.poison() };
    if lower.is_ahead() {
        return lower.complain_ahead(call, "a group has another number when it is made anew");
    }
    let path = String::from_utf8_lossy(&path).into_owned();
    match lower.cgroup_id(&path) {
        Ok(id) => lower.number_of_type(id.into(), TypeId::U64),
        Err(error) => {
            let reason = match error {
                HostError::NotFound => "no control group's folder is there".to_owned(),
                error => error.to_string(),
            };
            lower.complain_in_words(
                (call, 0),
                format!("there is no control group `{path}`"),
                &reason,
                "the folders of control groups are usually below `/sys/fs/cgroup`",
            )
        }
    }
}

fn cgroup_path(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(id) = lower.int_arg(call, 0) else { return lower.poison() };
    let filter = match call.args.get(1) {
        None => Vec::new(),
        Some(_) => match lower.literal_text(call, 1) {
            Some(filter) => filter,
            None => return lower.poison(),
        },
    };
    let filter = lower.b.types().text(&String::from_utf8_lossy(&filter));
    let filter = lower.b.int(filter.into(), TypeId::U64);
    let id = lower.b.convert(id.expr, TypeId::U64);
    lower.worded(Worded::CgroupPath, &[(0, filter), (8, id)])
}
