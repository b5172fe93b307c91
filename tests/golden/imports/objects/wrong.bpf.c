#include "pair.h"
#error this is for another machine
int f(void) { return 1; }
