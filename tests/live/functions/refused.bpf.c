// The kernel lets nobody read an address that it does not know.

long read_directly(long *address) {
  return *address;
}
