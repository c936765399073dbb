/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which offered capacity the host takes and how it answers. Rules: CXL 3.1 9.13.3, 8.2.9.9.9.3 and
 * .4, Table 8-50, and those of the Linux driver. Answers are written by the fake device as "add"
 * and "release" with ranges in hexadecimal.
 */
#include "host_fixture.h"

#define ADD     WIRE_DC_EVENT_ADD
#define RELEASE WIRE_DC_EVENT_RELEASE
#define FORCED  WIRE_DC_EVENT_FORCED_RELEASE
#define M2      FAKE_2M
#define SECOND  1000ll

static void an_extent_is_accepted_unchanged(Fixture *f, gconstpointer unused)
{
	CxbHostExtent e = { 0 };

	fake_event(f->d, ADD, M2, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 200000+200000\n");
	g_assert_cmpuint(extents(f, &e), ==, 1);
	g_assert_cmpint(e.state, ==, CXB_HOST_EXTENT_ACCEPTED);
	g_assert_cmphex(e.hpa, ==, FAKE_WINDOW + M2);
	g_assert_cmpuint(f->d->log[4]->len, ==, 0);
	g_assert_true(idle(f));
}

static void several_extents_become_one_allocation(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 4 * M2, M2, 1, 0, true);
	drain(f);
	did(f->d, "");
	fake_event(f->d, ADD, 0, 2 * M2, 1, 0, true);
	fake_event(f->d, ADD, 8 * M2, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 800000+200000 0+400000 1000000+200000\n");
	/* Any extent of it asks for all of it. */
	fake_event(f->d, RELEASE, 0, 2 * M2, 1, 0, false);
	drain(f);
	did(f->d, "release 800000+200000\nrelease 0+400000\nrelease 1000000+200000\n");
	g_assert_cmpuint(extents(f, NULL), ==, 0);
	g_assert_true(idle(f));
}

static void a_chain_may_carry_several_tags(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, true);
	fake_event(f->d, ADD, M2, M2, 2, 0, true);
	fake_event(f->d, ADD, 2 * M2, M2, 1, 0, true);
	fake_event(f->d, ADD, 3 * M2, M2, 0, 0, false);
	drain(f);
	did(f->d, "add 0+200000 200000+200000 400000+200000 600000+200000\n");
	fake_event(f->d, RELEASE, M2, M2, 2, 0, false);
	drain(f);
	did(f->d, "release 200000+200000\n");
	g_assert_cmpuint(extents(f, NULL), ==, 3);
}

static void an_open_chain_is_dropped_after_20_seconds(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, true);
	drain(f);
	advance_ms(f, 10 * SECOND);
	fake_event(f->d, ADD, M2, M2, 1, 0, true);
	drain(f);
	advance_ms(f, 10 * SECOND - 1);
	did(f->d, "");
	g_assert_cmpuint(extents(f, NULL), ==, 2);
	advance_ms(f, 1);
	did(f->d, "add\n");
	g_assert_cmpuint(extents(f, NULL), ==, 0);
	g_assert_true(idle(f));
	/* Its extents and tag are free again. */
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 0+200000\n");
}

static void a_misaligned_extent_drops_its_tag_but_not_the_chain(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, true);
	fake_event(f->d, ADD, M2 + M2 / 2, M2, 1, 0, true);
	fake_event(f->d, ADD, 8 * M2, M2, 2, 0, false);
	drain(f);
	did(f->d, "add 1000000+200000\n");
	g_assert_cmpuint(extents(f, NULL), ==, 1);
	fake_event(f->d, ADD, 0, M2 + 4096, 3, 0, false);
	drain(f);
	did(f->d, "add\n");
}

static void overlap_is_refused(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, 2 * M2, 1, 0, false);
	drain(f);
	did(f->d, "add 0+400000\n");
	fake_event(f->d, ADD, M2, 2 * M2, 2, 0, false);
	drain(f);
	did(f->d, "add\n");
	/* Within a chain the first one wins. */
	fake_event(f->d, ADD, 8 * M2, 2 * M2, 3, 0, true);
	fake_event(f->d, ADD, 9 * M2, M2, 4, 0, false);
	drain(f);
	did(f->d, "add 1000000+400000\n");
	g_assert_cmpuint(extents(f, NULL), ==, 2);
}

static void an_extent_that_is_ours_already_is_listed_again(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 0+200000\nadd 0+200000\n");
	g_assert_cmpuint(extents(f, NULL), ==, 1);
	fake_event(f->d, RELEASE, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "release 0+200000\n");
	g_assert_cmpuint(extents(f, NULL), ==, 0);
}

static void a_live_tag_does_not_grow(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	fake_event(f->d, ADD, M2, M2, 1, 0, false);
	fake_event(f->d, ADD, 0, M2, 1, 0, true);
	fake_event(f->d, ADD, M2, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 0+200000\nadd\nadd\n");
	g_assert_cmpuint(extents(f, NULL), ==, 1);
}

static void a_tag_lives_once_on_the_host(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	fake_event(&f->m->dev[1], ADD, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 0+200000\n");
	did(&f->m->dev[1], "add\n");
	fake_event(f->d, RELEASE, 0, M2, 1, 0, false);
	drain(f);
	fake_event(&f->m->dev[1], ADD, 0, M2, 1, 0, false);
	drain(f);
	did(&f->m->dev[1], "add 0+200000\n");
}

static void two_regions(Fixture *f)
{
	f->d->n_regions = 2;
	f->d->region[1] = f->d->region[0];
	f->d->region[1].base = le64_put(4 * FAKE_256M);
}

static void an_allocation_lies_in_one_region(Fixture *f, gconstpointer unused)
{
	two_regions(f);
	fixture_boot(f);
	fake_event(f->d, ADD, 0, M2, 1, 0, true);
	fake_event(f->d, ADD, 4 * FAKE_256M, M2, 1, 0, false);
	drain(f);
	did(f->d, "add\n");
	/* Untagged extents belong to nobody: each for itself. */
	fake_event(f->d, ADD, 0, M2, 0, 0, true);
	fake_event(f->d, ADD, 4 * FAKE_256M, M2, 0, 0, false);
	drain(f);
	did(f->d, "add 0+200000 40000000+200000\n");
}

static void capacity_of_an_unmapped_region_is_refused(Fixture *f, gconstpointer unused)
{
	two_regions(f);
	f->d->region[1].decode_len = le64_put(1000);
	fixture_boot(f);
	assert_said(f, "region 1 not mapped: it does not fit the window");
	fake_event(f->d, ADD, 4 * FAKE_256M, M2, 1, 0, false);
	drain(f);
	did(f->d, "add\n");
	assert_said(f, "its region is not mapped");
}

static void ranges_outside_every_region_are_refused(Fixture *f, gconstpointer unused)
{
	const struct {
		uint64_t dpa, len;
	} bad[] = {
		{ 4 * FAKE_256M, M2 },
		{ 4 * FAKE_256M - M2, 2 * M2 },
		{ 0, 0 },
		{ M2, UINT64_MAX },
		{ UINT64_MAX, M2 },
		{ UINT64_MAX - M2 + 1, M2 },
		{ 0, UINT64_MAX },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		fake_event(f->d, ADD, bad[i].dpa, bad[i].len, i & 1, 0, false);
		drain(f);
		did(f->d, "add\n");
		g_assert_cmpuint(extents(f, NULL), ==, 0);
	}
}

static void sequence_numbers_do_not_matter_where_nothing_is_shared(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 7, true);
	fake_event(f->d, ADD, M2, M2, 1, 7, false);
	drain(f);
	did(f->d, "add 0+200000 200000+200000\n");
}

static void a_long_answer_goes_out_in_parts(Fixture *f, gconstpointer unused)
{
	/* (512 - 8) / 24 = 21 entries a command. */
	for (unsigned i = 0; i < 43; i++)
		fake_event(f->d, ADD, M2 * i, M2, 1, 0, i < 42);
	drain(f);
	g_assert_cmpuint(extents(f, NULL), ==, 43);
	{
		g_auto(GStrv) lines = g_strsplit(f->d->did->str, "\n", -1);

		g_assert_cmpuint(g_strv_length(lines), ==, 4);
		g_assert_true(g_str_has_suffix(lines[0], "2800000+200000 more"));
		g_assert_true(g_str_has_suffix(lines[1], "5200000+200000 more"));
		g_assert_cmpstr(lines[2], ==, "add 5400000+200000");
	}
	for (unsigned i = f->d->opcodes->len - 1, seen = 0; seen < 3; i--) {
		/* Nothing in between, or the device forgets the first part. */
		if (g_array_index(f->d->opcodes, uint16_t, i) == 0x4802)
			seen++;
		else
			g_assert_cmpuint(seen, ==, 0);
	}
}

static void a_refused_answer_leaves_nothing_behind(Fixture *f, gconstpointer unused)
{
	f->d->fail_op = 0x4802;
	f->d->fail_rc = 0x1d;
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	assert_said(f, "Resources exhausted");
	g_assert_cmpuint(extents(f, NULL), ==, 0);
	f->d->fail_op = 0;
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 0+200000\n");
	g_assert_cmpuint(extents(f, NULL), ==, 1);
}

/* --- release --- */

static void what_we_do_not_have_is_given_back(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, RELEASE, 16 * M2, 2 * M2, 9, 0, false);
	drain(f);
	did(f->d, "release 2000000+400000\n");
	fake_event(f->d, RELEASE, 16 * M2, 0, 9, 0, false);
	drain(f);
	did(f->d, "");
}

static void each_record_of_a_release_is_answered_once(Fixture *f, gconstpointer unused)
{
	for (unsigned i = 0; i < 8; i++)
		fake_event(f->d, ADD, M2 * i, M2, 1, 0, i < 7);
	drain(f);
	g_string_truncate(f->d->did, 0);
	/* Only three records come with one Get Event Records. */
	for (unsigned i = 0; i < 8; i++)
		fake_event(f->d, RELEASE, M2 * i, M2, 1, 0, i < 7);
	drain(f);
	did(f->d, "release 0+200000\nrelease 200000+200000\nrelease 400000+200000\n"
		  "release 600000+200000\nrelease 800000+200000\nrelease a00000+200000\n"
		  "release c00000+200000\nrelease e00000+200000\n");
}

static void a_release_by_another_tag_is_ignored(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	fake_event(f->d, RELEASE, 0, M2, 2, 0, false);
	drain(f);
	did(f->d, "add 0+200000\n");
	g_assert_cmpuint(extents(f, NULL), ==, 1);
}

static void a_release_without_tag_names_what_lies_there(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	fake_event(f->d, ADD, M2, M2, 0, 0, false);
	drain(f);
	g_string_truncate(f->d->did, 0);
	fake_event(f->d, RELEASE, 0, 2 * M2, 0, 0, false);
	drain(f);
	did(f->d, "release 0+200000\nrelease 200000+200000\n");
	g_assert_cmpuint(extents(f, NULL), ==, 0);
}

static void a_failed_release_is_tried_again_when_asked(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 0+200000\n");
	f->d->fail_op = 0x4803;
	f->d->fail_rc = 6;
	fake_event(f->d, RELEASE, 0, M2, 1, 0, false);
	drain(f);
	g_assert_cmpuint(extents(f, NULL), ==, 1);
	f->d->fail_op = 0;
	fake_event(f->d, RELEASE, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "release 0+200000\n");
	g_assert_cmpuint(extents(f, NULL), ==, 0);
}

static void forced_release_drops_without_an_answer(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, true);
	fake_event(f->d, ADD, M2, M2, 1, 0, false);
	drain(f);
	g_string_truncate(f->d->did, 0);
	fake_event(f->d, FORCED, 0, M2, 1, 0, true);
	fake_event(f->d, FORCED, M2, M2, 1, 0, false);
	drain(f);
	did(f->d, "");
	g_assert_cmpuint(extents(f, NULL), ==, 0);
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 0+200000\n");
}

static void a_withdrawn_offer_is_not_answered(Fixture *f, gconstpointer unused)
{
	f->config.accept = CXB_HOST_ASK;
	fixture_boot(f);
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	fake_event(f->d, ADD, M2, M2, 2, 0, false);
	fake_event(f->d, FORCED, 0, M2, 1, 0, false);
	drain(f);
	g_assert_true(cxb_host_respond(f->host, -1, &(CxbUuid){ { 2 } }, true, NULL));
	drain(f);
	did(f->d, "add 200000+200000\n");
	/* So is one whose chain is still open. */
	fake_event(f->d, ADD, 4 * M2, M2, 3, 0, true);
	fake_event(f->d, FORCED, 4 * M2, M2, 3, 0, false);
	drain(f);
	did(f->d, "");
	g_assert_true(idle(f));
}

/* --- policies --- */

static void reject_answers_with_an_empty_list(Fixture *f, gconstpointer unused)
{
	f->config.accept = CXB_HOST_REJECT;
	fixture_boot(f);
	fake_event(f->d, ADD, 0, M2, 1, 0, true);
	fake_event(f->d, ADD, M2, M2, 1, 0, false);
	drain(f);
	did(f->d, "add\n");
}

static void ignore_stays_silent(Fixture *f, gconstpointer unused)
{
	f->config.accept = CXB_HOST_IGNORE;
	f->config.release = CXB_HOST_IGNORE;
	fixture_boot(f);
	fake_event(f->d, ADD, 0, M2, 1, 0, true);
	fake_event(f->d, RELEASE, M2, M2, 1, 0, false);
	drain(f);
	did(f->d, "");
	g_assert_true(idle(f));
	g_assert_cmpuint(f->d->log[4]->len, ==, 0);
}

static void ask_waits_and_answers_in_order(Fixture *f, gconstpointer unused)
{
	const CxbUuid one = fake_tag(1), two = fake_tag(2), none = fake_tag(0);

	f->config.accept = CXB_HOST_ASK;
	fixture_boot(f);
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	fake_event(f->d, ADD, M2, M2, 2, 0, true);
	fake_event(f->d, ADD, 2 * M2, M2, 0, 0, false);
	drain(f);
	did(f->d, "");
	g_assert_true(idle(f));
	/* The device takes the first answer for its oldest offer. */
	g_assert_true(cxb_host_respond(f->host, 0, &two, true, NULL));
	g_assert_true(cxb_host_respond(f->host, -1, &none, false, NULL));
	drain(f);
	did(f->d, "");
	g_assert_false(cxb_host_respond(f->host, 1, &one, false, NULL));
	g_assert_true(cxb_host_respond(f->host, 0, &one, false, NULL));
	drain(f);
	did(f->d, "add\nadd 200000+200000\n");
	g_assert_false(cxb_host_respond(f->host, -1, &one, true, NULL));
	g_assert_false(cxb_host_respond(f->host, -1, &two, true, NULL));
	g_assert_false(cxb_host_respond(f->host, -1, &none, true, NULL));
}

static void ask_may_keep_or_give_back(Fixture *f, gconstpointer unused)
{
	const CxbUuid one = fake_tag(1);
	CxbHostExtent e = { 0 };

	f->config.release = CXB_HOST_ASK;
	fixture_boot(f);
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	fake_event(f->d, RELEASE, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 0+200000\n");
	g_assert_true(cxb_host_respond(f->host, -1, &one, false, NULL));
	drain(f);
	extents(f, &e);
	g_assert_cmpint(e.state, ==, CXB_HOST_EXTENT_ACCEPTED);
	fake_event(f->d, RELEASE, 0, M2, 1, 0, false);
	drain(f);
	g_assert_true(cxb_host_respond(f->host, -1, &one, true, NULL));
	drain(f);
	did(f->d, "release 0+200000\n");
}

static void policies_have_names(void)
{
	CxbHostPolicy p = CXB_HOST_ALL;

	g_assert_true(cxb_host_policy_parse("ask", &p));
	g_assert_cmpint(p, ==, CXB_HOST_ASK);
	g_assert_true(cxb_host_policy_parse("reject", &p));
	g_assert_true(cxb_host_policy_parse("ignore", &p));
	g_assert_true(cxb_host_policy_parse("all", &p));
	g_assert_false(cxb_host_policy_parse("", &p));
	g_assert_false(cxb_host_policy_parse("All", &p));
}

/* --- reset and size --- */

static void reset_takes_over_what_the_device_lists(Fixture *f, gconstpointer unused)
{
	CxbHostExtent e = { 0 };

	f->d->most_extents = 2;
	for (unsigned i = 0; i < 5; i++) {
		struct wire_dc_extent x = { .dpa = le64_put(M2 * (4 - i)),
					    .length = le64_put(M2),
					    .tag = fake_tag(1),
					    .seq = le16_put(i) };

		g_array_append_val(f->d->accepted, x);
	}
	fake_machine_reset(f->m);
	cxb_host_reset(f->host);
	drain(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_cmpuint(extents(f, &e), ==, 5);
	g_assert_cmpuint(e.seq, ==, 4);
	g_assert_cmpint(e.state, ==, CXB_HOST_EXTENT_ACCEPTED);
	fake_event(f->d, RELEASE, 0, M2, 1, 0, false);
	drain(f);
	g_assert_cmpuint(extents(f, NULL), ==, 0);
}

static void reset_in_the_middle_of_everything_is_clean(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	fake_event(f->d, ADD, M2, M2, 2, 0, true);
	drain(f);
	f->d->hold = true;
	fake_event(f->d, RELEASE, 0, M2, 1, 0, false);
	drain(f);
	cxb_host_reset(f->host);
	f->d->hold = false;
	fake_machine_reset(f->m);
	drain(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_true(idle(f));
}

static void offers_in_the_log_at_boot_are_taken(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, true);
	fake_event(f->d, ADD, M2, M2, 1, 0, false);
	fixture_boot(f);
	did(f->d, "add 0+200000 200000+200000\n");
}

/* Accesses, not time: 4,000 live tags cost what 10 do. */
static void many_live_tags_cost_no_more(Fixture *f, gconstpointer unused)
{
	uint64_t before, few;

	f->d->region[0].decode_len = le64_put(32);
	f->d->region[0].length = le64_put(32 * FAKE_256M);
	fixture_boot(f);
	before = f->m->reads + f->m->writes;
	fake_event(f->d, ADD, 0, M2, 5000, 0, false);
	drain(f);
	few = f->m->reads + f->m->writes - before;
	for (unsigned i = 1; i < 4000; i++) {
		fake_event(f->d, ADD, M2 * i, M2, i, 0, false);
		drain(f);
	}
	g_assert_cmpuint(extents(f, NULL), ==, 4000);
	before = f->m->reads + f->m->writes;
	fake_event(f->d, ADD, M2 * 4000, M2, 6000, 0, false);
	drain(f);
	g_assert_cmpuint(f->m->reads + f->m->writes - before, ==, few);
}

static void events_are_kept_in_a_ring(Fixture *f, gconstpointer unused)
{
	g_autoptr(GArray) all = NULL;
	const CxbHostEvent *e;

	for (unsigned i = 0; i < 300; i++)
		fake_event(f->d, ADD, M2 * i, M2, 0, i, false);
	drain(f);
	all = cxb_host_events(f->host);
	g_assert_cmpuint(all->len, ==, 256);
	e = &g_array_index(all, CxbHostEvent, 255);
	g_assert_cmpuint(e->seq, ==, 299);
	g_assert_cmpuint(e->log, ==, 4);
	g_assert_cmphex(e->dpa, ==, M2 * 299);
}

#define BOOTED(path, fn) g_test_add("/host/dc/" path, Fixture, NULL, set_up_booted, fn, tear_down)
#define PLAIN(path, fn)  g_test_add("/host/dc/" path, Fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	BOOTED("accept", an_extent_is_accepted_unchanged);
	BOOTED("group", several_extents_become_one_allocation);
	BOOTED("tags", a_chain_may_carry_several_tags);
	BOOTED("open-chain", an_open_chain_is_dropped_after_20_seconds);
	BOOTED("misaligned", a_misaligned_extent_drops_its_tag_but_not_the_chain);
	BOOTED("overlap", overlap_is_refused);
	BOOTED("again", an_extent_that_is_ours_already_is_listed_again);
	BOOTED("grow", a_live_tag_does_not_grow);
	g_test_add("/host/dc/unique", Fixture, NULL, set_up_two, a_tag_lives_once_on_the_host,
		   tear_down);
	PLAIN("one-region", an_allocation_lies_in_one_region);
	PLAIN("unmapped", capacity_of_an_unmapped_region_is_refused);
	BOOTED("outside", ranges_outside_every_region_are_refused);
	BOOTED("sequence", sequence_numbers_do_not_matter_where_nothing_is_shared);
	BOOTED("long", a_long_answer_goes_out_in_parts);
	BOOTED("refused", a_refused_answer_leaves_nothing_behind);
	BOOTED("untracked", what_we_do_not_have_is_given_back);
	BOOTED("release-group", each_record_of_a_release_is_answered_once);
	BOOTED("release-other", a_release_by_another_tag_is_ignored);
	BOOTED("release-untagged", a_release_without_tag_names_what_lies_there);
	BOOTED("release-fails", a_failed_release_is_tried_again_when_asked);
	BOOTED("forced", forced_release_drops_without_an_answer);
	PLAIN("withdrawn", a_withdrawn_offer_is_not_answered);
	PLAIN("reject", reject_answers_with_an_empty_list);
	PLAIN("ignore", ignore_stays_silent);
	PLAIN("ask", ask_waits_and_answers_in_order);
	PLAIN("ask-release", ask_may_keep_or_give_back);
	g_test_add_func("/host/dc/policies", policies_have_names);
	BOOTED("reset", reset_takes_over_what_the_device_lists);
	BOOTED("reset-busy", reset_in_the_middle_of_everything_is_clean);
	PLAIN("boot", offers_in_the_log_at_boot_are_taken);
	PLAIN("many", many_live_tags_cost_no_more);
	BOOTED("ring", events_are_kept_in_a_ring);
	return g_test_run();
}
