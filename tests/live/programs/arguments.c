// Functions with arguments of many types: what stands in them is in the test.
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum colour { RED = 1, GREEN = 2, BLUE = -7 };
typedef unsigned short port_t;

struct inner {
  int depth;
  struct node *next;
};
struct node {
  int64_t id;
  char name[12];
  struct inner in;
  unsigned low : 3, high : 5;
  union { int whole; short halves[2]; };
  int squares[4];
};
struct small {
  int x, y;
};
struct pair {
  long first, second;
};
struct large {
  long numbers[5];
};

__attribute__((noinline)) int scalars(int8_t tiny, unsigned char byte, port_t port, int number, long wide, bool flag) {
  __asm__ volatile("" : : : "memory");
  return tiny + byte + port + number + wide + flag;
}
__attribute__((noinline)) int pointers(struct node *node, const char *text, enum colour colour) {
  __asm__ volatile("" : : : "memory");
  return node->id + text[0] + colour;
}
__attribute__((noinline)) int values(struct small small, double fraction, struct pair pair, int last) {
  __asm__ volatile("" : : : "memory");
  return small.x + pair.first + last + fraction;
}
__attribute__((noinline)) struct large in_memory(int number) {
  __asm__ volatile("" : : : "memory");
  return (struct large){{number}};
}

int main(void) {
  struct node last = {.id = 2, .name = "second"};
  struct node node = {.id = -5, .name = "first", .in = {3, &last}, .low = 5, .high = 17, .whole = 0x20001, .squares = {0, 1, 4, 9}};
  char text[] = "some text";
  // What is on the stack is really there.
  __asm__ volatile("" : : "r"(&last), "r"(&node), "r"(text) : "memory");
  scalars(-3, 200, 65000, -70000, -5000000000, true);
  pointers(&node, text, BLUE);
  values((struct small){7, -8}, 0.5, (struct pair){1, 2}, 99);
  in_memory(11);
  return 0;
}
