/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving dynamic capacity back: by the host (CXL 3.1 8.2.9.9.9.4), asked for and by force (9.13.3
 * and the table in the design; wording of errors: QEMU's cxl-release-dynamic-capacity).
 */
#include "dc_fixture.h"

static bool by_range(Fixture *f, unsigned tag, bool forced, size_t n, const FakeRange *r,
		     GError **errp)
{
	g_autofree CxbDcRange *ranges = g_new(CxbDcRange, n);

	for (size_t i = 0; i < n; i++)
		ranges[i] = (CxbDcRange){ r[i].at * FAKE_BLOCK, r[i].n * FAKE_BLOCK };
	return cxb_dc_release(f->dc,
			      &(CxbDcReleaseReq){ .policy = CXB_DC_REMOVE_PRESCRIPTIVE,
						  .forced = forced,
						  .tag = tag ? fake_tag(tag) : (CxbUuid){ { 0 } },
						  .n = n,
						  .ranges = ranges },
			      errp);
}

static void fails_with(bool ok, GError **err, const char *text)
{
	g_assert_false(ok);
	if (!g_str_has_prefix((*err)->message, text))
		g_error("\"%s\" does not begin with \"%s\"", (*err)->message, text);
	g_clear_error(err);
}

/* --- by the host --- */

static void a_host_may_give_back_unasked(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = accepted(f, 1, FAKE_RANGES({ 0, 1 }, { 4, 2 }));

	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 0, 1 }, { 4, 2 })), ==, CXB_RC_SUCCESS);
	saw(f, "prepare release 2;commit release 2;");
	g_assert_null(b->holder);
	g_assert_false(b->mapped);
	g_assert_cmpuint(b->sanitized, ==, 0);
	g_assert_cmpint(fake_status(f->dc, 1), ==, CXB_DC_STATUS_NOT_FOUND);
	g_assert_true(fake_add(f->dc, 1, 0, FAKE_RANGES({ 0, 3 }), NULL));
}

static void extents_go_one_by_one_and_the_backing_with_the_last(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = accepted(f, 1, FAKE_RANGES({ 0, 1 }, { 4, 1 }, { 8, 1 }));
	const CxbUuid tag = fake_tag(1);
	CxbDcStatus status;
	uint64_t bytes;
	size_t n;

	g_assert_true(fake_ask_back(f->dc, 1, false, false, NULL));
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 4, 1 })), ==, CXB_RC_SUCCESS);
	g_assert_true(b->holder && b->mapped);
	g_assert_true(cxb_dc_status(f->dc, 0, 0, &tag, &status, &n, &bytes, NULL));
	g_assert_cmpint(status, ==, CXB_DC_STATUS_RELEASING);
	g_assert_cmpuint(n, ==, 2);
	g_assert_cmpuint(bytes, ==, 2 * FAKE_BLOCK);
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_SUCCESS);
	g_assert_true(b->holder && b->mapped);
	/* While one extent is left the tag is live. */
	g_assert_false(fake_add(f->dc, 1, 0, FAKE_RANGES({ 20, 3 }), NULL));
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 8, 1 })), ==, CXB_RC_SUCCESS);
	g_assert_null(b->holder);
	g_assert_cmpuint(b->released, ==, 1);
}

static void adjoining_extents_may_go_in_one_range(Fixture *f, gconstpointer unused)
{
	accepted(f, 1, FAKE_RANGES({ 2, 1 }, { 3, 2 }));
	accepted(f, 2, FAKE_RANGES({ 5, 1 }));
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 2, 4 })), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(cxb_dc_accepted_count(f->dc, 0), ==, 0);
}

static void cutting_an_extent_is_refused_and_nothing_changes(Fixture *f, gconstpointer unused)
{
	accepted(f, 1, FAKE_RANGES({ 0, 4 }, { 8, 1 }));
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_INVALID_PA);
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 3, 1 })), ==, CXB_RC_INVALID_PA);
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 1, 2 })), ==, CXB_RC_INVALID_PA);
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 0, 5 })), ==, CXB_RC_INVALID_PA);
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 8, 1 }, { 0, 2 })), ==,
			CXB_RC_INVALID_PA);
	saw(f, "");
	g_assert_cmpuint(cxb_dc_accepted_count(f->dc, 0), ==, 2);
}

static void an_empty_release_is_invalid_input(Fixture *f, gconstpointer unused)
{
	accepted(f, 1, FAKE_RANGES({ 0, 1 }));
	g_assert_cmpint(fake_give_back(f->dc, 0, NULL), ==, CXB_RC_INVALID_INPUT);
	g_assert_cmpint(fake_update_more(f->dc, cxb_dc_host_release, true, 0, NULL), ==,
			CXB_RC_INVALID_INPUT);
}

static void what_is_only_offered_is_not_given_back(Fixture *f, gconstpointer unused)
{
	offered(f, 1, FAKE_RANGES({ 0, 1 }));
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_INVALID_PA);
	g_assert_cmpuint(cxb_dc_groups(f->dc, 0), ==, 1);
}

/* --- asked for --- */

static void asking_back_covers_the_whole_tag(Fixture *f, gconstpointer unused)
{
	accepted(f, 1, FAKE_RANGES({ 0, 1 }, { 4, 2 }));
	accepted(f, 2, FAKE_RANGES({ 8, 1 }));
	g_assert_true(by_range(f, 0, false, FAKE_RANGES({ 4, 2 }), NULL));
	saw(f, "prepare request 2;commit request 2;");
	g_assert_cmpint(fake_status(f->dc, 1), ==, CXB_DC_STATUS_RELEASING);
	g_assert_cmpint(fake_status(f->dc, 2), ==, CXB_DC_STATUS_COMMITTED);
	g_assert_cmpint(cxb_dc_find(f->dc, 0, FAKE_BASE)->state, ==, CXB_DC_RELEASING);
	g_assert_cmpuint(cxb_dc_accepted_count(f->dc, 0), ==, 3);
	/* Several tags in one request, each once. */
	g_assert_true(by_range(f, 0, false, FAKE_RANGES({ 8, 1 }, { 0, 1 }, { 4, 2 }), NULL));
	saw(f, "prepare request 3;commit request 3;");
}

static void asking_by_tag_needs_no_ranges(Fixture *f, gconstpointer unused)
{
	accepted(f, 1, FAKE_RANGES({ 0, 1 }, { 4, 2 }));
	g_assert_true(fake_ask_back(f->dc, 1, false, false, NULL));
	saw(f, "prepare request 2;commit request 2;");
}

static void asking_by_tag_may_name_extents_of_it(Fixture *f, gconstpointer unused)
{
	CxbDcRange range = { 0, FAKE_BLOCK };
	CxbDcReleaseReq req = {
		.policy = CXB_DC_REMOVE_TAG_BASED, .tag = fake_tag(1), .n = 1, .ranges = &range
	};
	g_autoptr(GError) err = NULL;

	accepted(f, 1, FAKE_RANGES({ 0, 1 }, { 4, 2 }));
	accepted(f, 2, FAKE_RANGES({ 8, 1 }));
	g_assert_true(cxb_dc_release(f->dc, &req, NULL));
	range.offset = 4 * FAKE_BLOCK;
	fails_with(cxb_dc_release(f->dc, &req, &err), &err, "cannot release part of an extent");
	range.offset = 8 * FAKE_BLOCK;
	fails_with(cxb_dc_release(f->dc, &req, &err), &err, "tag does not match the extent's");
}

/* A host that could not let go stays silent and expects to be asked again. */
static void asking_again_announces_again(Fixture *f, gconstpointer unused)
{
	accepted(f, 1, FAKE_RANGES({ 0, 1 }, { 4, 1 }));
	accepted(f, 2, FAKE_RANGES({ 8, 1 }));
	g_assert_true(fake_ask_back(f->dc, 1, false, false, NULL));
	g_assert_true(fake_ask_back(f->dc, 2, false, false, NULL));
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 4, 1 })), ==, CXB_RC_SUCCESS);
	forget(f);
	g_assert_true(fake_ask_back(f->dc, 1, false, false, NULL));
	saw(f, "prepare request 1;commit request 1;");
	g_assert_cmpint(fake_status(f->dc, 1), ==, CXB_DC_STATUS_RELEASING);
	cxb_dc_reset_head(f->dc, 0); /* two requests are open, not three */
	saw(f,
	    "prepare reannounce 1;commit reannounce 1;prepare reannounce 1;commit reannounce 1;");
}

static void what_cannot_be_asked_back_is_an_error(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) err = NULL;
	CxbDcReleaseReq req = { .host_id = 1, .policy = CXB_DC_REMOVE_TAG_BASED };

	accepted(f, 1, FAKE_RANGES({ 0, 4 }));
	offered(f, 2, FAKE_RANGES({ 8, 1 }));
	forget(f);
	fails_with(fake_ask_back(f->dc, 3, false, false, &err), &err,
		   "cannot release extent with non-existing DPA range");
	fails_with(fake_ask_back(f->dc, 2, false, false, &err), &err,
		   "cannot release extent with pending DPA range");
	fails_with(by_range(f, 0, false, FAKE_RANGES({ 8, 1 }), &err), &err,
		   "cannot release extent with pending DPA range");
	fails_with(by_range(f, 0, false, FAKE_RANGES({ 20, 1 }), &err), &err,
		   "cannot release extent with non-existing DPA range");
	fails_with(by_range(f, 0, false, FAKE_RANGES({ 0, 5 }), &err), &err,
		   "cannot release extent with non-existing DPA range");
	fails_with(by_range(f, 0, false, FAKE_RANGES({ 0, 2 }), &err), &err,
		   "cannot release part of an extent");
	fails_with(by_range(f, 0, false, FAKE_RANGES({ 1, 3 }), &err), &err,
		   "cannot release part of an extent");
	fails_with(by_range(f, 9, false, FAKE_RANGES({ 0, 4 }), &err), &err,
		   "tag does not match the extent's");
	fails_with(by_range(f, 0, false, FAKE_RANGES({ 0, 0 }), &err), &err,
		   "extent with 0 length is not allowed");
	fails_with(by_range(f, 0, false, FAKE_RANGES({ 127, 2 }), &err), &err,
		   "extent range is beyond the region end");
	fails_with(by_range(f, 0, false, FAKE_RANGES({ 0, 4 }, { 0, 4 }), &err), &err,
		   "duplicate or overlapped extents are detected");
	fails_with(by_range(f, 1, false, 0, NULL, &err), &err, "extent list is empty");
	fails_with(cxb_dc_release(f->dc, &req, &err), &err, "host id 1 is not known");
	req.host_id = 0;
	fails_with(cxb_dc_release(f->dc, &req, &err), &err, "tag-based removal needs a tag");
	req.tag = fake_tag(1);
	req.region = 1;
	fails_with(cxb_dc_release(f->dc, &req, &err), &err,
		   "cannot release extent with non-existing DPA range");
	req.region = 2;
	fails_with(cxb_dc_release(f->dc, &req, &err), &err, "region id is too large");
	req.policy = 7;
	fails_with(cxb_dc_release(f->dc, &req, &err), &err, "Removal policy not supported");
	saw(f, "");
	g_assert_cmpint(fake_status(f->dc, 1), ==, CXB_DC_STATUS_COMMITTED);
	g_assert_cmpint(fake_status(f->dc, 2), ==, CXB_DC_STATUS_PENDING);
}

static void a_matching_tag_may_be_given_with_ranges(Fixture *f, gconstpointer unused)
{
	accepted(f, 1, FAKE_RANGES({ 0, 4 }));
	g_assert_true(by_range(f, 1, false, FAKE_RANGES({ 0, 4 }), NULL));
}

/* --- by force --- */

static void force_takes_accepted_extents_at_once(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = accepted(f, 1, FAKE_RANGES({ 0, 1 }, { 4, 1 }));

	g_assert_true(fake_ask_back(f->dc, 1, true, false, NULL));
	saw(f, "prepare forced 2;commit forced 2;");
	g_assert_null(b->holder);
	g_assert_cmpuint(cxb_dc_accepted_count(f->dc, 0), ==, 0);
	g_assert_null(cxb_dc_find(f->dc, 0, FAKE_BASE));
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_INVALID_PA);
}

static void force_takes_what_was_asked_back(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = accepted(f, 1, FAKE_RANGES({ 0, 1 }, { 4, 1 }));

	g_assert_true(fake_ask_back(f->dc, 1, false, false, NULL));
	g_assert_true(by_range(f, 0, true, FAKE_RANGES({ 4, 1 }), NULL));
	g_assert_null(b->holder);
	forget(f);
	cxb_dc_reset_head(f->dc, 0);
	saw(f, "");
}

static void force_withdraws_an_offer(Fixture *f, gconstpointer unused)
{
	FakeBacking *b;

	offered(f, 1, FAKE_RANGES({ 0, 1 }));
	b = offered(f, 2, FAKE_RANGES({ 4, 1 }, { 6, 1 }));
	offered(f, 3, FAKE_RANGES({ 8, 1 }));
	forget(f);
	g_assert_true(fake_ask_back(f->dc, 2, true, false, NULL));
	saw(f, "prepare forced 2;commit forced 2;");
	g_assert_null(b->holder);
	g_assert_cmpuint(cxb_dc_groups(f->dc, 0), ==, 2);
	g_assert_cmpuint(cxb_dc_generation(f->dc, 0), ==, 0);
	g_assert_cmpint(fake_respond(f->dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_SUCCESS);
	g_assert_cmpint(fake_respond(f->dc, FAKE_RANGES({ 4, 1 }, { 6, 1 })), ==,
			CXB_RC_INVALID_PA);
	g_assert_cmpint(fake_respond(f->dc, FAKE_RANGES({ 8, 1 })), ==, CXB_RC_SUCCESS);
}

/* --- sanitizing --- */

static void sanitizing_waits_for_the_last_extent(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = accepted(f, 1, FAKE_RANGES({ 0, 1 }, { 4, 1 }));

	b->dirty = true;
	g_assert_true(fake_ask_back(f->dc, 1, false, true, NULL));
	/* Whatever happens in between: asked again without, a reset, one extent at a time. */
	g_assert_true(fake_ask_back(f->dc, 1, false, false, NULL));
	cxb_dc_reset_head(f->dc, 0);
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 4, 1 })), ==, CXB_RC_SUCCESS);
	g_assert_true(b->dirty);
	g_assert_true(fake_ask_back(f->dc, 1, true, false, NULL));
	g_assert_false(b->dirty);
	g_assert_null(b->holder);
	g_assert_cmpuint(b->sanitized, ==, 1);
}

static void force_sanitizes_at_once(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = accepted(f, 1, FAKE_RANGES({ 0, 1 }));
	FakeBacking *c = offered(f, 2, FAKE_RANGES({ 4, 1 }));

	g_assert_true(fake_ask_back(f->dc, 1, true, true, NULL));
	g_assert_true(fake_ask_back(f->dc, 2, true, true, NULL));
	g_assert_cmpuint(b->sanitized, ==, 1);
	g_assert_cmpuint(c->sanitized, ==, 1);
}

static void a_refused_request_leaves_no_sanitizing_behind(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = accepted(f, 1, FAKE_RANGES({ 0, 1 }));

	f->observer.kind = CXB_DC_OP_REQUEST_RELEASE;
	f->observer.refuse = true;
	g_assert_false(fake_ask_back(f->dc, 1, false, true, NULL));
	g_assert_cmpint(fake_status(f->dc, 1), ==, CXB_DC_STATUS_COMMITTED);
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(b->sanitized, ==, 0);
}

static void a_region_may_sanitize_every_release(void)
{
	Fixture f = { .pool = fake_pool_new() };
	CxbDcConfig c = fake_config(f.pool);
	FakeBacking *b, *rejected;

	c.regions[0].sanitize_on_release = true;
	fixture_begin(&f, &c);
	b = accepted(&f, 1, FAKE_RANGES({ 0, 1 }));
	rejected = offered(&f, 2, FAKE_RANGES({ 4, 1 }));
	g_assert_cmpint(fake_give_back(f.dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(b->sanitized, ==, 1);
	/* What no host has had keeps its contents. */
	g_assert_cmpint(fake_respond(f.dc, 0, NULL), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(rejected->sanitized, ==, 0);
	tear_down(&f, NULL);
}

static void a_backing_that_cannot_be_sanitized_stays_held(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = accepted(f, 1, FAKE_RANGES({ 0, 1 }));
	g_autoptr(GError) err = NULL;

	b->sanitizing = FAKE_FAILS;
	g_assert_true(fake_ask_back(f->dc, 1, true, true, NULL));
	g_assert_nonnull(b->holder);
	fails_with(fake_add(f->dc, 1, 0, FAKE_RANGES({ 0, 1 }), &err), &err,
		   "memory backend mem1 is already mapped and cannot be reused: no such luck");
	b->sanitizing = FAKE_DONE;
	g_assert_true(fake_add(f->dc, 1, 0, FAKE_RANGES({ 0, 1 }), NULL));
	g_assert_cmpuint(b->sanitized, ==, 1);
}

/* The extents have gone meanwhile, and all else goes on. */
static void a_backing_that_is_being_sanitized_can_be_asked_for_again(Fixture *f, gconstpointer u)
{
	FakeBacking *b = accepted(f, 1, FAKE_RANGES({ 0, 1 }));
	g_autoptr(GError) err = NULL;

	b->sanitizing = FAKE_LATER;
	g_assert_true(fake_ask_back(f->dc, 1, false, true, NULL));
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_SUCCESS);
	g_assert_cmpint(fake_status(f->dc, 1), ==, CXB_DC_STATUS_NOT_FOUND);
	g_assert_false(fake_ask_back(f->dc, 1, true, true, NULL));
	for (unsigned i = 0; i < 2; i++) {
		g_assert_false(fake_add(f->dc, 1, 0, FAKE_RANGES({ 4, 1 }), &err));
		g_assert_error(err, CXB_ERROR, CXB_ERROR_AGAIN);
		g_assert_cmpstr(err->message, ==,
				"memory backend mem1 is already mapped and cannot be reused: "
				"it is being sanitized");
		g_clear_error(&err);
		cxb_dc_reset_head(f->dc, 0);
	}
	accepted(f, 2, FAKE_RANGES({ 0, 1 })); /* where it was */
	fake_cleaned(b, true);
	g_assert_null(b->holder);
	g_assert_true(fake_add(f->dc, 1, 0, FAKE_RANGES({ 4, 1 }), NULL));
	g_assert_cmpstr(b->holder, ==, "cxl-vmem0");
}

static void a_device_may_go_while_its_backing_is_sanitized(Fixture *f, gconstpointer unused)
{
	FakeBacking *b = accepted(f, 1, FAKE_RANGES({ 0, 1 }));

	b->sanitizing = FAKE_LATER;
	g_assert_true(fake_ask_back(f->dc, 1, true, true, NULL));
	cxb_dc_free(f->dc);
	f->dc = NULL;
	g_assert_nonnull(b->holder);
	fake_cleaned(b, true);
	g_assert_null(b->holder);
}

static void a_device_that_goes_sanitizes_what_was_asked_for(void)
{
	Fixture f = { .pool = fake_pool_new() };
	CxbDcConfig c = fake_config(f.pool);
	FakeBacking *asked, *kept;

	fixture_begin(&f, &c);
	asked = accepted(&f, 1, FAKE_RANGES({ 0, 1 }, { 2, 1 }));
	kept = accepted(&f, 2, FAKE_RANGES({ 4, 1 }));
	g_assert_true(fake_ask_back(f.dc, 1, false, true, NULL));
	cxb_dc_free(f.dc);
	f.dc = NULL;
	g_assert_cmpuint(asked->sanitized, ==, 1);
	g_assert_cmpuint(kept->sanitized, ==, 0);
	g_assert_true(!asked->holder && !kept->holder && !asked->mapped && !kept->mapped);
	tear_down(&f, NULL);
}

#define RULE(name)  g_test_add("/cxl/dc-release/" #name, Fixture, NULL, set_up, name, tear_down)
#define ALONE(name) g_test_add_func("/cxl/dc-release/" #name, name)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	RULE(a_host_may_give_back_unasked);
	RULE(extents_go_one_by_one_and_the_backing_with_the_last);
	RULE(adjoining_extents_may_go_in_one_range);
	RULE(cutting_an_extent_is_refused_and_nothing_changes);
	RULE(an_empty_release_is_invalid_input);
	RULE(what_is_only_offered_is_not_given_back);
	RULE(asking_back_covers_the_whole_tag);
	RULE(asking_by_tag_needs_no_ranges);
	RULE(asking_by_tag_may_name_extents_of_it);
	RULE(asking_again_announces_again);
	RULE(what_cannot_be_asked_back_is_an_error);
	RULE(a_matching_tag_may_be_given_with_ranges);
	RULE(force_takes_accepted_extents_at_once);
	RULE(force_takes_what_was_asked_back);
	RULE(force_withdraws_an_offer);
	RULE(sanitizing_waits_for_the_last_extent);
	RULE(force_sanitizes_at_once);
	RULE(a_refused_request_leaves_no_sanitizing_behind);
	ALONE(a_region_may_sanitize_every_release);
	RULE(a_backing_that_cannot_be_sanitized_stays_held);
	RULE(a_backing_that_is_being_sanitized_can_be_asked_for_again);
	RULE(a_device_may_go_while_its_backing_is_sanitized);
	ALONE(a_device_that_goes_sanitizes_what_was_asked_for);
	return g_test_run();
}
