/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold in a machine whatever was done to it. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "world.h"

#define STEP CXB_DC_BLOCK_SIZE /* extents begin and end at multiples of it */

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Held as long as the device is there, and each extent at its own place in it. */
static void check_static(World *w)
{
	CxbDc *dc = w->t3[0] ? cxb_cxl_type3_dc(w->t3[0]) : NULL;
	const CxbDcExtent *e = dc ? cxb_dc_next(dc, 0, 0) : NULL;

	must(cxb_hostmem_mapped(w->static_mem) == (dc != NULL));
	must(!cxb_hostmem_holder(w->static_mem) == !dc);
	for (; e; e = cxb_dc_next(dc, 0, e->dpa + e->len))
		must(cxb_cxl_backing_mem(e->backing) == w->static_mem && e->backing_off == e->dpa);
}

static void check_extents(World *w, CxbDc *dc, bool *mapped)
{
	for (unsigned head = 0; head < cxb_dc_config(dc)->n_heads; head++)
		for (const CxbDcExtent *e = cxb_dc_next(dc, head, 0); e;
		     e = cxb_dc_next(dc, head, e->dpa + e->len)) {
			const unsigned nr = e->tag.b[15];

			must(nr < BACKENDS && w->backend[nr]);
			must(cxb_cxl_backing_mem(e->backing) == w->backend[nr]);
			mapped[nr] |= e->state != CXB_DC_OFFERED;
		}
}

/* Held by the one device that has it for a host or by reference, mapped while some host accepted it. */
static void check_backends(World *w)
{
	const CxbDc *holder[BACKENDS] = { NULL };
	bool mapped[BACKENDS] = { false };

	for (unsigned d = w->static_mem ? 1 : 0; d < w->n_t3; d++) {
		CxbDc *dc = w->t3[d] ? cxb_cxl_type3_dc(w->t3[d]) : NULL;
		CxbDcTagInfo info;

		for (size_t i = 0; dc && cxb_dc_tag_at(dc, i, &info); i++) {
			const unsigned nr = info.tag.b[15];

			must(nr < BACKENDS && (!holder[nr] || holder[nr] == dc));
			holder[nr] = dc;
		}
		if (dc)
			check_extents(w, dc, mapped);
	}
	for (unsigned i = 0; i < BACKENDS; i++) {
		const char *name = w->backend[i] ? cxb_hostmem_holder(w->backend[i]) : NULL;

		must(g_strcmp0(name, holder[i] ? cxb_dc_config(holder[i])->name : NULL) == 0);
		must(!w->backend[i] || cxb_hostmem_mapped(w->backend[i]) == mapped[i]);
	}
}

static bool segment_at(CxbDevice *endpoint, uint64_t dpa)
{
	CxbCxlSegment s;

	return cxb_cxl_endpoint_segment(endpoint, dpa, &s) && dpa >= s.dpa && dpa - s.dpa < s.len;
}

/* One place of a window: aliased if and only if capacity is there one way, and both show the same. */
static void check_place(World *w, Window *win, uint64_t off)
{
	const uint64_t hpa = win->pub.base + off;
	const CxbAliasMode mode = cxb_window_alias_at(win->region, off, NULL, NULL);
	CxbCxlRoute r = { 0 };
	const bool routed = cxb_fmw_route(win, hpa, &r);
	const bool one_way = routed && !r.interleaved && segment_at(r.endpoint, r.dpa);
	uint8_t seen[8], there[8];
	CxbMemResult result;

	must((mode != CXB_ALIAS_NONE) == one_way);
	result = cxb_memmap_read(w->mm, hpa, seen, sizeof(seen));
	if (routed && cxb_cxl_endpoint_read(r.endpoint, r.dpa, there, sizeof(there))) {
		must(result == CXB_MEM_OK);
		must(memcmp(seen, there, sizeof(seen)) == 0);
	} else {
		must(result == CXB_MEM_ERROR);
	}
}

static void check_dpas(World *w, CxbDevice *t3)
{
	CxbCxlSegment s;

	for (uint64_t dpa = 0; cxb_cxl_endpoint_segment(t3, dpa, &s); dpa = s.dpa + s.len) {
		CxbAliasMode mode;
		CxbCxlRoute r;
		uint64_t hpa;

		if (!cxb_machine_dpa_to_hpa(w->m, t3, s.dpa, &hpa, &mode))
			continue;
		must(cxb_fmw_route(cxb_fmw_at(w->m, hpa), hpa, &r));
		must(r.endpoint == t3 && r.dpa == s.dpa && mode != CXB_ALIAS_NONE);
	}
}

void world_check(World *w)
{
	check_backends(w);
	if (w->static_mem)
		check_static(w);
	for (unsigned i = 0; i < w->m->n_windows; i++) {
		Window *win = &w->m->windows[i];

		for (uint64_t off = 0; off < win->pub.size; off += STEP)
			check_place(w, win, off);
	}
	for (unsigned i = 0; i < w->n_t3; i++)
		if (w->t3[i])
			check_dpas(w, w->t3[i]);
}
