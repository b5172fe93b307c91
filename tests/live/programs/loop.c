// Calls a function and passes a marked place every 10 ms, for ten seconds at most. Two names are a file to rename and its
// new name.
#include <stdio.h>
#include <unistd.h>
#include "marks.h"

__attribute__((noinline)) int turn(int number) {
  __asm__ volatile(MARK_NOTE("loop", "turned", "0", "-4@%[a]") : : [a] "r"(number));
  return number;
}

int main(int count, char **names) {
  if (count == 3) rename(names[1], names[2]);
  for (int i = 0; i < 1000; i++) {
    turn(7);
    usleep(10000);
  }
  return 0;
}
