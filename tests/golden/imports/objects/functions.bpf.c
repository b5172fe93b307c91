// functions.bpf.o: clang -target bpf -g -O2 -c functions.bpf.c && llvm-strip -g functions.bpf.o
// no_btf.bpf.o: the same with `llvm-objcopy --remove-section .BTF --remove-section .rel.BTF` after it.
// licensed.bpf.o: the same as functions.bpf.o with -DLICENSED.
// another.bpf.o: a copy of functions.bpf.o.

struct pair {
  int a;
  long b;
};

int seen;

int add(int a, int b) { return a + b; }

_Bool is_first(void) { return seen++ == 0; }

void store(long *where, long value) { *where = value; }

long second(struct pair *pair) { return pair->b; }

int strange(void (*f)(int), int count) { return count; }

#ifdef LICENSED
char LICENSE[] __attribute__((section("license"))) = "Dual BSD/GPL";
#endif
