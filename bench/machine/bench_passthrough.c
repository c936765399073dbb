/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine makes of a CXL device that another process serves, and that firmware has committed.
 *
 *	bench_passthrough SOCKET OTHER FILE
 *		SOCKET, OTHER: two such devices of one process
 *		FILE: the memory of the one at SOCKET
 *
 * Its memory in the machine's window against a mapping of the file; a register in its BAR, for which the
 * machine answers after it has asked the device, against the same question asked of the other one by
 * a client that does nothing else. Each pair in turns; what is printed is the pair whose ratio is the
 * median, as whatever else the machine does hits neighbours alike.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/error.h"
#include "machine/machine.h"
#include "vfio/cxl.h"
#include "vfio/user.h"

#define MIB    (1ull << 20)
#define LEN    (256 * MIB)
#define ROUNDS 15
#define READS  1000
#define BAR    0xc0000000u
#define BASE   0x10 /* of decoder 0, behind where the decoders are */

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

typedef struct {
	double ours, theirs; /* ns */
} Pair;

static int by_ratio(const void *a, const void *b)
{
	const Pair *x = a, *y = b;
	const double p = x->ours / x->theirs, q = y->ours / y->theirs;

	return p < q ? -1 : p > q;
}

static void print_median(Pair *pairs, const char *what, const char *ours, const char *theirs)
{
	qsort(pairs, ROUNDS, sizeof(*pairs), by_ratio);
	printf("%s: %s %.1f ns, %s %.1f ns\n", what, ours, pairs[ROUNDS / 2].ours, theirs,
	       pairs[ROUNDS / 2].theirs);
}

static void must(bool ok, const GError *err)
{
	if (!ok)
		g_error("%s", err ? err->message : "it does not work");
}

static void device(CxbMachine *m, const char *text)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "driver", false, &err);

	must(opts && cxb_device_add(cxb_machine_qom(m), opts, false, &err), err);
}

static CxbMachine *machine(const char *socket)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(
		"q35,cxl=on,cxl-fmw.0.targets.0=hb,cxl-fmw.0.size=1G", "type", false, NULL);
	g_autoptr(CxbOpts) memory = cxb_opts_parse("64M", "size", false, NULL);
	g_autofree char *dev = g_strdup_printf(
		"vfio-user-pci,id=dev,bus=rp,socket.type=unix,socket.path=%s", socket);
	CxbMachine *m = cxb_machine_new(&(CxbMachineConfig){ 0 });
	g_autoptr(GError) err = NULL;

	must(cxb_machine_set_opts(m, opts, &err) && cxb_machine_set_memory(m, memory, &err) &&
		     cxb_machine_create(m, &err),
	     err);
	device(m, "pxb-cxl,bus_nr=12,bus=pcie.0,id=hb");
	device(m, "cxl-rp,port=0,bus=hb,id=rp,chassis=0,slot=0");
	device(m, dev);
	must(cxb_machine_done(m, &err), err);
	return m;
}

/* Bus numbers, BAR 0. */
static void place(CxbMachine *m)
{
	CxbPciHost *pci = cxb_machine_pci(m);
	const uint16_t port = CXB_BDF(12, 0, 0), dev = CXB_BDF(13, 0, 0);

	cxb_pci_config_write(pci, port, 0x18, 4, 0x000d0d0c);
	cxb_pci_config_write(pci, port, 0x20, 4, BAR >> 16 | (BAR + 0x100000));
	cxb_pci_config_write(pci, port, 4, 2, 6);
	cxb_pci_config_write(pci, dev, 0x10, 4, BAR);
	cxb_pci_config_write(pci, dev, 0x14, 4, 0);
	cxb_pci_config_write(pci, dev, 4, 2, 6);
}

/* --- memory --- */

/* Not inlined: the same code for both. */
G_GNUC_NO_INLINE static double copy_ns(uint64_t *to, const uint64_t *from)
{
	const double start = now_ns();

	memcpy(to, from, LEN);
	return now_ns() - start;
}

G_GNUC_NO_INLINE static double load_ns(const uint64_t *from, uint64_t *sum)
{
	const volatile uint64_t *p = from;
	const double start = now_ns();
	uint64_t total = 0;

	for (size_t i = 0; i < LEN / sizeof(*p); i++)
		total += p[i];
	*sum = total;
	return now_ns() - start;
}

static void bench_window(CxbMachine *m, const char *path)
{
	const uint64_t base = cxb_machine_window(m, 0)->base;
	uint64_t *window = cxb_memmap_ptr(cxb_machine_memmap(m), base, LEN);
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	uint64_t *direct = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	g_autofree uint64_t *bytes = g_malloc(LEN);
	Pair stores[ROUNDS], loads[ROUNDS];

	if (!window)
		g_error("the device's memory is not at the base of the window");
	if (direct == MAP_FAILED)
		g_error("cannot map %s: %s", path, g_strerror(errno));
	memset(bytes, 0x5a, LEN);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t seen, there;

		copy_ns(direct, bytes); /* caches are alike for those that follow */
		stores[i].ours = copy_ns(window, bytes);
		stores[i].theirs = copy_ns(direct, bytes);
		load_ns(direct, &there);
		loads[i].ours = load_ns(window, &seen);
		loads[i].theirs = load_ns(direct, &there);
		if (seen != there)
			g_error("window and file are not the same memory");
	}
	print_median(stores, "stores", "window", "direct");
	print_median(loads, "loads", "window", "direct");
	munmap(direct, LEN);
	close(fd);
}

/* --- registers --- */

/* Number of the region of decoders, and where they are in BAR 0. */
static unsigned find_decoders(CxbVfioDevice *dev, uint64_t *off)
{
	for (unsigned i = CXB_VFIO_REGIONS_FIXED; i < dev->info.n_regions; i++) {
		g_auto(CxbVfioRegion) r = { .fd = -1 };
		g_autoptr(GError) err = NULL;

		must(cxb_vfio_region(dev, i, &r, &err), err);
		if (!r.caps.comp_regs)
			continue;
		*off = r.caps.comp_off;
		return i;
	}
	g_error("no region of decoders that absorb what is written");
}

static double asked_ns(CxbVfioDevice *dev, unsigned region)
{
	const double start = now_ns();
	uint32_t val;

	for (unsigned i = 0; i < READS; i++)
		if (cxb_vfio_read(dev, region, BASE, &val, sizeof(val)))
			g_error("the device does not answer");
	return (now_ns() - start) / READS;
}

static double register_ns(CxbMemMap *mm, uint64_t hpa)
{
	const double start = now_ns();
	uint32_t val;

	for (unsigned i = 0; i < READS; i++)
		if (cxb_memmap_read(mm, hpa, &val, sizeof(val)) != CXB_MEM_OK)
			g_error("there is no register at 0x%" G_GINT64_MODIFIER "x", hpa);
	return (now_ns() - start) / READS;
}

static void bench_registers(CxbMachine *m, const char *other)
{
	g_autoptr(CxbClock) clock = cxb_clock_new_real(NULL);
	const CxbVfioUserConfig config = { .path = other,
					   .clock = clock,
					   .timeout_ms = CXB_VFIO_USER_TIMEOUT_MS };
	g_autoptr(GError) err = NULL;
	CxbVfioDevice *bare = cxb_vfio_open_user(&config, &err);
	Pair pairs[ROUNDS];
	unsigned region;
	uint64_t off;

	must(bare, err);
	region = find_decoders(bare, &off);
	for (unsigned i = 0; i < ROUNDS; i++) {
		pairs[i].ours = register_ns(cxb_machine_memmap(m), BAR + off + BASE);
		pairs[i].theirs = asked_ns(bare, region);
	}
	print_median(pairs, "register", "overlay", "asked");
	cxb_vfio_free(bare);
}

int main(int argc, char **argv)
{
	CxbMachine *m;

	if (argc != 4)
		g_error("usage: see bench_passthrough.c");
	m = machine(argv[1]);
	place(m);
	bench_window(m, argv[3]);
	bench_registers(m, argv[2]);
	cxb_machine_free(m);
	return 0;
}
