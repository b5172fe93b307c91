// Nothing: what the call and the kernel's clock cost.
#include "bench.h"

ENTER int probe(struct openat_enter *args) { return 0; }
