// A slip.
int half(int two) { return twoo / 2; }
