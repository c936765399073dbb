/* SPDX-License-Identifier: Apache-2.0 */
/* BARs: sizing (PCIe 6.0 7.5.1.2.1), where they answer, and what bridge windows let through. */
#include "rig.h"

typedef struct {
	Rig rig;
	CxbPciDev *root_ep, *rp, *us, *dp, *ep;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
	rig_init(&f->rig);
	f->root_ep = rig_must(&f->rig, "rig-endpoint,id=re,bus=pcie.0,addr=1");
	f->rp = rig_must(&f->rig, "rig-port,id=rp,addr=2");
	f->us = rig_must(&f->rig, "rig-upstream,id=us,bus=rp");
	f->dp = rig_must(&f->rig, "rig-downstream,id=dp,bus=us");
	f->ep = rig_must(&f->rig, "rig-endpoint,id=ep,bus=dp");
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	rig_fini(&f->rig);
}

static void open_path(Fixture *f, uint32_t base, uint32_t limit)
{
	CxbPciDev *const path[] = { f->rp, f->us, f->dp };

	for (unsigned i = 0; i < G_N_ELEMENTS(path); i++) {
		rig_window(path[i], base, limit);
		rig_mem_on(path[i]);
	}
}

static void sizing_gives_size_and_type(Fixture *f, gconstpointer unused)
{
	static const uint32_t want[6] = { 0xffff0004, 0xffffffff, 0xfffff000, 0, 0xfffff000, 0 };

	for (unsigned i = 0; i < 6; i++) {
		rig_put(f->root_ep, 0x10 + 4 * i, 4, 0xffffffff);
		g_assert_cmphex(rig_get(f->root_ep, 0x10 + 4 * i, 4), ==, want[i]);
	}
	/* A port has two; what follows them are bus numbers. */
	rig_put(f->rp, 0x10, 4, 0xffffffff);
	rig_put(f->rp, 0x14, 4, 0xffffffff);
	g_assert_cmphex(rig_get(f->rp, 0x10, 4), ==, 0xffff0004);
	g_assert_cmphex(rig_get(f->rp, 0x14, 4), ==, 0xffffffff);
	rig_put(f->root_ep, 0x30, 4, 0xffffffff);
	g_assert_cmphex(rig_get(f->root_ep, 0x30, 4), ==, 0);
}

static void a_bar_answers_when_decoding_is_on(Fixture *f, gconstpointer unused)
{
	rig_put(f->root_ep, 0x18, 4, 0xe0000000);
	g_assert_false(rig_answers(&f->rig, 0xe0000000));
	rig_mem_on(f->root_ep);
	g_assert_cmphex(rig_read32(&f->rig, 0xe0000ffc), ==, 0xffc);
	g_assert_false(rig_answers(&f->rig, 0xe0001000));
	g_assert_false(rig_answers(&f->rig, 0xdffffffc));
	rig_write32(&f->rig, 0xe0000010, 0x1234);
	g_assert_cmphex(((RigDev *)f->root_ep)->last_off, ==, 0x10);
	g_assert_cmphex(((RigDev *)f->root_ep)->last_val, ==, 0x1234);
	rig_put(f->root_ep, 0x18, 4, 0xe1000000);
	g_assert_false(rig_answers(&f->rig, 0xe0000000));
	g_assert_true(rig_answers(&f->rig, 0xe1000000));
	rig_put(f->root_ep, PCI_COMMAND, 2, 0);
	g_assert_false(rig_answers(&f->rig, 0xe1000000));
}

static void a_64_bit_bar_goes_above_4_gib(Fixture *f, gconstpointer unused)
{
	rig_mem_on(f->root_ep);
	rig_put(f->root_ep, 0x14, 4, 0x12);
	rig_put(f->root_ep, 0x10, 4, 0xffff0000);
	/* Its low half is all ones as far as it can be written, yet no probe. */
	g_assert_cmphex(rig_read32(&f->rig, 0x12ffff0004), ==, 4);
	g_assert_cmphex(f->root_ep->bars[0].hpa, ==, 0x12ffff0000);
	g_assert_true(f->root_ep->bars[0].placed);
}

static void probes_are_never_mapped(Fixture *f, gconstpointer unused)
{
	rig_mem_on(f->root_ep);
	rig_put(f->root_ep, 0x18, 4, 0xffffffff);
	g_assert_false(f->root_ep->bars[2].placed);
	g_assert_false(rig_answers(&f->rig, 0xfffff000));
	rig_put(f->root_ep, 0x14, 4, 0x12);
	rig_put(f->root_ep, 0x10, 4, 0xe0000000);
	g_assert_true(rig_answers(&f->rig, 0x12e0000000));
	rig_put(f->root_ep, 0x10, 4, 0xffffffff);
	g_assert_false(f->root_ep->bars[0].placed);
	rig_put(f->root_ep, 0x10, 4, 0xe0000000);
	rig_put(f->root_ep, 0x14, 4, 0xffffffff);
	g_assert_false(f->root_ep->bars[0].placed);
	rig_put(f->root_ep, 0x14, 4, 0x12);
	g_assert_true(rig_answers(&f->rig, 0x12e0000000));
}

static void no_address_is_no_mapping(Fixture *f, gconstpointer unused)
{
	rig_mem_on(f->root_ep);
	for (unsigned i = 0; i < 5; i++)
		g_assert_false(f->root_ep->bars[i].placed);
	g_assert_false(rig_answers(&f->rig, 0));
	/* The last 64 KiB of the address space end where nothing can end. */
	rig_put(f->root_ep, 0x10, 4, 0xffff0000);
	rig_put(f->root_ep, 0x14, 4, 0xffffffff);
	g_assert_false(f->root_ep->bars[0].placed);
}

static void a_path_must_be_open_all_the_way(Fixture *f, gconstpointer unused)
{
	CxbPciDev *const path[] = { f->rp, f->us, f->dp };

	rig_put(f->ep, 0x18, 4, 0xe0000000);
	rig_mem_on(f->ep);
	g_assert_false(rig_answers(&f->rig, 0xe0000000));
	open_path(f, 0xe0000000, 0xe00fffff);
	g_assert_true(rig_answers(&f->rig, 0xe0000000));
	for (unsigned i = 0; i < G_N_ELEMENTS(path); i++) {
		rig_put(path[i], PCI_COMMAND, 2, 0);
		g_assert_false(rig_answers(&f->rig, 0xe0000000));
		rig_mem_on(path[i]);
		g_assert_true(rig_answers(&f->rig, 0xe0000000));
		rig_window(path[i], 0xe0100000, 0xe01fffff);
		g_assert_false(rig_answers(&f->rig, 0xe0000000));
		rig_window(path[i], 0xe0000000, 0xe00fffff);
		g_assert_true(rig_answers(&f->rig, 0xe0000000));
		rig_window(path[i], 0xe0100000, 0xe00fffff);
		g_assert_false(rig_answers(&f->rig, 0xe0000000));
		rig_window(path[i], 0xe0000000, 0xe00fffff);
	}
}

static void either_window_lets_any_bar_through(Fixture *f, gconstpointer unused)
{
	open_path(f, 0xe0000000, 0xe00fffff);
	rig_put(f->ep, 0x10, 4, 0x00010000);
	rig_put(f->ep, 0x14, 4, 0x10);
	rig_put(f->ep, 0x18, 4, 0xe0000000);
	rig_mem_on(f->ep);
	g_assert_true(rig_answers(&f->rig, 0xe0000000));
	g_assert_false(rig_answers(&f->rig, 0x1000010000));
	rig_prefetch_window(f->rp, 0x1000000000, 0x1000ffffff);
	rig_prefetch_window(f->us, 0x1000000000, 0x1000ffffff);
	g_assert_false(rig_answers(&f->rig, 0x1000010000));
	rig_prefetch_window(f->dp, 0x1000000000, 0x10000fffff);
	g_assert_true(rig_answers(&f->rig, 0x1000010000));
	g_assert_true(rig_answers(&f->rig, 0xe0000000));
}

static void a_bridge_s_own_bar_is_above_its_windows(Fixture *f, gconstpointer unused)
{
	rig_put(f->rp, 0x10, 4, 0xd0000000);
	rig_mem_on(f->rp);
	g_assert_true(rig_answers(&f->rig, 0xd0000000));
	/* That of the port below is behind it. */
	rig_put(f->us, 0x10, 4, 0xd0010000);
	rig_mem_on(f->us);
	g_assert_false(rig_answers(&f->rig, 0xd0010000));
	rig_window(f->rp, 0xd0000000, 0xd00fffff);
	g_assert_true(rig_answers(&f->rig, 0xd0010000));
}

static void a_window_clips_a_bar(Fixture *f, gconstpointer unused)
{
	CxbPciDev *rp = rig_must(&f->rig, "rig-port,id=rp3,addr=3");
	CxbPciDev *big = rig_must(&f->rig, "rig-big,bus=rp3");

	rig_window(rp, 0xe0100000, 0xe02fffff);
	rig_mem_on(rp);
	rig_mem_on(big);
	rig_put(big, 0x10, 4, 0xe0000000);
	g_assert_false(rig_answers(&f->rig, 0xe00ffffc));
	g_assert_cmphex(rig_read32(&f->rig, 0xe0100000), ==, 0x100000);
	g_assert_cmphex(rig_read32(&f->rig, 0xe02ffffc), ==, 0x2ffffc);
	g_assert_false(rig_answers(&f->rig, 0xe0300000));
	/* The other window, adjoining, adds to it. */
	rig_prefetch_window(rp, 0xe0300000, 0xe0ffffff);
	g_assert_cmphex(rig_read32(&f->rig, 0xe03ffffc), ==, 0x3ffffc);
	g_assert_cmphex(rig_read32(&f->rig, 0xe0100000), ==, 0x100000);
	/* With a gap between them, the larger part counts. */
	rig_window(rp, 0xe0000000, 0xe00fffff);
	rig_prefetch_window(rp, 0xe0200000, 0xe0ffffff);
	g_assert_false(rig_answers(&f->rig, 0xe0000000));
	g_assert_false(rig_answers(&f->rig, 0xe0100000));
	g_assert_cmphex(rig_read32(&f->rig, 0xe0200000), ==, 0x200000);
}

static void a_removed_device_answers_no_more(Fixture *f, gconstpointer unused)
{
	open_path(f, 0xe0000000, 0xe00fffff);
	rig_put(f->ep, 0x18, 4, 0xe0000000);
	rig_put(f->ep, 0x20, 4, 0xe0001000);
	rig_mem_on(f->ep);
	g_assert_true(rig_answers(&f->rig, 0xe0000000));
	g_assert_true(rig_answers(&f->rig, 0xe0001000));
	cxb_device_remove(&f->ep->dev);
	g_assert_false(rig_answers(&f->rig, 0xe0000000));
	g_assert_false(rig_answers(&f->rig, 0xe0001000));
	f->ep = rig_hotplug(&f->rig, "rig-endpoint,id=ep,bus=dp", NULL);
	g_assert_nonnull(f->ep);
	rig_put(f->ep, 0x18, 4, 0xe0002000);
	rig_mem_on(f->ep);
	g_assert_true(rig_answers(&f->rig, 0xe0002000));
}

static void a_removed_tree_answers_no_more(Fixture *f, gconstpointer unused)
{
	open_path(f, 0xe0000000, 0xe00fffff);
	rig_put(f->ep, 0x18, 4, 0xe0000000);
	rig_mem_on(f->ep);
	rig_put(f->dp, 0x10, 4, 0xe0080000);
	g_assert_true(rig_answers(&f->rig, 0xe0080000));
	cxb_device_remove(&f->us->dev);
	g_assert_false(rig_answers(&f->rig, 0xe0000000));
	g_assert_false(rig_answers(&f->rig, 0xe0080000));
}

static void update_finds_everything_in_place(Fixture *f, gconstpointer unused)
{
	open_path(f, 0xe0000000, 0xe00fffff);
	rig_put(f->ep, 0x18, 4, 0xe0000000);
	rig_mem_on(f->ep);
	cxb_pci_update_mappings(f->rig.host);
	g_assert_true(rig_answers(&f->rig, 0xe0000000));
}

#define ADD(name) g_test_add("/pci/mapping/" #name, Fixture, NULL, set_up, name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(sizing_gives_size_and_type);
	ADD(a_bar_answers_when_decoding_is_on);
	ADD(a_64_bit_bar_goes_above_4_gib);
	ADD(probes_are_never_mapped);
	ADD(no_address_is_no_mapping);
	ADD(a_path_must_be_open_all_the_way);
	ADD(either_window_lets_any_bar_through);
	ADD(a_bridge_s_own_bar_is_above_its_windows);
	ADD(a_window_clips_a_bar);
	ADD(a_removed_device_answers_no_more);
	ADD(a_removed_tree_answers_no_more);
	ADD(update_finds_everything_in_place);
	return g_test_run();
}
