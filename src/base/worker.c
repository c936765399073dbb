/* SPDX-License-Identifier: Apache-2.0 */
#include "base/worker.h"

typedef struct {
	GSource source;
	CxbWorker *worker;
} EndSource;

struct CxbWorker {
	GSource *source; /* tells ends */
	GThread *thread; /* NULL: not started yet */
	uint64_t spent;  /* since the loop's last turn */

	GMutex lock; /* of what follows */
	GCond work;  /* something waits, or the thread is to end */
	GCond calm;  /* a job is over */
	GQueue waiting;
	GQueue ended;
	CxbJob *current; /* the lock is free while it is in a step, and only then */
	bool cancelled;  /* current: no further step */
	bool quit;
};

static void push(GQueue *queue, CxbJob *job)
{
	job->queue = queue;
	job->link = (GList){ .data = job };
	g_queue_push_tail_link(queue, &job->link);
}

static CxbJob *pop(GQueue *queue)
{
	GList *link = g_queue_pop_head_link(queue);
	CxbJob *job = link ? link->data : NULL;

	if (job)
		job->queue = NULL;
	return job;
}

static void has_ended(CxbWorker *w, CxbJob *job)
{
	push(&w->ended, job);
	g_source_set_ready_time(w->source, 0);
}

static void work_off(CxbWorker *w, CxbJob *job)
{
	bool more = true;

	w->current = job;
	w->cancelled = false;
	while (more && !w->cancelled) {
		g_mutex_unlock(&w->lock);
		more = job->step(job);
		g_mutex_lock(&w->lock);
	}
	if (!w->cancelled)
		has_ended(w, job);
	w->current = NULL;
	g_cond_broadcast(&w->calm);
}

static gpointer thread_main(gpointer opaque)
{
	CxbWorker *w = opaque;

	g_mutex_lock(&w->lock);
	while (!w->quit) {
		CxbJob *job = pop(&w->waiting);

		if (job)
			work_off(w, job);
		else
			g_cond_wait(&w->work, &w->lock);
	}
	g_mutex_unlock(&w->lock);
	return NULL;
}

/* --- the owner's side --- */

static CxbJob *next_ended(CxbWorker *w)
{
	CxbJob *job;

	g_mutex_lock(&w->lock);
	job = pop(&w->ended);
	if (!job) /* under the lock, or what ends meanwhile wakes the loop for nothing */
		g_source_set_ready_time(w->source, -1);
	g_mutex_unlock(&w->lock);
	return job;
}

static void tell_ends(CxbWorker *w)
{
	CxbJob *job;

	while ((job = next_ended(w)))
		job->done(job);
}

/* Each turn of the loop asks its sources, and so begins here. */
static gboolean turn_begins(GSource *source, int *timeout_ms)
{
	((EndSource *)source)->worker->spent = 0;
	*timeout_ms = -1;
	return FALSE;
}

static gboolean end_dispatch(GSource *source, GSourceFunc fn, gpointer unused)
{
	tell_ends(((EndSource *)source)->worker);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs end_source_funcs = { .prepare = turn_begins, .dispatch = end_dispatch };

CxbWorker *cxb_worker_new(GMainContext *context)
{
	CxbWorker *w = g_new0(CxbWorker, 1);

	g_mutex_init(&w->lock);
	g_cond_init(&w->work);
	g_cond_init(&w->calm);
	g_queue_init(&w->waiting);
	g_queue_init(&w->ended);
	w->source = g_source_new(&end_source_funcs, sizeof(EndSource));
	g_source_set_static_name(w->source, "worker");
	((EndSource *)w->source)->worker = w;
	g_source_attach(w->source, context);
	return w;
}

void cxb_worker_free(CxbWorker *w)
{
	if (!w)
		return;
	g_assert(cxb_worker_idle(w));
	if (w->thread) {
		g_mutex_lock(&w->lock);
		w->quit = true;
		g_cond_signal(&w->work);
		g_mutex_unlock(&w->lock);
		g_thread_join(w->thread);
	}
	g_source_destroy(w->source);
	g_source_unref(w->source);
	g_cond_clear(&w->calm);
	g_cond_clear(&w->work);
	g_mutex_clear(&w->lock);
	g_free(w);
}

void cxb_worker_submit(CxbWorker *w, CxbJob *job)
{
	g_assert(job->step && job->done);
	if (!w->thread)
		w->thread = g_thread_try_new("worker", thread_main, w, NULL);
	g_mutex_lock(&w->lock);
	if (w->thread) {
		push(&w->waiting, job);
		g_cond_signal(&w->work);
	} else {
		work_off(w, job);
	}
	g_mutex_unlock(&w->lock);
}

void cxb_worker_cancel(CxbWorker *w, CxbJob *job)
{
	g_mutex_lock(&w->lock);
	if (w->current == job) {
		w->cancelled = true;
		while (w->current == job)
			g_cond_wait(&w->calm, &w->lock);
	} else {
		g_queue_unlink(job->queue, &job->link);
	}
	g_mutex_unlock(&w->lock);
}

void cxb_worker_finish(CxbWorker *w)
{
	while (!cxb_worker_idle(w)) {
		g_mutex_lock(&w->lock);
		while (w->current || !g_queue_is_empty(&w->waiting))
			g_cond_wait(&w->calm, &w->lock);
		g_mutex_unlock(&w->lock);
		tell_ends(w);
	}
}

bool cxb_worker_idle(const CxbWorker *w)
{
	GMutex *lock = (GMutex *)&w->lock;
	bool idle;

	g_mutex_lock(lock);
	idle = !w->current && g_queue_is_empty((GQueue *)&w->waiting) &&
	       g_queue_is_empty((GQueue *)&w->ended);
	g_mutex_unlock(lock);
	return idle;
}

bool cxb_worker_spend(CxbWorker *w, uint64_t bytes)
{
	if (bytes > CXB_WORKER_AT_ONCE - w->spent)
		return false;
	w->spent += bytes;
	return true;
}
