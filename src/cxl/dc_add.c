/* SPDX-License-Identifier: Apache-2.0 */
/* Adding capacity: everything that can be wrong with a request, then one offered group. */
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

static bool dpa_is_free(CxbDc *dc, uint16_t host_id, uint64_t dpa, uint64_t len, GError **errp)
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
	return cxb_dc_clean_again(dc, dpa, len, errp);
}

static bool limits_check(CxbDc *dc, const CxbDcAddReq *req, GError **errp)
{
	const uint32_t extents = cxb_dc_extents_available(dc);

	if (req->n > extents)
		return cxb_fail(errp, CXB_ERROR_NO_ROOM,
				"number of extents exceeds the limit of %u: %zu wanted, %u left",
				dc->config.max_extents, req->n, extents);
	if (!cxb_uuid_is_null(&req->tag) && !cxb_dc_tags_available(dc))
		return cxb_fail(errp, CXB_ERROR_NO_ROOM,
				"number of tags exceeds the limit of %u: none left",
				dc->config.max_tags);
	if (dc->config.regions[req->region].sharable && req->n > UINT16_MAX + 1u)
		return cxb_fail(errp, CXB_ERROR_NO_ROOM,
				"number of extents %zu exceeds the sequence numbers of a "
				"sharable region",
				req->n);
	return true;
}

/* Lazy extents fill their backing. They lie in disjoint parts of a region: their lengths add up
 * without overflow. */
static bool size_check(CxbDc *dc, DcAlloc *alloc, const CxbDcAddReq *req, GError **errp)
{
	const uint64_t size = alloc->backing->ops->size(alloc->backing);
	uint64_t sum = 0;

	for (size_t i = 0; i < req->n; i++)
		sum += req->ranges[i].len;
	if (sum == size || cxb_dc_is_static(dc))
		return true;
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"Host memory backend size 0x%" PRIx64
			" does not match extent length 0x%" PRIx64 ": %s, %zu extent%s",
			size, sum, alloc->backing->ops->name(alloc->backing), req->n,
			req->n == 1 ? "" : "s");
}

static void extent_add(CxbDc *dc, const CxbDcAddReq *req, size_t i, DcTag *tag, GPtrArray *list)
{
	const CxbDcRegion *r = &dc->config.regions[req->region];
	const uint64_t dpa = r->base + req->ranges[i].offset;
	DcExtent *e = g_new0(DcExtent, 1);

	e->pub = (CxbDcExtent){
		.dpa = dpa,
		.len = req->ranges[i].len,
		.tag = req->tag,
		.seq = r->sharable ? i : 0,
		.region = req->region,
		.head = req->host_id,
		.state = CXB_DC_OFFERED,
		.backing = tag->alloc->backing,
		.backing_off = cxb_dc_is_static(dc) ? cxb_dc_static_off(dc, dpa) : tag->bytes,
	};
	e->tag = tag;
	e->tag_link.data = e;
	g_queue_push_tail_link(&tag->extents, &e->tag_link);
	tag->bytes += e->pub.len;
	g_ptr_array_add(list, e);
}

static bool request_check(CxbDc *dc, const CxbDcAddReq *req, GError **errp)
{
	if (cxb_dc_busy(dc, errp) || !cxb_dc_head(dc, req->host_id, errp))
		return false;
	if (req->policy != CXB_DC_SELECT_PRESCRIPTIVE)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Selection policy not supported: only prescriptive is");
	if (!cxb_dc_check_ranges(dc, req->region, req->ranges, req->n, errp))
		return false;
	if (!req->n)
		return cxb_fail(errp, CXB_ERROR_INVALID, "extent list is empty");
	if (cxb_dc_is_static(dc) && dc->config.regions[req->region].sharable &&
	    cxb_uuid_is_null(&req->tag))
		return cxb_fail(errp, CXB_ERROR_INVALID, "sharable capacity needs a tag: region %u",
				req->region);
	for (size_t i = 0; i < req->n; i++)
		if (!dpa_is_free(dc, req->host_id,
				 dc->config.regions[req->region].base + req->ranges[i].offset,
				 req->ranges[i].len, errp))
			return false;
	return true;
}

bool cxb_dc_add(CxbDc *dc, const CxbDcAddReq *req, GError **errp)
{
	GPtrArray *list;
	DcAlloc *alloc;
	DcTxn *txn;
	DcTag *tag;

	if (!request_check(dc, req, errp))
		return false;
	alloc = cxb_dc_tag_hold(dc, &req->tag, req->host_id, errp);
	if (!alloc)
		return false;
	if (!size_check(dc, alloc, req, errp) || !limits_check(dc, req, errp)) {
		cxb_dc_tag_unhold(dc, alloc);
		return false;
	}
	tag = cxb_dc_tag_new(alloc, req->host_id, req->region);
	list = g_ptr_array_new();
	for (size_t i = 0; i < req->n; i++)
		extent_add(dc, req, i, tag, list);
	txn = cxb_dc_txn_new(req->host_id);
	cxb_dc_txn_add(txn, CXB_DC_OP_OFFER, list);
	if (cxb_dc_txn_run(dc, txn, errp) != DC_TXN_DONE) {
		cxb_dc_tag_free(tag);
		cxb_dc_tag_unhold(dc, alloc);
		return false;
	}
	if (req->n > GROUP_LINUX_STAGES)
		cxb_warn("%s: %zu extents in one group: Linux accepts at most %u", dc->config.name,
			 req->n, GROUP_LINUX_STAGES);
	return true;
}
