/* SPDX-License-Identifier: Apache-2.0 */
#include "view.h"

/* The part of a placed region that answers, as addresses. */
typedef struct {
	uint64_t start, last;
	CxbRegion *region;
} Claim;

static int compare_start(gconstpointer a, gconstpointer b)
{
	const Claim *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Who wins sorts last. */
static int compare_rank(gconstpointer a, gconstpointer b, gpointer unused)
{
	const CxbRegion *x = ((const Claim *)a)->region, *y = ((const Claim *)b)->region;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static GArray *claims_sorted(const GPtrArray *regions)
{
	GArray *claims = g_array_sized_new(FALSE, FALSE, sizeof(Claim), regions->len);

	for (guint i = 0; i < regions->len; i++) {
		CxbRegion *r = regions->pdata[i];
		Claim c = { r->hpa + r->clip_start, 0, r };

		if (!r->clip_len || c.start < r->hpa)
			continue; /* nothing left, or all of it past 2^64 */
		c.last = c.start + (r->clip_len - 1);
		if (c.last < c.start)
			c.last = UINT64_MAX;
		g_array_append_val(claims, c);
	}
	g_array_sort(claims, compare_start);
	return claims;
}

static void emit(GArray *flat, uint64_t start, uint64_t last, CxbRegion *region)
{
	FlatRange r = { start, last, region, start - region->hpa };

	if (flat->len) {
		FlatRange *prev = &g_array_index(flat, FlatRange, flat->len - 1);

		if (prev->region == region && prev->last + 1 == start) {
			prev->last = last;
			return;
		}
	}
	region_ref(region);
	g_array_append_val(flat, r);
}

/* Walk upwards with the claims that have begun in a tree ordered by rank. Each round takes a claim
 * in, throws one out that has ended, or moves on to the next start or end. */
static void sweep(const GArray *claims, GArray *flat)
{
	GTree *begun = g_tree_new_full(compare_rank, NULL, NULL, NULL);
	uint64_t pos = 0;
	guint next = 0;

	for (;;) {
		if (!g_tree_nnodes(begun)) {
			if (next == claims->len)
				break;
			pos = g_array_index(claims, Claim, next).start;
		}
		while (next < claims->len && g_array_index(claims, Claim, next).start <= pos) {
			Claim *c = &g_array_index(claims, Claim, next++);

			g_tree_insert(begun, c, c);
		}

		Claim *top = g_tree_node_value(g_tree_node_last(begun));
		uint64_t last = top->last;

		if (last < pos) {
			g_tree_remove(begun, top);
			continue;
		}
		if (next < claims->len && g_array_index(claims, Claim, next).start <= last)
			last = g_array_index(claims, Claim, next).start - 1;
		emit(flat, pos, last, top->region);
		if (last == UINT64_MAX)
			break;
		pos = last + 1;
	}
	g_tree_unref(begun);
}

FlatView *flat_view_new(const GPtrArray *regions)
{
	FlatView *view = g_new0(FlatView, 1);
	g_autoptr(GArray) claims = claims_sorted(regions);
	GArray *flat = g_array_new(FALSE, FALSE, sizeof(FlatRange));
	gsize count = 0;

	sweep(claims, flat);
	view->refs = 1;
	view->ranges = g_array_steal(flat, &count);
	view->count = count;
	g_array_unref(flat);
	return view;
}

FlatView *flat_view_ref(FlatView *view)
{
	view->refs++;
	return view;
}

void flat_view_unref(FlatView *view)
{
	if (!view || --view->refs)
		return;
	for (size_t i = 0; i < view->count; i++)
		region_unref(view->ranges[i].region);
	g_free(view->ranges);
	g_free(view);
}

size_t flat_view_find(const FlatView *view, uint64_t hpa)
{
	size_t lo = 0, hi = view->count;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (view->ranges[mid].last < hpa)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
