/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CXL device of the VFIO kind (Type 2: an accelerator with memory) that is passed through to a
 * guest: what there is beside its PCI function, and what the guest sees of its decoder.
 *
 * There are two shapes of such devices. One emulates its component registers: a region has them from
 * the capability array on, the guest's writes go there. The other shows them as they are and absorbs
 * what is written: a region has the decoders alone, and says where in which BAR they are. Either
 * way the regions are found by their types, whatever their numbers, and the same model decides what
 * the guest reads of its decoder and where the memory is; see cxl/hdm_virtual.h.
 *
 * Nothing that the device says is trusted. One thread; the device outlives what is made of it here.
 */
#ifndef CXB_VFIO_CXL_H
#define CXB_VFIO_CXL_H

#include "cxl/hdm_virtual.h"
#include "vfio/device.h"

/* Regions behind the fixed ones: type and subtypes. */
#define CXB_VFIO_TYPE_CXL          (CXB_VFIO_TYPE_PCI_VENDOR | 0x1e98u)
#define CXB_VFIO_SUBTYPE_CXL_MEM   1u
#define CXB_VFIO_SUBTYPE_COMP_REGS 2u

/* cxlbox's own: the memory of a CXL device that decodes host addresses itself, which are offsets in the region.
 * The vendor is the one whose numbers its other devices have. */
#define CXB_VFIO_TYPE_CXLBOX (CXB_VFIO_TYPE_PCI_VENDOR | 0x1234u)
#define CXB_VFIO_SUBTYPE_HPA 1u

typedef enum { CXB_VFIO_CXL_EMULATED, CXB_VFIO_CXL_ABSORBED } CxbVfioCxlPolicy;

/* Who has the device: told, once until an access succeeds again, that one failed. */
typedef void (*CxbVfioCxlReport)(void *opaque, const char *text);

/* To be read by whoever made it, but for what is said to be inside. */
typedef struct {
	CxbVfioCxlPolicy policy;
	/* Accesses to (@bar_off, @len) of BAR @bar are the registers': cxb_vfio_cxl_read(), _write(). */
	unsigned bar;
	uint64_t bar_off, len;
	CxbVfioRegion memory; /* all of it may be mapped, and its file has all of it */
	bool committed;       /* by firmware, when it was opened: the decoder */

	/* inside */
	CxbVfioDevice *dev;
	CxbVfioCxlReport report;
	void *opaque;
	unsigned regs; /* number of the region with the registers */
	uint64_t hdm;  /* where in it the decoders are */
	bool cache;    /* the device is cache capable */
	bool failing;  /* the last access failed, and has been reported */
	CxbHdmVirtual guest;
} CxbVfioCxl;

/**
 * cxb_vfio_cxl_open() - Look whether and how @dev is a CXL device.
 * @config, @len: a copy of its configuration space
 * @bars: bytes of its BARs, 0 where there is none
 * @out: NULL if it does not say that it is one; freed by cxb_vfio_cxl_free()
 *
 * Returns: false if it says so and cannot be passed through, with what is wrong.
 */
bool cxb_vfio_cxl_open(CxbVfioDevice *dev, const uint8_t *config, size_t len,
		       const uint64_t bars[CXB_VFIO_ROM], CxbVfioCxlReport report, void *opaque,
		       CxbVfioCxl **out, GError **errp);
void cxb_vfio_cxl_free(CxbVfioCxl *cxl); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbVfioCxl, cxb_vfio_cxl_free)

/**
 * cxb_vfio_cxl_start() - The device is as after a reset: look at it, and move the decoder that firmware
 * has committed to where the guest sees the memory.
 * @base: where that is, a multiple of 256 MiB; not looked at if firmware has committed nothing
 * @unlocked: set to whether the device had it locked though it emulates it; worth a warning
 *
 * Returns: false if the device is not what it was when it was opened, or the decoder does not move;
 * then nothing decodes.
 */
bool cxb_vfio_cxl_start(CxbVfioCxl *cxl, uint64_t base, bool *unlocked, GError **errp);
/** cxb_vfio_cxl_stop() - Nothing decodes until it is started again: the device is to be reset, or is
 * gone. */
void cxb_vfio_cxl_stop(CxbVfioCxl *cxl);
/** cxb_vfio_cxl_range() - Where the guest sees how much of the memory; false: nowhere. */
bool cxb_vfio_cxl_range(const CxbVfioCxl *cxl, uint64_t *base, uint64_t *size);

/**
 * cxb_vfio_cxl_read() - The guest reads @size bytes at @off of the registers, naturally aligned.
 * @val: all ones if it fails
 *
 * Registers are 32 bits wide; 64 bits are two of them, and less is refused, unseen by the device.
 *
 * Returns: 0, EINVAL if refused, or what the device failed with.
 */
int cxb_vfio_cxl_read(CxbVfioCxl *cxl, uint64_t off, unsigned size, uint64_t *val);
/** cxb_vfio_cxl_write() - The same for a write. @moved: set if cxb_vfio_cxl_range() may say something
 * else now, else untouched. */
int cxb_vfio_cxl_write(CxbVfioCxl *cxl, uint64_t off, unsigned size, uint64_t val, bool *moved);

#endif
