// Marked places with arguments of all forms: 3 rounds.
#include "marks.h"

long counter = 1000;
unsigned char table[] = {10, 20, 30, 40};

// One name at two places, where the arguments are in different places.
static void request(int round, const char *path) {
  if (round == 1)
    __asm__ volatile(MARK_NOTE("app", "request", "0", "-4@%[a] 8@%[b]") : : [a] "r"(round), [b] "r"(path) : "memory");
  else {
    volatile int kept = round;
    const char *volatile shown = path;
#if defined(__x86_64__)
    __asm__ volatile(MARK_NOTE("app", "request", "0", "-4@%[a] 8@%[b]") : : [a] "m"(kept), [b] "m"(shown) : "memory");
#else
    __asm__ volatile(MARK_NOTE("app", "request", "0", "-4@[%[a]] 8@[%[b]]") : : [a] "r"(&kept), [b] "r"(&shown) : "memory");
#endif
  }
}

// Constants, negative numbers, numbers of one and two bytes, elements of an array, and a variable.
static void forms(long index) {
#if defined(__x86_64__)
  __asm__ volatile("mov $0x1234fe, %%eax\n"
                   MARK_NOTE("app", "forms", "0",
                             "4@$-5 -1@%%al 1@%%ah -2@%%ax 1@(%[table],%[index],1) 8@counter(%%rip)")
                   : : [table] "r"(table), [index] "r"(index) : "rax", "memory");
#else
  __asm__ volatile("mov w9, #0x34fe\n"
                   "adrp x10, counter\n add x10, x10, :lo12:counter\n"
                   "mov w11, #0x34\n"
                   MARK_NOTE("app", "forms", "0",
                             "4@-5 -1@w9 1@w11 -2@w9 1@[%[table], %[index]] 8@[x10]")
                   : : [table] "r"(table), [index] "r"(index) : "x9", "x10", "x11", "memory");
#endif
}

int main(void) {
  // On the stack: memory that was never touched cannot be read by tracers.
  char one[] = "/one", other[] = "/other";
  for (int round = 0; round < 3; round++) {
    request(round, round == 1 ? one : other);
    forms(round);
  }
  __asm__ volatile(MARK_NOTE("app", "done", "0", "") : :);
  __asm__ volatile(MARK_NOTE("other", "done", "0", "") : :);
  return 0;
}
