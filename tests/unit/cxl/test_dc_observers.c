/* SPDX-License-Identifier: Apache-2.0 */
/* Two phases, one operation at a time, resets: what observers of the engine may rely on. */
#include "dc_fixture.h"

/* Two more observers, "b:" and "c:", which write into the same string as the fixture's first. */
typedef struct {
	Fixture f; /* first */
	FakeObserver b, c;
} Three;

static void three_set_up(Three *t, gconstpointer unused)
{
	set_up(&t->f, NULL);
	t->f.observer.name = "a:";
	t->b = (FakeObserver){ .name = "b:", .seen = t->f.observer.seen };
	t->c = (FakeObserver){ .name = "c:", .seen = t->f.observer.seen };
	cxb_dc_add_observer(t->f.dc, &fake_observer, &t->b);
	cxb_dc_add_observer(t->f.dc, &fake_observer, &t->c);
}

static void three_tear_down(Three *t, gconstpointer unused)
{
	tear_down(&t->f, NULL);
}

static void commit_follows_when_all_have_prepared(Three *t, gconstpointer unused)
{
	offered(&t->f, 1, FAKE_RANGES({ 0, 1 }));
	saw(&t->f, "a:prepare offer 1;b:prepare offer 1;c:prepare offer 1;"
		   "a:commit offer 1;b:commit offer 1;c:commit offer 1;");
}

static void a_refusal_undoes_in_reverse_order(Three *t, gconstpointer unused)
{
	FakeBacking *b = fake_backing(t->f.pool, 1, FAKE_BLOCK);
	g_autoptr(GError) err = NULL;

	t->c.refuse = true;
	t->c.kind = CXB_DC_OP_OFFER;
	g_assert_false(fake_add(t->f.dc, 1, 0, FAKE_RANGES({ 0, 1 }), &err));
	g_assert_cmpstr(err->message, ==, "refused as told");
	saw(&t->f, "a:prepare offer 1;b:prepare offer 1;c:prepare offer 1;"
		   "b:abort offer 1;a:abort offer 1;");
	/* Unchanged: the backing is free, the tag unused, the DPA too. */
	g_assert_null(b->holder);
	g_assert_cmpuint(cxb_dc_groups(t->f.dc, 0), ==, 0);
	g_assert_null(cxb_dc_find(t->f.dc, 0, FAKE_BASE));
	g_assert_cmpint(fake_status(t->f.dc, 1), ==, CXB_DC_STATUS_NOT_FOUND);
	g_assert_true(fake_add(t->f.dc, 1, 0, FAKE_RANGES({ 0, 1 }), NULL));
}

/* Known defect elsewhere: group half committed and stuck. */
static void a_refused_acceptance_leaves_the_group_offered(Three *t, gconstpointer unused)
{
	FakeBacking *b = offered(&t->f, 1, FAKE_RANGES({ 0, 1 }, { 4, 1 }));

	forget(&t->f);
	t->b.refuse = true;
	t->b.kind = CXB_DC_OP_ACCEPT;
	g_assert_cmpint(fake_respond(t->f.dc, FAKE_RANGES({ 0, 1 }, { 4, 1 })), ==,
			CXB_RC_INTERNAL_ERROR);
	saw(&t->f, "a:prepare accept 2;b:prepare accept 2;a:abort accept 2;");
	g_assert_false(b->mapped);
	g_assert_cmpuint(cxb_dc_accepted_count(t->f.dc, 0), ==, 0);
	g_assert_cmpuint(cxb_dc_generation(t->f.dc, 0), ==, 0);
	g_assert_cmpint(fake_status(t->f.dc, 1), ==, CXB_DC_STATUS_PENDING);
	g_assert_cmpint(fake_respond(t->f.dc, FAKE_RANGES({ 0, 1 }, { 4, 1 })), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(cxb_dc_accepted_count(t->f.dc, 0), ==, 2);
}

static void a_refused_release_leaves_the_extents_accepted(Three *t, gconstpointer unused)
{
	FakeBacking *b = accepted(&t->f, 1, FAKE_RANGES({ 0, 1 }, { 4, 1 }));

	t->c.refuse = true;
	t->c.kind = CXB_DC_OP_RELEASE;
	g_assert_cmpint(fake_give_back(t->f.dc, FAKE_RANGES({ 0, 1 }, { 4, 1 })), ==,
			CXB_RC_INTERNAL_ERROR);
	g_assert_true(b->holder && b->mapped);
	g_assert_cmpuint(cxb_dc_accepted_count(t->f.dc, 0), ==, 2);
	g_assert_cmpint(fake_give_back(t->f.dc, FAKE_RANGES({ 0, 1 }, { 4, 1 })), ==,
			CXB_RC_SUCCESS);
}

static void rejection_and_force_cannot_be_refused(Three *t, gconstpointer unused)
{
	offered(&t->f, 1, FAKE_RANGES({ 0, 1 }));
	t->b.refuse = true;
	t->b.kind = CXB_DC_OP_RETURN;
	g_assert_cmpint(fake_respond(t->f.dc, 0, NULL), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(cxb_dc_groups(t->f.dc, 0), ==, 0);
	accepted(&t->f, 2, FAKE_RANGES({ 0, 1 }));
	t->b.refuse = true;
	t->b.kind = CXB_DC_OP_FORCED_RELEASE;
	g_assert_true(fake_ask_back(t->f.dc, 2, true, false, NULL));
	g_assert_cmpuint(cxb_dc_accepted_count(t->f.dc, 0), ==, 0);
}

/* --- operations that take time --- */

static CxbRc later(Three *t, FakeUpdateFn fn, unsigned block)
{
	const CxbDcDpaRange x = { FAKE_BASE + block * FAKE_BLOCK, FAKE_BLOCK };

	return fn(t->f.dc, 0, &x, 1, false, fixture_done, &t->f);
}

static void wait_for(FakeObserver *o, CxbDcOpKind kind)
{
	o->wait = true;
	o->kind = kind;
}

static void an_acceptance_may_take_time(Three *t, gconstpointer unused)
{
	FakeBacking *b = offered(&t->f, 1, FAKE_RANGES({ 0, 1 }));

	forget(&t->f);
	wait_for(&t->b, CXB_DC_OP_ACCEPT);
	g_assert_cmpint(later(t, cxb_dc_add_response, 0), ==, CXB_RC_LATER);
	saw(&t->f, "a:prepare accept 1;b:prepare accept 1;");
	g_assert_false(b->mapped);
	g_assert_cmpint(fake_status(t->f.dc, 1), ==, CXB_DC_STATUS_PENDING);
	g_assert_cmpuint(t->f.n_done, ==, 0);
	cxb_dc_prepared(t->f.dc, NULL);
	saw(&t->f, "c:prepare accept 1;a:commit accept 1;b:commit accept 1;c:commit accept 1;");
	g_assert_cmpuint(t->f.n_done, ==, 1);
	g_assert_cmpint(t->f.done, ==, CXB_RC_SUCCESS);
	g_assert_true(b->mapped);
}

static void several_observers_may_take_time(Three *t, gconstpointer unused)
{
	accepted(&t->f, 1, FAKE_RANGES({ 0, 1 }));
	wait_for(&t->f.observer, CXB_DC_OP_RELEASE);
	wait_for(&t->c, CXB_DC_OP_RELEASE);
	g_assert_cmpint(later(t, cxb_dc_host_release, 0), ==, CXB_RC_LATER);
	cxb_dc_prepared(t->f.dc, NULL);
	g_assert_cmpuint(t->f.n_done, ==, 0);
	g_assert_cmpuint(cxb_dc_accepted_count(t->f.dc, 0), ==, 1);
	cxb_dc_prepared(t->f.dc, NULL);
	g_assert_cmpuint(t->f.n_done, ==, 1);
	g_assert_cmpuint(cxb_dc_accepted_count(t->f.dc, 0), ==, 0);
}

static void what_took_time_may_fail(Three *t, gconstpointer unused)
{
	offered(&t->f, 1, FAKE_RANGES({ 0, 1 }));
	forget(&t->f);
	wait_for(&t->b, CXB_DC_OP_ACCEPT);
	g_assert_cmpint(later(t, cxb_dc_add_response, 0), ==, CXB_RC_LATER);
	cxb_dc_prepared(t->f.dc, g_error_new(CXB_ERROR, CXB_ERROR_NO_ROOM, "no mappings left"));
	saw(&t->f, "a:prepare accept 1;b:prepare accept 1;a:abort accept 1;");
	g_assert_cmpint(t->f.done, ==, CXB_RC_RESOURCES);
	g_assert_cmpuint(t->f.n_done, ==, 1);
	g_assert_cmpint(fake_status(t->f.dc, 1), ==, CXB_DC_STATUS_PENDING);
	/* A refusal behind one that took time. */
	wait_for(&t->b, CXB_DC_OP_ACCEPT);
	t->c.refuse = true;
	t->c.kind = CXB_DC_OP_ACCEPT;
	g_assert_cmpint(later(t, cxb_dc_add_response, 0), ==, CXB_RC_LATER);
	cxb_dc_prepared(t->f.dc, NULL);
	g_assert_cmpint(t->f.done, ==, CXB_RC_INTERNAL_ERROR);
	saw(&t->f, "a:prepare accept 1;b:prepare accept 1;c:prepare accept 1;"
		   "b:abort accept 1;a:abort accept 1;");
	g_assert_cmpint(later(t, cxb_dc_add_response, 0), ==, CXB_RC_SUCCESS);
}

static void meanwhile_everything_else_is_busy(Three *t, gconstpointer unused)
{
	g_autoptr(GError) err = NULL;

	offered(&t->f, 1, FAKE_RANGES({ 0, 1 }));
	fake_backing(t->f.pool, 2, FAKE_BLOCK);
	wait_for(&t->b, CXB_DC_OP_ACCEPT);
	g_assert_cmpint(later(t, cxb_dc_add_response, 0), ==, CXB_RC_LATER);
	g_assert_false(fake_add(t->f.dc, 2, 0, FAKE_RANGES({ 8, 1 }), &err));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_BUSY);
	g_clear_error(&err);
	g_assert_false(fake_ask_back(t->f.dc, 1, true, false, &err));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_BUSY);
	g_assert_cmpint(later(t, cxb_dc_add_response, 0), ==, CXB_RC_BUSY);
	g_assert_cmpint(later(t, cxb_dc_host_release, 0), ==, CXB_RC_BUSY);
	cxb_dc_prepared(t->f.dc, NULL);
	g_assert_cmpuint(t->f.n_done, ==, 1);
	g_assert_true(fake_add(t->f.dc, 2, 0, FAKE_RANGES({ 8, 1 }), NULL));
}

static void a_device_may_go_while_an_operation_waits(Three *t, gconstpointer unused)
{
	FakeBacking *b = offered(&t->f, 1, FAKE_RANGES({ 0, 1 }));

	wait_for(&t->b, CXB_DC_OP_ACCEPT);
	g_assert_cmpint(later(t, cxb_dc_add_response, 0), ==, CXB_RC_LATER);
	cxb_dc_free(t->f.dc);
	t->f.dc = NULL;
	g_assert_cmpuint(t->f.n_done, ==, 0);
	g_assert_null(b->holder);
}

/* --- nothing re-enters --- */

static void try_everything(void *opaque)
{
	Three *t = opaque;
	g_autoptr(GError) err = NULL;

	g_assert_false(fake_add(t->f.dc, 2, 0, FAKE_RANGES({ 8, 1 }), &err));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_BUSY);
	g_clear_error(&err);
	g_assert_false(fake_ask_back(t->f.dc, 1, true, false, &err));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_BUSY);
	g_assert_cmpint(fake_respond(t->f.dc, 0, NULL), ==, CXB_RC_BUSY);
	g_assert_cmpint(fake_give_back(t->f.dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_BUSY);
}

static void an_observer_cannot_start_an_operation(Three *t, gconstpointer unused)
{
	fake_backing(t->f.pool, 2, FAKE_BLOCK);
	t->b.inside = try_everything;
	t->b.opaque = t;
	accepted(&t->f, 1, FAKE_RANGES({ 0, 1 }));
	g_assert_cmpint(fake_give_back(t->f.dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_SUCCESS);
	t->b.inside = NULL;
	g_assert_true(fake_add(t->f.dc, 2, 0, FAKE_RANGES({ 8, 1 }), NULL));
}

/* What commit finds: gone things still there, new things there already. */
static CxbDcOp last_op;
static bool found, listed;

static void look(void *opaque, const CxbDcOp *op)
{
	CxbDc *dc = opaque;

	last_op = *op;
	found = cxb_dc_find(dc, 0, op->extents[0]->dpa) == op->extents[0];
	listed = cxb_dc_accepted_count(dc, 0) > 0;
}

static void commit_sees_extents_while_they_exist(Fixture *f, gconstpointer unused)
{
	static const CxbDcObserver looker = { NULL, NULL, look };

	cxb_dc_add_observer(f->dc, &looker, f->dc);
	offered(f, 1, FAKE_RANGES({ 0, 1 }, { 2, 1 }));
	g_assert_true(found && !listed);
	g_assert_cmpuint(last_op.extents_left, ==, CXB_DC_MAX_EXTENTS - 2);
	g_assert_cmpuint(last_op.tags_left, ==, CXB_DC_MAX_EXTENTS - 1);
	g_assert_cmpint(fake_respond(f->dc, FAKE_RANGES({ 0, 1 }, { 2, 1 })), ==, CXB_RC_SUCCESS);
	g_assert_true(found && listed);
	g_assert_cmpint(fake_give_back(f->dc, FAKE_RANGES({ 0, 1 })), ==, CXB_RC_SUCCESS);
	g_assert_true(found && listed);
	g_assert_cmpuint(last_op.extents_left, ==, CXB_DC_MAX_EXTENTS - 1);
	g_assert_cmpuint(last_op.tags_left, ==, CXB_DC_MAX_EXTENTS - 1);
	g_assert_true(fake_ask_back(f->dc, 1, true, false, NULL));
	g_assert_true(found && listed);
	g_assert_cmpuint(last_op.extents_left, ==, CXB_DC_MAX_EXTENTS);
	g_assert_cmpuint(last_op.tags_left, ==, CXB_DC_MAX_EXTENTS);
	g_assert_null(cxb_dc_find(f->dc, 0, FAKE_BASE));
}

/* --- resets --- */

static void a_reset_announces_offers_then_requests_in_order(Fixture *f, gconstpointer unused)
{
	accepted(f, 1, FAKE_RANGES({ 0, 1 }));
	accepted(f, 2, FAKE_RANGES({ 2, 1 }, { 4, 1 }));
	accepted(f, 3, FAKE_RANGES({ 6, 1 }, { 7, 1 }, { 8, 1 }, { 9, 1 }));
	offered(f, 4, FAKE_RANGES({ 10, 1 }, { 11, 1 }, { 12, 1 }));
	offered(f, 5, FAKE_RANGES({ 14, 1 }));
	g_assert_true(fake_ask_back(f->dc, 2, false, false, NULL));
	g_assert_true(fake_ask_back(f->dc, 1, false, false, NULL));
	for (unsigned twice = 0; twice < 2; twice++) {
		forget(f);
		cxb_dc_reset_head(f->dc, 0);
		saw(f, "prepare reannounce 3;commit reannounce 3;"
		       "prepare reannounce 1;commit reannounce 1;"
		       "prepare reannounce 2;commit reannounce 2;"
		       "prepare reannounce 1;commit reannounce 1;");
	}
	g_assert_cmpuint(cxb_dc_accepted_count(f->dc, 0), ==, 7);
	g_assert_cmpint(fake_respond(f->dc, FAKE_RANGES({ 10, 3 })), ==, CXB_RC_SUCCESS);
}

static void a_reset_leaves_list_order_and_generation(Fixture *f, gconstpointer unused)
{
	uint32_t g;

	accepted(f, 1, FAKE_RANGES({ 4, 1 }));
	accepted(f, 2, FAKE_RANGES({ 0, 1 }));
	g = cxb_dc_generation(f->dc, 0);
	cxb_dc_reset_head(f->dc, 0);
	saw(f, "");
	g_assert_cmpuint(cxb_dc_generation(f->dc, 0), ==, g);
	g_assert_cmphex(cxb_dc_accepted_at(f->dc, 0, 0)->dpa, ==, FAKE_BASE + 4 * FAKE_BLOCK);
	g_assert_cmphex(cxb_dc_accepted_at(f->dc, 0, 1)->dpa, ==, FAKE_BASE);
}

static void a_reset_during_an_operation_announces_after_it(Three *t, gconstpointer unused)
{
	offered(&t->f, 1, FAKE_RANGES({ 0, 1 }));
	offered(&t->f, 2, FAKE_RANGES({ 4, 1 }, { 5, 1 }));
	wait_for(&t->c, CXB_DC_OP_ACCEPT);
	g_assert_cmpint(later(t, cxb_dc_add_response, 0), ==, CXB_RC_LATER);
	forget(&t->f);
	cxb_dc_reset_head(t->f.dc, 0);
	saw(&t->f, "");
	cxb_dc_prepared(t->f.dc, NULL);
	/* What was executed stays executed, and is not offered any more. */
	saw(&t->f, "a:commit accept 1;b:commit accept 1;c:commit accept 1;"
		   "a:prepare reannounce 2;b:prepare reannounce 2;c:prepare reannounce 2;"
		   "a:commit reannounce 2;b:commit reannounce 2;c:commit reannounce 2;");
	g_assert_cmpuint(cxb_dc_accepted_count(t->f.dc, 0), ==, 1);
}

#define THREE(name) \
	g_test_add("/cxl/dc-observers/" #name, Three, NULL, three_set_up, name, three_tear_down)
#define RULE(name) g_test_add("/cxl/dc-observers/" #name, Fixture, NULL, set_up, name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	THREE(commit_follows_when_all_have_prepared);
	THREE(a_refusal_undoes_in_reverse_order);
	THREE(a_refused_acceptance_leaves_the_group_offered);
	THREE(a_refused_release_leaves_the_extents_accepted);
	THREE(rejection_and_force_cannot_be_refused);
	THREE(an_acceptance_may_take_time);
	THREE(several_observers_may_take_time);
	THREE(what_took_time_may_fail);
	THREE(meanwhile_everything_else_is_busy);
	THREE(a_device_may_go_while_an_operation_waits);
	THREE(an_observer_cannot_start_an_operation);
	RULE(commit_sees_extents_while_they_exist);
	RULE(a_reset_announces_offers_then_requests_in_order);
	RULE(a_reset_leaves_list_order_and_generation);
	THREE(a_reset_during_an_operation_announces_after_it);
	return g_test_run();
}
