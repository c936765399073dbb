/* SPDX-License-Identifier: Apache-2.0 */
/* The decoders that a guest sees of a passed-through device: each rule of the header's table. */
#include <glib.h>

#include "cxl/hdm_virtual.h"

#define UNIT 0x10000000ull
#define LIVE 0xdeadbeef /* what the device shows */

/* Two decoders, so that there is one beside the one that is written. */
static void start(CxbHdmVirtual *v, uint32_t cap, bool cache, uint32_t ctrl)
{
	const CxbHdmRegs device = {
		.cap = cap | 1,
		.ctrl = 0x2,
		.count = 2,
		.dec = { { 0x20a0000000, 4 * UNIT, ctrl }, { 0x30a0000000, UNIT, ctrl } },
	};

	cxb_hdm_virtual_reset(v, &device, cache);
}

static uint32_t rd(const CxbHdmVirtual *v, uint64_t off)
{
	return cxb_hdm_virtual_show(v, off, LIVE);
}

static bool in_force(const CxbHdmVirtual *v, uint64_t want_base, uint64_t want_size)
{
	uint64_t base = 0, size = 0;

	return cxb_hdm_virtual_range(v, 0, &base, &size) && base == want_base && size == want_size;
}

static bool nowhere(const CxbHdmVirtual *v)
{
	uint64_t base = 1, size = 2;
	const bool any = cxb_hdm_virtual_range(v, 0, &base, &size);

	g_assert_true(any || (base == 1 && size == 2));
	return !any;
}

static void the_hosts_base_is_not_shown(void)
{
	static const uint32_t ctrls[] = { 0x000, 0x100, 0x200, 0x600, 0x700 };
	static const uint32_t shown[] = { 0x000, 0x100, 0x200, 0x600, 0x600 };
	CxbHdmVirtual v;

	for (unsigned i = 0; i < G_N_ELEMENTS(ctrls); i++) {
		start(&v, 0, false, ctrls[i]);
		for (unsigned n = 0; n < 2; n++) {
			g_assert_cmphex(rd(&v, 0x10 + 0x20 * n), ==, 0);
			g_assert_cmphex(rd(&v, 0x14 + 0x20 * n), ==, 0);
			g_assert_cmphex(rd(&v, 0x20 + 0x20 * n), ==, shown[i]);
		}
		g_assert_cmphex(rd(&v, 0x18), ==, 4 * UNIT);
		g_assert_true(nowhere(&v));
	}
}

static void the_rest_is_the_devices(void)
{
	static const uint64_t live[] = { 0x00, 0x08, 0x0c, 0x24, 0x28,
					 0x2c, 0x44, 0x50, 0x60, 0x1000 };
	CxbHdmVirtual v;

	start(&v, 0, false, 0x600);
	for (unsigned i = 0; i < G_N_ELEMENTS(live); i++) {
		const CxbHdmVirtual before = v;

		g_assert_false(cxb_hdm_virtual_write(&v, live[i], 0));
		g_assert_false(cxb_hdm_virtual_write(&v, live[i], UINT32_MAX));
		g_assert_cmphex(rd(&v, live[i]), ==, LIVE);
		g_assert_cmpmem(&v, sizeof(v), &before, sizeof(before));
	}
	g_assert_cmphex(rd(&v, 0x04), ==, 2);
}

static void poison_on_error_takes_the_capability(void)
{
	CxbHdmVirtual v;

	start(&v, 0, false, 0);
	cxb_hdm_virtual_write(&v, 0x04, UINT32_MAX);
	g_assert_cmphex(rd(&v, 0x04), ==, 2);
	cxb_hdm_virtual_write(&v, 0x04, 0);
	g_assert_cmphex(rd(&v, 0x04), ==, 0);
	start(&v, 0x400, false, 0);
	cxb_hdm_virtual_write(&v, 0x04, UINT32_MAX);
	g_assert_cmphex(rd(&v, 0x04), ==, 3);
}

static void place(CxbHdmVirtual *v, uint64_t base)
{
	g_assert_false(cxb_hdm_virtual_write(v, 0x10, base));
	g_assert_false(cxb_hdm_virtual_write(v, 0x14, base >> 32));
}

static void a_commit_moves_and_a_clear_removes(void)
{
	CxbHdmVirtual v;

	start(&v, 0, false, 0x600);
	place(&v, 0x890000000);
	g_assert_true(nowhere(&v));
	g_assert_true(cxb_hdm_virtual_write(&v, 0x20, 0x600));
	g_assert_cmphex(rd(&v, 0x20), ==, 0x600);
	g_assert_cmphex(rd(&v, 0x10), ==, 0x90000000);
	g_assert_cmphex(rd(&v, 0x14), ==, 0x8);
	g_assert_true(in_force(&v, 0x890000000, 4 * UNIT));
	/* It stays where it was committed until it is committed again. */
	place(&v, 0x120000000);
	g_assert_true(in_force(&v, 0x890000000, 4 * UNIT));
	g_assert_true(cxb_hdm_virtual_write(&v, 0x20, 0x200));
	g_assert_true(in_force(&v, 0x120000000, 4 * UNIT));
	g_assert_true(cxb_hdm_virtual_write(&v, 0x20, 0x400));
	g_assert_cmphex(rd(&v, 0x20), ==, 0);
	g_assert_true(nowhere(&v));
}

static void low_bits_are_zero(void)
{
	CxbHdmVirtual v;

	start(&v, 0, false, 0);
	place(&v, 0x89abcd123);
	cxb_hdm_virtual_write(&v, 0x18, 0x2fffffff);
	cxb_hdm_virtual_write(&v, 0x1c, 0x1);
	g_assert_cmphex(rd(&v, 0x10), ==, 0x90000000);
	g_assert_cmphex(rd(&v, 0x18), ==, 0x20000000);
	cxb_hdm_virtual_write(&v, 0x20, 0x200);
	g_assert_true(in_force(&v, 0x890000000, 0x120000000));
}

static void a_lock_holds_until_it_is_cleared(void)
{
	CxbHdmVirtual v;

	start(&v, 0, false, 0x600);
	place(&v, 0x890000000);
	cxb_hdm_virtual_write(&v, 0x20, 0x700);
	g_assert_cmphex(rd(&v, 0x20), ==, 0x700);
	place(&v, 0x120000000);
	cxb_hdm_virtual_write(&v, 0x18, 0);
	cxb_hdm_virtual_write(&v, 0x1c, 9);
	g_assert_false(cxb_hdm_virtual_write(&v, 0x20, 0x1ff));
	g_assert_cmphex(rd(&v, 0x20), ==, 0x700);
	g_assert_cmphex(rd(&v, 0x10), ==, 0x90000000);
	g_assert_cmphex(rd(&v, 0x18), ==, 0x40000000);
	g_assert_cmphex(rd(&v, 0x1c), ==, 0);
	/* The write that unlocks does nothing else. */
	g_assert_false(cxb_hdm_virtual_write(&v, 0x20, 0x00f));
	g_assert_cmphex(rd(&v, 0x20), ==, 0x600);
	g_assert_true(in_force(&v, 0x890000000, 4 * UNIT));
	g_assert_true(cxb_hdm_virtual_write(&v, 0x20, 0x00f));
	g_assert_cmphex(rd(&v, 0x20), ==, 0x00f);
	g_assert_true(nowhere(&v));
}

static void bits_of_control_are_kept_or_taken(void)
{
	static const struct {
		uint32_t cap;
		bool cache;
		uint32_t taken; /* of all ones */
	} rows[] = {
		{ 0, false, 0x00ff03ff },
		{ 0x2000, false, 0x0fff43ff },
		{ 0, true, 0x00ff23ff },
		{ 0x2000, true, 0x0fff63ff },
	};
	CxbHdmVirtual v;

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		start(&v, rows[i].cap, rows[i].cache, 0);
		cxb_hdm_virtual_write(&v, 0x20, UINT32_MAX);
		g_assert_cmphex(rd(&v, 0x20), ==, rows[i].taken | 0x400);
		/* What is not taken stays as the device has it, the error bit and the type too. */
		start(&v, rows[i].cap, rows[i].cache, UINT32_MAX & ~0x100u);
		cxb_hdm_virtual_write(&v, 0x20, 0);
		g_assert_cmphex(rd(&v, 0x20), ==, ~rows[i].taken & ~0x400u);
	}
}

static void a_range_that_makes_no_sense_is_none(void)
{
	CxbHdmVirtual v;

	start(&v, 0, false, 0x600);
	cxb_hdm_virtual_write(&v, 0x18, 0);
	g_assert_true(cxb_hdm_virtual_write(&v, 0x20, 0x200));
	g_assert_cmphex(rd(&v, 0x20), ==, 0x600);
	g_assert_true(nowhere(&v));
	place(&v, 0xfffffffff0000000);
	cxb_hdm_virtual_write(&v, 0x18, 0x10000000);
	cxb_hdm_virtual_write(&v, 0x20, 0x200);
	g_assert_true(in_force(&v, 0xfffffffff0000000, UNIT));
	cxb_hdm_virtual_write(&v, 0x18, 0x20000000);
	cxb_hdm_virtual_write(&v, 0x20, 0x200);
	g_assert_true(nowhere(&v));
}

static void a_reset_takes_it_all(void)
{
	CxbHdmVirtual v, fresh;

	start(&v, 0, false, 0x700);
	place(&v, 0x890000000);
	cxb_hdm_virtual_write(&v, 0x20, 0x700);
	g_assert_true(in_force(&v, 0x890000000, 4 * UNIT));
	start(&v, 0, false, 0x700);
	start(&fresh, 0, false, 0x700);
	g_assert_true(nowhere(&v));
	g_assert_cmpmem(&v, sizeof(v), &fresh, sizeof(fresh));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hdm-virtual/base-hidden", the_hosts_base_is_not_shown);
	g_test_add_func("/hdm-virtual/live", the_rest_is_the_devices);
	g_test_add_func("/hdm-virtual/global", poison_on_error_takes_the_capability);
	g_test_add_func("/hdm-virtual/commit", a_commit_moves_and_a_clear_removes);
	g_test_add_func("/hdm-virtual/low-bits", low_bits_are_zero);
	g_test_add_func("/hdm-virtual/lock", a_lock_holds_until_it_is_cleared);
	g_test_add_func("/hdm-virtual/control", bits_of_control_are_kept_or_taken);
	g_test_add_func("/hdm-virtual/no-range", a_range_that_makes_no_sense_is_none);
	g_test_add_func("/hdm-virtual/reset", a_reset_takes_it_all);
	return g_test_run();
}
