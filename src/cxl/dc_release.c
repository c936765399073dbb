/* SPDX-License-Identifier: Apache-2.0 */
/* Taking capacity back at an orchestrator's wish: asked for, or by force. Always whole tags; what has
 * none goes in any parts. */
#include "dc_internal.h"

#include "base/error.h"

#include <inttypes.h>

static bool pending_fail(GError **errp, const CxbDcExtent *e)
{
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"cannot release extent with pending DPA range: dpa 0x%" PRIx64
			" len 0x%" PRIx64 " is offered and not accepted",
			e->dpa, e->len);
}

/* No byte of the range is in an offered extent. */
static bool none_pending(const DcHead *head, uint64_t dpa, uint64_t len, GError **errp)
{
	const CxbIv *iv = cxb_ivmap_overlap(head->map, dpa, len);

	for (; iv && iv->start < dpa + len; iv = cxb_ivmap_next(head->map, iv)) {
		const DcExtent *e = iv->value;

		if (e->pub.state == CXB_DC_OFFERED)
			return pending_fail(errp, &e->pub);
	}
	return true;
}

static bool tag_matches(const DcExtent *e, const CxbUuid *tag, GError **errp)
{
	char want[CXB_UUID_STRLEN + 1], has[CXB_UUID_STRLEN + 1];

	if (cxb_uuid_is_null(tag) || cxb_uuid_equal(&e->pub.tag, tag))
		return true;
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"tag does not match the extent's: %s given, dpa 0x%" PRIx64
			" len 0x%" PRIx64 " has %s",
			cxb_uuid_format(tag, want), e->pub.dpa, e->pub.len,
			cxb_uuid_format(&e->pub.tag, has));
}

/* Add the extents that the ranges of @req name to @named; @parts: some of them in part. */
static bool ranges_named(CxbDc *dc, const DcHead *head, const CxbDcReleaseReq *req,
			 GPtrArray *named, bool *parts, GError **errp)
{
	*parts = false;
	if (!cxb_dc_check_ranges(dc, req->region, req->ranges, req->n, errp))
		return false;
	for (size_t i = 0; i < req->n; i++) {
		const uint64_t dpa = dc->config.regions[req->region].base + req->ranges[i].offset;
		const uint64_t len = req->ranges[i].len;
		guint first = named->len;

		if (!req->forced && !none_pending(head, dpa, len, errp))
			return false;
		switch (cxb_dc_cover(head, dpa, len, named, parts)) {
		case DC_COVER_NONE:
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"cannot release extent with non-existing DPA range: "
					"dpa 0x%" PRIx64 " len 0x%" PRIx64,
					dpa, len);
		case DC_COVER_CUT:
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"cannot release part of an extent: dpa 0x%" PRIx64
					" len 0x%" PRIx64 " begins or ends inside one",
					dpa, len);
		case DC_COVER_WHOLE:
			break;
		}
		for (; first < named->len; first++)
			if (!tag_matches(dc_ext(named, first), &req->tag, errp))
				return false;
	}
	return true;
}

static bool tag_named(const DcHead *head, const CxbDcReleaseReq *req, GPtrArray *named,
		      GError **errp)
{
	const DcTag *tag = cxb_dc_tag_find(head, &req->tag);
	char text[CXB_UUID_STRLEN + 1];
	DcExtent *e;

	if (cxb_uuid_is_null(&req->tag))
		return cxb_fail(errp, CXB_ERROR_INVALID, "tag-based removal needs a tag");
	if (!tag || tag->region != req->region)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"cannot release extent with non-existing DPA range: "
				"host %u has no extent of tag %s in region %u",
				req->host_id, cxb_uuid_format(&req->tag, text), req->region);
	e = g_queue_peek_head((GQueue *)&tag->extents);
	if (!req->forced && e->pub.state == CXB_DC_OFFERED)
		return pending_fail(errp, &e->pub);
	g_ptr_array_add(named, e);
	return true;
}

/* All extents of all tags that @named has an extent of, each tag once. */
static GPtrArray *whole_tags(const GPtrArray *named)
{
	GPtrArray *list = g_ptr_array_new();

	for (guint i = 0; i < named->len; i++) {
		DcTag *tag = dc_ext(named, i)->tag;

		if (cxb_uuid_is_null(&tag->tag)) {
			g_ptr_array_add(list, dc_ext(named, i));
			continue;
		}
		if (tag->scratch)
			continue;
		tag->scratch = 1;
		for (GList *l = tag->extents.head; l; l = l->next)
			g_ptr_array_add(list, l->data);
	}
	for (guint i = 0; i < named->len; i++)
		dc_ext(named, i)->tag->scratch = 0;
	return list;
}

static bool request_check(CxbDc *dc, const DcHead *head, const CxbDcReleaseReq *req,
			  GPtrArray *named, bool *parts, GError **errp)
{
	if (req->policy != CXB_DC_REMOVE_TAG_BASED && req->policy != CXB_DC_REMOVE_PRESCRIPTIVE)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Removal policy not supported");
	if (!ranges_named(dc, head, req, named, parts, errp))
		return false;
	if (req->policy == CXB_DC_REMOVE_TAG_BASED)
		return tag_named(head, req, named, errp);
	if (!req->n)
		return cxb_fail(errp, CXB_ERROR_INVALID, "extent list is empty");
	return true;
}

/* What is left of extents that the ranges name in part must fit: @named of them may go. */
static bool cuts_check(CxbDc *dc, const DcHead *head, const CxbDcReleaseReq *reqs, size_t n,
		       const GPtrArray *named, GError **errp)
{
	g_autoptr(GArray) points = g_array_new(FALSE, FALSE, sizeof(uint64_t));

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < reqs[i].n; j++)
			cxb_dc_cut_points(head,
					  dc->config.regions[reqs[i].region].base +
						  reqs[i].ranges[j].offset,
					  reqs[i].ranges[j].len, points);
	if (dc->extents + cxb_dc_cuts(points) - (reqs->forced ? named->len : 0) <=
	    dc->config.max_extents)
		return true;
	return cxb_fail(errp, CXB_ERROR_NO_ROOM,
			"number of extents exceeds the limit of %u: what is left of those that "
			"are cut does not fit",
			dc->config.max_extents);
}

/* In place of extents that the ranges name in part, those parts. */
static void carve(CxbDc *dc, DcTxn *txn, const CxbDcReleaseReq *reqs, size_t n, GPtrArray *named)
{
	g_ptr_array_set_size(named, 0);
	for (size_t i = 0; i < n; i++) {
		const uint64_t base = dc->config.regions[reqs[i].region].base;

		for (size_t j = 0; j < reqs[i].n; j++)
			cxb_dc_carve(dc, txn, base + reqs[i].ranges[j].offset,
				     reqs[i].ranges[j].len, named);
	}
}

/* Several requests at once: no byte is named by two. */
static bool group_check(CxbDc *dc, const CxbDcReleaseReq *reqs, size_t n, GError **errp)
{
	g_autoptr(CxbIvMap) seen = cxb_ivmap_new(NULL);

	for (size_t i = 0; i < n; i++) {
		const CxbDcReleaseReq *req = &reqs[i];

		g_assert(req->host_id == reqs->host_id && req->forced == reqs->forced &&
			 req->sanitize == reqs->sanitize &&
			 req->policy == CXB_DC_REMOVE_PRESCRIPTIVE);
		if (!cxb_dc_check_ranges(dc, req->region, req->ranges, req->n, errp))
			return false;
		for (size_t j = 0; j < req->n; j++) {
			const uint64_t dpa =
				dc->config.regions[req->region].base + req->ranges[j].offset;

			if (!cxb_ivmap_insert(seen, dpa, req->ranges[j].len, NULL))
				return cxb_fail(errp, CXB_ERROR_INVALID,
						"duplicate or overlapped extents are detected: "
						"dpa 0x%" PRIx64 " len 0x%" PRIx64,
						dpa, req->ranges[j].len);
		}
	}
	return true;
}

bool cxb_dc_release_group(CxbDc *dc, const CxbDcReleaseReq *reqs, size_t n, GError **errp)
{
	g_autoptr(GPtrArray) named = g_ptr_array_new();
	bool any_parts = false;
	const DcHead *head;
	DcTxn *txn;

	g_assert(n);
	if (cxb_dc_busy(dc, errp) || !(head = cxb_dc_head(dc, reqs->host_id, errp)))
		return false;
	if (n > 1 && !group_check(dc, reqs, n, errp))
		return false;
	for (size_t i = 0; i < n; i++) {
		bool parts;

		if (!request_check(dc, head, &reqs[i], named, &parts, errp))
			return false;
		any_parts |= parts;
	}
	if (any_parts && !cuts_check(dc, head, reqs, n, named, errp))
		return false;
	txn = cxb_dc_txn_new(reqs->host_id);
	txn->sanitize = reqs->sanitize;
	if (any_parts)
		carve(dc, txn, reqs, n, named);
	cxb_dc_txn_add(txn, reqs->forced ? CXB_DC_OP_FORCED_RELEASE : CXB_DC_OP_REQUEST_RELEASE,
		       whole_tags(named));
	return cxb_dc_txn_run(dc, txn, errp) == DC_TXN_DONE;
}

void cxb_dc_head_leave(CxbDc *dc, uint16_t id)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new();
	DcHead *head = &dc->heads[id];
	DcTxn *txn;

	g_assert(id < dc->config.n_heads);
	cxb_dc_drop_lists(dc, id);
	head->leaving = true;
	if (dc->txn && dc->txn->waiting && dc->txn->ops[0].head == id)
		cxb_dc_prepared(dc, g_error_new(CXB_ERROR, CXB_ERROR_BUSY, "the host has gone"));
	if (dc->txn || !head->leaving) /* at its end, or done there */
		return;
	head->leaving = head->reannounce = false;
	for (const CxbIv *iv = cxb_ivmap_first(head->map); iv; iv = cxb_ivmap_next(head->map, iv))
		g_ptr_array_add(all, iv->value);
	if (!all->len)
		return;
	txn = cxb_dc_txn_new(id);
	cxb_dc_txn_add(txn, CXB_DC_OP_FORCED_RELEASE, whole_tags(all));
	cxb_dc_txn_run(dc, txn, NULL);
}

bool cxb_dc_release(CxbDc *dc, const CxbDcReleaseReq *req, GError **errp)
{
	return cxb_dc_release_group(dc, req, 1, errp);
}
