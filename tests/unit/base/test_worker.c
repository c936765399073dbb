/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>
#include <string.h>

#include "base/worker.h"

typedef struct {
	GMainContext *context;
	CxbWorker *w;
	GString *log; /* of ends */
	GThread *owner;
} Fixture;

typedef struct {
	CxbJob job;
	Fixture *f;
	char name;
	unsigned steps;
	GThread *thread; /* that did the last step */
	/* Holds the step up until it is opened. */
	GMutex gate;
	GCond moved;
	bool closed, arrived;
	bool inside; /* a step */
} Job;

static bool step(CxbJob *job)
{
	Job *j = (Job *)job;

	j->thread = g_thread_self();
	g_mutex_lock(&j->gate);
	j->arrived = j->inside = true;
	g_cond_broadcast(&j->moved);
	while (j->closed)
		g_cond_wait(&j->moved, &j->gate);
	g_mutex_unlock(&j->gate);
	j->inside = false;
	return --j->steps;
}

static void done(CxbJob *job)
{
	Job *j = (Job *)job;

	g_assert_true(g_thread_self() == j->f->owner);
	g_string_append_c(j->f->log, j->name);
}

static void job_init(Job *j, Fixture *f, char name, unsigned steps)
{
	*j = (Job){ .job = { .step = step, .done = done }, .f = f, .name = name, .steps = steps };
}

static void wait_until_it_steps(Job *j)
{
	g_mutex_lock(&j->gate);
	while (!j->arrived)
		g_cond_wait(&j->moved, &j->gate);
	g_mutex_unlock(&j->gate);
}

static void open_gate(Job *j)
{
	g_mutex_lock(&j->gate);
	j->closed = false;
	g_cond_broadcast(&j->moved);
	g_mutex_unlock(&j->gate);
}

static void set_up(Fixture *f, gconstpointer unused)
{
	f->context = g_main_context_new();
	g_assert_true(g_main_context_acquire(f->context));
	f->w = cxb_worker_new(f->context);
	f->log = g_string_new(NULL);
	f->owner = g_thread_self();
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_worker_free(f->w);
	g_main_context_release(f->context);
	g_main_context_unref(f->context);
	g_string_free(f->log, TRUE);
}

static void turn_until(Fixture *f, const char *log)
{
	while (f->log->len < strlen(log))
		g_main_context_iteration(f->context, TRUE);
	g_assert_cmpstr(f->log->str, ==, log);
}

static void jobs_run_elsewhere_and_end_here_in_order(Fixture *f, gconstpointer unused)
{
	Job a, b;

	job_init(&a, f, 'a', 3);
	job_init(&b, f, 'b', 1);
	a.closed = true;
	cxb_worker_submit(f->w, &a.job);
	cxb_worker_submit(f->w, &b.job);
	wait_until_it_steps(&a);
	while (g_main_context_iteration(f->context, FALSE))
		;
	g_assert_cmpstr(f->log->str, ==, ""); /* the loop goes on meanwhile */
	g_assert_false(cxb_worker_idle(f->w));
	open_gate(&a);
	turn_until(f, "ab");
	g_assert_cmpuint(a.steps, ==, 0);
	g_assert_true(a.thread != f->owner && b.thread == a.thread);
	g_assert_true(cxb_worker_idle(f->w));
	g_assert_false(g_main_context_pending(f->context));
	cxb_worker_submit(f->w, &(a.steps = 1, &a)->job);
	turn_until(f, "aba");
}

static void finishing_waits_for_all_and_tells_their_ends(Fixture *f, gconstpointer unused)
{
	Job jobs[20];

	cxb_worker_finish(f->w);
	for (unsigned i = 0; i < G_N_ELEMENTS(jobs); i++) {
		job_init(&jobs[i], f, 'a' + i, 1 + i % 3);
		cxb_worker_submit(f->w, &jobs[i].job);
	}
	cxb_worker_finish(f->w);
	g_assert_cmpstr(f->log->str, ==, "abcdefghijklmnopqrst");
	g_assert_true(cxb_worker_idle(f->w));
}

static void one_that_is_cancelled_does_not_end(Fixture *f, gconstpointer unused)
{
	Job a, b, c;

	job_init(&a, f, 'a', 1000000);
	job_init(&b, f, 'b', 1);
	job_init(&c, f, 'c', 1);
	cxb_worker_submit(f->w, &a.job);
	cxb_worker_submit(f->w, &b.job);
	cxb_worker_submit(f->w, &c.job);
	wait_until_it_steps(&a);
	cxb_worker_cancel(f->w, &b.job); /* waits */
	cxb_worker_cancel(f->w, &a.job); /* is in a step, or between two */
	g_assert_cmpuint(b.steps, ==, 1);
	turn_until(f, "c");
	a.steps = 1;
	cxb_worker_submit(f->w, &a.job); /* it is ours again */
	while (!g_main_context_pending(f->context))
		g_thread_yield();
	cxb_worker_cancel(f->w, &a.job); /* has had its last step */
	g_assert_true(cxb_worker_idle(f->w));
	cxb_worker_finish(f->w);
	g_assert_cmpstr(f->log->str, ==, "c");
}

static void cancelling_waits_for_the_step_at_hand(Fixture *f, gconstpointer unused)
{
	GThread *helper;
	Job a;

	job_init(&a, f, 'a', 2);
	a.closed = true;
	cxb_worker_submit(f->w, &a.job);
	wait_until_it_steps(&a);
	helper = g_thread_new("opens", (GThreadFunc)(void (*)(void))open_gate, &a);
	cxb_worker_cancel(f->w, &a.job);
	g_assert_false(a.inside);
	g_assert_true(cxb_worker_idle(f->w));
	g_thread_join(helper);
	cxb_worker_finish(f->w);
	g_assert_cmpstr(f->log->str, ==, "");
}

static void so_much_at_once_each_turn(Fixture *f, gconstpointer unused)
{
	g_assert_false(cxb_worker_spend(f->w, CXB_WORKER_AT_ONCE + 1));
	g_assert_false(cxb_worker_spend(f->w, UINT64_MAX));
	g_assert_true(cxb_worker_spend(f->w, CXB_WORKER_AT_ONCE - 1));
	g_assert_true(cxb_worker_spend(f->w, 0));
	g_assert_false(cxb_worker_spend(f->w, 2));
	g_assert_true(cxb_worker_spend(f->w, 1));
	g_assert_false(cxb_worker_spend(f->w, 1));
	g_main_context_iteration(f->context, FALSE);
	g_assert_true(cxb_worker_spend(f->w, CXB_WORKER_AT_ONCE));
}

#define T(name, fn) g_test_add("/base/worker/" name, Fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	T("order", jobs_run_elsewhere_and_end_here_in_order);
	T("finish", finishing_waits_for_all_and_tells_their_ends);
	T("cancel", one_that_is_cancelled_does_not_end);
	T("cancel-step", cancelling_waits_for_the_step_at_hand);
	T("at-once", so_much_at_once_each_turn);
	cxb_worker_free(NULL);
	return g_test_run();
}
