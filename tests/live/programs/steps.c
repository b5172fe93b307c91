// A function whose instructions are known, called three times, and one without a size.
#if defined(__x86_64__)
__asm__(".globl steps, sizeless\n"
        ".type steps, @function\n"
        "steps: push %rbp\n"      // 1 byte
        "mov %rsp, %rbp\n"        // 3 bytes
        "mov $42, %eax\n"         // 5 bytes: from 4 to 9
        "pop %rbp\n"
        "ret\n"
        ".size steps, . - steps\n"
        ".type sizeless, @function\n"
        "sizeless: .byte 0x0f, 0x1f, 0x40, 0x00\n"  // a nop
        "mov $1, %eax\n"
        "ret\n");
#else
__asm__(".globl steps, sizeless\n"
        ".type steps, %function\n"
        "steps: nop\n"
        "mov w0, #42\n"           // from 4 to 8
        "ret\n"
        ".size steps, . - steps\n"
        ".type sizeless, %function\n"
        "sizeless: nop\n"
        "mov w0, #1\n"
        "ret\n");
#endif

int steps(void);
int sizeless(void);

int main(void) {
  int sum = 0;
  for (int i = 0; i < 3; i++) sum += steps() + sizeless();
  return sum != 3 * 43;
}
