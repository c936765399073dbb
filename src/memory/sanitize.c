/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that nobody may see again. What a backend has of them is in its map of unclean ranges until it
 * is zeroed; in a file it is marked as well, before anything else happens, so that it outlives us.
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/range.h"
#include "base/trace.h"
#include "hostmem_impl.h"
#include "marks.h"

CXB_TRACE(hostmem_sanitize, (const char *id, uint64_t off, uint64_t len, const char *where),
	  "%s offset 0x%" PRIx64 " len 0x%" PRIx64 ": %s", id, off, len, where)

/* A range that is to be zeroed. While it is being, the backend is referenced. */
typedef struct {
	CxbJob job; /* first */
	CxbHostMem *mem;
	uint64_t off, len;
	uint64_t zeroed; /* bytes, from the start */
	uint64_t step;   /* bytes to zero in one go */
	bool running;
	GError *err; /* why it is not clean; NULL while nothing is wrong */
} Cleaning;

static void cleaning_free(gpointer data)
{
	Cleaning *c = data;

	g_clear_error(&c->err);
	g_free(c);
}

void hostmem_sanitize_init(CxbHostMem *mem)
{
	mem->unclean = cxb_ivmap_new(cleaning_free);
}

void hostmem_sanitize_fini(CxbHostMem *mem)
{
	g_assert(!mem->cleaning);
	cxb_ivmap_free(mem->unclean);
}

/* --- marks --- */

/* Writes go to a file that others may have used before and will use again. */
static bool has_marks(const CxbHostMem *mem)
{
	return mem->backing.path && !mem->backing.readonly;
}

/* A mark that stays would have somebody else's bytes zeroed. */
static bool unmark(CxbHostMem *mem, uint64_t off, GError **errp)
{
	return marks_clear(mem->backing.fd, off) ||
	       cxb_fail_errno(errp, errno, "cannot note that memory backend '%s' was sanitized",
			      mem->id);
}

/* What a mark has of other parts of the file stays marked. */
bool hostmem_finish_marks(CxbHostMem *mem, GError **errp)
{
	const uint64_t start = mem->backing.fd_off, end = start + mem->size;
	g_autoptr(GArray) marks = NULL;

	if (!has_marks(mem))
		return true;
	marks = marks_list(mem->backing.fd, start, mem->size);
	for (guint i = 0; i < marks->len; i++) {
		const Mark m = g_array_index(marks, Mark, i);
		const uint64_t from = MAX(m.off, start), to = MIN(m.off + m.len, end);

		if (!cxb_hostmem_discard(mem, from - start, to - from, errp))
			return false;
		if (to < m.off + m.len)
			marks_set(mem->backing.fd, (Mark){ to, m.off + m.len - to });
		if (m.off < from)
			marks_set(mem->backing.fd, (Mark){ m.off, from - m.off });
		else if (!unmark(mem, m.off, errp))
			return false;
	}
	return true;
}

/* --- zeroing --- */

/* Of a part of a page no memory would be given back. */
uint64_t hostmem_step_end(const CxbHostMem *mem, uint64_t off, uint64_t len, uint64_t done,
			  uint64_t step)
{
	const uint64_t page = mem->backing.page_size, base = mem->backing.fd_off;

	if (len - done <= step)
		return len;
	return MIN((base + off + done + MAX(step, page)) / page * page - base - off, len);
}

/* Touches of the backend what does not change. */
static bool step(CxbJob *job)
{
	Cleaning *c = (Cleaning *)job;
	const uint64_t from = c->zeroed,
		       to = hostmem_step_end(c->mem, c->off, c->len, from, c->step);

	if (!cxb_hostmem_discard(c->mem, c->off + from, to - from, &c->err))
		return false;
	c->zeroed = to;
	if (to < c->len)
		return true;
	if (has_marks(c->mem))
		unmark(c->mem, c->mem->backing.fd_off + c->off, &c->err);
	return false;
}

/* Once all is clean, the backend that was released is free. */
static void settle(CxbHostMem *mem)
{
	if (!mem->released || mem->pins || cxb_ivmap_count(mem->unclean))
		return;
	mem->released = false;
	g_clear_pointer(&mem->holder, g_free);
}

static void ended(CxbJob *job)
{
	Cleaning *c = (Cleaning *)job;
	CxbHostMem *mem = c->mem;
	g_autoptr(GError) err = c->err ? g_error_copy(c->err) : NULL;
	const CxbHostMemSanitized sanitized = { mem, c->off, c->len, err };

	trace_hostmem_sanitize(mem->id, c->off, c->len, err ? err->message : "done");
	c->running = false;
	mem->cleaning--;
	if (err)
		cxb_warn("%s: memory backend %s stays in use: sanitizing it failed: %s",
			 mem->holder ? mem->holder : "nobody", mem->id, err->message);
	else
		cxb_ivmap_remove(mem->unclean, c->off);
	settle(mem);
	if (mem->pool)
		cxb_hostmem_notify_run(&mem->pool->sanitized, &sanitized);
	cxb_object_unref(&mem->obj);
}

uint64_t hostmem_zeroing_cost(const CxbHostMem *mem, uint64_t len)
{
	struct stat st;

	if (fstat(mem->backing.fd, &st) || !S_ISREG(st.st_mode))
		return len;
	return MIN(len, (uint64_t)st.st_blocks * 512);
}

static void start(Cleaning *c)
{
	CxbWorker *worker = c->mem->pool ? c->mem->pool->worker : NULL;

	cxb_object_ref(&c->mem->obj);
	g_clear_error(&c->err);
	c->running = true;
	c->mem->cleaning++;
	if (worker && !cxb_worker_spend(worker, hostmem_zeroing_cost(c->mem, c->len))) {
		trace_hostmem_sanitize(c->mem->id, c->off, c->len, "on the worker");
		c->step = HOSTMEM_STEP;
		cxb_worker_submit(worker, &c->job);
		return;
	}
	c->step = c->len;
	step(&c->job);
	ended(&c->job);
}

void cxb_hostmem_sanitize(CxbHostMem *mem, uint64_t off, uint64_t len)
{
	Cleaning *c = g_new0(Cleaning, 1);
	CxbIv *iv;

	g_assert(len && cxb_range_in(off, len, mem->size));
	*c = (Cleaning){
		.job = { .step = step, .done = ended }, .mem = mem, .off = off, .len = len
	};
	iv = cxb_ivmap_insert(mem->unclean, off, len, c);
	g_assert(iv);
	if (has_marks(mem))
		marks_set(mem->backing.fd, (Mark){ mem->backing.fd_off + off, len });
	/* Where it is pinned somebody may still write. */
	if (!mem->pins)
		start(c);
}

void hostmem_unpinned(CxbHostMem *mem)
{
	CxbIv *iv, *next;

	for (iv = cxb_ivmap_first(mem->unclean); iv; iv = next) {
		Cleaning *c = iv->value;

		next = cxb_ivmap_next(mem->unclean, iv);
		if (!c->running && !c->err)
			start(c); /* and it may be gone */
	}
	settle(mem);
}

/* Try again where it failed. Returns why the first of them did; NULL: none. Transfer: full. */
static GError *try_again(CxbHostMem *mem, uint64_t off, uint64_t len)
{
	GError *why = NULL;
	CxbIv *iv, *next;

	for (iv = cxb_ivmap_overlap(mem->unclean, off, len); iv && iv->start < off + len;
	     iv = next) {
		Cleaning *c = iv->value;

		next = cxb_ivmap_next(mem->unclean, iv);
		if (c->running || !c->err)
			continue;
		if (!why)
			why = g_error_copy(c->err);
		start(c); /* and it may be gone */
	}
	return why;
}

bool cxb_hostmem_clean(CxbHostMem *mem, uint64_t off, uint64_t len, GError **errp)
{
	g_autoptr(GError) why = try_again(mem, off, len);
	const CxbIv *iv = cxb_ivmap_overlap(mem->unclean, off, len);
	const Cleaning *c;

	if (!iv)
		return true;
	c = iv->value;
	if (!why)
		return cxb_fail(errp, CXB_ERROR_AGAIN, "memory backend '%s' is being sanitized",
				mem->id);
	/* Whoever waited for it would ask again, and it would be tried again. */
	return cxb_fail(errp, CXB_ERROR_BUSY,
			"memory backend '%s' is in use by %s: sanitizing it failed: %s%s", mem->id,
			mem->holder, why->message, c->running ? "; it is tried again" : "");
}

CxbHostMemState cxb_hostmem_state(const CxbHostMem *mem)
{
	if (mem->cleaning)
		return CXB_HOSTMEM_CLEANING;
	return cxb_ivmap_count(mem->unclean) ? CXB_HOSTMEM_UNCLEAN : CXB_HOSTMEM_CLEAN;
}

void cxb_hostmem_foreach_unclean(const CxbHostMem *mem,
				 void (*fn)(void *opaque, uint64_t off, uint64_t len,
					    const GError *err),
				 void *opaque)
{
	for (CxbIv *iv = cxb_ivmap_first(mem->unclean); iv; iv = cxb_ivmap_next(mem->unclean, iv)) {
		const Cleaning *c = iv->value;

		fn(opaque, c->off, c->len, c->running ? NULL : c->err);
	}
}
