// The least that printing a map takes: a hash of 100,000 numbers by number, read in batches, sorted by value and written in
// large blocks.
//   dump          fills the map
//   dump print    and prints it
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { KEYS = 100000, BATCH = 8192 };

struct element {
    uint64_t key, value;
};

static int bpf(enum bpf_cmd command, union bpf_attr *attr) { return syscall(SYS_bpf, command, attr, sizeof *attr); }

static void check(int failed, const char *what) {
    if (failed) perror(what), exit(1);
}

static int filled(uint64_t *numbers) {
    union bpf_attr attr = {.map_type = BPF_MAP_TYPE_HASH, .key_size = 8, .value_size = 8, .max_entries = KEYS + 1,
                           .map_flags = BPF_F_NO_PREALLOC};
    int map = bpf(BPF_MAP_CREATE, &attr);
    check(map < 0, "BPF_MAP_CREATE");
    for (int i = 0; i < KEYS; i++) numbers[i] = i;
    union bpf_attr update = {.batch = {.keys = (uintptr_t)numbers, .values = (uintptr_t)numbers, .count = KEYS,
                                       .map_fd = map}};
    check(bpf(BPF_MAP_UPDATE_BATCH, &update) < 0, "BPF_MAP_UPDATE_BATCH");
    return map;
}

static int by_value(const void *left, const void *right) {
    const struct element *a = left, *b = right;
    return a->value != b->value ? (a->value > b->value) - (a->value < b->value) : (a->key > b->key) - (a->key < b->key);
}

static void print(int map) {
    static uint64_t keys[BATCH], values[BATCH];
    static char buffer[1 << 16];
    struct element *elements = malloc((KEYS + 1) * sizeof *elements);
    uint64_t position = 0;
    size_t count = 0;
    int more = 1;
    for (int first = 1; more; first = 0) {
        union bpf_attr attr = {.batch = {.in_batch = first ? 0 : (uintptr_t)&position, .out_batch = (uintptr_t)&position,
                                         .keys = (uintptr_t)keys, .values = (uintptr_t)values, .count = BATCH,
                                         .map_fd = map}};
        more = bpf(BPF_MAP_LOOKUP_BATCH, &attr) == 0;
        for (unsigned i = 0; i < attr.batch.count && count < KEYS; i++)
            elements[count++] = (struct element){keys[i], values[i]};
    }
    check(count != KEYS, "BPF_MAP_LOOKUP_BATCH");
    qsort(elements, count, sizeof *elements, by_value);
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    for (size_t i = 0; i < count; i++)
        printf("@[%llu]: %llu\n", (unsigned long long)elements[i].key, (unsigned long long)elements[i].value);
}

int main(int argc, char **argv) {
    static uint64_t numbers[KEYS];
    int map = filled(numbers);
    if (argc > 1) print(map);
    return 0;
}
