/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "base/notify.h"

CXB_NOTIFY_TYPE(EventNotify, event_notify, GString)

typedef struct {
	EventNotify list;
	guint self, other;
	unsigned depth;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
	event_notify_init(&f->list);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	event_notify_fini(&f->list);
}

static void log_name(void *opaque, GString *log)
{
	g_string_append(log, opaque);
}

static void remove_self(void *opaque, GString *log)
{
	Fixture *f = opaque;

	g_string_append_c(log, 's');
	g_assert_true(event_notify_remove(&f->list, f->self));
	g_assert_false(event_notify_remove(&f->list, f->self));
}

static void remove_other(void *opaque, GString *log)
{
	Fixture *f = opaque;

	g_string_append_c(log, 'o');
	event_notify_remove(&f->list, f->other);
}

static void add_one(void *opaque, GString *log)
{
	g_string_append_c(log, '+');
	event_notify_add(&((Fixture *)opaque)->list, log_name, (void *)"n");
}

static void run_again(void *opaque, GString *log)
{
	Fixture *f = opaque;

	g_string_append_c(log, '(');
	if (f->depth++ < 1) {
		event_notify_run(&f->list, log);
		event_notify_remove(&f->list, f->other);
	}
	g_string_append_c(log, ')');
}

static void expect_run(Fixture *f, const char *want)
{
	g_autoptr(GString) log = g_string_new(NULL);

	event_notify_run(&f->list, log);
	g_assert_cmpstr(log->str, ==, want);
}

static void runs_in_the_order_of_adding(Fixture *f, gconstpointer u)
{
	expect_run(f, "");
	event_notify_add(&f->list, log_name, (void *)"b");
	event_notify_add(&f->list, log_name, (void *)"a");
	event_notify_add(&f->list, log_name, (void *)"b");
	expect_run(f, "bab");
	expect_run(f, "bab");
}

static void removes_by_id_once(Fixture *f, gconstpointer u)
{
	const guint a = event_notify_add(&f->list, log_name, (void *)"a");
	const guint b = event_notify_add(&f->list, log_name, (void *)"b");

	g_assert_cmpuint(a, !=, 0);
	g_assert_cmpuint(b, !=, 0);
	g_assert_cmpuint(a, !=, b);
	g_assert_true(event_notify_remove(&f->list, a));
	g_assert_false(event_notify_remove(&f->list, a));
	g_assert_false(event_notify_remove(&f->list, 0));
	expect_run(f, "b");
}

static void a_listener_may_remove_itself(Fixture *f, gconstpointer u)
{
	event_notify_add(&f->list, log_name, (void *)"a");
	f->self = event_notify_add(&f->list, remove_self, f);
	event_notify_add(&f->list, log_name, (void *)"b");
	expect_run(f, "asb");
	expect_run(f, "ab");
}

static void one_removed_during_the_run_does_not_run_any_more(Fixture *f, gconstpointer u)
{
	event_notify_add(&f->list, remove_other, f);
	event_notify_add(&f->list, log_name, (void *)"a");
	f->other = event_notify_add(&f->list, log_name, (void *)"x");
	expect_run(f, "oa");
	expect_run(f, "oa");
}

static void one_that_ran_already_may_be_removed(Fixture *f, gconstpointer u)
{
	f->other = event_notify_add(&f->list, log_name, (void *)"x");
	event_notify_add(&f->list, remove_other, f);
	event_notify_add(&f->list, log_name, (void *)"a");
	expect_run(f, "xoa");
	expect_run(f, "oa");
}

static void one_added_during_the_run_waits_for_the_next(Fixture *f, gconstpointer u)
{
	event_notify_add(&f->list, add_one, f);
	expect_run(f, "+");
	expect_run(f, "+n");
	expect_run(f, "+nn");
}

static void a_run_inside_a_run_keeps_the_outer_one_whole(Fixture *f, gconstpointer u)
{
	f->other = event_notify_add(&f->list, log_name, (void *)"x");
	event_notify_add(&f->list, run_again, f);
	event_notify_add(&f->list, log_name, (void *)"a");
	expect_run(f, "x(x()a)a");
	expect_run(f, "()a");
}

static void ids_stay_apart_when_the_counter_comes_round(Fixture *f, gconstpointer u)
{
	const guint first = event_notify_add(&f->list, log_name, (void *)"a");
	guint second;

	g_assert_cmpuint(first, ==, 1);
	f->list.list.last_id = G_MAXUINT;
	second = event_notify_add(&f->list, log_name, (void *)"b");
	g_assert_cmpuint(second, !=, 0);
	g_assert_cmpuint(second, !=, first);
}

#define ADD(name, fn) g_test_add("/notify/" name, Fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("runs-in-the-order-of-adding", runs_in_the_order_of_adding);
	ADD("removes-by-id-once", removes_by_id_once);
	ADD("a-listener-may-remove-itself", a_listener_may_remove_itself);
	ADD("one-removed-during-the-run-does-not-run-any-more",
	    one_removed_during_the_run_does_not_run_any_more);
	ADD("one-that-ran-already-may-be-removed", one_that_ran_already_may_be_removed);
	ADD("one-added-during-the-run-waits-for-the-next",
	    one_added_during_the_run_waits_for_the_next);
	ADD("a-run-inside-a-run-keeps-the-outer-one-whole",
	    a_run_inside_a_run_keeps_the_outer_one_whole);
	ADD("ids-stay-apart-when-the-counter-comes-round",
	    ids_stay_apart_when_the_counter_comes_round);
	return g_test_run();
}
