#ifndef TYPES_H
#define TYPES_H
/* What the scripts here share. */
#define SOME 10
struct pair {
  int a;
  int b;
};
#endif
