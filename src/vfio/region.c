/* SPDX-License-Identifier: Apache-2.0 */
#include "vfio/region.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/range.h"
#include "vfu/wire.h"

#define PAGE 4096u

_Static_assert(sizeof(struct vfu_region_info) == CXB_VFIO_REGION_INFO_LEN, "as on the wire");
_Static_assert(CXB_VFIO_REGION_READ == VFU_REGION_READABLE &&
		       CXB_VFIO_REGION_WRITE == VFU_REGION_WRITEABLE &&
		       CXB_VFIO_REGION_MMAP == VFU_REGION_MMAP &&
		       CXB_VFIO_REGION_CAPS == VFU_REGION_CAPS,
	       "the same numbers");

void cxb_vfio_caps_clear(CxbVfioCaps *caps)
{
	g_free(caps->areas);
	*caps = (CxbVfioCaps){ 0 };
}

void cxb_vfio_region_clear(CxbVfioRegion *region)
{
	cxb_vfio_caps_clear(&region->caps);
	if (region->fd >= 0)
		close(region->fd);
	*region = (CxbVfioRegion){ .fd = -1 };
}

/* --- capabilities: each gets its body, all that is there up to the next one --- */

static int by_offset(const void *a, const void *b)
{
	const CxbVfioArea *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

static bool areas_ok(CxbVfioArea *areas, unsigned n, uint64_t size, GError **errp)
{
	qsort(areas, n, sizeof(*areas), by_offset);
	for (unsigned i = 0; i < n; i++) {
		const CxbVfioArea *a = &areas[i];

		if (!a->len || a->off % PAGE || a->len % PAGE ||
		    !cxb_range_in(a->off, a->len, size))
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"area 0x%" PRIx64 "+0x%" PRIx64
					" is not whole pages of a region of 0x%" PRIx64 " bytes",
					a->off, a->len, size);
		if (i && areas[i - 1].off + areas[i - 1].len > a->off)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"areas overlap at offset 0x%" PRIx64, a->off);
	}
	return true;
}

static bool take_sparse(const uint8_t *body, size_t len, uint64_t size, CxbVfioCaps *out,
			GError **errp)
{
	uint32_t n;

	if (len < 2 * sizeof(n))
		return cxb_fail(errp, CXB_ERROR_INVALID, "cut short");
	memcpy(&n, body, sizeof(n));
	if (n > CXB_VFIO_AREAS_MAX || n > (len - 2 * sizeof(n)) / sizeof(struct vfu_area))
		return cxb_fail(errp, CXB_ERROR_INVALID, "%u areas are more than it can have", n);
	out->sparse = true;
	out->n_areas = n;
	if (!n)
		return true;
	out->areas = g_new(CxbVfioArea, n);
	memcpy(out->areas, body + 2 * sizeof(n), n * sizeof(*out->areas));
	return areas_ok(out->areas, n, size, errp);
}

_Static_assert(sizeof(CxbVfioArea) == sizeof(struct vfu_area), "the same two words");

static bool take_type(const uint8_t *body, size_t len, uint64_t size, CxbVfioCaps *out,
		      GError **errp)
{
	if (len < 8)
		return cxb_fail(errp, CXB_ERROR_INVALID, "cut short");
	memcpy(&out->type, body, 4);
	memcpy(&out->subtype, body + 4, 4);
	out->typed = true;
	return true;
}

static bool take_msix(const uint8_t *body, size_t len, uint64_t size, CxbVfioCaps *out,
		      GError **errp)
{
	out->msix_mappable = true;
	return true;
}

static bool take_comp_regs(const uint8_t *body, size_t len, uint64_t size, CxbVfioCaps *out,
			   GError **errp)
{
	if (len < 16)
		return cxb_fail(errp, CXB_ERROR_INVALID, "cut short");
	memcpy(&out->comp_bar, body, 4);
	memcpy(&out->comp_off, body + 8, 8);
	if (out->comp_bar >= VFU_REGION_ROM || out->comp_off % 4)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"BAR %u, offset 0x%" PRIx64 " is no place for registers",
				out->comp_bar, out->comp_off);
	out->comp_regs = true;
	return true;
}

static const struct {
	const char *name;
	bool (*take)(const uint8_t *body, size_t len, uint64_t size, CxbVfioCaps *out,
		     GError **errp);
} kinds[] = {
	[VFU_CAP_SPARSE_MMAP] = { "sparse areas", take_sparse },
	[VFU_CAP_TYPE] = { "type", take_type },
	[VFU_CAP_MSIX_MAPPABLE] = { "MSI-X mappable", take_msix },
	[VFU_CAP_CXL_COMP_REGS] = { "CXL component registers", take_comp_regs },
};

/* The header at @at; where its body ends. */
static bool header_at(const uint8_t *info, size_t len, uint32_t at, struct vfu_cap *cap,
		      uint32_t *end, GError **errp)
{
	if (!cxb_range_in(at, sizeof(*cap), len))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"capability at 0x%x lies outside of %zu bytes", at, len);
	memcpy(cap, info + at, sizeof(*cap));
	*end = cap->next ?: len;
	if (*end < at + sizeof(*cap) || *end > len)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"capability %u at 0x%x: the next one at 0x%x is not behind it",
				cap->id, at, cap->next);
	return true;
}

static bool decode(const uint8_t *info, size_t len, uint32_t first, uint64_t size, CxbVfioCaps *out,
		   GError **errp)
{
	uint32_t seen = 0, end;
	struct vfu_cap cap;

	if (len > CXB_VFIO_REGION_INFO_MAX)
		return cxb_fail(errp, CXB_ERROR_INVALID, "capabilities of %zu bytes", len);
	if (first && first < CXB_VFIO_REGION_INFO_LEN)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"capability at 0x%x lies in the fixed part", first);
	for (uint32_t at = first; at; at = cap.next) {
		GError *err = NULL;

		if (!header_at(info, len, at, &cap, &end, errp))
			return false;
		if (cap.id >= G_N_ELEMENTS(kinds) || !kinds[cap.id].take)
			continue;
		if (seen >> cap.id & 1)
			return cxb_fail(errp, CXB_ERROR_INVALID, "capability %u (%s) comes twice",
					cap.id, kinds[cap.id].name);
		seen |= 1u << cap.id;
		if (!kinds[cap.id].take(info + at + sizeof(cap), end - at - sizeof(cap), size, out,
					&err)) {
			g_propagate_prefixed_error(errp, err,
						   "capability %u (%s) at 0x%x: ", cap.id,
						   kinds[cap.id].name, at);
			return false;
		}
	}
	return true;
}

bool cxb_vfio_caps_decode(const uint8_t *info, size_t len, uint32_t first, uint64_t size,
			  CxbVfioCaps *out, GError **errp)
{
	*out = (CxbVfioCaps){ 0 };
	if (decode(info, len, first, size, out, errp))
		return true;
	cxb_vfio_caps_clear(out);
	return false;
}

/* --- mapping --- */

const CxbVfioArea *cxb_vfio_region_areas(const CxbVfioRegion *region, CxbVfioArea *whole,
					 unsigned *n)
{
	*n = 0;
	if (!(region->flags & CXB_VFIO_REGION_MMAP) || region->fd < 0)
		return NULL;
	if (region->caps.sparse) {
		*n = region->caps.n_areas;
		return region->caps.areas;
	}
	*whole = (CxbVfioArea){ 0, region->size / PAGE * PAGE };
	*n = whole->len != 0;
	return whole;
}

bool cxb_vfio_region_check_fd(const CxbVfioRegion *region, GError **errp)
{
	CxbVfioArea whole;
	unsigned n;
	const CxbVfioArea *areas = cxb_vfio_region_areas(region, &whole, &n);
	uint64_t end;
	struct stat st;

	if (!n)
		return true;
	if (fstat(region->fd, &st))
		return cxb_fail_errno(errp, errno, "cannot look at the region's file");
	if (!S_ISREG(st.st_mode))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"the region's descriptor is not one of memory");
	if (region->fd_off % PAGE)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"offset 0x%" PRIx64 " in the region's file is not that of a page",
				region->fd_off);
	end = areas[n - 1].off + areas[n - 1].len;
	if (!cxb_range_in(region->fd_off, end, st.st_size))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"the region's file of 0x%" PRIx64 " bytes ends before 0x%" PRIx64
				"+0x%" PRIx64,
				(uint64_t)st.st_size, region->fd_off, end);
	return true;
}
