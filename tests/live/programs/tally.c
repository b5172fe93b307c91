// Calls `tally` on two processors at the same time, a thousand times each: with -300 … 699 on the first, and with twice as
// much on the second.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

static pthread_barrier_t both;

__attribute__((noinline)) void tally(long value)
{
	__asm__ volatile("" : : "r"(value) : "memory");
}

static void *thread(void *argument)
{
	long cpu = (long)argument;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return (void *)1;
	pthread_barrier_wait(&both);
	for (long i = 0; i < 1000; i++)
		tally((i - 300) * (cpu + 1));
	return 0;
}

int main(void)
{
	pthread_t other;
	void *status;

	if (pthread_barrier_init(&both, 0, 2) || pthread_create(&other, 0, thread, (void *)1) || thread(0))
		return 1;
	return pthread_join(other, &status) || status;
}
