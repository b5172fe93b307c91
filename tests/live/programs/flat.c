// Calls three times the code that a file begins with, whose name is its argument.
#include <fcntl.h>
#include <sys/mman.h>

int main(int count, char **names) {
  void *code = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, open(names[1], O_RDONLY), 0);
  int (*function)(void) = code;
  return function() + function() + function() != 3 * 42;
}
