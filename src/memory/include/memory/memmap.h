/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of host physical addresses.
 *
 * Regions (RAM, registers, windows) are edited in a transaction; the outermost commit sorts out
 * who answers where (higher priority wins; among equals the one added last) and publishes one
 * immutable flat view. A window is a region with an inside of its own: it reserves one contiguous
 * range of virtual addresses, and aliases to backends are mapped into it in place, each costing
 * O(log n) and touching only its own range; they need no transaction. What has no alias goes to the
 * window's decode functions.
 *
 * Mappings count against one process-wide budget (half of vm.max_map_count); neighbouring pieces
 * of one file that follow each other count once. Beyond the budget, and where an alias is not page
 * aligned, it is accepted but *decoded*: accesses take the decode functions. What is counted is the
 * areas of address space that aliases make, gaps between them included.
 *
 * One thread edits and accesses.
 */
#ifndef CXB_MEMORY_MEMMAP_H
#define CXB_MEMORY_MEMMAP_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/hostmem.h"

typedef struct CxbMemMap CxbMemMap;
typedef struct CxbRegion CxbRegion;

typedef enum {
	CXB_MEM_OK,
	CXB_MEM_UNMAPPED, /* nothing answers at this address */
	CXB_MEM_ERROR,    /* something is there and the access failed */
} CxbMemResult;

/* Register access. @off is into the region; @size is 1, 2, 4 or 8 and naturally aligned. */
typedef struct {
	CxbMemResult (*read)(void *opaque, uint64_t off, unsigned size, uint64_t *val);
	CxbMemResult (*write)(void *opaque, uint64_t off, unsigned size, uint64_t val);
	/* Optional: any offset and length in one call, instead of many single accesses. */
	CxbMemResult (*read_bulk)(void *opaque, uint64_t off, void *buf, size_t len);
	CxbMemResult (*write_bulk)(void *opaque, uint64_t off, const void *buf, size_t len);
} CxbRegionOps;

CxbMemMap *cxb_memmap_new(void);
void cxb_memmap_free(CxbMemMap *mm); /* regions must have been removed or are left to owners */

/* Regions belong to whoever made them; freeing one that is still in a map removes it first. */
CxbRegion *cxb_region_new_io(const char *name, uint64_t size, const CxbRegionOps *ops,
			     void *opaque);
CxbRegion *cxb_region_new_ram(const char *name, CxbHostMem *mem, uint64_t off, uint64_t size,
			      bool readonly);
/** cxb_region_new_window() - Fails if the address space cannot be reserved. */
CxbRegion *cxb_region_new_window(const char *name, uint64_t size, const CxbRegionOps *decode,
				 void *opaque, GError **errp);
void cxb_region_free(CxbRegion *region);
const char *cxb_region_name(const CxbRegion *region);
uint64_t cxb_region_size(const CxbRegion *region);
/** cxb_region_hpa() - Where it is; false if not in a map. */
bool cxb_region_hpa(const CxbRegion *region, uint64_t *hpa);
/** cxb_region_read(), _write() - Access inside one region, placed or not; (@off, @len) lies in it.
 * What fails reads as all ones or is dropped, as with cxb_memmap_read(). */
CxbMemResult cxb_region_read(CxbRegion *region, uint64_t off, void *buf, size_t len);
CxbMemResult cxb_region_write(CxbRegion *region, uint64_t off, const void *buf, size_t len);

void cxb_memmap_begin(CxbMemMap *mm);
void cxb_memmap_commit(CxbMemMap *mm);
/* Scope form: commits when the scope ends, on every path. */
typedef CxbMemMap *CxbMemMapTxn;
static inline void cxb_memmap_txn_end(CxbMemMap **mm)
{
	cxb_memmap_commit(*mm);
}
static inline CxbMemMap *cxb_memmap_txn_begin(CxbMemMap *mm)
{
	cxb_memmap_begin(mm);
	return mm;
}
#define CXB_MEMMAP_TXN(mm)                                                         \
	__attribute__((cleanup(cxb_memmap_txn_end), unused)) CxbMemMapTxn G_PASTE( \
		cxb_txn_, __LINE__) = cxb_memmap_txn_begin(mm)

/**
 * cxb_memmap_place() - Put @region at @hpa with @priority, or move it there.
 * @clip_start, @clip_len: only this part of the region (bytes, into it) answers; 0, size for all
 *
 * A range that would wrap past 2^64 is cut there. Outside a transaction it is one of its own.
 */
void cxb_memmap_place(CxbMemMap *mm, CxbRegion *region, uint64_t hpa, int priority,
		      uint64_t clip_start, uint64_t clip_len);
void cxb_memmap_remove(CxbMemMap *mm, CxbRegion *region); /* no-op if not placed */

/**
 * cxb_memmap_read() / _write() - Access any address and length.
 *
 * Pieces that fail read as all ones or are dropped; the worst result of all pieces is returned.
 * Register regions see naturally aligned accesses of 1, 2, 4, 8 bytes. A write to read-only memory
 * is dropped with CXB_MEM_ERROR. Register functions may edit the map and free regions, their own
 * included; the access goes on in the view it began with.
 */
CxbMemResult cxb_memmap_read(CxbMemMap *mm, uint64_t hpa, void *buf, size_t len);
CxbMemResult cxb_memmap_write(CxbMemMap *mm, uint64_t hpa, const void *buf, size_t len);
/** cxb_memmap_ptr() - A pointer to (@hpa, @len) if all of it is memory mapped contiguously in this
 * process (RAM that is not read-only, or one run of direct aliases); NULL if not. Read-only aliases
 * fault when written. */
void *cxb_memmap_ptr(CxbMemMap *mm, uint64_t hpa, uint64_t len);

typedef enum {
	CXB_ALIAS_NONE,
	CXB_ALIAS_DIRECT,
	CXB_ALIAS_DECODED,
} CxbAliasMode;

/**
 * cxb_window_alias() - Let (@off, @len) of a window show @mem from @mem_off on.
 *
 * Returns: false (nothing changed) if the range overlaps another alias, lies outside the window or
 * the backend, or the system refused for another reason than the budget. *@mode says how it was
 * done; DECODED never touches the address space.
 */
bool cxb_window_alias(CxbRegion *window, uint64_t off, uint64_t len, CxbHostMem *mem,
		      uint64_t mem_off, bool readonly, CxbAliasMode *mode, GError **errp);
/**
 * cxb_window_unalias() - Remove the alias that starts at @off; its range faults afterwards.
 *
 * Cutting a stretch of aliases in two takes mappings; removals may go half past the limit for it.
 * When those are gone too, aliases next to the removed one become decoded. So this never fails.
 *
 * Returns: false if no alias starts there.
 */
bool cxb_window_unalias(CxbRegion *window, uint64_t off);
/** cxb_window_alias_at() - The alias that contains @off: its start, length and mode. */
CxbAliasMode cxb_window_alias_at(const CxbRegion *window, uint64_t off, uint64_t *start,
				 uint64_t *len);
/** cxb_window_ptr() - The reserved address of @off; accessible only where a direct alias is. */
void *cxb_window_ptr(const CxbRegion *window, uint64_t off);

/* The budget. Set is for tests; 0 restores what the system says. */
unsigned cxb_map_budget_used(void);
unsigned cxb_map_budget_limit(void);
void cxb_map_budget_set_limit(unsigned limit);

/** cxb_region_priority() - As it was placed. */
int cxb_region_priority(const CxbRegion *region);
/** cxb_region_kind() - "ram", "rom" or "i/o", as QEMU's info mtree calls them. */
const char *cxb_region_kind(const CxbRegion *region);

/** cxb_memmap_foreach() - The flat view in order of address (info mtree). */
typedef void (*CxbMemMapFn)(void *opaque, uint64_t hpa, uint64_t len, const CxbRegion *region,
			    uint64_t region_off);
void cxb_memmap_foreach(CxbMemMap *mm, CxbMemMapFn fn, void *opaque);
/** cxb_memmap_foreach_placed() - Every placed region, by address and then priority, the highest
 * first, whether others hide it or not. */
void cxb_memmap_foreach_placed(CxbMemMap *mm, CxbMemMapFn fn, void *opaque);

#endif
