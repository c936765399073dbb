/* SPDX-License-Identifier: Apache-2.0 */
/* Places of passed-through memory in fixed memory windows. */
#include <glib.h>

#include "cxl/hdm_claim.h"

#define UNIT 0x10000000ull
#define TOP  (1ull << 46)

/* The second leads to another bridge, too; the last ends where addresses do. */
static const CxbHdmWindow windows[] = {
	{ .index = 0, .base = 0x110000000, .size = 4 * UNIT, .ways = 1 },
	{ .index = 2, .base = 0x150000000, .size = 4 * UNIT, .ways = 2 },
	{ .index = 5, .base = TOP - 8 * UNIT, .size = 8 * UNIT, .ways = 1 },
};

typedef struct {
	CxbHdmClaims *claims;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
	f->claims = cxb_hdm_claims_new();
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_hdm_claims_free(f->claims);
}

static uint64_t claim(Fixture *f, const char *who, uint64_t given, uint64_t size)
{
	GError *err = NULL;
	uint64_t base;

	g_assert_true(cxb_hdm_claim(f->claims, who, given, size, windows, G_N_ELEMENTS(windows),
				    &base, &err));
	g_assert_no_error(err);
	return base;
}

static void refuse(Fixture *f, uint64_t given, uint64_t size, size_t n, const char *text)
{
	GError *err = NULL;
	uint64_t base = 7;

	g_assert_false(cxb_hdm_claim(f->claims, "late", given, size, windows, n, &base, &err));
	g_assert_cmpstr(err->message, ==, text);
	g_assert_cmphex(base, ==, 7);
	g_clear_error(&err);
}

static void the_base_is_that_of_a_window(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(claim(f, "a", 0, 4 * UNIT), ==, 0x110000000);
	/* The first is taken, the second interleaved. */
	g_assert_cmphex(claim(f, "b", 0, 8 * UNIT), ==, TOP - 8 * UNIT);
}

static void a_given_base_is_taken_as_it_is(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(claim(f, "a", 0x120000000, UNIT), ==, 0x120000000);
	g_assert_cmphex(claim(f, "b", 0x130000000, 2 * UNIT), ==, 0x130000000);
	g_assert_cmphex(claim(f, "c", TOP - UNIT, UNIT), ==, TOP - UNIT);
}

static void no_window_is_an_error(Fixture *f, gconstpointer unused)
{
	const char *text =
		"no fixed memory window leads to the device's host bridge: device memory "
		"needs one (cxl-fmw)";

	refuse(f, 0, UNIT, 0, text);
	refuse(f, 0x110000000, UNIT, 0, text);
}

static void a_given_base_is_checked(Fixture *f, gconstpointer unused)
{
	refuse(f, 0x110000001, UNIT, 3, "cxl-fmws-base 0x110000001 is not a multiple of 256 MiB");
	refuse(f, 0x89abcd000, UNIT, 3, "cxl-fmws-base 0x89abcd000 is not a multiple of 256 MiB");
	refuse(f, 0x118000000, UNIT, 3, "cxl-fmws-base 0x118000000 is not a multiple of 256 MiB");
	refuse(f, 0x100000000, 2 * UNIT, 3,
	       "cxl-fmws-base 0x100000000 is in no fixed memory window of the device's host "
	       "bridge");
	refuse(f, TOP, UNIT, 3,
	       "cxl-fmws-base 0x400000000000 is in no fixed memory window of the device's host "
	       "bridge");
	refuse(f, 0x150000000, UNIT, 3, "cxl-fmw.2 is interleaved over 2 host bridges");
}

static void memory_fits_or_is_refused(Fixture *f, gconstpointer unused)
{
	refuse(f, 0, 5 * UNIT, 1,
	       "device memory of 0x50000000 bytes at 0x110000000 runs past the end of cxl-fmw.0");
	refuse(f, 0x140000000, 2 * UNIT, 3,
	       "device memory of 0x20000000 bytes at 0x140000000 runs past the end of cxl-fmw.0");
	refuse(f, TOP - UNIT, 2 * UNIT, 3,
	       "device memory of 0x20000000 bytes at 0x3ffff0000000 runs past the end of "
	       "cxl-fmw.5");
	refuse(f, 0, 0ull - UNIT, 3,
	       "device memory of 0xfffffffff0000000 bytes at 0x3fff80000000 runs past the end of "
	       "cxl-fmw.5");
}

static void two_never_share(Fixture *f, gconstpointer unused)
{
	claim(f, "early", 0x120000000, 2 * UNIT);
	refuse(f, 0, 2 * UNIT, 1,
	       "device memory at 0x110000000 overlaps that of 'early' at 0x120000000: give each a "
	       "cxl-fmws-base of its own");
	refuse(f, 0x130000000, UNIT, 1,
	       "device memory at 0x130000000 overlaps that of 'early' at 0x120000000: give each a "
	       "cxl-fmws-base of its own");
	g_assert_cmphex(claim(f, "below", 0, UNIT), ==, 0x110000000);
	/* What is given back can be had again. */
	cxb_hdm_release(f->claims, 0x120000000);
	g_assert_cmphex(claim(f, "next", 0x130000000, UNIT), ==, 0x130000000);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(path, fn) g_test_add("/hdm-claim/" path, Fixture, NULL, set_up, fn, tear_down)
	ADD("window", the_base_is_that_of_a_window);
	ADD("given", a_given_base_is_taken_as_it_is);
	ADD("no-window", no_window_is_an_error);
	ADD("bad-base", a_given_base_is_checked);
	ADD("fit", memory_fits_or_is_refused);
	ADD("unique", two_never_share);
	return g_test_run();
}
