// Runs a command and writes what it took into a file: its status, microseconds of CPU, the largest resident set
// in KiB, and nanoseconds from start to end. The system counts to a process's memory what its parent had when it started
// it; this one has next to none.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long microseconds(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

int main(int argc, char **argv)
{
	long long start = nanoseconds();
	struct rusage usage;
	int status;
	FILE *file;
	pid_t child;

	if (argc < 3)
		return 2;
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child)
		return 1;
	start = nanoseconds() - start;
	file = fopen(argv[1], "w");
	if (!file)
		return 1;
	fprintf(file, "%d %lld %ld %lld\n", status, microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
		usage.ru_maxrss, start);
	return fclose(file) ? 1 : 0;
}
