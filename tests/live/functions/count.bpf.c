// Functions that scripts call: with a variable of their own, and calling each other.

typedef unsigned long long u64;

static void *(*const map_lookup)(void *map, const void *key) = (void *)1;
static long (*const read_kernel)(void *into, unsigned size, const void *from) = (void *)113;

enum parity { EVEN, ODD = 7 };

struct point {
  int x;
  long y;
};

u64 calls = 100;

__attribute__((noinline)) int add(int a, int b) {
  calls++;
  return a + b;
}

__attribute__((noinline)) int sum_of_digits(unsigned n) {
  int sum = 0;
  for (int i = 0; i < 10 && n; i++, n /= 10)
    sum = add(sum, n % 10);
  return sum;
}

u64 how_often(void) { return calls; }

signed char one_less(signed char n) { return n - 1; }

_Bool is_even(unsigned n) { return !(n & 1); }

enum parity parity(short n) { return n & 1 ? ODD : EVEN; }

void store(long *where, long value) { *where = value; }

long y_of(const struct point *point) {
  struct point copy = {};
  read_kernel(&copy, sizeof(copy), point);
  return copy.y;
}

u64 look_up(void *map, u64 key) {
  u64 *value = map_lookup(map, &key);
  return value ? *value : 404;
}

int letter(const char *text, unsigned at) { return at < 3 ? text[at] : 0; }

long five(signed char a, short b, int c, long d, u64 e) { return a + b + c + d + e; }
