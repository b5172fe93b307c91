/* Busy for a second or so, now and then with a system call, at some depth and without frame pointers. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

__attribute__((noinline, noipa)) long spin(long from) {
  long sum = syscall(SYS_getppid);
  for (volatile long times = 0; times < 100000; times++) sum += from ^ times;
  return sum;
}

__attribute__((noinline, noipa)) long round(long from) { return spin(from) / 3 + 1; }

int main(void) {
  long sum = 0;
  for (time_t end = time(NULL) + 2; time(NULL) < end;) sum += round(sum);
  return sum == 0;
}
