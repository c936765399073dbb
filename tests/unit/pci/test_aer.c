/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors from a function up to its root port: PCIe 6.0 6.2.4 to 6.2.6 and 7.8.4. An endpoint below a
 * switch below a root port, each with what it needs to pass errors on, and then with one thing less.
 */
#include "rig.h"

#define AER         0x100
#define UNC         CXB_AER_UNC_INTERNAL
#define COR         CXB_AER_COR_INTERNAL
#define DEV_CTL     0x88
#define DEV_STA     0x8a
#define REPORT      0x0007 /* correctable, non-fatal, fatal */
#define SERR        0x0100
#define BRIDGE_SERR 0x0002
#define BDF         0x0300u

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
	f->ep = rig_must(&f->rig, "rig-reporter,id=ep,bus=dp");

	CxbPciDev *const path[] = { f->rp, f->us, f->dp };

	for (unsigned i = 0; i < G_N_ELEMENTS(path); i++) {
		rig_bus_numbers(path[i], i, i + 1, 3);
		rig_put(path[i], DEV_CTL, 2, REPORT);
		rig_put(path[i], 0x3e, 2, BRIDGE_SERR);
	}
	rig_put(f->ep, DEV_CTL, 2, REPORT);
	rig_put(f->ep, AER + PCIE_AER_UNC_MASK, 4, 0);
	rig_put(f->ep, AER + PCIE_AER_COR_MASK, 4, 0);
	/* The port's messages: on, two of them. */
	rig_put(f->rp, 4, 2, 4);
	rig_put(f->rp, 0x64, 4, 0xfee00000);
	rig_put(f->rp, 0x68, 2, 0x40);
	rig_put(f->rp, 0x62, 2, 0x0011);
	rig_put(f->rp, AER + PCIE_AER_ROOT_CMD, 4, 7);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	rig_fini(&f->rig);
}

static uint32_t aer(CxbPciDev *dev, unsigned reg)
{
	return rig_get(dev, AER + reg, 4);
}

/* Root error status without its message number. */
static uint32_t root(Fixture *f)
{
	return aer(f->rp, PCIE_AER_ROOT_STA) & 0x7f;
}

static void clear_root(Fixture *f)
{
	rig_put(f->rp, AER + PCIE_AER_ROOT_STA, 4, 0x7f);
	g_array_set_size(f->rig.messages, 0);
}

static void a_fatal_error_is_logged_and_reported(Fixture *f, gconstpointer unused)
{
	cxb_pcie_aer_uncorrectable(f->ep, UNC);
	g_assert_cmphex(aer(f->ep, PCIE_AER_UNC_STA), ==, UNC);
	g_assert_cmphex(aer(f->ep, PCIE_AER_CTL), ==, 0xa0 | 22);
	g_assert_cmphex(rig_get(f->ep, DEV_STA, 2), ==, 0x0004);
	g_assert_cmphex(rig_get(f->dp, 0x1e, 2), ==, 0x4000);
	g_assert_cmphex(rig_get(f->us, 0x1e, 2), ==, 0x4000);
	g_assert_cmphex(rig_get(f->rp, 0x1e, 2), ==, 0x4000);
	g_assert_cmphex(aer(f->rp, PCIE_AER_ROOT_STA), ==, 0x08000054);
	g_assert_cmphex(aer(f->rp, PCIE_AER_ROOT_SRC), ==, BDF << 16);
	g_assert_cmpuint(f->rig.messages->len, ==, 1);
	g_assert_cmphex(g_array_index(f->rig.messages, RigMessage, 0).data, ==, 0x41);
	/* Only SERR# Enable makes it a signalled system error. */
	g_assert_cmphex(rig_get(f->ep, 6, 2) & 0x4000, ==, 0);
}

static void a_non_fatal_error_is_by_severity(Fixture *f, gconstpointer unused)
{
	rig_put(f->ep, AER + PCIE_AER_UNC_SEV, 4, 0);
	cxb_pcie_aer_uncorrectable(f->ep, UNC);
	g_assert_cmphex(rig_get(f->ep, DEV_STA, 2), ==, 0x0002);
	g_assert_cmphex(root(f), ==, 0x24);
	cxb_pcie_aer_uncorrectable(f->ep, UNC);
	g_assert_cmphex(root(f), ==, 0x2c);
	/* What came first was not fatal, whatever comes later. */
	rig_put(f->ep, AER + PCIE_AER_UNC_SEV, 4, UNC);
	cxb_pcie_aer_uncorrectable(f->ep, UNC);
	g_assert_cmphex(root(f), ==, 0x6c);
}

static void a_correctable_error_has_a_source_of_its_own(Fixture *f, gconstpointer unused)
{
	cxb_pcie_aer_correctable(f->ep, COR);
	g_assert_cmphex(aer(f->ep, PCIE_AER_COR_STA), ==, COR);
	g_assert_cmphex(rig_get(f->ep, DEV_STA, 2), ==, 0x0001);
	g_assert_cmphex(root(f), ==, 0x01);
	g_assert_cmphex(aer(f->rp, PCIE_AER_ROOT_SRC), ==, BDF);
	g_assert_cmphex(rig_get(f->rp, 0x1e, 2), ==, 0);
	cxb_pcie_aer_correctable(f->ep, COR);
	g_assert_cmphex(root(f), ==, 0x03);
}

static void the_first_source_stays_until_cleared(Fixture *f, gconstpointer unused)
{
	cxb_pcie_aer_uncorrectable(f->ep, UNC);
	rig_put(f->rp, AER + PCIE_AER_UNC_MASK, 4, 0);
	cxb_pcie_aer_uncorrectable(f->rp, UNC); /* the port's own, at 01.0 */
	g_assert_cmphex(root(f), ==, 0x5c);
	g_assert_cmphex(aer(f->rp, PCIE_AER_ROOT_SRC), ==, BDF << 16);
	clear_root(f);
	cxb_pcie_aer_uncorrectable(f->rp, UNC);
	g_assert_cmphex(root(f), ==, 0x54);
	g_assert_cmphex(aer(f->rp, PCIE_AER_ROOT_SRC), ==, 0x0008u << 16);
}

static void masked_errors_are_logged_and_not_reported(Fixture *f, gconstpointer unused)
{
	rig_put(f->ep, AER + PCIE_AER_UNC_MASK, 4, UNC);
	rig_put(f->ep, AER + PCIE_AER_COR_MASK, 4, COR);
	cxb_pcie_aer_uncorrectable(f->ep, UNC);
	cxb_pcie_aer_correctable(f->ep, COR);
	g_assert_cmphex(aer(f->ep, PCIE_AER_UNC_STA), ==, UNC);
	g_assert_cmphex(aer(f->ep, PCIE_AER_COR_STA), ==, COR);
	g_assert_cmphex(aer(f->ep, PCIE_AER_CTL), ==, 0xa0);
	g_assert_cmphex(rig_get(f->ep, DEV_STA, 2), ==, 0x0005);
	g_assert_cmphex(root(f), ==, 0);
	g_assert_cmphex(rig_get(f->dp, 0x1e, 2), ==, 0);
}

static void the_pointer_names_the_first_until_it_is_cleared(Fixture *f, gconstpointer unused)
{
	cxb_pcie_aer_uncorrectable(f->ep, 1u << 20);
	cxb_pcie_aer_uncorrectable(f->ep, UNC);
	g_assert_cmphex(aer(f->ep, PCIE_AER_CTL), ==, 0xa0 | 20);
	rig_put(f->ep, AER + PCIE_AER_UNC_STA, 4, UNC);
	g_assert_cmphex(aer(f->ep, PCIE_AER_CTL), ==, 0xa0 | 20);
	rig_put(f->ep, AER + PCIE_AER_UNC_STA + 2, 1, 0x10);
	g_assert_cmphex(aer(f->ep, PCIE_AER_CTL), ==, 0xa0);
	cxb_pcie_aer_uncorrectable(f->ep, UNC);
	g_assert_cmphex(aer(f->ep, PCIE_AER_CTL), ==, 0xa0 | 22);
}

/* Everything that must be there, one taken away at a time. */
static void each_step_must_let_it_through(Fixture *f, gconstpointer unused)
{
	struct {
		CxbPciDev *dev;
		uint16_t reg, val;
		bool stops_uncorrectable, stops_correctable;
	} rows[] = {
		{ f->ep, DEV_CTL, 0, true, true },
		{ f->dp, DEV_CTL, 0, true, false }, /* correctable ones are only forwarded */
		{ f->us, DEV_CTL, 0, true, false },
		{ f->rp, DEV_CTL, 0, true, false },
		{ f->ep, DEV_CTL, REPORT & ~4, true, false },
		{ f->ep, DEV_CTL, REPORT & ~1, false, true },
		{ f->dp, 0x3e, 0, true, true },
		{ f->us, 0x3e, 0, true, true },
		{ f->rp, 0x3e, 0, true, true },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		const uint16_t was = rig_get(rows[i].dev, rows[i].reg, 2);

		rig_put(rows[i].dev, rows[i].reg, 2, rows[i].val);
		cxb_pcie_aer_uncorrectable(f->ep, UNC);
		g_assert_cmphex(root(f) != 0, ==, !rows[i].stops_uncorrectable);
		clear_root(f);
		cxb_pcie_aer_correctable(f->ep, COR);
		g_assert_cmphex(root(f) != 0, ==, !rows[i].stops_correctable);
		clear_root(f);
		rig_put(rows[i].dev, rows[i].reg, 2, was);
	}
}

static void nothing_comes_over_a_link_that_is_down(Fixture *f, gconstpointer unused)
{
	rig_put(f->rp, 0x90, 2, 0x10);
	rig_put(f->rp, AER + PCIE_AER_UNC_MASK, 4, 0);
	cxb_pcie_aer_uncorrectable(f->rp, UNC);
	g_assert_cmphex(root(f), ==, 0x54); /* its own is heard */
	clear_root(f);
	rig_put(f->ep, DEV_CTL, 2, REPORT);
	rig_put(f->us, DEV_CTL, 2, REPORT);
	rig_put(f->dp, DEV_CTL, 2, REPORT);
	rig_put(f->us, 0x3e, 2, BRIDGE_SERR);
	rig_put(f->dp, 0x3e, 2, BRIDGE_SERR);
	rig_put(f->ep, AER + PCIE_AER_UNC_MASK, 4, 0);
	cxb_pcie_aer_uncorrectable(f->ep, UNC);
	g_assert_cmphex(aer(f->ep, PCIE_AER_UNC_STA), ==, UNC);
	g_assert_cmphex(rig_get(f->us, 0x1e, 2), ==, 0x4000);
	g_assert_cmphex(root(f), ==, 0);
	rig_put(f->rp, 0x90, 2, 0);
	cxb_pcie_aer_uncorrectable(f->ep, UNC);
	g_assert_cmphex(root(f), ==, 0x54);
}

static void serr_enable_lets_uncorrectable_ones_through_too(Fixture *f, gconstpointer unused)
{
	CxbPciDev *const all[] = { f->rp, f->us, f->dp, f->ep };

	for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
		rig_put(all[i], DEV_CTL, 2, 0);
		rig_put(all[i], 4, 2, rig_get(all[i], 4, 2) | SERR);
	}
	cxb_pcie_aer_uncorrectable(f->ep, UNC);
	g_assert_cmphex(root(f), ==, 0x54);
	for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
		g_assert_cmphex(rig_get(all[i], 6, 2) & 0x4000, ==, 0x4000);
	clear_root(f);
	cxb_pcie_aer_correctable(f->ep, COR);
	g_assert_cmphex(root(f), ==, 0);
}

static void a_message_comes_when_there_begins_to_be_something(Fixture *f, gconstpointer unused)
{
	rig_put(f->rp, AER + PCIE_AER_ROOT_CMD, 4, 0);
	cxb_pcie_aer_uncorrectable(f->ep, UNC);
	cxb_pcie_aer_correctable(f->ep, COR);
	g_assert_cmpuint(f->rig.messages->len, ==, 0);
	rig_put(f->rp, AER + PCIE_AER_ROOT_CMD, 4, 2); /* non-fatal: none came */
	g_assert_cmpuint(f->rig.messages->len, ==, 0);
	rig_put(f->rp, AER + PCIE_AER_ROOT_CMD, 1, 5);
	g_assert_cmpuint(f->rig.messages->len, ==, 1);
	cxb_pcie_aer_uncorrectable(f->ep, UNC);
	g_assert_cmpuint(f->rig.messages->len, ==, 1);
	rig_put(f->rp, AER + PCIE_AER_ROOT_STA, 4, 0x01); /* a fatal one still stands */
	cxb_pcie_aer_correctable(f->ep, COR);
	g_assert_cmpuint(f->rig.messages->len, ==, 1);
	rig_put(f->rp, AER + PCIE_AER_ROOT_STA, 4, 0x7f);
	cxb_pcie_aer_correctable(f->ep, COR);
	g_assert_cmpuint(f->rig.messages->len, ==, 2);
}

static void the_message_number_follows_what_software_allows(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(aer(f->rp, PCIE_AER_ROOT_STA), ==, 0x08000000);
	rig_put(f->rp, 0x62, 2, 0x0001);
	g_assert_cmphex(aer(f->rp, PCIE_AER_ROOT_STA), ==, 0);
	cxb_pcie_aer_correctable(f->ep, COR);
	g_assert_cmphex(g_array_index(f->rig.messages, RigMessage, 0).data, ==, 0x40);
}

static void logs_outlive_all_but_a_fundamental_reset(Fixture *f, gconstpointer unused)
{
	cxb_pcie_aer_uncorrectable(f->ep, UNC);
	cxb_pcie_aer_correctable(f->ep, COR);
	rig_put(f->rp, 0x3e, 2, 0x0042);
	g_assert_cmphex(aer(f->ep, PCIE_AER_UNC_STA), ==, UNC);
	g_assert_cmphex(aer(f->ep, PCIE_AER_COR_STA), ==, COR);
	g_assert_cmphex(aer(f->ep, PCIE_AER_CTL), ==, 0xa0 | 22);
	g_assert_cmphex(aer(f->ep, PCIE_AER_UNC_MASK), ==, 0);
	g_assert_cmphex(rig_get(f->ep, DEV_STA, 2), ==, 0);
	cxb_pci_host_reset(f->rig.host, CXB_RESET_WARM);
	g_assert_cmphex(aer(f->ep, PCIE_AER_UNC_STA), ==, 0);
	g_assert_cmphex(aer(f->ep, PCIE_AER_CTL), ==, 0xa0);
	g_assert_cmphex(aer(f->rp, PCIE_AER_ROOT_STA), ==, 0);
	g_assert_cmphex(aer(f->rp, PCIE_AER_ROOT_SRC), ==, 0);
}

#define ADD(fn) g_test_add("/pci/aer/" #fn, Fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(a_fatal_error_is_logged_and_reported);
	ADD(a_non_fatal_error_is_by_severity);
	ADD(a_correctable_error_has_a_source_of_its_own);
	ADD(the_first_source_stays_until_cleared);
	ADD(masked_errors_are_logged_and_not_reported);
	ADD(the_pointer_names_the_first_until_it_is_cleared);
	ADD(each_step_must_let_it_through);
	ADD(nothing_comes_over_a_link_that_is_down);
	ADD(serr_enable_lets_uncorrectable_ones_through_too);
	ADD(a_message_comes_when_there_begins_to_be_something);
	ADD(the_message_number_follows_what_software_allows);
	ADD(logs_outlive_all_but_a_fundamental_reset);
	return g_test_run();
}
