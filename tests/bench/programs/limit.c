// The least that a tracer can spend: what the bench scripts do, written by hand against bpf(2).
//   limit            runs one program once:  begin { exit(); }
//   limit COMMAND…   counts openat calls by comm while COMMAND runs, and prints them
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMM = 16, MAX_KEYS = 4096 };

#define INSN(op, d, s, o, i) ((struct bpf_insn){.code = (op), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})
#define MOV_IMM(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOV_REG(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ADD_IMM(d, i) INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define LOAD(d, s, o) INSN(BPF_LDX | BPF_MEM | BPF_DW, d, s, o, 0)
#define STORE(d, s, o) INSN(BPF_STX | BPF_MEM | BPF_DW, d, s, o, 0)
#define STORE_IMM(d, o, i) INSN(BPF_ST | BPF_MEM | BPF_DW, d, 0, o, i)
#define JUMP_NE(d, i, o) INSN(BPF_JMP | BPF_JNE | BPF_K, d, 0, o, i)
#define JUMP_EQ(d, i, o) INSN(BPF_JMP | BPF_JEQ | BPF_K, d, 0, o, i)
#define JUMP(o) INSN(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define CALL(f) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define LOAD_MAP(d, fd) INSN(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)

static int bpf(enum bpf_cmd command, union bpf_attr *attr, const char *what) {
    int result = syscall(SYS_bpf, command, attr, sizeof *attr);
    if (result < 0 && what) perror(what), exit(1);
    return result;
}

static int load(const struct bpf_insn *insns, int count) {
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT, .insns = (uintptr_t)insns, .insn_cnt = count,
                           .license = (uintptr_t)"GPL"};
    return bpf(BPF_PROG_LOAD, &attr, "BPF_PROG_LOAD");
}

static int once(void) {
    struct bpf_insn program[] = {MOV_IMM(0, 0), EXIT};
    union bpf_attr attr = {.test.prog_fd = load(program, 2)};
    bpf(BPF_PROG_TEST_RUN, &attr, "BPF_PROG_TEST_RUN");
    return 0;
}

static int create_map(void) {
    union bpf_attr attr = {.map_type = BPF_MAP_TYPE_PERCPU_HASH, .key_size = COMM, .value_size = 8,
                           .max_entries = MAX_KEYS, .map_flags = BPF_F_NO_PREALLOC};
    return bpf(BPF_MAP_CREATE, &attr, "BPF_MAP_CREATE");
}

static void attach_openat_counter(int map) {
    struct bpf_insn program[] = {
        LOAD(1, 1, 8), // the raw tracepoint's second argument: the system call's number
        JUMP_NE(1, SYS_openat, 23),
        MOV_REG(1, 10), ADD_IMM(1, -COMM), MOV_IMM(2, COMM), CALL(BPF_FUNC_get_current_comm),
        LOAD_MAP(1, map), MOV_REG(2, 10), ADD_IMM(2, -COMM), CALL(BPF_FUNC_map_lookup_elem),
        JUMP_EQ(0, 0, 4),
        LOAD(1, 0, 0), ADD_IMM(1, 1), STORE(0, 1, 0), JUMP(9),
        STORE_IMM(10, -COMM - 8, 1),
        LOAD_MAP(1, map), MOV_REG(2, 10), ADD_IMM(2, -COMM), MOV_REG(3, 10), ADD_IMM(3, -COMM - 8), MOV_IMM(4, BPF_ANY),
        CALL(BPF_FUNC_map_update_elem),
        MOV_IMM(0, 0), EXIT,
    };
    union bpf_attr attr = {.raw_tracepoint = {.name = (uintptr_t)"sys_enter",
                                              .prog_fd = load(program, sizeof program / sizeof *program)}};
    bpf(BPF_RAW_TRACEPOINT_OPEN, &attr, "BPF_RAW_TRACEPOINT_OPEN");
}

static void print_map(int map) {
    int cpus = sysconf(_SC_NPROCESSORS_CONF);
    uint64_t *values = calloc(cpus, sizeof *values);
    char key[COMM], next[COMM];
    union bpf_attr attr = {.map_fd = map, .next_key = (uintptr_t)next};
    while (bpf(BPF_MAP_GET_NEXT_KEY, &attr, NULL) == 0) {
        memcpy(key, next, COMM);
        union bpf_attr look = {.map_fd = map, .key = (uintptr_t)key, .value = (uintptr_t)values};
        uint64_t sum = 0;
        if (bpf(BPF_MAP_LOOKUP_ELEM, &look, NULL) == 0)
            for (int i = 0; i < cpus; i++) sum += values[i];
        printf("@[%.*s]: %llu\n", COMM, key, (unsigned long long)sum);
        attr.key = (uintptr_t)key;
    }
}

int main(int argc, char **argv) {
    if (argc < 2) return once();
    int map = create_map();
    attach_openat_counter(map);
    pid_t pid = vfork();
    if (pid == 0) execvp(argv[1], argv + 1), _exit(127);
    int status;
    waitpid(pid, &status, 0);
    print_map(map);
    return status != 0;
}
