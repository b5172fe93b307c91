// printf("%s %d\n", comm, pid): nobody is woken, for user space looks on a timer; what finds no room is counted.
#include "bench.h"

struct record {
    u64 event;
    char comm[16];
    u32 pid, padding;
};

struct {
    TYPE(type, BPF_MAP_TYPE_RINGBUF);
    SIZE(max_entries, 1 << 24);
} ring SECTION(".maps");

struct {
    TYPE(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    SIZE(max_entries, 1);
    u32 *key;
    u64 *value;
} lost SECTION(".maps");

ENTER int probe(struct openat_enter *args) {
    struct record *record = reserve(&ring, sizeof *record, 0);
    if (!record) {
        u32 zero = 0;
        u64 *count = lookup(&lost, &zero);
        if (count) ++*count;
        return 0;
    }
    record->event = 0;
    get_comm(record->comm, sizeof record->comm);
    record->pid = pid_tgid() >> 32;
    record->padding = 0;
    submit(record, BPF_RB_NO_WAKEUP);
    return 0;
}
