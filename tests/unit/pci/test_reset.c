/* SPDX-License-Identifier: Apache-2.0 */
/* Bridge registers, secondary bus reset and host reset. */
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

static void run_up(Fixture *f)
{
	CxbPciDev *const path[] = { f->rp, f->us, f->dp };

	for (unsigned i = 0; i < G_N_ELEMENTS(path); i++) {
		rig_bus_numbers(path[i], i, i + 1, 3);
		rig_window(path[i], 0xe0000000, 0xe00fffff);
		rig_mem_on(path[i]);
	}
	rig_put(f->ep, 0x18, 4, 0xe0000000);
	rig_put(f->ep, 0x20, 4, 0xe0001000);
	rig_mem_on(f->ep);
	rig_put(f->ep, 0x42, 2, 0x8000);
	rig_write32(&f->rig, 0xe000100c, 0);
}

static void cfg_not_offered(CxbPciDev *dev)
{
	dev->config[0x84 + 3] &= ~0x10; /* Device Capabilities, b28 */
}

static void bridge_windows_start_closed(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(rig_get(f->rp, 0x18, 4), ==, 0);
	g_assert_cmphex(rig_get(f->rp, 0x1c, 2), ==, 0x00f0);
	g_assert_cmphex(rig_get(f->rp, 0x20, 4), ==, 0x0000fff0);
	g_assert_cmphex(rig_get(f->rp, 0x24, 4), ==, 0x0001fff1);
	g_assert_cmphex(rig_get(f->rp, 0x28, 4), ==, 0);
	g_assert_cmphex(rig_get(f->rp, 0x2c, 4), ==, 0);
	g_assert_cmphex(rig_get(f->rp, 0x3e, 2), ==, 0);
}

static void bridge_registers_take_their_bits(Fixture *f, gconstpointer unused)
{
	for (unsigned off = 0x18; off < 0x30; off += 4)
		rig_put(f->rp, off, 4, 0xffffffff);
	rig_put(f->rp, 0x3e, 2, 0xffbf);
	g_assert_cmphex(rig_get(f->rp, 0x18, 4), ==, 0x00ffffff);
	g_assert_cmphex(rig_get(f->rp, 0x1c, 4), ==, 0x0000f0f0);
	g_assert_cmphex(rig_get(f->rp, 0x20, 4), ==, 0xfff0fff0);
	g_assert_cmphex(rig_get(f->rp, 0x24, 4), ==, 0xfff1fff1);
	g_assert_cmphex(rig_get(f->rp, 0x28, 4), ==, 0xffffffff);
	g_assert_cmphex(rig_get(f->rp, 0x2c, 4), ==, 0xffffffff);
	g_assert_cmphex(rig_get(f->rp, 0x3e, 2), ==, 0x001f);
}

static void secondary_bus_reset_takes_all_below(Fixture *f, gconstpointer unused)
{
	run_up(f);
	g_assert_true(rig_answers(&f->rig, 0xe0000000));
	rig_put(f->rp, 0x3e, 2, 0x0040);
	g_assert_cmpuint(((RigDev *)f->rp)->resets, ==, 0);
	g_assert_cmpuint(((RigDev *)f->us)->resets, ==, 1);
	g_assert_cmpuint(((RigDev *)f->dp)->resets, ==, 1);
	g_assert_cmpuint(((RigDev *)f->ep)->resets, ==, 1);
	g_assert_false(rig_answers(&f->rig, 0xe0000000));
	g_assert_cmphex(rig_get(f->ep, 0x18, 4), ==, 0);
	g_assert_cmphex(rig_get(f->ep, 0x42, 2), ==, 0x0007);
	g_assert_cmphex(rig_get(f->us, 0x18, 4), ==, 0);
	g_assert_cmphex(rig_get(f->rp, 0x18, 4), ==, 0x00030100);
	/* Holding or clearing the bit is not a reset, raising it again is. */
	rig_put(f->rp, 0x3e, 2, 0x0040);
	rig_put(f->rp, 0x3e, 1, 0x00);
	g_assert_cmpuint(((RigDev *)f->us)->resets, ==, 1);
	rig_put(f->rp, 0x3c, 4, 0x00400000);
	g_assert_cmpuint(((RigDev *)f->us)->resets, ==, 2);
}

static void sticky_bits_live_until_a_fundamental_reset(Fixture *f, gconstpointer unused)
{
	f->ep->sticky[0x3c] = 0xf0;
	rig_put(f->ep, 0x3c, 1, 0xab);
	rig_put(f->rp, 0x3e, 2, 0x0040);
	g_assert_cmphex(rig_get(f->ep, 0x3c, 1), ==, 0xa0);
	cxb_pci_host_reset(f->rig.host, CXB_RESET_WARM);
	g_assert_cmphex(rig_get(f->ep, 0x3c, 1), ==, 0x00);
}

static bool below_is_there(Fixture *f)
{
	return cxb_pci_find(f->rig.host, 1 << 8) == f->us;
}

static void what_is_held_in_reset_is_not_there(Fixture *f, gconstpointer unused)
{
	run_up(f);
	g_assert_true(below_is_there(f));
	rig_put(f->rp, 0x3e, 2, 0x0040);
	g_assert_false(below_is_there(f));
	g_assert_cmphex(cxb_pci_config_read(f->rig.host, 1 << 8, 0, 4), ==, 0xffffffff);
	rig_put(f->rp, 0x3e, 2, 0);
	g_assert_true(below_is_there(f));
	/* A reset of the port itself lets go, too. */
	rig_put(f->rp, 0x3e, 2, 0x0040);
	cxb_pci_host_reset(f->rig.host, CXB_RESET_WARM);
	rig_bus_numbers(f->rp, 0, 1, 3);
	g_assert_true(below_is_there(f));
}

static void a_disabled_link_is_a_reset_and_a_way_cut(Fixture *f, gconstpointer unused)
{
	run_up(f);
	rig_put(f->rp, 0x90, 2, 0x0010);
	g_assert_cmpuint(((RigDev *)f->us)->resets, ==, 1);
	g_assert_cmpuint(((RigDev *)f->ep)->resets, ==, 1);
	g_assert_cmphex(rig_get(f->rp, 0x92, 2), ==, 0x0105);
	g_assert_cmphex(rig_get(f->rp, 0x9a, 2) & 0x100, ==, 0x100);
	g_assert_false(below_is_there(f));
	rig_put(f->rp, 0x9a, 2, 0x100);
	rig_put(f->rp, 0x90, 2, 0x0010); /* held: nothing more */
	g_assert_cmpuint(((RigDev *)f->us)->resets, ==, 1);
	rig_put(f->rp, 0x90, 2, 0);
	g_assert_cmphex(rig_get(f->rp, 0x92, 2), ==, 0x2105);
	g_assert_cmphex(rig_get(f->rp, 0x9a, 2) & 0x100, ==, 0x100);
	g_assert_true(below_is_there(f));
}

static void a_slot_without_power_is_cold_and_out_of_reach(Fixture *f, gconstpointer unused)
{
	f->us->sticky[0x3c] = 0xff;
	run_up(f);
	rig_put(f->us, 0x3c, 1, 0xab);
	rig_put(f->rp, 0x98, 2, 0x05c0); /* power cut, indicator on: nothing is ejected */
	g_assert_cmpuint(((RigDev *)f->us)->resets, ==, 1);
	g_assert_cmphex(rig_get(f->us, 0x3c, 1), ==, 0);
	g_assert_false(below_is_there(f));
	rig_put(f->rp, 0x98, 2, 0x05c0);
	g_assert_cmpuint(((RigDev *)f->us)->resets, ==, 1);
	rig_put(f->rp, 0x98, 2, 0x01c0);
	g_assert_true(below_is_there(f));
	g_assert_cmpuint(((RigDev *)f->us)->resets, ==, 1);
}

static void a_function_that_offers_it_resets_itself_alone(Fixture *f, gconstpointer unused)
{
	CxbPciDev *const others[] = { f->rp, f->us, f->dp };

	run_up(f);
	f->ep->sticky[0x3c] = 0xf0;
	rig_put(f->ep, 0x3c, 1, 0xab);
	rig_put(f->ep, 0x88, 4, 0x8020);
	g_assert_cmpuint(((RigDev *)f->ep)->resets, ==, 1);
	g_assert_cmphex(rig_get(f->ep, 0x3c, 1), ==, 0xa0);
	g_assert_cmphex(rig_get(f->ep, 0x88, 2), ==, 0x0020); /* the payload size stays */
	g_assert_cmphex(rig_get(f->ep, 0x18, 4), ==, 0);
	g_assert_false(rig_answers(&f->rig, 0xe0000000));
	/* The bit is another one's in bridges, and means nothing where it is not offered. */
	for (unsigned i = 0; i < G_N_ELEMENTS(others); i++)
		rig_put(others[i], 0x88, 2, 0x8000);
	cfg_not_offered(f->ep);
	rig_put(f->ep, 0x89, 1, 0x80);
	g_assert_cmpuint(((RigDev *)f->ep)->resets, ==, 1);
	for (unsigned i = 0; i < G_N_ELEMENTS(others); i++)
		g_assert_cmpuint(((RigDev *)others[i])->resets, ==, 0);
}

static void host_reset_restores_everything(Fixture *f, gconstpointer unused)
{
	CxbPciDev *const all[] = { f->rp, f->us, f->dp, f->ep };
	uint8_t *before[4];
	uint32_t v;

	for (unsigned i = 0; i < 4; i++)
		before[i] = g_memdup2(all[i]->config, all[i]->config_size);
	run_up(f);
	cxb_pci_port_write(f->rig.host, 0xcf8, 4, 0x80000800);
	cxb_pci_host_reset(f->rig.host, CXB_RESET_WARM);
	for (unsigned i = 0; i < 4; i++) {
		g_assert_cmpmem(all[i]->config, all[i]->config_size, before[i],
				all[i]->config_size);
		g_assert_cmpuint(((RigDev *)all[i])->resets, ==, 1);
		g_free(before[i]);
	}
	g_assert_null(cxb_pci_find(f->rig.host, 0x300));
	g_assert_false(rig_answers(&f->rig, 0xe0000000));
	g_assert_true(cxb_pci_port_read(f->rig.host, 0xcf8, 4, &v));
	g_assert_cmphex(v, ==, 0);
	/* The MSI-X table too. */
	run_up(f);
	g_assert_cmphex(rig_read32(&f->rig, 0xe000101c), ==, 1);
}

static void host_reset_reaches_expanders_once(Fixture *f, gconstpointer unused)
{
	CxbPciDev *rp;

	rig_must(&f->rig, "rig-expander,id=x,bus=pcie.0,bus_nr=12");
	rp = rig_must(&f->rig, "rig-port,id=xrp,bus=x");
	cxb_pci_host_reset(f->rig.host, CXB_RESET_WARM);
	g_assert_cmpuint(((RigDev *)rp)->resets, ==, 1);
	g_assert_true(cxb_pci_find(f->rig.host, 12 << 8) == rp);
}

#define ADD(name) g_test_add("/pci/reset/" #name, Fixture, NULL, set_up, name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(bridge_windows_start_closed);
	ADD(bridge_registers_take_their_bits);
	ADD(secondary_bus_reset_takes_all_below);
	ADD(sticky_bits_live_until_a_fundamental_reset);
	ADD(what_is_held_in_reset_is_not_there);
	ADD(a_disabled_link_is_a_reset_and_a_way_cut);
	ADD(a_slot_without_power_is_cold_and_out_of_reach);
	ADD(a_function_that_offers_it_resets_itself_alone);
	ADD(host_reset_restores_everything);
	ADD(host_reset_reaches_expanders_once);
	return g_test_run();
}
