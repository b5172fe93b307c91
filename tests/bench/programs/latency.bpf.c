// The time from start to end by thread, all elements allocated at the start
#include "bench.h"
#include "histogram.h"

struct {
    TYPE(type, BPF_MAP_TYPE_HASH);
    SIZE(max_entries, 4096);
    u32 *key;
    u64 *value;
} start SECTION(".maps");

ENTER int enter(struct openat_enter *args) {
    u32 thread = pid_tgid();
    u64 now = nsecs();
    update(&start, &thread, &now, BPF_ANY);
    return 0;
}

EXIT int leave(struct openat_exit *args) {
    u32 thread = pid_tgid();
    u64 *began = lookup(&start, &thread);
    if (!began || !*began) return 0;
    put(nsecs() - *began);
    delete(&start, &thread);
    return 0;
}
