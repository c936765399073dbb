/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statically backed capacity: an extent has the bytes at its own place; one without a tag is
 * accepted and released in parts (CXL 3.1 8.2.9.9.9.3 and 8.2.9.9.9.4, return codes of QEMU).
 */
#include "dc_fixture.h"

typedef struct {
	Fixture f; /* first */
	FakeStatic mem;
} Static;

static void static_set_up_with(Static *s, uint32_t max_extents)
{
	CxbDcConfig c = fake_config(NULL);

	s->mem.backing.ops = &fake_static_ops;
	c.backing = &s->mem.backing;
	c.find_backing = NULL;
	c.max_extents = max_extents;
	s->f.pool = fake_pool_new();
	fixture_begin(&s->f, &c);
}

static void static_set_up(Static *s, gconstpointer unused)
{
	static_set_up_with(s, 0);
}

static void static_tear_down(Static *s, gconstpointer unused)
{
	tear_down(&s->f, NULL);
}

static void add(Static *s, unsigned tag, size_t n, const FakeRange *r)
{
	g_autoptr(GError) err = NULL;

	fake_add(s->f.dc, tag, 0, n, r, &err);
	g_assert_no_error(err);
	forget(&s->f);
}

static void take(Static *s, unsigned tag, size_t n, const FakeRange *r)
{
	add(s, tag, n, r);
	g_assert_cmpint(fake_respond(s->f.dc, n, r), ==, CXB_RC_SUCCESS);
	forget(&s->f);
}

static bool ask_back(Static *s, bool forced, bool sanitize, size_t n, const FakeRange *r,
		     GError **errp)
{
	g_autofree CxbDcRange *ranges = g_new(CxbDcRange, n);

	for (size_t i = 0; i < n; i++)
		ranges[i] = (CxbDcRange){ r[i].at * FAKE_BLOCK, r[i].n * FAKE_BLOCK };
	return cxb_dc_release(s->f.dc,
			      &(CxbDcReleaseReq){ .policy = CXB_DC_REMOVE_PRESCRIPTIVE,
						  .forced = forced,
						  .sanitize = sanitize,
						  .n = n,
						  .ranges = ranges },
			      errp);
}

/* The accepted list in blocks, in its order: "0+2 8+1", those asked back with "-". */
static void list_is(Static *s, const char *want)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (size_t i = 0; i < cxb_dc_accepted_count(s->f.dc, 0); i++) {
		const CxbDcExtent *e = cxb_dc_accepted_at(s->f.dc, 0, i);

		g_assert_cmphex(e->backing_off, ==, e->dpa - FAKE_BASE);
		g_string_append_printf(text, "%s%" G_GUINT64_FORMAT "%s%" G_GUINT64_FORMAT,
				       i ? " " : "", (e->dpa - FAKE_BASE) / FAKE_BLOCK,
				       e->state == CXB_DC_RELEASING ? "-" : "+",
				       e->len / FAKE_BLOCK);
	}
	g_assert_cmpstr(text->str, ==, want);
}

static uint32_t in_use(Static *s)
{
	return CXB_DC_MAX_EXTENTS - cxb_dc_extents_available(s->f.dc);
}

/* --- adding --- */

static void an_extent_shows_its_own_place_with_a_tag_and_without(Static *s, gconstpointer unused)
{
	const CxbDcExtent *e;

	add(s, 0, FAKE_RANGES({ 8, 2 }, { 1, 1 }));
	add(s, 1, FAKE_RANGES({ 20, 1 }, { 4, 1 }));
	e = cxb_dc_find(s->f.dc, 0, FAKE_BASE + 9 * FAKE_BLOCK);
	g_assert_cmphex(e->backing_off, ==, 8 * FAKE_BLOCK);
	g_assert_true(e->backing == &s->mem.backing && cxb_uuid_is_null(&e->tag));
	e = cxb_dc_find(s->f.dc, 0, FAKE_BASE + 4 * FAKE_BLOCK);
	g_assert_cmphex(e->backing_off, ==, 4 * FAKE_BLOCK);
	g_assert_false(cxb_uuid_is_null(&e->tag));
}

static void the_second_regions_bytes_are_behind_the_firsts(Static *s, gconstpointer unused)
{
	const CxbDcExtent *e;

	g_assert_true(fake_add(s->f.dc, 1, 1, FAKE_RANGES({ 3, 1 }), NULL));
	e = cxb_dc_find(s->f.dc, 0, FAKE_BASE + FAKE_SPAN + 3 * FAKE_BLOCK);
	g_assert_cmphex(e->backing_off, ==, FAKE_SPAN + 3 * FAKE_BLOCK);
}

static void refused(Static *s, unsigned tag, uint8_t region, size_t n, const FakeRange *r,
		    const char *text)
{
	const uint32_t before = in_use(s);
	g_autoptr(GError) err = NULL;

	g_assert_false(fake_add(s->f.dc, tag, region, n, r, &err));
	if (!g_str_has_prefix(err->message, text))
		g_error("\"%s\" does not begin with \"%s\"", err->message, text);
	g_assert_cmpuint(in_use(s), ==, before);
}

static void what_is_in_use_or_nameless_where_it_is_shared_is_refused(Static *s,
								     gconstpointer unused)
{
	take(s, 1, FAKE_RANGES({ 0, 2 }));
	add(s, 0, FAKE_RANGES({ 4, 2 }));
	refused(s, 0, 0, FAKE_RANGES({ 1, 1 }), "cannot add DPA already accessible to the same LD");
	refused(s, 0, 0, FAKE_RANGES({ 5, 4 }), "cannot add DPA again while still pending");
	refused(s, 1, 0, FAKE_RANGES({ 8, 1 }), "tag 5be13bce-ae34-4a77-b6c3-000000000001 is live");
	refused(s, 0, 1, FAKE_RANGES({ 8, 1 }), "sharable capacity needs a tag: region 1");
	saw(&s->f, "");
}

static void a_backing_of_another_size_is_refused(void)
{
	CxbDcConfig c = fake_config(NULL);
	FakeStatic mem = { .backing = { &fake_static_ops } };
	g_autoptr(GError) err = NULL;

	c.backing = &mem.backing;
	c.n_regions = 1;
	g_assert_null(cxb_dc_new(&c, &err));
	g_assert_nonnull(strstr(err->message, "backing static has 0x20000000 bytes, the regions "
					      "0x10000000"));
}

/* --- accepting --- */

static void parts_are_accepted_and_the_rest_returns(Static *s, gconstpointer unused)
{
	add(s, 0, FAKE_RANGES({ 0, 8 }, { 16, 2 }));
	g_assert_cmpint(fake_respond(s->f.dc, FAKE_RANGES({ 6, 1 }, { 1, 2 })), ==, CXB_RC_SUCCESS);
	saw(&s->f, "prepare accept 2;prepare return 4;commit accept 2;commit return 4;");
	list_is(s, "6+1 1+2");
	g_assert_cmpuint(in_use(s), ==, 2);
	g_assert_cmpuint(cxb_dc_groups(s->f.dc, 0), ==, 0);
	/* The rest is free. */
	add(s, 0, FAKE_RANGES({ 0, 1 }, { 3, 3 }, { 7, 1 }, { 16, 2 }));
}

static void one_range_reaches_over_several_extents(Static *s, gconstpointer unused)
{
	add(s, 0, FAKE_RANGES({ 4, 4 }, { 0, 4 }));
	g_assert_cmpint(fake_respond(s->f.dc, FAKE_RANGES({ 2, 4 })), ==, CXB_RC_SUCCESS);
	list_is(s, "2+2 4+2");
}

static void a_tag_is_accepted_whole_here_too(Static *s, gconstpointer unused)
{
	add(s, 1, FAKE_RANGES({ 0, 4 }, { 8, 1 }));
	g_assert_cmpint(fake_respond(s->f.dc, FAKE_RANGES({ 0, 2 })), ==, CXB_RC_INVALID_PA);
	g_assert_cmpint(fake_respond(s->f.dc, FAKE_RANGES({ 0, 4 })), ==, CXB_RC_INVALID_PA);
	g_assert_cmpuint(in_use(s), ==, 2);
	g_assert_cmpint(fake_respond(s->f.dc, FAKE_RANGES({ 8, 1 }, { 0, 4 })), ==, CXB_RC_SUCCESS);
	list_is(s, "8+1 0+4");
}

static void a_bad_list_leaves_the_offer_in_one_piece(Static *s, gconstpointer unused)
{
	static const struct {
		size_t n;
		FakeRange r[2];
		CxbRc rc;
	} bad[] = {
		{ 2, { { 0, 1 }, { 8, 1 } }, CXB_RC_INVALID_PA }, /* nobody offers the second */
		{ 1, { { 7, 2 } }, CXB_RC_INVALID_PA },
		{ 2, { { 0, 2 }, { 1, 1 } }, CXB_RC_INVALID_EXTENTS },
		{ 2, { { 0, 1 }, { 20, 1 } }, CXB_RC_INVALID_PA }, /* of a later group */
	};

	add(s, 0, FAKE_RANGES({ 0, 8 }));
	add(s, 0, FAKE_RANGES({ 20, 1 }));
	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_assert_cmpint(fake_respond(s->f.dc, bad[i].n, bad[i].r), ==, bad[i].rc);
		g_assert_cmpuint(in_use(s), ==, 2);
		g_assert_cmphex(cxb_dc_find(s->f.dc, 0, FAKE_BASE)->len, ==, 8 * FAKE_BLOCK);
	}
	saw(&s->f, "");
}

static void an_observer_that_refuses_has_the_parts_grow_together(Static *s, gconstpointer unused)
{
	add(s, 0, FAKE_RANGES({ 0, 8 }, { 16, 1 }));
	s->f.observer.kind = CXB_DC_OP_ACCEPT;
	s->f.observer.refuse = true;
	g_assert_cmpint(fake_respond(s->f.dc, FAKE_RANGES({ 1, 1 }, { 3, 1 }, { 16, 1 })), ==,
			CXB_RC_INTERNAL_ERROR);
	g_assert_cmpuint(in_use(s), ==, 2);
	g_assert_cmphex(cxb_dc_find(s->f.dc, 0, FAKE_BASE + 3 * FAKE_BLOCK)->len, ==,
			8 * FAKE_BLOCK);
	g_assert_cmpuint(cxb_dc_generation(s->f.dc, 0), ==, 0);
	g_assert_cmpint(fake_respond(s->f.dc, FAKE_RANGES({ 0, 8 })), ==, CXB_RC_SUCCESS);
	list_is(s, "0+8");
}

/* --- giving back --- */

static void a_host_cuts_pieces_out_and_reaches_over_several(Static *s, gconstpointer unused)
{
	take(s, 0, FAKE_RANGES({ 0, 8 }, { 8, 2 }, { 12, 1 }));
	g_assert_cmpint(fake_give_back(s->f.dc, FAKE_RANGES({ 2, 1 })), ==, CXB_RC_SUCCESS);
	saw(&s->f, "prepare release 1;commit release 1;");
	list_is(s, "0+2 3+5 8+2 12+1");
	g_assert_cmpint(fake_give_back(s->f.dc, FAKE_RANGES({ 7, 2 }, { 0, 1 })), ==,
			CXB_RC_SUCCESS);
	list_is(s, "1+1 3+4 9+1 12+1");
	g_assert_cmpuint(in_use(s), ==, 4);
	g_assert_cmpuint(cxb_dc_generation(s->f.dc, 0), ==, 3);
	add(s, 0, FAKE_RANGES({ 2, 1 }, { 7, 2 }, { 0, 1 }));
}

static void all_or_nothing_is_given_back(Static *s, gconstpointer unused)
{
	take(s, 0, FAKE_RANGES({ 0, 8 }));
	take(s, 1, FAKE_RANGES({ 10, 2 }));
	add(s, 0, FAKE_RANGES({ 20, 2 }));
	g_assert_cmpint(fake_give_back(s->f.dc, FAKE_RANGES({ 2, 1 }, { 9, 1 })), ==,
			CXB_RC_INVALID_PA);
	g_assert_cmpint(fake_give_back(s->f.dc, FAKE_RANGES({ 2, 1 }, { 20, 1 })), ==,
			CXB_RC_INVALID_PA);
	/* One with a tag is not cut. */
	g_assert_cmpint(fake_give_back(s->f.dc, FAKE_RANGES({ 2, 1 }, { 10, 1 })), ==,
			CXB_RC_INVALID_PA);
	list_is(s, "0+8 10+2");
	g_assert_cmpuint(cxb_dc_generation(s->f.dc, 0), ==, 2);
	s->f.observer.kind = CXB_DC_OP_RELEASE;
	s->f.observer.refuse = true;
	g_assert_cmpint(fake_give_back(s->f.dc, FAKE_RANGES({ 2, 1 }, { 4, 1 })), ==,
			CXB_RC_INTERNAL_ERROR);
	list_is(s, "0+8 10+2");
	g_assert_cmpint(fake_give_back(s->f.dc, FAKE_RANGES({ 2, 1 }, { 10, 2 })), ==,
			CXB_RC_SUCCESS);
	list_is(s, "0+2 3+5");
}

static void cuts_beyond_the_limit_change_nothing(void)
{
	g_autoptr(GError) err = NULL;
	Static s = { 0 };

	static_set_up_with(&s, 3);
	take(&s, 0, FAKE_RANGES({ 0, 8 }));
	take(&s, 0, FAKE_RANGES({ 16, 1 }));
	/* 0+1, 2+1, 4+4 and 16+1 would be left. */
	g_assert_cmpint(fake_give_back(s.f.dc, FAKE_RANGES({ 1, 1 }, { 3, 1 })), ==,
			CXB_RC_RESOURCES);
	g_assert_false(ask_back(&s, false, false, FAKE_RANGES({ 1, 1 }), &err));
	g_assert_true(g_str_has_prefix(err->message, "number of extents exceeds the limit of 3"));
	list_is(&s, "0+8 16+1");
	g_assert_cmpuint(cxb_dc_generation(s.f.dc, 0), ==, 2);
	g_assert_cmpint(fake_give_back(s.f.dc, FAKE_RANGES({ 1, 1 })), ==, CXB_RC_SUCCESS);
	list_is(&s, "0+1 2+6 16+1");
	/* What goes makes room for what its cuts leave. */
	g_assert_true(ask_back(&s, true, false, FAKE_RANGES({ 16, 1 }, { 3, 1 }), NULL));
	list_is(&s, "0+1 2+1 4+4");
	static_tear_down(&s, NULL);
}

static void a_place_where_two_ranges_meet_is_cut_once(void)
{
	Static s = { 0 };

	static_set_up_with(&s, 2);
	take(&s, 0, FAKE_RANGES({ 0, 10 }));
	g_assert_false(ask_back(&s, false, false, FAKE_RANGES({ 3, 1 }, { 2, 1 }), NULL));
	list_is(&s, "0+10");
	g_assert_cmpint(fake_give_back(s.f.dc, FAKE_RANGES({ 3, 1 }, { 2, 1 })), ==,
			CXB_RC_SUCCESS);
	list_is(&s, "0+2 4+6");
	static_tear_down(&s, NULL);
}

static void cuts_that_wait_are_not_counted_below_nothing(void)
{
	Static s = { 0 };

	static_set_up_with(&s, 2);
	add(&s, 0, FAKE_RANGES({ 0, 8 }));
	s.f.observer.kind = CXB_DC_OP_ACCEPT;
	s.f.observer.wait = true;
	/* 0+1 and 2+6 return when it is over. */
	g_assert_cmpint(fake_respond(s.f.dc, FAKE_RANGES({ 1, 1 })), ==, CXB_RC_LATER);
	g_assert_cmpuint(cxb_dc_extents_available(s.f.dc), ==, 0);
	cxb_dc_prepared(s.f.dc, NULL);
	g_assert_cmpuint(cxb_dc_extents_available(s.f.dc), ==, 1);
	list_is(&s, "1+1");
	static_tear_down(&s, NULL);
}

/* --- asked back --- */

static void a_part_that_is_asked_back_is_an_extent_of_its_own(Static *s, gconstpointer unused)
{
	const uint32_t generation = 1;

	take(s, 0, FAKE_RANGES({ 0, 8 }));
	g_assert_true(ask_back(s, false, false, FAKE_RANGES({ 2, 2 }), NULL));
	saw(&s->f, "prepare request 1;commit request 1;");
	list_is(s, "0+2 2-2 4+4");
	g_assert_cmpuint(cxb_dc_generation(s->f.dc, 0), ==, generation + 1);
	/* A host that knows the whole gives back the whole. */
	g_assert_cmpint(fake_give_back(s->f.dc, FAKE_RANGES({ 0, 8 })), ==, CXB_RC_SUCCESS);
	list_is(s, "");
	g_assert_cmpuint(in_use(s), ==, 0);
}

static void force_takes_parts_of_what_is_accepted_and_offered(Static *s, gconstpointer unused)
{
	take(s, 0, FAKE_RANGES({ 0, 4 }));
	add(s, 0, FAKE_RANGES({ 8, 4 }));
	g_assert_true(ask_back(s, true, false, FAKE_RANGES({ 1, 1 }, { 9, 1 }), NULL));
	list_is(s, "0+1 2+2");
	g_assert_cmpint(fake_respond(s->f.dc, FAKE_RANGES({ 8, 4 })), ==, CXB_RC_INVALID_PA);
	g_assert_cmpint(fake_respond(s->f.dc, FAKE_RANGES({ 8, 1 }, { 10, 2 })), ==,
			CXB_RC_SUCCESS);
	list_is(s, "0+1 2+2 8+1 10+2");
}

static void a_request_is_judged_before_anything_is_cut(Static *s, gconstpointer unused)
{
	g_autoptr(GError) err = NULL;

	take(s, 0, FAKE_RANGES({ 0, 4 }));
	add(s, 0, FAKE_RANGES({ 8, 4 }));
	g_assert_false(ask_back(s, false, false, FAKE_RANGES({ 1, 1 }, { 9, 1 }), &err));
	g_assert_true(
		g_str_has_prefix(err->message, "cannot release extent with pending DPA range"));
	g_clear_error(&err);
	g_assert_false(ask_back(s, false, false, FAKE_RANGES({ 1, 1 }, { 5, 1 }), &err));
	g_assert_true(g_str_has_prefix(err->message,
				       "cannot release extent with non-existing DPA range"));
	list_is(s, "0+4");
	g_assert_cmpuint(in_use(s), ==, 2);
}

/* --- sanitizing --- */

static void only_the_range_that_goes_is_zeroed(Static *s, gconstpointer unused)
{
	memset(s->mem.dirty, true, sizeof(s->mem.dirty));
	take(s, 0, FAKE_RANGES({ 0, 8 }));
	g_assert_true(ask_back(s, false, true, FAKE_RANGES({ 2, 2 }), NULL));
	g_assert_true(s->mem.dirty[2]);
	g_assert_cmpint(fake_give_back(s->f.dc, FAKE_RANGES({ 2, 1 })), ==, CXB_RC_SUCCESS);
	for (unsigned i = 0; i < 8; i++)
		g_assert_true(s->mem.dirty[i] == (i != 2));
	g_assert_cmpint(fake_give_back(s->f.dc, FAKE_RANGES({ 0, 2 }, { 3, 5 })), ==,
			CXB_RC_SUCCESS);
	for (unsigned i = 0; i < 8; i++)
		g_assert_true(s->mem.dirty[i] == (i != 2 && i != 3));
}

static void a_range_that_cannot_be_zeroed_is_not_free(Static *s, gconstpointer unused)
{
	memset(s->mem.dirty, true, sizeof(s->mem.dirty));
	take(s, 0, FAKE_RANGES({ 0, 8 }));
	s->mem.sanitizing = FAKE_FAILS;
	g_assert_true(ask_back(s, true, true, FAKE_RANGES({ 2, 2 }), NULL));
	refused(s, 0, 0, FAKE_RANGES({ 3, 1 }),
		"dpa 0x10600000 len 0x200000 is in use: no such luck");
	s->mem.sanitizing = FAKE_DONE;
	add(s, 0, FAKE_RANGES({ 3, 1 }));
	g_assert_true(s->mem.dirty[2]); /* nobody wants it */
	g_assert_false(s->mem.dirty[3]);
}

static void a_range_that_is_being_zeroed_can_be_asked_for_again(Static *s, gconstpointer unused)
{
	const FakeRange over_it = { 1, 2 };
	g_autoptr(GError) err = NULL;

	take(s, 0, FAKE_RANGES({ 0, 8 }));
	s->mem.sanitizing = FAKE_LATER;
	g_assert_true(ask_back(s, true, true, FAKE_RANGES({ 0, 4 }), NULL));
	for (unsigned i = 0; i < 2; i++) {
		g_assert_false(fake_add(s->f.dc, 0, 0, 1, &over_it, &err));
		g_assert_error(err, CXB_ERROR, CXB_ERROR_AGAIN);
		g_assert_cmpstr(err->message, ==,
				"dpa 0x10200000 len 0x400000 is in use: it is being sanitized");
		g_clear_error(&err);
		fake_static_cleaned(&s->mem, 2 - i, true);
	}
	add(s, 0, FAKE_RANGES({ 1, 2 }));
	g_assert_false(fake_add(s->f.dc, 0, 0, FAKE_RANGES({ 0, 1 }), NULL));
}

#define ADD(name) \
	g_test_add("/cxl/dc-static/" #name, Static, NULL, static_set_up, name, static_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(an_extent_shows_its_own_place_with_a_tag_and_without);
	ADD(the_second_regions_bytes_are_behind_the_firsts);
	ADD(what_is_in_use_or_nameless_where_it_is_shared_is_refused);
	g_test_add_func("/cxl/dc-static/size", a_backing_of_another_size_is_refused);
	ADD(parts_are_accepted_and_the_rest_returns);
	ADD(one_range_reaches_over_several_extents);
	ADD(a_tag_is_accepted_whole_here_too);
	ADD(a_bad_list_leaves_the_offer_in_one_piece);
	ADD(an_observer_that_refuses_has_the_parts_grow_together);
	ADD(a_host_cuts_pieces_out_and_reaches_over_several);
	ADD(all_or_nothing_is_given_back);
	g_test_add_func("/cxl/dc-static/limit", cuts_beyond_the_limit_change_nothing);
	g_test_add_func("/cxl/dc-static/meeting", a_place_where_two_ranges_meet_is_cut_once);
	g_test_add_func("/cxl/dc-static/waiting-cuts",
			cuts_that_wait_are_not_counted_below_nothing);
	ADD(a_part_that_is_asked_back_is_an_extent_of_its_own);
	ADD(force_takes_parts_of_what_is_accepted_and_offered);
	ADD(a_request_is_judged_before_anything_is_cut);
	ADD(only_the_range_that_goes_is_zeroed);
	ADD(a_range_that_cannot_be_zeroed_is_not_free);
	ADD(a_range_that_is_being_zeroed_can_be_asked_for_again);
	return g_test_run();
}
