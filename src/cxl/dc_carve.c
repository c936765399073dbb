/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extents without a tag, on static backing: a host takes and returns parts of them, so they are cut
 * where an operation wants it, before its observers are asked, and grow together again if one
 * refuses.
 */
#include "dc_internal.h"

#include "base/error.h"

#include <inttypes.h>

/* @e keeps what is below @dpa. The new extent follows it in every list. */
static DcExtent *cut(CxbDc *dc, DcHead *head, DcExtent *e, uint64_t dpa)
{
	const uint64_t below = dpa - e->pub.dpa;
	DcExtent *r = g_new0(DcExtent, 1);

	r->pub = e->pub;
	r->pub.dpa = dpa;
	r->pub.len -= below;
	r->pub.backing_off += below;
	r->sanitize = e->sanitize;
	r->tag = e->tag;
	r->tag_link.data = r;
	g_queue_insert_after_link(&r->tag->extents, &e->tag_link, &r->tag_link);
	if (e->group) {
		r->group = e->group;
		r->group_link.data = r;
		g_queue_insert_after_link(&r->group->extents, &e->group_link, &r->group_link);
	}
	if (e->order)
		r->order = g_sequence_insert_before(g_sequence_iter_next(e->order), r);
	cxb_ivmap_remove(head->map, e->pub.dpa);
	e->pub.len = below;
	cxb_ivmap_insert(head->map, e->pub.dpa, e->pub.len, e);
	cxb_ivmap_insert(head->map, r->pub.dpa, r->pub.len, r);
	dc->extents++;
	return r;
}

/* @r goes back to the extent below, which it was cut off. */
static void join(CxbDc *dc, DcHead *head, DcExtent *r)
{
	DcExtent *e = cxb_ivmap_find(head->map, r->pub.dpa - 1)->value;

	g_assert(e->tag == r->tag && e->group == r->group);
	g_queue_unlink(&r->tag->extents, &r->tag_link);
	if (r->group)
		g_queue_unlink(&r->group->extents, &r->group_link);
	if (r->order)
		g_sequence_remove(r->order);
	cxb_ivmap_remove(head->map, r->pub.dpa);
	cxb_ivmap_remove(head->map, e->pub.dpa);
	e->pub.len += r->pub.len;
	cxb_ivmap_insert(head->map, e->pub.dpa, e->pub.len, e);
	dc->extents--;
	g_free(r);
}

void cxb_dc_carve(CxbDc *dc, DcTxn *txn, uint64_t dpa, uint64_t len, GPtrArray *out)
{
	DcHead *head = &dc->heads[txn->ops[0].head];
	const uint64_t end = dpa + len; /* in a region: does not wrap */

	while (dpa < end) {
		DcExtent *e = cxb_ivmap_find(head->map, dpa)->value;

		if (!txn->cuts)
			txn->cuts = g_ptr_array_new();
		if (e->pub.dpa < dpa)
			g_ptr_array_add(txn->cuts, e = cut(dc, head, e, dpa));
		if (e->pub.len > end - dpa)
			g_ptr_array_add(txn->cuts, cut(dc, head, e, end));
		g_ptr_array_add(out, e);
		dpa += e->pub.len;
	}
}

static void cut_point(const DcHead *head, uint64_t dpa, GArray *points)
{
	const CxbIv *iv = cxb_ivmap_find(head->map, dpa);

	if (iv && iv->start < dpa)
		g_array_append_val(points, dpa);
}

void cxb_dc_cut_points(const DcHead *head, uint64_t dpa, uint64_t len, GArray *points)
{
	cut_point(head, dpa, points);
	cut_point(head, dpa + len, points);
}

static int by_value(gconstpointer a, gconstpointer b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

size_t cxb_dc_cuts(GArray *points)
{
	size_t n = 0;

	g_array_sort(points, by_value);
	for (guint i = 0; i < points->len; i++)
		n += !i || by_value(&g_array_index(points, uint64_t, i - 1),
				    &g_array_index(points, uint64_t, i));
	return n;
}

void cxb_dc_uncarve(CxbDc *dc, DcTxn *txn)
{
	DcHead *head = &dc->heads[txn->ops[0].head];

	while (txn->cuts && txn->cuts->len)
		join(dc, head, g_ptr_array_steal_index(txn->cuts, txn->cuts->len - 1));
}

/* --- bytes --- */

uint64_t cxb_dc_static_off(const CxbDc *dc, uint64_t dpa)
{
	const CxbDcRegion *r = dc->config.regions;
	uint64_t off = 0;

	for (; dpa - r->base >= r->len; r++)
		off += r->len;
	return off + (dpa - r->base);
}

void cxb_dc_sanitize(CxbDc *dc, uint64_t dpa, uint64_t len)
{
	CxbDcBacking *b = dc->config.backing;

	b->ops->sanitize(b, cxb_dc_static_off(dc, dpa), len);
}

bool cxb_dc_clean(CxbDc *dc, uint64_t dpa, uint64_t len, GError **errp)
{
	CxbDcBacking *b = dc->config.backing;
	g_autoptr(GError) err = NULL;

	if (!cxb_dc_is_static(dc) || b->ops->clean(b, cxb_dc_static_off(dc, dpa), len, &err))
		return true;
	return cxb_fail(errp, cxb_dc_backing_error(err),
			"dpa 0x%" PRIx64 " len 0x%" PRIx64 " is in use: %s", dpa, len,
			err ? err->message : "it is to be zeroed");
}
