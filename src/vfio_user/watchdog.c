/* SPDX-License-Identifier: Apache-2.0 */
#include "watchdog.h"

#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#define BITE_NS 1000000
#define SIGNAL  SIGRTMIN /* SIGALRM is for who runs us: a fuzzer ends what hangs by it */

#ifndef sigev_notify_thread_id /* older C libraries have it under this name alone */
#define sigev_notify_thread_id _sigev_un._tid
#endif

struct Watchdog {
	timer_t timer;
	bool there;
};

static void interrupt(int number)
{
}

/* Nobody else here uses the signal; without SA_RESTART it ends a call. */
static void catch_signal(void)
{
	const struct sigaction action = { .sa_handler = interrupt };
	sigset_t set;

	sigaction(SIGNAL, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

Watchdog *watchdog_new(void)
{
	Watchdog *w = g_new0(Watchdog, 1);
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL };

	event.sigev_notify_thread_id = gettid();
	catch_signal();
	w->there = timer_create(CLOCK_MONOTONIC, &event, &w->timer) == 0;
	return w;
}

void watchdog_free(Watchdog *w)
{
	if (w->there)
		timer_delete(w->timer);
	g_free(w);
}

static void set(Watchdog *w, long ns)
{
	/* Again and again: the first may come before the call has begun. */
	const struct itimerspec at = { { 0, ns }, { 0, ns } };

	if (w->there)
		timer_settime(w->timer, 0, &at, NULL);
}

void watchdog_begin(Watchdog *w)
{
	set(w, BITE_NS);
}

void watchdog_end(Watchdog *w)
{
	set(w, 0);
}
