/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "base/workq.h"

typedef struct {
	GMainContext *context;
	CxbWorkq *q;
	GString *log;
	unsigned reposts;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
	f->context = g_main_context_new();
	g_assert_true(g_main_context_acquire(f->context));
	f->q = cxb_workq_new(f->context);
	f->log = g_string_new(NULL);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_workq_free(f->q);
	g_main_context_release(f->context);
	g_main_context_unref(f->context);
	g_string_free(f->log, TRUE);
}

static void log_a(void *opaque)
{
	g_string_append_c(((Fixture *)opaque)->log, 'a');
}

static void log_b(void *opaque)
{
	g_string_append_c(((Fixture *)opaque)->log, 'b');
}

static void log_r_and_repost(void *opaque)
{
	Fixture *f = opaque;

	g_string_append_c(f->log, 'r');
	if (f->reposts) {
		f->reposts--;
		cxb_workq_post(f->q, log_r_and_repost, f);
	}
}

static void try_to_drain(void *opaque)
{
	Fixture *f = opaque;

	cxb_workq_drain(f->q);
	g_string_append_c(f->log, 'd');
}

static void cancel_b(void *opaque)
{
	Fixture *f = opaque;

	g_assert_cmpuint(cxb_workq_cancel(f->q, log_b, f), ==, 2);
}

/* How long the context would sleep, in ms; -1: for ever. */
static int timeout_ms(Fixture *f)
{
	GPollFD fds[4];
	int priority, timeout;

	g_main_context_prepare(f->context, &priority);
	g_main_context_query(f->context, G_MAXINT, &timeout, fds, G_N_ELEMENTS(fds));
	return timeout;
}

static void runs_in_the_order_of_posting_when_the_context_iterates(Fixture *f, gconstpointer u)
{
	cxb_workq_post(f->q, log_b, f);
	cxb_workq_post(f->q, log_a, f);
	cxb_workq_post(f->q, log_b, f);
	g_assert_cmpstr(f->log->str, ==, "");
	g_assert_false(cxb_workq_idle(f->q));
	g_assert_true(g_main_context_iteration(f->context, FALSE));
	g_assert_cmpstr(f->log->str, ==, "bab");
	g_assert_true(cxb_workq_idle(f->q));
}

static void an_idle_queue_wakes_nobody(Fixture *f, gconstpointer u)
{
	g_assert_cmpint(timeout_ms(f), ==, -1);
	cxb_workq_post(f->q, log_a, f);
	g_assert_cmpint(timeout_ms(f), ==, 0);
	g_main_context_iteration(f->context, FALSE);
	g_assert_cmpint(timeout_ms(f), ==, -1);
	cxb_workq_post(f->q, log_a, f);
	cxb_workq_drain(f->q);
	g_assert_cmpint(timeout_ms(f), ==, -1);
	cxb_workq_post(f->q, log_a, f);
	cxb_workq_cancel(f->q, log_a, f);
	g_assert_cmpint(timeout_ms(f), ==, -1);
	g_assert_false(g_main_context_iteration(f->context, FALSE));
	g_assert_cmpstr(f->log->str, ==, "aa");
}

static void drain_also_runs_what_is_posted_meanwhile(Fixture *f, gconstpointer u)
{
	f->reposts = 3;
	cxb_workq_post(f->q, log_r_and_repost, f);
	cxb_workq_post(f->q, log_a, f);
	cxb_workq_drain(f->q);
	g_assert_cmpstr(f->log->str, ==, "rarrr");
	g_assert_true(cxb_workq_idle(f->q));
}

static void an_iteration_leaves_what_is_posted_meanwhile_to_the_next(Fixture *f, gconstpointer u)
{
	f->reposts = 1;
	cxb_workq_post(f->q, log_r_and_repost, f);
	g_main_context_iteration(f->context, FALSE);
	g_assert_cmpstr(f->log->str, ==, "r");
	g_main_context_iteration(f->context, FALSE);
	g_assert_cmpstr(f->log->str, ==, "rr");
	g_assert_false(g_main_context_iteration(f->context, FALSE));
}

static void drain_inside_an_item_does_nothing(Fixture *f, gconstpointer u)
{
	cxb_workq_post(f->q, try_to_drain, f);
	cxb_workq_post(f->q, log_a, f);
	cxb_workq_drain(f->q);
	g_assert_cmpstr(f->log->str, ==, "da");
}

static void cancel_drops_only_the_same_function_and_argument(Fixture *f, gconstpointer u)
{
	Fixture other = *f;

	cxb_workq_post(f->q, log_a, f);
	cxb_workq_post(f->q, log_b, f);
	cxb_workq_post(f->q, log_a, f);
	cxb_workq_post(f->q, log_a, &other);
	g_assert_cmpuint(cxb_workq_cancel(f->q, log_a, f), ==, 2);
	g_assert_cmpuint(cxb_workq_cancel(f->q, log_a, f), ==, 0);
	cxb_workq_drain(f->q);
	g_assert_cmpstr(f->log->str, ==, "ba");
}

static void an_item_may_cancel_others(Fixture *f, gconstpointer u)
{
	cxb_workq_post(f->q, cancel_b, f);
	cxb_workq_post(f->q, log_b, f);
	cxb_workq_post(f->q, log_a, f);
	cxb_workq_post(f->q, log_b, f);
	g_main_context_iteration(f->context, FALSE);
	g_assert_cmpstr(f->log->str, ==, "a");
	g_assert_true(cxb_workq_idle(f->q));
}

static void free_drops_what_has_not_run(Fixture *f, gconstpointer u)
{
	cxb_workq_post(f->q, log_a, f);
	cxb_workq_free(f->q);
	f->q = NULL;
	g_assert_false(g_main_context_iteration(f->context, FALSE));
	g_assert_cmpstr(f->log->str, ==, "");
}

#define ADD(name, fn) g_test_add("/workq/" name, Fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("runs-in-the-order-of-posting-when-the-context-iterates",
	    runs_in_the_order_of_posting_when_the_context_iterates);
	ADD("an-idle-queue-wakes-nobody", an_idle_queue_wakes_nobody);
	ADD("drain-also-runs-what-is-posted-meanwhile", drain_also_runs_what_is_posted_meanwhile);
	ADD("an-iteration-leaves-what-is-posted-meanwhile-to-the-next",
	    an_iteration_leaves_what_is_posted_meanwhile_to_the_next);
	ADD("drain-inside-an-item-does-nothing", drain_inside_an_item_does_nothing);
	ADD("cancel-drops-only-the-same-function-and-argument",
	    cancel_drops_only_the_same_function_and_argument);
	ADD("an-item-may-cancel-others", an_item_may_cancel_others);
	ADD("free-drops-what-has-not-run", free_drops_what_has_not_run);
	return g_test_run();
}
