// @ = hist(nsecs), the bucket found with branches
#define BRANCHES
#include "bench.h"
#include "histogram.h"

ENTER int probe(struct openat_enter *args) {
    put(nsecs());
    return 0;
}
