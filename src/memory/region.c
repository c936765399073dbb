/* SPDX-License-Identifier: Apache-2.0 */
#include "region.h"

#include <endian.h>
#include <string.h>
#include <unistd.h>

#include "base/range.h"
#include "memory/guard.h"

CxbRegion *region_new(RegionKind kind, const char *name, uint64_t size)
{
	CxbRegion *region = g_new0(CxbRegion, 1);

	region->kind = kind;
	region->name = g_strdup(name);
	region->size = size;
	region->refs = 1;
	return region;
}

CxbRegion *region_ref(CxbRegion *region)
{
	region->refs++;
	return region;
}

void region_unref(CxbRegion *region)
{
	if (--region->refs)
		return;
	g_free(region->name);
	g_free(region);
}

CxbRegion *cxb_region_new_io(const char *name, uint64_t size, const CxbRegionOps *ops, void *opaque)
{
	CxbRegion *region = region_new(REGION_IO, name, size);

	region->ops = ops;
	region->opaque = opaque;
	return region;
}

CxbRegion *cxb_region_new_ram(const char *name, CxbHostMem *mem, uint64_t off, uint64_t size,
			      bool readonly)
{
	CxbRegion *region = region_new(REGION_RAM, name, size);

	g_assert(cxb_range_in(off, size, cxb_hostmem_size(mem)));
	cxb_guard_init();
	cxb_object_ref(cxb_hostmem_object(mem));
	region->mem = mem;
	region->base = (uint8_t *)cxb_hostmem_ptr(mem) + off;
	region->readonly = readonly || cxb_hostmem_readonly(mem);
	return region;
}

void cxb_region_free(CxbRegion *region)
{
	if (!region)
		return;
	if (region->mm)
		cxb_memmap_remove(region->mm, region);
	region->dead = true;
	if (region->kind == REGION_WINDOW)
		window_fini(region);
	if (region->mem)
		cxb_object_unref(cxb_hostmem_object(region->mem));
	region->mem = NULL;
	region->base = NULL;
	region_unref(region);
}

const char *cxb_region_name(const CxbRegion *region)
{
	return region->name;
}

int cxb_region_priority(const CxbRegion *region)
{
	return region->priority;
}

const char *cxb_region_kind(const CxbRegion *region)
{
	if (region->kind != REGION_RAM)
		return "i/o";
	return region->readonly ? "rom" : "ram";
}

uint64_t cxb_region_size(const CxbRegion *region)
{
	return region->size;
}

bool cxb_region_hpa(const CxbRegion *region, uint64_t *hpa)
{
	if (!region->mm)
		return false;
	*hpa = region->hpa;
	return true;
}

/* The largest access at @off that is naturally aligned and not longer than @len. */
static unsigned natural(uint64_t off, size_t len)
{
	unsigned size = 8;

	while (size > len || off % size)
		size /= 2;
	return size;
}

static CxbMemResult one_read(CxbRegion *region, uint64_t off, uint8_t *buf, unsigned size)
{
	uint64_t val = UINT64_MAX;
	CxbMemResult rc = region->ops->read(region->opaque, off, size, &val);

	val = rc == CXB_MEM_OK ? htole64(val) : UINT64_MAX;
	memcpy(buf, &val, size);
	return rc;
}

static CxbMemResult one_write(CxbRegion *region, uint64_t off, const uint8_t *buf, unsigned size)
{
	uint64_t val = 0;

	memcpy(&val, buf, size);
	return region->ops->write(region->opaque, off, size, le64toh(val));
}

/* The functions may free the region, so it is looked at anew for each piece. */
CxbMemResult region_ops_read(CxbRegion *region, uint64_t off, uint8_t *buf, size_t len)
{
	CxbMemResult rc = CXB_MEM_OK;

	if (region->ops->read_bulk && (!region->ops->read || natural(off, len) != len)) {
		rc = region->ops->read_bulk(region->opaque, off, buf, len);
		if (rc != CXB_MEM_OK)
			memset(buf, 0xff, len);
		return rc;
	}
	while (len) {
		const unsigned size = natural(off, len);

		if (region->dead || !region->ops->read) {
			memset(buf, 0xff, len);
			return worse(rc, CXB_MEM_UNMAPPED);
		}
		rc = worse(rc, one_read(region, off, buf, size));
		off += size;
		buf += size;
		len -= size;
	}
	return rc;
}

CxbMemResult region_ops_write(CxbRegion *region, uint64_t off, const uint8_t *buf, size_t len)
{
	CxbMemResult rc = CXB_MEM_OK;

	if (region->ops->write_bulk && (!region->ops->write || natural(off, len) != len))
		return region->ops->write_bulk(region->opaque, off, buf, len);
	while (len) {
		const unsigned size = natural(off, len);

		if (region->dead || !region->ops->write)
			return worse(rc, CXB_MEM_UNMAPPED);
		rc = worse(rc, one_write(region, off, buf, size));
		off += size;
		buf += size;
		len -= size;
	}
	return rc;
}

/* Bytes from @p to the end of its page, at most @len. */
static size_t in_page(const void *p, size_t len)
{
	const size_t page = sysconf(_SC_PAGESIZE);

	return MIN(len, page - (uintptr_t)p % page);
}

CxbMemResult region_mem_read(const uint8_t *mem, uint8_t *buf, size_t len)
{
	CxbMemResult rc = CXB_MEM_OK;

	if (cxb_guard_copy(buf, mem, len, mem, len))
		return CXB_MEM_OK;
	while (len) {
		const size_t n = in_page(mem, len);

		if (!cxb_guard_copy(buf, mem, n, mem, n)) {
			memset(buf, 0xff, n);
			rc = CXB_MEM_ERROR;
		}
		mem += n;
		buf += n;
		len -= n;
	}
	return rc;
}

CxbMemResult region_mem_write(uint8_t *mem, const uint8_t *buf, size_t len)
{
	CxbMemResult rc = CXB_MEM_OK;

	if (cxb_guard_copy(mem, buf, len, mem, len))
		return CXB_MEM_OK;
	while (len) {
		const size_t n = in_page(mem, len);

		if (!cxb_guard_copy(mem, buf, n, mem, n))
			rc = CXB_MEM_ERROR;
		mem += n;
		buf += n;
		len -= n;
	}
	return rc;
}

CxbMemResult cxb_region_read(CxbRegion *region, uint64_t off, void *buf, size_t len)
{
	if (region->dead) {
		memset(buf, 0xff, len);
		return CXB_MEM_UNMAPPED;
	}
	switch (region->kind) {
	case REGION_IO:
		return region_ops_read(region, off, buf, len);
	case REGION_RAM:
		return region_mem_read(region->base + off, buf, len);
	case REGION_WINDOW:
		return window_read(region, off, buf, len);
	}
	g_assert_not_reached();
}

CxbMemResult cxb_region_write(CxbRegion *region, uint64_t off, const void *buf, size_t len)
{
	if (region->dead)
		return CXB_MEM_UNMAPPED;
	switch (region->kind) {
	case REGION_IO:
		return region_ops_write(region, off, buf, len);
	case REGION_RAM:
		if (region->readonly)
			return CXB_MEM_ERROR;
		return region_mem_write(region->base + off, buf, len);
	case REGION_WINDOW:
		return window_write(region, off, buf, len);
	}
	g_assert_not_reached();
}
