// Two functions to probe, and the signals that arrive in them.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t got, by;

static void handle(int number) {
  got = number;
  by = gettid();
}

__attribute__((noinline)) void ask(int number) { __asm__ volatile("" ::"r"(number) : "memory"); }
__attribute__((noinline)) void ask_thread(int number) { __asm__ volatile("" ::"r"(number) : "memory"); }

static void wait_for_it(const char *what) {
  struct timespec moment = {0, 1000000};
  for (int i = 0; i < 1000 && !got; i++) nanosleep(&moment, NULL);
  printf("%s: signal %d\n", what, (int)got);
}

static void *second(void *unused) {
  got = 0;
  ask_thread(12);
  wait_for_it("second thread");
  printf("%s\n", by == gettid() ? "it got it itself" : "another got it");
  return unused;
}

int main(void) {
  for (int number = 1; number < 65; number++) signal(number, handle);
  int numbers[] = {10, 12, 34, 99};
  for (int i = 0; i < 4; i++) {
    got = 0;
    ask(numbers[i]);
    if (numbers[i] < 65) wait_for_it("main");
  }
  pthread_t thread;
  pthread_create(&thread, NULL, second, NULL);
  pthread_join(thread, NULL);
  return 0;
}
