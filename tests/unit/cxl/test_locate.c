/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From configuration space to component registers to HDM decoders, CXL 3.1 8.1.3, 8.1.9, 8.2.4.
 * Layouts are written out here by their offsets in the specification.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bytes.h"
#include "cxl/locate.h"

#define CONFIG_LEN 4096

typedef struct {
	uint8_t bytes[CONFIG_LEN];
} Config;

static void ext_cap(Config *c, unsigned at, unsigned id, unsigned next)
{
	le_store(c->bytes + at, 4, id | 1u << 16 | next << 20);
}

static void dvsec(Config *c, unsigned at, unsigned next, unsigned vendor, unsigned id, unsigned len)
{
	ext_cap(c, at, 0x23, next);
	le_store(c->bytes + at + 4, 4, vendor | len << 20);
	le_store(c->bytes + at + 8, 2, id);
}

/* AER, then a DVSEC of somebody else, then CXL's: device, flex bus, locator of two blocks. */
static void a_type2(Config *c)
{
	memset(c, 0, sizeof(*c));
	ext_cap(c, 0x100, 0x01, 0x150);
	dvsec(c, 0x150, 0x180, 0x10de, 0, 0x10);
	dvsec(c, 0x180, 0x1c0, 0x1e98, 0, 0x3c);
	le_store(c->bytes + 0x18a, 2, 0x0057);
	dvsec(c, 0x1c0, 0x200, 0x1e98, 7, 0x20);
	dvsec(c, 0x200, 0, 0x1e98, 8, 0x1c);
	le_store(c->bytes + 0x20c, 4, 0x00000304); /* device registers in BAR 4 */
	le_store(c->bytes + 0x214, 4, 0x00010102); /* component registers in BAR 2, 64 KiB in */
	le_store(c->bytes + 0x218, 4, 0x1);
}

static void located(const Config *c, size_t len, CxbCxlConfig *out)
{
	GError *err = NULL;

	g_assert_true(cxb_cxl_locate_config(c->bytes, len, out, &err));
	g_assert_no_error(err);
}

static void refused(const Config *c, size_t len, const char *text)
{
	CxbCxlConfig out = { .dvsec = 0xabc };
	GError *err = NULL;

	g_assert_false(cxb_cxl_locate_config(c->bytes, len, &out, &err));
	g_assert_cmpstr(err->message, ==, text);
	g_assert_cmphex(out.dvsec, ==, 0xabc);
	g_clear_error(&err);
}

static void configuration_space_leads_to_the_block(void)
{
	CxbCxlConfig out;
	Config c;

	a_type2(&c);
	located(&c, CONFIG_LEN, &out);
	g_assert_cmphex(out.dvsec, ==, 0x180);
	g_assert_cmphex(out.cap, ==, 0x0057);
	g_assert_cmphex(out.locator, ==, 0x200);
	g_assert_cmpuint(out.bar, ==, 2);
	g_assert_cmphex(out.block, ==, 0x100010000);
}

static void the_list_may_go_backwards(void)
{
	CxbCxlConfig out;
	Config c;

	a_type2(&c);
	ext_cap(&c, 0x100, 0x01, 0x200);
	ext_cap(&c, 0x200, 0x23, 0x180);
	ext_cap(&c, 0x180, 0x23, 0);
	located(&c, CONFIG_LEN, &out);
	g_assert_cmphex(out.dvsec, ==, 0x180);
	g_assert_cmphex(out.block, ==, 0x100010000);
}

static void the_first_of_a_kind_counts(void)
{
	CxbCxlConfig out;
	Config c;

	a_type2(&c);
	dvsec(&c, 0x200, 0x300, 0x1e98, 8, 0x1c);
	dvsec(&c, 0x300, 0x340, 0x1e98, 8, 0x14);
	le_store(c.bytes + 0x30c, 4, 0x00000105);
	dvsec(&c, 0x340, 0, 0x1e98, 0, 0x04); /* broken, and nobody's concern */
	located(&c, CONFIG_LEN, &out);
	g_assert_cmphex(out.dvsec, ==, 0x180);
	g_assert_cmphex(out.locator, ==, 0x200);
	g_assert_cmpuint(out.bar, ==, 2);
}

static void what_is_not_cxl_is_no_error(void)
{
	CxbCxlConfig out;
	Config c;

	memset(&c, 0, sizeof(c));
	located(&c, CONFIG_LEN, &out);
	g_assert_cmphex(out.dvsec, ==, 0);
	located(&c, 256, &out);
	g_assert_cmphex(out.dvsec, ==, 0);
	located(&c, 0, &out);
	g_assert_cmphex(out.dvsec, ==, 0);
	memset(&c, 0xff, sizeof(c)); /* nobody answers */
	located(&c, CONFIG_LEN, &out);
	g_assert_cmphex(out.dvsec, ==, 0);
	/* The same ids of another vendor. */
	a_type2(&c);
	le_store(c.bytes + 0x184, 2, 0x8086);
	located(&c, CONFIG_LEN, &out);
	g_assert_cmphex(out.dvsec, ==, 0);
	g_assert_cmphex(out.locator, ==, 0);
}

static void a_loop_is_refused(void)
{
	Config c;

	a_type2(&c);
	ext_cap(&c, 0x200, 0x23, 0x150);
	refused(&c, CONFIG_LEN, "list of extended capabilities comes back to 0x150");
	ext_cap(&c, 0x100, 0x01, 0x100);
	refused(&c, CONFIG_LEN, "list of extended capabilities comes back to 0x100");
}

static void a_list_that_leaves_is_refused(void)
{
	Config c;

	a_type2(&c);
	ext_cap(&c, 0x200, 0x23, 0x40);
	refused(&c, CONFIG_LEN, "list of extended capabilities leads to 0x40");
	a_type2(&c);
	refused(&c, 0x180, "list of extended capabilities leads to 0x180");
	refused(&c, 0x182, "list of extended capabilities leads to 0x180");
	refused(&c, 0x186, "DVSEC at 0x180 runs past the end of configuration space");
	refused(&c, 0x190, "CXL device DVSEC at 0x180 runs past the end of configuration space");
	refused(&c, 0x21b,
		"register locator DVSEC at 0x200 runs past the end of configuration "
		"space");
}

static void a_short_dvsec_is_refused(void)
{
	Config c;

	a_type2(&c);
	dvsec(&c, 0x180, 0x1c0, 0x1e98, 0, 0x37);
	refused(&c, CONFIG_LEN, "CXL device DVSEC at 0x180 is cut short: 0x37 bytes, not 0x38");
	a_type2(&c);
	dvsec(&c, 0x200, 0, 0x1e98, 8, 0x0b);
	refused(&c, CONFIG_LEN, "register locator DVSEC at 0x200 is cut short: 0xb bytes, not 0xc");
	/* Seven bytes of the second block are none of it. */
	dvsec(&c, 0x200, 0, 0x1e98, 8, 0x1b);
	refused(&c, CONFIG_LEN, "register locator DVSEC at 0x200 names no component registers");
}

static void a_locator_that_leads_nowhere_is_refused(void)
{
	Config c;

	a_type2(&c);
	le_store(c.bytes + 0x214, 4, 0x00010106);
	refused(&c, CONFIG_LEN, "register locator DVSEC at 0x200 names BAR 6");
	le_store(c.bytes + 0x214, 4, 0);
	refused(&c, CONFIG_LEN, "register locator DVSEC at 0x200 names no component registers");
	ext_cap(&c, 0x1c0, 0x23, 0);
	refused(&c, CONFIG_LEN, "CXL device has no register locator DVSEC");
}

/* --- the capability array --- */

#define REGS 1024

typedef struct {
	uint32_t val[REGS];
	unsigned reads, fail_at; /* 0: never */
	uint64_t highest;
} Regs;

static int regs_read(void *opaque, uint64_t off, uint32_t *val)
{
	Regs *r = opaque;

	g_assert_cmphex(off % 4, ==, 0);
	g_assert_cmphex(off / 4, <, REGS);
	if (++r->reads == r->fail_at)
		return -EIO;
	r->highest = MAX(r->highest, off);
	*val = r->val[off / 4];
	return 0;
}

#define ARRAY 0x40
#define HDM   0x200

/* RAS, an id nobody knows, HDM of one decoder. */
static void an_array(Regs *r)
{
	memset(r, 0, sizeof(*r));
	r->val[ARRAY / 4] = 0x03110001;
	r->val[ARRAY / 4 + 1] = 0x10020002;
	r->val[ARRAY / 4 + 2] = 0xfff1ffff;
	r->val[ARRAY / 4 + 3] = (uint32_t)HDM << 20 | 0x00010005;
}

static bool walk(Regs *r, uint64_t len, uint64_t *hdm, unsigned *count, GError **errp)
{
	const CxbRegIo io = { .read32 = regs_read, .opaque = r };

	r->reads = 0;
	return cxb_cxl_locate_hdm(&io, ARRAY, len, hdm, count, errp);
}

static void array_refused(Regs *r, uint64_t len, const char *text)
{
	GError *err = NULL;
	uint64_t hdm = 1;
	unsigned count = 2;

	g_assert_false(walk(r, len, &hdm, &count, &err));
	g_assert_cmpstr(err->message, ==, text);
	g_assert_cmphex(hdm, ==, 1);
	g_assert_cmpuint(count, ==, 2);
	g_assert_cmpuint(r->reads, <=, 257);
	g_clear_error(&err);
}

static void the_array_leads_to_the_decoders(void)
{
	GError *err = NULL;
	uint64_t hdm;
	unsigned count;
	Regs r;

	an_array(&r);
	g_assert_true(walk(&r, HDM + 0x30, &hdm, &count, &err));
	g_assert_no_error(err);
	g_assert_cmphex(hdm, ==, ARRAY + HDM);
	g_assert_cmpuint(count, ==, 1);
	g_assert_cmpuint(r.reads, ==, 5);
	/* Ten decoders. */
	r.val[(ARRAY + HDM) / 4] = 5;
	g_assert_true(walk(&r, HDM + 0x150, &hdm, &count, &err));
	g_assert_cmpuint(count, ==, 10);
	array_refused(&r, HDM + 0x14c, "10 HDM decoders at 0x200 run past the end: 0x34c");
	r.val[(ARRAY + HDM) / 4] = 13;
	array_refused(&r, HDM + 0x30, "reserved count of HDM decoders: code 13");
}

static void an_array_of_another_id_is_refused(void)
{
	Regs r;

	an_array(&r);
	r.val[ARRAY / 4] = 0x03110002;
	array_refused(&r, 0x300, "capability array has id 0x2, not 1");
	r.val[ARRAY / 4] = UINT32_MAX;
	array_refused(&r, 0x300, "capability array has id 0xffff, not 1");
	g_assert_cmpuint(r.reads, ==, 1);
}

static void an_array_without_decoders_is_refused(void)
{
	Regs r;

	an_array(&r);
	r.val[ARRAY / 4] = 0x02110001;
	array_refused(&r, 0x300, "capability array of 2 entries has no HDM decoder capability");
	r.val[ARRAY / 4] = 0x00110001;
	array_refused(&r, 0x300, "capability array of 0 entries has no HDM decoder capability");
}

static void decoders_out_of_place_are_refused(void)
{
	Regs r;

	an_array(&r);
	array_refused(&r, HDM + 0x2c, "HDM decoder capability points past the end: 0x200 of 0x22c");
	r.val[ARRAY / 4 + 3] = 0xfff10005;
	array_refused(&r, 0x300, "HDM decoder capability points to 0xfff, where it cannot be");
	r.val[ARRAY / 4 + 3] = 0x00c10005; /* the third entry itself */
	array_refused(&r, 0x300, "HDM decoder capability points to 0xc, where it cannot be");
}

static void an_array_of_255_entries_is_bounded(void)
{
	Regs r;

	an_array(&r);
	r.val[ARRAY / 4 + 3] = 0;
	r.val[ARRAY / 4] = 0xff110001;
	array_refused(&r, 0x300, "capability array of 255 entries runs past the end: 0x300");
	g_assert_cmpuint(r.reads, ==, 1);
	array_refused(&r, 0x400, "capability array of 255 entries has no HDM decoder capability");
	g_assert_cmpuint(r.reads, ==, 256);
	g_assert_cmphex(r.highest, ==, ARRAY + 0x3fc);
	array_refused(&r, 3, "no room for a capability array: 0x3 bytes");
	g_assert_cmpuint(r.reads, ==, 0);
}

static void a_failed_read_ends_the_walk(void)
{
	static const char *const text[] = {
		"cannot read capability array at 0x40: Input/output error",
		"cannot read capability array at 0x44: Input/output error",
		"cannot read capability array at 0x48: Input/output error",
		"cannot read capability array at 0x4c: Input/output error",
		"cannot read HDM decoder capability at 0x240: Input/output error",
	};
	Regs r;

	an_array(&r);
	for (unsigned i = 0; i < G_N_ELEMENTS(text); i++) {
		r.fail_at = i + 1;
		array_refused(&r, 0x300, text[i]);
		g_assert_cmpuint(r.reads, ==, i + 1);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/locate/config/block", configuration_space_leads_to_the_block);
	g_test_add_func("/locate/config/backwards", the_list_may_go_backwards);
	g_test_add_func("/locate/config/first", the_first_of_a_kind_counts);
	g_test_add_func("/locate/config/not-cxl", what_is_not_cxl_is_no_error);
	g_test_add_func("/locate/config/loop", a_loop_is_refused);
	g_test_add_func("/locate/config/leaves", a_list_that_leaves_is_refused);
	g_test_add_func("/locate/config/short", a_short_dvsec_is_refused);
	g_test_add_func("/locate/config/nowhere", a_locator_that_leads_nowhere_is_refused);
	g_test_add_func("/locate/array/decoders", the_array_leads_to_the_decoders);
	g_test_add_func("/locate/array/id", an_array_of_another_id_is_refused);
	g_test_add_func("/locate/array/none", an_array_without_decoders_is_refused);
	g_test_add_func("/locate/array/place", decoders_out_of_place_are_refused);
	g_test_add_func("/locate/array/255", an_array_of_255_entries_is_bounded);
	g_test_add_func("/locate/array/error", a_failed_read_ends_the_walk);
	return g_test_run();
}
