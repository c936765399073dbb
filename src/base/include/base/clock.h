/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time is injected: everything that waits takes a CxbClock. The real clock follows
 * CLOCK_MONOTONIC and fires from a GMainContext; the virtual clock (qtest, unit tests) moves only
 * when told to. Times are nanoseconds since the clock's own start. One thread only.
 */
#ifndef CXB_BASE_CLOCK_H
#define CXB_BASE_CLOCK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct CxbClock CxbClock;
typedef struct CxbTimer CxbTimer;
typedef void (*CxbTimerFn)(void *opaque);

/** cxb_clock_new_real() - Timers fire from @context (NULL: the default one); none, no wake-ups. */
CxbClock *cxb_clock_new_real(GMainContext *context);
/** cxb_clock_new_virtual() - Starts at 0. */
CxbClock *cxb_clock_new_virtual(void);
/** cxb_clock_free() - All timers must be gone. NULL is fine. */
void cxb_clock_free(CxbClock *clock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbClock, cxb_clock_free)

int64_t cxb_clock_now_ns(const CxbClock *clock);
bool cxb_clock_is_virtual(const CxbClock *clock);

/** cxb_clock_deadline() - The earliest armed deadline in @ns; false if no timer is armed. */
bool cxb_clock_deadline(const CxbClock *clock, int64_t *ns);
/**
 * cxb_clock_advance() - Move a virtual clock to @ns, running due timers in order of deadline.
 *
 * While a timer runs the clock reads its deadline. Returns: false (nothing done) if @ns is earlier
 * than now, the clock is not virtual, or a timer of this clock is running.
 */
bool cxb_clock_advance(CxbClock *clock, int64_t ns);

CxbTimer *cxb_timer_new(CxbClock *clock, CxbTimerFn fn, void *opaque);
void cxb_timer_free(CxbTimer *timer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbTimer, cxb_timer_free)
/**
 * cxb_timer_arm() - Fire once at @deadline_ns; re-arming moves the deadline.
 *
 * A past deadline counts as now: it fires when the context iterates next or the clock is next
 * advanced (be it by nothing), never inside this call. Timers of one deadline fire in the order
 * they were armed. A timer's function may arm, disarm and free any timer, its own included.
 */
void cxb_timer_arm(CxbTimer *timer, int64_t deadline_ns);
void cxb_timer_disarm(CxbTimer *timer);
bool cxb_timer_armed(const CxbTimer *timer);

#endif
