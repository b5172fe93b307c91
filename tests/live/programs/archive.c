/* Runs code from within an archive that it makes of itself: archive ARCHIVE */
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
#define MEMBER "lib/own"

/* Code that works wherever it is. */
__attribute__((noinline)) long twice(long number) { return number * 2; }

struct code { uintptr_t address, offset; };

static int find(struct dl_phdr_info *info, size_t size, void *data) {
    struct code *code = data;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_LOAD && code->address - from < part->p_memsz) {
            code->offset = part->p_offset + code->address - from;
            return 1;
        }
    }
    return 0;
}

static void put(FILE *file, uint32_t value, int bytes) {
    for (; bytes; bytes--, value >>= 8) fputc(value & 255, file);
}

/* What the two headers of a member have in common, from the version that is needed on. */
static void describe(FILE *file, uint32_t sum, uint32_t size, int extra) {
    put(file, 10, 2);
    put(file, 0, 8);
    put(file, sum, 4);
    put(file, size, 4);
    put(file, size, 4);
    put(file, strlen(MEMBER), 2);
    put(file, extra, 2);
}

static void make(const char *path) {
    FILE *own = fopen("/proc/self/exe", "r"), *file = fopen(path, "w");
    if (!own || !file) exit(1);
    fseek(own, 0, SEEK_END);
    uint32_t size = ftell(own), sum = ~0u;
    unsigned char *bytes = malloc(size);
    rewind(own);
    if (fread(bytes, 1, size, own) != size) exit(1);
    for (uint32_t i = 0; i < size; i++) {
        sum ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    }
    int extra = PAGE - 30 - strlen(MEMBER);
    put(file, 0x04034b50, 4);
    describe(file, ~sum, size, extra);
    fputs(MEMBER, file);
    put(file, 0xffff, 2);
    put(file, extra - 4, 2);
    for (int i = 4; i < extra; i++) fputc(0, file);
    fwrite(bytes, 1, size, file);
    uint32_t directory = ftell(file);
    put(file, 0x02014b50, 4);
    put(file, 10, 2);
    describe(file, ~sum, size, 0);
    put(file, 0, 14);
    fputs(MEMBER, file);
    uint32_t length = ftell(file) - directory;
    put(file, 0x06054b50, 4);
    put(file, 0, 4);
    put(file, 1, 2);
    put(file, 1, 2);
    put(file, length, 4);
    put(file, directory, 4);
    put(file, 0, 2);
    fclose(file);
}

int main(int count, char **words) {
    if (count == 3) {
        make(words[1]);
        return 0;
    }
    struct code code = {(uintptr_t)twice, 0};
    dl_iterate_phdr(find, &code);
    uintptr_t at = code.offset + PAGE;
    int file = open(words[1], O_RDONLY);
    char *page = mmap(0, 2 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, at / PAGE * PAGE);
    long (*mapped)(long) = (long (*)(long))(page + at % PAGE);
    return mapped(21) != 42 || twice(1) != 2;
}
