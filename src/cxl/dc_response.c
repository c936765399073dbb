/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's answers: Add Dynamic Capacity Response (CXL 3.1 8.2.9.9.9.3) and Release Dynamic
 * Capacity (8.2.9.9.9.4). What is in the lists was chosen by a guest: no size of theirs reaches
 * an allocation that aborts, and how much is kept is bounded by the device's limit of extents.
 */
#include "dc_internal.h"

#include "base/error.h"
#include "base/trace.h"

#include <inttypes.h>
#include <stdlib.h>

#define OP_RESPONSE 0x4802
#define OP_RELEASE  0x4803

void cxb_dc_host_error(CxbDc *dc, uint16_t opcode, const CxbDcDpaRange *range, const char *why)
{
	cxb_guest_error("%s: opcode %04Xh: dpa 0x%" PRIx64 " len 0x%" PRIx64 ": %s",
			dc->config.name, opcode, range ? range->dpa : 0, range ? range->len : 0,
			why);
}

/* One command's list, all parts of it. */
typedef struct {
	CxbDc *dc;
	uint16_t head, opcode;
	const CxbDcDpaRange *ranges;
	size_t n;
} List;

static CxbRc refuse(const List *list, const CxbDcDpaRange *range, CxbRc rc, const char *why)
{
	if (!range && list->n)
		range = &list->ranges[0];
	cxb_dc_host_error(list->dc, list->opcode, range, why);
	cxb_dc_note_answer(list->dc, list->head, list->opcode, rc, why);
	return rc;
}

static int by_dpa(const void *a, const void *b)
{
	const CxbDcDpaRange *x = a, *y = b;

	return x->dpa < y->dpa ? -1 : x->dpa > y->dpa;
}

static CxbRc overlap_check(const List *list)
{
	g_autofree CxbDcDpaRange *sorted = g_try_new(CxbDcDpaRange, list->n);

	if (!sorted)
		return refuse(list, NULL, CXB_RC_RESOURCES, "no memory for the list");
	memcpy(sorted, list->ranges, list->n * sizeof(*sorted));
	qsort(sorted, list->n, sizeof(*sorted), by_dpa);
	for (size_t i = 1; i < list->n; i++)
		if (sorted[i].dpa - sorted[i - 1].dpa < sorted[i - 1].len)
			return refuse(list, &sorted[i], CXB_RC_INVALID_EXTENTS,
				      "overlaps another extent of the list");
	return CXB_RC_SUCCESS;
}

/* What can be wrong with a list by itself, in the order of the checks. */
static CxbRc list_check(const List *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!cxb_dc_region_of(list->dc, list->ranges[i].dpa, list->ranges[i].len))
			return refuse(list, &list->ranges[i], CXB_RC_INVALID_PA,
				      "not inside one region");
	for (size_t i = 0; i < list->n; i++) {
		const CxbDcDpaRange *x = &list->ranges[i];
		const CxbDcRegion *r = cxb_dc_region_of(list->dc, x->dpa, x->len);

		if ((x->dpa - r->base) % r->block_size || x->len % r->block_size)
			return refuse(list, x, CXB_RC_INVALID_EXTENTS,
				      "not a multiple of the region's block size");
	}
	return overlap_check(list);
}

/* The extents that the list names, in its order; @parts: it names parts of some. */
static CxbRc list_cover(const List *list, GPtrArray *named, bool *parts)
{
	const DcHead *head = &list->dc->heads[list->head];

	*parts = false;
	for (size_t i = 0; i < list->n; i++) {
		const CxbDcDpaRange *x = &list->ranges[i];

		switch (cxb_dc_cover(head, x->dpa, x->len, named, parts)) {
		case DC_COVER_WHOLE:
			break;
		case DC_COVER_CUT:
			return refuse(list, x, CXB_RC_INVALID_PA, "cuts an extent");
		case DC_COVER_NONE:
			return refuse(list, x, CXB_RC_INVALID_PA,
				      "not offered to or accepted by this host");
		}
	}
	return CXB_RC_SUCCESS;
}

/* In place of extents that the list names parts of, those parts. */
static void list_carve(const List *list, DcTxn *txn, GPtrArray *named)
{
	g_ptr_array_set_size(named, 0);
	for (size_t i = 0; i < list->n; i++)
		cxb_dc_carve(list->dc, txn, list->ranges[i].dpa, list->ranges[i].len, named);
}

/* How many extents more that makes. */
static size_t list_cuts(const List *list)
{
	g_autoptr(GArray) points = g_array_new(FALSE, FALSE, sizeof(uint64_t));

	for (size_t i = 0; i < list->n; i++)
		cxb_dc_cut_points(&list->dc->heads[list->head], list->ranges[i].dpa,
				  list->ranges[i].len, points);
	return cxb_dc_cuts(points);
}

static CxbRc list_run(const List *list, DcTxn *txn, CxbDcDone done, void *opaque)
{
	g_autoptr(GError) err = NULL;

	txn->opcode = list->opcode;
	txn->done = done;
	txn->opaque = opaque;
	switch (cxb_dc_txn_run(list->dc, txn, &err)) {
	case DC_TXN_DONE:
		return CXB_RC_SUCCESS;
	case DC_TXN_LATER:
		return CXB_RC_LATER;
	case DC_TXN_REFUSED:
		break;
	}
	return refuse(list, NULL, cxb_dc_error_rc(err), err->message);
}

/* --- 4802h --- */

/* Judge the oldest group tag by tag: what is named whole is taken, what is not named returns.
 * What has no tag is judged by itself. */
static CxbRc judge(const List *list, const DcGroup *group, const GPtrArray *named,
		   GPtrArray *returned)
{
	CxbRc rc = CXB_RC_SUCCESS;

	for (guint i = 0; i < named->len; i++) {
		DcExtent *e = dc_ext(named, i);

		e->marked = true;
		e->tag->scratch++;
	}
	for (GList *l = group->extents.head; l && rc == CXB_RC_SUCCESS; l = l->next) {
		DcExtent *e = l->data;
		const CxbDcDpaRange x = { e->pub.dpa, e->pub.len };

		if (e->marked)
			continue;
		if (e->tag->scratch && !cxb_uuid_is_null(&e->pub.tag))
			rc = refuse(list, &x, CXB_RC_INVALID_PA,
				    "not named while others of its tag are");
		g_ptr_array_add(returned, e);
	}
	for (guint i = 0; i < named->len; i++) {
		DcExtent *e = dc_ext(named, i);

		e->marked = false;
		e->tag->scratch = 0;
	}
	return rc;
}

static CxbRc too_many(const List *list)
{
	return refuse(list, NULL, CXB_RC_RESOURCES, "more extents than are supported");
}

static CxbRc response_named(const List *list, const DcGroup *group, DcTxn *txn, GPtrArray *named,
			    GPtrArray *returned)
{
	const uint32_t others = list->dc->extents - g_queue_get_length((GQueue *)&group->extents);
	bool parts;
	CxbRc rc;

	if (list->n > list->dc->config.max_extents - others)
		return too_many(list);
	rc = list_check(list);
	if (rc == CXB_RC_SUCCESS)
		rc = list_cover(list, named, &parts);
	if (rc != CXB_RC_SUCCESS)
		return rc;
	for (guint i = 0; i < named->len; i++) {
		const DcExtent *e = dc_ext(named, i);
		const CxbDcDpaRange x = { e->pub.dpa, e->pub.len };

		if (e->group != group)
			return refuse(list, &x, CXB_RC_INVALID_PA,
				      e->pub.state == CXB_DC_OFFERED
					      ? "not of the oldest offered group"
					      : "accepted already");
	}
	/* Each that is named is one still when cut to what is named of it. */
	if (named->len > list->dc->config.max_extents - others)
		return too_many(list);
	if (parts)
		list_carve(list, txn, named);
	return judge(list, group, named, returned);
}

static CxbRc respond(const List *list, CxbDcDone done, void *opaque)
{
	DcHead *head = &list->dc->heads[list->head];
	const DcGroup *group = g_queue_peek_head(&head->offers);
	g_autoptr(GPtrArray) returned = NULL;
	g_autoptr(GPtrArray) named = NULL;
	DcTxn *txn;
	CxbRc rc;

	if (!group && !list->n)
		return CXB_RC_SUCCESS;
	if (!group)
		return refuse(list, NULL, CXB_RC_INVALID_PA, "nothing is offered");
	returned = g_ptr_array_new();
	named = g_ptr_array_new();
	txn = cxb_dc_txn_new(list->head);
	if (list->n) {
		rc = response_named(list, group, txn, named, returned);
		if (rc != CXB_RC_SUCCESS) {
			cxb_dc_txn_drop(list->dc, txn);
			return rc;
		}
	} else {
		for (GList *l = group->extents.head; l; l = l->next)
			g_ptr_array_add(returned, l->data);
	}
	if (named->len)
		cxb_dc_txn_add(txn, CXB_DC_OP_ACCEPT, g_steal_pointer(&named));
	if (returned->len)
		cxb_dc_txn_add(txn, CXB_DC_OP_RETURN, g_steal_pointer(&returned));
	return list_run(list, txn, done, opaque);
}

/* --- 4803h --- */

static CxbRc release(const List *list, CxbDcDone done, void *opaque)
{
	g_autoptr(GPtrArray) named = g_ptr_array_new();
	bool parts;
	DcTxn *txn;
	CxbRc rc;

	rc = list_check(list);
	if (rc == CXB_RC_SUCCESS)
		rc = list_cover(list, named, &parts);
	if (rc != CXB_RC_SUCCESS)
		return rc;
	for (guint i = 0; i < named->len; i++) {
		const DcExtent *e = dc_ext(named, i);
		const CxbDcDpaRange x = { e->pub.dpa, e->pub.len };

		if (e->pub.state == CXB_DC_OFFERED)
			return refuse(list, &x, CXB_RC_INVALID_PA, "offered and not accepted");
	}
	if (parts &&
	    list->dc->extents + list_cuts(list) - named->len > list->dc->config.max_extents)
		return too_many(list);
	txn = cxb_dc_txn_new(list->head);
	if (parts)
		list_carve(list, txn, named);
	cxb_dc_txn_add(txn, CXB_DC_OP_RELEASE, g_steal_pointer(&named));
	return list_run(list, txn, done, opaque);
}

/* --- lists in several parts --- */

static bool collect(DcList *c, const CxbDcDpaRange *ranges, size_t n, size_t limit)
{
	if (n > limit || c->n > limit - n)
		return false;
	if (c->n + n > c->cap) {
		const size_t cap = MIN(limit, MAX(c->n + n, 2 * c->cap));
		CxbDcDpaRange *grown = g_try_renew(CxbDcDpaRange, c->ranges, cap);

		if (!grown)
			return false;
		c->ranges = grown;
		c->cap = cap;
	}
	if (n)
		memcpy(c->ranges + c->n, ranges, n * sizeof(*ranges));
	c->n += n;
	return true;
}

static CxbRc command(CxbDc *dc, uint16_t id, uint16_t opcode, const CxbDcDpaRange *ranges, size_t n,
		     bool more, CxbDcDone done, void *opaque)
{
	List list = { dc, id, opcode, ranges, n };
	DcList *collected;
	CxbRc rc;

	g_assert(id < dc->config.n_heads);
	if (dc->txn)
		return refuse(&list, NULL, CXB_RC_BUSY, "an operation is under way");
	collected = &dc->heads[id].lists[opcode == OP_RELEASE ? DC_LIST_RELEASE : DC_LIST_RESPONSE];
	if (opcode == OP_RELEASE && !n) {
		cxb_dc_drop_lists(dc, id);
		return refuse(&list, NULL, CXB_RC_INVALID_INPUT, "the list is empty");
	}
	if (more || collected->n) {
		if (!collect(collected, ranges, n, dc->config.max_extents)) {
			cxb_dc_drop_lists(dc, id);
			return refuse(&list, NULL, CXB_RC_RESOURCES,
				      "more extents than are supported");
		}
		if (more) {
			cxb_dc_note_answer(dc, id, opcode, CXB_RC_SUCCESS, NULL);
			return CXB_RC_SUCCESS;
		}
		list.ranges = collected->ranges;
		list.n = collected->n;
	}
	/* The list is ours while it is acted on: a reset from an observer drops what is collected. */
	g_autofree G_GNUC_UNUSED CxbDcDpaRange *taken = collected->ranges;
	*collected = (DcList){ 0 };
	rc = opcode == OP_RELEASE ? release(&list, done, opaque) : respond(&list, done, opaque);
	if (rc == CXB_RC_SUCCESS)
		cxb_dc_note_answer(dc, id, opcode, rc, NULL);
	else if (rc != CXB_RC_LATER)
		cxb_dc_drop_lists(dc, id);
	return rc;
}

CxbRc cxb_dc_add_response(CxbDc *dc, uint16_t head, const CxbDcDpaRange *list, size_t n, bool more,
			  CxbDcDone done, void *opaque)
{
	return command(dc, head, OP_RESPONSE, list, n, more, done, opaque);
}

CxbRc cxb_dc_host_release(CxbDc *dc, uint16_t head, const CxbDcDpaRange *list, size_t n, bool more,
			  CxbDcDone done, void *opaque)
{
	return command(dc, head, OP_RELEASE, list, n, more, done, opaque);
}
