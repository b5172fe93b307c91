// A function that is called with known arguments, and prints where it stands.
#include <stdio.h>
#include <time.h>

__attribute__((noinline)) long known(long a, long b, long c, long d) {
  __asm__ volatile("" ::: "memory");
  return a * 1000 + b * 100 + c * 10 + d;
}

int main(void) {
  printf("known at %lx\n", (unsigned long)&known);
  return known(1, 2, 3, 4) != 1234;
}
