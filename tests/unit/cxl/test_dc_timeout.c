/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offers with a timeout: withdrawn as by force when the host has not answered by then, and how a host's
 * answers ended.
 */
#include "dc_fixture.h"

#include "base/trace.h"
#include "cxl/dc_cmds.h"

#define MS(n) ((int64_t)(n)*1000000)

typedef struct {
	Fixture f; /* first */
	CxbClock *clock;
	unsigned timeouts; /* operations that said so */
} Timed;

static void count_timeouts(void *opaque, const CxbDcOp *op)
{
	((Timed *)opaque)->timeouts += op->timeout;
	g_assert_true(!op->timeout || op->kind == CXB_DC_OP_FORCED_RELEASE);
}

static const CxbDcObserver counter = { .commit = count_timeouts };

static void timed_begin(Timed *t, CxbDcConfig *c)
{
	t->clock = cxb_clock_new_virtual();
	c->clock = t->clock;
	fixture_begin(&t->f, c);
	cxb_dc_add_observer(t->f.dc, &counter, t);
}

static void timed_set_up(Timed *t, gconstpointer unused)
{
	CxbDcConfig c;

	t->f.pool = fake_pool_new();
	c = fake_config(t->f.pool);
	timed_begin(t, &c);
}

static void timed_tear_down(Timed *t, gconstpointer unused)
{
	tear_down(&t->f, NULL);
	cxb_clock_free(t->clock);
}

static FakeBacking *offer(Timed *t, unsigned tag, uint64_t block, uint32_t timeout_ms)
{
	FakeBacking *b = fake_backing(t->f.pool, tag, FAKE_BLOCK);
	const CxbDcRange range = { block * FAKE_BLOCK, FAKE_BLOCK };
	const CxbDcAddReq req = { .policy = CXB_DC_SELECT_PRESCRIPTIVE,
				  .tag = fake_tag(tag),
				  .n = 1,
				  .ranges = &range,
				  .timeout_ms = timeout_ms,
				  .request_id = "job" };

	g_assert_true(cxb_dc_add(t->f.dc, &req, NULL));
	return b;
}

static void until(Timed *t, int64_t ms)
{
	g_assert_true(cxb_clock_advance(t->clock, MS(ms)));
}

static bool armed(Timed *t)
{
	int64_t ns;

	return cxb_clock_deadline(t->clock, &ns);
}

static void what_is_not_answered_in_time_is_withdrawn(Timed *t, gconstpointer unused)
{
	FakeBacking *b = offer(t, 1, 0, 100);

	until(t, 99);
	g_assert_cmpint(fake_status(t->f.dc, 1), ==, CXB_DC_STATUS_PENDING);
	forget(&t->f);
	until(t, 100);
	saw(&t->f, "prepare forced 1;commit forced 1;");
	g_assert_cmpuint(t->timeouts, ==, 1);
	g_assert_cmpint(fake_status(t->f.dc, 1), ==, CXB_DC_STATUS_NOT_FOUND);
	g_assert_null(b->holder);
	g_assert_false(armed(t));
	g_assert_cmpint(fake_respond(t->f.dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_INVALID_PA);
}

static void an_answer_ends_the_wait_whatever_it_says(Timed *t, gconstpointer unused)
{
	offer(t, 1, 0, 100);
	g_assert_cmpint(fake_respond(t->f.dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_SUCCESS);
	g_assert_false(armed(t));
	offer(t, 2, 1, 100);
	g_assert_cmpint(fake_respond(t->f.dc, 0, NULL), ==, CXB_RC_SUCCESS);
	g_assert_false(armed(t));
	offer(t, 3, 2, 100);
	g_assert_true(fake_ask_back(t->f.dc, 3, true, false, NULL));
	g_assert_false(armed(t));
	until(t, 1000);
	g_assert_cmpint(fake_status(t->f.dc, 1), ==, CXB_DC_STATUS_COMMITTED);
	g_assert_cmpuint(t->timeouts, ==, 0);
}

static void a_bad_answer_is_none(Timed *t, gconstpointer unused)
{
	offer(t, 1, 0, 100);
	g_assert_cmpint(fake_respond(t->f.dc, FAKE_RANGES({ 1, 1 })), ==, CXB_RC_INVALID_PA);
	until(t, 100);
	g_assert_cmpuint(t->timeouts, ==, 1);
}

static void without_one_an_offer_stays(Timed *t, gconstpointer unused)
{
	offer(t, 1, 0, 0);
	g_assert_false(armed(t));
	until(t, INT32_MAX);
	g_assert_cmpint(fake_status(t->f.dc, 1), ==, CXB_DC_STATUS_PENDING);
}

static void each_offer_has_its_own(Timed *t, gconstpointer unused)
{
	offer(t, 1, 0, 300);
	offer(t, 2, 1, 100);
	offer(t, 3, 2, UINT32_MAX);
	until(t, 100);
	g_assert_cmpint(fake_status(t->f.dc, 2), ==, CXB_DC_STATUS_NOT_FOUND);
	g_assert_cmpuint(cxb_dc_groups(t->f.dc, 0), ==, 2);
	cxb_dc_reset_head(t->f.dc, 0); /* time goes on */
	until(t, 300);
	g_assert_cmpint(fake_status(t->f.dc, 1), ==, CXB_DC_STATUS_NOT_FOUND);
	until(t, UINT32_MAX);
	g_assert_cmpuint(cxb_dc_groups(t->f.dc, 0), ==, 0);
	g_assert_cmpuint(t->timeouts, ==, 3);
}

/* The host has answered, and only its observers take time. */
static void time_that_is_up_during_an_acceptance_takes_nothing(Timed *t, gconstpointer unused)
{
	offer(t, 1, 0, 100);
	t->f.observer.kind = CXB_DC_OP_ACCEPT;
	t->f.observer.wait = true;
	g_assert_cmpint(fake_respond(t->f.dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_LATER);
	until(t, 100);
	g_assert_cmpuint(t->timeouts, ==, 0);
	cxb_dc_prepared(t->f.dc, NULL);
	g_assert_cmpint(fake_status(t->f.dc, 1), ==, CXB_DC_STATUS_COMMITTED);
	g_assert_cmpuint(t->timeouts, ==, 0);
}

static void if_that_fails_all_that_is_late_goes_at_once(Timed *t, gconstpointer unused)
{
	for (unsigned i = 0; i < 4; i++)
		offer(t, 1 + i, i, 100 + i);
	t->f.observer.kind = CXB_DC_OP_ACCEPT;
	t->f.observer.wait = true;
	g_assert_cmpint(fake_respond(t->f.dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_LATER);
	until(t, 102);
	g_assert_cmpuint(t->timeouts, ==, 0);
	cxb_dc_prepared(t->f.dc, g_error_new(CXB_ERROR, CXB_ERROR_SYSTEM, "no such luck"));
	g_assert_cmpuint(t->timeouts, ==, 3);
	g_assert_cmpuint(cxb_dc_groups(t->f.dc, 0), ==, 1);
	until(t, 103);
	g_assert_cmpuint(t->timeouts, ==, 4);
}

static void an_engine_may_end_with_time_running(Timed *t, gconstpointer unused)
{
	offer(t, 1, 0, 100);
	g_assert_true(armed(t));
	tear_down(&t->f, NULL);
	g_assert_false(armed(t));
	cxb_clock_free(t->clock);
	timed_set_up(t, NULL);
}

/* --- parts --- */

static void what_force_left_of_it_is_withdrawn(void)
{
	CxbDcConfig c = fake_config(NULL);
	const CxbDcRange range = { 0, 4 * FAKE_BLOCK }, part = { FAKE_BLOCK, FAKE_BLOCK };
	FakeStatic mem = { .backing.ops = &fake_static_ops };
	Timed t = { 0 };

	c.backing = &mem.backing;
	t.f.pool = fake_pool_new();
	timed_begin(&t, &c);
	g_assert_true(cxb_dc_add(t.f.dc,
				 &(CxbDcAddReq){ .policy = CXB_DC_SELECT_PRESCRIPTIVE,
						 .n = 1,
						 .ranges = &range,
						 .timeout_ms = 10,
						 .request_id = "cut" },
				 NULL));
	g_assert_true(cxb_dc_release(t.f.dc,
				     &(CxbDcReleaseReq){ .policy = CXB_DC_REMOVE_PRESCRIPTIVE,
							 .forced = true,
							 .n = 1,
							 .ranges = &part },
				     NULL));
	g_assert_cmpstr(cxb_dc_find(t.f.dc, 0, FAKE_BASE + 2 * FAKE_BLOCK)->request_id, ==, "cut");
	forget(&t.f);
	until(&t, 10);
	saw(&t.f, "prepare forced 2;commit forced 2;");
	g_assert_null(cxb_dc_next(t.f.dc, 0, 0));
	timed_tear_down(&t, NULL);
}

/* --- what became of an answer --- */

static void answer_is(Timed *t, uint16_t opcode, CxbRc rc, const char *check)
{
	const CxbDcAnswer *a = cxb_dc_last_answer(t->f.dc, 0);

	g_assert_cmphex(a->opcode, ==, opcode);
	g_assert_cmphex(a->rc, ==, rc);
	g_assert_cmpstr(a->check, ==, check);
}

static void the_last_answer_is_remembered(Timed *t, gconstpointer unused)
{
	answer_is(t, 0, CXB_RC_SUCCESS, NULL);
	fake_respond(t->f.dc, FAKE_RANGES({ 0, 1 }));
	answer_is(t, 0x4802, CXB_RC_INVALID_PA, "nothing is offered");
	offer(t, 1, 0, 0);
	fake_respond(t->f.dc, FAKE_RANGES({ 5, 1 }));
	answer_is(t, 0x4802, CXB_RC_INVALID_PA, "not offered to or accepted by this host");
	fake_update_more(t->f.dc, cxb_dc_add_response, true, FAKE_RANGES({ 0, 1 }));
	answer_is(t, 0x4802, CXB_RC_SUCCESS, NULL);
	fake_update_more(t->f.dc, cxb_dc_add_response, false, FAKE_RANGES({ 0, 1 }));
	answer_is(t, 0x4802, CXB_RC_INVALID_EXTENTS, "overlaps another extent of the list");
	fake_respond(t->f.dc, FAKE_RANGES({ 0, 1 }));
	answer_is(t, 0x4802, CXB_RC_SUCCESS, NULL);
	fake_give_back(t->f.dc, 0, NULL);
	answer_is(t, 0x4803, CXB_RC_INVALID_INPUT, "the list is empty");
	fake_give_back(t->f.dc, FAKE_RANGES({ 0, 1 }));
	answer_is(t, 0x4803, CXB_RC_SUCCESS, NULL);
}

static void one_that_takes_time_when_it_has_ended(Timed *t, gconstpointer unused)
{
	offer(t, 1, 0, 0);
	t->f.observer.kind = CXB_DC_OP_ACCEPT;
	t->f.observer.wait = true;
	g_assert_cmpint(fake_respond(t->f.dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_LATER);
	answer_is(t, 0, CXB_RC_SUCCESS, NULL);
	fake_give_back(t->f.dc, FAKE_RANGES({ 0, 1 }));
	answer_is(t, 0x4803, CXB_RC_BUSY, "an operation is under way");
	cxb_dc_prepared(t->f.dc, g_error_new(CXB_ERROR, CXB_ERROR_SYSTEM, "no such luck"));
	answer_is(t, 0x4802, CXB_RC_INTERNAL_ERROR, "no such luck");
}

#define ADD(name) \
	g_test_add("/cxl/dc-timeout/" #name, Timed, NULL, timed_set_up, name, timed_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(what_is_not_answered_in_time_is_withdrawn);
	ADD(an_answer_ends_the_wait_whatever_it_says);
	ADD(a_bad_answer_is_none);
	ADD(without_one_an_offer_stays);
	ADD(each_offer_has_its_own);
	ADD(time_that_is_up_during_an_acceptance_takes_nothing);
	ADD(if_that_fails_all_that_is_late_goes_at_once);
	ADD(an_engine_may_end_with_time_running);
	g_test_add_func("/cxl/dc-timeout/parts", what_force_left_of_it_is_withdrawn);
	ADD(the_last_answer_is_remembered);
	ADD(one_that_takes_time_when_it_has_ended);
	return g_test_run();
}
