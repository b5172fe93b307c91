// Counting by key in a hash of each CPU: what is not there yet is put there with a one.
INLINE void count(void *map, const void *key) {
    u64 *value = lookup(map, key);
    if (value) {
        ++*value;
    } else {
        u64 one = 1;
        update(map, key, &one, BPF_NOEXIST);
    }
}
