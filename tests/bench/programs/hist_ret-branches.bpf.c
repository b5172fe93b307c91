// @ = hist(args.ret), the bucket found with branches
#define BRANCHES
#include "bench.h"
#include "histogram.h"

EXIT int probe(struct openat_exit *args) {
    put(args->result);
    return 0;
}
