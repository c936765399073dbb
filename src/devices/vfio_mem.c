/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memory device that is passed through: its HDM decoders are in its own process, which answers for host
 * addresses (devices/endpoint_served.c). Here it looks like an endpoint whose DPAs are host addresses, with one
 * decoder for all of them; what it does not decode is refused by it.
 */
#include "vfio.h"

#include "base/error.h"
#include "vfio/cxl.h"

bool vfio_mem_init(VfioPci *v, GError **errp)
{
	v->mem_region = 0;
	for (unsigned i = CXB_VFIO_REGIONS_FIXED; i < v->dev->info.n_regions && !v->cxl; i++) {
		g_auto(CxbVfioRegion) r = { .fd = -1 };
		g_autoptr(GError) err = NULL;

		/* What is odd in a region that nobody asks for hurts nobody. */
		if (!cxb_vfio_region(v->dev, i, &r, &err)) {
			if (!v->dev->lost)
				continue;
			g_propagate_error(errp, g_steal_pointer(&err));
			return false;
		}
		if (!r.caps.typed || r.caps.type != CXB_VFIO_TYPE_CXLBOX ||
		    r.caps.subtype != CXB_VFIO_SUBTYPE_HPA)
			continue;
		if (r.size < PHYS_LIMIT)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"region %u of host addresses ends at 0x%" G_GINT64_MODIFIER
					"x",
					i, r.size);
		v->mem_region = i;
		break;
	}
	return true;
}

const CxbHdm *vfio_mem_hdm(const CxbDevice *endpoint)
{
	static const CxbHdm none = { .endpoint = true };
	static const CxbHdm all = {
		.endpoint = true,
		.enabled = true,
		.count = 1,
		.dec = { { .committed = true, .size = PHYS_LIMIT } },
	};

	return ((const VfioPci *)endpoint)->mem_region ? &all : &none;
}

bool vfio_mem_answers(const CxbDevice *endpoint)
{
	return ((const VfioPci *)endpoint)->mem_region;
}

/* All of it is by message: what is behind an address may be another thing from one to the next. */
bool vfio_mem_segment(CxbDevice *endpoint, uint64_t dpa, CxbCxlSegment *out)
{
	return false;
}

bool vfio_mem_read(CxbDevice *endpoint, uint64_t dpa, void *buf, size_t len)
{
	const VfioPci *v = (const VfioPci *)endpoint;

	return v->mem_region && !cxb_vfio_read(v->dev, v->mem_region, dpa, buf, len);
}

bool vfio_mem_write(CxbDevice *endpoint, uint64_t dpa, const void *buf, size_t len)
{
	const VfioPci *v = (const VfioPci *)endpoint;

	return v->mem_region && !cxb_vfio_write(v->dev, v->mem_region, dpa, buf, len);
}
