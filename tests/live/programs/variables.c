/* Variables of all sizes, and a function that is called when they have these values. */
unsigned char tiny = 0xf1;
unsigned short small = 0xf234;
unsigned int medium = 0xf2345678;
unsigned long large = 0xf23456789abcdef0;
unsigned long row[3] = {7, 8, 9};
static int hidden = 41;

__attribute__((noinline)) int work(void) {
  __asm__ volatile("" ::: "memory");
  return hidden;
}

int main(void) {
  hidden++;
  return work() + work() != 84;
}
