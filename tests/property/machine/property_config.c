/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration space by every width and every door: two machines made alike get the same bytes, one
 * as aligned dwords, the other cut into pieces, at any alignment, through ECAM or CF8h/CFCh. They must
 * stay alike (PCIe 6.0 7.2), and a read of any width is the bytes it covers.
 */
#include <string.h>

#include "base/bytes.h"
#include "machine/machine.h"
#include "pci/pci.h"
#include "pci/regs.h"

#define ROUNDS   40
#define WRITES   400
#define ECAM     0xb0000000ull
#define PORT_BUS 12
#define PCIEXBAR 0x60

typedef struct {
	CxbMachine *m;
	CxbPciHost *host;
} World;

/* What a machine is made of; a slot may lose its device on the way. */
static const uint16_t functions[] = { 0x0000, 0x0008, PORT_BUS << 8, (PORT_BUS + 1) << 8 };

static void opt(CxbMachine *m, bool (*fn)(CxbMachine *, CxbOpts *, GError **), const char *text,
		const char *implied)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, implied, false, NULL);

	g_assert_true(fn(m, opts, NULL));
}

static void device(CxbMachine *m, const char *text)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "driver", false, NULL);

	g_assert_nonnull(cxb_device_add(cxb_machine_qom(m), opts, false, NULL));
}

static void world_init(World *w)
{
	w->m = cxb_machine_new(&(CxbMachineConfig){ .virtual_clock = true });
	opt(w->m, cxb_machine_set_opts, "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G",
	    "type");
	opt(w->m, cxb_machine_set_memory, "16M", "size");
	g_assert_true(cxb_machine_create(w->m, NULL));
	device(w->m, "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1");
	device(w->m, "cxl-rp,port=0,bus=cxl.1,id=rp,chassis=0,slot=2");
	device(w->m, "cxl-type3,bus=rp,id=t3,sn=1,num-dc-regions=1,dc-regions-total-size=256M");
	g_assert_true(cxb_machine_done(w->m, NULL));
	w->host = cxb_machine_pci(w->m);
}

static CxbPciDev *find(World *w, const char *id)
{
	CxbDevice *dev = cxb_device_find(cxb_machine_qom(w->m), id, NULL);

	return dev ? CXB_PCI_DEV(dev) : NULL;
}

/* The function that is meant to be at @bdf, whether software can reach it now or not. */
static CxbPciDev *function(World *w, uint16_t bdf)
{
	if (bdf < 0x100)
		return cxb_pci_find(w->host, bdf);
	return find(w, bdf >> 8 == PORT_BUS ? "rp" : "t3");
}

/* --- doors --- */

static uint32_t ones(unsigned size)
{
	return size == 4 ? UINT32_MAX : (1u << (8 * size)) - 1;
}

static uint32_t ecam_read(World *w, uint16_t bdf, uint16_t off, unsigned size)
{
	uint8_t b[8];

	cxb_memmap_read(cxb_machine_memmap(w->m), ECAM + ((uint64_t)bdf << 12) + off, b, size);
	return le_load(b, size);
}

static void ecam_write(World *w, uint16_t bdf, uint16_t off, unsigned size, uint32_t val)
{
	uint8_t b[8];

	le_store(b, size, val);
	cxb_memmap_write(cxb_machine_memmap(w->m), ECAM + ((uint64_t)bdf << 12) + off, b, size);
}

static void select_register(World *w, uint16_t bdf, uint16_t off)
{
	g_assert_true(cxb_pci_port_write(w->host, 0xcf8, 4,
					 0x80000000 | (uint32_t)bdf << 8 | (off & 0xfc)));
}

static uint32_t port_read(World *w, uint16_t bdf, uint16_t off, unsigned size)
{
	uint32_t val;

	select_register(w, bdf, off);
	g_assert_true(cxb_pci_port_read(w->host, 0xcfc + (off & 3), size, &val));
	return val;
}

/* The ports carry no access that leaves their four bytes. */
static bool port_takes(uint16_t off, unsigned size)
{
	return off < CXB_PCI_CONFIG_SIZE && (off & 3) + size <= 4;
}

/* One piece, through a door that reaches the function if there is one. */
static void write_piece(World *w, CxbPciDev *dev, uint16_t bdf, uint16_t off, unsigned size,
			uint32_t val)
{
	const bool reached = cxb_pci_find(w->host, bdf) == dev;
	const int door = g_test_rand_int_range(0, reached ? 3 : 1);

	if (door == 1 && off % size == 0) {
		ecam_write(w, bdf, off, size, val);
	} else if (door == 2 && port_takes(off, size)) {
		select_register(w, bdf, off);
		g_assert_true(cxb_pci_port_write(w->host, 0xcfc + (off & 3), size, val));
	} else {
		cxb_pci_dev_config_write(dev, off, size, val);
	}
}

/* --- the two ways --- */

static void write_whole(CxbPciDev *dev, uint16_t off, uint32_t val)
{
	cxb_pci_dev_config_write(dev, off, 4, val);
}

/* The same four bytes from the lowest up, in pieces of 1, 2 or 4. */
static void write_cut(World *w, CxbPciDev *dev, uint16_t bdf, uint16_t off, uint32_t val)
{
	for (unsigned at = 0; at < 4;) {
		unsigned size = 1u << g_test_rand_int_range(0, 3);

		while (size > 4 - at)
			size /= 2;
		write_piece(w, dev, bdf, off + at, size, val >> (8 * at) & ones(size));
		at += size;
	}
}

/* --- what must hold --- */

static void assert_alike(World *a, World *b)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(functions); i++) {
		CxbPciDev *x = function(a, functions[i]), *y = function(b, functions[i]);

		g_assert_cmpint(x != NULL, ==, y != NULL);
		if (!x)
			continue;
		for (unsigned off = 0; off < x->config_size; off++)
			if (x->config[off] != y->config[off])
				g_error("function %04x register %03x: %02x whole, %02x cut",
					functions[i], off, x->config[off], y->config[off]);
		for (unsigned n = 0; n < CXB_PCI_BARS; n++) {
			g_assert_cmpint(x->bars[n].placed, ==, y->bars[n].placed);
			if (x->bars[n].placed)
				g_assert_cmphex(x->bars[n].hpa, ==, y->bars[n].hpa);
		}
	}
}

/* Any access is the bytes it covers, at any alignment and through any door. */
static void assert_reads_agree(World *w, uint16_t bdf)
{
	CxbPciDev *dev = function(w, bdf);
	const unsigned size = 1u << g_test_rand_int_range(0, 3);
	const uint16_t off = g_test_rand_int_range(0, CXB_PCIE_CONFIG_SIZE - size + 1);
	const bool reached = dev && cxb_pci_find(w->host, bdf) == dev;
	uint32_t want = 0;

	if (!dev)
		return;
	for (unsigned i = 0; i < size; i++)
		want |= cxb_pci_dev_config_read(dev, off + i, 1) << (8 * i);
	g_assert_cmphex(cxb_pci_dev_config_read(dev, off, size), ==, want);
	if (!reached)
		return;
	g_assert_cmphex(cxb_pci_config_read(w->host, bdf, off, size), ==, want);
	g_assert_cmphex(ecam_read(w, bdf, off, size), ==, want);
	if (port_takes(off, size))
		g_assert_cmphex(port_read(w, bdf, off, size), ==, want);
}

/* What a write to slot control sets off comes after it: the rest of the same dword may clear it or
 * has been before. */
static void forget_events(CxbPciDev *port)
{
	cxb_pci_dev_config_write(port, port->pcie_cap + PCIE_SLOT_STA, 2, PCIE_SLOT_STA_W1C);
}

static uint32_t value(void)
{
	static const uint32_t often[] = { 0, UINT32_MAX, 0x00000001, 0x80000000, 0xfffffff0 };
	const unsigned n = g_test_rand_int_range(0, 2 * G_N_ELEMENTS(often));

	return n < G_N_ELEMENTS(often) ? often[n]
				       : (uint32_t)g_test_rand_int_range(INT32_MIN, INT32_MAX);
}

/* Most registers are in capabilities: not at random places of 4 KiB. */
static uint16_t pick_register(void)
{
	return 4 * g_test_rand_int_range(0, g_test_rand_bit() ? 0x100 / 4 : 0x260 / 4);
}

static void every_width_and_door_does_the_same(void)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		World a, b;

		world_init(&a);
		world_init(&b);
		for (unsigned i = 0; i < WRITES; i++) {
			const uint16_t bdf =
				functions[g_test_rand_int_range(0, G_N_ELEMENTS(functions))];
			const uint16_t off = pick_register();
			const uint32_t val = value();
			CxbPciDev *whole = function(&a, bdf), *cut = function(&b, bdf);

			/* PCIEXBAR takes the door away that others go through. */
			if (!whole || (!bdf && off - PCIEXBAR < 8u))
				continue;
			write_whole(whole, off, val);
			write_cut(&b, cut, bdf, off, val);
			forget_events(find(&a, "rp"));
			forget_events(find(&b, "rp"));
			assert_alike(&a, &b);
			assert_reads_agree(&a, bdf);
			assert_reads_agree(&b, bdf);
			if (g_test_rand_int_range(0, 4))
				continue;
			write_whole(find(&a, "rp"), PCI_PRIMARY_BUS, 0x000d0d0c);
			write_whole(find(&b, "rp"), PCI_PRIMARY_BUS, 0x000d0d0c);
		}
		cxb_machine_free(a.m);
		cxb_machine_free(b.m);
	}
}

/* Every register of every function in turn, no chance involved. */
static void every_register_reads_alike_through_every_door(void)
{
	World w;

	world_init(&w);
	write_whole(find(&w, "rp"), PCI_PRIMARY_BUS, 0x000d0d0c);
	for (unsigned i = 0; i < G_N_ELEMENTS(functions); i++) {
		CxbPciDev *dev = function(&w, functions[i]);

		g_assert_true(cxb_pci_find(w.host, functions[i]) == dev);
		for (unsigned size = 1; size <= 4; size *= 2) {
			for (unsigned off = 0; off < CXB_PCIE_CONFIG_SIZE; off += size) {
				const uint32_t want = off < dev->config_size
							      ? le_load(dev->config + off, size)
							      : ones(size);

				g_assert_cmphex(cxb_pci_dev_config_read(dev, off, size), ==, want);
				g_assert_cmphex(ecam_read(&w, functions[i], off, size), ==, want);
				if (off < CXB_PCI_CONFIG_SIZE)
					g_assert_cmphex(port_read(&w, functions[i], off, size), ==,
							want);
			}
		}
	}
	cxb_machine_free(w.m);
}

static void what_is_not_there_reads_all_ones(void)
{
	/* An empty slot and function, a bus nobody forwards, the last of all. */
	static const uint16_t absent[] = { 0x00f8, 0x0001, 0x0c08, 0x0d08, 0x0e00, 0xff00, 0xffff };
	World w;

	world_init(&w);
	write_whole(find(&w, "rp"), PCI_PRIMARY_BUS, 0x000d0d0c);
	for (unsigned i = 0; i < G_N_ELEMENTS(absent); i++) {
		for (unsigned size = 1; size <= 4; size *= 2) {
			for (unsigned off = 0; off < 0x200; off += size) {
				g_assert_cmphex(ecam_read(&w, absent[i], off, size), ==,
						ones(size));
				if (port_takes(off, size))
					g_assert_cmphex(port_read(&w, absent[i], off, size), ==,
							ones(size));
				ecam_write(&w, absent[i], off, size, 0);
			}
		}
	}
	/* Enable is off: nobody is spoken to. */
	g_assert_true(cxb_pci_port_write(w.host, 0xcf8, 4, 0));
	for (unsigned size = 1; size <= 4; size *= 2) {
		uint32_t val;

		g_assert_true(cxb_pci_port_read(w.host, 0xcfc, size, &val));
		g_assert_cmphex(val, ==, ones(size));
	}
	cxb_machine_free(w.m);
}

#define ADD(fn) g_test_add_func("/machine/config/" #fn, fn)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(every_width_and_door_does_the_same);
	ADD(every_register_reads_alike_through_every_door);
	ADD(what_is_not_there_reads_all_ones);
	return g_test_run();
}
