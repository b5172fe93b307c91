// The test counts on the numbers of these lines.
static inline __attribute__((always_inline)) int step(volatile int *value) {
  *value += 3;  // line 3, twice
  return *value;
}

__attribute__((noinline)) int once(volatile int *value) {
  step(value);
  *value *= 2;  // line 9

  return step(value);
}

int main(int count, char **arguments) {
  volatile int value = 3;
  for (int i = 0; i < 3 + count; i++)
    __asm__ volatile("nop" : : "r"(i) : "memory");  // line 17
  return once(&value) != 15;
}
