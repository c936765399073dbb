/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In a test's guest, without a kernel's driver for it: the device's registers through sysfs, memory through
 * /dev/mem. Each call is one step; what it does is its first argument.
 */
#include <string.h>
#include <time.h>

#include "sysfs_pci.h"

#define COMPONENT  0
#define DEVICE     2
#define HDM_ID     5
#define MAILBOX_ID 2

/* The first HDM decoder. */
static volatile uint8_t *decoder(void)
{
	volatile uint8_t *regs = bar(COMPONENT) + 0x1000;
	const unsigned n = get32(regs) >> 24;

	for (unsigned i = 1; i <= n; i++)
		if ((get32(regs + 4 * i) & 0xffff) == HDM_ID)
			return regs + (get32(regs + 4 * i) >> 20);
	fprintf(stderr, "no HDM decoders\n");
	exit(1);
}

static int commit(uint64_t base, uint64_t size)
{
	volatile uint8_t *hdm = decoder();

	put32(hdm + 4, 2);
	put32(hdm + 0x10, base);
	put32(hdm + 0x14, base >> 32);
	put32(hdm + 0x18, size);
	put32(hdm + 0x1c, size >> 32);
	put32(hdm + 0x20, 1 << 9);
	while (!(get32(hdm + 0x20) & 3 << 10)) /* committed, or refused */
		usleep(100);
	return !(get32(hdm + 0x20) & 1 << 10);
}

static int uncommit(void)
{
	put32(decoder() + 0x20, 0);
	return 0;
}

static volatile uint8_t *mailbox(void)
{
	volatile uint8_t *regs = bar(DEVICE);

	for (unsigned i = 1; i <= (get32(regs + 4) & 0xffff); i++)
		if ((get32(regs + 0x10 * i) & 0xffff) == MAILBOX_ID)
			return regs + get32(regs + 0x10 * i + 4);
	fprintf(stderr, "no mailbox\n");
	exit(1);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

/* Status: what the command returned, cut to a byte. Prints how long it took. */
static int command(uint16_t opcode, const void *body, size_t len)
{
	volatile uint8_t *mbox = mailbox();
	double start;
	uint32_t rc;

	for (size_t i = 0; i < len; i++)
		mbox[0x20 + i] = ((const uint8_t *)body)[i];
	*(volatile uint64_t *)(mbox + 8) = opcode | (uint64_t)len << 16;
	start = now_us();
	put32(mbox + 4, 1);
	while (get32(mbox + 4) & 1)
		usleep(50);
	rc = get32(mbox + 0x14) & 0xffff;
	printf("%.3f\n", (now_us() - start) / 1e3);
	return rc & 0xff;
}

/* @args: DPA and length, each time. */
static int extents(uint16_t opcode, char **args, int n)
{
	uint8_t body[8 + 24 * 64] = { n / 2 };

	if (n / 2 > 64)
		return 1;
	for (int i = 0; i < n; i++) {
		const uint64_t value = number(args[i]);

		memcpy(body + 8 + 24 * (i / 2) + 8 * (i % 2), &value, sizeof(value));
	}
	return command(opcode, body, 8 + 24 * (n / 2));
}

static volatile uint64_t *memory(uint64_t hpa, uint64_t len)
{
	const int fd = open("/dev/mem", O_RDWR);
	void *p;

	if (fd < 0)
		die("/dev/mem");
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, hpa);
	if (p == MAP_FAILED)
		die("mmap of memory");
	close(fd);
	return p;
}

/* Each word holds its own number beside the seed. */
static int fill(uint64_t hpa, uint64_t len, uint64_t seed)
{
	volatile uint64_t *p = memory(hpa, len);

	for (uint64_t i = 0; i < len / 8; i++)
		p[i] = seed << 32 | i;
	return 0;
}

/* What fill() would store, to standard output. */
static int print(uint64_t len, uint64_t seed)
{
	for (uint64_t i = 0; i < len / 8; i++) {
		const uint64_t word = seed << 32 | i;

		if (!fwrite(&word, sizeof(word), 1, stdout))
			die("standard output");
	}
	return fflush(stdout) ? 1 : 0;
}

static int verify(uint64_t hpa, uint64_t len, uint64_t seed)
{
	volatile uint64_t *p = memory(hpa, len);

	for (uint64_t i = 0; i < len / 8; i++)
		if (p[i] != (seed << 32 | i)) {
			printf("word %" PRIu64 " is 0x%" PRIx64 "\n", i, p[i]);
			return 1;
		}
	return 0;
}

/* How many words of a range, one in each @step bytes, are not 0, and how many of these have @seed. */
static int scan(uint64_t hpa, uint64_t len, uint64_t seed, uint64_t step)
{
	volatile uint64_t *p = memory(hpa, len);
	uint64_t any = 0, with = 0;

	for (uint64_t i = 0; i < len / 8; i += step / 8) {
		const uint64_t word = p[i];

		any += word != 0;
		with += word && word >> 32 == seed;
	}
	printf("%" PRIu64 " %" PRIu64 "\n", any, with);
	return 0;
}

/* One end of a conversation: counts up in turns, @first on even numbers. */
static int talk(uint64_t hpa, uint64_t count, int first)
{
	volatile uint64_t *p = memory(hpa, 4096);

	for (uint64_t n = !first; n < 2 * count; n += 2) {
		while (__atomic_load_n(p, __ATOMIC_ACQUIRE) != n)
			usleep(10);
		p[8 + n % 2] = n * 3;
		if (n && p[8 + !(n % 2)] != (n - 1) * 3)
			return 1;
		__atomic_store_n(p, n + 1, __ATOMIC_RELEASE);
	}
	return 0;
}

/* --- for bench/guest --- */

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Prints the least and the median of @n Identify commands, in microseconds. */
static int identify(unsigned n)
{
	volatile uint8_t *mbox = mailbox();
	double *took = calloc(n, sizeof(*took));

	if (!took || !n)
		return 1;
	for (unsigned i = 0; i < n; i++) {
		const double start = now_us();

		*(volatile uint64_t *)(mbox + 8) = 0x4000;
		put32(mbox + 4, 1);
		while (get32(mbox + 4) & 1)
			;
		if (get32(mbox + 0x14) & 0xffff)
			return 1;
		took[i] = now_us() - start;
	}
	qsort(took, n, sizeof(*took), by_value);
	printf("%.1f %.1f\n", took[0], took[n / 2]);
	return 0;
}

/* Accept an extent and use it: prints milliseconds from the doorbell to a load of what was stored. */
static int take(uint64_t dpa, uint64_t len, uint64_t hpa)
{
	volatile uint64_t *p = memory(hpa, len);
	char text[2][32], *args[] = { text[0], text[1] };
	const double start = now_us();

	snprintf(text[0], sizeof(text[0]), "%" PRIu64, dpa);
	snprintf(text[1], sizeof(text[1]), "%" PRIu64, len);
	if (extents(0x4802, args, 2))
		return 1;
	p[0] = start;
	if (p[0] != (uint64_t)start)
		return 1;
	printf("%.3f\n", (now_us() - start) / 1e3);
	return 0;
}

static double pass(volatile uint64_t *p, uint64_t len)
{
	const double start = now_us();
	uint64_t sum = 0;

	for (uint64_t i = 0; i < len / 8; i++)
		p[i] = i;
	for (uint64_t i = 0; i < len / 8; i++)
		sum += p[i];
	return sum ? now_us() - start : 0;
}

/* Stores and loads at @hpa and in this process' own memory, in turns: the least of each, in us. */
static int compare(uint64_t hpa, uint64_t len, unsigned rounds)
{
	volatile uint64_t *there = memory(hpa, len);
	volatile uint64_t *here = mmap(NULL, len, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	double least[2] = { 1e18, 1e18 };

	if (here == MAP_FAILED)
		die("mmap");
	for (unsigned i = 0; i < rounds; i++)
		for (unsigned j = 0; j < 2; j++) {
			const double took = pass(j ? here : there, len);

			least[j] = took < least[j] ? took : least[j];
		}
	printf("%.1f %.1f\n", least[0], least[1]);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char **args = argv + 2;
	const int n = argc - 2;

	if (getenv("PCI"))
		pci = getenv("PCI");
	if (!strcmp(what, "commit") && n == 2)
		return commit(number(args[0]), number(args[1]));
	if (!strcmp(what, "uncommit"))
		return uncommit();
	if (!strcmp(what, "accept"))
		return extents(0x4802, args, n);
	if (!strcmp(what, "release"))
		return extents(0x4803, args, n);
	if (!strcmp(what, "fill") && n == 3)
		return fill(number(args[0]), number(args[1]), number(args[2]));
	if (!strcmp(what, "print") && n == 2)
		return print(number(args[0]), number(args[1]));
	if (!strcmp(what, "verify") && n == 3)
		return verify(number(args[0]), number(args[1]), number(args[2]));
	if (!strcmp(what, "scan") && (n == 3 || n == 4))
		return scan(number(args[0]), number(args[1]), number(args[2]),
			    n == 4 ? number(args[3]) : 8);
	if (!strcmp(what, "talk") && n == 3)
		return talk(number(args[0]), number(args[1]), number(args[2]));
	if (!strcmp(what, "identify") && n == 1)
		return identify(number(args[0]));
	if (!strcmp(what, "take") && n == 3)
		return take(number(args[0]), number(args[1]), number(args[2]));
	if (!strcmp(what, "compare") && n == 3)
		return compare(number(args[0]), number(args[1]), number(args[2]));
	fprintf(stderr, "usage: driver WHAT NUMBER...\n");
	return 2;
}
