/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "base/clock.h"

#define TIMERS 4

typedef struct Fixture Fixture;
typedef struct {
	Fixture *f;
	CxbTimer *timer;
	int64_t period; /* re-arm this much later when fired; 0: do not */
	int64_t fired_at;
	unsigned fired;
	void (*also)(Fixture *f);
} Slot;

struct Fixture {
	GMainContext *context; /* real clock only */
	CxbClock *clock;
	Slot slot[TIMERS];
	GString *log; /* slot numbers in the order they fired */
};

static void slot_fired(void *opaque)
{
	Slot *s = opaque;
	Fixture *f = s->f;

	g_string_append_c(f->log, '0' + (s - f->slot));
	s->fired++;
	s->fired_at = cxb_clock_now_ns(f->clock);
	g_assert_false(cxb_timer_armed(s->timer));
	if (s->period)
		cxb_timer_arm(s->timer, s->fired_at + s->period);
	if (s->also)
		s->also(f);
}

static void make_timers(Fixture *f)
{
	f->log = g_string_new(NULL);
	for (unsigned i = 0; i < TIMERS; i++) {
		f->slot[i].f = f;
		f->slot[i].timer = cxb_timer_new(f->clock, slot_fired, &f->slot[i]);
	}
}

static void set_up_virtual(Fixture *f, gconstpointer unused)
{
	f->clock = cxb_clock_new_virtual();
	make_timers(f);
}

static void set_up_real(Fixture *f, gconstpointer unused)
{
	f->context = g_main_context_new();
	g_assert_true(g_main_context_acquire(f->context));
	f->clock = cxb_clock_new_real(f->context);
	make_timers(f);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	for (unsigned i = 0; i < TIMERS; i++)
		cxb_timer_free(f->slot[i].timer);
	cxb_clock_free(f->clock);
	if (f->context) {
		g_main_context_release(f->context);
		g_main_context_unref(f->context);
	}
	g_string_free(f->log, TRUE);
}

static void arm(Fixture *f, unsigned i, int64_t deadline_ns)
{
	cxb_timer_arm(f->slot[i].timer, deadline_ns);
}

static void a_virtual_clock_moves_only_when_told(Fixture *f, gconstpointer u)
{
	g_assert_true(cxb_clock_is_virtual(f->clock));
	g_assert_cmpint(cxb_clock_now_ns(f->clock), ==, 0);
	g_assert_true(cxb_clock_advance(f->clock, 1000));
	g_assert_true(cxb_clock_advance(f->clock, 1000));
	g_assert_cmpint(cxb_clock_now_ns(f->clock), ==, 1000);
}

static void a_virtual_clock_refuses_to_go_back(Fixture *f, gconstpointer u)
{
	cxb_clock_advance(f->clock, 1000);
	arm(f, 0, 1000);
	g_assert_false(cxb_clock_advance(f->clock, 999));
	g_assert_cmpint(cxb_clock_now_ns(f->clock), ==, 1000);
	g_assert_cmpstr(f->log->str, ==, "");
}

static void timers_fire_in_order_of_deadline_then_of_arming(Fixture *f, gconstpointer u)
{
	arm(f, 3, 20);
	arm(f, 0, 30);
	arm(f, 2, 10);
	arm(f, 1, 20);
	g_assert_true(cxb_clock_advance(f->clock, 9));
	g_assert_cmpstr(f->log->str, ==, "");
	g_assert_true(cxb_clock_advance(f->clock, 20));
	g_assert_cmpstr(f->log->str, ==, "231");
	g_assert_true(cxb_clock_advance(f->clock, 29));
	g_assert_cmpstr(f->log->str, ==, "231");
	g_assert_true(cxb_clock_advance(f->clock, INT64_MAX));
	g_assert_cmpstr(f->log->str, ==, "2310");
}

static void the_clock_reads_the_deadline_while_a_timer_runs(Fixture *f, gconstpointer u)
{
	arm(f, 0, 10);
	arm(f, 1, 25);
	cxb_clock_advance(f->clock, 100);
	g_assert_cmpint(f->slot[0].fired_at, ==, 10);
	g_assert_cmpint(f->slot[1].fired_at, ==, 25);
	g_assert_cmpint(cxb_clock_now_ns(f->clock), ==, 100);
}

static void a_timer_fires_once_and_a_periodic_one_re_arms_itself(Fixture *f, gconstpointer u)
{
	arm(f, 0, 5);
	f->slot[1].period = 10;
	arm(f, 1, 10);
	cxb_clock_advance(f->clock, 40);
	g_assert_cmpuint(f->slot[0].fired, ==, 1);
	g_assert_cmpuint(f->slot[1].fired, ==, 4);
	g_assert_false(cxb_timer_armed(f->slot[0].timer));
	g_assert_true(cxb_timer_armed(f->slot[1].timer));
}

static void the_earliest_deadline_is_known(Fixture *f, gconstpointer u)
{
	int64_t ns = 77;

	g_assert_false(cxb_clock_deadline(f->clock, &ns));
	g_assert_cmpint(ns, ==, 77);
	arm(f, 0, 50);
	arm(f, 1, 40);
	g_assert_true(cxb_clock_deadline(f->clock, &ns));
	g_assert_cmpint(ns, ==, 40);
	cxb_timer_disarm(f->slot[1].timer);
	g_assert_true(cxb_clock_deadline(f->clock, &ns));
	g_assert_cmpint(ns, ==, 50);
	arm(f, 0, 60);
	g_assert_true(cxb_clock_deadline(f->clock, &ns));
	g_assert_cmpint(ns, ==, 60);
	cxb_clock_advance(f->clock, 60);
	g_assert_false(cxb_clock_deadline(f->clock, &ns));
}

static void a_past_deadline_counts_as_now(Fixture *f, gconstpointer u)
{
	int64_t ns;

	cxb_clock_advance(f->clock, 100);
	arm(f, 1, 100);
	arm(f, 0, INT64_MIN);
	g_assert_cmpstr(f->log->str, ==, "");
	g_assert_true(cxb_clock_deadline(f->clock, &ns));
	g_assert_cmpint(ns, ==, 100);
	cxb_clock_advance(f->clock, 100);
	g_assert_cmpstr(f->log->str, ==, "10");
	g_assert_cmpint(f->slot[0].fired_at, ==, 100);
}

static void a_disarmed_or_freed_timer_does_not_fire(Fixture *f, gconstpointer u)
{
	arm(f, 0, 10);
	arm(f, 1, 10);
	cxb_timer_disarm(f->slot[0].timer);
	cxb_timer_disarm(f->slot[0].timer);
	g_assert_false(cxb_timer_armed(f->slot[0].timer));
	cxb_timer_free(g_steal_pointer(&f->slot[1].timer));
	cxb_clock_advance(f->clock, 20);
	g_assert_cmpstr(f->log->str, ==, "");
}

static void free_0_and_1_disarm_2_arm_3(Fixture *f)
{
	cxb_timer_free(g_steal_pointer(&f->slot[0].timer));
	cxb_timer_free(g_steal_pointer(&f->slot[1].timer));
	cxb_timer_disarm(f->slot[2].timer);
	arm(f, 3, 0);
}

static void a_timer_may_free_itself_and_change_others(Fixture *f, gconstpointer u)
{
	f->slot[0].also = free_0_and_1_disarm_2_arm_3;
	arm(f, 0, 10);
	arm(f, 1, 10);
	arm(f, 2, 10);
	cxb_clock_advance(f->clock, 10);
	g_assert_cmpstr(f->log->str, ==, "03");
}

static void try_to_advance(Fixture *f)
{
	g_assert_false(cxb_clock_advance(f->clock, 1000));
}

static void a_timer_cannot_advance_its_own_clock(Fixture *f, gconstpointer u)
{
	f->slot[0].also = try_to_advance;
	arm(f, 0, 10);
	g_assert_true(cxb_clock_advance(f->clock, 20));
	g_assert_cmpint(cxb_clock_now_ns(f->clock), ==, 20);
	g_assert_cmpuint(f->slot[0].fired, ==, 1);
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

static void a_real_clock_without_timers_wakes_nobody(Fixture *f, gconstpointer u)
{
	g_assert_cmpint(timeout_ms(f), ==, -1);
	arm(f, 0, INT64_MAX);
	g_assert_cmpint(timeout_ms(f), >, 3600 * 1000);
	arm(f, 1, 3600 * INT64_C(1000000000));
	g_assert_cmpint(timeout_ms(f), >, 0);
	g_assert_cmpint(timeout_ms(f), <=, 3600 * 1000);
	cxb_timer_disarm(f->slot[0].timer);
	cxb_timer_disarm(f->slot[1].timer);
	g_assert_cmpint(timeout_ms(f), ==, -1);
	g_assert_false(g_main_context_iteration(f->context, FALSE));
}

static void a_real_clock_cannot_be_advanced(Fixture *f, gconstpointer u)
{
	const int64_t before = cxb_clock_now_ns(f->clock);

	g_assert_false(cxb_clock_is_virtual(f->clock));
	g_assert_false(cxb_clock_advance(f->clock, INT64_MAX));
	g_assert_cmpint(before, >=, 0);
	g_assert_cmpint(cxb_clock_now_ns(f->clock), >=, before);
}

static void a_real_clock_fires_from_its_context_and_then_rests(Fixture *f, gconstpointer u)
{
	arm(f, 1, 0);
	arm(f, 0, 0);
	g_assert_cmpstr(f->log->str, ==, "");
	while (f->log->len < 2)
		g_main_context_iteration(f->context, TRUE);
	g_assert_cmpstr(f->log->str, ==, "10");
	g_assert_cmpint(timeout_ms(f), ==, -1);
}

static void a_real_clock_never_fires_early(Fixture *f, gconstpointer u)
{
	const int64_t deadline = cxb_clock_now_ns(f->clock) + 1501;

	arm(f, 0, deadline);
	while (!f->slot[0].fired)
		g_main_context_iteration(f->context, TRUE);
	g_assert_cmpint(f->slot[0].fired_at, >=, deadline);
}

static void arm_0_in_the_past(Fixture *f)
{
	arm(f, 0, 0);
}

static void a_timer_always_due_does_not_starve_the_others(Fixture *f, gconstpointer u)
{
	f->slot[0].also = arm_0_in_the_past;
	arm(f, 0, 0);
	arm(f, 1, 1);
	while (f->slot[0].fired < 3 || !f->slot[1].fired)
		g_main_context_iteration(f->context, TRUE);
	g_assert_true(g_str_has_prefix(f->log->str, "01"));
}

static void a_real_timer_may_free_itself_and_change_others(Fixture *f, gconstpointer u)
{
	f->slot[0].also = free_0_and_1_disarm_2_arm_3;
	arm(f, 0, 0);
	arm(f, 1, 0);
	arm(f, 2, 0);
	while (f->log->len < 2)
		g_main_context_iteration(f->context, TRUE);
	g_assert_cmpstr(f->log->str, ==, "03");
	g_assert_cmpint(timeout_ms(f), ==, -1);
}

#define VIRTUAL(name, fn) g_test_add("/clock/" name, Fixture, NULL, set_up_virtual, fn, tear_down)
#define REAL(name, fn)    g_test_add("/clock/" name, Fixture, NULL, set_up_real, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	VIRTUAL("a-virtual-clock-moves-only-when-told", a_virtual_clock_moves_only_when_told);
	VIRTUAL("a-virtual-clock-refuses-to-go-back", a_virtual_clock_refuses_to_go_back);
	VIRTUAL("timers-fire-in-order-of-deadline-then-of-arming",
		timers_fire_in_order_of_deadline_then_of_arming);
	VIRTUAL("the-clock-reads-the-deadline-while-a-timer-runs",
		the_clock_reads_the_deadline_while_a_timer_runs);
	VIRTUAL("a-timer-fires-once-and-a-periodic-one-re-arms-itself",
		a_timer_fires_once_and_a_periodic_one_re_arms_itself);
	VIRTUAL("the-earliest-deadline-is-known", the_earliest_deadline_is_known);
	VIRTUAL("a-past-deadline-counts-as-now", a_past_deadline_counts_as_now);
	VIRTUAL("a-disarmed-or-freed-timer-does-not-fire", a_disarmed_or_freed_timer_does_not_fire);
	VIRTUAL("a-timer-may-free-itself-and-change-others",
		a_timer_may_free_itself_and_change_others);
	VIRTUAL("a-timer-cannot-advance-its-own-clock", a_timer_cannot_advance_its_own_clock);
	REAL("a-real-clock-without-timers-wakes-nobody", a_real_clock_without_timers_wakes_nobody);
	REAL("a-real-clock-cannot-be-advanced", a_real_clock_cannot_be_advanced);
	REAL("a-real-clock-fires-from-its-context-and-then-rests",
	     a_real_clock_fires_from_its_context_and_then_rests);
	REAL("a-real-clock-never-fires-early", a_real_clock_never_fires_early);
	REAL("a-timer-always-due-does-not-starve-the-others",
	     a_timer_always_due_does_not_starve_the_others);
	REAL("a-real-timer-may-free-itself-and-change-others",
	     a_real_timer_may_free_itself_and_change_others);
	return g_test_run();
}
