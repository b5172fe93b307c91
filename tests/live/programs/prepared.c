// A marked place that is prepared only while somebody watches it: 42 if so, and how that is after 0.3 s, to show the end.
#include <stdio.h>
#include <unistd.h>
#include "marks.h"

SEMAPHORE(app_busy_semaphore);

int main(void) {
  // What attaches has the time to.
  for (int i = 0; i < 100 && !app_busy_semaphore; i++) usleep(10000);
  int computed = app_busy_semaphore ? 42 : 7;
  __asm__ volatile(MARK_NOTE("app", "busy", "app_busy_semaphore", "-4@%[a]") : : [a] "r"(computed));
  return app_busy_semaphore != 1;
}
