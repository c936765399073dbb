/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions as the files of this room see them.
 *
 * A region is counted: its owner has one reference, every flat view that shows it another. Freeing
 * it gives up what it holds (address space, backend) at once and leaves a dead shell for the views
 * that are still in use; a dead region answers nothing.
 */
#ifndef MEMORY_REGION_H
#define MEMORY_REGION_H

#include "base/ivmap.h"
#include "memory/memmap.h"

typedef enum {
	REGION_IO,
	REGION_RAM,
	REGION_WINDOW,
} RegionKind;

struct CxbRegion {
	RegionKind kind;
	char *name;
	uint64_t size;
	unsigned refs;
	bool dead;

	const CxbRegionOps *ops; /* IO, and WINDOW where no direct alias is */
	void *opaque;

	CxbHostMem *mem; /* RAM: its object is referenced */
	bool readonly;
	uint8_t *base; /* RAM: the first byte; WINDOW: the reserved range */

	/* WINDOW */
	CxbIvMap *aliases;   /* of WinAlias */
	const CxbIv *recent; /* the alias of the last access, or NULL */
	uint64_t reserved;   /* bytes at base, whole pages */
	unsigned cost;       /* this window's part of the budget */

	/* Where it is placed; seq tells who came last. */
	CxbMemMap *mm; /* NULL: nowhere */
	guint index;   /* in mm's array */
	uint64_t hpa;
	int priority;
	uint64_t seq;
	uint64_t clip_start, clip_len;
};

CxbRegion *region_new(RegionKind kind, const char *name, uint64_t size);
CxbRegion *region_ref(CxbRegion *region);
void region_unref(CxbRegion *region);

/* Register access through a region's functions, cut into natural pieces where there is no bulk. */
CxbMemResult region_ops_read(CxbRegion *region, uint64_t off, uint8_t *buf, size_t len);
CxbMemResult region_ops_write(CxbRegion *region, uint64_t off, const uint8_t *buf, size_t len);
/* Memory that may fault, then page by page, so that only bad pages fail. */
CxbMemResult region_mem_read(const uint8_t *mem, uint8_t *buf, size_t len);
CxbMemResult region_mem_write(uint8_t *mem, const uint8_t *buf, size_t len);

CxbMemResult window_read(CxbRegion *window, uint64_t off, uint8_t *buf, size_t len);
CxbMemResult window_write(CxbRegion *window, uint64_t off, const uint8_t *buf, size_t len);
/* All of (@off, @len) is under direct aliases. */
bool window_is_direct(const CxbRegion *window, uint64_t off, uint64_t len);
/* Drop all aliases and the reservation. */
void window_fini(CxbRegion *window);

static inline CxbMemResult worse(CxbMemResult a, CxbMemResult b)
{
	return a > b ? a : b;
}

#endif
