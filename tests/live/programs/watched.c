// Writes 1, 2, 3 … to the eight bytes at 0x10000000, up to its argument, and reads each back; then calls as often what
// is at 0x20000000. It does so in a second thread if there is another argument.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static long most;

static void *work(void *unused)
{
	int access = PROT_READ | PROT_WRITE | PROT_EXEC;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	volatile long *value = mmap((void *)0x10000000, 4096, access, flags, -1, 0);
	void (*function)(void) = mmap((void *)0x20000000, 4096, access, flags, -1, 0);
#ifdef __x86_64__
	const char code[] = { 0xc3 };
#else
	const char code[] = { 0xc0, 0x03, 0x5f, 0xd6 };
#endif
	memcpy((void *)function, code, sizeof code);
	__builtin___clear_cache((char *)function, (char *)function + sizeof code);
	for (long number = 1; number <= most; number++) {
		*value = number;
		(void)*value;
		function();
	}
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t other;

	most = argc > 1 ? atol(argv[1]) : 1;
	if (argc < 3)
		return work(0) != 0;
	return pthread_create(&other, 0, work, 0) || pthread_join(other, 0);
}
