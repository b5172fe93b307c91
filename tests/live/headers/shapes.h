#ifndef SHAPES_H
#define SHAPES_H
#include <stddef.h>
#include <stdbool.h>
#ifdef BPFTRACE_HAVE_BTF
#define FROM "with BTF"
#endif
#define SIDES (1UL << 2)
#define AREA (SIDES * SIDES)
#define TWICE(x) ((x) * 2)
#define COLORED COLORED
enum kind { ROUND = 1, FLAT = -2, COLORED = 7 };
typedef struct {
    short a;
    union {
        int i;
        char c[4];
    };
    unsigned low : 3, high : 5;
} __attribute__((packed)) odd_t;
struct shape {
    struct shape *next;
    odd_t odd;
    enum kind kind;
    int (*draw)(struct shape *, int);
    bool solid;
    size_t count;
    double weight;
    char text[SIDES];
};
static inline int side(struct shape *shape) { return shape->odd.a; }
#endif
