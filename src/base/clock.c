/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both clocks keep their armed timers in one tree, earliest deadline first, and in the order of
 * arming among equals. The real clock has a single source in its context, ready at the first
 * deadline, so that nothing wakes up while no timer is armed.
 */
#include "base/clock.h"

#include <time.h>

struct CxbClock {
	GTree *armed; /* CxbTimer, by (deadline, arming) */
	uint64_t armings;
	unsigned timers;  /* made and not freed */
	bool running;     /* a timer's function is on the stack */
	GSource *source;  /* real clock only */
	int64_t start_ns; /* real clock only: CLOCK_MONOTONIC at its start */
	int64_t now_ns;   /* virtual clock only */
};

struct CxbTimer {
	CxbClock *clock;
	CxbTimerFn fn;
	void *opaque;
	bool armed;
	int64_t deadline_ns;
	uint64_t arming;
};

typedef struct {
	GSource source;
	CxbClock *clock;
} ClockSource;

static int compare_timers(gconstpointer a, gconstpointer b, gpointer unused)
{
	const CxbTimer *x = a, *y = b;

	if (x->deadline_ns != y->deadline_ns)
		return x->deadline_ns < y->deadline_ns ? -1 : 1;
	return x->arming < y->arming ? -1 : x->arming > y->arming;
}

static int64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static CxbTimer *first_armed(const CxbClock *clock)
{
	GTreeNode *node = g_tree_node_first(clock->armed);

	return node ? g_tree_node_key(node) : NULL;
}

/*
 * GLib's ready times are CLOCK_MONOTONIC in us; rounded up, so never early. What is due already is said
 * to be ready for ever: a part of a microsecond ahead would be a millisecond of sleep.
 */
static void update_source(CxbClock *clock)
{
	const CxbTimer *first = first_armed(clock);
	int64_t at_ns;

	if (!clock->source)
		return;
	if (!first) {
		g_source_set_ready_time(clock->source, -1);
		return;
	}
	if (__builtin_add_overflow(clock->start_ns, first->deadline_ns, &at_ns))
		at_ns = INT64_MAX;
	if (at_ns <= monotonic_ns())
		at_ns = 0;
	g_source_set_ready_time(clock->source, at_ns / 1000 + (at_ns % 1000 != 0));
}

static void fire(CxbTimer *timer)
{
	CxbClock *clock = timer->clock;

	/* Nothing of @timer is touched after its function: it may free itself. */
	g_tree_remove(clock->armed, timer);
	timer->armed = false;
	clock->running = true;
	timer->fn(timer->opaque);
	clock->running = false;
}

static gboolean clock_dispatch(GSource *source, GSourceFunc fn, gpointer unused)
{
	CxbClock *clock = ((ClockSource *)source)->clock;
	const int64_t now = cxb_clock_now_ns(clock);
	CxbTimer *timer;

	/* What a timer arms is due later than @now, so this ends. */
	while ((timer = first_armed(clock)) && timer->deadline_ns <= now)
		fire(timer);
	update_source(clock);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs clock_source_funcs = { .dispatch = clock_dispatch };

CxbClock *cxb_clock_new_virtual(void)
{
	CxbClock *clock = g_new0(CxbClock, 1);

	clock->armed = g_tree_new_full(compare_timers, NULL, NULL, NULL);
	return clock;
}

CxbClock *cxb_clock_new_real(GMainContext *context)
{
	CxbClock *clock = cxb_clock_new_virtual();

	clock->start_ns = monotonic_ns();
	clock->source = g_source_new(&clock_source_funcs, sizeof(ClockSource));
	g_source_set_static_name(clock->source, "clock");
	((ClockSource *)clock->source)->clock = clock;
	g_source_attach(clock->source, context);
	return clock;
}

void cxb_clock_free(CxbClock *clock)
{
	if (!clock)
		return;
	g_assert(!clock->timers && !clock->running);
	if (clock->source) {
		g_source_destroy(clock->source);
		g_source_unref(clock->source);
	}
	g_tree_unref(clock->armed);
	g_free(clock);
}

int64_t cxb_clock_now_ns(const CxbClock *clock)
{
	return clock->source ? monotonic_ns() - clock->start_ns : clock->now_ns;
}

bool cxb_clock_is_virtual(const CxbClock *clock)
{
	return !clock->source;
}

bool cxb_clock_deadline(const CxbClock *clock, int64_t *ns)
{
	const CxbTimer *first = first_armed(clock);

	if (!first)
		return false;
	*ns = first->deadline_ns;
	return true;
}

bool cxb_clock_advance(CxbClock *clock, int64_t ns)
{
	CxbTimer *timer;

	if (!cxb_clock_is_virtual(clock) || ns < clock->now_ns || clock->running)
		return false;
	while ((timer = first_armed(clock)) && timer->deadline_ns <= ns) {
		clock->now_ns = timer->deadline_ns;
		fire(timer);
	}
	clock->now_ns = ns;
	return true;
}

CxbTimer *cxb_timer_new(CxbClock *clock, CxbTimerFn fn, void *opaque)
{
	CxbTimer *timer = g_new0(CxbTimer, 1);

	g_assert(fn);
	timer->clock = clock;
	timer->fn = fn;
	timer->opaque = opaque;
	clock->timers++;
	return timer;
}

void cxb_timer_free(CxbTimer *timer)
{
	if (!timer)
		return;
	cxb_timer_disarm(timer);
	timer->clock->timers--;
	g_free(timer);
}

void cxb_timer_arm(CxbTimer *timer, int64_t deadline_ns)
{
	CxbClock *clock = timer->clock;

	if (timer->armed)
		g_tree_remove(clock->armed, timer);
	/* A past deadline becomes now: it neither turns time back nor overtakes what is due. */
	timer->deadline_ns = MAX(deadline_ns, cxb_clock_now_ns(clock));
	timer->arming = clock->armings++;
	timer->armed = true;
	g_tree_insert(clock->armed, timer, timer);
	update_source(clock);
}

void cxb_timer_disarm(CxbTimer *timer)
{
	if (!timer->armed)
		return;
	g_tree_remove(timer->clock->armed, timer);
	timer->armed = false;
	update_source(timer->clock);
}

bool cxb_timer_armed(const CxbTimer *timer)
{
	return timer->armed;
}
