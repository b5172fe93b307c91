// Buckets of powers of two: below zero, zero, one, two and three, four to seven, and so on. One value in an array of each
// CPU holds all of them.
enum { BUCKETS = 66 };

struct buckets {
    u64 of[BUCKETS];
};

struct {
    TYPE(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    SIZE(max_entries, 1);
    u32 *key;
    struct buckets *value;
} histogram SECTION(".maps");

INLINE u32 log2_of(u64 value) {
    u32 result = 0;
#ifdef BRANCHES
    if (value >> 32) value >>= 32, result += 32;
    if (value >> 16) value >>= 16, result += 16;
    if (value >> 8) value >>= 8, result += 8;
    if (value >> 4) value >>= 4, result += 4;
    if (value >> 2) value >>= 2, result += 2;
    if (value >> 1) result += 1;
#else
    u32 shift;
    shift = (value > 0xffffffff) << 5; value >>= shift; result |= shift;
    shift = (value > 0xffff) << 4; value >>= shift; result |= shift;
    shift = (value > 0xff) << 3; value >>= shift; result |= shift;
    shift = (value > 0xf) << 2; value >>= shift; result |= shift;
    shift = (value > 0x3) << 1; value >>= shift; result |= shift;
    result |= value >> 1;
#endif
    return result;
}

INLINE void put(s64 value) {
    u32 zero = 0, bucket;
    struct buckets *buckets = lookup(&histogram, &zero);
    if (!buckets) return;
    if (value < 0) bucket = 0;
    else if (value == 0) bucket = 1;
    else bucket = 2 + log2_of(value);
    if (bucket < BUCKETS) ++buckets->of[bucket];
}
