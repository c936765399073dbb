/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BARs of a device that is passed through. An access is a message, except where the device lets memory
 * be mapped: there it is memory, in the same window, at the speed of memory. The table of MSI-X is
 * ours, and what somebody else has laid over a BAR is theirs; both are never mapped.
 */
#include "vfio.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/range.h"
#include "base/trace.h"
#include "pci/regs.h"

#define PAGE UINT64_C(4096)

#define BAR_TYPE_MASK 0x6u
#define BAR_MIN       16u
#define BAR_MAX_32    (UINT64_C(1) << 31)
#define BAR_MAX       (UINT64_C(1) << 51)

/* --- access --- */

static bool overlaid(const VfioBar *bar, uint64_t off, unsigned size)
{
	return bar->overlay.len && cxb_range_within(off, size, bar->overlay.off, bar->overlay.len);
}

static CxbMemResult ask(VfioBar *bar, uint64_t off, unsigned size, uint64_t *val)
{
	uint8_t bytes[8];

	if (cxb_vfio_read(bar->v->dev, CXB_VFIO_BAR0 + bar->nr, off, bytes, size))
		return CXB_MEM_ERROR;
	*val = le_load(bytes, size) | cxb_msix_pending(&bar->v->pci, bar->nr, off, size);
	return CXB_MEM_OK;
}

static CxbMemResult bar_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	VfioBar *bar = opaque;
	CxbMemResult rc;

	if (overlaid(bar, off, size))
		return bar->overlay.ops->read(bar->overlay.opaque, off - bar->overlay.off, size,
					      val);
	if (bar->v->dev->lost)
		return CXB_MEM_ERROR;
	if (cxb_msix_table_at(&bar->v->pci, bar->nr, off, size)) {
		*val = cxb_msix_table_read(&bar->v->pci, off, size);
		return CXB_MEM_OK;
	}
	rc = ask(bar, off, size, val);
	vfio_irqs_take(bar->v);
	return rc;
}

static CxbMemResult bar_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	VfioBar *bar = opaque;
	VfioPci *v = bar->v;
	uint8_t bytes[8];
	int err;

	if (overlaid(bar, off, size))
		return bar->overlay.ops->write(bar->overlay.opaque, off - bar->overlay.off, size,
					       val);
	if (v->dev->lost)
		return CXB_MEM_ERROR;
	if (cxb_msix_table_at(&v->pci, bar->nr, off, size)) {
		vfio_irqs_update_vector(v, cxb_msix_table_write(&v->pci, off, size, val));
		return CXB_MEM_OK;
	}
	le_store(bytes, size, val);
	err = cxb_vfio_write(v->dev, CXB_VFIO_BAR0 + bar->nr, off, bytes, size);
	vfio_irqs_take(v);
	return err ? CXB_MEM_ERROR : CXB_MEM_OK;
}

static const CxbRegionOps bar_ops = { .read = bar_read, .write = bar_write };

/* --- making them --- */

static bool size_ok(const VfioPci *v, unsigned nr, bool is_64, GError **errp)
{
	const uint64_t size = v->bars[nr].info.size;
	const bool too_large = size > (is_64 ? BAR_MAX : BAR_MAX_32);

	if (size < BAR_MIN || size & (size - 1) || too_large)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"BAR %u of 0x%" PRIx64 " bytes is not one of %u bits", nr, size,
				is_64 ? 64 : 32);
	if (is_64 && (nr + 1 == CXB_PCI_BARS || v->bars[nr + 1].info.size))
		return cxb_fail(errp, CXB_ERROR_INVALID, "BAR %u of 64 bits has no room for them",
				nr);
	return true;
}

static bool bar_init(VfioPci *v, unsigned nr, uint32_t reg, GError **errp)
{
	VfioBar *bar = &v->bars[nr];
	g_autofree char *name = g_strdup_printf("vfio-bar%u", nr);
	CxbVfioArea whole;
	unsigned n;

	if (!bar->info.size)
		return true;
	if (reg & PCI_BAR_IO) {
		/* There are no ports for devices here; they have registers in memory, too. */
		cxb_warn("%s: BAR %u has I/O ports, which are not passed through", v->path, nr);
		return true;
	}
	const bool is_64 = (reg & BAR_TYPE_MASK) == PCI_BAR_64;

	if (!size_ok(v, nr, is_64, errp))
		return false;
	cxb_vfio_region_areas(&bar->info, &whole, &n);
	if (n)
		bar->mapped = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	bar->region = n ? cxb_region_new_window(name, bar->info.size, &bar_ops, bar, errp)
			: cxb_region_new_io(name, bar->info.size, &bar_ops, bar);
	if (!bar->region)
		return false;
	cxb_pci_add_bar(&v->pci, nr, bar->region, is_64, reg & PCI_BAR_PREFETCH);
	return true;
}

bool vfio_bars_init(VfioPci *v, const uint8_t *config, GError **errp)
{
	for (unsigned i = 0; i < CXB_PCI_BARS; i++) {
		VfioBar *bar = &v->bars[i];

		bar->v = v;
		bar->nr = i;
		if (!cxb_vfio_region(v->dev, CXB_VFIO_BAR0 + i, &bar->info, errp))
			return false;
	}
	for (unsigned i = 0; i < CXB_PCI_BARS; i++)
		if (!bar_init(v, i, le_load(config + PCI_BAR0 + 4 * i, 4), errp))
			return false;
	return true;
}

void vfio_bar_set_overlay(VfioPci *v, unsigned nr, const VfioOverlay *overlay)
{
	g_assert(cxb_range_in(overlay->off, overlay->len, v->bars[nr].info.size));
	v->bars[nr].overlay = *overlay;
}

/* --- mapping --- */

CxbHostMem *vfio_map_area(VfioPci *v, const char *name, const CxbVfioRegion *region, uint64_t off,
			  uint64_t len, GError **errp)
{
	const bool readonly = !(region->flags & CXB_VFIO_REGION_WRITE);

	return cxb_hostmem_new_fd(v->pci.dev.obj.qom, name, region->fd, region->fd_off + off, len,
				  readonly, errp);
}

static bool map_piece(VfioBar *bar, uint64_t off, uint64_t len, GError **errp)
{
	CxbHostMem *mem =
		vfio_map_area(bar->v, cxb_region_name(bar->region), &bar->info, off, len, errp);
	bool ok;

	if (!mem)
		return false;
	ok = cxb_window_alias(bar->region, off, len, mem, 0, false, NULL, errp);
	cxb_object_unref(cxb_hostmem_object(mem)); /* the window has it */
	if (ok)
		g_array_append_val(bar->mapped, off);
	return ok;
}

/* The pages at the end of (@off, *@len), from which what has to be seen is cut; the next piece begins
 * where this returns. */
static uint64_t next_piece(const VfioBar *bar, uint64_t *off, uint64_t end)
{
	uint64_t stop = end;

	for (unsigned i = 0; i < 3; i++) {
		uint64_t at = bar->overlay.off, len = bar->overlay.len;

		if (i < 2 && !cxb_msix_traps(&bar->v->pci, i, bar->nr, &at, &len))
			continue;
		if (!len)
			continue;
		const uint64_t from = at / PAGE * PAGE, to = (at + len + PAGE - 1) / PAGE * PAGE;

		if (from <= *off && *off < to) {
			*off = MIN(to, end);
			return next_piece(bar, off, end);
		}
		if (from > *off)
			stop = MIN(stop, from);
	}
	return stop;
}

static bool map_bar(VfioBar *bar, GError **errp)
{
	CxbVfioArea whole;
	unsigned n;
	const CxbVfioArea *areas = cxb_vfio_region_areas(&bar->info, &whole, &n);

	for (unsigned i = 0; i < n; i++) {
		const uint64_t end = areas[i].off + areas[i].len;

		for (uint64_t off = areas[i].off; off < end;) {
			const uint64_t stop = next_piece(bar, &off, end);

			if (off < stop && !map_piece(bar, off, stop - off, errp))
				return false;
			off = stop;
		}
	}
	return true;
}

bool vfio_bars_map(VfioPci *v, GError **errp)
{
	for (unsigned i = 0; i < CXB_PCI_BARS; i++)
		if (v->bars[i].mapped && !map_bar(&v->bars[i], errp))
			return false;
	return true;
}

void vfio_bars_unmap(VfioPci *v)
{
	for (unsigned i = 0; i < CXB_PCI_BARS; i++) {
		VfioBar *bar = &v->bars[i];

		for (guint n = 0; bar->mapped && n < bar->mapped->len; n++)
			cxb_window_unalias(bar->region, g_array_index(bar->mapped, uint64_t, n));
		if (bar->mapped)
			g_array_set_size(bar->mapped, 0);
	}
}

void vfio_bars_fini(VfioPci *v)
{
	for (unsigned i = 0; i < CXB_PCI_BARS; i++) {
		g_clear_pointer(&v->bars[i].region, cxb_region_free);
		g_clear_pointer(&v->bars[i].mapped, g_array_unref);
		if (v->bars[i].v)
			cxb_vfio_region_clear(&v->bars[i].info);
		v->bars[i] = (VfioBar){ 0 };
	}
}
