/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policies by which the device chooses (CXL 3.1 7.6.7.6.5): free and contiguous. The smallest gap
 * that holds all of it is taken; if none does, free takes the largest ones whole, so that the pieces are
 * few, and the rest from the smallest that holds it.
 */
#include "dc_internal.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdlib.h>

static void piece_add(GArray *ranges, const CxbDcRegion *r, const CxbIv *gap, uint64_t len)
{
	const CxbDcRange x = { gap->start - r->base, len };

	g_array_append_val(ranges, x);
}

static int by_offset(const void *a, const void *b)
{
	const CxbDcRange *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static bool length_check(const CxbDcRegion *r, uint64_t length, GError **errp)
{
	if (!length)
		return cxb_fail(errp, CXB_ERROR_INVALID, "length 0 is not allowed");
	if (length % r->block_size)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"length 0x%" PRIx64
				" is not aligned to region block size 0x%" PRIx64,
				length, r->block_size);
	return true;
}

static bool contiguous_fail(CxbDc *dc, const CxbDcAddReq *req, GError **errp)
{
	const CxbIv *largest = cxb_dc_space_largest(&dc->space[req->region], NULL);

	return cxb_fail(errp, CXB_ERROR_NO_ROOM,
			"no contiguous 0x%" PRIx64
			" bytes are free in region %u: the largest piece has 0x%" PRIx64,
			req->length, req->region, largest ? largest->len : 0);
}

static bool pieces(CxbDc *dc, const CxbDcAddReq *req, GArray *ranges, GError **errp)
{
	const DcSpace *space = &dc->space[req->region];
	const CxbDcRegion *r = &dc->config.regions[req->region];
	const uint32_t limit = cxb_dc_extents_available(dc);
	uint64_t left = req->length;
	const CxbIv *gap = NULL;

	while ((gap = cxb_dc_space_largest(space, gap)) && gap->len < left) {
		if (ranges->len + 1 >= limit)
			return cxb_fail(errp, CXB_ERROR_NO_ROOM,
					"number of extents exceeds the limit of %u: free space is "
					"in more pieces than the %u left",
					dc->config.max_extents, limit);
		piece_add(ranges, r, gap, gap->len);
		left -= gap->len;
	}
	if (!gap)
		return cxb_fail(errp, CXB_ERROR_NO_ROOM,
				"not enough capacity is free in region %u: 0x%" PRIx64
				" wanted, 0x%" PRIx64 " free",
				req->region, req->length, req->length - left);
	/* No gap taken above is as small as that. */
	piece_add(ranges, r, cxb_dc_space_fitting(space, left), left);
	qsort(ranges->data, ranges->len, sizeof(CxbDcRange), by_offset);
	return true;
}

GArray *cxb_dc_select(CxbDc *dc, const CxbDcAddReq *req, GError **errp)
{
	const CxbDcRegion *r = &dc->config.regions[req->region];
	g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(CxbDcRange));
	const CxbIv *gap;

	if (req->n) {
		cxb_fail(errp, CXB_ERROR_INVALID,
			 "extents go with the prescriptive policy only: here the device chooses");
		return NULL;
	}
	if (!length_check(r, req->length, errp))
		return NULL;
	gap = cxb_dc_space_fitting(&dc->space[req->region], req->length);
	if (gap)
		piece_add(ranges, r, gap, req->length);
	else if (req->policy == CXB_DC_SELECT_CONTIGUOUS ? !contiguous_fail(dc, req, errp)
							 : !pieces(dc, req, ranges, errp))
		return NULL;
	return g_steal_pointer(&ranges);
}
