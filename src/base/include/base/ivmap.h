/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interval map: disjoint ranges of 64-bit addresses, each with a value. Every operation is
 * O(log n). The map never merges or splits ranges by itself. Not thread safe.
 */
#ifndef CXB_BASE_IVMAP_H
#define CXB_BASE_IVMAP_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct CxbIvMap CxbIvMap;

/* One range. Owned by the map; valid until it is removed. Only @value may be changed. */
typedef struct {
	uint64_t start;
	uint64_t len;
	void *value;
} CxbIv;

/** cxb_ivmap_new() - @free_value (may be NULL) is called for a value when its range goes. */
CxbIvMap *cxb_ivmap_new(GDestroyNotify free_value);
void cxb_ivmap_free(CxbIvMap *map);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbIvMap, cxb_ivmap_free)

/**
 * cxb_ivmap_insert() - Add a range.
 *
 * Returns: the new range, or NULL (map unchanged, @value not freed) if the range is empty, wraps
 * past 2^64 or overlaps another.
 */
CxbIv *cxb_ivmap_insert(CxbIvMap *map, uint64_t start, uint64_t len, void *value);
/** cxb_ivmap_remove() - Remove the range that starts at @start; false if none does. */
bool cxb_ivmap_remove(CxbIvMap *map, uint64_t start);
/** cxb_ivmap_drop() - Remove a range of this map, without looking for it. */
void cxb_ivmap_drop(CxbIvMap *map, CxbIv *iv);
void cxb_ivmap_clear(CxbIvMap *map);

/** cxb_ivmap_find() - The range that contains @addr, or NULL. */
CxbIv *cxb_ivmap_find(const CxbIvMap *map, uint64_t addr);
/** cxb_ivmap_at() - The range that starts exactly at @start, or NULL. */
CxbIv *cxb_ivmap_at(const CxbIvMap *map, uint64_t start);
/**
 * cxb_ivmap_overlap() - The lowest range that shares a byte with (@start, @len), or NULL.
 *
 * An empty range shares none; one that wraps past 2^64 is cut there.
 */
CxbIv *cxb_ivmap_overlap(const CxbIvMap *map, uint64_t start, uint64_t len);
/**
 * cxb_ivmap_covers() - Every byte of (@start, @len) lies in some range (several may adjoin).
 *
 * True if empty, false if it wraps past 2^64. O(log n + k) for k adjoining ranges.
 */
bool cxb_ivmap_covers(const CxbIvMap *map, uint64_t start, uint64_t len);

CxbIv *cxb_ivmap_first(const CxbIvMap *map);
/** cxb_ivmap_next() - The next higher range behind @iv, or NULL. */
CxbIv *cxb_ivmap_next(const CxbIvMap *map, const CxbIv *iv);
size_t cxb_ivmap_count(const CxbIvMap *map);

#endif
