// Shows a text before and after a function that does nothing with it.
#include <stdio.h>

static char text[16] = "as it was";
static long number = 1;

__attribute__((noinline)) void show(char *where, long *other) { __asm__ volatile("" ::"r"(where), "r"(other) : "memory"); }

int main(void) {
  show(text, &number);
  printf("%s, %ld\n", text, number);
  show(0, 0);
  return 0;
}
