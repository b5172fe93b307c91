// @[pid, comm] = count(), elements allocated when they are needed
#include "bench.h"
#include "count.h"

struct key {
    u32 pid;
    char comm[16];
};

struct {
    TYPE(type, BPF_MAP_TYPE_PERCPU_HASH);
    SIZE(max_entries, 4096);
    SIZE(map_flags, BPF_F_NO_PREALLOC);
    struct key *key;
    u64 *value;
} counts SECTION(".maps");

ENTER int probe(struct openat_enter *args) {
    struct key key = {.pid = pid_tgid() >> 32};
    get_comm(key.comm, sizeof key.comm);
    count(&counts, &key);
    return 0;
}
