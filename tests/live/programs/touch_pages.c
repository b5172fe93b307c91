// Touches as many new pages as its argument says, one byte each.
#include <stdlib.h>
#include <sys/mman.h>

int main(int argc, char **argv)
{
	long pages = argc > 1 ? atol(argv[1]) : 1;
	char *memory = mmap(0, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return 1;
	madvise(memory, pages * 4096, MADV_NOHUGEPAGE);
	for (long page = 0; page < pages; page++)
		((volatile char *)memory)[page * 4096] = 1;
	return 0;
}
