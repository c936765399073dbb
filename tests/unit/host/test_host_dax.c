/* SPDX-License-Identifier: Apache-2.0 */
/* Accepted allocations as DAX devices: what they are made of, and what holding one does. */
#include "host_fixture.h"

#define ADD     WIRE_DC_EVENT_ADD
#define RELEASE WIRE_DC_EVENT_RELEASE
#define FORCED  WIRE_DC_EVENT_FORCED_RELEASE
#define M2      FAKE_2M

static void assert_extent(const CxbHostDax *dax, unsigned i, uint64_t dpa, uint64_t len)
{
	const CxbHostExtent *e = &g_array_index(dax->extents, CxbHostExtent, i);

	g_assert_cmphex(e->dpa, ==, dpa);
	g_assert_cmphex(e->hpa, ==, FAKE_WINDOW + dpa);
	g_assert_cmphex(e->len, ==, len);
}

static unsigned count(Fixture *f)
{
	g_autoptr(GPtrArray) all = cxb_host_daxes(f->host);

	return all->len;
}

static unsigned holders(Fixture *f)
{
	g_autoptr(GPtrArray) all = cxb_host_daxes(f->host);

	g_assert_cmpuint(all->len, ==, 1);
	return ((CxbHostDax *)g_ptr_array_index(all, 0))->holders;
}

static void refused(bool good, GError *err, const char *text)
{
	g_assert_false(good);
	g_assert_nonnull(strstr(err->message, text));
	g_error_free(err);
}

static void hold_fails(Fixture *f, unsigned tag, const char *text)
{
	const CxbUuid uuid = fake_tag(tag);
	GError *err = NULL;
	const bool good = cxb_host_dax_hold(f->host, 0, &uuid, &err);

	refused(good, err, text);
}

static void let_go_fails(Fixture *f, unsigned tag, const char *text)
{
	const CxbUuid uuid = fake_tag(tag);
	GError *err = NULL;
	const bool good = cxb_host_dax_release(f->host, 0, &uuid, &err);

	refused(good, err, text);
}

static void hold(Fixture *f, unsigned tag)
{
	const CxbUuid uuid = fake_tag(tag);

	g_assert_true(cxb_host_dax_hold(f->host, 0, &uuid, NULL));
	drain(f);
}

static void let_go(Fixture *f, unsigned tag)
{
	const CxbUuid uuid = fake_tag(tag);

	g_assert_true(cxb_host_dax_release(f->host, 0, &uuid, NULL));
	drain(f);
}

/* --- what they are --- */

static void extents_of_a_tag_are_one_device_of_their_sum(Fixture *f, gconstpointer unused)
{
	g_autoptr(GPtrArray) all = NULL;
	const CxbHostDax *dax;

	fake_event(f->d, ADD, 8 * M2, 2 * M2, 1, 0, true);
	fake_event(f->d, ADD, 0, M2, 1, 0, true);
	drain(f);
	g_assert_cmpuint(count(f), ==, 0); /* staged */
	fake_event(f->d, ADD, 4 * M2, M2, 1, 0, false);
	drain(f);
	all = cxb_host_daxes(f->host);
	g_assert_cmpuint(all->len, ==, 1);
	dax = g_ptr_array_index(all, 0);
	g_assert_true(cxb_uuid_equal(&dax->uuid, &(CxbUuid){ { 1 } }));
	g_assert_cmphex(dax->size, ==, 4 * M2);
	g_assert_cmpuint(dax->memdev, ==, 0);
	g_assert_cmpuint(dax->region, ==, 0);
	g_assert_false(dax->release_asked);
	/* As they were offered. */
	g_assert_cmpuint(dax->extents->len, ==, 3);
	assert_extent(dax, 0, 8 * M2, 2 * M2);
	assert_extent(dax, 1, 0, M2);
	assert_extent(dax, 2, 4 * M2, M2);
}

static void an_untagged_extent_is_a_device_nobody_can_name(Fixture *f, gconstpointer unused)
{
	g_autoptr(GPtrArray) all = NULL;
	const CxbHostDax *dax;

	fake_event(f->d, ADD, 0, M2, 0, 0, true);
	fake_event(f->d, ADD, M2, M2, 0, 0, false);
	drain(f);
	all = cxb_host_daxes(f->host);
	g_assert_cmpuint(all->len, ==, 2);
	for (unsigned i = 0; i < 2; i++) {
		dax = g_ptr_array_index(all, i);
		g_assert_true(cxb_uuid_is_null(&dax->uuid));
		g_assert_cmphex(dax->size, ==, M2);
		assert_extent(dax, 0, i * M2, M2);
	}
	hold_fails(f, 0, "no DAX device has uuid 00000000-0000-0000-0000-000000000000");
}

static void devices_come_in_order_of_acceptance_by_memory_device(Fixture *f, gconstpointer unused)
{
	static const unsigned expected[] = { 3, 1, 2 };
	g_autoptr(GPtrArray) all = NULL;

	fake_event(&f->m->dev[1], ADD, 0, M2, 2, 0, false);
	drain(f);
	fake_event(f->d, ADD, 4 * M2, M2, 3, 0, false);
	drain(f);
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	all = cxb_host_daxes(f->host);
	g_assert_cmpuint(all->len, ==, 3);
	for (unsigned i = 0; i < 3; i++) {
		const CxbHostDax *dax = g_ptr_array_index(all, i);
		const CxbUuid tag = fake_tag(expected[i]);

		g_assert_true(cxb_uuid_equal(&dax->uuid, &tag));
		g_assert_cmpuint(dax->memdev, ==, i == 2);
		g_assert_cmphex(dax->bdf, ==, dax->memdev ? 0x0e00 : 0x0d00);
	}
}

static void what_is_taken_over_after_a_reset_is_a_device_again(Fixture *f, gconstpointer unused)
{
	g_autoptr(GPtrArray) all = NULL;
	const CxbHostDax *dax;

	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	hold(f, 1);
	for (unsigned i = 0; i < 3; i++) {
		struct wire_dc_extent x = { .dpa = le64_put(M2 * (2 - i)),
					    .length = le64_put(M2),
					    .tag = fake_tag(i == 1 ? 2 : 1) };

		g_array_append_val(f->d->accepted, x);
	}
	fake_machine_reset(f->m);
	cxb_host_reset(f->host);
	drain(f);
	all = cxb_host_daxes(f->host);
	g_assert_cmpuint(all->len, ==, 2);
	dax = g_ptr_array_index(all, 0);
	g_assert_cmphex(dax->size, ==, 2 * M2);
	assert_extent(dax, 0, 2 * M2, M2);
	assert_extent(dax, 1, 0, M2);
	/* Who held it ended with the host. */
	g_assert_cmpuint(dax->holders, ==, 0);
}

/* --- holding --- */

static void a_release_of_what_is_held_waits_until_the_last_lets_go(Fixture *f, gconstpointer unused)
{
	g_autoptr(GPtrArray) all = NULL;
	CxbHostExtent e = { 0 };

	fake_event(f->d, ADD, 0, M2, 1, 0, true);
	fake_event(f->d, ADD, M2, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 0+200000 200000+200000\n");
	hold(f, 1);
	hold(f, 1);
	fake_event(f->d, RELEASE, M2, M2, 1, 0, false);
	drain(f);
	did(f->d, "");
	assert_said(f, "asked to give back tag 01000000-0000-0000-0000-000000000000: in use");
	all = cxb_host_daxes(f->host);
	g_assert_true(((CxbHostDax *)g_ptr_array_index(all, 0))->release_asked);
	extents(f, &e);
	g_assert_cmpint(e.state, ==, CXB_HOST_EXTENT_RELEASE_ASKED);
	g_assert_true(idle(f));
	let_go(f, 1);
	did(f->d, "");
	g_assert_cmpuint(holders(f), ==, 1);
	let_go(f, 1);
	did(f->d, "release 0+200000\nrelease 200000+200000\n");
	g_assert_cmpuint(count(f), ==, 0);
	let_go_fails(f, 1, "no DAX device has uuid 01000000-0000-0000-0000-000000000000");
}

static void asked_for_again_while_held_it_still_waits(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 0+200000\n");
	hold(f, 1);
	for (unsigned i = 0; i < 3; i++) {
		fake_event(f->d, RELEASE, 0, M2, 1, 0, false);
		drain(f);
		did(f->d, "");
	}
	/* A new holder may come as long as it is there. */
	hold(f, 1);
	let_go(f, 1);
	did(f->d, "");
	let_go(f, 1);
	did(f->d, "release 0+200000\n");
}

static void a_release_that_failed_when_let_go_is_done_when_asked_again(Fixture *f,
								       gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 0+200000\n");
	hold(f, 1);
	fake_event(f->d, RELEASE, 0, M2, 1, 0, false);
	drain(f);
	f->d->fail_op = 0x4803;
	f->d->fail_rc = 6;
	let_go(f, 1);
	g_assert_cmpuint(holders(f), ==, 0);
	f->d->fail_op = 0;
	fake_event(f->d, RELEASE, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "release 0+200000\n");
	g_assert_cmpuint(count(f), ==, 0);
}

static void letting_go_of_what_nobody_wants_back_gives_nothing_back(Fixture *f,
								    gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 0+200000\n");
	hold(f, 1);
	let_go(f, 1);
	did(f->d, "");
	g_assert_cmpuint(holders(f), ==, 0);
	let_go_fails(f, 1, "is not held");
	hold_fails(f, 2, "no DAX device");
	let_go_fails(f, 2, "no DAX device");
	g_assert_cmpuint(holders(f), ==, 0);
}

static void what_is_being_given_back_cannot_be_held(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	f->d->hold = true; /* the mailbox takes its time */
	fake_event(f->d, RELEASE, 0, M2, 1, 0, false);
	f->d->hold = false;
	drain(f);
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	g_string_truncate(f->d->did, 0);
	f->d->hold = true;
	fake_event(f->d, RELEASE, 0, M2, 1, 0, false);
	drain(f);
	fake_answer(f->d); /* Get Event Records */
	advance_ms(f, 1);
	hold_fails(f, 1, "is being given back");
}

static void what_is_held_goes_by_force(Fixture *f, gconstpointer unused)
{
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "add 0+200000\n");
	hold(f, 1);
	fake_event(f->d, FORCED, 0, M2, 1, 0, false);
	drain(f);
	did(f->d, "");
	g_assert_cmpuint(count(f), ==, 0);
	let_go_fails(f, 1, "no DAX device");
}

static void who_asks_a_person_asks_after_it_was_let_go(Fixture *f, gconstpointer unused)
{
	const CxbUuid tag = fake_tag(1);

	f->config.release = CXB_HOST_ASK;
	fixture_boot(f);
	fake_event(f->d, ADD, 0, M2, 1, 0, false);
	drain(f);
	hold(f, 1);
	fake_event(f->d, RELEASE, 0, M2, 1, 0, false);
	drain(f);
	g_assert_false(cxb_host_respond(f->host, -1, &tag, true, NULL));
	let_go(f, 1);
	did(f->d, "add 0+200000\n");
	g_assert_true(cxb_host_respond(f->host, -1, &tag, true, NULL));
	drain(f);
	did(f->d, "release 0+200000\n");
}

#define BOOTED(path, fn) g_test_add("/host/dax/" path, Fixture, NULL, set_up_booted, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	BOOTED("sum", extents_of_a_tag_are_one_device_of_their_sum);
	BOOTED("untagged", an_untagged_extent_is_a_device_nobody_can_name);
	g_test_add("/host/dax/order", Fixture, NULL, set_up_two,
		   devices_come_in_order_of_acceptance_by_memory_device, tear_down);
	BOOTED("reset", what_is_taken_over_after_a_reset_is_a_device_again);
	BOOTED("held", a_release_of_what_is_held_waits_until_the_last_lets_go);
	BOOTED("again", asked_for_again_while_held_it_still_waits);
	BOOTED("failed", a_release_that_failed_when_let_go_is_done_when_asked_again);
	BOOTED("idle", letting_go_of_what_nobody_wants_back_gives_nothing_back);
	BOOTED("releasing", what_is_being_given_back_cannot_be_held);
	BOOTED("forced", what_is_held_goes_by_force);
	g_test_add("/host/dax/ask", Fixture, NULL, set_up,
		   who_asks_a_person_asks_after_it_was_let_go, tear_down);
	return g_test_run();
}
