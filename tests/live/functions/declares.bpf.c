// Another type than it has.
extern long add(char *a, int b);

int three(void) { return add(0, 3); }
