/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device of the VFIO kind tells of a region: size, what may be done with it, and a list of
 * capabilities behind the fixed part. All of it comes from a device that need not mean well, so what
 * is here is checked: ranges lie within the region and its file, lists end.
 */
#ifndef CXB_VFIO_REGION_H
#define CXB_VFIO_REGION_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Flags; the numbers are those of Linux and of vfio-user. */
#define CXB_VFIO_REGION_READ  1u
#define CXB_VFIO_REGION_WRITE 2u
#define CXB_VFIO_REGION_MMAP  4u
#define CXB_VFIO_REGION_CAPS  8u

/* Areas of one region, and bytes of its whole answer. */
#define CXB_VFIO_AREAS_MAX       1024u
#define CXB_VFIO_REGION_INFO_LEN 32u /* of the fixed part, which offsets of capabilities count */
#define CXB_VFIO_REGION_INFO_MAX 65536u

/* Whole pages of a region that may be mapped. */
typedef struct {
	uint64_t off, len;
} CxbVfioArea;

/* What the capabilities say. */
typedef struct {
	/* Sparse areas, in order of offset, none touching a byte of another. NULL and @sparse: nothing may
	 * be mapped; without @sparse all of the region may. */
	bool sparse;
	CxbVfioArea *areas; /* owned */
	unsigned n_areas;
	/* A region of its own kind, at indices behind the fixed ones. */
	bool typed;
	uint32_t type, subtype;
	bool msix_mappable; /* over the MSI-X table, too */
	/* Component registers of a CXL device: which BAR they are in, and where. */
	bool comp_regs;
	uint32_t comp_bar;
	uint64_t comp_off;
} CxbVfioCaps;

typedef struct {
	uint64_t size; /* 0: there is no such region */
	uint32_t flags;
	CxbVfioCaps caps;
	int fd; /* owned; of what may be mapped, byte X of the region at @fd_off + X; or -1 */
	uint64_t fd_off; /* whole pages */
} CxbVfioRegion;

void cxb_vfio_region_clear(CxbVfioRegion *region);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CxbVfioRegion, cxb_vfio_region_clear)

/**
 * cxb_vfio_caps_decode() - Take a list of capabilities apart.
 * @info: the whole answer, @len bytes: the fixed part first, as offsets count from it
 * @first: offset of the first capability; 0: there is none
 * @size: of the region
 *
 * Offsets must grow, so that a list ends; kinds that are not known are left out, one that is known
 * comes once. Areas may come in any order.
 *
 * Returns: false with *@out empty, the error naming the capability.
 */
bool cxb_vfio_caps_decode(const uint8_t *info, size_t len, uint32_t first, uint64_t size,
			  CxbVfioCaps *out, GError **errp);
void cxb_vfio_caps_clear(CxbVfioCaps *caps);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CxbVfioCaps, cxb_vfio_caps_clear)

/**
 * cxb_vfio_region_check_fd() - The file has all that may be mapped: a mapping past its end would be
 * fatal. A region without MMAP, or without a file, passes.
 */
bool cxb_vfio_region_check_fd(const CxbVfioRegion *region, GError **errp);
/** cxb_vfio_region_areas() - What may be mapped: all areas, or all of it as the one at @whole. @n is
 * 0 if nothing may. Borrowed. */
const CxbVfioArea *cxb_vfio_region_areas(const CxbVfioRegion *region, CxbVfioArea *whole,
					 unsigned *n);

#endif
