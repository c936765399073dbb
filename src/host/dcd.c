/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be accepted (CXL 3.1 9.13.3, Table 8-50, and what Linux demands on top): all extents of
 * a tag or none; a tag lives once on the host, in one region; every extent aligned to what memory
 * can be mapped with, in a region whose decoder is committed, apart from everything accepted.
 */
#include "base/range.h"
#include "priv.h"

CxbHostRegion *cxb_h_region_of(HMemdev *md, uint64_t dpa, uint64_t len)
{
	for (unsigned i = 0; i < md->regions->len; i++) {
		CxbHostRegion *r = cxb_h_region(md, i);

		if (!r->is_static && len && cxb_range_within(dpa, len, r->dpa, r->len))
			return r;
	}
	return NULL;
}

/* The very extent that was accepted before: a device may report it again. */
static bool is_accepted(const HMemdev *md, const HExtent *e)
{
	const CxbIv *iv = cxb_ivmap_at(md->live, e->dpa);

	return iv && iv->len == e->len && cxb_uuid_equal(&((HExtent *)iv->value)->tag, &e->tag);
}

static const char *judge_extent(HMemdev *md, HExtent *e)
{
	const CxbHostRegion *r = cxb_h_region_of(md, e->dpa, e->len);

	if (!r)
		return "an extent lies in no region";
	if (!r->mapped)
		return "its region is not mapped";
	if (e->dpa % H_EXTENT_ALIGN || e->len % H_EXTENT_ALIGN)
		return "an extent is not aligned to 2 MiB";
	e->region = r->region;
	e->duplicate = is_accepted(md, e);
	if (e->clash)
		return "an extent overlaps another one offered";
	if (!e->duplicate && cxb_ivmap_overlap(md->live, e->dpa, e->len))
		return "an extent overlaps an accepted one";
	return NULL;
}

/* Sharable: 0 to n-1, each once, says in which order every host places them. */
static bool sequence_good(const HAlloc *alloc)
{
	unsigned n = alloc->extents->len;
	g_autofree bool *seen = g_new0(bool, n);

	for (unsigned i = 0; i < n; i++) {
		const HExtent *e = g_ptr_array_index(alloc->extents, i);

		if (e->seq >= n || seen[e->seq])
			return false;
		seen[e->seq] = true;
	}
	return true;
}

const char *cxb_h_judge(HAlloc *alloc)
{
	HMemdev *md = alloc->md;
	const HExtent *first = g_ptr_array_index(alloc->extents, 0);
	bool sharable, tagged = !cxb_uuid_is_null(&alloc->tag);
	unsigned duplicates = 0;
	const HAlloc *other;

	for (unsigned i = 0; i < alloc->extents->len; i++) {
		HExtent *e = g_ptr_array_index(alloc->extents, i);
		const char *wrong = e->withdrawn ? "it was withdrawn" : judge_extent(md, e);

		if (wrong)
			return wrong;
		if (tagged && e->region != first->region)
			return "its extents lie in several regions";
		duplicates += e->duplicate;
	}
	if (duplicates == alloc->extents->len)
		return NULL;
	other = tagged ? cxb_h_tag_find(md->driver, &alloc->tag) : NULL;
	if (duplicates || (other && other != alloc))
		return "the tag is already live";
	sharable = md->sharable >> first->region & 1;
	if (sharable && !tagged)
		return "the region is sharable and there is no tag";
	if (sharable && !sequence_good(alloc))
		return "its sequence numbers are not 0 to n-1";
	return NULL;
}
