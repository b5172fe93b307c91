// What the programs of the bench share: the helpers and maps of the kernel, and nothing of libbpf's headers.
#include <linux/bpf.h>

typedef __u8 u8;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

#define SECTION(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

#define TYPE(name, number) int (*name)[number]
#define SIZE(name, number) int (*name)[number]

#define ENTER SECTION("tracepoint/syscalls/sys_enter_openat")
#define EXIT SECTION("tracepoint/syscalls/sys_exit_openat")

static void *(*const lookup)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*const update)(void *map, const void *key, const void *value, u64 flags) = (void *)BPF_FUNC_map_update_elem;
static long (*const delete)(void *map, const void *key) = (void *)BPF_FUNC_map_delete_elem;
static u64 (*const nsecs)(void) = (void *)BPF_FUNC_ktime_get_boot_ns;
static u64 (*const pid_tgid)(void) = (void *)BPF_FUNC_get_current_pid_tgid;
static long (*const get_comm)(void *buffer, u32 size) = (void *)BPF_FUNC_get_current_comm;
static long (*const read_user_str)(void *into, u32 size, const void *from) = (void *)BPF_FUNC_probe_read_user_str;
static long (*const get_stack)(void *context, void *buffer, u32 size, u64 flags) = (void *)BPF_FUNC_get_stack;
static long (*const get_stackid)(void *context, void *map, u64 flags) = (void *)BPF_FUNC_get_stackid;
static void *(*const reserve)(void *ring, u64 size, u64 flags) = (void *)BPF_FUNC_ringbuf_reserve;
static void (*const submit)(void *record, u64 flags) = (void *)BPF_FUNC_ringbuf_submit;

// As the tracepoints lay out what they tell.
struct openat_enter {
    u64 common;
    s64 number, directory;
    const char *filename;
};

struct openat_exit {
    u64 common;
    s64 number, result;
};

char license_text[] SECTION("license") = "GPL";
