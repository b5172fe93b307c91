// Functions that have one name in the source and several in the symbol table.
namespace shapes {
__attribute__((noinline)) int area(int side) { asm volatile(""); return side * side; }
__attribute__((noinline)) int area(int width, int height) { asm volatile(""); return width * height; }
template <typename T> __attribute__((noinline)) T twice(T *value) { asm volatile(""); return *value + *value; }
struct Box {
  int side;
  __attribute__((noinline)) int volume() const { asm volatile(""); return side * side * side; }
};
}  // namespace shapes

int main() {
  int two = 2;
  shapes::Box box{3};
  int sum = shapes::area(5) + shapes::area(2, 3) + shapes::twice(&two) + box.volume();
  return sum != 25 + 6 + 4 + 27;
}
