// @[comm] = count(), all elements allocated at the start
#include "bench.h"
#include "count.h"

struct comm {
    char text[16];
};

struct {
    TYPE(type, BPF_MAP_TYPE_PERCPU_HASH);
    SIZE(max_entries, 4096);
    struct comm *key;
    u64 *value;
} counts SECTION(".maps");

ENTER int probe(struct openat_enter *args) {
    struct comm key;
    get_comm(&key, sizeof key);
    count(&counts, &key);
    return 0;
}
