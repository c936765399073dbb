/* SPDX-License-Identifier: Apache-2.0 */
/* The flat view: who answers where, sorted, disjoint, never changed once made. Counted. */
#ifndef MEMORY_VIEW_H
#define MEMORY_VIEW_H

#include "region.h"

typedef struct {
	uint64_t start, last; /* both inclusive: a range may end at 2^64 - 1 */
	CxbRegion *region;    /* referenced by the view */
	uint64_t off;         /* into the region, of start */
} FlatRange;

typedef struct {
	unsigned refs;
	size_t count;
	FlatRange *ranges;
} FlatView;

/** flat_view_new() - Sort out @regions (CxbRegion *, placed): O(n log n) whatever overlaps. */
FlatView *flat_view_new(const GPtrArray *regions);
FlatView *flat_view_ref(FlatView *view);
void flat_view_unref(FlatView *view);

/** flat_view_find() - Index of the first range that ends at or above @hpa; count if none does. */
size_t flat_view_find(const FlatView *view, uint64_t hpa);

#endif
