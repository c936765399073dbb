/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CXL side of a device that is passed through (vfio/cxl.h): its component registers lie over their
 * BAR, and its memory is in a fixed memory window of its own host bridge, at the speed of memory. If
 * firmware has committed the decoder, the memory has a place from the start, or the machine does not
 * start; else it is where the guest commits it. It is out of the window whenever the device may
 * be something else than it was: while it is reset, lost, or taken out.
 */
#include "vfio.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/range.h"
#include "base/trace.h"
#include "cxl/locate.h"
#include "vfio/cxl.h"
#include "wire/pci.h"

CXB_TRACE(vfio_cxl_bar_subregion, (const char *dev, unsigned bar, uint64_t off),
	  "%s: BAR %u offset 0x%" PRIx64, dev, bar, off)
CXB_TRACE(vfio_cxl_memory, (const char *dev, uint64_t hpa, uint64_t size),
	  "%s: at 0x%" PRIx64 " size 0x%" PRIx64, dev, hpa, size)
CXB_TRACE(vfio_cxl_put_device, (const char *dev), "%s", dev)

struct VfioCxl {
	VfioPci *v;
	CxbVfioCxl *cxl;
	CxbHostMem *mem; /* all of the device's memory */
	bool claimed;    /* @base is ours */
	uint64_t base;
	bool shown; /* in a window, from @at on */
	uint64_t at;
	unsigned ctrl2; /* Control 2 of the CXL device DVSEC, in configuration space */
};

static void report(void *opaque, const char *text)
{
	vfio_report(opaque, "%s", text);
}

/* --- in its window --- */

static void hide(VfioCxl *c)
{
	const CxbCxlListener *l = c->v->listener;

	if (!c->shown)
		return;
	l->hide_memory(l->opaque, c->at);
	c->shown = false;
	trace_vfio_cxl_memory(c->v->path, 0, 0);
}

/* What the guest's decoder says now. */
static bool show(VfioCxl *c, GError **errp)
{
	const CxbCxlListener *l = c->v->listener;
	uint64_t base, size;

	hide(c);
	if (!cxb_vfio_cxl_range(c->cxl, &base, &size))
		return true;
	if (!l->show_memory(l->opaque, &c->v->pci.dev, base, size, c->mem, errp))
		return false;
	c->shown = true;
	c->at = base;
	trace_vfio_cxl_memory(c->v->path, base, size);
	return true;
}

/* --- component registers --- */

static CxbMemResult regs_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	VfioCxl *c = opaque;

	return cxb_vfio_cxl_read(c->cxl, off, size, val) ? CXB_MEM_ERROR : CXB_MEM_OK;
}

static CxbMemResult regs_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	VfioCxl *c = opaque;
	g_autoptr(GError) err = NULL;
	bool moved = false;
	const int rc = cxb_vfio_cxl_write(c->cxl, off, size, val, &moved);

	if (moved && !show(c, &err))
		cxb_guest_error("%s: device memory is not where the decoder has it: %s", c->v->path,
				err->message);
	return rc ? CXB_MEM_ERROR : CXB_MEM_OK;
}

static const CxbRegionOps regs_ops = { .read = regs_read, .write = regs_write };

/* --- life --- */

static bool start(VfioCxl *c, bool warn, GError **errp)
{
	bool unlocked;

	hide(c);
	if (!cxb_vfio_cxl_start(c->cxl, c->base, &unlocked, errp))
		return false;
	if (unlocked && warn)
		cxb_warn("%s: the decoder was still locked: unlocked to be moved", c->v->path);
	return show(c, errp);
}

bool vfio_cxl_init(VfioPci *v, const uint8_t *config, unsigned size, GError **errp)
{
	uint64_t bars[CXB_PCI_BARS];
	CxbCxlConfig where;
	CxbVfioCxl *cxl;
	VfioCxl *c;

	for (unsigned i = 0; i < CXB_PCI_BARS; i++)
		bars[i] = v->bars[i].region ? v->bars[i].info.size : 0;
	if (!cxb_vfio_cxl_open(v->dev, config, size, bars, report, v, &cxl, errp))
		return false;
	if (!cxl)
		return true;
	c = v->cxl = g_new0(VfioCxl, 1);
	c->v = v;
	c->cxl = cxl;
	c->mem = vfio_map_area(v, "vfio-cxl-memory", &cxl->memory, 0, cxl->memory.size, errp);
	if (!c->mem || !cxb_cxl_locate_config(config, size, &where, errp))
		return false;
	c->ctrl2 = where.dvsec + WIRE_DVSEC_BODY + offsetof(struct wire_dvsec_device, ctrl2);
	vfio_bar_set_overlay(v, cxl->bar, &(VfioOverlay){ cxl->bar_off, cxl->len, &regs_ops, c });
	trace_vfio_cxl_bar_subregion(v->path, cxl->bar, cxl->bar_off);
	return true;
}

bool vfio_cxl_place(VfioPci *v, GError **errp)
{
	const CxbCxlListener *l = v->listener;
	VfioCxl *c = v->cxl;

	if (!c || !c->cxl->committed || c->claimed)
		return true;
	c->claimed = l->claim_memory(l->opaque, &v->pci.dev, v->fmws_base, c->cxl->memory.size,
				     &c->base, errp);
	if (c->claimed && start(c, true, errp))
		return true;
	g_prefix_error(errp, "%s: ", v->path);
	return false;
}

void vfio_cxl_stop(VfioPci *v)
{
	if (!v->cxl)
		return;
	hide(v->cxl);
	cxb_vfio_cxl_stop(v->cxl->cxl);
}

void vfio_cxl_restart(VfioPci *v)
{
	g_autoptr(GError) err = NULL;
	VfioCxl *c = v->cxl;

	if (!c || v->dev->lost || (c->cxl->committed && !c->claimed))
		return;
	if (!start(c, false, &err) && !v->dev->lost)
		vfio_report(v, "no device memory after a reset: %s", err->message);
}

void vfio_cxl_config_written(VfioPci *v, uint16_t off, unsigned size, uint32_t val)
{
	const VfioCxl *c = v->cxl;

	if (!c || !cxb_range_within(c->ctrl2, 1, off, size) ||
	    !(val >> (8 * (c->ctrl2 - off)) & WIRE_DEV_CTRL2_RESET))
		return;
	vfio_cxl_restart(v);
}

void vfio_cxl_fini(VfioPci *v)
{
	const CxbCxlListener *l = v->listener;
	VfioCxl *c = g_steal_pointer(&v->cxl);

	if (!c)
		return;
	trace_vfio_cxl_put_device(v->path);
	hide(c);
	if (c->claimed)
		l->release_memory(l->opaque, c->base);
	if (c->mem)
		cxb_object_unref(cxb_hostmem_object(c->mem));
	cxb_vfio_cxl_free(c->cxl);
	g_free(c);
}
