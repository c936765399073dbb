/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies by which the device chooses, allocations that go to further hosts, and the fabric manager's
 * references: the cases that a story tells better than dice (property_dc_heads.c has the dice).
 */
#include "dc_fake.h"

#include <string.h>

typedef struct {
	FakePool *pool;
	CxbDc *dc;
	FakeStatic mem;
} Fixture;

static void make(Fixture *f, bool lazy)
{
	CxbDcConfig c;

	f->pool = fake_pool_new();
	c = fake_config(f->pool);
	c.n_heads = 2;
	if (!lazy) {
		f->mem.backing.ops = &fake_static_ops;
		c.backing = &f->mem.backing;
	}
	f->dc = cxb_dc_new(&c, NULL);
	g_assert_nonnull(f->dc);
}

static void lazy_up(Fixture *f, gconstpointer unused)
{
	make(f, true);
}

static void static_up(Fixture *f, gconstpointer unused)
{
	make(f, false);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_dc_free(f->dc);
	fake_pool_free(f->pool);
}

static bool choose(Fixture *f, CxbDcSelection policy, unsigned tag, uint64_t length, GError **errp)
{
	return cxb_dc_add(f->dc,
			  &(CxbDcAddReq){ .policy = policy,
					  .tag = tag ? fake_tag(tag) : (CxbUuid){ { 0 } },
					  .length = length },
			  errp);
}

static bool share(Fixture *f, uint16_t head, unsigned tag, uint8_t region, GError **errp)
{
	return cxb_dc_add(f->dc,
			  &(CxbDcAddReq){ .host_id = head,
					  .policy = CXB_DC_SELECT_SHARED,
					  .region = region,
					  .tag = fake_tag(tag) },
			  errp);
}

static void refused(bool ok, GError **err, const char *words)
{
	g_assert_false(ok);
	g_assert_nonnull(strstr((*err)->message, words));
	g_clear_error(err);
}

/* The one group that @head was offered, in order of DPA: taken. */
static void take(Fixture *f, uint16_t head)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(CxbDcDpaRange));

	for (const CxbDcExtent *e = cxb_dc_next(f->dc, head, 0); e;
	     e = cxb_dc_next(f->dc, head, e->dpa + e->len))
		if (e->state == CXB_DC_OFFERED)
			g_array_append_val(list, ((CxbDcDpaRange){ e->dpa, e->len }));
	g_assert_cmpint(cxb_dc_add_response(f->dc, head, (const CxbDcDpaRange *)list->data,
					    list->len, false, NULL, NULL),
			==, CXB_RC_SUCCESS);
}

static void let_go(Fixture *f, uint16_t head, uint8_t region, unsigned at, unsigned n)
{
	const CxbDcDpaRange range = { FAKE_BASE + region * FAKE_SPAN + at * FAKE_BLOCK,
				      n * FAKE_BLOCK };

	g_assert_cmpint(cxb_dc_host_release(f->dc, head, &range, 1, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
}

static const CxbDcExtent *extent_at(Fixture *f, uint16_t head, uint8_t region, unsigned block)
{
	return cxb_dc_find(f->dc, head, FAKE_BASE + region * FAKE_SPAN + block * FAKE_BLOCK);
}

/* Gaps of 2, 1 and 3 blocks, and then the rest of region 0. */
static void make_gaps(Fixture *f)
{
	for (unsigned i = 1; i <= 3; i++)
		fake_backing(f->pool, i, FAKE_BLOCK);
	g_assert_true(fake_add(f->dc, 1, 0, FAKE_RANGES({ 2, 1 }), NULL));
	g_assert_true(fake_add(f->dc, 2, 0, FAKE_RANGES({ 4, 1 }), NULL));
	g_assert_true(fake_add(f->dc, 3, 0, FAKE_RANGES({ 8, 1 }), NULL));
}

static void the_smallest_gap_that_fits_is_taken(Fixture *f, gconstpointer unused)
{
	make_gaps(f);
	fake_backing(f->pool, 11, FAKE_BLOCK);
	fake_backing(f->pool, 12, 2 * FAKE_BLOCK);
	fake_backing(f->pool, 13, 4 * FAKE_BLOCK);
	g_assert_true(choose(f, CXB_DC_SELECT_CONTIGUOUS, 11, FAKE_BLOCK, NULL));
	g_assert_true(choose(f, CXB_DC_SELECT_FREE, 12, 2 * FAKE_BLOCK, NULL));
	g_assert_true(choose(f, CXB_DC_SELECT_CONTIGUOUS, 13, 4 * FAKE_BLOCK, NULL));
	g_assert_true(cxb_uuid_equal(&extent_at(f, 0, 0, 3)->tag, &(CxbUuid[]){ fake_tag(11) }[0]));
	g_assert_cmphex(extent_at(f, 0, 0, 0)->len, ==, 2 * FAKE_BLOCK);
	g_assert_cmphex(extent_at(f, 0, 0, 9)->len, ==, 4 * FAKE_BLOCK);
}

static void free_takes_pieces_where_no_gap_fits(Fixture *f, gconstpointer unused)
{
	const unsigned rest = FAKE_SPAN / FAKE_BLOCK - 9;
	GError *err = NULL;

	make_gaps(f);
	fake_backing(f->pool, 11, (rest + 4) * FAKE_BLOCK);
	fake_backing(f->pool, 12, 3 * FAKE_BLOCK);
	refused(choose(f, CXB_DC_SELECT_CONTIGUOUS, 11, (rest + 4) * FAKE_BLOCK, &err), &err,
		"no contiguous 0x");
	g_assert_true(choose(f, CXB_DC_SELECT_FREE, 11, (rest + 4) * FAKE_BLOCK, NULL));
	/* The rest and 3 blocks whole, then 1 block of the smallest gap. */
	g_assert_cmphex(extent_at(f, 0, 0, 3)->backing_off, ==, 0);
	g_assert_cmphex(extent_at(f, 0, 0, 5)->backing_off, ==, FAKE_BLOCK);
	g_assert_cmphex(extent_at(f, 0, 0, 9)->backing_off, ==, 4 * FAKE_BLOCK);
	g_assert_null(extent_at(f, 0, 0, 0));
	refused(choose(f, CXB_DC_SELECT_FREE, 12, 3 * FAKE_BLOCK, &err), &err,
		"not enough capacity is free in region 0: 0x600000 wanted, 0x400000 free");
}

static void lengths_that_cannot_be_are_refused(Fixture *f, gconstpointer unused)
{
	const CxbDcRange range = { 0, FAKE_BLOCK };
	GError *err = NULL;

	fake_backing(f->pool, 1, FAKE_BLOCK);
	refused(choose(f, CXB_DC_SELECT_FREE, 1, 0, &err), &err, "length 0 is not allowed");
	refused(choose(f, CXB_DC_SELECT_FREE, 1, 4096, &err), &err,
		"length 0x1000 is not aligned to region block size 0x200000");
	refused(choose(f, CXB_DC_SELECT_FREE, 1, 2 * FAKE_BLOCK, &err), &err,
		"Host memory backend size 0x200000 does not match extent length 0x400000");
	refused(choose(f, CXB_DC_SELECT_CONTIGUOUS, 1, UINT64_MAX - FAKE_BLOCK + 1, &err), &err,
		"no contiguous 0xffffffffffe00000 bytes");
	refused(choose(f, CXB_DC_SELECT_FREE, 1, UINT64_MAX - FAKE_BLOCK + 1, &err), &err,
		"not enough capacity");
	for (CxbDcSelection p = CXB_DC_SELECT_FREE; p <= CXB_DC_SELECT_CONTIGUOUS; p++)
		refused(cxb_dc_add(f->dc,
				   &(CxbDcAddReq){ .policy = p,
						   .tag = fake_tag(1),
						   .n = 1,
						   .ranges = &range,
						   .length = FAKE_BLOCK },
				   &err),
			&err, "extents go with the prescriptive policy only");
	g_assert_null(cxb_dc_next(f->dc, 0, 0));
}

static void a_shared_tag_has_the_same_extents_on_both_hosts(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = fake_backing(f->pool, 1, 3 * FAKE_BLOCK);

	g_assert_true(fake_add(f->dc, 1, 1, FAKE_RANGES({ 6, 1 }, { 0, 2 }), NULL));
	take(f, 0);
	g_assert_true(share(f, 1, 1, 1, NULL));
	g_assert_cmpint(extent_at(f, 1, 1, 0)->state, ==, CXB_DC_OFFERED);
	take(f, 1);
	for (uint16_t head = 0; head < 2; head++) {
		g_assert_cmpuint(extent_at(f, head, 1, 6)->seq, ==, 0);
		g_assert_cmpuint(extent_at(f, head, 1, 0)->seq, ==, 1);
		g_assert_cmphex(extent_at(f, head, 1, 0)->backing_off, ==, FAKE_BLOCK);
		g_assert_cmpuint(extent_at(f, head, 1, 0)->head, ==, head);
	}
	let_go(f, 0, 1, 6, 1);
	let_go(f, 0, 1, 0, 2);
	g_assert_true(b->mapped && b->holder);
	let_go(f, 1, 1, 6, 1);
	let_go(f, 1, 1, 0, 2);
	g_assert_true(!b->mapped && !b->holder);
}

static void what_cannot_be_shared_is_refused(Fixture *f, gconstpointer unused)
{
	const CxbDcAddReq no_tag = { .host_id = 1, .policy = CXB_DC_SELECT_SHARED, .region = 1 };
	GError *err = NULL;

	fake_backing(f->pool, 1, FAKE_BLOCK);
	fake_backing(f->pool, 2, 2 * FAKE_BLOCK);
	refused(share(f, 1, 1, 1, &err), &err, "has no allocation with tag");
	g_assert_true(fake_add(f->dc, 1, 0, FAKE_RANGES({ 0, 1 }), NULL));
	take(f, 0);
	g_assert_true(fake_add(f->dc, 2, 1, FAKE_RANGES({ 0, 1 }, { 1, 1 }), NULL));
	refused(share(f, 1, 1, 0, &err), &err, "region 0 is not sharable");
	refused(share(f, 1, 2, 0, &err), &err, "is in region 1, not in region 0");
	refused(share(f, 0, 2, 1, &err), &err, "is live on cxl-vmem0");
	refused(share(f, 2, 2, 1, &err), &err, "host id 2 is not known");
	refused(share(f, 1, 0, 1, &err), &err, "has no allocation with tag");
	refused(cxb_dc_add(f->dc, &no_tag, &err), &err, "shared access needs a tag");
	take(f, 0);
	let_go(f, 0, 1, 1, 1);
	refused(share(f, 1, 2, 1, &err), &err, "is being released");
	g_assert_null(cxb_dc_next(f->dc, 1, 0));
}

static void a_reference_keeps_what_no_host_has(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = fake_backing(f->pool, 1, FAKE_BLOCK);
	const CxbUuid tag = fake_tag(1);
	GError *err = NULL;
	CxbDcTagInfo info;

	refused(cxb_dc_add_reference(f->dc, &tag, &err), &err, "has no allocation with tag");
	g_assert_true(fake_add(f->dc, 1, 0, FAKE_RANGES({ 0, 1 }), NULL));
	refused(cxb_dc_remove_reference(f->dc, &tag, &err), &err, "nobody holds a reference");
	g_assert_true(cxb_dc_add_reference(f->dc, &tag, NULL));
	g_assert_true(cxb_dc_add_reference(f->dc, &tag, NULL)); /* one is one */
	take(f, 0);
	let_go(f, 0, 0, 0, 1);
	g_assert_true(b->holder && !b->mapped);
	g_assert_true(cxb_dc_tag_info(f->dc, &tag, &info, NULL));
	g_assert_true(info.referenced && !info.heads && info.bytes == FAKE_BLOCK);
	refused(fake_add(f->dc, 1, 0, FAKE_RANGES({ 0, 1 }), &err), &err, "kept for a tag");
	refused(fake_add(f->dc, 1, 0, FAKE_RANGES({ 4, 1 }), &err), &err, "cannot be reused");
	/* One host after the other needs no sharable region. */
	g_assert_true(share(f, 1, 1, 0, NULL));
	take(f, 1);
	g_assert_true(b->mapped);
	g_assert_true(cxb_dc_remove_reference(f->dc, &tag, NULL));
	g_assert_true(b->holder);
	let_go(f, 1, 0, 0, 1);
	g_assert_null(b->holder);
	g_assert_cmpuint(b->sanitized, ==, 0);
	g_assert_cmpuint(cxb_dc_tag_count(f->dc), ==, 0);
}

static void sanitizing_waits_for_the_last_one(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = fake_backing(f->pool, 1, FAKE_BLOCK);
	const CxbUuid tag = fake_tag(1);

	g_assert_true(fake_add(f->dc, 1, 1, FAKE_RANGES({ 0, 1 }), NULL));
	take(f, 0);
	g_assert_true(share(f, 1, 1, 1, NULL));
	take(f, 1);
	g_assert_true(cxb_dc_add_reference(f->dc, &tag, NULL));
	b->dirty = true;
	g_assert_true(cxb_dc_release(f->dc,
				     &(CxbDcReleaseReq){ .policy = CXB_DC_REMOVE_TAG_BASED,
							 .forced = true,
							 .sanitize = true,
							 .region = 1,
							 .tag = tag },
				     NULL));
	g_assert_true(b->mapped && b->dirty); /* the other host reads it */
	let_go(f, 1, 1, 0, 1);
	g_assert_true(b->holder && b->dirty);
	g_assert_true(cxb_dc_remove_reference(f->dc, &tag, NULL));
	g_assert_true(!b->holder && !b->dirty);
}

static void static_bytes_are_zeroed_when_the_last_one_lets_go(Fixture *f, gconstpointer unused)
{
	const unsigned first = FAKE_SPAN / FAKE_BLOCK; /* of region 1 */
	GError *err = NULL;

	refused(fake_add(f->dc, 0, 1, FAKE_RANGES({ 0, 1 }), &err), &err,
		"sharable capacity needs a tag");
	g_assert_true(fake_add(f->dc, 1, 1, FAKE_RANGES({ 0, 1 }, { 5, 1 }), NULL));
	take(f, 0);
	g_assert_true(share(f, 1, 1, 1, NULL));
	take(f, 1);
	f->mem.dirty[first] = f->mem.dirty[first + 5] = true;
	g_assert_true(cxb_dc_release(f->dc,
				     &(CxbDcReleaseReq){ .policy = CXB_DC_REMOVE_TAG_BASED,
							 .sanitize = true,
							 .region = 1,
							 .tag = fake_tag(1) },
				     NULL));
	let_go(f, 0, 1, 0, 1);
	let_go(f, 0, 1, 5, 1);
	g_assert_true(f->mem.dirty[first] && f->mem.dirty[first + 5]);
	let_go(f, 1, 1, 0, 1);
	g_assert_true(!f->mem.dirty[first] && f->mem.dirty[first + 5]);
	/* What is back may go to another tag while the rest is still out. */
	g_assert_true(fake_add(f->dc, 2, 1, FAKE_RANGES({ 0, 1 }), NULL));
	let_go(f, 1, 1, 5, 1);
	g_assert_false(f->mem.dirty[first + 5]);
}

static void static_capacity_is_chosen_without_a_tag(Fixture *f, gconstpointer unused)
{
	g_assert_true(choose(f, CXB_DC_SELECT_FREE, 0, 4 * FAKE_BLOCK, NULL));
	take(f, 0);
	g_assert_true(choose(f, CXB_DC_SELECT_CONTIGUOUS, 0, 2 * FAKE_BLOCK, NULL));
	take(f, 0);
	g_assert_cmphex(extent_at(f, 0, 0, 0)->len, ==, 4 * FAKE_BLOCK);
	g_assert_cmphex(extent_at(f, 0, 0, 4)->len, ==, 2 * FAKE_BLOCK);
	/* What is given back in part is free in part. */
	let_go(f, 0, 0, 1, 2);
	g_assert_true(choose(f, CXB_DC_SELECT_CONTIGUOUS, 0, 2 * FAKE_BLOCK, NULL));
	g_assert_cmpint(extent_at(f, 0, 0, 1)->state, ==, CXB_DC_OFFERED);
}

static void one_group_holds_several_tags(Fixture *f, gconstpointer unused)
{
	const CxbDcRange ranges[] = { { 0, FAKE_BLOCK }, { 0, FAKE_BLOCK } };
	CxbDcAddReq reqs[] = {
		{ .policy = CXB_DC_SELECT_PRESCRIPTIVE,
		  .tag = fake_tag(1),
		  .n = 1,
		  .ranges = ranges },
		{ .policy = CXB_DC_SELECT_PRESCRIPTIVE,
		  .region = 1,
		  .tag = fake_tag(2),
		  .n = 1,
		  .ranges = ranges + 1 },
	};
	const CxbDcReleaseReq back[] = {
		{ .policy = CXB_DC_REMOVE_PRESCRIPTIVE, .n = 1, .ranges = ranges },
		{ .policy = CXB_DC_REMOVE_PRESCRIPTIVE, .region = 1, .n = 1, .ranges = ranges },
	};
	FakeBacking *first = fake_backing(f->pool, 1, FAKE_BLOCK);
	GError *err = NULL;

	refused(cxb_dc_add_group(f->dc, reqs, 2, &err), &err, "none has tag");
	g_assert_null(first->holder);
	fake_backing(f->pool, 2, FAKE_BLOCK);
	reqs[1].region = 0;
	refused(cxb_dc_add_group(f->dc, reqs, 2, &err), &err, "overlapped extents");
	reqs[1].region = 1;
	reqs[1].tag = reqs[0].tag;
	refused(cxb_dc_add_group(f->dc, reqs, 2, &err), &err, "is given twice");
	reqs[1].tag = fake_tag(2);
	g_assert_true(cxb_dc_add_group(f->dc, reqs, 2, NULL));
	g_assert_cmpuint(cxb_dc_groups(f->dc, 0), ==, 1);
	take(f, 0);
	g_assert_true(cxb_dc_release_group(f->dc, back, 2, NULL));
	g_assert_cmpint(extent_at(f, 0, 0, 0)->state, ==, CXB_DC_RELEASING);
	g_assert_cmpint(extent_at(f, 0, 1, 0)->state, ==, CXB_DC_RELEASING);
	refused(cxb_dc_release_group(f->dc, (CxbDcReleaseReq[]){ back[0], back[0] }, 2, &err), &err,
		"overlapped extents");
}

#define LAZY(name)   g_test_add("/cxl/dc-share/" #name, Fixture, NULL, lazy_up, name, tear_down)
#define STATIC(name) g_test_add("/cxl/dc-share/" #name, Fixture, NULL, static_up, name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	LAZY(the_smallest_gap_that_fits_is_taken);
	LAZY(free_takes_pieces_where_no_gap_fits);
	LAZY(lengths_that_cannot_be_are_refused);
	LAZY(a_shared_tag_has_the_same_extents_on_both_hosts);
	LAZY(what_cannot_be_shared_is_refused);
	LAZY(a_reference_keeps_what_no_host_has);
	LAZY(sanitizing_waits_for_the_last_one);
	STATIC(static_bytes_are_zeroed_when_the_last_one_lets_go);
	STATIC(static_capacity_is_chosen_without_a_tag);
	LAZY(one_group_holds_several_tags);
	return g_test_run();
}
