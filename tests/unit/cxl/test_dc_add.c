/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding dynamic capacity. Rules: CXL 3.1 9.13.3 and the table in the design; wording of errors:
 * QEMU's cxl-add-dynamic-capacity.
 */
#include "dc_fake.h"

typedef struct {
	FakePool *pool;
	CxbDc *dc;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
	CxbDcConfig c;

	f->pool = fake_pool_new();
	c = fake_config(f->pool);
	c.max_extents = 8;
	c.max_tags = 4;
	f->dc = cxb_dc_new(&c, NULL);
	g_assert_nonnull(f->dc);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_dc_free(f->dc);
	fake_pool_free(f->pool);
}

/* The add fails with a text that begins so, and leaves nothing behind. */
static void refused(Fixture *f, unsigned tag, uint8_t region, size_t n, const FakeRange *r,
		    const char *text)
{
	const uint32_t extents = cxb_dc_extents_available(f->dc);
	const uint32_t tags = cxb_dc_tags_available(f->dc);
	const size_t groups = cxb_dc_groups(f->dc, 0);
	g_autoptr(GError) err = NULL;

	g_assert_false(fake_add(f->dc, tag, region, n, r, &err));
	g_assert_nonnull(err);
	if (!g_str_has_prefix(err->message, text))
		g_error("\"%s\" does not begin with \"%s\"", err->message, text);
	g_assert_cmpuint(cxb_dc_extents_available(f->dc), ==, extents);
	g_assert_cmpuint(cxb_dc_tags_available(f->dc), ==, tags);
	g_assert_cmpuint(cxb_dc_groups(f->dc, 0), ==, groups);
}

static void an_add_offers_and_holds_the_backing(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = fake_backing(f->pool, 1, 3 * FAKE_BLOCK);
	const CxbDcExtent *x;

	g_assert_true(fake_add(f->dc, 1, 0, FAKE_RANGES({ 8, 2 }, { 0, 1 }), NULL));
	g_assert_cmpstr(b->holder, ==, "cxl-vmem0");
	g_assert_false(b->mapped);
	g_assert_cmpuint(cxb_dc_groups(f->dc, 0), ==, 1);
	g_assert_cmpuint(cxb_dc_accepted_count(f->dc, 0), ==, 0);
	g_assert_cmpint(fake_status(f->dc, 1), ==, CXB_DC_STATUS_PENDING);
	g_assert_cmpuint(cxb_dc_extents_available(f->dc), ==, 6);
	g_assert_cmpuint(cxb_dc_tags_available(f->dc), ==, 3);

	/* Extent i starts in the backing at the sum of the lengths before it. */
	x = cxb_dc_find(f->dc, 0, FAKE_BASE + 9 * FAKE_BLOCK);
	g_assert_cmphex(x->dpa, ==, FAKE_BASE + 8 * FAKE_BLOCK);
	g_assert_cmphex(x->len, ==, 2 * FAKE_BLOCK);
	g_assert_cmphex(x->backing_off, ==, 0);
	g_assert_true(x->backing == &b->backing);
	x = cxb_dc_find(f->dc, 0, FAKE_BASE);
	g_assert_cmphex(x->backing_off, ==, 2 * FAKE_BLOCK);
	g_assert_cmpint(x->state, ==, CXB_DC_OFFERED);
}

static void extents_are_found_in_order_of_dpa(Fixture *f, gconstpointer unused)
{
	const CxbDcExtent *x;

	fake_backing(f->pool, 1, 3 * FAKE_BLOCK);
	g_assert_true(fake_add(f->dc, 1, 0, FAKE_RANGES({ 8, 2 }, { 0, 1 }), NULL));
	x = cxb_dc_next(f->dc, 0, 0);
	g_assert_cmphex(x->dpa, ==, FAKE_BASE);
	x = cxb_dc_next(f->dc, 0, FAKE_BASE + 1);
	g_assert_cmphex(x->dpa, ==, FAKE_BASE + 8 * FAKE_BLOCK);
	x = cxb_dc_next(f->dc, 0, x->dpa);
	g_assert_cmphex(x->dpa, ==, FAKE_BASE + 8 * FAKE_BLOCK);
	g_assert_null(cxb_dc_next(f->dc, 0, x->dpa + 1));
	g_assert_null(cxb_dc_next(f->dc, 0, UINT64_MAX));
	g_assert_null(cxb_dc_find(f->dc, 0, FAKE_BASE + FAKE_BLOCK));
	g_assert_null(cxb_dc_find(f->dc, 0, FAKE_BASE + 10 * FAKE_BLOCK));
}

static void sequence_numbers_count_from_0_where_sharable(Fixture *f, gconstpointer unused)
{
	fake_backing(f->pool, 1, 3 * FAKE_BLOCK);
	fake_backing(f->pool, 2, 2 * FAKE_BLOCK);
	g_assert_true(fake_add(f->dc, 1, 1, FAKE_RANGES({ 5, 1 }, { 2, 1 }, { 9, 1 }), NULL));
	g_assert_true(fake_add(f->dc, 2, 0, FAKE_RANGES({ 5, 1 }, { 2, 1 }), NULL));
	g_assert_cmpuint(cxb_dc_find(f->dc, 0, FAKE_BASE + FAKE_SPAN + 5 * FAKE_BLOCK)->seq, ==, 0);
	g_assert_cmpuint(cxb_dc_find(f->dc, 0, FAKE_BASE + FAKE_SPAN + 2 * FAKE_BLOCK)->seq, ==, 1);
	g_assert_cmpuint(cxb_dc_find(f->dc, 0, FAKE_BASE + FAKE_SPAN + 9 * FAKE_BLOCK)->seq, ==, 2);
	g_assert_cmpuint(cxb_dc_find(f->dc, 0, FAKE_BASE + 5 * FAKE_BLOCK)->seq, ==, 0);
	g_assert_cmpuint(cxb_dc_find(f->dc, 0, FAKE_BASE + 2 * FAKE_BLOCK)->seq, ==, 0);
}

/* Known defect elsewhere: crash on a missing tag. */
static void a_missing_tag_is_refused(Fixture *f, gconstpointer unused)
{
	refused(f, 0, 0, FAKE_RANGES({ 0, 1 }), "dynamic capacity must have a backing device");
	refused(f, 0, 1, FAKE_RANGES({ 0, 1 }), "dynamic capacity must have a backing device");
}

static void a_tag_without_a_backing_is_refused(Fixture *f, gconstpointer unused)
{
	refused(f, 9, 0, FAKE_RANGES({ 0, 1 }), "dynamic capacity must have a backing device");
}

/* Known defect elsewhere: text compare of UUIDs. */
static void tags_are_compared_as_bytes(Fixture *f, gconstpointer unused)
{
	CxbUuid upper, lower;
	g_autoptr(GError) err = NULL;
	const CxbDcRange range = { 0, FAKE_BLOCK };
	CxbDcStatus status;

	fake_backing(f->pool, 1, FAKE_BLOCK);
	g_assert_true(cxb_uuid_parse("5BE13BCE-AE34-4A77-B6C3-000000000001", &upper));
	g_assert_true(cxb_uuid_parse("5be13bce-ae34-4a77-b6c3-000000000001", &lower));
	g_assert_true(cxb_dc_add(f->dc,
				 &(CxbDcAddReq){ .policy = CXB_DC_SELECT_PRESCRIPTIVE,
						 .tag = upper,
						 .n = 1,
						 .ranges = &range },
				 &err));
	g_assert_true(cxb_dc_status(f->dc, 0, 0, &lower, &status, NULL, NULL, NULL));
	g_assert_cmpint(status, ==, CXB_DC_STATUS_PENDING);
}

static void lengths_must_sum_to_the_backings_size(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = fake_backing(f->pool, 1, 3 * FAKE_BLOCK);

	refused(f, 1, 0, FAKE_RANGES({ 0, 2 }),
		"Host memory backend size 0x600000 does not match extent length 0x400000");
	refused(f, 1, 0, FAKE_RANGES({ 0, 2 }, { 4, 2 }),
		"Host memory backend size 0x600000 does not match extent length 0x800000");
	g_assert_null(b->holder);
}

static void a_bad_range_is_refused(Fixture *f, gconstpointer unused)
{
	fake_backing(f->pool, 1, FAKE_BLOCK);
	refused(f, 1, 0, FAKE_RANGES({ 0, 0 }), "extent with 0 length is not allowed");
	refused(f, 1, 0, FAKE_RANGES({ 128, 1 }), "extent range is beyond the region end");
	refused(f, 1, 0, FAKE_RANGES({ 127, 2 }), "extent range is beyond the region end");
	refused(f, 1, 0, FAKE_RANGES({ 3, 1 }, { 3, 1 }),
		"duplicate or overlapped extents are detected");
	refused(f, 1, 0, FAKE_RANGES({ 3, 2 }, { 4, 2 }),
		"duplicate or overlapped extents are detected");
	refused(f, 1, 2, FAKE_RANGES({ 0, 1 }), "region id is too large");
	refused(f, 1, 255, FAKE_RANGES({ 0, 1 }), "region id is too large");
	refused(f, 1, 0, 0, NULL, "extent list is empty");
}

static void a_range_that_wraps_or_is_not_aligned_is_refused(Fixture *f, gconstpointer unused)
{
	static const struct {
		CxbDcRange range;
		const char *text;
	} bad[] = {
		{ { 1, FAKE_BLOCK }, "dpa or len is not aligned to region block size" },
		{ { 0, FAKE_BLOCK + 4096 }, "dpa or len is not aligned to region block size" },
		{ { UINT64_MAX - FAKE_BLOCK + 1, FAKE_BLOCK },
		  "extent range is beyond the region end" },
		{ { FAKE_BLOCK, UINT64_MAX - FAKE_BLOCK + 1 },
		  "extent range is beyond the region end" },
	};

	fake_backing(f->pool, 1, FAKE_BLOCK);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) err = NULL;

		g_assert_false(cxb_dc_add(f->dc,
					  &(CxbDcAddReq){ .policy = CXB_DC_SELECT_PRESCRIPTIVE,
							  .tag = fake_tag(1),
							  .n = 1,
							  .ranges = &bad[i].range },
					  &err));
		g_assert_true(g_str_has_prefix(err->message, bad[i].text));
	}
}

static void what_is_offered_or_accepted_is_not_added_again(Fixture *f, gconstpointer unused)
{
	fake_backing(f->pool, 1, 2 * FAKE_BLOCK);
	fake_backing(f->pool, 2, 2 * FAKE_BLOCK);
	g_assert_true(fake_add(f->dc, 1, 0, FAKE_RANGES({ 4, 2 }), NULL));
	refused(f, 2, 0, FAKE_RANGES({ 5, 2 }), "cannot add DPA again while still pending");
	g_assert_cmpint(fake_respond(f->dc, FAKE_RANGES({ 4, 2 })), ==, CXB_RC_SUCCESS);
	refused(f, 2, 0, FAKE_RANGES({ 3, 2 }), "cannot add DPA already accessible to the same LD");
	g_assert_true(fake_add(f->dc, 2, 0, FAKE_RANGES({ 6, 2 }), NULL));
}

/* Known defect elsewhere: two offers naming one backend. */
static void one_backing_is_not_offered_twice(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = fake_backing(f->pool, 1, FAKE_BLOCK);

	g_assert_true(fake_add(f->dc, 1, 0, FAKE_RANGES({ 0, 1 }), NULL));
	refused(f, 1, 0, FAKE_RANGES({ 4, 1 }),
		"memory backend mem1 is already mapped and cannot be reused");
	refused(f, 1, 1, FAKE_RANGES({ 4, 1 }),
		"memory backend mem1 is already mapped and cannot be reused");
	g_assert_nonnull(b->holder);
	g_assert_cmpint(fake_respond(f->dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_SUCCESS);
	refused(f, 1, 0, FAKE_RANGES({ 4, 1 }),
		"memory backend mem1 is already mapped and cannot be reused");
}

static void a_backing_held_by_somebody_else_is_refused(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = fake_backing(f->pool, 1, FAKE_BLOCK);

	b->holder = "machine";
	refused(f, 1, 0, FAKE_RANGES({ 0, 1 }),
		"memory backend mem1 is already mapped and cannot be reused");
	g_assert_cmpstr(b->holder, ==, "machine");
	b->holder = NULL;
}

static void a_tag_is_live_once_per_host_across_devices(void)
{
	CxbDcTagSpace *space = cxb_dc_tag_space_new();
	FakePool *one = fake_pool_new(), *two = fake_pool_new();
	CxbDcConfig c1 = fake_config(one), c2 = fake_config(two);
	g_autoptr(GError) err = NULL;
	CxbDc *a, *b;

	c1.tags = c2.tags = space;
	c2.name = "cxl-vmem1";
	a = cxb_dc_new(&c1, NULL);
	b = cxb_dc_new(&c2, NULL);
	fake_backing(one, 1, FAKE_BLOCK);
	fake_backing(two, 1, FAKE_BLOCK); /* the same tag, found elsewhere and not held */
	g_assert_true(fake_add(a, 1, 0, FAKE_RANGES({ 0, 1 }), NULL));
	g_assert_false(fake_add(b, 1, 0, FAKE_RANGES({ 0, 1 }), &err));
	g_assert_nonnull(strstr(err->message, "live on cxl-vmem0"));
	g_assert_cmpint(fake_respond(a, 0, NULL), ==, CXB_RC_SUCCESS);
	g_assert_true(fake_add(b, 1, 0, FAKE_RANGES({ 0, 1 }), NULL));
	cxb_dc_free(a);
	cxb_dc_free(b);
	cxb_dc_tag_space_free(space);
	fake_pool_free(one);
	fake_pool_free(two);
}

static void heads_do_not_share_dpa_or_tags_unasked(void)
{
	FakePool *pool = fake_pool_new();
	CxbDcConfig c = fake_config(pool);
	const CxbDcRange range = { 0, FAKE_BLOCK }, other = { FAKE_BLOCK, FAKE_BLOCK };
	CxbDcAddReq req = { .host_id = 1,
			    .policy = CXB_DC_SELECT_PRESCRIPTIVE,
			    .tag = fake_tag(1),
			    .n = 1,
			    .ranges = &range };
	g_autoptr(GError) err = NULL;
	CxbDc *dc;

	c.n_heads = 2;
	dc = cxb_dc_new(&c, NULL);
	fake_backing(pool, 1, FAKE_BLOCK);
	fake_backing(pool, 2, FAKE_BLOCK);
	g_assert_true(cxb_dc_add(dc, &req, NULL));
	g_assert_cmpuint(cxb_dc_groups(dc, 0), ==, 0);
	g_assert_cmpuint(cxb_dc_groups(dc, 1), ==, 1);
	g_assert_cmpuint(cxb_dc_find(dc, 1, FAKE_BASE)->head, ==, 1);
	g_assert_null(cxb_dc_find(dc, 0, FAKE_BASE));

	req.host_id = 0;
	req.tag = fake_tag(2);
	g_assert_false(cxb_dc_add(dc, &req, &err));
	g_assert_true(g_str_has_prefix(err->message, "cannot add DPA already given to another"));
	g_clear_error(&err);
	req.tag = fake_tag(1);
	req.ranges = &other;
	g_assert_false(cxb_dc_add(dc, &req, &err));
	g_assert_nonnull(strstr(err->message, "cannot be reused"));
	g_clear_error(&err);
	req.host_id = 2;
	g_assert_false(cxb_dc_add(dc, &req, &err));
	g_assert_true(g_str_has_prefix(err->message, "host id 2 is not known"));
	cxb_dc_free(dc);
	fake_pool_free(pool);
}

static void what_exceeds_a_limit_is_refused_whole(Fixture *f, gconstpointer unused)
{
	for (unsigned i = 1; i <= 6; i++)
		fake_backing(f->pool, i, FAKE_BLOCK);
	fake_backing(f->pool, 7, 8 * FAKE_BLOCK);
	fake_backing(f->pool, 8, 9 * FAKE_BLOCK);
	refused(f, 8, 0,
		FAKE_RANGES({ 0, 1 }, { 1, 1 }, { 2, 1 }, { 3, 1 }, { 4, 1 }, { 5, 1 }, { 6, 1 },
			    { 7, 1 }, { 8, 1 }),
		"number of extents exceeds the limit of 8");
	g_assert_true(fake_add(f->dc, 7, 0,
			       FAKE_RANGES({ 0, 1 }, { 1, 1 }, { 2, 1 }, { 3, 1 }, { 4, 1 },
					   { 5, 1 }, { 6, 1 }, { 7, 1 }),
			       NULL));
	g_assert_cmpuint(cxb_dc_extents_available(f->dc), ==, 0);
	refused(f, 1, 0, FAKE_RANGES({ 9, 1 }), "number of extents exceeds the limit of 8");
	g_assert_cmpint(fake_respond(f->dc, 0, NULL), ==, CXB_RC_SUCCESS);
	for (unsigned i = 1; i <= 4; i++)
		g_assert_true(fake_add(f->dc, i, 0, FAKE_RANGES({ i, 1 }), NULL));
	g_assert_cmpuint(cxb_dc_tags_available(f->dc), ==, 0);
	refused(f, 5, 0, FAKE_RANGES({ 9, 1 }), "number of tags exceeds the limit of 4");
}

static void add_many(unsigned n)
{
	FakePool *pool = fake_pool_new();
	CxbDcConfig c = fake_config(pool);
	CxbDc *dc = cxb_dc_new(&c, NULL);
	g_autofree FakeRange *r = g_new(FakeRange, n);

	for (unsigned i = 0; i < n; i++)
		r[i] = (FakeRange){ i, 1 };
	fake_backing(pool, 1, n * FAKE_BLOCK);
	g_assert_true(fake_add(dc, 1, 0, n, r, NULL));
	cxb_dc_free(dc);
	fake_pool_free(pool);
}

static void above_100_extents_a_warning_is_written(void)
{
	if (g_test_subprocess()) {
		add_many(101);
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("*warning: cxl-vmem0: 101 extents*");
}

static void up_to_100_extents_no_warning_is_written(void)
{
	if (g_test_subprocess()) {
		add_many(100);
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr_unmatched("*warning*");
}

static void regions_that_break_the_rules_are_refused(void)
{
	static const struct {
		CxbDcRegion r[2];
		unsigned n;
	} bad[] = {
		{ .n = 0 },
		{ .n = 9 },
		/* block size not a power of two, too small */
		{ { { FAKE_BASE, FAKE_SPAN, FAKE_SPAN, 3 << 20 } }, 1 },
		{ { { FAKE_BASE, FAKE_SPAN, FAKE_SPAN, 32 } }, 1 },
		/* base, decode length not on 256 MiB; base not on the block size */
		{ { { FAKE_MIB(2), FAKE_SPAN, FAKE_SPAN, FAKE_BLOCK } }, 1 },
		{ { { FAKE_BASE, FAKE_MIB(300), FAKE_SPAN, FAKE_BLOCK } }, 1 },
		{ { { FAKE_BASE, FAKE_MIB(512), FAKE_MIB(512), FAKE_MIB(512) } }, 1 },
		/* length 0, beyond, not whole blocks */
		{ { { FAKE_BASE, FAKE_SPAN, 0, FAKE_BLOCK } }, 1 },
		{ { { FAKE_BASE, FAKE_SPAN, FAKE_SPAN + FAKE_BLOCK, FAKE_BLOCK } }, 1 },
		{ { { FAKE_BASE, FAKE_SPAN, FAKE_MIB(3), FAKE_BLOCK } }, 1 },
		/* past the end of the address space */
		{ { { 0 - FAKE_SPAN, 2 * FAKE_SPAN, FAKE_SPAN, FAKE_BLOCK } }, 1 },
		/* overlap, wrong order */
		{ { { FAKE_BASE, 2 * FAKE_SPAN, FAKE_SPAN, FAKE_BLOCK },
		    { FAKE_BASE + FAKE_SPAN, FAKE_SPAN, FAKE_SPAN, FAKE_BLOCK } },
		  2 },
		{ { { FAKE_BASE + FAKE_SPAN, FAKE_SPAN, FAKE_SPAN, FAKE_BLOCK },
		    { FAKE_BASE, FAKE_SPAN, FAKE_SPAN, FAKE_BLOCK } },
		  2 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		CxbDcConfig c = { .n_regions = bad[i].n, .n_heads = 1 };
		g_autoptr(GError) err = NULL;

		memcpy(c.regions, bad[i].r, sizeof(bad[i].r));
		g_assert_null(cxb_dc_new(&c, &err));
		g_assert_nonnull(err);
	}
}

#define RULE(name)  g_test_add("/cxl/dc-add/" #name, Fixture, NULL, set_up, name, tear_down)
#define ALONE(name) g_test_add_func("/cxl/dc-add/" #name, name)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	RULE(an_add_offers_and_holds_the_backing);
	RULE(extents_are_found_in_order_of_dpa);
	RULE(sequence_numbers_count_from_0_where_sharable);
	RULE(a_missing_tag_is_refused);
	RULE(a_tag_without_a_backing_is_refused);
	RULE(tags_are_compared_as_bytes);
	RULE(lengths_must_sum_to_the_backings_size);
	RULE(a_bad_range_is_refused);
	RULE(a_range_that_wraps_or_is_not_aligned_is_refused);
	RULE(what_is_offered_or_accepted_is_not_added_again);
	RULE(one_backing_is_not_offered_twice);
	RULE(a_backing_held_by_somebody_else_is_refused);
	ALONE(a_tag_is_live_once_per_host_across_devices);
	ALONE(heads_do_not_share_dpa_or_tags_unasked);
	RULE(what_exceeds_a_limit_is_refused_whole);
	ALONE(above_100_extents_a_warning_is_written);
	ALONE(up_to_100_extents_no_warning_is_written);
	ALONE(regions_that_break_the_rules_are_refused);
	return g_test_run();
}
