/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The changes of state, each after everything that can fail. Nothing else moves an extent from
 * one state to another.
 */
#include "dc_internal.h"

void cxb_dc_list_clear(DcList *list)
{
	g_free(list->ranges);
	*list = (DcList){ 0 };
}

void cxb_dc_group_add(DcGroup *group, DcExtent *e)
{
	e->group = group;
	e->group_link.data = e;
	g_queue_push_tail_link(&group->extents, &e->group_link);
}

void cxb_dc_group_drop(DcExtent *e)
{
	DcGroup *group = e->group;

	if (!group)
		return;
	g_queue_unlink(&group->extents, &e->group_link);
	e->group = NULL;
	if (!g_queue_is_empty(&group->extents))
		return;
	g_queue_unlink(group->owner, &group->link);
	cxb_dc_timeout_free(group->timeout);
	g_free(group);
}

static DcGroup *group_new(GQueue *owner)
{
	DcGroup *group = g_new0(DcGroup, 1);

	g_queue_init(&group->extents);
	group->owner = owner;
	group->link.data = group;
	g_queue_push_tail_link(owner, &group->link);
	return group;
}

static void offer(CxbDc *dc, DcHead *head, const GPtrArray *extents)
{
	DcGroup *group = group_new(&head->offers);
	DcTag *tag = NULL;

	for (guint i = 0; i < extents->len; i++) {
		DcExtent *e = dc_ext(extents, i);

		if (e->tag != tag)
			cxb_dc_tag_enter(dc, tag = e->tag);
		cxb_ivmap_insert(head->map, e->pub.dpa, e->pub.len, e);
		cxb_dc_group_add(group, e);
		if (tag->alloc->pieces)
			cxb_dc_piece_use(dc, tag->alloc, e->piece);
		else
			cxb_dc_space_take(&dc->space[tag->region], e->pub.dpa, e->pub.len);
		dc->extents++;
	}
}

static void accept(CxbDc *dc, DcHead *head, const GPtrArray *extents)
{
	for (guint i = 0; i < extents->len; i++) {
		DcExtent *e = dc_ext(extents, i);
		CxbDcBacking *b = e->pub.backing;

		cxb_dc_group_drop(e);
		e->pub.state = CXB_DC_ACCEPTED;
		e->order = g_sequence_append(head->accepted, e);
		if (!e->tag->alloc->accepted++ && !cxb_dc_is_static(dc))
			b->ops->set_mapped(b, true);
	}
	head->generation++;
	dc->tag_generation++; /* the hosts of a tag show there */
}

static void request(CxbDc *dc, DcHead *head, const DcTxn *txn, const GPtrArray *extents)
{
	DcGroup *group = NULL;

	/* What was cut off now shows in the list. */
	if (txn->cuts && txn->cuts->len)
		head->generation++;
	for (guint i = 0; i < extents->len; i++) {
		DcExtent *e = dc_ext(extents, i);

		if (cxb_dc_is_static(dc))
			e->sanitize |= txn->sanitize;
		else
			e->tag->alloc->sanitize |= txn->sanitize;
		if (e->group)
			continue; /* asked back before: it keeps its place */
		e->pub.state = CXB_DC_RELEASING;
		if (!group)
			group = group_new(&head->requests);
		cxb_dc_group_add(group, e);
	}
}

void cxb_dc_extent_end(CxbDc *dc, const DcExtent *e, bool sanitize)
{
	DcAlloc *alloc = e->tag->alloc;

	sanitize |= e->sanitize;
	if (!alloc->pieces) {
		cxb_dc_space_give(&dc->space[e->tag->region], e->pub.dpa, e->pub.len);
		if (sanitize)
			cxb_dc_sanitize(dc, e->pub.dpa, e->pub.len);
		return;
	}
	if (cxb_dc_is_static(dc))
		alloc->pieces[e->piece].sanitize |= sanitize;
	else
		alloc->sanitize |= sanitize;
	cxb_dc_piece_drop(dc, alloc, e->piece);
}

static void take_away(CxbDc *dc, DcHead *head, const GPtrArray *extents, bool sanitize)
{
	bool listed = false;

	for (guint i = 0; i < extents->len; i++) {
		DcExtent *e = dc_ext(extents, i);
		DcTag *tag = e->tag;
		DcAlloc *alloc = tag->alloc;
		bool sanitized;

		sanitized = sanitize;
		cxb_dc_group_drop(e);
		cxb_ivmap_remove(head->map, e->pub.dpa);
		if (e->order) {
			g_sequence_remove(e->order);
			listed = true;
			sanitized |= dc->config.regions[tag->region].sanitize_on_release;
			if (!--alloc->accepted && !cxb_dc_is_static(dc))
				alloc->backing->ops->set_mapped(alloc->backing, false);
		}
		cxb_dc_extent_end(dc, e, sanitized);
		g_queue_unlink(&tag->extents, &e->tag_link);
		tag->bytes -= e->pub.len;
		dc->extents--;
		g_free(e);
		if (g_queue_is_empty(&tag->extents))
			cxb_dc_tag_leave(dc, tag);
	}
	if (listed)
		head->generation++;
}

void cxb_dc_apply(CxbDc *dc, const DcTxn *txn, unsigned op)
{
	const GPtrArray *extents = txn->extents[op];
	DcHead *head = &dc->heads[txn->ops[op].head];

	switch (txn->ops[op].kind) {
	case CXB_DC_OP_OFFER:
		offer(dc, head, extents);
		break;
	case CXB_DC_OP_ACCEPT:
		accept(dc, head, extents);
		break;
	case CXB_DC_OP_REQUEST_RELEASE:
		request(dc, head, txn, extents);
		break;
	case CXB_DC_OP_RETURN:
	case CXB_DC_OP_RELEASE:
	case CXB_DC_OP_FORCED_RELEASE:
		take_away(dc, head, extents, txn->sanitize);
		break;
	case CXB_DC_OP_REANNOUNCE:
		break;
	}
}
