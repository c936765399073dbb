/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capability lists and the PCI Express capability words. The words of each type are those QEMU
 * 11.1.3 shows for cxl-rp, cxl-downstream, cxl-upstream and cxl-type3.
 */
#include "rig.h"

typedef struct {
	Rig rig;
	CxbPciDev *rp, *us, *dp, *ep;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
	rig_init(&f->rig);
	f->rp = rig_must(&f->rig, "rig-port,id=rp,addr=1");
	f->us = rig_must(&f->rig, "rig-upstream,id=us,bus=rp");
	f->dp = rig_must(&f->rig, "rig-downstream,id=dp,bus=us");
	f->ep = rig_must(&f->rig, "rig-endpoint,id=ep,bus=dp");
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	rig_fini(&f->rig);
}

static uint32_t word(CxbPciDev *dev, unsigned off, unsigned size)
{
	return rig_get(dev, 0x80 + off, size);
}

static void words_are_those_of_the_type(Fixture *f, gconstpointer unused)
{
	const struct {
		CxbPciDev *dev;
		uint32_t flags, dev_cap, link_cap, slot_cap;
	} want[] = {
		{ f->rp, 0x0142, 0x00008020, 0x07300606, 0x0002007b | 5 << 19 },
		{ f->dp, 0x0162, 0x10008020, 0x07300506, 0x00020079 },
		{ f->us, 0x0052, 0x10008020, 0x00000505, 0 },
		{ f->ep, 0x0002, 0x10008020, 0x00000505, 0 },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(want); i++) {
		g_assert_cmphex(word(want[i].dev, 0x00, 1), ==, 0x10);
		g_assert_cmphex(word(want[i].dev, 0x02, 2), ==, want[i].flags);
		g_assert_cmphex(word(want[i].dev, 0x04, 4), ==, want[i].dev_cap);
		g_assert_cmphex(word(want[i].dev, 0x0c, 4), ==, want[i].link_cap);
		g_assert_cmphex(word(want[i].dev, 0x14, 4), ==, want[i].slot_cap);
	}
	g_assert_cmphex(word(f->us, 0x12, 2), ==, 0x0105);
	g_assert_cmphex(word(f->ep, 0x12, 2), ==, 0x0105);
	g_assert_cmphex(word(f->ep, 0x18, 4), ==, 0);
}

static void standard_list_is_in_order_of_calls(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(rig_get(f->ep, 0x34, 1), ==, 0x40);
	g_assert_cmphex(rig_get(f->ep, 0x41, 1), ==, 0x80);
	g_assert_cmphex(rig_get(f->ep, 0x81, 1), ==, 0x00);
	g_assert_cmphex(rig_get(f->rp, 0x34, 1), ==, 0x60);
	g_assert_cmphex(rig_get(f->rp, 0x61, 1), ==, 0x80);
	/* The next free one is behind the longest reach. */
	g_assert_cmphex(cxb_pci_add_cap(f->ep, 0x0d, 0, 8), ==, 0xbc);
	g_assert_cmphex(rig_get(f->ep, 0x81, 1), ==, 0xbc);
	g_assert_cmphex(cxb_pci_add_cap(f->ep, 0x09, 0x50, 8), ==, 0x50);
	g_assert_cmphex(rig_get(f->ep, 0xbd, 1), ==, 0x50);
	g_assert_cmphex(cxb_pci_add_cap(f->ep, 0x09, 0, 8), ==, 0xc4);
}

static void extended_list_starts_at_100h(Fixture *f, gconstpointer unused)
{
	static const uint8_t body[] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66 };

	g_assert_cmphex(rig_get(f->ep, 0x100, 4), ==, 0);
	/* A first one elsewhere leaves a null capability in front. */
	cxb_pcie_add_aer(f->ep, 0x200);
	g_assert_cmphex(rig_get(f->ep, 0x100, 4), ==, 0x20000000);
	g_assert_cmphex(rig_get(f->ep, 0x200, 4), ==, 0x00020001);
	cxb_pcie_add_dsn(f->ep, 0x100, 0x1122334455667788);
	g_assert_cmphex(rig_get(f->ep, 0x100, 4), ==, 0x20010003);
	g_assert_cmphex(rig_get(f->ep, 0x104, 4), ==, 0x55667788);
	g_assert_cmphex(rig_get(f->ep, 0x108, 4), ==, 0x11223344);
	g_assert_cmphex(cxb_pcie_add_dvsec(f->ep, 5, 1, 0, 0x10, body), ==, 0x248);
	g_assert_cmphex(rig_get(f->ep, 0x200, 4), ==, 0x24820001);
	g_assert_cmphex(rig_get(f->ep, 0x248, 4), ==, 0x00010023);
	g_assert_cmphex(rig_get(f->ep, 0x24c, 4), ==, 0x01011e98);
	g_assert_cmphex(rig_get(f->ep, 0x250, 4), ==, 0x22110005);
	g_assert_cmphex(rig_get(f->ep, 0x254, 4), ==, 0x66554433);
	cxb_pcie_add_acs(f->ep, 0);
	g_assert_cmphex(rig_get(f->ep, 0x258, 4), ==, 0x0001000d);
	rig_put(f->ep, 0x25e, 2, 0xffff);
	g_assert_cmphex(rig_get(f->ep, 0x25e, 2), ==, rig_get(f->ep, 0x25c, 2));
}

static void aer_registers_have_the_defaults_of_the_specification(Fixture *f, gconstpointer unused)
{
	/* PCIe 6.0 7.8.4.4, 7.8.4.6: severity and masks after reset. */
	g_assert_cmphex(rig_get(f->rp, 0x108, 4), ==, 0x00400000);
	g_assert_cmphex(rig_get(f->rp, 0x10c, 4), ==, 0x00462030);
	g_assert_cmphex(rig_get(f->rp, 0x114, 4) & 0x6000, ==, 0x6000);
	f->rp->config[0x106] = 0x40; /* an internal error, as a device would report it */
	g_assert_cmphex(rig_get(f->rp, 0x104, 4), ==, 0x00400000);
	rig_put(f->rp, 0x104, 4, 0x00400000);
	g_assert_cmphex(rig_get(f->rp, 0x104, 4), ==, 0);
	/* Only a root port reports for others. */
	rig_put(f->rp, 0x12c, 4, 0xffffffff);
	g_assert_cmphex(rig_get(f->rp, 0x12c, 4), ==, 7);
	cxb_pcie_add_aer(f->ep, 0x100);
	rig_put(f->ep, 0x12c, 4, 0xffffffff);
	g_assert_cmphex(rig_get(f->ep, 0x12c, 4), ==, 0);
}

#define ADD(name) g_test_add("/pci/caps/" #name, Fixture, NULL, set_up, name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(words_are_those_of_the_type);
	ADD(standard_list_is_in_order_of_calls);
	ADD(extended_list_starts_at_100h);
	ADD(aer_registers_have_the_defaults_of_the_specification);
	return g_test_run();
}
