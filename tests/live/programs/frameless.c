/* Functions whose callers do not stand where a frame pointer would be: to be built with -O2 -fomit-frame-pointer.

   work() is called in four ways, with its number: 1 through functions of this file, 2 by qsort of the C library, 3 by
   a signal, 4 from a frame whose size is known when it runs. */
#include <alloca.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define APART __attribute__((noinline, noclone, noipa))

APART int work(int number) {
  syscall(SYS_getppid);
  return number;
}

/* A call that is not the last thing done, and values kept across it. */
APART int inner(int number, int times) {
  int sum = 0;
  while (times-- > 0) sum += work(number) + times;
  return sum;
}

APART int middle(int number) {
  char room[300];
  memset(room, number, sizeof room);
  int sum = inner(number, 1);
  __asm__ volatile("" ::"r"(room) : "memory");
  return sum + room[7];
}

APART int outer(int number) { return middle(number) * 3 + 1; }

APART int compare(const void *left, const void *right) {
  return work(2) - 2 + *(const int *)left - *(const int *)right;
}

APART int sorted(void) {
  int numbers[] = {2, 1};
  qsort(numbers, 2, sizeof *numbers, compare);
  return numbers[0];
}

static volatile int raised;

APART void handler(int number) { raised = work(3 + number - SIGUSR1); }

APART int signalled(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  sigaction(SIGUSR1, &action, NULL);
  syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
  return 1;
}

APART int varied(int size) {
  char *room = alloca(size);
  memset(room, 1, size);
  return work(4) + room[size - 1];
}

/* frameless [TIMES]: does its work so often, a tenth of a second apart. */
int main(int count, char **words) {
  int sum = 0;
  for (int times = count > 1 ? atoi(words[1]) : 1; times > 0; times--) {
    sum += outer(1) + sorted() + signalled() + varied(count * 100 + 33);
    if (times > 1) usleep(100000);
  }
  return sum == 0;
}
