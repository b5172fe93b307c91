/* late PLUGIN: calls a function of a library that it opens when it has run for a while, which calls back. Another
   library (BEGINS) does something before the program begins. */
#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef PLUGIN
int plugged(int (*back)(int), int number) { return back(number + 1) + number; }
#elif defined BEGINS
__attribute__((noinline, noipa)) int asks(void) { return syscall(SYS_getppid) + 1; }
static volatile int asked;
static __attribute__((constructor)) void begins(void) { asked = asks(); }
#else
__attribute__((noinline, noipa)) int back(int number) { return syscall(SYS_getppid) + number; }

int main(int count, char **words) {
  usleep(500000);
  void *library = count > 1 ? dlopen(words[1], RTLD_NOW) : NULL;
  int (*plugged)(int (*)(int), int) = library ? dlsym(library, "plugged") : NULL;
  for (int times = 0; plugged && times < 20; times++) {
    plugged(back, times);
    usleep(50000);
  }
  return library == NULL;
}
#endif
