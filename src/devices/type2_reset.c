/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resets of an accelerator (PCIe 6.0 6.6, CXL 3.1 9.7). They take different halves of it: a function
 * level reset what belongs to CXL.io (configuration space, BARs, vectors, registers of the device's
 * own) and a CXL reset what belongs to CXL.cache and CXL.mem (component registers, and memory if
 * it is asked to). The engine is of the first half, but works on the other: either ends its command.
 * A conventional reset takes both, and leaves memory alone.
 */
#include "type2.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "base/trace.h"
#include "wire/pci.h"

CXB_TRACE(cxl_type2_reset, (const char *dev, bool clear), "%s CXL reset, memory clear %d", dev,
	  clear)

/* A register of the CXL device DVSEC. */
static uint8_t *dvsec_reg(Type2 *t2, size_t off)
{
	return t2->pci.config + t2->dvsec + WIRE_DVSEC_BODY + off;
}

#define CTRL2   offsetof(struct wire_dvsec_device, ctrl2)
#define STATUS2 offsetof(struct wire_dvsec_device, status2)
#define LOCK    offsetof(struct wire_dvsec_device, lock)

/* What software may write of the DVSEC. A VMM that lets its guest have live registers keeps it from the
 * lock and the ranges. */
static void update_masks(Type2 *t2)
{
	cxb_dvsec_device_update_lock(&t2->pci, t2->dvsec);
	if (cxb_type2_profile(t2) == TYPE2_PROFILE_ABSORBED)
		memset(t2->pci.wmask + t2->dvsec + WIRE_DVSEC_BODY + LOCK, 0,
		       sizeof(struct wire_dvsec_device) - LOCK);
}

void cxb_type2_dvsec_anew(Type2 *t2)
{
	memcpy(t2->pci.config + t2->dvsec, t2->pci.reset_val + t2->dvsec, WIRE_DVSEC_DEVICE_LEN);
	update_masks(t2);
}

/* False: some of it is not zero. What is in windows shows it at once. */
static bool clear_memory(Type2 *t2)
{
	g_autoptr(GError) err = NULL;

	if (cxb_hostmem_discard(t2->mem, 0, cxb_hostmem_size(t2->mem), &err))
		return true;
	cxb_log_line("cxlbox: memory of '%s' is not cleared: %s", t2->path, err->message);
	return false;
}

/* Returns: what Status 2 says of it. */
static uint16_t cxl_reset(Type2 *t2, bool clear)
{
	bool cleared;

	/* Before memory is cleared, or it would be written to afterwards. */
	cxb_type2_compute_cxl_reset(t2);
	cleared = !clear || clear_memory(t2);
	trace_cxl_type2_reset(t2->path, clear);
	cxb_comp_reset(t2->comp, CXB_RESET_HOT);
	if (cxb_type2_profile(t2))
		cxb_type2_regs_take(t2);
	return WIRE_DEV_STATUS2_RESET_DONE | (cleared ? 0 : WIRE_DEV_STATUS2_RESET_ERROR);
}

/* A VMM that passes the device on makes every reset of the function one that clears memory, or, in the
 * older shape, nothing but a function level reset. */
static void cleared_too(Type2 *t2)
{
	uint16_t status2 = le_load(dvsec_reg(t2, STATUS2), 2) & ~WIRE_DEV_STATUS2_RESET_ERROR;

	le_store(dvsec_reg(t2, STATUS2), 2, status2 | cxl_reset(t2, true));
}

/* 8.1.3.4, 8.1.3.5: both bits that start something read 0, and it is done at once. */
static void control2(Type2 *t2)
{
	const uint16_t ctrl2 = le_load(dvsec_reg(t2, CTRL2), 2);
	uint16_t status2 = le_load(dvsec_reg(t2, STATUS2), 2);

	if (!(ctrl2 & WIRE_DEV_CTRL2_NO_CACHING))
		status2 &= ~WIRE_DEV_STATUS2_CACHE_INVALID;
	if (ctrl2 & WIRE_DEV_CTRL2_WBI && t2->cache)
		status2 |= WIRE_DEV_STATUS2_CACHE_INVALID;
	if (ctrl2 & WIRE_DEV_CTRL2_RESET && cxb_type2_profile(t2) == TYPE2_PROFILE_EMULATED) {
		cxb_guest_error("%s: CXL reset is not for guests", t2->path);
	} else if (ctrl2 & WIRE_DEV_CTRL2_RESET) {
		status2 &= ~(WIRE_DEV_STATUS2_RESET_DONE | WIRE_DEV_STATUS2_RESET_ERROR);
		status2 |= cxl_reset(t2, ctrl2 & WIRE_DEV_CTRL2_MEM_CLR);
	}
	le_store(dvsec_reg(t2, CTRL2), 2, ctrl2 & ~(WIRE_DEV_CTRL2_WBI | WIRE_DEV_CTRL2_RESET));
	le_store(dvsec_reg(t2, STATUS2), 2, status2);
}

void cxb_type2_config_written(CxbPciDev *dev, uint16_t off, unsigned size)
{
	Type2 *t2 = (Type2 *)dev;

	if (!cxb_ranges_overlap(off, size, t2->dvsec, WIRE_DVSEC_DEVICE_LEN))
		return;
	update_masks(t2);
	control2(t2);
}

void cxb_type2_reset(CxbPciDev *dev, CxbResetKind kind)
{
	Type2 *t2 = (Type2 *)dev;

	update_masks(t2);
	cxb_comp_reset(t2->comp, kind);
	cxb_type2_bar_reset(t2);
	cxb_type2_compute_reset(t2);
	if (kind == CXB_RESET_FUNCTION && cxb_type2_profile(t2) == TYPE2_PROFILE_ABSORBED)
		cleared_too(t2);
	else if (cxb_type2_profile(t2))
		cxb_type2_regs_take(t2);
}

void cxb_type2_served_reset(CxbPciDev *dev)
{
	Type2 *t2 = (Type2 *)dev;

	if (!cxb_type2_profile(t2)) {
		cxb_device_reset(&dev->dev, CXB_RESET_WARM);
		return;
	}
	cxb_type2_dvsec_anew(t2);
	cxb_device_reset(&dev->dev, CXB_RESET_FUNCTION);
}
