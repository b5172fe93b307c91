// @[kstack] = count(): the kernel keeps stacks by a hash of theirs; where two have the same, the second is counted by all
// of its addresses, so that nothing is lost.
#include "bench.h"
#include "count.h"

enum { DEPTH = 127 };

struct stack {
    u64 addresses[DEPTH];
};

struct {
    TYPE(type, BPF_MAP_TYPE_STACK_TRACE);
    SIZE(max_entries, 16384);
    u32 *key;
    struct stack *value;
} stacks SECTION(".maps");

struct {
    TYPE(type, BPF_MAP_TYPE_PERCPU_HASH);
    SIZE(max_entries, 4096);
    u32 *key;
    u64 *value;
} by_id SECTION(".maps");

struct {
    TYPE(type, BPF_MAP_TYPE_PERCPU_HASH);
    SIZE(max_entries, 4096);
    SIZE(map_flags, BPF_F_NO_PREALLOC);
    struct stack *key;
    u64 *value;
} by_addresses SECTION(".maps");

struct {
    TYPE(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    SIZE(max_entries, 1);
    u32 *key;
    struct stack *value;
} scratch SECTION(".maps");

ENTER int probe(struct openat_enter *args) {
    s64 id = get_stackid(args, &stacks, 0);
    if (id >= 0) {
        u32 key = id;
        count(&by_id, &key);
        return 0;
    }
    u32 zero = 0;
    struct stack *stack = lookup(&scratch, &zero);
    if (!stack) return 0;
    __builtin_memset(stack, 0, sizeof *stack);
    get_stack(args, stack, sizeof *stack, 0);
    count(&by_addresses, stack);
    return 0;
}
