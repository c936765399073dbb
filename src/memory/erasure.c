/* SPDX-License-Identifier: Apache-2.0 */
#include "memory/erasure.h"

#include "base/range.h"
#include "hostmem_impl.h"

typedef struct {
	CxbHostMem *mem; /* pinned */
	uint64_t off, len;
} Part;

struct CxbErasure {
	CxbJob job; /* first */
	char *who;
	void (*done)(void *opaque);
	void *opaque;
	CxbWorker *worker; /* that it is on; NULL: on none */
	GArray *parts;     /* of Part */
	guint at;          /* the one being zeroed */
	uint64_t zeroed;   /* bytes of it, from its start */
	uint64_t step;     /* bytes to zero in one go */
	GError *err;
};

CxbErasure *cxb_erasure_new(const char *who, void (*done)(void *opaque), void *opaque)
{
	CxbErasure *e = g_new0(CxbErasure, 1);

	e->who = g_strdup(who);
	e->done = done;
	e->opaque = opaque;
	e->parts = g_array_new(false, false, sizeof(Part));
	return e;
}

void cxb_erasure_free(CxbErasure *e)
{
	if (!e)
		return;
	if (e->worker)
		cxb_worker_cancel(e->worker, &e->job);
	for (guint i = 0; i < e->parts->len; i++)
		cxb_hostmem_unpin(g_array_index(e->parts, Part, i).mem);
	g_array_unref(e->parts);
	g_clear_error(&e->err);
	g_free(e->who);
	g_free(e);
}

void cxb_erasure_add(CxbErasure *e, CxbHostMem *mem, uint64_t off, uint64_t len)
{
	const Part part = { mem, off, len };

	g_assert(len && cxb_range_in(off, len, cxb_hostmem_size(mem)));
	cxb_hostmem_pin(mem, e->who);
	g_array_append_val(e->parts, part);
}

/* Touches of the backends what does not change. A range that cannot be zeroed does not keep the next. */
static bool step(CxbJob *job)
{
	CxbErasure *e = (CxbErasure *)job;
	const Part *p = &g_array_index(e->parts, Part, e->at);
	const uint64_t from = e->zeroed;

	e->zeroed = hostmem_step_end(p->mem, p->off, p->len, from, e->step);
	if (!cxb_hostmem_discard(p->mem, p->off + from, e->zeroed - from, e->err ? NULL : &e->err))
		e->zeroed = p->len;
	if (e->zeroed == p->len) {
		e->at++;
		e->zeroed = 0;
	}
	return e->at < e->parts->len;
}

static void ended(CxbJob *job)
{
	CxbErasure *e = (CxbErasure *)job;

	e->worker = NULL;
	e->done(e->opaque);
}

bool cxb_erasure_start(CxbErasure *e)
{
	CxbWorker *worker = NULL;
	uint64_t cost = 0;

	for (guint i = 0; i < e->parts->len; i++) {
		const Part *p = &g_array_index(e->parts, Part, i);

		cost += hostmem_zeroing_cost(p->mem, p->len);
		if (p->mem->pool)
			worker = p->mem->pool->worker;
	}
	if (worker && !cxb_worker_spend(worker, cost)) {
		e->job.step = step;
		e->job.done = ended;
		e->step = HOSTMEM_STEP;
		e->worker = worker;
		cxb_worker_submit(worker, &e->job);
		return false;
	}
	e->step = UINT64_MAX;
	while (e->at < e->parts->len)
		step(&e->job);
	return true;
}

const GError *cxb_erasure_error(const CxbErasure *e)
{
	return e->err;
}
