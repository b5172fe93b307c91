// @[kstack] = count(), counted by the addresses: the helper clears what the stack leaves of the buffer only where it
// fails, so that is done before.
#include "bench.h"
#include "count.h"

enum { DEPTH = 127 };

struct stack {
    u64 addresses[DEPTH];
};

struct {
    TYPE(type, BPF_MAP_TYPE_PERCPU_HASH);
    SIZE(max_entries, 4096);
    SIZE(map_flags, BPF_F_NO_PREALLOC);
    struct stack *key;
    u64 *value;
} counts SECTION(".maps");

struct {
    TYPE(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    SIZE(max_entries, 1);
    u32 *key;
    struct stack *value;
} scratch SECTION(".maps");

ENTER int probe(struct openat_enter *args) {
    u32 zero = 0;
    struct stack *stack = lookup(&scratch, &zero);
    if (!stack) return 0;
    __builtin_memset(stack, 0, sizeof *stack);
    get_stack(args, stack, sizeof *stack, 0);
    count(&counts, stack);
    return 0;
}
