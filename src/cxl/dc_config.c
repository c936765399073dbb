/* SPDX-License-Identifier: Apache-2.0 */
/* Changing what a region is like, CXL 3.1 7.6.7.6.3: only while nobody has any of it. */
#include "dc_internal.h"

#include "base/error.h"

#include <inttypes.h>

uint64_t cxb_dc_block_sizes(const CxbDc *dc, uint8_t region)
{
	const CxbDcRegion *r = &dc->config.regions[region];
	const uint64_t both = r->base | r->len;

	/* All powers of two from the smallest to the largest that divides base and length. */
	return 2 * (both & -both) - CXB_DC_BLOCK_MIN;
}

bool cxb_dc_region_is_free(const CxbDc *dc, uint8_t region)
{
	const CxbDcRegion *r = &dc->config.regions[region];

	return cxb_dc_space_is_free(&dc->space[region], r->base, r->len);
}

bool cxb_dc_configure(CxbDc *dc, uint8_t region, uint64_t block_size, bool sanitize, GError **errp)
{
	CxbDcRegion *r;

	if (cxb_dc_busy(dc, errp) || !cxb_dc_check_ranges(dc, region, NULL, 0, errp))
		return false;
	r = &dc->config.regions[region];
	if (!cxb_dc_region_is_free(dc, region))
		return cxb_fail(errp, CXB_ERROR_BUSY, "region %u is not free", region);
	if (!block_size || block_size & (block_size - 1) ||
	    !(block_size & cxb_dc_block_sizes(dc, region)))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"region %u: block size 0x%" PRIx64 " is not one of 0x%" PRIx64,
				region, block_size, cxb_dc_block_sizes(dc, region));
	if (block_size == r->block_size && sanitize == r->sanitize_on_release)
		return true;
	r->block_size = block_size;
	r->sanitize_on_release = sanitize;
	for (guint i = 0; i < dc->watches->len; i++) {
		const DcWatch *w = &g_array_index(dc->watches, DcWatch, i);

		if (w->observer->configured)
			w->observer->configured(w->opaque, region);
	}
	return true;
}
