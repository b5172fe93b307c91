// @ = count()
#include "bench.h"

struct {
    TYPE(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    SIZE(max_entries, 1);
    u32 *key;
    u64 *value;
} total SECTION(".maps");

ENTER int probe(struct openat_enter *args) {
    u32 zero = 0;
    u64 *value = lookup(&total, &zero);
    if (value) ++*value;
    return 0;
}
