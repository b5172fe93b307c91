// @[str(args.filename)] = count(): names of up to 63 bytes have small keys, longer ones large keys.
#include "bench.h"
#include "count.h"

struct short_name {
    char text[64];
};

struct long_name {
    char text[1024];
};

struct {
    TYPE(type, BPF_MAP_TYPE_PERCPU_HASH);
    SIZE(max_entries, 4096);
    struct short_name *key;
    u64 *value;
} short_names SECTION(".maps");

struct {
    TYPE(type, BPF_MAP_TYPE_PERCPU_HASH);
    SIZE(max_entries, 4096);
    SIZE(map_flags, BPF_F_NO_PREALLOC);
    struct long_name *key;
    u64 *value;
} long_names SECTION(".maps");

struct {
    TYPE(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    SIZE(max_entries, 1);
    u32 *key;
    struct long_name *value;
} scratch SECTION(".maps");

ENTER int probe(struct openat_enter *args) {
    struct short_name key = {};
    if (read_user_str(&key, sizeof key, args->filename) < (s64)sizeof key) {
        count(&short_names, &key);
        return 0;
    }
    u32 zero = 0;
    struct long_name *name = lookup(&scratch, &zero);
    if (!name) return 0;
    __builtin_memset(name, 0, sizeof *name);
    read_user_str(name, sizeof *name, args->filename);
    count(&long_names, name);
    return 0;
}
