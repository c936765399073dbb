/* SPDX-License-Identifier: Apache-2.0 */
/* Two hosts with a memory device each: one starts anew, the other does not notice. */
#include "host_fixture.h"
#include "wire/mbox.h"
#include "wire/rc.h"

#define ADD     WIRE_DC_EVENT_ADD
#define RELEASE WIRE_DC_EVENT_RELEASE
#define M2      FAKE_2M

static uint16_t host_of(void *fixture, uint16_t bdf)
{
	Fixture *f = fixture;

	/* Asked while the devices are found, in their order. */
	return f->host_of_asked++;
}

static void set_up_hosts(Fixture *f, gconstpointer unused)
{
	fixture_machine(f, 2);
	f->config.host_of = host_of;
	f->config.host_of_opaque = f;
	fixture_boot(f);
}

static void restart(Fixture *f, uint16_t host)
{
	g_autoptr(GError) err = NULL;

	cxb_host_restart(f->host, host, &err);
	g_assert_no_error(err);
	drain(f);
}

static void restart_fails(Fixture *f, uint16_t host, const char *why)
{
	g_autoptr(GError) err = NULL;

	g_assert_false(cxb_host_restart(f->host, host, &err));
	g_assert_cmpstr(err->message, ==, why);
}

/* The tag of both hosts' first extents, accepted and held. */
static void both_hold(Fixture *f)
{
	const CxbUuid uuid = fake_tag(1);

	for (unsigned i = 0; i < 2; i++) {
		fake_event(&f->m->dev[i], ADD, 0, M2, 1, 0, false);
		drain(f);
		did(&f->m->dev[i], "add 0+200000\n");
		g_assert_true(cxb_host_dax_hold(f->host, i, &uuid, NULL));
	}
}

/* Holders of the tag on a host; -1: it does not have it. */
static int holders(Fixture *f, uint16_t host)
{
	g_autoptr(GPtrArray) all = cxb_host_daxes(f->host);
	int n = -1;

	for (guint i = 0; i < all->len; i++) {
		const CxbHostDax *dax = g_ptr_array_index(all, i);

		if (dax->host_id == host)
			n = dax->holders;
	}
	return n;
}

/* What 4801h lists. */
static void list(FakeDev *d, uint64_t dpa, uint64_t len, unsigned tag)
{
	const struct wire_dc_extent e = { .dpa = le64_put(dpa),
					  .length = le64_put(len),
					  .tag = fake_tag(tag) };

	g_array_set_size(d->accepted, 0);
	g_array_append_val(d->accepted, e);
}

static void the_other_host_is_left_alone(Fixture *f, gconstpointer unused)
{
	const unsigned commands = f->m->dev[0].opcodes->len;
	unsigned before;

	both_hold(f);
	before = f->m->dev[0].opcodes->len;
	g_assert_cmpuint(before, >, commands);
	list(&f->m->dev[1], 0, M2, 1);
	restart(f, 1);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_cmpuint(f->m->dev[0].opcodes->len, ==, before);
	g_assert_cmpint(holders(f, 0), ==, 1);
	g_assert_cmpint(holders(f, 1), ==, 0);
	assert_said(f, "host 1 has started anew");
	/* Interrupts and mailboxes work on both. */
	for (unsigned i = 0; i < 2; i++) {
		fake_event(&f->m->dev[i], RELEASE, 0, M2, 1, 0, false);
		drain(f);
	}
	did(&f->m->dev[0], "");
	did(&f->m->dev[1], "release 0+200000\n");
	g_assert_true(idle(f));
}

static void who_may_not_is_told_why(Fixture *f, gconstpointer unused)
{
	CxbHost *other = cxb_host_new(&f->config);
	g_autoptr(GError) err = NULL;

	g_assert_false(cxb_host_restart(other, 0, &err));
	g_assert_cmpstr(err->message, ==, "the built-in host has not booted");
	cxb_host_free(other);
	restart_fails(f, 2, "host 2 has no memory device");
	f->m->dev[1].hold = true;
	restart(f, 1);
	restart_fails(f, 1, "host 1 starts anew already");
	restart(f, 0);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_BOOTING);
	f->m->dev[1].hold = false;
	fake_answer(&f->m->dev[1]);
	advance_ms(f, 100);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
}

static void a_command_on_its_way_is_waited_for(Fixture *f, gconstpointer unused)
{
	FakeDev *d = &f->m->dev[1];
	unsigned before;

	d->hold = true;
	fake_event(d, ADD, 0, M2, 1, 0, false);
	drain(f);
	before = d->opcodes->len;
	restart(f, 1);
	g_assert_cmpuint(d->opcodes->len, ==, before);
	d->hold = false;
	fake_answer(d);
	advance_ms(f, 100);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	/* Nothing had been taken of the offer: it is read again. */
	did(d, "add 0+200000\n");
	g_assert_cmpint(holders(f, 1), ==, 0);
}

static void a_region_that_is_another_one_now_is_not_mapped(Fixture *f, gconstpointer unused)
{
	FakeDev *d = &f->m->dev[1];
	const CxbHostRegion *r;

	d->region[0].decode_len = le64_put(2);
	d->region[0].length = le64_put(512ull << 20);
	restart(f, 1);
	g_assert_cmpuint(cxb_host_regions(f->host, &r), ==, 2);
	g_assert_true(r[0].mapped);
	g_assert_false(r[1].mapped);
	fake_event(d, ADD, 0, M2, 1, 0, false);
	drain(f);
	did(d, "add\n");
	assert_said(f, "its region is not mapped");
}

static void a_device_that_fails_gets_another_chance(Fixture *f, gconstpointer unused)
{
	FakeDev *d = &f->m->dev[1];
	const CxbHostRegion *r;

	both_hold(f);
	list(d, 0, M2, 1);
	d->fail_op = CXB_OP_IDENTIFY_MEMDEV;
	d->fail_rc = CXB_RC_INTERNAL_ERROR;
	restart(f, 1);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	assert_said(f, "not used");
	g_assert_cmpint(holders(f, 1), ==, -1);
	g_assert_cmpint(holders(f, 0), ==, 1);
	d->fail_op = 0;
	restart(f, 1);
	g_assert_cmpint(holders(f, 1), ==, 0);
	g_assert_cmpuint(cxb_host_regions(f->host, &r), ==, 2);
	g_assert_true(r[1].mapped);
}

static void a_reset_of_the_machine_overtakes_it(Fixture *f, gconstpointer unused)
{
	f->m->dev[1].hold = true;
	restart(f, 1);
	f->m->dev[1].hold = false;
	fake_machine_reset(f->m);
	f->host_of_asked = 0;
	cxb_host_reset(f->host);
	drain(f);
	advance_ms(f, 100);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	restart(f, 1);
	f->m->dev[1].hold = true;
	restart(f, 1); /* and it ends with one on its way */
}

#define TEST(path, fn) g_test_add("/host/restart/" path, Fixture, NULL, set_up_hosts, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST("alone", the_other_host_is_left_alone);
	TEST("refused", who_may_not_is_told_why);
	TEST("command", a_command_on_its_way_is_waited_for);
	TEST("region", a_region_that_is_another_one_now_is_not_mapped);
	TEST("failed", a_device_that_fails_gets_another_chance);
	TEST("overtaken", a_reset_of_the_machine_overtakes_it);
	return g_test_run();
}
