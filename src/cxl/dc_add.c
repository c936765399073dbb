/* SPDX-License-Identifier: Apache-2.0 */
/* Adding capacity: everything that can be wrong with requests, then one offered group. */
#include "dc_internal.h"

#include "base/error.h"
#include "base/range.h"
#include "base/trace.h"

#include <inttypes.h>

/* Linux stages no more extents of one group than this. */
#define GROUP_LINUX_STAGES 100

static bool range_check(const CxbDcRegion *r, const CxbDcRange *x, size_t i, GError **errp)
{
	if (!x->len)
		return cxb_fail(
			errp, CXB_ERROR_INVALID,
			"extent with 0 length is not allowed: extent %zu, offset 0x%" PRIx64, i,
			x->offset);
	if (x->offset % r->block_size || x->len % r->block_size)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dpa or len is not aligned to region block size: extent %zu, "
				"offset 0x%" PRIx64 " len 0x%" PRIx64 ", block size 0x%" PRIx64,
				i, x->offset, x->len, r->block_size);
	if (!cxb_range_in(x->offset, x->len, r->len))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"extent range is beyond the region end: extent %zu, "
				"offset 0x%" PRIx64 " len 0x%" PRIx64 ", region length 0x%" PRIx64,
				i, x->offset, x->len, r->len);
	return true;
}

bool cxb_dc_check_ranges(CxbDc *dc, uint8_t region, const CxbDcRange *ranges, size_t n,
			 GError **errp)
{
	g_autoptr(CxbIvMap) seen = cxb_ivmap_new(NULL);

	if (region >= dc->config.n_regions)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"region id is too large: %u, %s has %u region%s", region,
				dc->config.name, dc->config.n_regions,
				dc->config.n_regions == 1 ? "" : "s");
	for (size_t i = 0; i < n; i++) {
		const CxbDcRange *x = &ranges[i];

		if (!range_check(&dc->config.regions[region], x, i, errp))
			return false;
		if (!cxb_ivmap_insert(seen, x->offset, x->len, NULL))
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"duplicate or overlapped extents are detected: extent %zu, "
					"offset 0x%" PRIx64 " len 0x%" PRIx64,
					i, x->offset, x->len);
	}
	return true;
}

/* Who has bytes of a range that is not free. */
static bool taken_fail(CxbDc *dc, uint16_t host_id, uint64_t dpa, uint64_t len, GError **errp)
{
	for (unsigned i = 0; i < dc->config.n_heads; i++) {
		const CxbIv *iv = cxb_ivmap_overlap(dc->heads[i].map, dpa, len);
		const DcExtent *e;
		const char *text;

		if (!iv)
			continue;
		e = iv->value;
		if (i != host_id)
			text = "cannot add DPA already given to another host";
		else if (e->pub.state == CXB_DC_OFFERED)
			text = "cannot add DPA again while still pending";
		else
			text = "cannot add DPA already accessible to the same LD";
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"%s: dpa 0x%" PRIx64 " len 0x%" PRIx64
				" overlaps the extent at dpa 0x%" PRIx64 " len 0x%" PRIx64,
				text, dpa, len, iv->start, iv->len);
	}
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"cannot add DPA kept for a tag by a reference: dpa 0x%" PRIx64
			" len 0x%" PRIx64,
			dpa, len);
}

static bool dpa_is_free(CxbDc *dc, const CxbDcAddReq *req, const CxbDcRange *x, GError **errp)
{
	const uint64_t dpa = dc->config.regions[req->region].base + x->offset;

	if (!cxb_dc_space_is_free(&dc->space[req->region], dpa, x->len))
		return taken_fail(dc, req->host_id, dpa, x->len, errp);
	return cxb_dc_clean(dc, dpa, x->len, errp);
}

/* --- one group in the making --- */

typedef struct {
	CxbDc *dc;
	uint16_t host_id;
	GPtrArray *tags;    /* DcTag that is not live yet */
	GPtrArray *extents; /* DcExtent of theirs; goes to the transaction */
	CxbIvMap *dpas;     /* of those extents; NULL: one request, whose ranges are checked */
	GHashTable *uuids;  /* set of &DcTag.tag */
} Group;

static void group_init(Group *g, CxbDc *dc, uint16_t host_id, size_t n)
{
	*g = (Group){
		.dc = dc,
		.host_id = host_id,
		.tags = g_ptr_array_new(),
		.extents = g_ptr_array_new(),
		.dpas = n > 1 ? cxb_ivmap_new(NULL) : NULL,
		.uuids = g_hash_table_new(cxb_uuid_hash, cxb_uuid_hash_equal),
	};
}

/* Give up what was held for it. */
static void group_drop(Group *g)
{
	for (guint i = 0; i < g->tags->len; i++) {
		DcTag *tag = g_ptr_array_index(g->tags, i);
		DcAlloc *alloc = tag->alloc;

		cxb_dc_tag_free(tag);
		if (!alloc->live) /* by nobody else */
			cxb_dc_alloc_unhold(g->dc, alloc);
	}
	g_ptr_array_set_size(g->tags, 0);
}

static void group_fini(Group *g)
{
	g_ptr_array_unref(g->tags);
	if (g->extents)
		g_ptr_array_unref(g->extents);
	cxb_ivmap_free(g->dpas);
	g_hash_table_unref(g->uuids);
}

static bool limits_check(const Group *g, uint8_t region, const CxbUuid *tag, size_t n, bool shared,
			 GError **errp)
{
	const CxbDcConfig *c = &g->dc->config;
	const uint32_t extents = cxb_dc_extents_available(g->dc);

	if (n > extents - MIN(g->extents->len, extents))
		return cxb_fail(errp, CXB_ERROR_NO_ROOM,
				"number of extents exceeds the limit of %u: %zu wanted, %u left",
				c->max_extents, g->extents->len + n, extents);
	if (!cxb_uuid_is_null(tag) && !shared &&
	    cxb_dc_tags_available(g->dc) <= g_hash_table_size(g->uuids))
		return cxb_fail(errp, CXB_ERROR_NO_ROOM,
				"number of tags exceeds the limit of %u: none left", c->max_tags);
	if (c->regions[region].sharable && n > UINT16_MAX + 1u)
		return cxb_fail(errp, CXB_ERROR_NO_ROOM,
				"number of extents %zu exceeds the sequence numbers of a "
				"sharable region",
				n);
	return true;
}

/* Lazy extents fill their backing. They lie in disjoint parts of a region: their lengths add up
 * without overflow. */
static bool size_check(CxbDc *dc, const DcAlloc *alloc, const CxbDcRange *ranges, size_t n,
		       GError **errp)
{
	const uint64_t size = alloc->backing->ops->size(alloc->backing);
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += ranges[i].len;
	if (sum == size || cxb_dc_is_static(dc))
		return true;
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"Host memory backend size 0x%" PRIx64
			" does not match extent length 0x%" PRIx64 ": %s, %zu extent%s",
			size, sum, alloc->backing->ops->name(alloc->backing), n, n == 1 ? "" : "s");
}

static void extent_add(Group *g, DcTag *tag, uint32_t i, uint64_t dpa, uint64_t len)
{
	DcExtent *e = g_new0(DcExtent, 1);

	e->pub = (CxbDcExtent){
		.dpa = dpa,
		.len = len,
		.tag = tag->tag,
		.seq = g->dc->config.regions[tag->region].sharable ? i : 0,
		.region = tag->region,
		.head = tag->head,
		.state = CXB_DC_OFFERED,
		.serial = ++g->dc->serial,
		.request_id = tag->request_id,
		.backing = tag->alloc->backing,
		.backing_off = cxb_dc_is_static(g->dc) ? cxb_dc_static_off(g->dc, dpa) : tag->bytes,
	};
	e->piece = i;
	e->tag = tag;
	e->tag_link.data = e;
	g_queue_push_tail_link(&tag->extents, &e->tag_link);
	tag->bytes += len;
	g_ptr_array_add(g->extents, e);
}

static DcTag *tag_add(Group *g, DcAlloc *alloc, const CxbDcAddReq *req)
{
	DcTag *tag = cxb_dc_tag_new(alloc, g->host_id, req->region);

	tag->request_id = g_strdup(req->request_id);
	g_ptr_array_add(g->tags, tag);
	if (alloc->pieces)
		g_hash_table_add(g->uuids, &tag->tag);
	return tag;
}

static bool ranges_check(Group *g, const CxbDcAddReq *req, const CxbDcRange *ranges, size_t n,
			 GError **errp)
{
	const CxbDcRegion *r = &g->dc->config.regions[req->region];

	for (size_t i = 0; i < n; i++) {
		if (!dpa_is_free(g->dc, req, &ranges[i], errp))
			return false;
		if (g->dpas &&
		    !cxb_ivmap_insert(g->dpas, r->base + ranges[i].offset, ranges[i].len, NULL))
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"duplicate or overlapped extents are detected: extent %zu, "
					"offset 0x%" PRIx64 " len 0x%" PRIx64,
					i, ranges[i].offset, ranges[i].len);
	}
	return true;
}

/* A new allocation of @ranges. */
static bool new_add(Group *g, const CxbDcAddReq *req, const CxbDcRange *ranges, size_t n,
		    GError **errp)
{
	const CxbDcRegion *r = &g->dc->config.regions[req->region];
	char text[CXB_UUID_STRLEN + 1];
	DcAlloc *alloc;
	DcTag *tag;

	if (!n)
		return cxb_fail(errp, CXB_ERROR_INVALID, "extent list is empty");
	if (cxb_dc_is_static(g->dc) && r->sharable && cxb_uuid_is_null(&req->tag))
		return cxb_fail(errp, CXB_ERROR_INVALID, "sharable capacity needs a tag: region %u",
				req->region);
	if (g_hash_table_contains(g->uuids, &req->tag))
		return cxb_fail(errp, CXB_ERROR_INVALID, "tag %s is given twice",
				cxb_uuid_format(&req->tag, text));
	if (!ranges_check(g, req, ranges, n, errp))
		return false;
	alloc = cxb_dc_alloc_hold(g->dc, &req->tag, g->host_id, errp);
	if (!alloc)
		return false;
	if (!size_check(g->dc, alloc, ranges, n, errp) ||
	    !limits_check(g, req->region, &req->tag, n, false, errp)) {
		cxb_dc_alloc_unhold(g->dc, alloc);
		return false;
	}
	if (!cxb_uuid_is_null(&req->tag)) {
		alloc->region = req->region;
		cxb_dc_pieces_init(alloc, r->base, ranges, n);
	}
	tag = tag_add(g, alloc, req);
	for (size_t i = 0; i < n; i++)
		extent_add(g, tag, i, r->base + ranges[i].offset, ranges[i].len);
	return true;
}

/* --- enable shared access: an allocation that is there goes to a further host --- */

static bool share_check(Group *g, const CxbDcAddReq *req, const DcAlloc *alloc, GError **errp)
{
	char text[CXB_UUID_STRLEN + 1];
	const char *user;

	cxb_uuid_format(&req->tag, text);
	if (req->n)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"extents go with the prescriptive policy only: tag %s says which",
				text);
	if (alloc->region != req->region)
		return cxb_fail(errp, CXB_ERROR_INVALID, "tag %s is in region %u, not in region %u",
				text, alloc->region, req->region);
	user = cxb_dc_tag_live(g->dc, &req->tag, g->host_id);
	if (user)
		return cxb_fail(errp, CXB_ERROR_BUSY, "tag %s is live on %s", text, user);
	if (!g->dc->config.regions[alloc->region].sharable && alloc->heads)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"region %u is not sharable, and another host has tag %s",
				alloc->region, text);
	return cxb_dc_alloc_whole(alloc, errp) &&
	       limits_check(g, alloc->region, &req->tag, alloc->n_pieces, true, errp);
}

static bool shared_add(Group *g, const CxbDcAddReq *req, GError **errp)
{
	DcAlloc *alloc;
	DcTag *tag;

	if (cxb_uuid_is_null(&req->tag))
		return cxb_fail(errp, CXB_ERROR_INVALID, "shared access needs a tag");
	alloc = cxb_dc_alloc_find(g->dc, &req->tag, errp);
	if (!alloc || !share_check(g, req, alloc, errp))
		return false;
	tag = tag_add(g, alloc, req);
	for (uint32_t i = 0; i < alloc->n_pieces; i++) {
		const DcPiece *piece = &alloc->pieces[i];

		extent_add(g, tag, i, piece->dpa, piece->len);
	}
	return true;
}

/* --- requests --- */

static bool request_add(Group *g, const CxbDcAddReq *req, GError **errp)
{
	g_autoptr(GArray) chosen = NULL;

	if (!cxb_dc_check_ranges(g->dc, req->region, req->ranges, req->n, errp))
		return false;
	switch (req->policy) {
	case CXB_DC_SELECT_PRESCRIPTIVE:
		return new_add(g, req, req->ranges, req->n, errp);
	case CXB_DC_SELECT_SHARED:
		return shared_add(g, req, errp);
	case CXB_DC_SELECT_FREE:
	case CXB_DC_SELECT_CONTIGUOUS:
		/* What it chooses has to be free of what stands before it in the group. */
		if (g->tags->len)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"policies by which the device chooses stand alone");
		chosen = cxb_dc_select(g->dc, req, errp);
		return chosen &&
		       new_add(g, req, (const CxbDcRange *)chosen->data, chosen->len, errp);
	}
	return cxb_fail(errp, CXB_ERROR_INVALID, "Selection policy not supported");
}

static bool group_offer(Group *g, uint32_t timeout_ms, GError **errp)
{
	const DcTag *tag = g_ptr_array_index(g->tags, 0);
	DcTxn *txn = cxb_dc_txn_new(g->host_id);
	const guint n = g->extents->len;

	cxb_dc_txn_add(txn, CXB_DC_OP_OFFER, g_steal_pointer(&g->extents));
	if (cxb_dc_txn_run(g->dc, txn, errp) != DC_TXN_DONE)
		return false;
	if (timeout_ms)
		cxb_dc_timeout_start(g->dc, g->host_id,
				     ((const DcExtent *)tag->extents.head->data)->group,
				     timeout_ms);
	if (n > GROUP_LINUX_STAGES)
		cxb_warn("%s: %u extents in one group: Linux accepts at most %u",
			 g->dc->config.name, n, GROUP_LINUX_STAGES);
	return true;
}

bool cxb_dc_add_group(CxbDc *dc, const CxbDcAddReq *reqs, size_t n, GError **errp)
{
	bool ok = true;
	Group g;

	g_assert(n && (!reqs[0].timeout_ms || dc->config.clock));
	if (cxb_dc_busy(dc, errp) || !cxb_dc_head(dc, reqs[0].host_id, errp))
		return false;
	group_init(&g, dc, reqs[0].host_id, n);
	for (size_t i = 0; i < n && ok; i++) {
		g_assert(reqs[i].host_id == g.host_id);
		ok = request_add(&g, &reqs[i], errp);
	}
	ok = ok && group_offer(&g, reqs[0].timeout_ms, errp);
	if (!ok)
		group_drop(&g);
	group_fini(&g);
	return ok;
}

bool cxb_dc_add(CxbDc *dc, const CxbDcAddReq *req, GError **errp)
{
	return cxb_dc_add_group(dc, req, 1, errp);
}
