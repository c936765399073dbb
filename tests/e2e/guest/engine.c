/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In a test's guest: a driver for the compute engine of cxl-type2 (docs/cxl-type2.md), one command a call.
 * Without a kernel's driver there is nobody to take interrupts, so that their messages are sent to memory of
 * this program, where they are read. Exit status: the engine's error, or 99.
 */
#include <string.h>

#include "sysfs_pci.h"

#define SCRATCH 0
#define ENGINE  2
#define VECTORS 4
#define PENDING 0x800

#define COMMAND   0x10
#define INTERRUPT 0x14
#define SRC       0x18
#define DST       0x20
#define LEN       0x28
#define PATTERN   0x30
#define RESULT    0x38
#define STATUS    0x48
#define DOORBELL  0x4c
#define ABORT     0x50

#define FILL     1
#define COPY     2
#define CHECKSUM 3

#define PCI_COMMAND  0x04
#define MSIX_CONTROL 0x42
#define MSIX_ENABLE  0x8000
#define MESSAGE      0xc0de0000u

static volatile uint8_t *engine;

static uint64_t get64(unsigned reg)
{
	return *(volatile uint64_t *)(engine + reg);
}

static void put64(unsigned reg, uint64_t value)
{
	*(volatile uint64_t *)(engine + reg) = value;
}

static void config16(unsigned off, uint16_t value)
{
	const int fd = open_of_pci("config");

	if (pwrite(fd, &value, sizeof(value), off) != sizeof(value))
		die("config");
	close(fd);
}

static void start(uint32_t command, uint64_t src, uint64_t dst, uint64_t len)
{
	put64(SRC, src);
	put64(DST, dst);
	put64(LEN, len);
	put32(engine + COMMAND, command);
	put32(engine + DOORBELL, 1);
}

static int finish(void)
{
	while (get32(engine + STATUS) & 1)
		usleep(100);
	return get32(engine + STATUS) >> 8;
}

/* Where in the guest's memory a page of ours is. */
static uint64_t physical(void *page)
{
	const int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (fd < 0 ||
	    pread(fd, &entry, sizeof(entry), (uintptr_t)page / 4096 * 8) != sizeof(entry) ||
	    !(entry & UINT64_MAX >> 9))
		die("pagemap");
	close(fd);
	return (entry & UINT64_MAX >> 9) * 4096;
}

static int wait_for(volatile uint32_t *word, uint32_t value)
{
	for (unsigned i = 0; i < 20000 && *word != value; i++)
		usleep(100);
	return *word == value;
}

static void interrupting_fill(unsigned vector)
{
	put32(engine + INTERRUPT, 1u << 31 | vector);
	start(FILL, 0, 0, 1);
	if (finish())
		exit(99);
}

/* Pending while the vector is masked, a message as soon as it is not; the next one comes at once. */
static int interrupt(unsigned vector)
{
	volatile uint8_t *vectors = bar(VECTORS), *entry = vectors + 16 * vector;
	volatile uint32_t *word =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE | MAP_LOCKED, -1, 0);
	uint64_t at;

	if (word == MAP_FAILED)
		die("mmap");
	*word = 0;
	at = physical((void *)word);
	config16(PCI_COMMAND, 6);
	config16(MSIX_CONTROL, MSIX_ENABLE);
	put32(entry, at);
	put32(entry + 4, at >> 32);
	put32(entry + 8, MESSAGE | vector);
	interrupting_fill(vector);
	printf("pending %x, message %d\n", get32(vectors + PENDING), *word != 0);
	put32(entry + 12, 0);
	printf("message %d, pending %x\n", wait_for(word, MESSAGE | vector),
	       get32(vectors + PENDING));
	*word = 0;
	interrupting_fill(vector);
	printf("message %d\n", wait_for(word, MESSAGE | vector));
	put32(entry + 12, 1);
	config16(MSIX_CONTROL, 0);
	put32(engine + INTERRUPT, 0);
	return 0;
}

/* What is to be aborted may be done by then: it is tried until it is not. */
static int give_up(uint64_t len)
{
	for (unsigned i = 0; i < 50; i++) {
		start(FILL, 0, 0, len);
		put32(engine + ABORT, 1);
		if (get32(engine + STATUS) != 2)
			break;
	}
	return get32(engine + STATUS) & 1 ? 99 : get32(engine + STATUS) >> 8;
}

static int look(void)
{
	volatile uint8_t *scratch = bar(SCRATCH);

	printf("%08x %08x %" PRIx64 "\n", get32(engine), get32(engine + 4), get64(8));
	printf("%08x\n", get32(scratch + 0x10008));
	put32(scratch + 0x10008, 0x12345678);
	printf("%08x\n", get32(scratch + 0x10008));
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	uint64_t args[3] = { 0 };
	int status;

	if (getenv("PCI"))
		pci = getenv("PCI");
	for (int i = 2; i < argc && i < 5; i++)
		args[i - 2] = number(argv[i]);
	engine = bar(ENGINE);
	if (!strcmp(what, "look"))
		return look();
	if (!strcmp(what, "interrupt"))
		return interrupt(args[0]);
	if (!strcmp(what, "abort"))
		return give_up(args[0]);
	if (!strcmp(what, "fill")) {
		put64(PATTERN, args[2]);
		start(FILL, 0, args[0], args[1]);
		return finish();
	}
	if (!strcmp(what, "copy")) {
		start(COPY, args[0], args[1], args[2]);
		return finish();
	}
	if (!strcmp(what, "checksum")) {
		start(CHECKSUM, args[0], 0, args[1]);
		status = finish();
		printf("%" PRIx64 "\n", get64(RESULT));
		return status;
	}
	fprintf(stderr, "usage: engine WHAT NUMBER...\n");
	return 99;
}
