/* SPDX-License-Identifier: Apache-2.0 */
/* What is behind a type 3 device's physical addresses, and access to it. */
#include "devices.h"

#include "base/range.h"
#include "base/trace.h"

CXB_TRACE(cxl_type3_miss, (const char *dev, const char *what, uint64_t dpa, size_t len),
	  "%s: %s of dpa 0x%" PRIx64 " len 0x%zx meets no accepted capacity", dev, what, dpa, len)

bool cxb_type3_segment(Type3 *t3, uint64_t dpa, CxbCxlSegment *out)
{
	const Type3Part *part = cxb_type3_part_at(t3, dpa);
	const CxbDcConfig *config;

	if (part) {
		*out = (CxbCxlSegment){ .dpa = part->dpa,
					.len = part->len,
					.mem = part->mem,
					.readonly = cxb_hostmem_readonly(part->mem) };
		return true;
	}
	if (!t3->dc)
		return false;
	config = cxb_dc_config(t3->dc);
	for (const CxbDcExtent *e = cxb_dc_find(t3->dc, t3->head_nr, dpa)
					    ?: cxb_dc_next(t3->dc, t3->head_nr, dpa);
	     e; e = cxb_dc_next(t3->dc, t3->head_nr, e->dpa + e->len)) {
		if (e->state == CXB_DC_OFFERED)
			continue;
		*out = (CxbCxlSegment){ .dpa = e->dpa,
					.len = e->len,
					.mem = cxb_cxl_backing_mem(e->backing),
					.mem_off = e->backing_off,
					.readonly = config->regions[e->region].read_only };
		return true;
	}
	return false;
}

bool cxb_type3_bytes_at(const Type3 *t3, uint64_t dpa, size_t *len, CxbHostMem **mem, uint64_t *off)
{
	const Type3Part *part = cxb_type3_part_at(t3, dpa);

	if (part) {
		*mem = part->mem;
		*off = dpa - part->dpa;
		*len = MIN(*len, part->len - *off);
		return true;
	}
	const CxbDcExtent *e = t3->dc ? cxb_dc_find(t3->dc, t3->head_nr, dpa) : NULL;

	if (!e || e->state == CXB_DC_OFFERED)
		return false;
	*mem = cxb_cxl_backing_mem(e->backing);
	*off = e->backing_off + (dpa - e->dpa);
	*len = MIN(*len, e->len - (dpa - e->dpa));
	return true;
}

/* Up to the last byte that 64 bits can name. */
bool cxb_type3_answers(void *opaque, uint64_t dpa, uint64_t len)
{
	while (len) {
		size_t n = len;
		CxbHostMem *mem;
		uint64_t off;

		if (!cxb_type3_bytes_at(opaque, dpa, &n, &mem, &off))
			return false;
		dpa += n;
		len -= n;
	}
	return true;
}

/* --- access; none while media is disabled --- */

bool cxb_type3_media_answers(const CxbDevice *endpoint)
{
	return !cxb_cci_media_disabled(((const Type3 *)endpoint)->cci);
}

bool cxb_type3_media_segment(CxbDevice *endpoint, uint64_t dpa, CxbCxlSegment *out)
{
	return cxb_type3_media_answers(endpoint) && cxb_type3_segment((Type3 *)endpoint, dpa, out);
}

static bool bytes_at(const Type3 *t3, uint64_t dpa, size_t *len, CxbHostMem **mem, uint64_t *off)
{
	return cxb_type3_media_answers(&t3->pci.dev) && cxb_type3_bytes_at(t3, dpa, len, mem, off);
}

/* As hosts see it; that of a backend is its own to say. */
static bool region_readonly(const Type3 *t3, uint64_t dpa)
{
	const CxbDcRegion *r = t3->dc ? cxb_dc_region_of(t3->dc, dpa, 1) : NULL;

	return r && r->read_only;
}

static bool miss(Type3 *t3, const char *what, uint64_t dpa, size_t len)
{
	t3->missed++;
	trace_cxl_type3_miss(t3->path, what, dpa, len);
	return false;
}

bool cxb_type3_media_read(CxbDevice *endpoint, uint64_t dpa, void *buf, size_t len)
{
	Type3 *t3 = (Type3 *)endpoint;
	uint8_t *to = buf;

	while (len) {
		size_t n = len;
		CxbHostMem *mem;
		uint64_t off;

		if (!bytes_at(t3, dpa, &n, &mem, &off))
			return miss(t3, "read", dpa, len);
		if (!cxb_hostmem_read(mem, off, to, n))
			return false;
		dpa += n;
		to += n;
		len -= n;
	}
	return true;
}

bool cxb_type3_media_write(CxbDevice *endpoint, uint64_t dpa, const void *buf, size_t len)
{
	Type3 *t3 = (Type3 *)endpoint;
	const uint8_t *from = buf;

	while (len) {
		size_t n = len;
		CxbHostMem *mem;
		uint64_t off;

		if (!bytes_at(t3, dpa, &n, &mem, &off))
			return miss(t3, "write", dpa, len);
		if (region_readonly(t3, dpa) || !cxb_hostmem_write(mem, off, from, n))
			return false;
		dpa += n;
		from += n;
		len -= n;
	}
	return true;
}
