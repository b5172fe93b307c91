// Moves itself from one CPU to another as many times as its argument says.
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	long times = argc > 1 ? atol(argv[1]) : 1;

	for (long i = 0; i <= times; i++) {
		cpu_set_t one;

		CPU_ZERO(&one);
		CPU_SET(i % 2, &one);
		if (sched_setaffinity(0, sizeof one, &one))
			return 1;
	}
	return 0;
}
