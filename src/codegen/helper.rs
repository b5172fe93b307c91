//! The BPF helpers: number, name, first kernel, and how many arguments they take.

use crate::host::Version;
use crate::ir;

/// A function of the kernel that programs call by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Helper {
    /// As the kernel's `enum bpf_func_id` has it.
    pub(super) id: u32,
    /// Without `bpf_`.
    pub(super) name: &'static str,
    /// First kernel that has it for tracing programs.
    pub(super) since: (u32, u32),
    /// How many arguments it takes.
    pub(super) arity: usize,
}

impl Helper {
    const fn new(id: u32, name: &'static str, since: (u32, u32), arity: usize) -> Helper {
        Helper { id, name, since, arity }
    }

    /// Whether a kernel has it.
    pub(super) fn in_kernel(&self, version: Version) -> bool {
        (version.0, version.1) >= self.since
    }
}

pub(super) const MAP_LOOKUP_ELEM: Helper = Helper::new(1, "map_lookup_elem", (3, 19), 2);
pub(super) const MAP_UPDATE_ELEM: Helper = Helper::new(2, "map_update_elem", (3, 19), 4);
pub(super) const MAP_DELETE_ELEM: Helper = Helper::new(3, "map_delete_elem", (3, 19), 2);
pub(super) const RINGBUF_RESERVE: Helper = Helper::new(131, "ringbuf_reserve", (5, 8), 3);
pub(super) const RINGBUF_SUBMIT: Helper = Helper::new(132, "ringbuf_submit", (5, 8), 2);
pub(super) const SEQ_PRINTF: Helper = Helper::new(126, "seq_printf", (5, 8), 5);
pub(super) const SEQ_WRITE: Helper = Helper::new(127, "seq_write", (5, 8), 3);
pub(super) const FOR_EACH_MAP_ELEM: Helper = Helper::new(164, "for_each_map_elem", (5, 13), 4);
pub(super) const GET_CURRENT_TASK_BTF: Helper =
    Helper::new(158, "get_current_task_btf", (5, 11), 0);
pub(super) const TASK_PT_REGS: Helper = Helper::new(175, "task_pt_regs", (5, 15), 1);
pub(super) const LOOP: Helper = Helper::new(181, "loop", (5, 17), 4);
pub(super) const SKB_OUTPUT: Helper = Helper::new(111, "skb_output", (5, 5), 5);
pub(super) const PER_CPU_PTR: Helper = Helper::new(153, "per_cpu_ptr", (5, 10), 2);
pub(super) const THIS_CPU_PTR: Helper = Helper::new(154, "this_cpu_ptr", (5, 10), 1);
pub(super) const MAP_LOOKUP_PERCPU_ELEM: Helper =
    Helper::new(195, "map_lookup_percpu_elem", (5, 19), 3);

const KTIME_GET_BOOT_NS: Helper = Helper::new(125, "ktime_get_boot_ns", (5, 8), 0);
const KTIME_GET_NS: Helper = Helper::new(5, "ktime_get_ns", (4, 1), 0);
const KTIME_GET_TAI_NS: Helper = Helper::new(208, "ktime_get_tai_ns", (6, 1), 0);
const JIFFIES64: Helper = Helper::new(118, "jiffies64", (5, 6), 0);
const GET_PRANDOM_U32: Helper = Helper::new(7, "get_prandom_u32", (4, 1), 0);
const GET_NUMA_NODE_ID: Helper = Helper::new(42, "get_numa_node_id", (4, 10), 0);
const GET_CURRENT_CGROUP_ID: Helper = Helper::new(80, "get_current_cgroup_id", (4, 18), 0);
const GET_CURRENT_PID_TGID: Helper = Helper::new(14, "get_current_pid_tgid", (4, 2), 0);
const GET_CURRENT_UID_GID: Helper = Helper::new(15, "get_current_uid_gid", (4, 2), 0);
const GET_CURRENT_COMM: Helper = Helper::new(16, "get_current_comm", (4, 2), 2);
const GET_CURRENT_TASK: Helper = Helper::new(35, "get_current_task", (4, 8), 0);
pub(super) const GET_SMP_PROCESSOR_ID: Helper = Helper::new(8, "get_smp_processor_id", (4, 1), 0);
const PROBE_READ: Helper = Helper::new(4, "probe_read", (4, 1), 3);
const PROBE_READ_STR: Helper = Helper::new(45, "probe_read_str", (4, 11), 3);
pub(super) const PROBE_READ_USER: Helper = Helper::new(112, "probe_read_user", (5, 5), 3);
pub(super) const PROBE_READ_KERNEL: Helper = Helper::new(113, "probe_read_kernel", (5, 5), 3);
const PROBE_READ_USER_STR: Helper = Helper::new(114, "probe_read_user_str", (5, 5), 3);
pub(super) const PROBE_READ_KERNEL_STR: Helper =
    Helper::new(115, "probe_read_kernel_str", (5, 5), 3);
const GET_STACK: Helper = Helper::new(67, "get_stack", (4, 18), 4);
const GET_ATTACH_COOKIE: Helper = Helper::new(174, "get_attach_cookie", (5, 15), 1);
const GET_FUNC_RET: Helper = Helper::new(184, "get_func_ret", (5, 17), 2);
const GET_SOCKET_COOKIE: Helper = Helper::new(46, "get_socket_cookie", (5, 12), 1);
const D_PATH: Helper = Helper::new(147, "d_path", (5, 10), 3);
const TRACE_PRINTK: Helper = Helper::new(6, "trace_printk", (4, 1), 5);
const PROBE_WRITE_USER: Helper = Helper::new(36, "probe_write_user", (4, 8), 3);
const GET_NS_CURRENT_PID_TGID: Helper = Helper::new(120, "get_ns_current_pid_tgid", (5, 7), 4);
const SEND_SIGNAL: Helper = Helper::new(109, "send_signal", (5, 3), 1);
const SEND_SIGNAL_THREAD: Helper = Helper::new(117, "send_signal_thread", (5, 5), 1);
const OVERRIDE_RETURN: Helper = Helper::new(58, "override_return", (4, 16), 2);
const GET_FUNC_IP: Helper = Helper::new(173, "get_func_ip", (5, 15), 1);

/// The helper behind a name of the IR; none where the object has the function itself.
pub(super) fn of(helper: ir::Helper) -> Option<&'static Helper> {
    Some(match helper {
        ir::Helper::Unwind => return None,
        ir::Helper::KtimeGetBootNs => &KTIME_GET_BOOT_NS,
        ir::Helper::KtimeGetNs => &KTIME_GET_NS,
        ir::Helper::KtimeGetTaiNs => &KTIME_GET_TAI_NS,
        ir::Helper::Jiffies64 => &JIFFIES64,
        ir::Helper::GetPrandomU32 => &GET_PRANDOM_U32,
        ir::Helper::GetNumaNodeId => &GET_NUMA_NODE_ID,
        ir::Helper::GetCurrentCgroupId => &GET_CURRENT_CGROUP_ID,
        ir::Helper::GetCurrentPidTgid => &GET_CURRENT_PID_TGID,
        ir::Helper::GetCurrentUidGid => &GET_CURRENT_UID_GID,
        ir::Helper::GetCurrentComm => &GET_CURRENT_COMM,
        ir::Helper::GetCurrentTask => &GET_CURRENT_TASK,
        ir::Helper::GetSmpProcessorId => &GET_SMP_PROCESSOR_ID,
        ir::Helper::ProbeReadKernel => &PROBE_READ_KERNEL,
        ir::Helper::ProbeReadUser => &PROBE_READ_USER,
        ir::Helper::ProbeReadKernelStr => &PROBE_READ_KERNEL_STR,
        ir::Helper::ProbeReadUserStr => &PROBE_READ_USER_STR,
        ir::Helper::ProbeRead => &PROBE_READ,
        ir::Helper::ProbeReadStr => &PROBE_READ_STR,
        ir::Helper::GetStack => &GET_STACK,
        ir::Helper::GetFuncRet => &GET_FUNC_RET,
        ir::Helper::SocketCookie => &GET_SOCKET_COOKIE,
        ir::Helper::DPath => &D_PATH,
        ir::Helper::TracePrintk => &TRACE_PRINTK,
        ir::Helper::ProbeWriteUser => &PROBE_WRITE_USER,
        ir::Helper::GetNsCurrentPidTgid => &GET_NS_CURRENT_PID_TGID,
        ir::Helper::SendSignal => &SEND_SIGNAL,
        ir::Helper::SendSignalThread => &SEND_SIGNAL_THREAD,
        ir::Helper::OverrideReturn => &OVERRIDE_RETURN,
        ir::Helper::GetFuncIp => &GET_FUNC_IP,
        ir::Helper::GetAttachCookie => &GET_ATTACH_COOKIE,
    })
}
