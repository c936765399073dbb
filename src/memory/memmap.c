/* SPDX-License-Identifier: Apache-2.0 */
#include "memory/memmap.h"

#include <string.h>

#include "base/range.h"
#include "region.h"
#include "view.h"

struct CxbMemMap {
	GPtrArray *regions; /* placed CxbRegion *, no order */
	FlatView *view;
	size_t recent; /* index in view of the range that answered last */
	unsigned depth;
	bool dirty;
	uint64_t last_seq;
};

CxbMemMap *cxb_memmap_new(void)
{
	CxbMemMap *mm = g_new0(CxbMemMap, 1);

	mm->regions = g_ptr_array_new();
	mm->view = flat_view_new(mm->regions);
	return mm;
}

void cxb_memmap_free(CxbMemMap *mm)
{
	if (!mm)
		return;
	for (guint i = 0; i < mm->regions->len; i++)
		((CxbRegion *)mm->regions->pdata[i])->mm = NULL;
	g_ptr_array_unref(mm->regions);
	flat_view_unref(mm->view);
	g_free(mm);
}

void cxb_memmap_begin(CxbMemMap *mm)
{
	mm->depth++;
}

void cxb_memmap_commit(CxbMemMap *mm)
{
	FlatView *old = mm->view;

	g_assert(mm->depth);
	if (--mm->depth || !mm->dirty)
		return;
	mm->dirty = false;
	mm->view = flat_view_new(mm->regions);
	mm->recent = 0;
	flat_view_unref(old);
}

void cxb_memmap_place(CxbMemMap *mm, CxbRegion *region, uint64_t hpa, int priority,
		      uint64_t clip_start, uint64_t clip_len)
{
	g_assert(!region->mm || region->mm == mm);
	cxb_memmap_begin(mm);
	if (!region->mm) {
		region->mm = mm;
		region->index = mm->regions->len;
		g_ptr_array_add(mm->regions, region);
	}
	region->hpa = hpa;
	region->priority = priority;
	region->seq = ++mm->last_seq;
	region->clip_start = MIN(clip_start, region->size);
	region->clip_len = MIN(clip_len, region->size - region->clip_start);
	mm->dirty = true;
	cxb_memmap_commit(mm);
}

void cxb_memmap_remove(CxbMemMap *mm, CxbRegion *region)
{
	if (region->mm != mm)
		return;
	cxb_memmap_begin(mm);
	g_ptr_array_remove_index_fast(mm->regions, region->index);
	if (region->index < mm->regions->len)
		((CxbRegion *)mm->regions->pdata[region->index])->index = region->index;
	region->mm = NULL;
	mm->dirty = true;
	cxb_memmap_commit(mm);
}

/* The range that holds @hpa or, if there is none, the next one above; NULL at the end. */
static const FlatRange *range_at(CxbMemMap *mm, const FlatView *view, uint64_t hpa)
{
	size_t i = mm->recent;

	if (view != mm->view || i >= view->count || hpa < view->ranges[i].start ||
	    hpa > view->ranges[i].last) {
		i = flat_view_find(view, hpa);
		if (i == view->count)
			return NULL;
		if (view == mm->view)
			mm->recent = i;
	}
	return &view->ranges[i];
}

/* How many of @len bytes from @hpa on one answerer is in charge of; *range is NULL for nobody. */
static size_t piece_at(CxbMemMap *mm, const FlatView *view, uint64_t hpa, size_t len,
		       const FlatRange **range)
{
	const FlatRange *r = range_at(mm, view, hpa);

	*range = NULL;
	if (!r)
		return len;
	if (hpa < r->start)
		return MIN(len, r->start - hpa);
	*range = r;
	return r->last - hpa < len ? r->last - hpa + 1 : len;
}

/* The view is held: a register write may well move the map under its own feet. Bytes past 2^64
 * belong to nobody. */
CxbMemResult cxb_memmap_read(CxbMemMap *mm, uint64_t hpa, void *buf, size_t len)
{
	FlatView *view = flat_view_ref(mm->view);
	CxbMemResult rc = CXB_MEM_OK;
	uint8_t *p = buf;

	while (len) {
		const FlatRange *r;
		const size_t n = piece_at(mm, view, hpa, len, &r);

		if (r) {
			rc = worse(rc, cxb_region_read(r->region, r->off + (hpa - r->start), p, n));
		} else {
			memset(p, 0xff, n);
			rc = worse(rc, CXB_MEM_UNMAPPED);
		}
		p += n;
		len -= n;
		if (len && hpa > UINT64_MAX - n) {
			memset(p, 0xff, len);
			rc = worse(rc, CXB_MEM_UNMAPPED);
			break;
		}
		hpa += n;
	}
	flat_view_unref(view);
	return rc;
}

CxbMemResult cxb_memmap_write(CxbMemMap *mm, uint64_t hpa, const void *buf, size_t len)
{
	FlatView *view = flat_view_ref(mm->view);
	CxbMemResult rc = CXB_MEM_OK;
	const uint8_t *p = buf;

	while (len) {
		const FlatRange *r;
		const size_t n = piece_at(mm, view, hpa, len, &r);

		if (r)
			rc = worse(rc,
				   cxb_region_write(r->region, r->off + (hpa - r->start), p, n));
		else
			rc = worse(rc, CXB_MEM_UNMAPPED);
		p += n;
		len -= n;
		if (len && hpa > UINT64_MAX - n) {
			rc = worse(rc, CXB_MEM_UNMAPPED);
			break;
		}
		hpa += n;
	}
	flat_view_unref(view);
	return rc;
}

void *cxb_memmap_ptr(CxbMemMap *mm, uint64_t hpa, uint64_t len)
{
	const FlatRange *r;
	uint64_t off;

	if (!cxb_range_valid(hpa, len))
		return NULL;
	r = range_at(mm, mm->view, hpa);
	if (!r || hpa < r->start || hpa + (len - 1) > r->last || r->region->dead)
		return NULL;
	off = r->off + (hpa - r->start);
	switch (r->region->kind) {
	case REGION_IO:
		return NULL;
	case REGION_RAM:
		return r->region->readonly ? NULL : r->region->base + off;
	case REGION_WINDOW:
		return window_is_direct(r->region, off, len) ? r->region->base + off : NULL;
	}
	g_assert_not_reached();
}

void cxb_memmap_foreach(CxbMemMap *mm, CxbMemMapFn fn, void *opaque)
{
	FlatView *view = flat_view_ref(mm->view);

	for (size_t i = 0; i < view->count; i++) {
		const FlatRange *r = &view->ranges[i];

		fn(opaque, r->start, r->last - r->start + 1, r->region, r->off);
	}
	flat_view_unref(view);
}

static gint by_place(gconstpointer a, gconstpointer b)
{
	const CxbRegion *x = *(const CxbRegion *const *)a, *y = *(const CxbRegion *const *)b;

	if (x->hpa != y->hpa)
		return x->hpa < y->hpa ? -1 : 1;
	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return x->seq > y->seq ? -1 : 1;
}

void cxb_memmap_foreach_placed(CxbMemMap *mm, CxbMemMapFn fn, void *opaque)
{
	g_autoptr(GPtrArray) regions = g_ptr_array_copy(mm->regions, NULL, NULL);

	g_ptr_array_sort(regions, by_place);
	for (guint i = 0; i < regions->len; i++) {
		const CxbRegion *r = regions->pdata[i];

		if (r->clip_len)
			fn(opaque, r->hpa, MIN(r->clip_len, UINT64_MAX - r->hpa), r, r->clip_start);
	}
}
