/* SPDX-License-Identifier: Apache-2.0 */
/* MSI (PCIe 6.0 7.7.1): layouts with 32 and 64 bits, vectors allowed, masks. */
#include "rig.h"

typedef struct {
	Rig rig;
	CxbPciDev *rp, *us; /* 32 bits maskable; 64 bits */
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
	rig_init(&f->rig);
	f->rp = rig_must(&f->rig, "rig-port,id=rp,addr=1");
	f->us = rig_must(&f->rig, "rig-upstream,id=us,bus=rp");
	rig_mem_on(f->rp);
	rig_mem_on(f->us);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	rig_fini(&f->rig);
}

static void expect(Fixture *f, unsigned count, uint64_t addr, uint32_t data)
{
	const GArray *m = f->rig.messages;

	g_assert_cmpuint(m->len, ==, count);
	if (count) {
		g_assert_cmphex(g_array_index(m, RigMessage, count - 1).addr, ==, addr);
		g_assert_cmphex(g_array_index(m, RigMessage, count - 1).data, ==, data);
	}
}

static void capability_shows_its_kind(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(rig_get(f->rp, 0x60, 4), ==, 0x01028005);
	g_assert_cmphex(rig_get(f->us, 0x60, 4), ==, 0x00828005);
	rig_put(f->rp, 0x62, 2, 0xffff);
	g_assert_cmphex(rig_get(f->rp, 0x62, 2), ==, 0x0173);
	rig_put(f->rp, 0x64, 4, 0xffffffff);
	g_assert_cmphex(rig_get(f->rp, 0x64, 4), ==, 0xfffffffc);
	/* Two vectors, two mask bits; pending is read-only. */
	rig_put(f->rp, 0x6c, 4, 0xffffffff);
	g_assert_cmphex(rig_get(f->rp, 0x6c, 4), ==, 3);
	rig_put(f->rp, 0x70, 4, 0xffffffff);
	g_assert_cmphex(rig_get(f->rp, 0x70, 4), ==, 0);
}

static void the_vector_goes_into_the_data(Fixture *f, gconstpointer unused)
{
	rig_put(f->us, 0x64, 4, 0xfee00000);
	rig_put(f->us, 0x68, 4, 0x1);
	rig_put(f->us, 0x6c, 2, 0x4041);
	cxb_pci_notify(f->us, 0);
	expect(f, 0, 0, 0);
	rig_put(f->us, 0x62, 2, 0x0001);
	cxb_pci_notify(f->us, 1);
	/* One vector allowed: all the same message. */
	expect(f, 1, 0x1fee00000, 0x4041);
	rig_put(f->us, 0x62, 2, 0x0011);
	cxb_pci_notify(f->us, 0);
	expect(f, 2, 0x1fee00000, 0x4040);
	cxb_pci_notify(f->us, 1);
	expect(f, 3, 0x1fee00000, 0x4041);
	/* More allowed than there are changes nothing. */
	rig_put(f->us, 0x62, 2, 0x0071);
	cxb_pci_notify(f->us, 77);
	expect(f, 4, 0x1fee00000, 0x4041);
}

static void masked_ones_wait(Fixture *f, gconstpointer unused)
{
	rig_put(f->rp, 0x64, 4, 0xfee00000);
	rig_put(f->rp, 0x68, 2, 0x30);
	rig_put(f->rp, 0x62, 2, 0x0011);
	rig_put(f->rp, 0x6c, 4, 0x2);
	cxb_pci_notify(f->rp, 1);
	expect(f, 0, 0, 0);
	g_assert_cmphex(rig_get(f->rp, 0x70, 4), ==, 2);
	cxb_pci_notify(f->rp, 0);
	expect(f, 1, 0xfee00000, 0x30);
	rig_put(f->rp, 0x6c, 4, 0);
	expect(f, 2, 0xfee00000, 0x31);
	g_assert_cmphex(rig_get(f->rp, 0x70, 4), ==, 0);
}

static void bus_mastering_is_needed(Fixture *f, gconstpointer unused)
{
	rig_put(f->rp, 0x64, 4, 0xfee00000);
	rig_put(f->rp, 0x62, 2, 0x0001);
	rig_put(f->rp, PCI_COMMAND, 2, 0);
	cxb_pci_notify(f->rp, 0);
	expect(f, 0, 0, 0);
}

#define ADD(name) g_test_add("/pci/msi/" #name, Fixture, NULL, set_up, name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(capability_shows_its_kind);
	ADD(the_vector_goes_into_the_data);
	ADD(masked_ones_wait);
	ADD(bus_mastering_is_needed);
	return g_test_run();
}
