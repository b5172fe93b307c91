// measure RUNS COMMAND… : runs COMMAND so often and prints the medians of CPU ms (user + system), wall ms and peak MiB.
// Standard output of COMMAND is thrown away; its standard error is shown only when it fails. What the environment has as
// BETWEEN is run by a shell before each run, and not counted.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    qsort(values, count, sizeof *values, ascending);
    return values[count / 2];
}

static double ms(struct timeval t) { return t.tv_sec * 1e3 + t.tv_usec / 1e3; }

// Returns the exit status of one run.
static int run(char **command, int silent, double *cpu, double *wall, double *peak) {
    struct timespec start, end;
    struct rusage usage;
    int status;
    const char *between = getenv("BETWEEN");
    if (between && system(between) != 0) return -1;
    clock_gettime(CLOCK_MONOTONIC, &start);
    pid_t pid = vfork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        if (silent) dup2(null, 2);
        execvp(command[0], command);
        _exit(127);
    }
    wait4(pid, &status, 0, &usage);
    clock_gettime(CLOCK_MONOTONIC, &end);
    *cpu = ms(usage.ru_utime) + ms(usage.ru_stime);
    *wall = (end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) / 1e6;
    *peak = usage.ru_maxrss / 1024.0;
    return status;
}

int main(int argc, char **argv) {
    int runs = argc > 2 ? atoi(argv[1]) : 0;
    if (runs < 1) return fprintf(stderr, "usage: measure RUNS COMMAND…\n"), 2;
    double *cpu = calloc(runs, sizeof *cpu), *wall = calloc(runs, sizeof *wall), *peak = calloc(runs, sizeof *peak);
    run(argv + 2, 1, cpu, wall, peak); // warms the caches
    for (int i = 0; i < runs; i++) {
        if (run(argv + 2, 1, cpu + i, wall + i, peak + i) != 0) {
            run(argv + 2, 0, cpu, wall, peak);
            return 1;
        }
    }
    printf("%.1f %.1f %.1f\n", median(cpu, runs), median(wall, runs), median(peak, runs));
}
