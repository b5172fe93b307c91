// One packet whose sender is 02:00:5E:10:00:FF, 192.168.0.1 and 2001:db8::1.
struct packet {
	char mac[6];
	unsigned char v4[4];
	unsigned char v6[16];
};

__attribute__((noinline)) void receive(const struct packet *packet)
{
	__asm__ volatile("" : : "r"(packet) : "memory");
}

int main(void)
{
	struct packet packet = {
		{ 0x02, 0x00, 0x5e, 0x10, 0x00, (char)0xff },
		{ 192, 168, 0, 1 },
		{ 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
	};

	receive(&packet);
	return 0;
}
