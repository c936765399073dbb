/* SPDX-License-Identifier: Apache-2.0 */
#include "waiter.h"

struct Waiter {
	CxbWorkq *workq;
	CxbBusIrqFn fn;
	void *opaque;
	bool queued;
};

static void run(void *opaque)
{
	Waiter *w = opaque;

	w->queued = false;
	w->fn(w->opaque);
}

Waiter *waiter_new(CxbWorkq *workq, CxbBusIrqFn fn, void *opaque)
{
	Waiter *w = g_new0(Waiter, 1);

	*w = (Waiter){ .workq = workq, .fn = fn, .opaque = opaque };
	return w;
}

void waiter_free(gpointer waiter)
{
	Waiter *w = waiter;

	if (w->queued)
		cxb_workq_cancel(w->workq, run, w);
	g_free(w);
}

void waiter_wake(Waiter *w)
{
	if (w->queued)
		return;
	w->queued = true;
	cxb_workq_post(w->workq, run, w);
}
