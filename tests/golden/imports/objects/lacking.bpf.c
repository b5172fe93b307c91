#include <bpf/missing.h>
#error 'bpf/missing.h' file not found
