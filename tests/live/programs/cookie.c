// Asks for the cookie of a socket, says it to who watches, and connects to where nobody listens.
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

__attribute__((noinline)) void know(uint64_t cookie) { __asm__ volatile("" ::"r"(cookie) : "memory"); }

int main(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) || !cookie) return 1;
  know(cookie);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connect(fd, (struct sockaddr *)&to, sizeof to);
  close(fd);
  return 0;
}
