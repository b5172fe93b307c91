/* A system call from within functions that are inlined in another: outer > middle > inner; called with addresses. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
static inline __attribute__((always_inline)) long inner(void) {
  long result;
  __asm__ volatile("syscall; nop" : "=a"(result) : "a"(SYS_getppid) : "rcx", "r11", "memory");
  return result;
}
#else
static inline __attribute__((always_inline)) long inner(void) {
  register long result __asm__("x0");
  register long number __asm__("x8") = SYS_getppid;
  __asm__ volatile("svc 0; nop" : "=r"(result) : "r"(number) : "memory");
  return result;
}
#endif

static inline __attribute__((always_inline)) long middle(void) {
  return inner() + 1; /* line 22 */
}

/* Who calls something has a frame. */
__attribute__((noinline)) void rest(void) { __asm__ volatile(""); }

__attribute__((noinline)) long outer(long number) {
  rest();
  return middle() + number; /* line 30 */
}

__attribute__((noinline)) void passed(void *code, void *within) {
  __asm__ volatile("" ::"r"(code), "r"(within) : "memory");
}

/* nested [SECONDS]: does its work, and ends so many seconds later. */
int main(int count, char **words) {
  passed((void *)outer, (char *)outer + 1);
  long sum = outer(count);
  if (count > 1) sleep(atoi(words[1]));
  return sum == 0;
}
