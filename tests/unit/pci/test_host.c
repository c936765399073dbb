/* SPDX-License-Identifier: Apache-2.0 */
/* Routing by bus number, CF8h/CFCh, ECAM. Address layouts from PCIe 6.0 7.2.2. */
#include "rig.h"

#define CXB_BDF(bus, dev, fn) ((uint16_t)((bus) << 8 | (dev) << 3 | (fn)))

#define ECAM 0xb0000000ull

typedef struct {
	Rig rig;
	CxbPciDev *rp, *us, *d0, *d1, *ep;
	CxbRegion *ecam;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
	rig_init(&f->rig);
	f->rp = rig_must(&f->rig, "rig-port,id=rp,addr=1");
	f->us = rig_must(&f->rig, "rig-upstream,id=us,bus=rp");
	f->d0 = rig_must(&f->rig, "rig-downstream,id=d0,bus=us");
	f->d1 = rig_must(&f->rig, "rig-downstream,id=d1,bus=us");
	f->ep = rig_must(&f->rig, "rig-endpoint,id=ep,bus=d1");
	f->ecam = cxb_region_new_io("ecam", 256 << 20, &cxb_pci_ecam_ops, f->rig.host);
	cxb_memmap_place(f->rig.mm, f->ecam, ECAM, 0, 0, 256 << 20);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_region_free(f->ecam);
	rig_fini(&f->rig);
}

static void number_all(Fixture *f)
{
	rig_bus_numbers(f->rp, 0, 1, 4);
	rig_bus_numbers(f->us, 1, 2, 4);
	rig_bus_numbers(f->d0, 2, 3, 3);
	rig_bus_numbers(f->d1, 2, 4, 4);
}

static void nothing_below_bus_0_until_numbered(Fixture *f, gconstpointer unused)
{
	for (unsigned bus = 1; bus < 256; bus++)
		g_assert_null(cxb_pci_find(f->rig.host, bus << 8));
	g_assert_true(cxb_pci_find(f->rig.host, CXB_BDF(0, 1, 0)) == f->rp);
}

static void numbers_route_to_every_level(Fixture *f, gconstpointer unused)
{
	number_all(f);
	g_assert_true(cxb_pci_find(f->rig.host, CXB_BDF(1, 0, 0)) == f->us);
	g_assert_true(cxb_pci_find(f->rig.host, CXB_BDF(2, 1, 0)) == f->d1);
	g_assert_true(cxb_pci_find(f->rig.host, CXB_BDF(4, 0, 0)) == f->ep);
	g_assert_null(cxb_pci_find(f->rig.host, CXB_BDF(3, 0, 0)));
	g_assert_null(cxb_pci_find(f->rig.host, CXB_BDF(4, 0, 1)));
	g_assert_cmphex(cxb_pci_bdf(f->ep), ==, 0x400);
	g_assert_cmphex(cxb_pci_config_read(f->rig.host, 0x400, 0, 4), ==, 0x00041b36);
	rig_put(f->d1, PCI_SECONDARY_BUS, 1, 3);
	rig_put(f->d0, PCI_SECONDARY_BUS, 2, 0x0404);
	g_assert_true(cxb_pci_find(f->rig.host, CXB_BDF(3, 0, 0)) == f->ep);
}

static void a_bridge_above_must_forward_the_number(Fixture *f, gconstpointer unused)
{
	number_all(f);
	rig_put(f->rp, PCI_SUBORDINATE, 1, 3);
	g_assert_null(cxb_pci_find(f->rig.host, CXB_BDF(4, 0, 0)));
	rig_put(f->rp, PCI_SUBORDINATE, 1, 255);
	g_assert_true(cxb_pci_find(f->rig.host, CXB_BDF(4, 0, 0)) == f->ep);
	rig_put(f->us, PCI_SECONDARY_BUS, 1, 1);
	g_assert_null(cxb_pci_find(f->rig.host, CXB_BDF(4, 0, 0)));
}

static void root_buses_keep_their_numbers(Fixture *f, gconstpointer unused)
{
	CxbPciDev *rp;

	rig_must(&f->rig, "rig-expander,id=x,bus=pcie.0,bus_nr=2");
	rp = rig_must(&f->rig, "rig-port,id=xrp,bus=x");
	number_all(f);
	g_assert_true(cxb_pci_find(f->rig.host, CXB_BDF(2, 0, 0)) == rp);
	g_assert_null(cxb_pci_find(f->rig.host, CXB_BDF(4, 0, 0)));
	g_assert_true(cxb_pci_root_bus(f->rig.host, 2) == cxb_pci_dev_bus(rp));
}

static void any_numbers_are_survived(Fixture *f, gconstpointer unused)
{
	GRand *rand = g_rand_new_with_seed(20240117);
	CxbPciDev *const bridges[] = { f->rp, f->us, f->d0, f->d1 };

	for (unsigned i = 0; i < 5000; i++) {
		CxbPciDev *found;

		rig_put(bridges[i % 4], PCI_PRIMARY_BUS, 4, g_rand_int(rand) & 0x07070707);
		found = cxb_pci_find(f->rig.host, g_rand_int_range(rand, 0, 8) << 8);
		if (found)
			g_assert_cmphex(cxb_pci_bdf(found) & 0xff, ==, 0);
	}
	g_rand_free(rand);
}

static void cf8_reaches_single_bytes(Fixture *f, gconstpointer unused)
{
	uint32_t v;

	g_assert_true(cxb_pci_port_write(f->rig.host, 0xcf8, 4, 0x80000000 | 1 << 11 | 0x3c));
	g_assert_true(cxb_pci_port_read(f->rig.host, 0xcf8, 4, &v));
	g_assert_cmphex(v, ==, 0x8000083c);
	g_assert_true(cxb_pci_port_write(f->rig.host, 0xcfc, 1, 0xab));
	g_assert_cmphex(rig_get(f->rp, 0x3c, 1), ==, 0xab);
	cxb_pci_port_write(f->rig.host, 0xcf8, 4, 0x80000000 | 1 << 11);
	for (unsigned i = 0; i < 4; i++) {
		static const uint8_t ids[] = { 0x36, 0x1b, 0x01, 0x00 };

		g_assert_true(cxb_pci_port_read(f->rig.host, 0xcfc + i, 1, &v));
		g_assert_cmphex(v, ==, ids[i]);
	}
	g_assert_true(cxb_pci_port_read(f->rig.host, 0xcfe, 2, &v));
	g_assert_cmphex(v, ==, 0x0001);
	g_assert_true(cxb_pci_port_read(f->rig.host, 0xcfd, 2, &v));
	g_assert_cmphex(v, ==, 0x011b);
	/* Bits 1:0 of the address are not part of it. */
	cxb_pci_port_write(f->rig.host, 0xcf8, 4, 0x80000000 | 1 << 11 | 3);
	g_assert_true(cxb_pci_port_read(f->rig.host, 0xcfc, 4, &v));
	g_assert_cmphex(v, ==, 0x00011b36);
}

static void cf8_disabled_reads_ones(Fixture *f, gconstpointer unused)
{
	uint32_t v;

	cxb_pci_port_write(f->rig.host, 0xcf8, 4, 1 << 11 | 0x3c);
	g_assert_true(cxb_pci_port_read(f->rig.host, 0xcfc, 2, &v));
	g_assert_cmphex(v, ==, 0xffff);
	g_assert_true(cxb_pci_port_read(f->rig.host, 0xcfc, 4, &v));
	g_assert_cmphex(v, ==, 0xffffffff);
	g_assert_true(cxb_pci_port_write(f->rig.host, 0xcfc, 1, 0x11));
	g_assert_cmphex(rig_get(f->rp, 0x3c, 1), ==, 0);
}

static void other_ports_are_not_pci(Fixture *f, gconstpointer unused)
{
	uint32_t v = 0x55;

	g_assert_false(cxb_pci_port_read(f->rig.host, 0xcf9, 1, &v));
	g_assert_false(cxb_pci_port_write(f->rig.host, 0xcf9, 1, 6));
	g_assert_false(cxb_pci_port_read(f->rig.host, 0xcf8, 2, &v));
	g_assert_false(cxb_pci_port_read(f->rig.host, 0xd00, 1, &v));
	g_assert_false(cxb_pci_port_read(f->rig.host, 0xcff, 2, &v));
	g_assert_false(cxb_pci_port_read(f->rig.host, 0xcfb, 1, &v));
	g_assert_cmphex(v, ==, 0x55);
}

static void ecam_and_cf8_are_the_same_registers(Fixture *f, gconstpointer unused)
{
	number_all(f);
	for (unsigned reg = 0; reg < 256; reg += 4) {
		uint32_t v;

		cxb_pci_port_write(f->rig.host, 0xcf8, 4, 0x80000000 | 4 << 16 | reg);
		g_assert_true(cxb_pci_port_read(f->rig.host, 0xcfc, 4, &v));
		g_assert_cmphex(rig_read32(&f->rig, ECAM + (4 << 20) + reg), ==, v);
	}
	rig_write32(&f->rig, ECAM + (4 << 20) + 0x3c, 0x42);
	g_assert_cmphex(rig_get(f->ep, 0x3c, 1), ==, 0x42);
}

static void ecam_reaches_the_extended_space(Fixture *f, gconstpointer unused)
{
	uint64_t v;

	/* The AER capability of the root port: id 1, version 2, the last one. */
	g_assert_cmphex(rig_read32(&f->rig, ECAM + (1 << 15) + 0x100), ==, 0x00020001);
	g_assert_cmphex(rig_read32(&f->rig, ECAM + (31 << 15)), ==, 0xffffffff);
	/* Eight bytes are two registers. */
	g_assert_cmpint(cxb_memmap_read(f->rig.mm, ECAM + (1 << 15), &v, 8), ==, CXB_MEM_OK);
	g_assert_cmphex(GUINT64_FROM_LE(v), ==, 0x0010000000011b36ull);
}

static void messages_do_not_reach_configuration_space(Fixture *f, gconstpointer unused)
{
	f->rig.memory_sink = true;
	rig_mem_on(f->rp);
	rig_put(f->rp, 0x64, 4, ECAM + (1 << 15) + 0x3c);
	rig_put(f->rp, 0x68, 2, 0x77);
	rig_put(f->rp, 0x62, 2, 1);
	cxb_pci_notify(f->rp, 0);
	g_assert_cmpuint(f->rig.messages->len, ==, 1);
	g_assert_cmphex(rig_get(f->rp, 0x3c, 1), ==, 0);
}

static void a_removed_device_is_absent(Fixture *f, gconstpointer unused)
{
	number_all(f);
	cxb_device_remove(&f->ep->dev);
	g_assert_cmphex(cxb_pci_config_read(f->rig.host, 0x400, 0, 2), ==, 0xffff);
	cxb_pci_config_write(f->rig.host, 0x400, 4, 2, 7);
	cxb_device_remove(&f->us->dev);
	g_assert_cmphex(cxb_pci_config_read(f->rig.host, 0x100, 0, 1), ==, 0xff);
	g_assert_cmphex(cxb_pci_config_read(f->rig.host, 0x208, 0, 4), ==, 0xffffffff);
}

#define ADD(name) g_test_add("/pci/host/" #name, Fixture, NULL, set_up, name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(nothing_below_bus_0_until_numbered);
	ADD(numbers_route_to_every_level);
	ADD(a_bridge_above_must_forward_the_number);
	ADD(root_buses_keep_their_numbers);
	ADD(any_numbers_are_survived);
	ADD(cf8_reaches_single_bytes);
	ADD(cf8_disabled_reads_ones);
	ADD(other_ports_are_not_pci);
	ADD(ecam_and_cf8_are_the_same_registers);
	ADD(ecam_reaches_the_extended_space);
	ADD(messages_do_not_reach_configuration_space);
	ADD(a_removed_device_is_absent);
	return g_test_run();
}
