// Computes in `busy` for as many milliseconds of processor time as its argument says, in a second thread if there is
// another argument.
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

static long milliseconds;

__attribute__((noinline)) void busy(void)
{
	struct timespec used;

	do
		for (volatile int i = 0; i < 20000; i++)
			;
	while (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) == 0 &&
	       used.tv_sec * 1000 + used.tv_nsec / 1000000 < milliseconds);
}

static void *thread(void *unused)
{
	busy();
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t other;

	milliseconds = argc > 1 ? atol(argv[1]) : 1;
	if (argc < 3) {
		busy();
		return 0;
	}
	return pthread_create(&other, 0, thread, 0) || pthread_join(other, 0);
}
