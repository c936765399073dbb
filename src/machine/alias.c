/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct aliases: every run of capacity that has bytes behind it and a committed one-way path is
 * mapped into its window in place. Decoding always works without them, so whatever cannot be
 * aliased (interleaved, sub-page, over budget) is simply left to it.
 */
#include "internal.h"

#include "base/ivmap.h"
#include "base/trace.h"

CXB_TRACE(machine_alias, (const char *what, uint64_t hpa, uint64_t len, uint64_t dpa, int mode),
	  "%s hpa 0x%" PRIx64 " len 0x%" PRIx64 " dpa 0x%" PRIx64 " mode %d", what, hpa, len, dpa,
	  mode)

struct Aliases {
	CxbMachine *m;
	GHashTable *endpoints; /* CxbDevice * -> CxbIvMap * by DPA of HPAs */
};

Aliases *cxb_aliases_new(CxbMachine *m)
{
	Aliases *a = g_new0(Aliases, 1);

	a->m = m;
	a->endpoints = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)cxb_ivmap_free);
	return a;
}

void cxb_aliases_free(Aliases *a)
{
	if (!a)
		return;
	g_hash_table_unref(a->endpoints);
	g_free(a);
}

/* There are as many as extents, so the number itself stands in for a pointer to it. */
_Static_assert(sizeof(gpointer) >= sizeof(uint64_t), "an address fits a pointer");

static uint64_t hpa_of(const CxbIv *iv)
{
	return (uintptr_t)iv->value;
}

static void unmap(Aliases *a, const CxbIv *iv)
{
	const uint64_t hpa = hpa_of(iv);
	Window *w = cxb_fmw_at(a->m, hpa);

	trace_machine_alias("remove", hpa, iv->len, iv->start, 0);
	cxb_window_unalias(w->region, hpa - w->pub.base);
}

static void drop_all(Aliases *a, CxbIvMap *map)
{
	for (CxbIv *iv = cxb_ivmap_first(map); iv; iv = cxb_ivmap_next(map, iv))
		unmap(a, iv);
	cxb_ivmap_clear(map);
}

void cxb_aliases_add_endpoint(Aliases *a, CxbDevice *endpoint)
{
	g_hash_table_insert(a->endpoints, endpoint, cxb_ivmap_new(NULL));
	cxb_aliases_refresh(a, endpoint);
}

void cxb_aliases_remove_endpoint(Aliases *a, CxbDevice *endpoint)
{
	CxbIvMap *map = g_hash_table_lookup(a->endpoints, endpoint);

	if (!map)
		return;
	drop_all(a, map);
	g_hash_table_remove(a->endpoints, endpoint);
}

/* Whether a change at @component matters to @endpoint. */
static bool on_path(CxbDevice *component, CxbDevice *endpoint)
{
	return component == endpoint || cxb_cxl_endpoint_bridge(endpoint) == component;
}

void cxb_aliases_drop(Aliases *a, CxbDevice *component)
{
	GHashTableIter it;
	gpointer endpoint, map;

	g_hash_table_iter_init(&it, a->endpoints);
	while (g_hash_table_iter_next(&it, &endpoint, &map))
		if (on_path(component, endpoint))
			drop_all(a, map);
}

/* Alias what of (@dpa, @len) in @seg goes one way from @hpa on. Returns: bytes dealt with. */
static uint64_t add_run(Aliases *a, CxbDevice *endpoint, CxbIvMap *map, const CxbCxlSegment *seg,
			uint64_t dpa, uint64_t len, uint64_t hpa)
{
	Window *w = cxb_fmw_at(a->m, hpa);
	g_autoptr(GError) err = NULL;
	CxbAliasMode mode;
	CxbCxlRoute r;

	if (!w || !cxb_fmw_route(w, hpa, &r) || r.endpoint != endpoint || r.dpa != dpa ||
	    r.interleaved)
		/* Decoded, or not reachable at all. Windows and decoders begin and end at multiples
		 * of 256 MiB, so that is where it may become different. */
		return MIN(len, CXB_HDM_UNIT - hpa % CXB_HDM_UNIT);
	len = MIN(len, r.len);
	if (!cxb_window_alias(w->region, hpa - w->pub.base, len, seg->mem,
			      seg->mem_off + (dpa - seg->dpa), seg->readonly, &mode, &err)) {
		cxb_log_line("cxlbox: no direct alias at hpa 0x%" PRIx64 ": %s", hpa, err->message);
		return len;
	}
	trace_machine_alias("add", hpa, len, dpa, mode);
	cxb_ivmap_insert(map, dpa, len, (gpointer)(uintptr_t)hpa);
	return len;
}

void cxb_aliases_add_range(Aliases *a, CxbDevice *endpoint, const CxbCxlSegment *seg)
{
	CxbIvMap *map = g_hash_table_lookup(a->endpoints, endpoint);
	const CxbHdm *hdm = cxb_cxl_endpoint_hdm(endpoint);
	uint64_t base, size;

	for (unsigned n = 0; map && cxb_hdm_dpa_range(hdm, n, &base, &size); n++) {
		const uint64_t from = MAX(base, seg->dpa);
		const uint64_t to = MIN(base + size, seg->dpa + seg->len);

		if (from >= to || cxb_hdm_ways(hdm->dec[n].iw) != 1)
			continue;
		for (uint64_t dpa = from; dpa < to;)
			dpa += add_run(a, endpoint, map, seg, dpa, to - dpa,
				       hdm->dec[n].base + (dpa - base));
	}
}

/* Alias again what is there in [@from, @to). */
static void add_between(Aliases *a, CxbDevice *endpoint, uint64_t from, uint64_t to)
{
	CxbCxlSegment seg;

	for (; from < to && cxb_cxl_endpoint_segment(endpoint, from, &seg) && seg.dpa < to;
	     from = seg.dpa + seg.len) {
		const uint64_t skip = from > seg.dpa ? from - seg.dpa : 0;

		seg.dpa += skip;
		seg.mem_off += skip;
		seg.len = MIN(seg.len - skip, to - seg.dpa);
		cxb_aliases_add_range(a, endpoint, &seg);
	}
}

void cxb_aliases_remove_range(Aliases *a, CxbDevice *endpoint, uint64_t dpa, uint64_t len)
{
	CxbIvMap *map = g_hash_table_lookup(a->endpoints, endpoint);
	const uint64_t end = dpa + len; /* of an extent: does not wrap */
	CxbIv *iv;

	/* An alias may reach beyond: what it was made for has been cut since. The rest stays. */
	while (map && (iv = cxb_ivmap_overlap(map, dpa, len))) {
		const uint64_t from = iv->start, to = iv->start + iv->len;

		unmap(a, iv);
		cxb_ivmap_remove(map, from);
		if (from < dpa)
			add_between(a, endpoint, from, dpa);
		if (to > end)
			add_between(a, endpoint, end, to);
	}
}

static void refresh_one(Aliases *a, CxbDevice *endpoint, CxbIvMap *map)
{
	CxbCxlSegment seg;

	for (uint64_t dpa = 0; cxb_cxl_endpoint_segment(endpoint, dpa, &seg);
	     dpa = seg.dpa + seg.len)
		if (!cxb_ivmap_overlap(map, seg.dpa, seg.len))
			cxb_aliases_add_range(a, endpoint, &seg);
}

void cxb_aliases_refresh(Aliases *a, CxbDevice *component)
{
	GHashTableIter it;
	gpointer endpoint, map;

	g_hash_table_iter_init(&it, a->endpoints);
	while (g_hash_table_iter_next(&it, &endpoint, &map))
		if (on_path(component, endpoint)) {
			/* Another decoder may have changed what an alias showed: begin anew. */
			drop_all(a, map);
			refresh_one(a, endpoint, map);
		}
}
