/* SPDX-License-Identifier: Apache-2.0 */
#include "base/workq.h"

typedef struct {
	CxbWorkFn fn;
	void *opaque;
} Work;

struct CxbWorkq {
	GQueue waiting; /* of Work, oldest first */
	GSource *source;
	bool running;
};

typedef struct {
	GSource source;
	CxbWorkq *q;
} WorkSource;

/* Ready at once while something waits, never while nothing does: an idle queue wakes nobody. */
static void update_source(CxbWorkq *q)
{
	g_source_set_ready_time(q->source, g_queue_is_empty(&q->waiting) ? -1 : 0);
}

/* Run at most @max items. */
static void run(CxbWorkq *q, guint max)
{
	if (q->running)
		return;
	q->running = true;
	for (; max && !g_queue_is_empty(&q->waiting); max--) {
		g_autofree Work *work = g_queue_pop_head(&q->waiting);

		work->fn(work->opaque);
	}
	q->running = false;
	update_source(q);
}

/* Items posted meanwhile run the next time round, so that other sources get their turn. */
static gboolean work_dispatch(GSource *source, GSourceFunc fn, gpointer unused)
{
	CxbWorkq *q = ((WorkSource *)source)->q;

	run(q, g_queue_get_length(&q->waiting));
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs work_source_funcs = { .dispatch = work_dispatch };

CxbWorkq *cxb_workq_new(GMainContext *context)
{
	CxbWorkq *q = g_new0(CxbWorkq, 1);

	g_queue_init(&q->waiting);
	q->source = g_source_new(&work_source_funcs, sizeof(WorkSource));
	g_source_set_static_name(q->source, "workq");
	((WorkSource *)q->source)->q = q;
	g_source_attach(q->source, context);
	return q;
}

void cxb_workq_free(CxbWorkq *q)
{
	if (!q)
		return;
	g_assert(!q->running);
	g_source_destroy(q->source);
	g_source_unref(q->source);
	g_queue_clear_full(&q->waiting, g_free);
	g_free(q);
}

void cxb_workq_post(CxbWorkq *q, CxbWorkFn fn, void *opaque)
{
	Work *work = g_new(Work, 1);

	g_assert(fn);
	*work = (Work){ fn, opaque };
	g_queue_push_tail(&q->waiting, work);
	update_source(q);
}

unsigned cxb_workq_cancel(CxbWorkq *q, CxbWorkFn fn, void *opaque)
{
	GList *link = q->waiting.head;
	unsigned dropped = 0;

	while (link) {
		GList *next = link->next;
		Work *work = link->data;

		if (work->fn == fn && work->opaque == opaque) {
			g_queue_delete_link(&q->waiting, link);
			g_free(work);
			dropped++;
		}
		link = next;
	}
	update_source(q);
	return dropped;
}

void cxb_workq_drain(CxbWorkq *q)
{
	run(q, G_MAXUINT);
}

bool cxb_workq_idle(const CxbWorkq *q)
{
	return !q->waiting.length;
}
