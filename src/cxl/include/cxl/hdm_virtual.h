/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HDM decoders that a guest sees of a device that is passed through to it. The host's decoders
 * stay as the host made them: the guest's base is an address in the guest, and its commits move
 * memory in the guest alone. A device that emulates its registers (the guest's writes reach them)
 * and one that absorbs what is written look alike from here: this model is in front of both, and is
 * what the guest reads and what its writes mean.
 *
 * Rules, with i for a decoder:
 *   capability, target list and skip, reserved       writes are dropped, reads are the device's
 *   global control                                   enable; poison on error where it can
 *   base, size (28 low bits are zero)                dropped while LOCK is set
 *   control with LOCK set: written with LOCK set     dropped
 *   control with LOCK set: written without           LOCK is cleared, and nothing else
 *   control                                          reserved bits, ERROR and type are kept;
 *                                                    COMMITTED is at once what COMMIT is
 *
 * What decodes is published by COMMIT alone: base and size that are written afterwards count with
 * the next write of COMMIT. Nothing is published after a reset, whatever the host has committed,
 * until the guest's address is known.
 *
 * Pure state: no I/O, no allocation.
 */
#ifndef CXB_CXL_HDM_VIRTUAL_H
#define CXB_CXL_HDM_VIRTUAL_H

#include "cxl/hdm_regs.h"

typedef struct {
	CxbHdmRegs regs; /* what the guest reads */
	bool cache;
	struct {
		bool committed;
		uint64_t base, size;
	} decodes[CXB_HDM_MAX_DECODERS];
} CxbHdmVirtual;

/**
 * cxb_hdm_virtual_reset() - Start over with what the device has.
 * @cache: the device is cache capable (CXL device DVSEC)
 *
 * The host's bases are not taken over. A decoder that the host has committed and locked is shown
 * committed and not locked, so that it can be moved.
 */
void cxb_hdm_virtual_reset(CxbHdmVirtual *v, const CxbHdmRegs *device, bool cache);
/**
 * cxb_hdm_virtual_show() - What the guest reads at @off of the structure.
 * @live: what the device has there
 */
uint32_t cxb_hdm_virtual_show(const CxbHdmVirtual *v, uint64_t off, uint32_t live);
/**
 * cxb_hdm_virtual_write() - The guest writes @val at @off of the structure, a multiple of 4.
 *
 * Returns: whether what decodes may be another range now: cxb_hdm_virtual_range().
 */
bool cxb_hdm_virtual_write(CxbHdmVirtual *v, uint64_t off, uint32_t val);
/** cxb_hdm_virtual_range() - Where the guest has committed decoder @n; false: nowhere, or an empty
 * range or one that wraps around. Both are multiples of 256 MiB. */
bool cxb_hdm_virtual_range(const CxbHdmVirtual *v, unsigned n, uint64_t *base, uint64_t *size);

#endif
