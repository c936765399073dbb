/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dynamic capacity event records (CXL 3.1 8.2.9.2.1.6, Table 8-50). A group enters log 4 whole,
 * so that a host never waits for a record without More: a request whose group does not fit is
 * refused in prepare; what may not be refused waits until the host has cleared records.
 *
 * No group is larger than the log: each was announced through it. What force takes is announced
 * tag by tag where it does not fit at once, and what has no tag, which may be named or have been
 * cut into more extents than the log has records, in several groups.
 *
 * Storage is there before a request is taken, so that no record of it is lost; what may not be
 * refused and finds none waits for the next time that records are cleared.
 */
#include "dc_head.h"

#include <string.h>

#include "base/error.h"
#include "base/trace.h"
#include "wire/event.h"

CXB_TRACE(cxl_dc_record, (unsigned head, unsigned type, const CxbDcExtent *x, bool more),
	  "head %u type %u dpa 0x%" PRIx64 " len 0x%" PRIx64 " more %d", head, type, x->dpa, x->len,
	  more)
CXB_TRACE(cxl_dc_records_wait, (unsigned head, unsigned type, size_t n),
	  "head %u type %u: %zu records wait for room", head, type, n)

/* A group that waits. Its extents may be cut or go meanwhile: they are copies, looked up again. */
typedef struct {
	uint8_t type;
	guint n;
	CxbDcExtent extents[];
} Waiting;

/* Records that still fit behind what is promised to others. */
static size_t room(const CxbDcHead *h)
{
	const size_t left = cxb_evlogs_room(h->logs, CXB_LOG_DC);

	return left > h->reserved ? left - h->reserved : 0;
}

static void append(CxbEvLogs *logs, uint8_t type, uint8_t region, const CxbDcExtent *x, bool more,
		   uint32_t extents_left, uint32_t tags_left)
{
	struct wire_event_record raw = { 0 };
	struct wire_dc_record *r = (struct wire_dc_record *)&raw;

	trace_cxl_dc_record(x->head, type, x, more);
	r->hdr.uuid = wire_uuid_dc;
	r->hdr.length = sizeof(raw);
	r->type = type;
	r->validity = 1;
	r->host_id = le16_put(x->head);
	r->region = region;
	r->more = more ? WIRE_DC_EVENT_MORE : 0;
	r->extent.dpa = le64_put(x->dpa);
	r->extent.length = le64_put(x->len);
	r->extent.tag = x->tag;
	r->extent.seq = le16_put(x->seq);
	r->extents_available = le32_put(extents_left);
	r->tags_available = le32_put(tags_left);
	cxb_evlogs_append(logs, CXB_LOG_DC, &raw);
}

/* Storage for @n records that fit, besides what is promised. */
static bool storage(const CxbDcHead *h, size_t n)
{
	return cxb_evlogs_reserve(h->logs, CXB_LOG_DC, h->reserved + n);
}

void cxb_dc_record_append(CxbEvLogs *logs, uint8_t type, const CxbDcExtent *x, bool more,
			  uint32_t extents_left, uint32_t tags_left)
{
	append(logs, type, type == WIRE_DC_EVENT_REGION_UPDATED ? x->region : 0, x, more,
	       extents_left, tags_left);
}

static Waiting *waiting_new(CxbDcHead *h, uint8_t type, const CxbDcExtent *const *x, size_t n)
{
	Waiting *w = g_malloc0(sizeof(*w) + n * sizeof(w->extents[0]));

	trace_cxl_dc_records_wait(h->head, type, n);
	w->type = type;
	w->n = n;
	for (size_t i = 0; i < n; i++) {
		w->extents[i] = *x[i];
		w->extents[i].request_id = NULL; /* not ours */
	}
	h->n_waiting += n;
	return w;
}

static void group_write(CxbDcHead *h, uint8_t type, const CxbDcOp *op, size_t first, size_t n)
{
	if (h->n_waiting || n > room(h) || !storage(h, n)) {
		g_queue_push_tail(&h->waiting, waiting_new(h, type, op->extents + first, n));
		return;
	}
	for (size_t i = first; i < first + n; i++)
		cxb_dc_record_append(h->logs, type, op->extents[i], i + 1 < first + n,
				     op->extents_left, op->tags_left);
}

/* Of more extents than the log could ever hold, each group fills it. */
static void groups_write(CxbDcHead *h, uint8_t type, const CxbDcOp *op, size_t first, size_t n)
{
	const size_t most = cxb_evlogs_size(h->logs, CXB_LOG_DC);

	for (; n > most; first += most, n -= most)
		group_write(h, type, op, first, most);
	group_write(h, type, op, first, n);
}

/* Append to @out what there is now of an extent that was to be announced: itself, what force or the
 * host left of it, or nothing. Whatever was taken by force has gone already, and a region is
 * what it is now. */
static void still_there(const CxbDcHead *h, uint8_t type, const CxbDcExtent *x, GPtrArray *out)
{
	const CxbDcState state = type == WIRE_DC_EVENT_ADD ? CXB_DC_OFFERED : CXB_DC_RELEASING;
	const uint64_t end = x->dpa + x->len; /* in a region: does not wrap */

	if (type == WIRE_DC_EVENT_FORCED_RELEASE || type == WIRE_DC_EVENT_REGION_UPDATED) {
		g_ptr_array_add(out, (gpointer)x);
		return;
	}
	for (const CxbDcExtent *e = cxb_dc_next(h->dc, h->head, x->dpa); e && e->dpa < end;
	     e = cxb_dc_next(h->dc, h->head, e->dpa + e->len))
		if (e->serial == x->serial && e->state == state)
			g_ptr_array_add(out, (gpointer)e);
}

static void waiting_pop(CxbDcHead *h)
{
	Waiting *w = g_queue_pop_head(&h->waiting);

	if (w->type == WIRE_DC_EVENT_REGION_UPDATED)
		h->updates_waiting &= ~(1u << w->extents[0].region);
	h->n_waiting -= w->n;
	g_free(w);
}

/* The oldest group that waits; if it was cut into more extents than the log could ever hold, as many
 * as fill it, and the rest waits. False if there is no room. */
static bool waiting_write_one(CxbDcHead *h)
{
	const Waiting *w = g_queue_peek_head(&h->waiting);
	g_autoptr(GPtrArray) left = g_ptr_array_new();
	Waiting *rest = NULL;
	size_t n;

	for (guint i = 0; i < w->n; i++)
		still_there(h, w->type, &w->extents[i], left);
	n = MIN(left->len, cxb_evlogs_size(h->logs, CXB_LOG_DC));
	if (n > room(h) || !storage(h, n))
		return false;
	for (size_t i = 0; i < n; i++)
		cxb_dc_record_append(h->logs, w->type, left->pdata[i], i + 1 < n,
				     cxb_dc_extents_available(h->dc), cxb_dc_tags_available(h->dc));
	if (n < left->len)
		rest = waiting_new(h, w->type, (const CxbDcExtent *const *)left->pdata + n,
				   left->len - n);
	waiting_pop(h);
	if (rest)
		g_queue_push_head(&h->waiting, rest);
	return true;
}

/* Write the groups that fit now, in their order. */
static void waiting_write(CxbDcHead *h)
{
	while (!g_queue_is_empty(&h->waiting) && waiting_write_one(h))
		;
}

void cxb_dc_records_cleared(void *head, CxbLogId log)
{
	if (log == CXB_LOG_DC)
		waiting_write(head);
}

void cxb_dc_records_drop(CxbDcHead *h)
{
	while (!g_queue_is_empty(&h->waiting))
		waiting_pop(h);
}

static bool needs_room(const CxbDcOp *op)
{
	return op->kind == CXB_DC_OP_OFFER || op->kind == CXB_DC_OP_REQUEST_RELEASE;
}

static bool has_room(CxbDcHead *h, size_t n, GError **errp)
{
	size_t left;

	waiting_write(h);
	left = room(h);
	left = left > h->n_waiting ? left - h->n_waiting : 0;
	return n <= left || cxb_fail(errp, CXB_ERROR_NO_ROOM,
				     "dynamic capacity event log is too full: %zu records needed, "
				     "%zu left of %u",
				     n, left, cxb_evlogs_size(h->logs, CXB_LOG_DC));
}

static bool no_memory(size_t n, GError **errp)
{
	return cxb_fail(errp, CXB_ERROR_NO_ROOM,
			"dynamic capacity event log: no memory for %zu records", n);
}

static CxbDcPrepare prepare(void *opaque, const CxbDcOp *op, GError **errp)
{
	CxbDcHead *h = opaque;

	if (op->head != h->head || !needs_room(op))
		return CXB_DC_READY;
	if (!has_room(h, op->n, errp))
		return CXB_DC_REFUSED;
	if (!storage(h, op->n)) {
		no_memory(op->n, errp);
		return CXB_DC_REFUSED;
	}
	h->reserved += op->n;
	return CXB_DC_READY;
}

static void unprepare(void *opaque, const CxbDcOp *op)
{
	CxbDcHead *h = opaque;

	if (op->head == h->head && needs_room(op))
		h->reserved -= op->n;
}

static void forced_write(CxbDcHead *h, const CxbDcOp *op)
{
	size_t first = 0;

	if (op->n <= room(h)) {
		group_write(h, WIRE_DC_EVENT_FORCED_RELEASE, op, 0, op->n);
		return;
	}
	for (size_t i = 1; i <= op->n; i++) {
		if (i < op->n && cxb_uuid_equal(&op->extents[i]->tag, &op->extents[first]->tag))
			continue;
		groups_write(h, WIRE_DC_EVENT_FORCED_RELEASE, op, first, i - first);
		first = i;
	}
}

static void commit(void *opaque, const CxbDcOp *op)
{
	CxbDcHead *h = opaque;

	if (op->head != h->head)
		return;
	unprepare(h, op); /* what was reserved is used now */
	switch (op->kind) {
	case CXB_DC_OP_OFFER:
		group_write(h, WIRE_DC_EVENT_ADD, op, 0, op->n);
		break;
	case CXB_DC_OP_REQUEST_RELEASE:
		group_write(h, WIRE_DC_EVENT_RELEASE, op, 0, op->n);
		break;
	case CXB_DC_OP_FORCED_RELEASE:
		forced_write(h, op);
		break;
	case CXB_DC_OP_REANNOUNCE:
		groups_write(h,
			     op->extents[0]->state == CXB_DC_OFFERED ? WIRE_DC_EVENT_ADD
								     : WIRE_DC_EVENT_RELEASE,
			     op, 0, op->n);
		break;
	case CXB_DC_OP_ACCEPT:
	case CXB_DC_OP_RETURN:
	case CXB_DC_OP_RELEASE:
		break;
	}
}

/* It says no more than to look again: of those that would wait, one is enough. */
static void configured(void *opaque, uint8_t region)
{
	CxbDcHead *h = opaque;
	const CxbDcExtent none = { .head = h->head, .region = region };
	const CxbDcExtent *const x = &none;

	if (h->updates_waiting & 1u << region)
		return;
	if (!h->n_waiting && room(h) && storage(h, 1)) {
		cxb_dc_record_append(h->logs, WIRE_DC_EVENT_REGION_UPDATED, x, false,
				     cxb_dc_extents_available(h->dc), cxb_dc_tags_available(h->dc));
		return;
	}
	h->updates_waiting |= 1u << region;
	g_queue_push_tail(&h->waiting, waiting_new(h, WIRE_DC_EVENT_REGION_UPDATED, &x, 1));
}

const CxbDcObserver cxb_dc_records = { prepare, unprepare, commit, configured };

bool cxb_dc_head_inject(CxbDcHead *h, const CxbDcRawRecord *records, size_t n, GError **errp)
{
	if (!has_room(h, n, errp))
		return false;
	if (!storage(h, n))
		return no_memory(n, errp);
	for (size_t i = 0; i < n; i++) {
		const CxbDcRawRecord *r = &records[i];
		const CxbDcExtent x = {
			.dpa = r->dpa, .len = r->len, .tag = r->tag, .seq = r->seq, .head = h->head
		};

		append(h->logs, r->type, r->region, &x, r->more, cxb_dc_extents_available(h->dc),
		       cxb_dc_tags_available(h->dc));
	}
	return true;
}
