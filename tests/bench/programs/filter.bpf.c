// /pid == N/ { @ = count(); }
#include "bench.h"

struct {
    TYPE(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    SIZE(max_entries, 1);
    u32 *key;
    u64 *value;
} total SECTION(".maps");

// Set before the program is loaded, as the script has it as a parameter.
const volatile u32 wanted_pid;

ENTER int probe(struct openat_enter *args) {
    if (pid_tgid() >> 32 != wanted_pid) return 0;
    u32 zero = 0;
    u64 *value = lookup(&total, &zero);
    if (value) ++*value;
    return 0;
}
