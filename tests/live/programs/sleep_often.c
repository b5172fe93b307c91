// Sleeps as many times as its argument says, for a millisecond each.
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	struct timespec millisecond = { 0, 1000000 };

	for (long times = argc > 1 ? atol(argv[1]) : 1; times > 0; times--)
		nanosleep(&millisecond, 0);
	return 0;
}
