/* SPDX-License-Identifier: Apache-2.0 */
/* What a CXL device consists of: configuration space, regions by type, capability array. */
#include <inttypes.h>

#include "base/error.h"
#include "base/range.h"
#include "base/trace.h"
#include "cxl/locate.h"
#include "cxl_impl.h"
#include "wire/pci.h"
#include "wire/regs.h"

CXB_TRACE(vfio_cxl_setup_params,
	  (unsigned bar, uint64_t off, uint64_t regs, uint64_t memory, bool absorbed),
	  "BAR %u offset 0x%" PRIx64 " registers 0x%" PRIx64 " memory 0x%" PRIx64 " absorbed %d",
	  bar, off, regs, memory, absorbed)

#define RW (CXB_VFIO_REGION_READ | CXB_VFIO_REGION_WRITE)

/* The two regions by their types. */
typedef struct {
	CxbVfioRegion memory, regs;
	unsigned regs_index;
	bool has_memory, has_regs;
} Regions;

static void regions_clear(Regions *r)
{
	cxb_vfio_region_clear(&r->memory);
	cxb_vfio_region_clear(&r->regs);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Regions, regions_clear)

static bool take(Regions *r, unsigned index, CxbVfioRegion *region, GError **errp)
{
	bool memory;

	if (!region->caps.typed || region->caps.type != CXB_VFIO_TYPE_CXL ||
	    (region->caps.subtype != CXB_VFIO_SUBTYPE_CXL_MEM &&
	     region->caps.subtype != CXB_VFIO_SUBTYPE_COMP_REGS))
		return true;
	memory = region->caps.subtype == CXB_VFIO_SUBTYPE_CXL_MEM;
	if (memory ? r->has_memory : r->has_regs)
		return cxb_fail(errp, CXB_ERROR_INVALID, "region %u is a second one of %s", index,
				memory ? "device memory" : "component registers");
	if (memory) {
		r->has_memory = true;
		r->memory = *region;
	} else {
		r->has_regs = true;
		r->regs_index = index;
		r->regs = *region;
	}
	*region = (CxbVfioRegion){ .fd = -1 };
	return true;
}

static bool find_regions(CxbVfioDevice *dev, Regions *r, GError **errp)
{
	for (unsigned i = CXB_VFIO_REGIONS_FIXED; i < dev->info.n_regions; i++) {
		g_auto(CxbVfioRegion) region = { .fd = -1 };

		if (!cxb_vfio_region(dev, i, &region, errp) || !take(r, i, &region, errp))
			return false;
	}
	if (!r->has_memory || !r->has_regs)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"CXL device has no region of %s among its %u",
				r->has_memory ? "component registers" : "device memory",
				dev->info.n_regions);
	return true;
}

static bool memory_ok(const CxbVfioRegion *m, GError **errp)
{
	CxbVfioArea whole;
	unsigned n;
	const CxbVfioArea *areas = cxb_vfio_region_areas(m, &whole, &n);

	if (!m->size)
		return cxb_fail(errp, CXB_ERROR_INVALID, "device memory is empty");
	if (~m->flags & RW)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"device memory cannot be read and written");
	if (m->fd < 0 || n != 1 || areas[0].off || areas[0].len != m->size)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"device memory of 0x%" PRIx64 " bytes cannot be mapped as a whole",
				m->size);
	return cxb_vfio_region_check_fd(m, errp);
}

/* Emulated: the region begins with the capability array, which is 1000h into the block. */
static bool place_emulated(CxbVfioCxl *cxl, const CxbCxlConfig *config, const CxbVfioRegion *regs,
			   GError **errp)
{
	const CxbRegIo io = cxl_regs_io(cxl);
	unsigned count;

	cxl->policy = CXB_VFIO_CXL_EMULATED;
	cxl->bar = config->bar;
	cxl->len = MIN(regs->size, WIRE_CACHEMEM_SIZE);
	if (config->block > UINT64_MAX - WIRE_CACHEMEM_BASE)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"component registers at 0x%" PRIx64 " of BAR %u wrap around",
				config->block, config->bar);
	cxl->bar_off = config->block + WIRE_CACHEMEM_BASE;
	return cxb_cxl_locate_hdm(&io, 0, regs->size, &cxl->hdm, &count, errp);
}

/* Absorbed: the region is the decoders, and says where they are. */
static bool place_absorbed(CxbVfioCxl *cxl, const CxbCxlConfig *config, const CxbVfioRegion *regs,
			   GError **errp)
{
	const CxbVfioCaps *caps = &regs->caps;

	cxl->policy = CXB_VFIO_CXL_ABSORBED;
	cxl->bar = config->bar;
	cxl->bar_off = caps->comp_off;
	cxl->hdm = 0;
	cxl->len = MIN(regs->size, WIRE_CACHEMEM_SIZE);
	if (caps->comp_bar != config->bar || caps->comp_off < config->block || caps->comp_off % 4 ||
	    !cxb_range_within(caps->comp_off - config->block, cxl->len, WIRE_CACHEMEM_BASE,
			      WIRE_CACHEMEM_SIZE))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"decoders at 0x%" PRIx64 " of BAR %u are not among the component "
				"registers at 0x%" PRIx64 " of BAR %u",
				caps->comp_off, caps->comp_bar, config->block, config->bar);
	if (regs->size < WIRE_HDM_SIZE(1))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"region of 0x%" PRIx64 " bytes has no room for a decoder",
				regs->size);
	return true;
}

static bool place(CxbVfioCxl *cxl, const CxbCxlConfig *config, const CxbVfioRegion *regs,
		  const uint64_t *bars, GError **errp)
{
	if (~regs->flags & RW)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"component registers cannot be read and written");
	if (!(regs->caps.comp_regs ? place_absorbed : place_emulated)(cxl, config, regs, errp))
		return false;
	return cxb_range_in(cxl->bar_off, cxl->len, bars[cxl->bar]) ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"component registers at 0x%" PRIx64 " do not fit BAR %u of 0x%" PRIx64
			" bytes",
			cxl->bar_off, cxl->bar, bars[cxl->bar]);
}

static bool config_ok(const uint8_t *config, size_t len, CxbCxlConfig *out, GError **errp)
{
	if (!cxb_cxl_locate_config(config, len, out, errp))
		return false;
	if (!out->dvsec)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"device says that it is a CXL device and has no CXL device DVSEC");
	return (out->cap & WIRE_DEV_CAP_MEM) ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "CXL device has no memory: capability is 0x%04x",
			out->cap);
}

bool cxb_vfio_cxl_open(CxbVfioDevice *dev, const uint8_t *config, size_t len,
		       const uint64_t bars[CXB_VFIO_ROM], CxbVfioCxlReport report, void *opaque,
		       CxbVfioCxl **out, GError **errp)
{
	g_auto(Regions) regions = { .memory.fd = -1, .regs.fd = -1 };
	g_autoptr(CxbVfioCxl) cxl = NULL;
	CxbCxlConfig where;
	CxbHdmRegs regs;

	*out = NULL;
	if (!(dev->info.flags & CXB_VFIO_DEVICE_CXL))
		return true;
	if (!config_ok(config, len, &where, errp) || !find_regions(dev, &regions, errp) ||
	    !memory_ok(&regions.memory, errp))
		return false;
	cxl = g_new0(CxbVfioCxl, 1);
	cxl->dev = dev;
	cxl->report = report;
	cxl->opaque = opaque;
	cxl->regs = regions.regs_index;
	cxl->cache = where.cap & WIRE_DEV_CAP_CACHE;
	cxl->memory = regions.memory;
	regions.memory = (CxbVfioRegion){ .fd = -1 };
	if (!place(cxl, &where, &regions.regs, bars, errp) || !cxl_look(cxl, &regs, errp) ||
	    !cxb_hdm_regs_check(&regs, cxl->memory.size, &cxl->committed, errp))
		return false;
	cxb_hdm_virtual_reset(&cxl->guest, &regs, cxl->cache);
	trace_vfio_cxl_setup_params(cxl->bar, cxl->bar_off, cxl->len, cxl->memory.size,
				    cxl->policy == CXB_VFIO_CXL_ABSORBED);
	*out = g_steal_pointer(&cxl);
	return true;
}

void cxb_vfio_cxl_free(CxbVfioCxl *cxl)
{
	if (!cxl)
		return;
	cxb_vfio_region_clear(&cxl->memory);
	g_free(cxl);
}
