//! Statements: effects, in order.

use super::{EventId, ExprId, ExternalId, FunctionId, LocalId, MapId, Part, ValueId, VariableId};
use crate::source::Span;
use crate::types::TypeId;

/// Statements in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// In order.
    pub stmts: Vec<Stmt>,
}

/// A statement and the place of the script that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stmt {
    /// Which.
    pub kind: StmtKind,
    /// Becomes line information of the object.
    pub span: Span,
}

/// An effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StmtKind {
    /// Names a scalar that is used more than once. Expressions are trees: what is shared has a name.
    Let {
        /// Its name.
        result: ValueId,
        /// What it is.
        value: ExprId,
    },
    /// Reads a scalar local.
    Load {
        /// What it holds now.
        result: ValueId,
        /// Which.
        local: LocalId,
    },
    /// Assigns to a local. A scalar has the local's type. A memory value has it too, or is a shorter string, and
    /// is copied; the rest of a longer string is zeroed.
    Store {
        /// Which.
        local: LocalId,
        /// What.
        value: ExprId,
    },
    /// Assigns to a part of a memory value; a string there may be shorter than the room it has.
    StorePart {
        /// A memory value.
        local: LocalId,
        /// Bytes from its start.
        offset: u32,
        /// Type of the part.
        ty: TypeId,
        /// What.
        value: ExprId,
    },
    /// Reads a scalar that is a part of a memory value.
    LoadPart {
        /// What stands there.
        result: ValueId,
        /// Where.
        part: Part,
    },
    /// Compares two memory values of one type byte by byte.
    BytesEqual {
        /// Whether they are equal: a bool.
        result: ValueId,
        /// A memory value.
        left: ExprId,
        /// Another.
        right: ExprId,
    },
    /// Compares two strings of any sizes up to their NULs.
    StrEqual {
        /// Whether they are equal: a bool.
        result: ValueId,
        /// A string.
        left: ExprId,
        /// Another.
        right: ExprId,
    },
    /// Makes all bytes of a local zero.
    Zero {
        /// Which.
        local: LocalId,
    },
    /// Calls a BPF helper.
    Call {
        /// Which.
        helper: Helper,
        /// As many as the helper takes; scalars, addresses, or memory values (passed by address).
        args: Vec<ExprId>,
        /// What it returned, as `i64` or `u64`.
        result: Option<ValueId>,
    },
    /// Reads the value of a key; zeros where there is none. Reading an aggregation merges all CPUs' parts into one
    /// number (`count`, `sum`, `min`, `max`, `avg`).
    MapGet {
        /// Which.
        map: MapId,
        /// The key; `None` for a scalar map.
        key: Option<ExprId>,
        /// Where to; of the map's value type, or 64 bits for an aggregation.
        into: LocalId,
        /// Whether there was one: a bool.
        found: Option<ValueId>,
    },
    /// Assigns a plain value.
    MapPut {
        /// Which.
        map: MapId,
        /// The key; `None` for a scalar map.
        key: Option<ExprId>,
        /// Of the map's value type.
        value: ExprId,
        /// Sent when there is no room: an event whose one field is the helper's result (`i64`).
        full: EventId,
    },
    /// Adds to an aggregation on this CPU.
    MapAdd {
        /// Which.
        map: MapId,
        /// The key; `None` for a scalar map.
        key: Option<ExprId>,
        /// The number (64 bits), or for histograms the index of the bucket (`u64`); `None` for `count`.
        value: Option<ExprId>,
        /// For a series the time of day that the number belongs to, in nanoseconds since 1970 (`u64`).
        time: Option<ExprId>,
        /// As for [`StmtKind::MapPut`].
        full: EventId,
    },
    /// Looks whether a map that is not scalar has a key.
    MapHas {
        /// Which.
        map: MapId,
        /// The key.
        key: ExprId,
        /// Whether it is there: a bool.
        found: ValueId,
    },
    /// Removes a key, or makes a scalar map unset.
    MapDelete {
        /// Which.
        map: MapId,
        /// The key; `None` for a scalar map.
        key: Option<ExprId>,
        /// Whether there was one: a bool.
        found: Option<ValueId>,
    },
    /// Sends an event with its values; counted as lost when the ring buffer is full.
    Emit {
        /// Which.
        event: EventId,
        /// Of the event's field types; strings may be shorter.
        args: Vec<ExprId>,
    },
    /// Runs one of two blocks.
    If {
        /// A bool.
        condition: ExprId,
        /// Where it is true.
        then: Block,
        /// Where it is false.
        otherwise: Block,
    },
    /// A scope of its own.
    Block(Block),
    /// Repeats a block. All that the block mentions from around it is there as it is, also where the block becomes a
    /// function of its own.
    Loop {
        /// How often.
        kind: LoopKind,
        /// What.
        body: Block,
    },
    /// Leaves the innermost loop.
    Break,
    /// Begins the next round of the innermost loop.
    Continue,
    /// Calls a function of the script.
    CallFunction {
        /// Which.
        function: FunctionId,
        /// Of its parameters' types; strings may be shorter.
        args: Vec<ExprId>,
        /// What it returned, if that is a scalar.
        result: Option<ValueId>,
        /// Where a memory value that it returned is put.
        into: Option<LocalId>,
    },
    /// Calls a function in C.
    CallExternal {
        /// Which.
        external: ExternalId,
        /// Scalars as wide as its parameters.
        args: Vec<ExprId>,
        /// What it returned, if it returns something.
        result: Option<ValueId>,
    },
    /// Finds the address of a variable of the kernel that each CPU has its own of, as a number.
    PerCpu {
        /// Which.
        variable: VariableId,
        /// On which CPU, a `u64`; `None` for the one that the program runs on.
        cpu: Option<ExprId>,
        /// The address, a `u64`; 0 where there is no such CPU.
        result: ValueId,
    },
    /// Sends an event with its values and a packet of the kernel behind them; counted as lost where there is no room.
    SendPacket {
        /// Which.
        event: EventId,
        /// Of the event's field types.
        args: Vec<ExprId>,
        /// The packet: an address that the kernel's verifier knows as that of a `struct sk_buff`.
        packet: ExprId,
        /// How many bytes of the packet, a `u64` that is not more than [`ebtrace_image::MOST_OF_A_PACKET`].
        length: ExprId,
        /// 0, or a negative number of an error: an `i64`.
        result: ValueId,
    },
    /// Copies the name of a process or thread: text of up to 16 bytes, its NUL included. Calls [`TASK_FROM_PID`].
    TaskName {
        /// Its number, an `i32`, as the whole machine knows it.
        pid: ExprId,
        /// Where in the kernel's description of it the name stands.
        offset: u32,
        /// A text that is zero so far.
        into: LocalId,
        /// Whether there is one of this number: a bool.
        found: ValueId,
    },
    /// Ends the program or function, from within any number of loops: with this scalar (`i64` for a program), or with
    /// [`super::Func::returns`].
    Return(Option<ExprId>),
}

impl StmtKind {
    /// The value that it names.
    pub fn result(&self) -> Option<ValueId> {
        match self {
            StmtKind::Let { result, .. }
            | StmtKind::Load { result, .. }
            | StmtKind::LoadPart { result, .. }
            | StmtKind::BytesEqual { result, .. }
            | StmtKind::PerCpu { result, .. }
            | StmtKind::SendPacket { result, .. }
            | StmtKind::StrEqual { result, .. } => Some(*result),
            StmtKind::Call { result, .. }
            | StmtKind::CallFunction { result, .. }
            | StmtKind::CallExternal { result, .. } => *result,
            StmtKind::MapHas { found, .. } | StmtKind::TaskName { found, .. } => Some(*found),
            StmtKind::MapGet { found, .. } | StmtKind::MapDelete { found, .. } => *found,
            _ => None,
        }
    }
}

impl Helper {
    /// Whether it gives the same each time that one run of a program asks.
    pub fn is_constant(self) -> bool {
        matches!(
            self,
            Helper::GetNumaNodeId
                | Helper::GetCurrentCgroupId
                | Helper::GetCurrentPidTgid
                | Helper::GetCurrentUidGid
                | Helper::GetCurrentTask
                | Helper::GetSmpProcessorId
                | Helper::GetFuncIp
                | Helper::GetAttachCookie
        )
    }
}

impl LoopKind {
    /// What it assigns in each round.
    pub fn locals(&self) -> Vec<LocalId> {
        match self {
            LoopKind::Endless { .. } => Vec::new(),
            LoopKind::Range { index, .. } => vec![*index],
            LoopKind::Map { key, value, .. } => key.iter().chain(value).copied().collect(),
        }
    }
}

/// How often a loop repeats its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoopKind {
    /// Until [`StmtKind::Break`] or [`StmtKind::Return`], at most [`MOST_ROUNDS`] times; then `endless` is sent, an
    /// event without fields.
    Endless {
        /// Says that the loop did not end.
        endless: EventId,
    },
    /// Once for each number from the first to the one before the second, both `i64` and evaluated once; at most
    /// [`MOST_ROUNDS`] times, then `endless` is sent.
    Range {
        /// The first.
        from: ExprId,
        /// One past the last.
        to: ExprId,
        /// Is assigned the number: an `i64`.
        index: LocalId,
        /// Says that the loop did not end.
        endless: EventId,
    },
    /// Once for each key of a map.
    Map {
        /// Which; not a scalar one.
        map: MapId,
        /// Is assigned the key.
        key: Option<LocalId>,
        /// Is assigned the value, of the map's type, or 64 bits for an aggregation, merged over all CPUs.
        value: Option<LocalId>,
    },
}

/// What a loop repeats at most: the kernel's own limit (`BPF_MAX_LOOPS`).
pub const MOST_ROUNDS: u64 = 1 << 23;

/// The kernel's function that [`StmtKind::TaskName`] needs, which not all kernels and not all programs have.
pub const TASK_FROM_PID: &str = "bpf_task_from_pid";

/// The BPF helpers that statements call by name; `codegen::helper` has their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Helper {
    /// `u64 bpf_ktime_get_boot_ns()`
    KtimeGetBootNs,
    /// `u64 bpf_ktime_get_ns()`
    KtimeGetNs,
    /// `u64 bpf_ktime_get_tai_ns()`
    KtimeGetTaiNs,
    /// `u64 bpf_jiffies64()`
    Jiffies64,
    /// `u32 bpf_get_prandom_u32()`
    GetPrandomU32,
    /// `long bpf_get_numa_node_id()`
    GetNumaNodeId,
    /// `u64 bpf_get_current_cgroup_id()`
    GetCurrentCgroupId,
    /// `u64 bpf_get_current_pid_tgid()`
    GetCurrentPidTgid,
    /// `u64 bpf_get_current_uid_gid()`
    GetCurrentUidGid,
    /// `long bpf_get_current_comm(void *buffer, u32 size)`
    GetCurrentComm,
    /// `u64 bpf_get_current_task()`
    GetCurrentTask,
    /// `u32 bpf_get_smp_processor_id()`
    GetSmpProcessorId,
    /// `long bpf_probe_read_kernel(void *into, u32 size, const void *from)`
    ProbeReadKernel,
    /// `long bpf_probe_read_user(void *into, u32 size, const void *from)`
    ProbeReadUser,
    /// `long bpf_probe_read_kernel_str(void *into, u32 size, const void *from)`
    ProbeReadKernelStr,
    /// `long bpf_probe_read_user_str(void *into, u32 size, const void *from)`
    ProbeReadUserStr,
    /// `long bpf_probe_read(void *into, u32 size, const void *from)`: of either memory, told by the address.
    ProbeRead,
    /// `long bpf_probe_read_str(void *into, u32 size, const void *from)`: likewise.
    ProbeReadStr,
    /// `long bpf_get_stack(void *context, void *into, u32 size, u64 flags)`: bytes written, or negative.
    GetStack,
    /// `long unwind(u64 *frames, u64 most, u64 *state, u64 pid)`: how many frames there are. No helper of the kernel, but a
    /// function of the object; see [`Unwinding`] for the state.
    Unwind,
    /// `u64 bpf_get_socket_cookie(struct sock *socket)`
    SocketCookie,
    /// `long bpf_d_path(struct path *path, char *into, u32 size)`
    DPath,
    /// `long bpf_trace_printk(const char *format, u32 size, u64 first, u64 second, u64 third)`
    TracePrintk,
    /// `long bpf_probe_write_user(void *to, const void *from, u32 size)`
    ProbeWriteUser,
    /// `long bpf_get_ns_current_pid_tgid(u64 device, u64 inode, struct bpf_pidns_info *into, u32 size)`
    GetNsCurrentPidTgid,
    /// `long bpf_send_signal(u32 signal)`
    SendSignal,
    /// `long bpf_send_signal_thread(u32 signal)`
    SendSignalThread,
    /// `long bpf_override_return(void *context, u64 result)`
    OverrideReturn,
    /// `u64 bpf_get_func_ip(void *context)`
    GetFuncIp,
    /// `long bpf_get_func_ret(void *context, u64 *into)`
    GetFuncRet,
    /// `u64 bpf_get_attach_cookie(void *context)`
    GetAttachCookie,
}

/// What [`Helper::Unwind`] keeps of a walk, at these offsets from an address.
#[derive(Debug, Clone, Copy)]
pub struct Unwinding;

impl Unwinding {
    /// How many words it takes.
    pub const WORDS: u32 = 16;
    /// Why the stack ends early; 0 where it does not.
    pub const TROUBLE: u32 = 0;
    /// The address that the walk came to.
    pub const ADDRESS: u32 = 8;
}
