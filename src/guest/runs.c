/* SPDX-License-Identifier: Apache-2.0 */
#include "runs.h"

#define PAGE 4096u

void runs_of(CxbDevice *endpoint, const CxbCxlSegment *segment, GArray *runs)
{
	const CxbHdm *hdm = cxb_cxl_endpoint_hdm(endpoint);
	uint64_t base, size;

	for (unsigned n = 0; cxb_hdm_dpa_range(hdm, n, &base, &size); n++) {
		const uint64_t from = MAX(base, segment->dpa);
		const uint64_t to = MIN(base + size, segment->dpa + segment->len);
		uint64_t fd_off;
		Run run;

		if (from >= to || cxb_hdm_ways(hdm->dec[n].iw) != 1 ||
		    !cxb_hdm_to_hpa(hdm, from, 0, &run.hpa))
			continue;
		run.dpa = from;
		run.len = to - from;
		run.mem = segment->mem;
		run.mem_off = segment->mem_off + (from - segment->dpa);
		run.readonly = segment->readonly;
		cxb_hostmem_fd(run.mem, &fd_off);
		if ((run.hpa | run.len | (fd_off + run.mem_off)) % PAGE == 0)
			g_array_append_val(runs, run);
	}
}

GArray *runs_between(CxbDevice *endpoint, uint64_t from, uint64_t to)
{
	GArray *runs = g_array_new(FALSE, FALSE, sizeof(Run));
	CxbCxlSegment segment;

	if (!cxb_cxl_endpoint_served(endpoint))
		return runs;
	for (uint64_t dpa = from;
	     cxb_cxl_endpoint_segment(endpoint, dpa, &segment) && segment.dpa < to;
	     dpa = segment.dpa + segment.len)
		runs_of(endpoint, &segment, runs);
	return runs;
}

/* --- ranges --- */

void ranges_add(CxbIvMap *ranges, uint64_t start, uint64_t len)
{
	uint64_t end = start + len;
	CxbIv *iv;

	while ((iv = cxb_ivmap_overlap(ranges, start, end - start))) {
		start = MIN(start, iv->start);
		end = MAX(end, iv->start + iv->len);
		cxb_ivmap_drop(ranges, iv);
	}
	cxb_ivmap_insert(ranges, start, end - start, NULL);
}

void ranges_drop(CxbIvMap *ranges, uint64_t start, uint64_t len)
{
	CxbIv *iv;

	while ((iv = cxb_ivmap_overlap(ranges, start, len)))
		cxb_ivmap_drop(ranges, iv);
}
